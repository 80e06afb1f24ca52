"""X⁺ = x + dt f + √dt s ξ with ξ = ±1: the simplest noise of weak order 1."""

from dataclasses import dataclass
from typing import Any

from ocnet.laws import Rademacher
from ocnet.typing import Law

from .additive_noise import AdditiveNoise

__all__ = ["RademacherNoise"]


@dataclass(frozen=True)
class RademacherNoise(AdditiveNoise):
    """Independent signs times `level` on each state component.

    Weak order 1, and no second-order modified equation in the diffusive scaling: E ξ⁴ = 1 ≠ 3 adds a fourth derivative.
    """

    level: float
    scaling: str = "diffusive"

    @classmethod
    def example(cls) -> "RademacherNoise":
        return cls(level=0.3)

    def law(self, block: Any, dim: int) -> Law:
        return Rademacher(dim)
