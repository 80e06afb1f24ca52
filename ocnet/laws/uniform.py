"""Standardised uniforms."""

from dataclasses import dataclass

import numpy as np

from ocnet.typing import Array

from .law import Channels, checked_order, tensor

__all__ = ["Uniform"]


@dataclass(frozen=True)
class Uniform(Channels):
    """ξ = √12 (α − ½) with α uniform on (0, 1)."""

    @classmethod
    def example(cls) -> "Uniform":
        return cls(channels=2)

    def from_uniforms(self, u: Array) -> Array:
        """(channels, n): √12 (u − ½)."""
        return np.sqrt(12) * (u - 0.5)

    def quadrature(self, order: int) -> tuple[Array, Array]:
        """Gauss–Legendre rule with `order` nodes a channel, exact to degree 2·order − 1 in each."""
        nodes, weights = np.polynomial.legendre.leggauss(checked_order(order))
        return tensor(np.sqrt(3) * nodes, weights / 2, self.channels)
