"""No noise."""

from dataclasses import dataclass

import numpy as np

from ocnet.inputs import as_whole
from ocnet.typing import Array

from .law import Law

__all__ = ["Silent"]


@dataclass(frozen=True)
class Silent(Law):
    """No noise: zero channels, one branch."""

    channels: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", as_whole(self.channels, "channels", 0, "there is no noise", 0))

    @classmethod
    def example(cls) -> "Silent":
        return cls()

    def draw(self, seed: int, first_path: int, paths: int, layer: int, mirrored: bool = False) -> Array:
        """(0, paths): nothing to draw."""
        return np.empty((0, paths))

    def from_uniforms(self, u: Array) -> Array:
        """(0, n)."""
        return np.empty((0, u.shape[1]))

    def quadrature(self, order: int | None = None) -> tuple[Array, Array]:
        """One branch of weight 1."""
        return np.empty((1, 0)), np.ones(1)
