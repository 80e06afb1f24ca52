"""X⁺ = x + dt f(x ∗ γ/q): dropout on the branch's input, before its nonlinearity."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.laws import Bernoulli
from ocnet.networks.blocks.block_at import BlockAt
from ocnet.networks.blocks.features import Features
from ocnet.typing import Array, Law

from .affine_noise import repeated
from .dropout import Masks

__all__ = ["InputDropout"]

_MOST_ENUMERATED = 12                # components; above, masks are sampled
_SAMPLED = 1 << 12                   # masks, in mirrored pairs


@dataclass(frozen=True)
class InputDropout(Masks):
    """Each component of the branch's input stays with probability `keep`, scaled by 1/keep.

    The mask is followed by a nonlinearity, so the drift is f̄ = E_γ f(x ∗ γ/q), not f, at any depth, and S = Cov_γ f.  Both by all 2^d
    masks for d ≤ 12; above by the same 4096 sampled masks at all times, of relative error about 1/64 of the branch's spread.
    """

    keep: float
    scaling: str = "natural"

    @classmethod
    def example(cls) -> "InputDropout":
        return cls(keep=0.6)

    def law(self, block: Any, dim: int) -> Law:
        if self.scaling == "diffusive" and dim > _MOST_ENUMERATED and self.keep < 1:
            raise ValueError(f"scaling='diffusive' takes the mean over all masks off each draw, and dim={dim} has more than "
                             f"2^{_MOST_ENUMERATED} of them: use scaling='natural'")
        return super().law(block, dim)

    @property
    def skewed(self) -> bool:
        """A fair mask before a nonlinearity is skewed after it."""
        return self.keep < 1

    @property
    def place(self) -> str | None:
        return "input" if self.scaling == "natural" else None

    @property
    def unit_size(self) -> Any:
        return np.sqrt((1 - self.keep) / self.keep)

    def _factors(self, xi):
        """γ/q of ξ."""
        return 1 + self.unit_size * xi

    def _masked(self, at, xi):
        return at.moved(np.ascontiguousarray(at.x * self._factors(xi))) if len(xi) else at

    def increment(self, at: BlockAt, xi: Array, dt: float) -> Array:
        """X⁺ − x (d, n) for ξ (d, n)."""
        sample = self._masked(at, xi).features.output
        if self.scaling == "natural":
            return dt * sample
        mean = self.mean(at)
        return dt * mean + np.sqrt(dt) * (sample - mean)

    def increment_vjp(self, at: BlockAt, xi: Array, dt: float, cotangent: Array) -> tuple[Any, Array]:
        """The cotangents of points and numbers for one of the increment."""
        scale = self.scale(dt)
        back, gradient = self._masked(at, xi).vector_jacobian(Features(scale * cotangent))
        back = back * self._factors(xi) if len(xi) else back
        if self.scaling == "natural":
            return back, gradient
        mean_back, mean_gradient = self.coefficients_vjp(at, (dt - scale) * cotangent)
        return back + mean_back, gradient + mean_gradient

    def branches(self, at: BlockAt, nodes: Array, dt: float) -> Array:
        """The increments (branches, d, n) at quadrature nodes (branches, d)."""
        return np.stack([self.increment(at, repeated(node, at.x.shape[1]), dt) for node in nodes])

    def branches_vjp(self, at: BlockAt, nodes: Array, dt: float, cotangent: Array) -> tuple[Any, Array]:
        """The cotangents of points and numbers for one (branches, d, n) of the `branches`."""
        parts: list[Any] = [self.increment_vjp(at, repeated(node, at.x.shape[1]), dt, part) for node, part in zip(nodes, cotangent)]
        return sum(part[0] for part in parts), sum(part[1] for part in parts)

    def _outputs(self, at):
        """f at the masked points (k, d, n), the masks' factors (k, d) and weights (k,)."""
        masks = _Masks(self, len(at.x))
        return np.stack([at.moved(at.x * m[:, None]).features.output for m in masks.factors]), masks

    def mean(self, at: BlockAt) -> Array:
        """f̄ (d, n): the mean over masks."""
        masks = _Masks(self, len(at.x))
        return sum(w * at.moved(at.x * m[:, None]).features.output for m, w in zip(masks.factors, masks.weights))

    def mean_jacobian_product(self, at: BlockAt, direction: Array) -> Array:
        """(D f̄) v (d, n)."""
        masks = _Masks(self, len(at.x))
        return sum(w * at.moved(at.x * m[:, None]).jacobian_product(m[:, None] * direction) for m, w in zip(masks.factors, masks.weights))

    def _covariance(self, at):
        outputs, masks = self._outputs(at)
        centred = outputs - np.einsum("k,kin->in", masks.weights, outputs)
        return centred, np.einsum("k,kin,kjn->nij", masks.weights, centred, centred), masks

    def factor(self, at: BlockAt) -> Array:
        """g (d, d, n): the symmetric square root of S."""
        if self.keep == 1:
            return np.zeros((len(at.x), 0, at.x.shape[1]))
        values, vectors = np.linalg.eigh(self._covariance(at)[1])
        return np.einsum("nij,nj,nkj->ikn", vectors, np.sqrt(np.maximum(values, 0.0)), vectors)

    def coefficients_vjp(self, at: BlockAt, mean_cotangent: Array, factor_cotangent: Array | None = None) -> tuple[Any, Array]:
        """The cotangents of points and numbers for those of mean (d, n) and factor (d, d, n).

        With g = √S = V diag(r) Vᵀ: S̄ = V [(Vᵀ ḡ V)_ij/(r_i + r_j)] Vᵀ, and 0 where r_i + r_j is: there √ has no derivative.
        """
        masks = _Masks(self, len(at.x))
        per_mask = masks.weights[:, None, None] * mean_cotangent
        if factor_cotangent is not None and factor_cotangent.shape[1]:
            centred, covariance, _ = self._covariance(at)
            values, v = np.linalg.eigh(covariance)
            roots = np.sqrt(np.maximum(values, 0.0))
            inner = np.einsum("nia,ikn,nkb->nab", v, 0.5 * (factor_cotangent + np.swapaxes(factor_cotangent, 0, 1)), v)
            sums = roots[:, :, None] + roots[:, None, :]
            inner = np.divide(inner, sums, out=np.zeros_like(inner), where=sums > 1e-8 * roots.max(axis=1)[:, None, None])
            back = np.einsum("nia,nab,njb->nij", v, inner, v)
            per_mask = per_mask + 2 * masks.weights[:, None, None] * np.einsum("nij,kjn->kin", back, centred)
        points: Any = 0.0
        numbers: Any = 0.0
        for m, cotangent in zip(masks.factors, per_mask):
            back, gradient = at.moved(at.x * m[:, None]).vector_jacobian(Features(cotangent))
            points, numbers = points + m[:, None] * back, numbers + gradient
        return points, numbers


class _Masks:
    """The masks that the mean is over: factors (k, d) of the input and weights (k,)."""

    def __init__(self, noise, dim):
        if noise.keep == 1:
            self.factors, self.weights = np.ones((1, dim)), np.ones(1)
            return
        law = Bernoulli(noise.keep, dim)
        if dim <= _MOST_ENUMERATED:
            nodes, self.weights = law.quadrature()
        else:
            nodes = np.concatenate([law.draw(0, 0, _SAMPLED // 2, 0, mirrored) for mirrored in (False, True)], axis=1).T
            self.weights = np.full(_SAMPLED, 1 / _SAMPLED)
        self.factors = noise._factors(nodes)
