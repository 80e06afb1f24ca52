"""X⁺ = x + dt f + √dt s (γ − q)/√(q(1 − q)), γ ~ Bernoulli(q): additive and skewed unless q = ½."""

from dataclasses import dataclass
from typing import Any

from ocnet.laws import Bernoulli, Silent
from ocnet.typing import Law

from .additive_noise import AdditiveNoise
from .noise_model import settle_probability

__all__ = ["CentredBernoulli"]


@dataclass(frozen=True)
class CentredBernoulli(AdditiveNoise):
    """Independent standardised Bernoulli(`keep`) variables times `level` on each state component.

    In the diffusive scaling of weak order 1 only where 1 − 2q = O(√dt), such as keep = (1 + β√dt)/2, else of order ½.
    """

    keep: float
    level: float = 1.0
    scaling: str = "diffusive"

    def __post_init__(self) -> None:
        super().__post_init__()
        settle_probability(self, "keep", "the chance of γ = 1")

    @classmethod
    def example(cls) -> "CentredBernoulli":
        return cls(keep=0.7, level=0.3)

    @property
    def skewness(self) -> float:
        return 0.0 if self.keep == 1 else Bernoulli(self.keep, 1).skewness

    @property
    def additive(self) -> float | None:
        return 0.0 if self.keep == 1 else self.level

    def law(self, block: Any, dim: int) -> Law:
        return Silent() if self.keep == 1 else Bernoulli(self.keep, dim)
