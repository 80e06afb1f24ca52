"""h(x) = w · x + b."""

from dataclasses import dataclass

import numpy as np

from ocnet.typing import Array, Layout, Views

__all__ = ["Linear"]


@dataclass(frozen=True)
class Linear:
    """A trainable affine score; with the logistic loss it is a log-odds."""

    scores = 1

    @classmethod
    def example(cls) -> "Linear":
        return cls()

    def layout(self, dim: int) -> Layout:
        return (("w", (dim,)), ("b", (1,)))

    def initial(self, dim: int, rng: np.random.Generator) -> Array:
        """A random direction of length 2, no offset."""
        w = rng.normal(size=dim)
        return np.append(2 * w / np.sqrt((w * w).sum()), 0.0)

    def value(self, x: Array, tail: Views) -> Array:
        """(n,) scores at x (d, n)."""
        return (tail.w[:, None] * x).sum(axis=0) + tail.b[0]

    def vector_jacobian(self, x: Array, tail: Views, cotangent: Array) -> tuple[Array, Array]:
        """The cotangents of x (d, n) and of the tail (d + 1,)."""
        return tail.w[:, None] * cotangent, np.append((x * cotangent).sum(axis=1), cotangent.sum())
