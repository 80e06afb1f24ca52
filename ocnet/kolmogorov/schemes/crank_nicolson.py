"""Crank–Nicolson in one dimension, with Rannacher's damped start."""

from dataclasses import dataclass
from typing import Any, ClassVar

from .linear import LinearScheme

__all__ = ["CrankNicolson"]


@dataclass(frozen=True)
class CrankNicolson(LinearScheme):
    """(I − θ dt A) u_n = (I + (1 − θ) dt A) u_{n+1}; order 2 at θ = ½, else 1.  One axis only.

    theta  : ½; 1 is implicit Euler, which with an upwind or hybrid drift obeys the maximum principle
    damped : first steps taken as two implicit Euler half steps each, so that rough terminal data do not ring: Rannacher
             (1984); 0 is a little more accurate for smooth data
    """

    theta: float = 0.5
    damped: int = 2  # type: ignore[misc]
    order: ClassVar[int] = 2
    most_axes: ClassVar[int] = 1

    def step(self, A: Any, u: Any, dt: float) -> Any:
        return A.stage(0, u + dt * A.rate(u), u, self.theta * dt)

    @classmethod
    def example(cls) -> "CrankNicolson":
        return cls()
