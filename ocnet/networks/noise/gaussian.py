"""X⁺ = x + dt f + √dt s ξ: additive Gaussian noise, the Euler–Maruyama step of dX = f dt + s dB."""

from dataclasses import dataclass

import numpy as np

from ocnet.laws import Normal

from .affine_noise import AffineNoise

__all__ = ["Gaussian"]


@dataclass(frozen=True)
class Gaussian(AffineNoise):
    """Independent normal noise of standard deviation `level` per √time on each state component."""

    level: float
    scaling = "diffusive"

    def __post_init__(self):
        if not (np.isfinite(self.level) and self.level >= 0):
            raise ValueError(f"level={self.level} is not a standard deviation; give a finite number ≥ 0")

    @classmethod
    def example(cls):
        return cls(level=0.3)

    @property
    def deviation(self):
        return self.level

    def law(self, dim):
        return Normal(dim)

    def directions(self, features):
        d, n = features.output.shape
        return np.broadcast_to(self.level * np.eye(d)[:, :, None], (d, d, n))
