"""Crank–Nicolson in one dimension, with Rannacher's damped start."""

from dataclasses import dataclass
from typing import ClassVar

from .linear import LinearScheme

__all__ = ["CrankNicolson"]


@dataclass(frozen=True)
class CrankNicolson(LinearScheme):
    """(I − θ dt A) u_n = (I + (1 − θ) dt A) u_{n+1}; order 2 at θ = ½, else 1.  One axis only.

    theta  : ½; 1 is implicit Euler, which with an upwind or hybrid drift obeys the maximum principle
    damped : steps at either end of the horizon taken as two implicit Euler half steps, so that rough terminal data
             (and, transposed, rough initial densities) do not ring.  Rannacher (1984)
    """

    theta: float = 0.5
    damped: int = 2
    order: ClassVar[int] = 2
    most_axes: ClassVar[int] = 1

    def step(self, A, u, dt):
        return A.stage(0, u + dt * A.apply(u), u, self.theta * dt)

    def start(self, A, u, dt):
        for _ in range(2):
            u = A.stage(0, u + 0.5 * dt * A.apply(u), u, 0.5 * dt)
        return u

    @classmethod
    def example(cls):
        return cls()
