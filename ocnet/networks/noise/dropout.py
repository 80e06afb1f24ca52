"""What all dropout models share: a mask γ ~ Bernoulli(keep), rescaled by 1/keep or not."""

import numpy as np

from ocnet.laws import Bernoulli, Silent

from .affine_noise import AffineNoise
from .noise_model import checked_probability

__all__ = ["Dropout"]


class Dropout(AffineNoise):
    """γ/q = 1 + √((1 − q)/q) ξ where rescaled, γ = q + √(q(1 − q)) ξ where not; a subclass says what is masked."""

    def __post_init__(self):
        super().__post_init__()
        checked_probability(self.keep, "keep", "the chance that a unit stays, so use keep=0.9 for a dropout rate of 0.1")

    @classmethod
    def example(cls):
        return cls(keep=0.7)

    @property
    def skewness(self):
        return 0.0 if self.keep == 1 else Bernoulli(self.keep, 1).skewness

    @property
    def additive(self):
        return 0.0 if self.keep == 1 else None

    @property
    def deviation(self):
        return self.additive

    @property
    def unit_size(self):
        """Standard deviation of a unit's factor."""
        q = self.keep
        return np.sqrt((1 - q) / q) if self.rescaled else np.sqrt(q * (1 - q))

    def law(self, block, dim):
        return Silent() if self.keep == 1 else Bernoulli(self.keep, self.masks(block, dim))
