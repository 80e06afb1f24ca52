"""h(x) = tanh(slope · x₀): the fixed readout of the 1-D toy (Sun, Tao, Du)."""

from dataclasses import dataclass

import numpy as np

from ocnet.inputs import as_number
from ocnet.typing import Array, Layout, Views

__all__ = ["Tanh"]


@dataclass(frozen=True)
class Tanh:
    """A fixed, bounded score of the first state component; no parameters."""

    slope: float = 2.0
    scores = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "slope", as_number(self.slope, "slope"))

    @classmethod
    def example(cls) -> "Tanh":
        return cls()

    def layout(self, dim: int) -> Layout:
        return ()

    def initial(self, dim: int, rng: np.random.Generator) -> Array:
        return np.empty(0)

    def value(self, x: Array, tail: Views) -> Array:
        """(n,) scores at x (d, n)."""
        return np.tanh(self.slope * x[0])

    def vector_jacobian(self, x: Array, tail: Views, cotangent: Array) -> tuple[Array, Array]:
        """The cotangents of x (d, n) and of the (empty) tail."""
        back = np.zeros_like(x)
        back[0] = cotangent * self.slope * (1 - np.tanh(self.slope * x[0]) ** 2)
        return back, np.empty(0)
