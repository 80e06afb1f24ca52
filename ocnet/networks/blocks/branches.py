"""f(x) = mean of f_1(x), …, f_K(x): K copies of a block, each with numbers of its own (shake-shake)."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from ocnet.inputs import as_object, as_whole
from ocnet.typing import Array, Layout, Views

from .features import Features
from .perceptron import Perceptron

__all__ = ["Branches"]


@dataclass(frozen=True)
class Branches:
    """`count` copies of `block` side by side; each of its numbers gets a leading axis for the copy.

    The output is their mean; `features.branches` shows each.  count : whole number ≥ 2, else ValueError
    """

    block: Any
    count: int = 2
    shows = ("output", "branches", "state")

    @property
    def period(self) -> int:
        """That of the block, where it has one."""
        return self.block.period

    def __post_init__(self) -> None:
        as_object(self.block, "block", ("layout", "features"), "a block", "give an object of ocnet.networks.blocks, such as Perceptron(16)")
        object.__setattr__(self, "count", as_whole(self.count, "count", 2, "one branch is the block itself"))

    @classmethod
    def example(cls) -> "Branches":
        return cls(Perceptron(3), 3)

    def layout(self, dim: int) -> Layout:
        """Names and shapes of one layer's numbers, in the order they are stored."""
        return tuple((name, (self.count, *shape)) for name, shape in self.block.layout(dim))

    def initial(self, dim: int, rng: np.random.Generator) -> Array:
        """(p,) start values, each copy's as if it were alone."""
        return self.joined([self.block.initial(dim, rng) for _ in range(self.count)], dim)

    def joined(self, copies: Any, dim: int) -> Array:
        """(p,) numbers in the order of `layout` from the copies' own."""
        sizes = [int(np.prod(shape)) for _, shape in self.block.layout(dim)]
        entries = zip(*[np.split(copy, np.cumsum(sizes)[:-1]) for copy in copies])
        return np.concatenate([part for entry in entries for part in entry])

    def layers(self, layer: Views) -> list[Views]:
        """The named views of each copy."""
        return [SimpleNamespace(**{name: view[k] for name, view in vars(layer).items()}) for k in range(self.count)]

    def features(self, x: Array, layer: Views, needs: tuple[str, ...] = ("output",)) -> Features:
        """The mean f and the branches at the points x (d, n)."""
        branches = np.stack([self.block.features(x, one).output for one in self.layers(layer)])
        return Features(branches.mean(axis=0), branches=branches, state=x)

    def vector_jacobian(self, x: Array, layer: Views, cotangent: Features) -> tuple[Array, Array]:
        """The cotangents of x (d, n), and of the numbers summed over the points (p,), for one of the features."""
        back, gradients = np.zeros_like(x), []
        for k, one in enumerate(self.layers(layer)):
            share = 0.0 if cotangent.output is None else cotangent.output / self.count
            whole = share if cotangent.branches is None else share + cotangent.branches[k]
            x_cotangent, gradient = self.block.vector_jacobian(x, one, Features(np.array(np.broadcast_to(whole, x.shape))))
            back += x_cotangent
            gradients.append(gradient)
        return back, self.joined(gradients, len(x))

    def jacobian_product(self, x: Array, layer: Views, direction: Array) -> Array:
        """Df v (d, n) of the mean, for v (d, n)."""
        return sum(self.block.jacobian_product(x, one, direction) for one in self.layers(layer)) / self.count

    def jacobian(self, x: Array, layer: Views) -> Array:
        """Df (d, d, n) of the mean."""
        return sum(self.block.jacobian(x, one) for one in self.layers(layer)) / self.count

    def laplacian(self, x: Array, layer: Views) -> Array:
        """Σ_k ∂²f/∂x_k² (d, n) of the mean."""
        return sum(self.block.laplacian(x, one) for one in self.layers(layer)) / self.count
