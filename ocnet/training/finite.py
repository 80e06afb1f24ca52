"""J and its gradient as numbers, or refused: what every objective hands out goes through here."""

from math import isfinite
from typing import Any

import numpy as np

from ocnet.typing import Array

__all__ = ["BeyondNumbers", "finite", "finite_pair"]


class BeyondNumbers(ValueError):
    """J, or its gradient, at a θ whose numbers are so large that it is no number; `value` and `gradient` (None where it was not asked for) as they came out."""

    def __init__(self, value: float, gradient: Any = None) -> None:
        what = f"J = {value}" if not isfinite(value) else "the gradient of J"
        super().__init__(f"theta: {what} is not finite; give smaller numbers, or points nearer to the origin")
        self.value, self.gradient = value, gradient


def finite(value: float) -> float:
    """J as it is, or BeyondNumbers."""
    if not isfinite(value):
        raise BeyondNumbers(value)
    return value


def finite_pair(value: float, gradient: Array) -> tuple[float, Array]:
    """J and its gradient (P,) as they are, or BeyondNumbers."""
    if not (isfinite(value) and np.isfinite(gradient).all()):
        raise BeyondNumbers(value, gradient)
    return value, gradient
