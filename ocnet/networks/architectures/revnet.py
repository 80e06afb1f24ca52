"""RevNet: a pair of halves stepped in turn, the symplectic Euler method (Gomez et al., 2017; MATH 2.1)."""

from dataclasses import dataclass
from typing import Any

from .architecture import Architecture, ModifiedEquation

__all__ = ["RevNet"]


@dataclass(frozen=True)
class RevNet(Architecture):
    """X⁺ = X + F(Y), Y⁺ = Y + G(X⁺) for x = (X, Y), the halves of the state: X' = f(Y), Y' = g(X).

    Its inverse is exact, to rounding, whatever F and G are.  On the oscillator f = Y, g = −X it conserves X² + Y² + dt XY.  With f = g = λ · the
    pair has the rates ±λ: bounded for z = dt λ on the imaginary axis, |y| < 2, and nowhere else.
    """

    order = 1
    halves = branches = 2
    exact_inverse = True

    @classmethod
    def example(cls) -> "RevNet":
        return cls()

    def step(self, branch: Any, state: tuple[Any, ...], n: int, own: Any) -> tuple[Any, ...]:
        x, y = state
        x = x + branch(n, y, 0)
        return x, y + branch(n, x, 1)

    def inverse(self, branch: Any, state: tuple[Any, ...], n: int, own: Any) -> tuple[Any, ...]:
        """Exact: Y = Y⁺ − G(X⁺), X = X⁺ − F(Y)."""
        x, y = state
        y = y - branch(n, x, 1)
        return x - branch(n, y, 0), y

    def modified(self) -> ModifiedEquation | None:
        """The halves bend to different sides: the partitioned series of the method."""
        return ModifiedEquation(1.0, (-0.5, 0.5))

    def real_stability(self) -> float | None:
        return 0.0

    def imaginary_stability(self) -> float | None:
        return 2.0
