"""f(x) = Σ_c W2_c tanh(W1_c x + b1_c) + b2: aggregated branches, as in ResNeXt (Xie et al., 2017)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np

from ocnet.inputs import as_whole
from ocnet.networks.blocks.block_bounds import BlockBounds
from ocnet.networks.blocks.features import Features
from ocnet.typing import Array, Layout, Views

from .perceptron import Perceptron

__all__ = ["Aggregated"]


@dataclass(frozen=True)
class Aggregated:
    """`cardinality` C hidden layers of `each` tanh units, summed into one output.

    With one hidden layer a branch this is a perceptron of C · each units, as a function and in what it starts from (Xie et al. note the
    equivalence, their figure 3): cardinality is a way to cut it.  So its numbers W1 (C, each, d), b1 (C, each), W2 (d, C, each), b2 (d,) lie in
    memory as the perceptron's, and its kernels, fused ones too, serve.  (`Branches` is a mean of copies that shows each to the noise.)
    """

    each: int
    cardinality: int = 4
    fused = True                     # its numbers are a perceptron's
    shows = Perceptron.shows

    def __post_init__(self) -> None:
        for name in ("each", "cardinality"):
            object.__setattr__(self, name, as_whole(getattr(self, name), name))

    @classmethod
    def example(cls) -> "Aggregated":
        return cls(each=2, cardinality=3)

    @property
    def width(self) -> int:
        """Hidden units in all."""
        return self.each * self.cardinality

    @property
    def gain(self) -> float:
        """As for a perceptron of so many units."""
        return self._whole.gain

    def reach(self, sizes: Any) -> Any:
        """As for a perceptron, for numbers of at most these sizes."""
        return self._whole.reach(self._flat(sizes))

    def bounds(self, first: Views, second: Views) -> BlockBounds:
        """The `BlockBounds` between two layers' numbers (named views), the perceptron's."""
        return self._whole.bounds(self._flat(first), self._flat(second))

    @cached_property
    def _whole(self):
        return Perceptron(self.width)

    def _flat(self, layer):
        """The same numbers as the perceptron's: views."""
        dim = len(layer.b2)
        return SimpleNamespace(W1=layer.W1.reshape(self.width, dim), b1=layer.b1.reshape(self.width), W2=layer.W2.reshape(dim, self.width), b2=layer.b2)

    def layout(self, dim: int) -> Layout:
        """Names and shapes of one layer's numbers, in the order they are stored."""
        c, h = self.cardinality, self.each
        return (("W1", (c, h, dim)), ("b1", (c, h)), ("W2", (dim, c, h)), ("b2", (dim,)))

    def initial(self, dim: int, rng: np.random.Generator) -> Array:
        """(p,) start values, the perceptron's: a sum of C branches of about 0.3/√C in size each."""
        return self._whole.initial(dim, rng)

    def features(self, x: Array, layer: Views, needs: tuple[str, ...] = ("output",)) -> Features:
        """f at the points x (d, n), and the hidden units (C · each, n) where they are needed."""
        return self._whole.features(x, self._flat(layer), needs)

    def vector_jacobian(self, x: Array, layer: Views, cotangent: Features) -> tuple[Array, Array]:
        """The cotangents of x (d, n), and of the numbers summed over the points (p,), for one of the features."""
        return self._whole.vector_jacobian(x, self._flat(layer), cotangent)

    def jacobian_product(self, x: Array, layer: Views, direction: Array) -> Array:
        """Df v (d, n) for v (d, n)."""
        return self._whole.jacobian_product(x, self._flat(layer), direction)

    def jacobian(self, x: Array, layer: Views) -> Array:
        """Df (d, d, n)."""
        return self._whole.jacobian(x, self._flat(layer))

    def laplacian(self, x: Array, layer: Views) -> Array:
        """Σ_k ∂²f/∂x_k² (d, n)."""
        return self._whole.laplacian(x, self._flat(layer))

    def features_on_axes(self, axes: Sequence[Array], layer: Views) -> Features:
        """f at the nodes of the tensor grid of `axes`."""
        return self._whole.features_on_axes(axes, self._flat(layer))

    def weights_vjp_on_axes(self, axes: Sequence[Array], layer: Views, cotangent: Features) -> Array:
        """(∂f/∂θ)ᵀ c summed over the nodes of the tensor grid of `axes` (p,)."""
        return self._whole.weights_vjp_on_axes(axes, self._flat(layer), cotangent)
