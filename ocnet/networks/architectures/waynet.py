"""WayNet: branches side by side, the 2-way of PolyNet (Zhang et al., 2017; MATH 2.1)."""

from dataclasses import dataclass
from typing import Any

from ocnet.inputs import as_whole

from .architecture import Architecture, ModifiedEquation

__all__ = ["WayNet"]


@dataclass(frozen=True)
class WayNet(Architecture):
    """x⁺ = x + F_1(x) + … + F_K(x), K = `ways`: forward Euler for the sum of the branches, each with noise of its own.

    ways : whole number ≥ 2, else ValueError
    (A mean of branches as one block is `Branches`; a sum of hidden layers as one block is `Aggregated`.)
    """

    ways: int = 2
    order = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "ways", as_whole(self.ways, "ways", 2, "one way is ResNet()"))

    @classmethod
    def example(cls) -> "WayNet":
        return cls()

    @property
    def branches(self) -> int:
        return self.ways

    def step(self, branch: Any, state: tuple[Any, ...], n: int, own: Any) -> tuple[Any, ...]:
        (x,) = state
        return (sum((branch(n, x, which) for which in range(1, self.ways)), x + branch(n, x)),)

    def modified(self) -> ModifiedEquation | None:
        return ModifiedEquation(float(self.ways), -0.5 * self.ways**2)

    def real_stability(self) -> float | None:
        """Euler's 2 for the sum of the branches."""
        return 2.0 / self.ways

    def imaginary_stability(self) -> float | None:
        return 0.0
