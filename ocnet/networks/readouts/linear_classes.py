"""h(x) = W x + b: a score for each class."""

from dataclasses import dataclass

import numpy as np

from ocnet.inputs import as_whole
from ocnet.products import times
from ocnet.typing import Array, Layout, Views

__all__ = ["LinearClasses"]


@dataclass(frozen=True)
class LinearClasses:
    """Trainable affine scores of K classes; with the cross-entropy they are log-probabilities, up to a common constant.

    classes : K ≥ 2
    """

    classes: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", as_whole(self.classes, "classes", 2, "for two labels −1 and +1 use Linear()"))

    @classmethod
    def example(cls) -> "LinearClasses":
        return cls(classes=3)

    @property
    def scores(self) -> int:
        return self.classes

    def layout(self, dim: int) -> Layout:
        return (("W", (self.classes, dim)), ("b", (self.classes,)))

    def initial(self, dim: int, rng: np.random.Generator) -> Array:
        """Random directions of length 2, no offsets."""
        w = rng.normal(size=(self.classes, dim))
        return np.append(2 * w / np.sqrt((w * w).sum(axis=1, keepdims=True)), np.zeros(self.classes))

    def value(self, x: Array, tail: Views) -> Array:
        """(K, n) scores at x (d, n)."""
        return times(tail.W, x) + tail.b[:, None]

    def vector_jacobian(self, x: Array, tail: Views, cotangent: Array) -> tuple[Array, Array]:
        """The cotangents of x (d, n) and of the tail (K d + K,) for one of the scores (K, n)."""
        to_w = [(x * row).sum(axis=1) for row in cotangent]
        return times(tail.W.T, cotangent), np.concatenate([*to_w, cotangent.sum(axis=1)])
