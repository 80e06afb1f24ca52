"""X⁺ = x + dt ((W₂ ∗ M/q) a + b₂), M_ij ~ Bernoulli(q): every last weight is dropped on its own (Wan et al., 2013)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.networks.blocks.block_at import BlockAt
from ocnet.networks.blocks.features import Features
from ocnet.typing import Array

from .dropout import Dropout

__all__ = ["DropConnect"]


@dataclass(frozen=True)
class DropConnect(Dropout):
    """Each entry of W₂ stays with probability `keep`, scaled by 1/keep: S = (1 − q)/q diag(Σ_j W₂_ij² a_j²).

    Drawn with d · H channels, one a weight; the factor has d columns, one a state component, of the same covariance.
    """

    keep: float
    scaling: str = "natural"
    rescaled = True
    place = None                     # a mask of its own for every weight: more draws than work
    needs = ("output", "hidden", "last_weights")

    def masks(self, block: Any, dim: int) -> int:
        return dim * block.width

    def _per_weight(self, features, xi):
        return xi.reshape(*features.last_weights.shape, -1)

    def spread(self, features: Features, xi: Array) -> Array:
        masks, w, a = self._per_weight(features, xi), features.last_weights, features.hidden
        return self.unit_size * sum(w[:, j:j + 1] * (a[j] * masks[:, j]) for j in range(len(a)))

    def spread_vjp(self, features: Features, xi: Array, cotangent: Array) -> Features:
        a, w, masks = features.hidden, features.last_weights, self.unit_size * self._per_weight(features, xi)
        return Features(hidden=np.einsum("ij,ijn,in->jn", w, masks, cotangent), last_weights=np.einsum("jn,ijn,in->ij", a, masks, cotangent))

    def _deviations(self, features):
        return self.unit_size * np.sqrt(np.einsum("ij,jn->in", features.last_weights**2, features.hidden**2))

    def factor(self, at: BlockAt) -> Array:
        """(d, d, n): diagonal."""
        if self.keep == 1:
            return np.zeros((len(at.x), 0, at.x.shape[1]))
        return np.einsum("ik,in->ikn", np.eye(len(at.x)), self._deviations(at.features))

    def factor_vjp(self, at: BlockAt, cotangent: Array) -> Features:
        a, w, deviations = at.features.hidden, at.features.last_weights, self._deviations(at.features)
        inner = np.einsum("iin->in", cotangent) * self.unit_size**2
        inner = np.divide(inner, deviations, out=np.zeros_like(inner), where=deviations > 0)
        return Features(hidden=np.einsum("in,ij->jn", inner, w**2) * a, last_weights=np.einsum("in,jn->ij", inner, a**2) * w)
