"""J_M: the loss of the mean score of M paths, what an ensemble of M members of the network is trained by (EnResNet)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.inputs import as_whole
from ocnet.training.losses import Squared
from ocnet.typing import Array, Loss

from .checked_loss import checked_loss
from .mean_score import MeanScore, mean_and_error

__all__ = ["EnsembleLoss"]


@dataclass(frozen=True)
class EnsembleLoss(MeanScore):
    """J_M = Σ_i w_i E l((1/M) Σ_{m ≤ M} h(X_T^{i,m}), y_i), M independent paths from each point.

    By particles, for every loss: the paths of a point are cut into groups of M, and the plain mean of the groups' losses is unbiased, as
    is its derivative.  On a grid, for quadratic losses only: l(u, y) + ½(s − |u|²)/M of the fields u = E h and s = E |h|² (MATH 1.4), so
    the columns are the mean scores and s.  (u and s are interpolated each by itself: s − |u|² ≥ 0 holds up to the grid's error.)
    loss    : member of `training.losses`;  members : M ≥ 1
    Raises    ValueError for other members; on a grid for a loss that is not quadratic; by particles for paths that are not two or more groups of M
    """

    loss: Loss
    members: int

    def __post_init__(self) -> None:
        checked_loss(self.loss, "EnsembleLoss")
        object.__setattr__(self, "members", as_whole(self.members, "members", remedy="it counts the paths whose scores are averaged"))

    @classmethod
    def example(cls) -> "EnsembleLoss":
        return cls(Squared(), members=2)

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"ensemble of {self.members}"

    @property
    def columns(self) -> int:
        return self.loss.scores + self.loss.quadratic

    def enough(self, paths: float) -> int:
        """The next multiple of `members` from `paths` on, two of them at least."""
        return int(self.members) * max(2, -(-int(paths) // int(self.members)))

    def _require_quadratic(self):
        if not self.loss.quadratic:
            raise ValueError(f"loss={self.loss!r} is not quadratic, so the loss of the mean score of {self.members} paths follows from no field "
                             "on a grid; use ParticleObjective, a quadratic loss such as Squared(), or for one member ExpectedLoss")

    def terminal(self, scores: Array) -> Array:
        """(q, n) terminal values: the scores, and the sum of their squares.  ValueError unless the loss is quadratic."""
        self._require_quadratic()
        rows = self.rows(scores)
        return np.concatenate([rows, (rows * rows).sum(axis=0, keepdims=True)])

    def terminal_transposed(self, scores: Array, cotangent: Array) -> Array:
        """The cotangent of the scores for one of the terminal values (q, n)."""
        return self.mean_score(cotangent) + 2 * cotangent[-1] * scores

    def _excess(self, values):
        """(n,) ½(s − |u|²), which the members share."""
        return 0.5 * (values[-1] - (values[:-1] ** 2).sum(axis=0))

    def per_point(self, values: Array, labels: Any) -> Array:
        """(n,) contribution of each data point from the values (q, n) there."""
        self._require_quadratic()
        return self.loss.value(self.mean_score(values), np.asarray(labels, dtype=float)) + self._excess(values) / self.members

    def total(self, values: Array, labels: Any, weights: Array) -> tuple[float, Array]:
        """J and its cotangent (q, n) for values (q, n) at the data points."""
        contributions, u = self.per_point(values, labels), self.mean_score(values)
        slope = self.loss.derivative(u, np.asarray(labels, dtype=float)) - u / self.members
        to_square = np.full((1, values.shape[1]), 0.5 / self.members)
        return float((weights * contributions).sum()), weights * np.concatenate([self.rows(slope), to_square])

    def sampled(self, scores: Array, labels: Any) -> tuple[Array, Array, Array]:
        """From scores (n, paths) or (K, n, paths): contributions (n,), their variances (n,), d contribution/d scores.

        Raises ValueError unless the paths are two groups of `members` or more.
        """
        paths, M = scores.shape[-1], self.members
        if paths % M or paths < 2 * M:
            raise ValueError(f"paths={paths} are no two or more groups of members={M}; use a multiple of {M} from {2 * M} on")
        y, groups = np.asarray(labels, dtype=float)[:, None], paths // M
        means = scores.reshape(*scores.shape[:-1], groups, M).mean(axis=-1)
        losses, slope = self.loss.value(means, y), self.loss.derivative(means, y)
        return losses.mean(axis=1), losses.var(axis=1, ddof=1) / groups, np.repeat(slope / paths, M, axis=-1)

    def sampled_values(self, scores: Array) -> tuple[Array, Array]:
        """Sampled counterparts of the grid's values, means (q, n) and standard errors (q, n), from scores (n, paths) or (K, n, paths).

        For losses that are not quadratic the mean scores alone.
        """
        rows = self.rows(scores)
        return mean_and_error(np.concatenate([rows, (rows * rows).sum(axis=0, keepdims=True)]) if self.loss.quadratic else rows)
