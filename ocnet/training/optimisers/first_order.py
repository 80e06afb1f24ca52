"""First-order methods: one drawn gradient, one step."""

from abc import abstractmethod
from dataclasses import dataclass
from math import cos, isfinite, pi, sqrt

import numpy as np

from .descent import Descent
from .state import NotFinite

__all__ = ["FirstOrder"]


@dataclass(frozen=True)
class FirstOrder(Descent):
    """Base of methods that step along the gradient of J with fresh noise; a member gives `update`.

    rate  : first step size, in units of θ per unit of the direction
    final : the rate falls to this share by a cosine; 1 keeps it constant
    clip  : ∇J longer than this is shortened to it
    """

    rate: float = 0.02
    final: float = 0.01
    clip: float = np.inf

    def __post_init__(self):
        super().__post_init__()
        if not (self.rate > 0 and isfinite(self.rate) and 0 <= self.final <= 1 and self.clip > 0):
            raise ValueError(f"rate={self.rate}, final={self.final}, clip={self.clip}: expected rate > 0, "
                             "final in [0, 1] and clip > 0")

    @abstractmethod
    def update(self, state, value, gradient):
        """Return the state with its θ moved by one step, and the member's own arrays; ∇J (P,) is finite and clipped."""

    def step_size(self, iteration):
        """Rate of the step from `iteration` to the next."""
        falling = 0.5 * (1 + cos(pi * iteration / self.iterations))
        return self.rate * (self.final + (1 - self.final) * falling)

    def clipped(self, gradient):
        """The gradient, shortened to the length `clip` where it is longer."""
        if self.clip == np.inf:
            return gradient
        length = sqrt((gradient * gradient).sum())
        return gradient * (self.clip / length) if length > self.clip else gradient

    def advance(self, objective, state):
        drawn = objective.draw(state.iteration)
        value, gradient = drawn.value_and_gradient(state.theta)
        if not (isfinite(value) and np.isfinite(gradient).all()):
            raise NotFinite("J or its gradient", drawn, state.theta)
        stepped = self.update(state, value, self.clipped(gradient))
        return stepped.but(value=float(value), gradient=gradient, evaluations=state.evaluations + 1)
