"""What all dropout models share: a mask γ ~ Bernoulli(keep), rescaled by 1/keep or not."""

from typing import Any, TypeVar

import numpy as np

from ocnet.laws import Bernoulli, Silent
from ocnet.typing import Law

from .affine_noise import AffineNoise
from .noise_model import NoiseModel, settle_probability

__all__ = ["Dropout", "Masks"]

_Member = TypeVar("_Member", bound="Masks")


class Masks(NoiseModel):
    """Base of models whose ξ is a standardised mask that keeps with probability `keep`; keep=1 is no noise."""

    keep: float
    scaling = "natural"
    stays = "keep", "the chance that a unit stays, so use keep=0.9 for a dropout rate of 0.1"         # the field of the probability, what it means

    def __post_init__(self) -> None:
        super().__post_init__()
        settle_probability(self, *self.stays)

    @classmethod
    def example(cls: type[_Member]) -> _Member:
        return cls(keep=0.7)  # type: ignore[call-arg]  # a field of the members

    @property
    def skewness(self) -> float:
        return 0.0 if self.keep == 1 else Bernoulli(self.keep, 1).skewness

    @property
    def additive(self) -> float | None:
        return 0.0 if self.keep == 1 else None

    @property
    def deviation(self) -> float | None:
        return self.additive

    def masks(self, block: Any, dim: int) -> int:
        """How many masks a layer draws: one a state component, unless a subclass says otherwise."""
        return dim

    def law(self, block: Any, dim: int) -> Law:
        return Silent() if self.keep == 1 else Bernoulli(self.keep, self.masks(block, dim))


class Dropout(Masks, AffineNoise):
    """γ/q = 1 + √((1 − q)/q) ξ where rescaled, γ = q + √(q(1 − q)) ξ where not; a subclass says what is masked."""

    rescaled: bool

    @property
    def unit_size(self) -> Any:
        """Standard deviation of a unit's factor."""
        q = self.keep
        return np.sqrt((1 - q) / q) if self.rescaled else np.sqrt(q * (1 - q))
