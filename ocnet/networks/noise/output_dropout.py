"""X⁺ = x + dt f(x) ∗ γ/q: Bernoulli dropout on the output of the branch, after its last layer (Sun, Tao, Du)."""

from dataclasses import dataclass

from ocnet.networks.blocks.features import Features
from ocnet.typing import Array

from .dropout import Dropout

__all__ = ["OutputDropout"]


@dataclass(frozen=True)
class OutputDropout(Dropout):
    """Each component of the branch stays with probability `keep`; S = (1 − q)/q diag(f²) where rescaled, q(1 − q) diag(f²) where not.

    rescaled : whether what stays is scaled by 1/keep, which leaves the drift f; else it is keep · f
    """

    keep: float
    rescaled: bool = True
    scaling: str = "natural"
    place = "output"

    @property
    def mean_share(self) -> float:
        return 1.0 if self.rescaled else self.keep

    def spread(self, features: Features, xi: Array) -> Array:
        return self.unit_size * features.output * xi

    def spread_vjp(self, features: Features, xi: Array, cotangent: Array) -> Features:
        return Features(self.unit_size * xi * cotangent)
