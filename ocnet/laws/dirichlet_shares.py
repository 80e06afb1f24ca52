"""Uniform points of a simplex, as uncorrelated channels."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.special import roots_jacobi

from ocnet.inputs import as_whole
from ocnet.products import times
from ocnet.typing import Array

from .law import MOST_BRANCHES, Law, checked_order

__all__ = ["DirichletShares"]


@dataclass(frozen=True)
class DirichletShares(Law):
    """Shares α ~ Dirichlet(1, …, 1) of K branches, uniform on the simplex, as K − 1 uncorrelated (not independent) channels.

    Cov α = C = (1 − 𝟏𝟏ᵀ/K)/(K(K + 1)); with the rows of an orthonormal basis H (K − 1, K) of the space Σ α = 0 (Helmert's),
    ξ = √(K(K + 1)) H α and α = 1/K + Hᵀ ξ/√(K(K + 1)).
    """

    branches: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "branches", as_whole(self.branches, "branches", 2, "one branch has no share to draw"))

    @classmethod
    def example(cls) -> "DirichletShares":
        return cls(branches=3)

    @property
    def channels(self) -> int:
        return self.branches - 1

    @property
    def skewness(self) -> float:
        nodes, weights = self.quadrature(3)
        return float(np.abs(np.einsum("k,ki,kj,kl->ijl", weights, nodes, nodes, nodes)).max()) if self.branches > 2 else 0.0

    @property
    def basis(self) -> Array:
        """H/√(K(K + 1)), (K − 1, K): shares are 1/K + basisᵀ ξ."""
        k = self.branches
        rows = np.tril(np.ones((k - 1, k))) - np.diag(np.arange(1, k), 1)[:k - 1]
        return rows / np.linalg.norm(rows, axis=1)[:, None] / np.sqrt(k * (k + 1))

    def shares(self, xi: Array) -> Array:
        """α (K, n) of ξ (K − 1, n)."""
        return 1 / self.branches + times(self.basis.T, xi)

    def _standardised(self, alpha):
        return times(self.branches * (self.branches + 1) * self.basis, alpha)

    def _broken(self, v):
        """Shares (K, n) that breaks v (K − 1, n) of a stick leave: α_i = v_i Π_{j<i} (1 − v_j)."""
        left = np.concatenate([np.ones((1, v.shape[1])), np.cumprod(1 - v, axis=0)])
        return left * np.concatenate([v, np.ones((1, v.shape[1]))])

    def from_uniforms(self, u: Array) -> Array:
        """(K − 1, n): the stick is broken at v_i = 1 − (1 − u_i)^{1/(K − i)}, of law Beta(1, K − i)."""
        powers = 1 / np.arange(self.branches - 1, 0, -1.0)
        return self._standardised(self._broken(1 - (1 - u) ** powers[:, None]))

    def quadrature(self, order: int) -> tuple[Array, Array]:
        """Gauss–Jacobi rules of `order` nodes for the breaks of the stick: exact to degree 2·order − 1; ValueError where they are too many."""
        order = checked_order(order)
        if self.channels * np.log2(order) > np.log2(MOST_BRANCHES):
            raise ValueError(f"{order}^{self.channels} quadrature branches for {self.branches} shares are more than "
                             f"{MOST_BRANCHES}; use the particle view (ocnet.particles) instead")
        rules = [roots_jacobi(order, power - 1.0, 0.0) for power in range(self.channels, 0, -1)]
        v = np.array(list(product(*[(1 + nodes) / 2 for nodes, _ in rules]))).T
        weights = np.array([np.prod(w) for w in product(*[w / w.sum() for _, w in rules])])
        return self._standardised(self._broken(v)).T, weights
