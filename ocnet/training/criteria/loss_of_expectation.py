"""LE: the loss of the expectation ("ensemble first, then loss")."""

from dataclasses import dataclass

import numpy as np

__all__ = ["LossOfExpectation"]


@dataclass(frozen=True)
class LossOfExpectation:
    """J = Σ_i w_i l(u(x_i), y_i) with u(T, ·) = h.

    Sampled by two independent halves a, b of the paths: 2 l(½(a + b)) − ½ l(a) − ½ l(b).  For the squared loss this is
    the unbiased double sample ½(a − y)(b − y); for any other the bias falls from O(1/paths) to O(1/paths²).
    """

    loss: object
    name = "LE"
    columns = 1

    def column(self, labels):
        """(n,) which of the values belongs to a point with this label: the only one."""
        return np.zeros(len(labels), dtype=np.intp)

    def terminal(self, scores):
        """(1, n) terminal values for scores (n,): the scores."""
        return scores[None].copy()

    def terminal_transposed(self, scores, cotangent):
        """(n,) cotangent of the scores."""
        return cotangent[0]

    def per_point(self, values, labels):
        """(n,) contribution of each data point from the values (1, n) there."""
        return self.loss.value(values[0], np.asarray(labels, dtype=float))

    def total(self, values, labels, weights):
        """J and its cotangent (1, n) for values (1, n) at the data points."""
        y = np.asarray(labels, dtype=float)
        return float((weights * self.loss.value(values[0], y)).sum()), (weights * self.loss.derivative(values[0], y))[None]

    def predict(self, values):
        """(n,) labels: the sign of the mean score (+1 at 0)."""
        return np.where(values[0] >= 0, 1, -1)

    def boundary(self, values):
        """(n,) a score whose zero set is the decision boundary: positive where +1 is predicted."""
        return values[0]

    def sampled(self, scores, labels):
        """From scores (n, paths) of each point: contributions (n,), their variances (n,), d contribution/d scores.

        Raises ValueError for an odd number of paths.
        """
        n, paths = scores.shape
        if paths % 2:
            raise ValueError(f"paths={paths} is odd; LE is sampled by two halves, so use an even number")
        y = np.asarray(labels, dtype=float)
        a, b = scores[:, :paths // 2].mean(axis=1), scores[:, paths // 2:].mean(axis=1)
        whole = 0.5 * (a + b)
        value = 2 * self.loss.value(whole, y) - 0.5 * (self.loss.value(a, y) + self.loss.value(b, y))
        slope = self.loss.derivative(whole, y)
        to_a, to_b = slope - 0.5 * self.loss.derivative(a, y), slope - 0.5 * self.loss.derivative(b, y)
        cotangent = np.repeat(np.stack([to_a, to_b], axis=1) / (paths // 2), paths // 2, axis=1)
        spread = scores.var(axis=1, ddof=1) / paths
        curvature = self.loss.second_derivative(whole, y)
        return value, slope**2 * spread + (curvature * spread) ** 2, cotangent

    def sampled_values(self, scores):
        """Sampled counterparts of the grid's values: (1, n) means and (1, n) standard errors from scores (n, paths)."""
        return scores.mean(axis=1)[None], scores.std(axis=1, ddof=1)[None] / np.sqrt(scores.shape[1])
