"""Noise that does not depend on the state: X⁺ = x + dt f + scale · s ξ."""

from typing import Any

from ocnet.networks.blocks.features import Features
from ocnet.typing import Array

from .affine_noise import AffineNoise
from .noise_model import settle_level

__all__ = ["AdditiveNoise"]


class AdditiveNoise(AffineNoise):
    """Base of additive models of size `level`; a subclass gives the law."""

    level: float
    place = "additive"

    def __post_init__(self) -> None:
        super().__post_init__()
        settle_level(self)

    @property
    def additive(self) -> float | None:
        return self.level

    @property
    def unit_size(self) -> Any:
        return self.level

    def spread(self, features: Features, xi: Array) -> Array:
        return self.level * xi

    def spread_vjp(self, features: Features, xi: Array, cotangent: Array) -> Features:
        return Features()
