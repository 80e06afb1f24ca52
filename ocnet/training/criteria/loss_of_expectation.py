"""LE: the loss of the expectation ("ensemble first, then loss")."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.training.losses import Logistic
from ocnet.typing import Array, Loss

from .checked_loss import checked_loss
from .mean_score import MeanScore, mean_and_error

__all__ = ["LossOfExpectation"]


@dataclass(frozen=True)
class LossOfExpectation(MeanScore):
    """J = Σ_i w_i l(u(x_i), y_i) with u(T, ·) = h: a column for each score.

    Sampled by two independent halves a, b of the paths: 2 l(½(a + b)) − ½ l(a) − ½ l(b).  For quadratic losses this is
    the unbiased double sample, such as ½(a − y)(b − y); for any other the bias falls from O(1/paths) to O(1/paths²).
    """

    loss: Loss
    name = "LE"

    def __post_init__(self) -> None:
        checked_loss(self.loss, "LossOfExpectation")

    @classmethod
    def example(cls) -> "LossOfExpectation":
        return cls(Logistic())

    @property
    def columns(self) -> int:
        return self.loss.scores

    def enough(self, paths: float) -> int:
        """The next even number from `paths` on: two halves."""
        return max(2, int(paths) + int(paths) % 2)

    def terminal(self, scores: Array) -> Array:
        """(q, n) terminal values: the scores."""
        return self.rows(scores).copy()

    def terminal_transposed(self, scores: Array, cotangent: Array) -> Array:
        """The cotangent of the scores for one of the terminal values (q, n)."""
        return self.mean_score(cotangent)

    def per_point(self, values: Array, labels: Any) -> Array:
        """(n,) contribution of each data point from the values (q, n) there."""
        return self.loss.value(self.mean_score(values), np.asarray(labels, dtype=float))

    def total(self, values: Array, labels: Any, weights: Array) -> tuple[float, Array]:
        """J and its cotangent (q, n) for values (q, n) at the data points."""
        u, y = self.mean_score(values), np.asarray(labels, dtype=float)
        return float((weights * self.loss.value(u, y)).sum()), self.rows(weights * self.loss.derivative(u, y))

    def sampled(self, scores: Array, labels: Any) -> tuple[Array, Array, Array]:
        """From scores (n, paths) or (K, n, paths): contributions (n,), their variances (n,), d contribution/d scores.

        Raises ValueError for an odd number of paths.
        """
        paths, loss, y = scores.shape[-1], self.loss, np.asarray(labels, dtype=float)
        if paths % 2:
            raise ValueError(f"paths={paths} is odd; LE is sampled by two halves, so use an even number")
        half = paths // 2
        a, b = scores[..., :half].mean(axis=-1), scores[..., half:].mean(axis=-1)
        whole = 0.5 * (a + b)
        value = 2 * loss.value(whole, y) - 0.5 * (loss.value(a, y) + loss.value(b, y))
        slope = loss.derivative(whole, y)
        halves = [slope - 0.5 * loss.derivative(part, y) for part in (a, b)]
        cotangent = np.repeat(np.stack(halves, axis=-1) / half, half, axis=-1)
        return value, self._variance(scores, slope, loss.second_derivative(whole, y)), cotangent

    def _variance(self, scores, slope, curvature):
        """(n,) to second order in the deviations of the halves: sᵀ C s + tr (H C)², C the covariance of the mean scores.

        Where the slope s vanishes its sampled value does not: there up to twice the variance is stated, and more of few paths.
        """
        paths = scores.shape[-1]
        if self.loss.scores == 1:
            spread = scores.var(axis=1, ddof=1) / paths
            return slope**2 * spread + (curvature * spread) ** 2
        deviation = scores - scores.mean(axis=-1, keepdims=True)
        spread = np.einsum("inp,knp->ikn", deviation, deviation) / ((paths - 1) * paths)
        product = np.einsum("ijn,jkn->ikn", curvature, spread)
        return np.einsum("in,ikn,kn->n", slope, spread, slope) + np.einsum("ikn,kin->n", product, product)

    def sampled_values(self, scores: Array) -> tuple[Array, Array]:
        """Sampled counterparts of the grid's values, means (q, n) and standard errors (q, n), from scores (n, paths) or (K, n, paths)."""
        return mean_and_error(self.rows(scores))
