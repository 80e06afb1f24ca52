"""Gradient descent, deterministic or stochastic: the objective decides.  Robbins & Monro (1951)."""

from dataclasses import dataclass
from typing import Any

from ocnet.training.optimisers.state import State
from ocnet.typing import Array

from .first_order import FirstOrder

__all__ = ["GradientDescent"]


@dataclass(frozen=True)
class GradientDescent(FirstOrder):
    """θ ← θ − rate_k ∇J(θ), the rate constant (`final=1`) or falling by a cosine."""

    @classmethod
    def example(cls) -> "GradientDescent":
        return cls(iterations=300, rate=0.1)

    def update(self, state: Any, value: float, gradient: Array) -> State:
        return state.but(theta=state.theta - self.step_size(state.iteration) * gradient)
