"""Noise that does not depend on the state: X⁺ = x + dt f + scale · s ξ."""

from ocnet.networks.blocks.features import Features

from .affine_noise import AffineNoise
from .noise_model import checked_level

__all__ = ["AdditiveNoise"]


class AdditiveNoise(AffineNoise):
    """Base of additive models of size `level`; a subclass gives the law."""

    place = "additive"

    def __post_init__(self):
        super().__post_init__()
        checked_level(self.level)

    @property
    def additive(self):
        return self.level

    @property
    def unit_size(self):
        return self.level

    def spread(self, features, xi):
        return self.level * xi

    def spread_vjp(self, features, xi, cotangent):
        return Features()
