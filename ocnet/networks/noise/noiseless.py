"""X⁺ = x + dt f: the plain residual network, as the limit of every noise model."""

from dataclasses import dataclass
from typing import Any

from ocnet.laws import Silent
from ocnet.typing import Law

from .additive_noise import AdditiveNoise

__all__ = ["Noiseless"]


@dataclass(frozen=True)
class Noiseless(AdditiveNoise):
    """No noise."""

    scaling: str = "natural"
    level = deviation = 0.0

    @classmethod
    def example(cls) -> "Noiseless":
        return cls()

    def law(self, block: Any, dim: int) -> Law:
        return Silent()
