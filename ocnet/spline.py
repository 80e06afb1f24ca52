"""Grid functions between the nodes: limited cubic splines, and Gaussian smoothing that stays on the nodes.

Both are linear maps (the limiter: linear at the values it limits) with rows that sum to 1 and with exact transposes, so
they serve the backward equation (values) and the forward one (masses) alike.  Uniform grids of one to three axes.
"""

from functools import cached_property, lru_cache
from math import prod
from typing import Any

import numpy as np

from ocnet.kernels import ghosts, interpolation, interpolation_in_space, memory, prefilter, smoothing
from ocnet.kernels.plane_step import STRIPS
from ocnet.kernels.threads import over_tiles, run_all
from ocnet.typing import Array

__all__ = ["LimitedSpline", "Smoothing"]

_CHUNK, _SMALL = 1 << 12, 256        # points per task at most and, where there are more, at least
_TAIL = 7.3                          # standard deviations after which a Gaussian weight is below 3e-12
_WIDEST = 1e5                        # standard deviations in spacings: beyond it a step forgets everything, and takes for ever
_ROWS = 24                           # rows per task of a filter


def _chunk(points):
    """Points per task: an eighth of few, so that a few threads share them evenly."""
    return min(_CHUNK, max(_SMALL, -(-points // 8)))


def embedded(grid: Any, values: Array) -> Any:
    """View (q, size) values as (q, n0, n1) or (q, n0, n1, n2); in one dimension n0 = 1."""
    shape = grid.shape if grid.dim > 1 else (1, *grid.shape)
    return np.ascontiguousarray(values, dtype=np.float64).reshape(-1, *shape)


def _check(grid, what):
    grid.require_uniform(what)
    if grid.dim > 3:
        raise ValueError(f"{what} serves one to three dimensions, the grid has {grid.dim}; use particles above that")


def _prefiltered(axis, field, ends, transposed=False):
    """Spline coefficients of (q, n0, n1, …) along an axis, or the transpose of that map."""
    n, inner = field.shape[axis], prod(field.shape[axis + 1:])
    lines = field.reshape(-1, n, inner)
    out = memory.empty_like(lines)
    chunk = inner if inner > 1 else 64
    if lines.shape[0] == 1 and inner > 1:                         # one block: its lines lie side by side, bundles of them are tasks
        chunk = -(-inner // 8 // 16) * 16
    over_tiles(prefilter.prefilter_tiles, prefilter.prefilter, (lines, spline_factors(n, *ends), *ends, transposed),
               lines.shape[0] * inner, chunk, (out,))
    return out.reshape(field.shape)


def _filtered(axis, field, weights):
    """A symmetric filter of (q, n0, n1, …) along an axis."""
    out = memory.empty_like(field)
    if axis == field.ndim - 1:
        rows, target = field.reshape(-1, field.shape[-1]), out.reshape(-1, field.shape[-1])
        over_tiles(smoothing.along_rows_tiles, smoothing.along_rows, (rows, weights), len(rows), _ROWS, (target,))
    else:
        blocks, target = (v.reshape(-1, field.shape[axis], prod(field.shape[axis + 1:])) for v in (field, out))
        over_tiles(smoothing.across_rows_tiles, smoothing.across_rows, (blocks, weights), blocks.shape[0] * blocks.shape[1], _ROWS, (target,))
    return out


@lru_cache(maxsize=64)
def spline_factors(n: int, low: Any, high: Any) -> Any:
    return prefilter.prefilter_factors(n, low, high)


class LimitedSpline:
    """The cubic spline through `values` (q, size) on a grid, limited to the range of the nodes around each point.

    Fourth order on resolved data, extrema included; never outside the range of the values (see kernels/interpolation).
    Outside the box: the nearest edge value.
    mirrored : one (low, high) pair of booleans per axis: ends with zero slope, fourth order where the field has none; other
               ends are natural (second derivative 0).  None: all natural
    """

    def __init__(self, grid: Any, values: Array, limited: bool = True, mirrored: Any = None) -> None:
        _check(grid, "LimitedSpline")
        self.grid, self.limited = grid, limited
        self.values = embedded(grid, values)
        self._kernels = interpolation_in_space if grid.dim == 3 else interpolation
        self._embed = max(2 - grid.dim, 0)
        pairs = ((False, False),) * grid.dim if mirrored is None else mirrored
        self._ends = ((0, 0),) * self._embed + tuple((int(low), int(high)) for low, high in pairs)
        self._origin = np.concatenate([np.zeros(self._embed), grid.lower])
        self._inverse_spacing = np.concatenate([np.ones(self._embed), 1 / grid.spacing])

    @classmethod
    def of_parts(cls, grid: Any, values: Array, coefficients: Any, bounds: Any, limited: bool) -> "LimitedSpline":
        """Return the natural spline of `values` (q, n0, n1) whose coefficients and bounds are at hand."""
        spline = cls(grid, values, limited)
        spline.__dict__.update(coefficients=coefficients, bounds=bounds)
        return spline

    @cached_property
    def coefficients(self) -> Array:
        """(q, n0 + ghosts, n1 + ghosts, …) spline coefficients."""
        c = self.values
        for axis in self._long_axes:
            c = _prefiltered(axis, c, self._ends[axis - 1])
        if c.ndim == 3:
            out = memory.empty((len(c), max(c.shape[1] + 2, 4), c.shape[2] + 2))
            ghosts.pad_plane(c, *self._ends[0], *self._ends[1], out)
            return out
        for axis, ends in enumerate(self._ends, start=1):
            c = _with_ghosts(c, axis, ends)
        return c

    @property
    def _long_axes(self):
        return [axis for axis in range(self.values.ndim - 1, 0, -1) if self.values.shape[axis] > 1]

    @cached_property
    def bounds(self) -> Any:
        """Where each column's smallest and largest value are: (q, 4) rows and columns, or (q, 2) flat positions in space."""
        flat = self.values.reshape(len(self.values), -1)
        ends = np.stack([flat.argmin(axis=1), flat.argmax(axis=1)], axis=1)
        if self.grid.dim == 3:
            return ends
        return np.stack(np.unravel_index(ends, self.values.shape[1:]), axis=-1).reshape(-1, 4)

    def _feet(self, feet):
        return feet if not self._embed else np.concatenate([np.zeros_like(feet), feet], axis=1)

    def mean(self, feet: Array, weights: Array) -> Array:
        """Σ_k weights[k] · spline(feet[k]) at feet (branches, d, points): (q, points)."""
        feet, coefficients = self._feet(feet), self.coefficients
        out = memory.empty((len(self.values), feet.shape[2]))
        over_tiles(self._kernels.interpolate_tiles, self._kernels.interpolate, (
            coefficients, self.values, self.bounds, feet, weights, self._origin, self._inverse_spacing, self.limited),
            feet.shape[2], _chunk(feet.shape[2]), (out,))
        return out

    def __call__(self, x: Array) -> Array:
        """Values at the points x (d, n): (q, n)."""
        return self.mean(np.ascontiguousarray(x)[None], np.ones(1))

    def mean_transposed(self, feet: Array, weights: Array, cotangent: Array) -> tuple[Array, Array]:
        """For ⟨cotangent, mean⟩: the cotangent of the values (q, size), and of the feet (branches, d, points)."""
        feet, coefficients = self._feet(feet), self.coefficients
        points = feet.shape[2]
        feet_cotangent = memory.empty(feet.shape)
        edges = [points * k // STRIPS for k in range(STRIPS + 1)]
        strips = [(memory.zeros_like(coefficients), memory.zeros_like(self.values)) for _ in range(STRIPS)]
        cotangent = np.ascontiguousarray(cotangent)

        def task(k):
            self._kernels.interpolate_transposed(
                coefficients, self.values, self.bounds, feet, weights, self._origin, self._inverse_spacing, self.limited,
                cotangent, edges[k], edges[k + 1], *strips[k], feet_cotangent)

        run_all([lambda k=k: task(k) for k in range(STRIPS)])
        (c, v), rest = strips[0], strips[1:]
        for more_c, more_v in rest:
            c += more_c
            v += more_v
        c = self._without_ghosts(c)
        for axis in reversed(self._long_axes):
            c = _prefiltered(axis, c, self._ends[axis - 1], transposed=True)
        v += c
        return v.reshape(len(v), -1), feet_cotangent[:, self._embed:]


    def _without_ghosts(self, c):
        """Transpose of the padding in `coefficients`; c is used up."""
        if c.ndim == 3:
            out = memory.empty(self.values.shape)
            ghosts.unpad_plane(c, *self._ends[0], *self._ends[1], out)
            return out
        for axis, ends in reversed(list(enumerate(self._ends, start=1))):
            c = _without_ghosts(c, axis, ends)
        return c


def _with_ghosts(c, axis, ends):
    """Pad by the coefficients beyond the ends: 2 c₀ − c₁ at a natural one, c₁ at a mirrored one; an axis of one node is repeated."""
    if c.shape[axis] == 1:
        return np.repeat(c, 4, axis=axis)
    out = memory.empty(c.shape[:axis] + (c.shape[axis] + 2,) + c.shape[axis + 1:])
    to, of = (np.moveaxis(array, axis, 0) for array in (out, c))
    to[1:-1] = of
    to[0] = of[1] if ends[0] else 2 * of[0] - of[1]
    to[-1] = of[-2] if ends[1] else 2 * of[-1] - of[-2]
    return out


def _without_ghosts(c, axis, ends):
    """Transpose of `_with_ghosts`."""
    c = np.moveaxis(c, axis, 0)
    if len(c) == 4:                                # only an axis of one node is padded to four
        inner = c.sum(axis=0, keepdims=True)
    else:
        inner = c[1:-1].copy()
        for end, ghost, edge, beside in ((ends[0], c[0], 0, 1), (ends[1], c[-1], -1, -2)):
            if end:
                inner[beside] += ghost
            else:
                inner[edge] += 2 * ghost
                inner[beside] -= ghost
    return np.ascontiguousarray(np.moveaxis(inner, 0, axis))


@lru_cache(maxsize=256)
def gaussian_weights(ratio: float) -> Any:
    """Non-negative lattice weights (w_0, w_1, …), mirrored, of variance ratio² in units of the spacing.

    ratio ≥ 1: sampled Gaussian, whose moments are those of the normal law to 2π²-exponential accuracy (1e-7 relative at
    ratio 1, below rounding from 1.4).  1/√3 ≤ ratio < 1: five points with the normal moments to order 5.
    Below: three points, moments to order 3, where no five-point rule is non-negative.
    """
    if not ratio <= _WIDEST:
        raise ValueError(f"the noise of a step is {ratio:.2g} spacings wide, more than {_WIDEST:g}; take more steps, or a smaller factor or horizon")
    r = ratio * ratio
    if r == 0:
        return np.ones(1)
    if r < 1 / 3:
        return np.array([1 - r, 0.5 * r])
    if r < 1:
        w1, w2 = (4 * r - 3 * r * r) / 6, (3 * r * r - r) / 24
        return np.array([1 - 2 * w1 - 2 * w2, w1, w2])
    j = np.arange(int(np.ceil(_TAIL * ratio)) + 1)
    w = np.exp(-0.5 * j**2 / r)
    return w / (w[0] + 2 * w[1:].sum())


class Smoothing:
    """E v(x + σ ξ) on the nodes, ξ standard normal, mirrored at the nodes on the sides.

    Bounded, because no weight is negative; the transpose conserves mass, because rows sum to 1.  Sᵀ = D S D⁻¹ with D the
    trapezoidal weights: the mirror image of a node on a side is itself.
    """

    def __init__(self, grid: Any, deviation: Any) -> None:
        _check(grid, "Smoothing")
        self.grid = grid
        self.weights = [gaussian_weights(s / h) for s, h in zip(np.broadcast_to(deviation, grid.dim), grid.spacing)]

    def __call__(self, values: Array) -> Array:
        """(q, size) -> (q, size)."""
        field = embedded(self.grid, values)
        for axis, weights in enumerate(self.weights, start=field.ndim - self.grid.dim):
            if weights.size > 1:
                field = _filtered(axis, field, weights)
        return field.reshape(len(field), -1)

    def transposed(self, masses: Array) -> Array:
        """The transposed map: (q, size) -> (q, size)."""
        halves = self._halves
        return halves * self(masses / halves)

    @cached_property
    def _halves(self):
        product = np.ones(1)
        for n, weights in zip(self.grid.shape, self.weights):
            line = np.ones(n)
            if weights.size > 1:
                line[[0, -1]] = 0.5
            product = np.outer(product, line).ravel()
        return product
