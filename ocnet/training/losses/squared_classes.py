"""l(u, y) = ½ |u − e_y|²: the scores are to be 1 for the class and 0 for the others (Brier)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.typing import ArrayLike

from .loss import ClassLoss

__all__ = ["SquaredClasses"]


@dataclass(frozen=True)
class SquaredClasses(ClassLoss):
    """Half the squared distance of the K scores from the unit vector of the label."""

    quadratic = True

    @classmethod
    def example(cls) -> "SquaredClasses":
        return cls(classes=3)

    def value(self, u: Any, y: ArrayLike) -> Any:
        """l, of the broadcast shape (…)."""
        return 0.5 * (self.derivative(u, y) ** 2).sum(axis=0)

    def derivative(self, u: Any, y: ArrayLike) -> Any:
        """u_k − 1{k = y}, (K, …)."""
        u, own, shape = self.checked(u, y)
        slope = np.array(self.over(u, shape))
        slope[own] -= 1
        return slope

    def second_derivative(self, u: Any, y: ArrayLike) -> Any:
        """The identity, (K, K, …)."""
        _, _, shape = self.checked(u, y)
        curvature = np.zeros((self.classes, self.classes, *shape))
        curvature[np.arange(self.classes), np.arange(self.classes)] = 1.0
        return curvature
