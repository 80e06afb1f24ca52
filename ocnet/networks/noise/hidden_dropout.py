"""X⁺ = x + dt (W₂ (a ∗ γ/q) + b₂): dropout on the last hidden units, before the last linear map."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.networks.blocks.block_at import BlockAt
from ocnet.networks.blocks.features import Features
from ocnet.products import times
from ocnet.typing import Array

from .dropout import Dropout

__all__ = ["HiddenDropout"]


@dataclass(frozen=True)
class HiddenDropout(Dropout):
    """Each last hidden unit a_j stays with probability `keep`, scaled by 1/keep; the drift is unchanged.

    S = (1 − q)/q W₂ diag(a²) W₂ᵀ: as many channels as hidden units, and not the S of output dropout, whose drift is the same.
    """

    keep: float
    scaling: str = "natural"
    rescaled = True
    place = "hidden"
    needs = ("output", "hidden", "last_weights")

    def masks(self, block: Any, dim: int) -> int:
        return block.width

    def spread(self, features: Features, xi: Array) -> Array:
        return self.unit_size * times(features.last_weights, features.hidden * xi)

    def spread_vjp(self, features: Features, xi: Array, cotangent: Array) -> Features:
        back = times(features.last_weights.T, cotangent)
        return Features(hidden=self.unit_size * xi * back, last_weights=self.unit_size * np.einsum("in,jn->ij", cotangent, features.hidden * xi))

    def directions(self, at: BlockAt) -> Array:
        """(d, H, n): column j is √((1 − q)/q) W₂[:, j] a_j."""
        if self.keep == 1:
            return np.empty((len(at.x), 0, at.x.shape[1]))
        return self.unit_size * at.features.last_weights[:, :, None] * at.features.hidden

    def factor_vjp(self, at: BlockAt, cotangent: Array) -> Features:
        a, w = at.features.hidden, at.features.last_weights
        return Features(hidden=self.unit_size * np.einsum("ijn,ij->jn", cotangent, w),
                        last_weights=self.unit_size * np.einsum("ijn,jn->ij", cotangent, a))
