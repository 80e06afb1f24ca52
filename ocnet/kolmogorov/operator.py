"""The generator on a grid, A = A_0 (mixed part) + A_1 + … + A_d, as three verbs with transposes and gradients.

Nothing outside this file touches a band or a spacing.
"""

from functools import cached_property, lru_cache
from math import prod
from typing import Any

import numpy as np

from ocnet.inputs import as_choice
from ocnet.kernels import line_stage, memory, rates, stencil
from ocnet.kernels.threads import over_chunks
from ocnet.kolmogorov.coefficients import Coefficients
from ocnet.typing import Array

__all__ = ["Operator", "RateGradient"]

_NODES = 1 << 14                        # nodes per task
_LANES, _ROWS = 144, 64                 # most lines per task of an elimination: side by side, and as rows
_LOOKED_AT = 32                         # rows that the report looks at
_NONE = np.empty((0, 0))
_RULES = {"central": rates.CENTRAL, "upwind": rates.UPWIND, "hybrid": rates.HYBRID}


@lru_cache(maxsize=8)
def _geometry(grid, rows):
    """table (9, Σ n_i), offsets (d + 1,), shape (d,): see kernels/rates.assemble; `rows` of the sides as in boundary.py."""
    columns = []
    for axis, pair in zip(grid.axes, rows):
        gaps = np.diff(axis)
        before, after = np.append(gaps[0], gaps), np.append(gaps, gaps[-1])
        total = before + after
        table = np.stack([before, after, 1 / before, 1 / after, 1 / (before * total), -after / (before * total),
                          1 / (after * total), before / (after * total), 1 / total])
        for end, row in zip((0, -1), pair):
            table[2:, end] = _side_columns(row, table[0, end], 2 if end else 3)
        columns.append(table)
    return np.ascontiguousarray(np.concatenate(columns, axis=1)), np.cumsum([0, *grid.shape]), np.array(grid.shape)


def _side_columns(row, h, inner):
    """Columns 2 … 8 of the table at a side's node, spacing h; `inner`: 3 where the neighbour lies after it, 2 before."""
    column, outward = np.zeros(9), 1.0 if inner == 3 else -1.0
    if row == "mirror":
        column[4 if inner == 2 else 6] = 1 / h**2                     # u₋₁ = u₁: the rate over the one neighbour doubles
    elif row == "one_sided":
        column[inner] = 1 / h
        column[5 if inner == 2 else 7] = outward / h
        column[8] = 1 / h
    return column[2:]


