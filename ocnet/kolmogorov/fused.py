"""Passes of alternating-direction schemes on a plane, fused: rates are made on the way, nothing of them is stored.

    A.correct(w, s, …) = (I − s A_1)⁻¹ (I − s A_0)⁻¹ (α d + β w + γ (A_0 + A_1) w + μ A_m w) + what is to be added

A scheme that has one writes `fused(A, u, dt)` in this verb; tests hold it to the scheme's own formula.
"""

from functools import cached_property

import numpy as np

from ocnet.kernels import fused_plane
from ocnet.kernels.threads import over_tiles

__all__ = ["FusedPlane"]

_COLUMNS, _ROWS = 132, 32               # columns per task of the first axis, rows per task of the second


class FusedPlane:
    """The verb `correct` of an operator on two axes, central drift, without potential and source."""

    def __init__(self, operator, spare):
        self.operator, self._spare = operator, spare

    @staticmethod
    def serves(operator):
        """Whether an operator is of that kind."""
        return operator.axes == 2 and operator.is_central and operator.source is None and not operator.killing.size

    @cached_property
    def _fields(self):
        A, coefficients = self.operator, self.operator.coefficients
        diagonal, cross = coefficients.split
        shape = A.coefficients.grid.shape
        a, cross = diagonal.reshape(2, *shape), cross.reshape(-1, *shape)
        flat = coefficients.is_flat
        return (coefficients.drift.reshape(2, *shape), np.ascontiguousarray(a[:, :1]) if flat else a,
                np.ascontiguousarray(cross[0, :1] if flat else cross[0]) if len(cross) else np.empty((0, shape[1])))

    def buffer(self, like):
        """An array like `like`, an old one if there is one to spare."""
        spare = self._spare
        return spare.pop() if spare and spare[-1].shape == like.shape else np.empty_like(like)

    def release(self, *arrays):
        """Leave arrays for later steps."""
        self._spare.extend(arrays)

    def correct(self, w, s, d=None, alpha=0.0, beta=0.0, gamma=0.0, mu=0.0, keep=None, add=()):
        """See the head of this file.  w, d, keep (q, size); `keep` receives the right-hand side; `add` holds up to two arrays."""
        (f, a, cross), A = self._fields, self.operator
        table, offsets = A.geometry
        rows, n = A.coefficients.grid.shape
        middle, out = self.buffer(w), self.buffer(w)
        kept = middle if keep is None else keep
        view = lambda array, k: array[k].reshape(rows, n)
        for k in range(len(w)):
            source, target, end = view(w, k), view(middle, k), view(out, k)
            other = source if d is None else view(d, k)
            store = view(kept, k)
            bases = [view(array, k) for array in add] + [source, source]
            over_tiles(fused_plane.down_tiles, fused_plane.down, (
                source, other, f, a, cross, table, offsets, alpha, beta, gamma, mu, s, keep is not None), n, _COLUMNS, (store, target))
            over_tiles(fused_plane.across_tiles, fused_plane.across, (
                target, f[1], a[1], table, offsets, s, bases[0], bases[1], len(add)), rows, _ROWS, (end,))
        self.release(middle)
        return out
