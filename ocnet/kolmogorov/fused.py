"""Passes of alternating-direction schemes on a plane, fused: rates are made on the way, nothing of them is stored.

    A.correct(w, s, …) = (I − s A_1)⁻¹ (I − s A_0)⁻¹ (α d + β w + γ (A_0 + A_1) w + μ A_m w) + what is to be added

A scheme that has one writes `fused(A, u, dt)` in this verb; tests hold it to the scheme's own formula.  `FusedTape` records the
verbs of a step; read backwards they are its transpose and its gradient.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ocnet.kernels import fused_plane, memory
from ocnet.kernels import fused_plane_transposed as transposed
from ocnet.kernels.threads import over_tiles
from ocnet.typing import Array

__all__ = ["FusedPlane", "FusedTape"]

_COLUMNS, _ROWS = 132, fused_plane.BUNDLE      # columns per task of the first axis, rows per task of the second


class FusedPlane:
    """The verb `correct` of an operator on two axes, central drift, without potential and source."""

    def __init__(self, operator: Any, spare: Any) -> None:
        self.operator, self._spare = operator, spare

    @staticmethod
    def serves(operator: Any) -> bool:
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

    def buffer(self, like: Array) -> Array:
        """An array like `like`, an old one if there is one to spare."""
        spare = self._spare
        return spare.pop() if spare and spare[-1].shape == like.shape else memory.empty_like(like)

    def release(self, *arrays: Array) -> None:
        """Leave arrays for later steps."""
        self._spare.extend(arrays)

    def correct(self, w: Any, s: float, d: Any = None, alpha: float = 0.0, beta: float = 0.0, gamma: float = 0.0, mu: float = 0.0, keep: Any = None,
                add: Any = ()) -> Array:
        """See the head of this file.  w, d, keep (q, size); `keep` receives the right-hand side; `add` holds up to two arrays."""
        middle, out = self._correct(w, s, d, alpha, beta, gamma, mu, keep, add)
        self.release(middle)
        return out

    def _correct(self, w, s, d, alpha, beta, gamma, mu, keep, add):
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
        return middle, out


@dataclass
class _Pass:
    """One recorded `correct`: its arguments, (I − s A_0)⁻¹ y and the result without what was added."""

    w: np.ndarray
    s: float
    d: object
    weights: tuple
    keep: object
    add: tuple
    middle: np.ndarray
    bare: np.ndarray
    out: np.ndarray


class FusedTape(FusedPlane):
    """A `FusedPlane` that remembers its passes, to be read backwards."""

    def __init__(self, operator: Any, spare: Any) -> None:
        super().__init__(operator, spare)
        self.passes: list[Any] = []
        self._lent: list[Any] = []

    def buffer(self, like: Array) -> Any:
        """An array like `like`; all are left for later once the tape has been read."""
        out = super().buffer(like)
        self._lent.append(out)
        return out

    def release(self, *arrays: Any) -> None:
        """Nothing yet: the passes are still needed."""

    def correct(self, w: Any, s: float, d: Any = None, alpha: float = 0.0, beta: float = 0.0, gamma: float = 0.0, mu: float = 0.0, keep: Any = None,
                add: Any = ()) -> Any:
        middle, bare = self._correct(w, s, d, alpha, beta, gamma, mu, keep, ())
        out = bare
        for array in add:
            out = np.add(out, array, out=self.buffer(bare) if out is bare else out)
        self.passes.append(_Pass(w, s, d, (alpha, beta, gamma, mu), keep, add, middle, bare, out))
        return out

    def empty_gradient(self, variance: bool) -> Any:
        """Zeros for the cotangents of f, a_ii (2, rows, n) and a_01 (rows, n), the last two without rows unless `variance`."""
        rows, n = self.operator.coefficients.grid.shape
        return memory.zeros((2, rows, n)), memory.zeros((2, rows * variance, n)), memory.zeros((rows * variance, n))

    def pull(self, start: Array, p: Array, gradient: Any = None, variance: bool = True) -> Any:
        """The cotangent of `start`, the step's input, for p, that of the last pass's result.

        gradient : f_bar, a_ii_bar (2, rows, n) and a_01_bar (rows, n) to be added to, or None
        """
        cotangents = {id(self.passes[-1].out): p}

        def add(array, c):
            old = cotangents.get(id(array))
            cotangents[id(array)] = c if old is None else np.add(old, c, out=self.buffer(c))

        for each in reversed(self.passes):
            c = cotangents.pop(id(each.out), None)
            for array in each.add:
                add(array, c)
            v, z = self._solved(c, each.s)
            if each.keep is not None and id(each.keep) in cotangents:
                extra = cotangents.pop(id(each.keep))
                total = z + extra
            else:
                total = z
            alpha, beta, gamma, mu = each.weights
            if each.d is not None:
                add(each.d, alpha * total)
            add(each.w, self._explicit(total, beta, gamma, mu))
            if gradient is not None:
                self._gradient(each, v, z, total, gradient, variance)
        result = cotangents[id(start)]
        self._spare.extend(array for array in self._lent if array is not result and array is not self.passes[-1].out)
        return result

    def _each(self, count):
        shape = self.operator.coefficients.grid.shape
        return range(count), lambda array, k: array[k].reshape(shape)

    def _solved(self, c, s):
        """v = (I − s A_1)⁻ᵀ c and z = (I − s A_0)⁻ᵀ v."""
        (f, a, _), (table, offsets) = self._fields, self.operator.geometry
        v, z, c = self.buffer(c), self.buffer(c), np.ascontiguousarray(c)
        columns, view = self._each(len(c))
        for k in columns:
            rows, n = view(v, k).shape
            over_tiles(transposed.across_tiles, transposed.across, (view(c, k), f[1], a[1], table, offsets, s), rows, _ROWS, (view(v, k),))
            over_tiles(transposed.down_tiles, transposed.down, (view(v, k), f[0], a[0], table, s), n, _COLUMNS, (view(z, k),))
        return v, z

    def _explicit(self, z, beta, gamma, mu):
        (f, a, cross), (table, offsets) = self._fields, self.operator.geometry
        out = self.buffer(z)
        columns, view = self._each(len(z))
        for k in columns:
            over_tiles(transposed.explicit_tiles, transposed.explicit,
                       (view(z, k), f, a, cross, table, offsets, beta, gamma, mu), view(z, k).shape[0], _ROWS, (view(out, k),))
        return out

    def _gradient(self, each, v, z, total, bars, variance):
        """The implicit parts see z, the explicit ones z and what the kept right-hand side passed on."""
        table, offsets = self.operator.geometry
        _, _, gamma, mu = each.weights
        columns, view = self._each(len(v))
        parts = [(z, each.s, gamma, mu)] if total is z else [(z, each.s, 0.0, 0.0), (total, 0.0, gamma, mu)]
        for k in columns:
            for cotangent, s, explicit, mixed in parts:
                over_tiles(transposed.gradient_tiles, transposed.gradient, (
                    view(v, k), view(cotangent, k), view(each.middle, k), view(each.bare, k), view(each.w, k), table, offsets, s, explicit,
                    mixed, variance), view(v, k).shape[0], _ROWS, bars)
