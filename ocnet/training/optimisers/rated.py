"""What methods with a step size share: the rate, how it falls, and how long a gradient may be."""

from dataclasses import dataclass
from math import cos, isfinite, pi, sqrt

import numpy as np

from ocnet.typing import Array

from .descent import Descent

__all__ = ["Rated"]


@dataclass(frozen=True)
class Rated(Descent):
    """Base of methods whose steps have a size.

    rate  : first step size, in units of θ per unit of the direction
    final : the rate falls to this share by a cosine over all iterations; 1 keeps it constant
    clip  : ∇J longer than this is shortened to it
    """

    rate: float = 0.02
    final: float = 0.01
    clip: float = np.inf

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.rate > 0 and isfinite(self.rate) and 0 <= self.final <= 1 and self.clip > 0):
            raise ValueError(f"rate={self.rate}, final={self.final}, clip={self.clip}: expected rate > 0, "
                             "final in [0, 1] and clip > 0")

    def step_size(self, iteration: int) -> float:
        """Rate of the step from `iteration` to the next."""
        falling = 0.5 * (1 + cos(pi * iteration / self.iterations))
        return self.rate * (self.final + (1 - self.final) * falling)

    def clipped(self, gradient: Array) -> Array:
        """The gradient, shortened to the length `clip` where it is longer."""
        if self.clip == np.inf:
            return gradient
        length = sqrt((gradient * gradient).sum())
        return gradient * (self.clip / length) if length > self.clip else gradient
