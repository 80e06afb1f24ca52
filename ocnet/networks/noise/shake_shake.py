"""X⁺ = x + dt (α f₁ + (1 − α) f₂), α ~ U(0, 1): shake-shake (Gastaldi, 2017)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.kernels.philox import derived_seed
from ocnet.laws import Uniform
from ocnet.networks.blocks.features import Features
from ocnet.typing import Array, Law

from .affine_noise import AffineNoise

__all__ = ["ShakeShake"]

_BACKWARD = 0x5348414B               # word of the shares drawn for the reverse sweep alone


@dataclass(frozen=True)
class ShakeShake(AffineNoise):
    """Two branches with random shares: the drift is their mean, S = (f₁ − f₂)(f₁ − f₂)ᵀ/12, one channel; no skewness.

    backward : "same" share in the reverse sweep, which then is the gradient; or "independent" as published, which draws the
        reverse sweep's share anew and is the gradient of nothing
    """

    backward: str = "same"
    scaling: str = "natural"
    needs = ("output", "branches")
    copies = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.backward not in ("same", "independent"):
            raise ValueError(f"backward={self.backward!r}; choose 'same' (the gradient) or 'independent' (as published)")

    @classmethod
    def example(cls) -> "ShakeShake":
        return cls()

    def law(self, block: Any, dim: int) -> Law:
        return Uniform(1)

    def spread(self, features: Features, xi: Array) -> Array:
        first, second = features.branches
        return (first - second) / np.sqrt(12) * xi

    def spread_vjp(self, features: Features, xi: Array, cotangent: Array) -> Features:
        back = cotangent * xi / np.sqrt(12)
        return Features(branches=np.stack([back, -back]))

    def draw_backward(self, law: Law, seed: int, first: int, paths: int, n: int) -> Array:
        return law.draw(seed if self.backward == "same" else derived_seed(seed, _BACKWARD), first, paths, n)
