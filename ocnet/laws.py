"""Standardised laws of the noise ξ: mean 0, covariance 1, draws independent from path to path and layer to layer.

A law knows how to be drawn (addressed by seed, path, layer and channel), how it comes from uniforms (for antithetic and
quasi-random draws) and how to be integrated exactly or by quadrature.  Draws are (channels, paths), quadrature nodes
(branches, channels).  Channels are independent too, but for those of `DirichletShares`.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.special import ndtri, roots_jacobi

from ocnet.kernels import philox
from ocnet.products import times

__all__ = ["Bernoulli", "DirichletShares", "Joint", "Normal", "Rademacher", "Silent", "Uniform"]

_MOST_BRANCHES = 4096
_JOINING = 0x4A4F494E                # word of the seeds of a joint law's later members


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


class _Law:
    """What laws share: drawing by way of `uniforms` uniforms a path and layer."""

    skewness = 0.0                   # the largest |E ξ_i ξ_j ξ_k|, with its sign where channels are independent

    @property
    def uniforms(self):
        """How many uniforms `from_uniforms` takes."""
        return self.channels

    def draw(self, seed, first_path, paths, layer, mirrored=False):
        """(channels, paths) draws for the paths first_path, first_path + 1, … of one layer.

        mirrored : draws of the same law as far from these as can be: made of 1 − u for uniforms u (antithetic)
        """
        u = philox.uniforms(seed, first_path, paths, layer, self.uniforms)
        return self.from_uniforms(1 - u if mirrored else u)


@dataclass(frozen=True)
class Normal(_Law):
    """Independent standard normals."""

    channels: int

    def __post_init__(self):
        _check_channels(self.channels)

    @classmethod
    def example(cls):
        return cls(channels=3)

    def draw(self, seed, first_path, paths, layer, mirrored=False):
        xi = philox.normals(seed, first_path, paths, layer, self.channels)
        return -xi if mirrored else xi

    def from_uniforms(self, u):
        """(channels, n) normals by inversion of their distribution function at u (channels, n) in (0, 1)."""
        return ndtri(u)

    def quadrature(self, order):
        """Gauss–Hermite rule with `order` nodes a channel, exact to degree 2·order − 1 in each."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(order)
        return _tensor(nodes, weights / weights.sum(), self.channels)


@dataclass(frozen=True)
class Rademacher(_Law):
    """Independent signs: +1 or −1, each with probability ½."""

    channels: int

    def __post_init__(self):
        _check_channels(self.channels)

    @classmethod
    def example(cls):
        return cls(channels=3)

    @property
    def two_values(self):
        """P(first), and the two values."""
        return 0.5, 1.0, -1.0

    def from_uniforms(self, u):
        """(channels, n) signs: +1 where u (channels, n) < ½."""
        return np.where(u < 0.5, 1.0, -1.0)

    def quadrature(self, order=None):
        """All 2^channels signs: exact, whatever `order`."""
        return _tensor((1.0, -1.0), (0.5, 0.5), self.channels)


@dataclass(frozen=True)
class Bernoulli(_Law):
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
    def two_values(self):
        """P(kept), and the values of a kept and of a dropped unit."""
        q = self.keep
        return q, np.sqrt((1 - q) / q), -np.sqrt(q / (1 - q))

    def from_uniforms(self, u):
        """(channels, n) values of kept units where u (channels, n) < keep, else of dropped ones."""
        _, kept, dropped = self.two_values
        return np.where(u < self.keep, kept, dropped)

    def quadrature(self, order=None):
        """All 2^channels masks with their probabilities: exact, whatever `order`."""
        return _tensor(self.two_values[1:], (self.keep, 1 - self.keep), self.channels)


@dataclass(frozen=True)
class Uniform(_Law):
    """ξ = √12 (α − ½) with α uniform on (0, 1)."""

    channels: int

    def __post_init__(self):
        _check_channels(self.channels)

    @classmethod
    def example(cls):
        return cls(channels=2)

    def from_uniforms(self, u):
        """(channels, n): √12 (u − ½)."""
        return np.sqrt(12) * (u - 0.5)

    def quadrature(self, order):
        """Gauss–Legendre rule with `order` nodes a channel, exact to degree 2·order − 1 in each."""
        nodes, weights = np.polynomial.legendre.leggauss(order)
        return _tensor(np.sqrt(3) * nodes, weights / 2, self.channels)


