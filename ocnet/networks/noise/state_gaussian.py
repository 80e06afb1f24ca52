"""X⁺ = x + dt f + √dt s x ∗ ξ: normal noise in proportion to the state (Liu et al., neural SDE)."""

from dataclasses import dataclass

from ocnet.networks.blocks.features import Features
from ocnet.typing import Array

from .multiplicative_gaussian import MultiplicativeGaussian

__all__ = ["StateGaussian"]


@dataclass(frozen=True)
class StateGaussian(MultiplicativeGaussian):
    """Each state component x_i gets noise `level` x_i ξ_i: S = level² diag(x²); Itô, not Stratonovich."""

    scaling: str = "diffusive"
    needs = ("output", "state")
    place = "state"

    def spread(self, features: Features, xi: Array) -> Array:
        return self.level * features.state * xi

    def spread_vjp(self, features: Features, xi: Array, cotangent: Array) -> Features:
        return Features(state=self.level * xi * cotangent)
