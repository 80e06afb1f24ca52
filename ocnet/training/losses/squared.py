"""l(u, y) = ½ (u − y)²: the loss whose two criteria differ by half a variance (MATH 1.4)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.typing import ArrayLike

from .loss import Loss, paired

__all__ = ["Squared"]


@dataclass(frozen=True)
class Squared(Loss):
    """Half the squared distance of the score from the label."""

    labels, scores = (-1, 1), 1
    convex, quadratic = True, True

    @classmethod
    def example(cls) -> "Squared":
        return cls()

    def value(self, u: ArrayLike, y: ArrayLike) -> Any:
        """l, of the broadcast shape of u and y."""
        return 0.5 * self.derivative(u, y) ** 2

    def derivative(self, u: ArrayLike, y: ArrayLike) -> Any:
        """u − y."""
        u, y, _ = paired(u, y)
        return np.subtract(u, y)

    def second_derivative(self, u: ArrayLike, y: ArrayLike) -> Any:
        """1."""
        return np.ones(paired(u, y)[2])
