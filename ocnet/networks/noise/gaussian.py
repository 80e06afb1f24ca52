"""X⁺ = x + dt f + √dt s ξ: additive Gaussian noise, the Euler–Maruyama step of dX = f dt + s dB."""

from dataclasses import dataclass
from typing import Any

from ocnet.laws import Normal
from ocnet.typing import Law

from .additive_noise import AdditiveNoise

__all__ = ["Gaussian"]


@dataclass(frozen=True)
class Gaussian(AdditiveNoise):
    """Independent normal noise of standard deviation `level` on each state component: per √time, or ("natural") on the branch."""

    level: float
    scaling: str = "diffusive"

    @classmethod
    def example(cls) -> "Gaussian":
        return cls(level=0.3)

    @property
    def deviation(self) -> float | None:
        return self.level

    def law(self, block: Any, dim: int) -> Law:
        return Normal(dim)
