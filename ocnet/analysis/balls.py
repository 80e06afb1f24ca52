"""Balls of inputs around a point: by how much an attack may move it, and which way is the steepest."""

from dataclasses import dataclass

import numpy as np

from ocnet.inputs import LARGEST, as_number
from ocnet.typing import Array

__all__ = ["L2Ball", "LInfinityBall"]


@dataclass(frozen=True)
class _Ball:
    """{x + s : ‖s‖ ≤ radius}, radius ≥ 0 in the units of the points."""

    radius: float

    def __post_init__(self) -> None:
        remedy = "give a finite number ≥ 0: the most that a point may be moved, in the points' units"
        object.__setattr__(self, "radius", as_number(self.radius, "radius", at_least=0, at_most=LARGEST, remedy=remedy))

    def check(self, points: Array, starts: Array) -> None:
        """Raise ValueError, naming the row, unless all points (n, d) lie in the balls around `starts` (n, d), but for the rounding of the sums."""
        slack = 4 * np.finfo(float).eps * (1 + np.abs(starts).sum(axis=1))
        beyond = self.size(points - starts) - self.radius - slack
        if not (beyond <= 0).all():
            row = int(np.argmax(~(beyond <= 0)))
            raise ValueError(f"points[{row}] is {self.size(points - starts)[row]:.6g} away from where it started, outside of {self!r}")

    def size(self, shift: Array) -> Array:
        """‖s‖ (n,) of shifts s (n, d)."""
        raise NotImplementedError


@dataclass(frozen=True)
class LInfinityBall(_Ball):
    """No coordinate moves by more than `radius`."""

    @classmethod
    def example(cls) -> "LInfinityBall":
        return cls(0.1)

    def size(self, shift: Array) -> Array:
        """max_i |s_i| (n,) of shifts s (n, d)."""
        return np.abs(shift).max(axis=1)

    def dual(self, gradient: Array) -> Array:
        """Σ_i |g_i| (n,): the slope of the loss along `steepest`."""
        return np.abs(gradient).sum(axis=1)

    def steepest(self, gradient: Array) -> Array:
        """sign g (n, d), the unit shift along which g (n, d) rises most."""
        return np.sign(gradient)

    def projected(self, shift: Array) -> Array:
        """The nearest shifts (n, d) within the ball."""
        return np.clip(shift, -self.radius, self.radius)

    def random(self, rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        """Shifts (n, d), uniform in the ball."""
        return rng.uniform(-self.radius, self.radius, size=shape)


@dataclass(frozen=True)
class L2Ball(_Ball):
    """No point moves by more than `radius` in Euclidean distance."""

    @classmethod
    def example(cls) -> "L2Ball":
        return cls(0.2)

    def size(self, shift: Array) -> Array:
        """|s| (n,) of shifts s (n, d)."""
        return np.sqrt((shift * shift).sum(axis=1))

    def dual(self, gradient: Array) -> Array:
        """|g| (n,): the slope of the loss along `steepest`."""
        return self.size(gradient)

    def steepest(self, gradient: Array) -> Array:
        """g/|g| (n, d), the unit shift along which g (n, d) rises most; 0 where g is."""
        length = self.size(gradient)[:, None]
        return np.divide(gradient, length, out=np.zeros_like(gradient), where=length > 0)

    def projected(self, shift: Array) -> Array:
        """The nearest shifts (n, d) within the ball."""
        length = self.size(shift)[:, None]
        return np.where(length > self.radius, shift * (self.radius / np.maximum(length, np.finfo(float).tiny)), shift)

    def random(self, rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        """Shifts (n, d), uniform in the ball."""
        return self.steepest(rng.normal(size=shape)) * (self.radius * rng.uniform(size=(shape[0], 1)) ** (1 / shape[1]))