def _even(size, most):
    """The piece of about `most` that cuts `size` most evenly, a multiple of four."""
    pieces = -(-size // most)
    piece = -(-size // pieces)
    return -(-piece // 4) * 4


def checked_rule(drift: str) -> int:
    """Return the kernel's number of a drift rule, or raise ValueError."""
    return _RULES[as_choice(drift, "drift", _RULES)]


class RateGradient:
    """Cotangents of an operator's rates, collected over verbs before they become cotangents of f, a, c and g."""

    def __init__(self, operator: Any) -> None:
        pairs = operator.axes * (operator.axes - 1) // 2           # also where a_ik is 0: its derivative need not be
        self.rates, self.cross = memory.zeros_like(operator.rates), memory.zeros((pairs, *operator.rates.shape[2:]))
        self.killing = np.zeros_like(operator.killing)
        self.source = 0.0


class Operator:
    """L − c = f·∇ + ½ a:∇∇ − c at the nodes; rows of L sum to 0, so its transpose conserves mass to rounding.

    coefficients : Coefficients (drift (d, size), variance rate (d, d, size), potential, source, grid, rows of the sides)
    drift        : "central" (order 2, oscillates at cell Péclet numbers above 1), "upwind" (order 1, monotone without mixed
                   part) or "hybrid" (central, with the least added variance that keeps it monotone: see kernels/rates)
    u, p         : (size,) or (q, size) float64; verbs return new arrays of that shape unless `out` is given
    """

    def __init__(self, coefficients: Coefficients, drift: str = "central") -> None:
        self.coefficients, self.rule = coefficients, checked_rule(drift)
        grid = coefficients.grid
        self.axes, self.size = grid.dim, grid.size
        self._table, self._offsets, self._shape = _geometry(grid, coefficients.rows)
        self._plane = (grid.size // grid.shape[-1], grid.shape[-1])
        self._rows = max(1, _NODES // grid.shape[-1])
        self._views = [(prod(grid.shape[:i]), grid.shape[i], prod(grid.shape[i + 1:])) for i in range(grid.dim)]
        self._kept_pivots: list[dict[Any, Any]] = [{} for _ in range(grid.dim)]
        self._last_rates = None
        self._fill()

    def _fill(self):
        d = self.axes
        diagonal, cross_rate = (part.reshape(-1, *self._plane) for part in self.coefficients.split)
        self.has_mixed = len(cross_rate) > 0
        self._set(self.coefficients.drift.reshape(d, *self._plane), diagonal, cross_rate)

    def _set(self, drift, diagonal, cross_rate):
        """Take f and a_ii (d, rows, n) and a_pk (pairs, rows, n) as the coefficients behind the rates."""
        self._drift, self._variance, self._cross_rate = drift, diagonal, cross_rate
        potential, self.source = self.coefficients.potential, self.coefficients.source
        self.killing = np.empty((0, 0)) if potential is None else potential.reshape(self._plane)

    @cached_property
    def _assembled(self):
        made = memory.empty((self.axes, 2, *self._plane)), memory.empty_like(self._cross_rate)
        self._over_rows(lambda lo, hi: rates.assemble(
            self._drift, self._variance, self._cross_rate, self._table, self._offsets, self._shape, self.rule, lo, hi, *made))
        return made

    @property
    def rates(self) -> Any:
        """(d, 2, rows, n): l and r of each axis, made when first asked for."""
        return self._assembled[0]

    @property
    def cross(self) -> Any:
        """(pairs, rows, n), see kernels/stencil."""
        return self._assembled[1]

    @property
    def is_central(self) -> bool:
        """Whether the drift is taken by central differences everywhere."""
        return self.rule == rates.CENTRAL

    @property
    def geometry(self) -> Any:
        """The table of spacings and its offsets, as kernels/rates takes them."""
        return self._table, self._offsets

    def _over_rows(self, task):
        over_chunks(task, self._plane[0], self._rows)

    def _stack(self, u):
        return u.reshape(-1, *self._plane)

    def _apply(self, kernel, u, axes, out):
        u = np.ascontiguousarray(u, dtype=np.float64)
        out = memory.empty_like(u) if out is None else out
        source, target = self._stack(u), self._stack(out)
        self._over_rows(lambda lo, hi: kernel(source, self.rates, self.cross, self.killing, self._shape, axes, lo, hi, target))
        return out

    def rate(self, u: Any, out: Array | None = None) -> Array:
        """A u + g: the rate of change of u, backwards in time."""
        out = self.apply(u, out)
        if self.source is not None:
            out += self.source
        return out

    def apply(self, u: Any, out: Array | None = None) -> Array:
        """A u, all axes and the mixed part, the potential included."""
        return self._apply(stencil.apply, u, self.axes, out)

    def mixed(self, u: Any, out: Array | None = None) -> Array:
        """A_0 u, the mixed part: Σ_{i<k} a_ik ∂_i ∂_k u."""
        return self._apply(stencil.apply, u, 0, out)

    def stage(self, i: int, y: Any, u: Any, s: float, out: Array | None = None) -> Array:
        """(I − s A_i)⁻¹ (y − s A_i u) along axis `i`, computed as u + (I − s A_i)⁻¹ (y − u); u = None stands for 0."""
        return self._solve(i, y, u, s, False, out)

    def apply_transposed(self, p: Array, out: Array | None = None) -> Array:
        """Aᵀ p."""
        return self._apply(stencil.apply_transposed, p, self.axes, out)

    rate_transposed = apply_transposed

    def mixed_transposed(self, p: Array, out: Array | None = None) -> Array:
        """A_0ᵀ p."""
        return self._apply(stencil.apply_transposed, p, 0, out)

    def stage_transposed(self, i: int, p: Array, s: float, out: Array | None = None) -> Array:
        """w = (I − s A_i)⁻ᵀ p: the transpose of `stage` gives w to y and p − w to u."""
        return self._solve(i, p, None, s, True, out)

    def _solve(self, i, y, u, s, transposed, out):
        difference = u is not None
        y, u = (np.ascontiguousarray(v, dtype=np.float64) for v in (y, u if difference else y))
        out = memory.empty_like(y) if out is None else out
        outer, n, inner = self._views[i]
        as_rows = inner == 1
        if as_rows:
            outer, inner = 1, self._plane[0]
        lower, upper = (rate.reshape(outer, n, inner) for rate in self._side_by_side(i))
        pivot = self._pivots(i, s, lower, upper)
        y, u, target = (v.reshape(-1, outer, *((inner, n) if as_rows else (n, inner))) for v in (y, u, out))
        chunk = _even(inner, _ROWS if as_rows else _LANES)
        for block in range(outer):
            over_chunks(lambda lo, hi: line_stage.stage(
                y, u, lower, upper, pivot, s, difference, transposed, as_rows, block, lo, hi, target), inner, chunk)
        return out

    def _pivots(self, i, s, lower, upper):
        """Inverse pivots of I − s A_i, shared with the transpose; kept for the two last step sizes of each axis."""
        kept = self._kept_pivots[i]
        if s not in kept:
            if len(kept) > 1:
                kept.pop(next(iter(kept)))
            kept[s] = memory.empty_like(lower)
            killing = self._killing_side_by_side(i).reshape(-1, *lower.shape[1:])
            over_chunks(lambda lo, hi: line_stage.pivots(lower, upper, killing, 1 / self.axes, s, lo, hi, kept[s]),
                        lower.shape[2], _even(lower.shape[2], _LANES))
        return kept[s]

    def _side_by_side(self, i):
        """Rates (l, r) of axis i with lines side by side: transposed once for the last axis, whose lines are rows."""
        if i < self.axes - 1 or self.axes == 1:
            return self.rates[i]
        if self._last_rates is None:
            self._last_rates = memory.empty((2, self._plane[1], self._plane[0]))
            for side in range(2):
                self._over_rows(lambda lo, hi: line_stage.transpose(self.rates[i, side], lo, hi, self._last_rates[side]))
        return self._last_rates

    def _killing_side_by_side(self, i):
        return self.killing if i < self.axes - 1 or self.axes == 1 else np.ascontiguousarray(self.killing.T)

    def add_rate(self, gradient: Any, p: Array, u: Any) -> None:
        """Add ∂⟨p, A u + g⟩ to a RateGradient."""
        self.add_apply(gradient, p, u)
        if self.source is not None:
            gradient.source = gradient.source + p

    def add_apply(self, gradient: Any, p: Array, u: Any) -> None:
        """Add ∂⟨p, A u⟩ to a RateGradient."""
        self._add(gradient, p, u, 0, self.axes, True, 1.0)

    def add_mixed(self, gradient: Any, p: Array, u: Any) -> None:
        """Add ∂⟨p, A_0 u⟩ to a RateGradient."""
        self._add(gradient, p, u, 0, 0, True, 1.0)

    def add_stage(self, gradient: Any, i: int, w: Any, z: Any, s: float) -> None:
        """Add ∂⟨p, stage⟩ = s ⟨w, ∂A_i z⟩ to a RateGradient, w = (I − s A_i)⁻ᵀ p and z = stage(i, y, u, s) − u."""
        self._add(gradient, w, z, i, i + 1, False, s)

    def _add(self, gradient, p, u, first, stop, mixed, scale):
        p, u = self._stack(np.ascontiguousarray(p)), self._stack(np.ascontiguousarray(u))
        self._over_rows(lambda lo, hi: stencil.pair_gradient(
            p, u, self._shape, first, stop, mixed, scale, lo, hi, gradient.rates, gradient.cross,
            gradient.killing if stop > first else _NONE))

    def coefficient_gradient(self, gradient: Any) -> Any:
        """Turn a RateGradient into cotangents of drift (d, size), of the symmetric variance rate (d, d, size), of the potential
        (size,) and of the source (q, size); None where there is none.

        At a cell where the hybrid or upwind rule switches, the derivative is that of the branch taken.
        """
        d = self.axes
        drift_bar, diagonal_bar, cross_bar = self._cotangents(gradient)
        variance_bar = np.zeros((d, d, self.size))
        for i in range(d):
            variance_bar[i, i] = diagonal_bar[i].ravel()
        pairs = [(p, k) for p in range(d) for k in range(p + 1, d)]
        for (p, k), bar in zip(pairs, cross_bar):
            variance_bar[p, k] = variance_bar[k, p] = 0.5 * bar.ravel()
        killing_bar = gradient.killing.ravel() if gradient.killing.size else None
        source_bar = None if self.source is None else np.array(gradient.source).reshape(-1, self.size)
        return self.coefficients.released(drift_bar.reshape(d, -1), variance_bar, killing_bar, source_bar)

    def _cotangents(self, gradient):
        """Cotangents of f, a_ii (d, rows, n) and a_pk (pairs, rows, n)."""
        drift_bar, diagonal_bar = memory.empty_like(self._drift), memory.empty_like(self._drift)
        cross_bar = memory.empty_like(gradient.cross)
        self._over_rows(lambda lo, hi: rates.assemble_transposed(
            self._drift, self._variance, self._table, self._offsets, self._shape, self.rule, gradient.rates, gradient.cross,
            lo, hi, drift_bar, diagonal_bar, cross_bar))
        return drift_bar, diagonal_bar, cross_bar

    def gradient(self) -> Any:
        """An empty `RateGradient`."""
        return RateGradient(self)

    @cached_property
    def extremes(self) -> Any:
        """Largest cell Péclet number |f| h/a, largest |f|/h and largest a/h² over nodes and axes, and the share of nodes
        without a negative off-diagonal entry, and the least cell Péclet number (5,); on large grids of about every so many rows
        that 32 are looked at."""
        out, rows = np.array([0.0, 0.0, 0.0, 0.0, np.inf]), self._plane[0]
        stride = max(1, rows // _LOOKED_AT)
        rates.extremes(self._drift, self._variance, self._table, self._offsets, self._shape, stride, out)
        monotone = 1.0 if self.rule != rates.CENTRAL else 1.0 - out[3] / (len(range(0, rows, stride)) * self._plane[1])
        return np.array([*out[:3], 0.0 if self.has_mixed else monotone, out[4]])

    @cached_property
    def spectral_bound(self) -> float:
        """A bound of the moduli of A's eigenvalues (largest absolute row sum; Gershgorin)."""
        rows = 2 * np.abs(self.rates).sum(axis=(0, 1)) + 4 * np.abs(self.cross).sum(axis=0)
        return float((rows + np.abs(self.killing) if self.killing.size else rows).max())
