"""l(u, y) = −u_y + log Σ_k exp(u_k): the scores are log-probabilities of the classes, up to a common constant."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.kernels.memory import empty
from ocnet.typing import ArrayLike

from .loss import ClassLoss

__all__ = ["CrossEntropy"]


def _exponentials(u):
    """max_k u_k (*s), e^{u_k − max} (K, *s), and the sum of these but for one of the largest, which are 1.

    Without that 1 the sum keeps its relative accuracy however small it is; nothing overflows.
    """
    top = u.max(axis=0)
    powers = np.subtract(u, top, out=empty(u.shape))         # large arrays on memory used before: three times faster here
    np.exp(powers, out=powers)
    below = powers < 1
    return top, powers, np.einsum("k...,k...->...", powers, below) + (len(u) - 1 - np.count_nonzero(below, axis=0))


def _probabilities(u):
    """e^{u_k} / Σ_j e^{u_j}, (K, *s)."""
    _, powers, rest = _exponentials(u)
    powers /= 1 + rest
    return powers


@dataclass(frozen=True)
class CrossEntropy(ClassLoss):
    """The negative log-likelihood of the label: (max u − u_y) + log(1 + Σ_{k ≠ argmax} e^{u_k − max u}).

    For two classes the logistic loss of the score u₁ − u₀.
    """

    @classmethod
    def example(cls) -> "CrossEntropy":
        return cls(classes=3)

    def value(self, u: Any, y: ArrayLike) -> Any:
        """l, of the broadcast shape (…)."""
        u, own, shape = self.checked(u, y)
        top, _, rest = _exponentials(u)
        return (top - self.over(u, shape)[own]) + np.log1p(rest)

    def derivative(self, u: Any, y: ArrayLike) -> Any:
        """p_k − 1{k = y}, (K, …), for the class probabilities p; that of the label is −Σ_{k≠y} p_k, so none is lost where p_y is near 1."""
        u, own, shape = self.checked(u, y)
        slope = empty((self.classes, *shape))
        slope[...] = self.over(_probabilities(u), shape)
        slope[own] = 0.0
        slope[own] = -slope.sum(axis=0)
        return slope

    def second_derivative(self, u: Any, y: ArrayLike) -> Any:
        """diag(p) − p pᵀ, (K, K, …); each row is made to sum to 0, as Σ p = 1."""
        u, _, shape = self.checked(u, y)
        p, each = self.over(_probabilities(u), shape), np.arange(self.classes)
        curvature = -p[:, None] * p
        curvature[each, each] = 0.0
        curvature[each, each] = -curvature.sum(axis=1)
        return curvature
