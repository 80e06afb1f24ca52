"""Bounded explicit stepping of an M-matrix: any tensor, any sides, any grid."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..monotone_operator import MonotoneOperator
from .linear import LinearScheme

__all__ = ["Monotone"]

_MOST_SUBSTEPS = 1e5                 # of a step: beyond it nobody waits for the end


@dataclass(frozen=True)
class Monotone(LinearScheme):
    """Strong-stability-preserving Runge–Kutta steps of order 2 with a `MonotoneOperator`, as many substeps as its rates need.

    u₁ = u + τ A u,  u ← ½ u + ½ (u₁ + τ A u₁): averages of Euler steps, each of which mixes values with non-negative weights as
    long as τ times the largest exit rate is at most 1.  So values stay in the bounds of the data, masses stay non-negative,
    for every drift, every covariance (degenerate or none) and every kind of side.  Shu & Osher (1988), eq. (2.16).
    Order 2 in time; in space 2 where the operator adds no variance, else 1.
    Raises ValueError where a step would need more than 100 000 of them.
    Cost: about horizon · (Σ_i a_ii/h_i² + |f_i|/h_i) evaluations of A, twice.
    """

    drift: str = "hybrid"
    order: ClassVar[int] = 2
    bounded: ClassVar[bool] = True
    operator: ClassVar[type] = MonotoneOperator

    def step(self, A: Any, u: Any, dt: float) -> Any:
        stage = u + dt * A.rate(u)
        return 0.5 * u + 0.5 * (stage + dt * A.rate(stage))

    def substeps(self, operator: Any, dt: float) -> int:
        count = dt * operator.largest_exit_rate * (1 - 1e-12)
        if not count <= _MOST_SUBSTEPS:
            raise ValueError(f"drift, factor and grid ask for {count:.2g} substeps of a step, more than {_MOST_SUBSTEPS:g}; take more steps, a "
                             "coarser grid, or a scheme that is not explicit, such as SemiLagrangian()")
        return max(1, int(np.ceil(count)))

    @classmethod
    def example(cls) -> "Monotone":
        return cls()
