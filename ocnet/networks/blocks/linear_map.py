"""f(x) = W x: the linear residual network x⁺ = (I + dt W) x (MATH 3.2)."""

from dataclasses import dataclass

import numpy as np

from ocnet.products import times
from ocnet.typing import Array, Layout, Views

from .affine import Affine
from .block_bounds import BlockBounds
from .features import Features

__all__ = ["LinearMap"]


@dataclass(frozen=True)
class LinearMap(Affine):
    """The affine block without its shift: f(0) = 0, so that a branch of a branch is consistent too.  Its derivatives in x are the affine block's."""

    def layout(self, dim: int) -> Layout:
        """Names and shapes of one layer's numbers, in the order they are stored."""
        return (("W", (dim, dim)),)

    def initial(self, dim: int, rng: np.random.Generator) -> Array:
        """(p,) start values: a branch of about 0.3 in size for data of size 1."""
        return rng.normal(0, 0.3 / np.sqrt(dim), dim * dim)

    def features(self, x: Array, layer: Views, needs: tuple[str, ...] = ("output",)) -> Features:
        """f at the points x (d, n)."""
        return Features(times(layer.W, x), state=x)

    def vector_jacobian(self, x: Array, layer: Views, cotangent: Features) -> tuple[Array, Array]:
        """The cotangents of x (d, n), and of the numbers summed over the points (p,), for one of the features."""
        c = np.zeros_like(x) if cotangent.output is None else cotangent.output
        return times(layer.W.T, c), np.einsum("in,jn->ij", c, x).ravel()

    def bounds(self, first: Views, second: Views) -> BlockBounds:
        """The `BlockBounds` between two layers' numbers (named views); norms are convex, so largest at an end."""
        growth = float(max(np.linalg.norm(layer.W, 2) for layer in (first, second)))
        return BlockBounds(0.0, growth, growth, 0.0, float(np.linalg.norm(second.W - first.W, 2)))
