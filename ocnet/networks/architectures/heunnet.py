"""HeunNet: Heun's method on the functions of neighbouring layers (Sander, Ablin & Peyré, 2022; MATH 3.3)."""

from dataclasses import dataclass
from typing import Any

from .architecture import Architecture, ModifiedEquation

__all__ = ["HeunNet"]


@dataclass(frozen=True)
class HeunNet(Architecture):
    """x_{n+1} = x_n + ½ (F(x_n, θ_n) + F(x_n + F(x_n, θ_n), θ_{n+1})): N functions, N − 1 steps of length horizon/N, as published.

    The time reached is horizon (1 − 1/N), and every θ_n but the first and the last is used twice.
    """

    order = 2
    span = 2
    exact_inverse = False

    @classmethod
    def example(cls) -> "HeunNet":
        return cls()

    def step(self, branch: Any, state: tuple[Any, ...], n: int, own: Any) -> tuple[Any, ...]:
        (x,) = state
        f = branch(n, x)
        return (x + 0.5 * (f + branch(n + 1, x + f)),)

    def inverse(self, branch: Any, state: tuple[Any, ...], n: int, own: Any) -> tuple[Any, ...]:
        """The step backwards in time: off by O(dt⁴) a step for weights smooth in depth, as a symmetric error cancels, O(dt²) for rough ones (MATH 3.3)."""
        (x,) = state
        f = branch(n + 1, x)
        return (x - 0.5 * (f + branch(n, x - f)),)

    def modified(self) -> ModifiedEquation | None:
        return ModifiedEquation(1.0, 0.0)

    def real_stability(self) -> float | None:
        return 2.0

    def imaginary_stability(self) -> float | None:
        return 0.0
