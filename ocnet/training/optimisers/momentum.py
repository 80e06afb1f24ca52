"""Gradient descent with momentum: Polyak's heavy ball (1964), or Nesterov's gradient (1983) as Sutskever et al. (2013) write it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.inputs import as_number
from ocnet.typing import Array

from .first_order import FirstOrder
from .state import State

__all__ = ["Momentum", "MomentumState"]


@dataclass(frozen=True, eq=False, kw_only=True)
class MomentumState(State):
    """With velocity (P,), the decaying sum of past gradients."""

    velocity: np.ndarray


@dataclass(frozen=True)
class Momentum(FirstOrder):
    """v ← μ v + g,  θ ← θ − rate_k v (heavy ball), or θ − rate_k (g + μ v) (Nesterov).

    mu       : μ in [0, 1), else ValueError; 0 is gradient descent
    nesterov : θ is then Nesterov's point of extrapolation, where his gradient is taken: the same iteration in other letters
    """

    mu: float = 0.9
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "mu", as_number(self.mu, "mu", at_least=0, below=1, remedy="0 is gradient descent, and 1 never forgets"))

    @classmethod
    def example(cls) -> "Momentum":
        return cls(iterations=300, rate=0.02)

    def start(self, theta: Array) -> State:
        return MomentumState.at(theta, velocity=np.zeros_like(theta))

    def update(self, state: Any, value: float, gradient: Array) -> State:
        velocity = self.mu * state.velocity + gradient
        direction = gradient + self.mu * velocity if self.nesterov else velocity
        return state.but(theta=state.theta - self.step_size(state.iteration) * direction, velocity=velocity)
