"""The layout of θ: one float64 vector, layer after layer, then a tail; structure is a view."""

from dataclasses import dataclass
from math import prod
from types import SimpleNamespace

import numpy as np

__all__ = ["Control"]


def _size(entries):
    return sum(prod(shape) for _, shape in entries)


def _views(vector, entries):
    views, at = {}, 0
    for name, shape in entries:
        count = prod(shape)
        views[name] = vector[at:at + count].reshape(shape)
        at += count
    return SimpleNamespace(**views)


@dataclass(frozen=True)
class Control:
    """Layout of θ (P,), P = layers · p + r.

    layout : ((name, shape), …) of one layer, p numbers;  layers : N;  tail : the same for what is outside the layers, r numbers
    """

    layout: tuple
    layers: int
    tail: tuple = ()

    @property
    def layer_size(self):
        return _size(self.layout)

    @property
    def size(self):
        return self.layers * self.layer_size + _size(self.tail)

    def zeros(self):
        """Return a (P,) vector of zeros; a gradient has this layout too."""
        return np.zeros(self.size)

    def check(self, theta):
        """Return θ as a finite (P,) float64 array (the same memory where it is one already), or raise ValueError."""
        theta = np.asarray(theta, dtype=np.float64)
        if theta.shape != (self.size,):
            raise ValueError(f"theta has shape {theta.shape}; expected ({self.size},) = {self.layers} layers × "
                             f"{self.layer_size} + {_size(self.tail)}")
        if not np.isfinite(theta).all():
            raise ValueError(f"theta[{int(np.argmin(np.isfinite(theta)))}] is not finite")
        return theta

    def depth(self, theta):
        """(layers, p) view of θ; differences along axis 0 are those in depth."""
        return theta[:self.layers * self.layer_size].reshape(self.layers, self.layer_size)

    def rest(self, theta):
        """(r,) view of the tail of θ."""
        return theta[self.layers * self.layer_size:]

    def layer(self, theta, n):
        """Named views of layer n: writing to them changes θ."""
        return self.named(self.depth(theta)[n])

    def named(self, layer):
        """Named views of one layer's (p,) numbers."""
        return _views(layer, self.layout)

    def tail_views(self, theta):
        """Named views of the tail of θ."""
        return _views(self.rest(theta), self.tail)
