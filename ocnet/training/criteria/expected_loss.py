"""EL: the expectation of the loss, what stochastic gradient descent with dropout minimises."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.training.losses import Logistic
from ocnet.typing import Array, Integers, Loss

from .checked_loss import checked_loss
from .decision import highest, lead
from .mean_score import mean_and_error

__all__ = ["ExpectedLoss"]


@dataclass(frozen=True)
class ExpectedLoss:
    """J = Σ_i w_i v_{y_i}(x_i) with v_y(T, ·) = l(h(·), y): a column for each label."""

    loss: Loss
    name = "EL"

    def __post_init__(self) -> None:
        checked_loss(self.loss, "ExpectedLoss")

    @classmethod
    def example(cls) -> "ExpectedLoss":
        return cls(Logistic())

    @property
    def columns(self) -> int:
        return len(self.loss.labels)

    def _labels(self, axes=1):
        """(labels, 1, …): against each of them every score is held."""
        return np.asarray(self.loss.labels, dtype=float).reshape(-1, *(1,) * axes)

    def enough(self, paths: float) -> int:
        """`paths`, and two at least: one has no standard error."""
        return max(2, int(paths))

    def column(self, labels: Any) -> Any:
        """(n,) which of the values belongs to a point with this label."""
        return np.searchsorted(self.loss.labels, labels)

    def terminal(self, scores: Array) -> Array:
        """(q, n) terminal values: the loss under each label."""
        return self.loss.value(scores, self._labels())

    def terminal_transposed(self, scores: Array, cotangent: Array) -> Array:
        """The cotangent of the scores for one of the terminal values (q, n)."""
        return (self.loss.derivative(scores, self._labels()) * cotangent).sum(axis=-2)

    def per_point(self, values: Array, labels: Any) -> Array:
        """(n,) contribution of each data point from the values (q, n) there."""
        return values[self.column(labels), np.arange(values.shape[1])]

    def total(self, values: Array, labels: Any, weights: Array) -> tuple[float, Array]:
        """J and its cotangent (q, n) for values (q, n) at the data points."""
        cotangent = np.zeros_like(values)
        cotangent[self.column(labels), np.arange(values.shape[1])] = weights
        return float((values * cotangent).sum()), cotangent

    def predict(self, values: Array) -> Integers:
        """(n,) labels: that of the smallest expected loss (the last where some are equal)."""
        return np.asarray(self.loss.labels)[highest(-values)]

    def boundary(self, values: Array) -> Array:
        """(n,) zero on the decision boundary: by how much one expected loss is below the other (`decision.lead`)."""
        return lead(-values)

    def sampled(self, scores: Array, labels: Any) -> tuple[Array, Array, Array]:
        """From scores (n, paths) or (K, n, paths): contributions (n,), their variances (n,), d contribution/d scores."""
        y = np.asarray(labels, dtype=float)[:, None]
        losses, paths = self.loss.value(scores, y), scores.shape[-1]
        return losses.mean(axis=1), losses.var(axis=1, ddof=1) / paths, self.loss.derivative(scores, y) / paths

    def sampled_values(self, scores: Array) -> tuple[Array, Array]:
        """Sampled counterparts of the grid's values, means (q, n) and standard errors (q, n), from scores (n, paths) or (K, n, paths)."""
        return mean_and_error(self.loss.value(scores, self._labels(axes=2)))