@dataclass(frozen=True)
class DirichletShares(_Law):
    """Shares α ~ Dirichlet(1, …, 1) of K branches, uniform on the simplex, as K − 1 uncorrelated (not independent) channels.

    Cov α = C = (1 − 𝟏𝟏ᵀ/K)/(K(K + 1)); with the rows of an orthonormal basis H (K − 1, K) of the space Σ α = 0 (Helmert's),
    ξ = √(K(K + 1)) H α and α = 1/K + Hᵀ ξ/√(K(K + 1)).
    """

    branches: int

    def __post_init__(self):
        if int(self.branches) != self.branches or self.branches < 2:
            raise ValueError(f"branches={self.branches} is not a whole number ≥ 2; one branch has no share to draw")

    @classmethod
    def example(cls):
        return cls(branches=3)

    @property
    def channels(self):
        return self.branches - 1

    @property
    def skewness(self):
        nodes, weights = self.quadrature(3)
        return float(np.abs(np.einsum("k,ki,kj,kl->ijl", weights, nodes, nodes, nodes)).max()) if self.branches > 2 else 0.0

    @property
    def basis(self):
        """H/√(K(K + 1)), (K − 1, K): shares are 1/K + basisᵀ ξ."""
        k = self.branches
        rows = np.tril(np.ones((k - 1, k))) - np.diag(np.arange(1, k), 1)[:k - 1]
        return rows / np.linalg.norm(rows, axis=1)[:, None] / np.sqrt(k * (k + 1))

    def shares(self, xi):
        """α (K, n) of ξ (K − 1, n)."""
        return 1 / self.branches + times(self.basis.T, xi)

    def _standardised(self, alpha):
        return times(self.branches * (self.branches + 1) * self.basis, alpha)

    def _broken(self, v):
        """Shares (K, n) that breaks v (K − 1, n) of a stick leave: α_i = v_i Π_{j<i} (1 − v_j)."""
        left = np.concatenate([np.ones((1, v.shape[1])), np.cumprod(1 - v, axis=0)])
        return left * np.concatenate([v, np.ones((1, v.shape[1]))])

    def from_uniforms(self, u):
        """(K − 1, n): the stick is broken at v_i = 1 − (1 − u_i)^{1/(K − i)}, of law Beta(1, K − i)."""
        powers = 1 / np.arange(self.branches - 1, 0, -1.0)
        return self._standardised(self._broken(1 - (1 - u) ** powers[:, None]))

    def quadrature(self, order):
        """Gauss–Jacobi rules of `order` nodes for the breaks of the stick: exact to degree 2·order − 1."""
        if order ** self.channels > _MOST_BRANCHES:
            raise ValueError(f"{order}^{self.channels} quadrature branches for {self.branches} shares are more than "
                             f"{_MOST_BRANCHES}; use the particle view (ocnet.particles) instead")
        rules = [roots_jacobi(order, power - 1.0, 0.0) for power in range(self.channels, 0, -1)]
        v = np.array(list(product(*[(1 + nodes) / 2 for nodes, _ in rules]))).T
        weights = np.array([np.prod(w) for w in product(*[w / w.sum() for _, w in rules])])
        return self._standardised(self._broken(v)).T, weights


@dataclass(frozen=True)
class Joint(_Law):
    """Independent laws side by side: the channels of the first, then those of the second, …"""

    laws: tuple

    @classmethod
    def example(cls):
        return cls((Normal(2), Rademacher(1)))

    @property
    def channels(self):
        return sum(law.channels for law in self.laws)

    @property
    def uniforms(self):
        return sum(law.uniforms for law in self.laws)

    @property
    def skewness(self):
        return max((law.skewness for law in self.laws), key=abs)

    def draw(self, seed, first_path, paths, layer, mirrored=False):
        return np.concatenate([law.draw(philox.derived_seed(seed, _JOINING, k) if k else seed, first_path, paths, layer, mirrored)
                               for k, law in enumerate(self.laws)])

    def from_uniforms(self, u):
        """(channels, n) of u (uniforms, n), law after law."""
        ends = np.cumsum([law.uniforms for law in self.laws])
        return np.concatenate([law.from_uniforms(part) for law, part in zip(self.laws, np.split(u, ends[:-1]))])

    def quadrature(self, order):
        """The product of the laws' rules."""
        rules = [law.quadrature(order) for law in self.laws]
        if np.prod([len(w) for _, w in rules]) > _MOST_BRANCHES:
            raise ValueError(f"the {' × '.join(str(len(w)) for _, w in rules)} quadrature branches are more than "
                             f"{_MOST_BRANCHES}; use the particle view (ocnet.particles) instead")
        nodes = [np.concatenate(parts) for parts in product(*[nodes for nodes, _ in rules])]
        return np.array(nodes), np.array([np.prod(w) for w in product(*[w for _, w in rules])])


@dataclass(frozen=True)
class Silent(_Law):
    """No noise: zero channels, one branch."""

    channels: int = 0

    @classmethod
    def example(cls):
        return cls()

    def draw(self, seed, first_path, paths, layer, mirrored=False):
        """(0, paths): nothing to draw."""
        return np.empty((0, paths))

    def from_uniforms(self, u):
        """(0, n)."""
        return np.empty((0, u.shape[1]))

    def quadrature(self, order=None):
        """One branch of weight 1."""
        return np.empty((1, 0)), np.ones(1)
