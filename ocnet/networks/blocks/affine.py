"""f(x) = W x + b: the linear residual network, whose moments are known in closed form."""

from dataclasses import dataclass

import numpy as np

from ocnet.products import times
from ocnet.typing import Array, Layout, Views

from .block_bounds import BlockBounds
from .features import Features

__all__ = ["Affine"]


@dataclass(frozen=True)
class Affine:
    """A square matrix and a shift."""

    shows = ("output", "state")

    @classmethod
    def example(cls) -> "Affine":
        return cls()

    def layout(self, dim: int) -> Layout:
        """Names and shapes of one layer's numbers, in the order they are stored."""
        return (("W", (dim, dim)), ("b", (dim,)))

    def initial(self, dim: int, rng: np.random.Generator) -> Array:
        """(p,) start values: a branch of about 0.3 in size for data of size 1."""
        return np.concatenate([rng.normal(0, 0.3 / np.sqrt(dim), dim * dim), np.zeros(dim)])

    def features(self, x: Array, layer: Views, needs: tuple[str, ...] = ("output",)) -> Features:
        """f at the points x (d, n)."""
        return Features(times(layer.W, x) + layer.b[:, None], state=x)

    def vector_jacobian(self, x: Array, layer: Views, cotangent: Features) -> tuple[Array, Array]:
        """The cotangents of x (d, n), and of the numbers summed over the points (p,), for one of the features."""
        c = np.zeros_like(x) if cotangent.output is None else cotangent.output
        return times(layer.W.T, c), np.concatenate([np.einsum("in,jn->ij", c, x).ravel(), c.sum(axis=1)])

    def jacobian_product(self, x: Array, layer: Views, direction: Array) -> Array:
        """Df v (d, n) for v (d, n)."""
        return times(layer.W, direction)

    def jacobian(self, x: Array, layer: Views) -> Array:
        """Df (d, d, n)."""
        return np.repeat(layer.W[:, :, None], x.shape[1], axis=2)

    def laplacian(self, x: Array, layer: Views) -> Array:
        """Σ_k ∂²f/∂x_k² (d, n): 0."""
        return np.zeros_like(x)

    def bounds(self, first: Views, second: Views) -> BlockBounds:
        """The `BlockBounds` between two layers' numbers (named views); norms are convex, so largest at an end."""
        growth, size = (max(np.linalg.norm(getattr(layer, name), 2) for layer in (first, second)) for name in ("W", "b"))
        return BlockBounds(float(size), float(growth), float(growth), float(np.linalg.norm(second.b - first.b)),
                           float(np.linalg.norm(second.W - first.W, 2)))
