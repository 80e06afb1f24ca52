"""What a term of a linear combination weighs: a number, or one that knows its derivatives."""

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Weight", "value_of"]


@dataclass(frozen=True)
class Weight:
    """A number with its derivatives in the layer's own numbers (forward differentiation: there are few)."""

    value: float
    slopes: tuple
    __array_ufunc__ = None               # NumPy's numbers leave products with these to `__rmul__`

    def _lifted(self, other):
        if isinstance(other, Weight):
            return other
        return Weight(other, (0.0,) * len(self.slopes)) if np.isscalar(other) else None

    def __add__(self, other: Any) -> Any:
        b = self._lifted(other)
        return NotImplemented if b is None else Weight(self.value + b.value, tuple(p + q for p, q in zip(self.slopes, b.slopes)))

    __radd__ = __add__

    def __neg__(self) -> "Weight":
        return self * -1.0

    def __sub__(self, other: Any) -> Any:
        b = self._lifted(other)
        return NotImplemented if b is None else self + -b

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        b = self._lifted(other)
        if b is None:
            return NotImplemented
        return Weight(self.value * b.value, tuple(p * b.value + self.value * q for p, q in zip(self.slopes, b.slopes)))

    __rmul__ = __mul__


def value_of(weight: Any) -> float:
    """The number of a weight, whether it has derivatives or not."""
    return weight.value if isinstance(weight, Weight) else weight
