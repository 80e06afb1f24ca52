"""No noise."""

from dataclasses import dataclass

import numpy as np

from .law import Law

__all__ = ["Silent"]


@dataclass(frozen=True)
class Silent(Law):
    """No noise: zero channels, one branch."""

    channels: int = 0

    @classmethod
    def example(cls):
        return cls()

    def draw(self, seed, first_path, paths, layer, mirrored=False):
        """(0, paths): nothing to draw."""
        return np.empty((0, paths))

    def from_uniforms(self, u):
        """(0, n)."""
        return np.empty((0, u.shape[1]))

    def quadrature(self, order=None):
        """One branch of weight 1."""
        return np.empty((1, 0)), np.ones(1)
