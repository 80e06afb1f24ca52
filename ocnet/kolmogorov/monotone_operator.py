"""The generator as an M-matrix: no off-diagonal entry is negative, whatever the coefficients."""

from typing import Any

import numpy as np

from ocnet.kernels import diagonals
from ocnet.kolmogorov.coefficients import Coefficients
from ocnet.typing import Array

from .operator import Operator, RateGradient

__all__ = ["MonotoneOperator"]


class MonotoneOperator(Operator):
    """L − c with mixed derivatives by diagonal neighbours of their sign, and the drift by the hybrid rule.

    Order 2 where the tensor is dominated by its diagonal on the grid's scale and cell Péclet numbers are at most 1; elsewhere
    the least variance is added that keeps every entry non-negative (`added` says where).  A single matrix, not a splitting:
    `mixed` and `stage` are those of the axes alone and not offered to schemes.
    """

    def __init__(self, coefficients: Coefficients, drift: str = "hybrid") -> None:
        if drift != "hybrid":
            raise ValueError(f"drift={drift!r} does not keep a generator monotone; use 'hybrid'")
        super().__init__(coefficients, drift)

    def _fill(self):
        d = self.axes
        diagonal, cross_rate = (part.reshape(-1, *self._plane) for part in self.coefficients.split)
        drift = self.coefficients.drift.reshape(d, *self._plane)
        self._mixed_rate = cross_rate if len(cross_rate) else np.zeros((d * (d - 1) // 2, *self._plane))
        self.has_mixed = False
        self.weights = None
        if len(cross_rate):
            left, self.weights = (np.empty_like(drift), np.empty_like(diagonal)), np.empty((len(cross_rate), 2, *self._plane))
            self._over_rows(lambda lo, hi: diagonals.split(
                drift, diagonal, cross_rate, self._table, self._offsets, self._shape, lo, hi, *left, self.weights))
            drift, diagonal = left
        self._set(drift, np.maximum(diagonal, 0.0), np.empty((0, *self._plane)))
        self._short = diagonal

    @property
    def short(self) -> Any:
        """(size,) bool: nodes whose tensor is not dominated by its diagonal, so that the stencil has variance to add."""
        return (self._short < 0).any(axis=0).ravel()

    @property
    def added(self) -> Any:
        """(size,) bool: nodes where variance was added to keep the generator monotone."""
        h = self.coefficients.grid.spacings.reshape(self._drift.shape)
        return ((self._short < 0) | (np.abs(self._drift) * h > self._short)).any(axis=0).ravel()

    def apply(self, u: Any, out: Array | None = None) -> Array:
        return self._with_diagonals(super().apply(u, out), u, diagonals.add_diagonals)

    def apply_transposed(self, p: Array, out: Array | None = None) -> Array:
        """Aᵀ p."""
        return self._with_diagonals(super().apply_transposed(p, out), p, diagonals.add_diagonals_transposed)

    rate_transposed = apply_transposed

    def _with_diagonals(self, out, u, kernel):
        if self.weights is not None:
            source, target = self._stack(np.ascontiguousarray(u, dtype=np.float64)), self._stack(out)
            self._over_rows(lambda lo, hi: kernel(source, self.weights, self._shape, lo, hi, target))
        return out

    @property
    def largest_exit_rate(self) -> float:
        """The largest rate at which a node is left, potential included: a step dt times it ≤ 1 keeps explicit Euler monotone."""
        total = self.rates.sum(axis=(0, 1))
        if self.weights is not None:
            total += np.abs(self.weights).sum(axis=(0, 1))
        return float((total + self.killing if self.killing.size else total).max())

    def gradient(self) -> Any:
        """An empty `RateGradient` that also collects the weights of the diagonals."""
        gradient: Any = RateGradient(self)
        gradient.weights = np.zeros((len(self._mixed_rate), 2, *self._plane))
        return gradient

    def add_apply(self, gradient: Any, p: Array, u: Any) -> None:
        """Add ∂⟨p, A u⟩ to a gradient."""
        super().add_apply(gradient, p, u)
        weights = self.weights if self.weights is not None else np.zeros_like(gradient.weights)
        p, u = self._stack(np.ascontiguousarray(p)), self._stack(np.ascontiguousarray(u))
        if self.axes > 1:
            self._over_rows(lambda lo, hi: diagonals.pair_gradient(p, u, weights, self._shape, 1.0, lo, hi, gradient.weights))

    def _cotangents(self, gradient):
        drift_bar, diagonal_bar, cross_bar = super()._cotangents(gradient)
        diagonal_bar *= self._short >= 0                               # where variance was added, a does not act
        if self.axes > 1:
            self._over_rows(lambda lo, hi: diagonals.split_transposed(
                self._mixed_rate, self._table, self._offsets, self._shape, gradient.weights, drift_bar, diagonal_bar, lo, hi, cross_bar))
        return drift_bar, diagonal_bar, cross_bar


