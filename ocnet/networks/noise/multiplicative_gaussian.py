"""X⁺ = x + dt f + scale · s f ∗ ξ: normal noise on each component of the branch's output, in proportion to it."""

from dataclasses import dataclass
from typing import Any

from ocnet.laws import Normal
from ocnet.networks.blocks.features import Features
from ocnet.typing import Array, Law

from .affine_noise import AffineNoise
from .noise_model import settle_level

__all__ = ["MultiplicativeGaussian"]


@dataclass(frozen=True)
class MultiplicativeGaussian(AffineNoise):
    """Each output f_i times 1 + `level` ξ_i ("natural"): S = level² diag(f²)."""

    level: float
    scaling: str = "natural"
    place = "output"

    def __post_init__(self) -> None:
        super().__post_init__()
        settle_level(self)

    @classmethod
    def example(cls) -> "MultiplicativeGaussian":
        return cls(level=0.6)

    @property
    def unit_size(self) -> Any:
        return self.level

    def law(self, block: Any, dim: int) -> Law:
        return Normal(dim)

    def spread(self, features: Features, xi: Array) -> Array:
        return self.level * features.output * xi

    def spread_vjp(self, features: Features, xi: Array, cotangent: Array) -> Features:
        return Features(self.level * xi * cotangent)
