"""EL: the expectation of the loss, what stochastic gradient descent with dropout minimises."""

from dataclasses import dataclass

import numpy as np

__all__ = ["ExpectedLoss"]

_LABELS = np.array([[-1.0], [1.0]])


@dataclass(frozen=True)
class ExpectedLoss:
    """J = Σ_i w_i v_{y_i}(x_i) with v_y(T, ·) = l(h(·), y)."""

    loss: object
    name = "EL"
    columns = 2

    def column(self, labels):
        """(n,) which of the values belongs to a point with this label."""
        return (np.asarray(labels) > 0).astype(np.intp)

    def terminal(self, scores):
        """(2, n) terminal values for scores (n,): the loss under each label."""
        return self.loss.value(scores, _LABELS)

    def terminal_transposed(self, scores, cotangent):
        """(n,) cotangent of the scores for one of the terminal values (2, n)."""
        return (self.loss.derivative(scores, _LABELS) * cotangent).sum(axis=0)

    def per_point(self, values, labels):
        """(n,) contribution of each data point from the values (2, n) there."""
        return values[self.column(labels), np.arange(values.shape[1])]

    def total(self, values, labels, weights):
        """J and its cotangent (2, n) for values (2, n) at the data points."""
        cotangent = np.zeros_like(values)
        cotangent[self.column(labels), np.arange(values.shape[1])] = weights
        return float((values * cotangent).sum()), cotangent

    def predict(self, values):
        """(n,) labels: that of the smaller expected loss (+1 where both agree)."""
        return np.where(values[1] <= values[0], 1, -1)

    def boundary(self, values):
        """(n,) a score whose zero set is the decision boundary: positive where +1 is predicted."""
        return values[0] - values[1]

    def sampled(self, scores, labels):
        """From scores (n, paths) of each point: contributions (n,), their variances (n,), d contribution/d scores."""
        y = np.asarray(labels, dtype=float)[:, None]
        losses, paths = self.loss.value(scores, y), scores.shape[1]
        return losses.mean(axis=1), losses.var(axis=1, ddof=1) / paths, self.loss.derivative(scores, y) / paths

    def sampled_values(self, scores):
        """Sampled counterparts of the grid's values: (2, n) means and (2, n) standard errors from scores (n, paths)."""
        losses = self.loss.value(scores, _LABELS[:, :, None])
        return losses.mean(axis=2), losses.std(axis=2, ddof=1) / np.sqrt(scores.shape[1])
