"""l(u, y) = −u_y + log Σ_k exp(u_k): the scores are log-probabilities of the classes, up to a common constant."""

from dataclasses import dataclass

import numpy as np

from .loss import ClassLoss

__all__ = ["CrossEntropy"]


def _exponentials(u):
    """max_k u_k (*s), e^{u_k − max} (K, *s) with the largest one set to 0 (its place is returned), and their sum.

    Without the largest, whose exponential is 1, the sum keeps its relative accuracy however small it is; nothing overflows.
    """
    winner = u.argmax(axis=0)[None]
    top = np.take_along_axis(u, winner, axis=0)
    others = np.exp(u - top)
    np.put_along_axis(others, winner, 0.0, axis=0)
    return top[0], others, winner, others.sum(axis=0)


def _probabilities(u):
    """e^{u_k} / Σ_j e^{u_j}, (K, *s)."""
    _, share, winner, rest = _exponentials(u)
    np.put_along_axis(share, winner, 1.0, axis=0)
    return share / (1 + rest)


@dataclass(frozen=True)
class CrossEntropy(ClassLoss):
    """The negative log-likelihood of the label: (max u − u_y) + log(1 + Σ_{k ≠ argmax} e^{u_k − max u}).

    For two classes the logistic loss of the score u₁ − u₀.
    """

    @classmethod
    def example(cls):
        return cls(classes=3)

    def value(self, u, y):
        """l, of the broadcast shape (…)."""
        u, y, shape = self.checked(u, y)
        top, _, _, rest = _exponentials(u)
        return (top - np.take_along_axis(self.over(u, shape), y, axis=0)[0]) + np.log1p(rest)

    def derivative(self, u, y):
        """p_k − 1{k = y}, (K, …), for the class probabilities p; that of the label is −Σ_{k≠y} p_k, so none is lost where p_y is near 1."""
        u, y, shape = self.checked(u, y)
        slope = np.array(self.over(_probabilities(u), shape))
        np.put_along_axis(slope, y, 0.0, axis=0)
        np.put_along_axis(slope, y, -slope.sum(axis=0)[None], axis=0)
        return slope

    def second_derivative(self, u, y):
        """diag(p) − p pᵀ, (K, K, …); each row is made to sum to 0, as Σ p = 1."""
        u, _, shape = self.checked(u, y)
        p, each = self.over(_probabilities(u), shape), np.arange(self.classes)
        curvature = -p[:, None] * p
        curvature[each, each] = 0.0
        curvature[each, each] = -curvature.sum(axis=1)
        return curvature
