"""The layout of θ: one float64 vector, layer after layer, then a tail; structure is a view."""

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from operator import index
from reprlib import repr as short
from types import SimpleNamespace
from typing import Any

import numpy as np

from ocnet.inputs import as_array, as_choice, as_whole
from ocnet.typing import Array, ArrayLike, Layout, Views

__all__ = ["PROLONGATIONS", "Control"]


def _size(entries: Layout) -> int:
    return sum(prod(shape) for _, shape in entries)


def _checked_entries(entries: Any, name: str) -> Layout:
    try:
        checked = tuple((label, tuple(map(index, shape))) for label, shape in entries)
    except (TypeError, ValueError):
        raise ValueError(f"{name}={short(entries)} is no sequence of names with shapes; give such as (('W1', (16, 2)), ('b1', (16,)))") from None
    if not all(isinstance(label, str) and min(shape, default=0) >= 0 for label, shape in checked):
        raise ValueError(f"{name}={short(entries)} has a name that is no word, or a negative length; give such as (('W1', (16, 2)), ('b1', (16,)))")
    return checked


def _views(vector: Array, entries: Layout) -> Views:
    views, at = {}, 0
    for name, shape in entries:
        count = prod(shape)
        views[name] = vector[at:at + count].reshape(shape)
        at += count
    return SimpleNamespace(**views)


def _copied(depth: Array) -> Array:
    """Each layer twice: θ(t) as a function that is constant on layers is kept, and so is every ∫ g(θ) dt."""
    return np.repeat(depth, 2, axis=0)


def _interpolated(depth: Array) -> Array:
    """θ at the middles of the halved layers, linear between the middles of the layers and constant beyond the first and last.

    Convex combinations (¾, ¼): bounds hold, ∫ θ dt is kept and ∫ |θ'|² dt does not grow (each jump δ becomes ½ δ and means of ¼ δ).
    """
    before, after = np.concatenate([depth[:1], depth[:-1]]), np.concatenate([depth[1:], depth[-1:]])
    return np.stack([0.75 * depth + 0.25 * before, 0.75 * depth + 0.25 * after], axis=1).reshape(-1, depth.shape[1])


PROLONGATIONS = {"copy": _copied, "linear": _interpolated}


@dataclass(frozen=True)
class Control:
    """Layout of θ (P,), P = layers · p + r.

    layout : ((name, shape), …) of one layer, p numbers;  layers : N;  tail : the same for what is outside the layers, r numbers
    Raises   ValueError, TypeError for entries that are no names with shapes, and for layers that are no whole number ≥ 0 (0: a tail alone)
    """

    layout: tuple
    layers: int
    tail: tuple = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", as_whole(self.layers, "layers", 0))
        for name in ("layout", "tail"):
            object.__setattr__(self, name, _checked_entries(getattr(self, name), name))

    @cached_property
    def layer_size(self) -> int:
        """p, the numbers of a layer."""
        return _size(self.layout)

    @cached_property
    def size(self) -> int:
        """P, the numbers of all layers and of the tail."""
        return self.layers * self.layer_size + _size(self.tail)

    def zeros(self) -> Array:
        """Return a (P,) vector of zeros; a gradient has this layout too."""
        return np.zeros(self.size)

    def check(self, theta: ArrayLike) -> Array:
        """Return θ as a finite (P,) float64 array (the same memory where it is one already), or raise ValueError."""
        theta = as_array(theta, "theta")
        if theta.shape != (self.size,):
            raise ValueError(f"theta has shape {theta.shape}; expected ({self.size},) = {self.layers} layers × "
                             f"{self.layer_size} + {_size(self.tail)}")
        return theta

    def depth(self, theta: Array) -> Array:
        """(layers, p) view of θ; differences along axis 0 are those in depth."""
        return theta[:self.layers * self.layer_size].reshape(self.layers, self.layer_size)

    def rest(self, theta: Array) -> Array:
        """(r,) view of the tail of θ."""
        return theta[self.layers * self.layer_size:]

    def layer(self, theta: Array, n: int) -> Views:
        """Named views of layer n: writing to them changes θ."""
        return self.named(self.depth(theta)[n])

    def named(self, layer: Array) -> Views:
        """Named views of one layer's (p,) numbers."""
        return _views(layer, self.layout)

    def tail_views(self, theta: Array) -> Views:
        """Named views of the tail of θ."""
        return _views(self.rest(theta), self.tail)

    def refined(self) -> "Control":
        """The layout of a network of twice as many layers, each half as long."""
        return replace(self, layers=2 * self.layers)

    def prolong(self, theta: ArrayLike, how: str = "linear") -> Array:
        """θ of the `refined` layout from θ (P,) of this one; the tail is unchanged.

        how : "copy" repeats each layer (Chang et al.): θ(t) and every penalty without differences stay what they are, the H¹ penalty
              doubles.  "linear" interpolates in depth between the middles of layers, exactly where θ is affine in t; only the two outermost
              quarters are constant, as θ' = 0 there at a minimum with the H¹ penalty
        As dt multiplies the branch, halving it with the count doubled keeps the ODE: outputs change by O(1/layers) (MATH 4).
        Raises ValueError for another `how`.
        """
        as_choice(how, "how", PROLONGATIONS)
        theta = self.check(theta)
        return np.concatenate([PROLONGATIONS[how](self.depth(theta)).ravel(), self.rest(theta)])
