"""X⁺ = x + dt f(x) ∗ γ/q: Bernoulli dropout on the output of the branch, after its last layer (Sun, Tao, Du)."""

from dataclasses import dataclass

import numpy as np

from ocnet.laws import Bernoulli, Silent
from ocnet.networks.blocks.features import Features

from .affine_noise import AffineNoise

__all__ = ["OutputDropout"]


@dataclass(frozen=True)
class OutputDropout(AffineNoise):
    """Each component of the branch stays with probability `keep` and is scaled by 1/keep; the drift is unchanged.

    γ/q = 1 + √((1 − q)/q) ξ, so the directions are the columns of √((1 − q)/q) diag(f).
    """

    keep: float
    scaling = "natural"

    def __post_init__(self):
        if not 0 < self.keep <= 1:
            raise ValueError(f"keep={self.keep} is not a probability in (0, 1]; it is the chance that a component "
                             "stays, so use keep=0.9 for a dropout rate of 0.1")

    @classmethod
    def example(cls):
        return cls(keep=0.7)

    @property
    def _size(self):
        return np.sqrt((1 - self.keep) / self.keep)

    @property
    def deviation(self):
        return 0.0 if self.keep == 1 else None

    def law(self, dim):
        return Silent() if self.keep == 1 else Bernoulli(self.keep, dim)

    def directions(self, features):
        d, n = features.output.shape
        g = np.zeros((d, 0 if self.keep == 1 else d, n))
        for i in range(g.shape[1]):
            g[i, i] = self._size * features.output[i]
        return g

    def cotangent(self, features, mean_cotangent, directions_cotangent):
        back = mean_cotangent.copy()
        for i in range(directions_cotangent.shape[1]):
            back[i] += self._size * directions_cotangent[i, i]
        return Features(back)
