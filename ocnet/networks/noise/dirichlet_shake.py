"""X⁺ = x + dt Σ_k α_k f_k, α ~ Dirichlet(1, …, 1): shake-shake with K branches."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.inputs import as_whole
from ocnet.laws import DirichletShares
from ocnet.networks.blocks.block_at import BlockAt
from ocnet.networks.blocks.features import Features
from ocnet.products import times
from ocnet.typing import Array, Law

from .affine_noise import AffineNoise

__all__ = ["DirichletShake"]


@dataclass(frozen=True)
class DirichletShake(AffineNoise):
    """Shares uniform on the simplex: the drift is the branches' mean, S = F C Fᵀ with F = [f_1 … f_K], C = (1 − 𝟏𝟏ᵀ/K)/(K(K + 1)).

    copies : K ≥ 2 branches, of block=Branches(block, K)
    Skewed for K > 2.  Drawn with K − 1 channels; the factor F C^½ has K columns.
    """

    copies: int = 3
    scaling: str = "natural"
    needs = ("output", "branches")

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "copies", as_whole(self.copies, "copies", 2, "one branch has no share to draw"))

    @classmethod
    def example(cls) -> "DirichletShake":
        return cls(3)

    @property
    def skewness(self) -> float:
        return DirichletShares(self.copies).skewness

    def law(self, block: Any, dim: int) -> Law:
        return DirichletShares(self.copies)

    def spread(self, features: Features, xi: Array) -> Array:
        return sum(branch * share for branch, share in zip(features.branches, times(DirichletShares(self.copies).basis.T, xi)))

    def spread_vjp(self, features: Features, xi: Array, cotangent: Array) -> Features:
        return Features(branches=times(DirichletShares(self.copies).basis.T, xi)[:, None] * cotangent)

    @property
    def _root(self):
        k = self.copies
        return (np.eye(k) - 1 / k) / np.sqrt(k * (k + 1))

    def factor(self, at: BlockAt) -> Array:
        """(d, K, n): F C^½."""
        return np.einsum("kin,kl->iln", at.features.branches, self._root)

    def factor_vjp(self, at: BlockAt, cotangent: Array) -> Features:
        return Features(branches=np.einsum("iln,kl->kin", cotangent, self._root))
