"""What methods with a step size share: the rate, how it falls, and how long a gradient may be."""

from dataclasses import dataclass
from math import cos, pi, sqrt

import numpy as np

from ocnet.inputs import as_number
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
        object.__setattr__(self, "rate", as_number(self.rate, "rate", above=0, remedy="give a step size > 0"))
        object.__setattr__(self, "final", as_number(self.final, "final", at_least=0, at_most=1, remedy="give a share of the rate from 0 to 1"))
        if self.clip != np.inf:
            object.__setattr__(self, "clip", as_number(self.clip, "clip", above=0, remedy="give a length > 0, or inf for none"))

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
