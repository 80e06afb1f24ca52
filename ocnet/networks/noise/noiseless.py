"""X⁺ = x + dt f: the plain residual network, as the limit of every noise model."""

from dataclasses import dataclass

import numpy as np

from ocnet.laws import Silent

from .affine_noise import AffineNoise

__all__ = ["Noiseless"]


@dataclass(frozen=True)
class Noiseless(AffineNoise):
    """No noise."""

    scaling = "diffusive"
    deviation = 0.0

    @classmethod
    def example(cls):
        return cls()

    def law(self, dim):
        return Silent()

    def directions(self, features):
        d, n = features.output.shape
        return np.empty((d, 0, n))
