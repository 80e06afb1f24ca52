"""l(u, y) = log(1 + exp(−y u)): u is a log-odds of the label +1."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.typing import ArrayLike

from .loss import Loss, paired

__all__ = ["Logistic"]


def _margin(u, y):
    """y, m = y u, and exp(−|m|) in (0, 1], which never overflows."""
    u, y, _ = paired(u, y)
    m = np.multiply(y, u)
    return y, m, np.exp(-np.abs(m))


@dataclass(frozen=True)
class Logistic(Loss):
    """The negative log-likelihood of the label: max(−m, 0) + log(1 + e^{−|m|}) with the margin m = y u."""

    labels, scores = (-1, 1), 1
    convex, quadratic = True, False

    @classmethod
    def example(cls) -> "Logistic":
        return cls()

    def value(self, u: ArrayLike, y: ArrayLike) -> Any:
        """l, of the broadcast shape of u and y."""
        _, m, e = _margin(u, y)
        return np.maximum(-m, 0) + np.log1p(e)

    def derivative(self, u: ArrayLike, y: Any) -> Any:
        """−y / (1 + e^m)."""
        y, m, e = _margin(u, y)
        return -y * (np.where(m >= 0, e, 1) / (1 + e))

    def second_derivative(self, u: ArrayLike, y: ArrayLike) -> Any:
        """e^{−|m|} / (1 + e^{−|m|})²."""
        _, _, e = _margin(u, y)
        return e / (1 + e) ** 2
