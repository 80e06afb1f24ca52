"""Standardised laws of the noise ξ: mean 0, covariance 1, independent channels.

A law knows how to be drawn (addressed by seed, path, layer and channel) and how to be integrated exactly or by
quadrature.  Draws are (channels, paths), quadrature nodes (branches, channels).
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from ocnet.kernels import philox

__all__ = ["Bernoulli", "Normal", "Silent"]

_MOST_BRANCHES = 4096


def _tensor(nodes, weights, channels):
    """Tensor power of a one-channel rule: ((k^channels, channels), (k^channels,))."""
    if len(nodes) ** channels > _MOST_BRANCHES:
        raise ValueError(f"{len(nodes)}^{channels} quadrature branches for {channels} noise channels are more than "
                         f"{_MOST_BRANCHES}; use the particle view (ocnet.particles) instead")
    grids = np.array(list(product(nodes, repeat=channels))).reshape(-1, channels)
    return grids, np.array([np.prod(w) for w in product(weights, repeat=channels)])


def _check_channels(channels):
    if int(channels) != channels or channels < 1:
        raise ValueError(f"channels={channels} is not a whole number ≥ 1; where there is no noise use Silent()")


@dataclass(frozen=True)
class Normal:
    """Independent standard normals."""

    channels: int
    skewness = 0.0

    def __post_init__(self):
        _check_channels(self.channels)

    @classmethod
    def example(cls):
        return cls(channels=3)

    def draw(self, seed, first_path, paths, layer):
        """(channels, paths) draws for the paths first_path, first_path + 1, … of one layer."""
        return philox.normals(seed, first_path, paths, layer, self.channels)

    def quadrature(self, order):
        """Gauss–Hermite rule with `order` nodes a channel, exact to degree 2·order − 1 in each."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(order)
        return _tensor(nodes, weights / weights.sum(), self.channels)


@dataclass(frozen=True)
class Bernoulli:
    """ξ = (γ − q)/√(q(1 − q)) with P(γ = 1) = q = keep: the centred, standardised dropout mask."""

    keep: float
    channels: int

    def __post_init__(self):
        _check_channels(self.channels)
        if not 0 < self.keep < 1:
            raise ValueError(f"keep={self.keep} is not a probability in (0, 1); a mask that drops nothing is Silent()")

    @classmethod
    def example(cls):
        return cls(keep=0.7, channels=3)

    @property
    def skewness(self):
        """E ξ³ = (1 − 2q)/√(q(1 − q))."""
        return (1 - 2 * self.keep) / np.sqrt(self.keep * (1 - self.keep))

    @property
    def _values(self):
        q = self.keep
        return np.sqrt((1 - q) / q), -np.sqrt(q / (1 - q))       # unit kept, unit dropped

    def draw(self, seed, first_path, paths, layer):
        """(channels, paths) draws for the paths first_path, first_path + 1, … of one layer."""
        uniforms = philox.uniforms(seed, first_path, paths, layer, self.channels)
        kept, dropped = self._values
        return np.where(uniforms < self.keep, kept, dropped)

    def quadrature(self, order=None):
        """All 2^channels masks with their probabilities: exact, whatever `order`."""
        return _tensor(self._values, (self.keep, 1 - self.keep), self.channels)


@dataclass(frozen=True)
class Silent:
    """No noise: zero channels, one branch."""

    channels: int = 0
    skewness = 0.0

    @classmethod
    def example(cls):
        return cls()

    def draw(self, seed, first_path, paths, layer):
        """(0, paths): nothing to draw."""
        return np.empty((0, paths))

    def quadrature(self, order=None):
        """One branch of weight 1."""
        return np.empty((1, 0)), np.ones(1)
