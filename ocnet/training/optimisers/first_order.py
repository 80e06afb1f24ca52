"""First-order methods: one drawn gradient at θ, one step."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from ocnet.training.optimisers.state import State
from ocnet.typing import Array

from .evaluation import evaluated
from .rated import Rated

__all__ = ["FirstOrder"]


@dataclass(frozen=True)
class FirstOrder(Rated):
    """Base of methods that step along the gradient of J with fresh noise; a member gives `update`."""

    @abstractmethod
    def update(self, state: Any, value: float, gradient: Array) -> State:
        """Return the state with its θ moved by one step, and the member's own arrays; ∇J (P,) is finite and clipped."""

    def advance(self, objective: Any, state: Any) -> State:
        value, gradient = evaluated(objective.draw(state.iteration), state.theta)
        stepped = self.update(state, value, self.clipped(gradient))
        return stepped.but(value=value, gradient=gradient, evaluations=state.evaluations + 1)
