"""Noise that is affine in ξ: increment = dt · mean + scale · Σ_j g_j ξ_j."""

from typing import Any

import numpy as np

from ocnet.networks.blocks.block_at import BlockAt
from ocnet.networks.blocks.features import Features
from ocnet.typing import Array, ArrayLike

from .noise_model import NoiseModel

__all__ = ["AffineNoise", "repeated"]


def repeated(column: ArrayLike, points: int) -> Array:
    """(channels,) at every one of so many points."""
    return np.repeat(np.asarray(column)[:, None], points, axis=1)


class AffineNoise(NoiseModel):
    """Base of the models that are their law, their mean and their spread Σ_j g_j ξ_j; all else is derived here.

    A subclass gives `law(block, dim)`, `spread(features, xi)`, `spread_vjp(features, xi, cotangent)`, and `mean_share` where the mean
    is not the branch itself but a multiple of it.
    """

    scaling = "natural"

    def spread(self, features: Features, xi: Array) -> Array:
        """Σ_j g_j ξ_j (d, n) for ξ (channels, n)."""
        raise NotImplementedError

    def spread_vjp(self, features: Features, xi: Array, cotangent: Array) -> Features:
        """The `Features` that carry ⟨cotangent, ∂ spread⟩ back to the block."""
        raise NotImplementedError

    def mean(self, at: BlockAt) -> Array:
        """(d, n) mean of the noisy branch."""
        return at.features.output if self.mean_share == 1 else self.mean_share * at.features.output

    def mean_jacobian_product(self, at: BlockAt, direction: Array) -> Array:
        """(D mean) v (d, n)."""
        return self.mean_share * at.jacobian_product(direction)

    def increment(self, at: BlockAt, xi: Array, dt: float) -> Array:
        """X⁺ − x (d, n) for ξ (channels, n)."""
        out = dt * self.mean(at)
        return out + self.scale(dt) * self.spread(at.features, xi) if len(xi) else out

    def increment_vjp(self, at: BlockAt, xi: Array, dt: float, cotangent: Array) -> tuple[Any, Array]:
        """The cotangents of points and numbers for one of the increment."""
        return at.vector_jacobian(self._back(at, xi, dt, cotangent))

    def _back(self, at, xi, dt, cotangent):
        """Cotangent of the features for one of the increment."""
        back = Features(dt * self.mean_share * cotangent)
        return back + self.spread_vjp(at.features, xi, self.scale(dt) * cotangent) if len(xi) else back

    def branches(self, at: BlockAt, nodes: Array, dt: float) -> Array:
        """The increments (branches, d, n) at quadrature nodes (branches, channels)."""
        return np.stack([self.increment(at, repeated(node, at.x.shape[1]), dt) for node in nodes])

    def branches_vjp(self, at: BlockAt, nodes: Array, dt: float, cotangent: Array) -> tuple[Any, Array]:
        """The cotangents of points and numbers for one (branches, d, n) of the `branches`."""
        total = Features()
        for node, part in zip(nodes, cotangent):
            total = total + self._back(at, repeated(node, at.x.shape[1]), dt, part)
        return at.vector_jacobian(total)

    def directions(self, at: BlockAt) -> Array:
        """(d, channels, n) columns g_j: the spread of unit vectors."""
        (d, n), m = at.x.shape, self.law(at.block, len(at.x)).channels
        out = np.empty((d, m, n))
        for j, unit in enumerate(np.eye(m)):
            out[:, j] = self.spread(at.features, repeated(unit, n))
        return out

    def factor(self, at: BlockAt) -> Array:
        """g (d, m, n) with g gᵀ = S: G of the Itô equation is this times `diffusive_scale`."""
        return self.directions(at)

    def factor_vjp(self, at: BlockAt, cotangent: Array) -> Features:
        """The `Features` that carry ⟨cotangent (d, m, n), ∂ factor⟩ back."""
        total = Features()
        for j, unit in enumerate(np.eye(cotangent.shape[1])):
            total = total + self.spread_vjp(at.features, repeated(unit, cotangent.shape[2]), np.ascontiguousarray(cotangent[:, j]))
        return total

    def coefficients_vjp(self, at: BlockAt, mean_cotangent: Array, factor_cotangent: Array | None = None) -> tuple[Any, Array]:
        """The cotangents of points and numbers for those of mean (d, n) and factor (d, m, n)."""
        back = Features(self.mean_share * mean_cotangent)
        return at.vector_jacobian(back if factor_cotangent is None else back + self.factor_vjp(at, factor_cotangent))
