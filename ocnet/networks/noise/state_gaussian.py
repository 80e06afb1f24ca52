"""X⁺ = x + dt f + √dt s x ∗ ξ: normal noise in proportion to the state (Liu et al., neural SDE)."""

from dataclasses import dataclass

from ocnet.laws import Normal
from ocnet.networks.blocks.features import Features

from .affine_noise import AffineNoise
from .noise_model import checked_level

__all__ = ["StateGaussian"]


@dataclass(frozen=True)
class StateGaussian(AffineNoise):
    """Each state component x_i gets noise `level` x_i ξ_i: S = level² diag(x²); Itô, not Stratonovich."""

    level: float
    scaling: str = "diffusive"
    needs = ("output", "state")
    place = "state"

    def __post_init__(self):
        super().__post_init__()
        checked_level(self.level)

    @classmethod
    def example(cls):
        return cls(level=0.3)

    @property
    def unit_size(self):
        return self.level

    def law(self, block, dim):
        return Normal(dim)

    def spread(self, features, xi):
        return self.level * features.state * xi

    def spread_vjp(self, features, xi, cotangent):
        return Features(state=self.level * xi * cotangent)
