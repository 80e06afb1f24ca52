"""Gradient descent, deterministic or stochastic: the objective decides.  Robbins & Monro (1951)."""

from dataclasses import dataclass

from .first_order import FirstOrder

__all__ = ["GradientDescent"]


@dataclass(frozen=True)
class GradientDescent(FirstOrder):
    """θ ← θ − rate_k ∇J(θ), the rate constant (`final=1`) or falling by a cosine."""

    @classmethod
    def example(cls):
        return cls(iterations=300, rate=0.1)

    def update(self, state, value, gradient):
        return state.but(theta=state.theta - self.step_size(state.iteration) * gradient)
