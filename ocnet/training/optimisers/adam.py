"""Adam, for objectives with noise.  Kingma & Ba (2015), algorithm 1, with a cosine decay of the rate."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.inputs import as_array, as_number
from ocnet.typing import Array

from .first_order import FirstOrder
from .state import State

__all__ = ["Adam", "AdamState"]


@dataclass(frozen=True, eq=False, kw_only=True)
class AdamState(State):
    """With m, v (P,), the running moments of the gradient."""

    m: np.ndarray
    v: np.ndarray


@dataclass(frozen=True)
class Adam(FirstOrder):
    """m ← β₁ m + (1−β₁) g,  v ← β₂ v + (1−β₂) g²,  θ ← θ − rate_k m̂ / (√v̂ + ε).

    betas, epsilon : β₁, β₂ in [0, 1) and ε > 0 of the paper, else ValueError
    """

    betas: tuple = (0.9, 0.999)
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        betas = as_array(self.betas, "betas", (2,))
        if not ((betas >= 0) & (betas < 1)).all():
            raise ValueError(f"betas={betas.tolist()}: give two numbers from 0 to below 1, such as (0.9, 0.999)")
        object.__setattr__(self, "betas", tuple(betas.tolist()))
        object.__setattr__(self, "epsilon", as_number(self.epsilon, "epsilon", above=0, remedy="give a number > 0, such as 1e-8"))

    @classmethod
    def example(cls) -> "Adam":
        return cls(iterations=300, rate=0.1)

    def start(self, theta: Array) -> State:
        return AdamState.at(theta, m=np.zeros_like(theta), v=np.zeros_like(theta))

    def update(self, state: Any, value: float, gradient: Array) -> State:
        (b1, b2), k = self.betas, state.iteration + 1
        m = b1 * state.m + (1 - b1) * gradient
        v = b2 * state.v + (1 - b2) * gradient**2
        direction = (m / (1 - b1**k)) / (np.sqrt(v / (1 - b2**k)) + self.epsilon)
        return state.but(theta=state.theta - self.step_size(state.iteration) * direction, m=m, v=v)
