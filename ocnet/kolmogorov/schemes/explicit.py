"""The explicit reference: a Taylor polynomial of the matrix, checked for stability."""

from dataclasses import dataclass
from typing import Any, ClassVar

from .linear import LinearScheme

__all__ = ["Explicit"]

_REACH = 2.6                         # the half disc |z| ≤ 2.6, Re z ≤ 0 lies in the region |1 + z + z²/2 + z³/6 + z⁴/24| ≤ 1


@dataclass(frozen=True)
class Explicit(LinearScheme):
    """u + dt A u + … + (dt A)⁴ u/24, the classical Runge–Kutta step of a constant matrix: no splitting, no solves.

    Order 2 where coefficients vary in time (they are taken at the middle of the step), 4 where they do not.
    Raises ValueError unless dt times the largest absolute row sum of A is at most 2.6, naming the steps needed.
    """

    order: ClassVar[int] = 2

    def step(self, A: Any, u: Any, dt: float) -> Any:
        change = dt * A.rate(u)
        total = u + change
        for k in (2, 3, 4):
            change = (dt / k) * A.apply(change)
            total = total + change
        return total

    def check(self, operator: Any, dt: float) -> None:
        bound = operator.spectral_bound
        if dt * bound > _REACH:
            raise ValueError(f"a step of dt={dt:.3g} is unstable on this grid (dt · row sum = {dt * bound:.3g} > {_REACH}); use at "
                             f"least {dt * bound / _REACH:.3g} times as many steps, or an implicit scheme")

    @classmethod
    def example(cls) -> "Explicit":
        return cls()
