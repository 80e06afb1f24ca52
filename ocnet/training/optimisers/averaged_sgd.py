"""Stochastic gradient descent, averaged.  Polyak & Juditsky (1992); for distributed control Sun & Du (MATH 4)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.inputs import as_number, as_whole
from ocnet.typing import Array

from .first_order import FirstOrder
from .state import State

__all__ = ["AveragedSGD", "AveragedState"]


@dataclass(frozen=True, eq=False, kw_only=True)
class AveragedState(State):
    """With average (P,), the mean of the points after the burn-in."""

    average: np.ndarray


@dataclass(frozen=True)
class AveragedSGD(FirstOrder):
    """θ_k = θ_{k−1} − rate_k k^(−decay) ∇J(θ_{k−1}),  average = mean of θ_j over burn_in < j ≤ k.

    What is judged, and returned, is the average.  The mean-square error of θ_k falls like k^(−decay), that of the average like 1/k with
    the best constant there is, whatever the rate (in theory for decay in (½, 1); at ½ as measured, MATH 4).

    decay   : in [½, 1];  rate_k is the rate, unless `final` < 1 lets it fall by a cosine besides
    burn_in : iterations before the average begins; until then it is θ_k itself
    Raises  ValueError for a decay outside [½, 1] and a burn-in that is not within the iterations
    """

    rate: float = 0.1
    final: float = 1.0
    decay: float = 0.5
    burn_in: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        remedy = "below ½, the noise is not averaged away; above 1, the steps add up to a finite length"
        object.__setattr__(self, "decay", as_number(self.decay, "decay", at_least=0.5, at_most=1, remedy=remedy))
        object.__setattr__(self, "burn_in", as_whole(self.burn_in, "burn_in", 0, "within the iterations", self.iterations - 1))

    @classmethod
    def example(cls) -> "AveragedSGD":
        return cls(iterations=2000, rate=0.2, burn_in=500)

    def step_size(self, iteration: int) -> float:
        return super().step_size(iteration) * (iteration + 1.0) ** -self.decay

    def start(self, theta: Array) -> State:
        return AveragedState.at(theta, average=theta.copy())

    def judged(self, state: Any) -> Array:
        return state.average

    def update(self, state: Any, value: float, gradient: Array) -> State:
        theta = self.project(state.theta - self.step_size(state.iteration) * gradient)
        share = 1.0 / max(1, state.iteration + 1 - self.burn_in)
        return state.but(theta=theta, average=state.average + share * (theta - state.average))
