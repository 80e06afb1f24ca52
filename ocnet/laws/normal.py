"""Standard normals."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from ocnet.kernels import philox
from ocnet.typing import Array

from .law import Channels, checked_order, tensor

__all__ = ["Normal"]


@dataclass(frozen=True)
class Normal(Channels):
    """Independent standard normals."""

    @classmethod
    def example(cls) -> "Normal":
        return cls(channels=3)

    def draw(self, seed: int, first_path: int, paths: int, layer: int, mirrored: bool = False) -> Array:
        xi = philox.normals(seed, first_path, paths, layer, self.channels)
        return -xi if mirrored else xi

    def from_uniforms(self, u: Array) -> Array:
        """(channels, n) normals by inversion of their distribution function at u (channels, n) in (0, 1)."""
        return ndtri(u)

    def quadrature(self, order: int) -> tuple[Array, Array]:
        """Gauss–Hermite rule with `order` nodes a channel, exact to degree 2·order − 1 in each."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(checked_order(order))
        return tensor(nodes, weights / weights.sum(), self.channels)
