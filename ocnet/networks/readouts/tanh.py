"""h(x) = tanh(slope · x₀): the fixed readout of the 1-D toy (Sun, Tao, Du)."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Tanh"]


@dataclass(frozen=True)
class Tanh:
    """A fixed, bounded score of the first state component; no parameters."""

    slope: float = 2.0
    scores = 1

    @classmethod
    def example(cls):
        return cls()

    def layout(self, dim):
        return ()

    def initial(self, dim, rng):
        return np.empty(0)

    def value(self, x, tail):
        """(n,) scores at x (d, n)."""
        return np.tanh(self.slope * x[0])

    def vector_jacobian(self, x, tail, cotangent):
        """The cotangents of x (d, n) and of the (empty) tail."""
        back = np.zeros_like(x)
        back[0] = cotangent * self.slope * (1 - np.tanh(self.slope * x[0]) ** 2)
        return back, np.empty(0)
