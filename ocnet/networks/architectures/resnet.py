"""ResNet: x + F(x), the forward Euler method (He et al., 2016; MATH 2.1)."""

from dataclasses import dataclass
from typing import Any

from .architecture import Architecture, ModifiedEquation

__all__ = ["ResNet"]


@dataclass(frozen=True)
class ResNet(Architecture):
    """x⁺ = x + F(x).  Stable on u' = λu for |1 + z| ≤ 1; never on the imaginary axis.  Over `LinearMap` it is the linear residual network."""

    order = 1
    plain = True
    exact_inverse = False

    @classmethod
    def example(cls) -> "ResNet":
        return cls()

    def step(self, branch: Any, state: tuple[Any, ...], n: int, own: Any) -> tuple[Any, ...]:
        (x,) = state
        return (x + branch(n, x),)

    def inverse(self, branch: Any, state: tuple[Any, ...], n: int, own: Any) -> tuple[Any, ...]:
        """x⁺ − F(x⁺): off by dt² Df f (Sander, Ablin & Peyré; MATH 3.3)."""
        (x,) = state
        return (x - branch(n, x),)

    def modified(self) -> ModifiedEquation | None:
        return ModifiedEquation(1.0, -0.5)

    def real_stability(self) -> float | None:
        return 2.0

    def imaginary_stability(self) -> float | None:
        return 0.0
