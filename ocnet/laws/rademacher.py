"""Random signs."""

from dataclasses import dataclass

import numpy as np

from ocnet.typing import Array

from .law import Channels, tensor

__all__ = ["Rademacher"]


@dataclass(frozen=True)
class Rademacher(Channels):
    """Independent signs: +1 or −1, each with probability ½."""

    @classmethod
    def example(cls) -> "Rademacher":
        return cls(channels=3)

    @property
    def two_values(self) -> tuple[float, float, float]:
        """P(first), and the two values."""
        return 0.5, 1.0, -1.0

    def from_uniforms(self, u: Array) -> Array:
        """(channels, n) signs: +1 where u (channels, n) < ½."""
        return np.where(u < 0.5, 1.0, -1.0)

    def quadrature(self, order: int | None = None) -> tuple[Array, Array]:
        """All 2^channels signs: exact, whatever `order`."""
        return tensor((1.0, -1.0), (0.5, 0.5), self.channels)
