"""Grid functions between the nodes: limited cubic splines, and Gaussian smoothing that stays on the nodes.

Both are linear maps (the limiter: linear at the values it limits) with rows that sum to 1 and with exact transposes, so
they serve the backward equation (values) and the forward one (masses) alike.  Uniform grids of one or two axes.
"""

from functools import cached_property, lru_cache

import numpy as np

from ocnet.kernels import interpolation, smoothing
from ocnet.kernels.threads import over_tiles, run_all

__all__ = ["LimitedSpline", "Smoothing", "expectation", "expectation_transposed"]

_CHUNK = 1 << 12                     # points per task
_STRIPS = 2                          # partial sums of a transposed interpolation, added in order
_TAIL = 7.3                          # standard deviations after which a Gaussian weight is below 3e-12
_ROWS = 24                           # rows per task of a filter


def _plane(grid, values):
    """View (q, size) values as (q, n0, n1), n0 = 1 in one dimension."""
    shape = grid.shape if grid.dim == 2 else (1, *grid.shape)
    return np.ascontiguousarray(values, dtype=np.float64).reshape(-1, *shape)


def _check(grid, what):
    grid.require_uniform(what)
    if grid.dim > 2:
        raise ValueError(f"{what} serves one and two dimensions, the grid has {grid.dim}; use particles above that")


def _prefiltered(axis, plane, ends, transposed=False):
    """Spline coefficients of (q, n0, n1) along axis 1 or 2, or the transpose of that map."""
    n = plane.shape[axis]
    lines = plane.reshape(-1, n, plane.shape[2] if axis == 1 else 1)
    out = np.empty_like(lines)
    inner = lines.shape[2]
    chunk = inner if inner > 1 else 64
    if lines.shape[0] == 1 and inner > 1:                         # one plane: its lines lie side by side, bundles of them are tasks
        chunk = -(-inner // 8 // 16) * 16
    over_tiles(interpolation.prefilter_tiles, interpolation.prefilter, (lines, _factors(n, *ends), *ends, transposed),
               lines.shape[0] * inner, chunk, (out,))
    return out.reshape(plane.shape)


def _filtered(axis, plane, weights):
    """A symmetric filter of (q, n0, n1) along axis 1 or 2."""
    out = np.empty_like(plane)
    if axis == 2:
        rows, target = plane.reshape(-1, plane.shape[2]), out.reshape(-1, plane.shape[2])
        over_tiles(smoothing.along_rows_tiles, smoothing.along_rows, (rows, weights), len(rows), _ROWS, (target,))
    else:
        over_tiles(smoothing.across_rows_tiles, smoothing.across_rows, (plane, weights), plane.shape[0] * plane.shape[1], _ROWS, (out,))
    return out


@lru_cache(maxsize=64)
def _factors(n, low, high):
    return interpolation.prefilter_factors(n, low, high)


class LimitedSpline:
    """The cubic spline through `values` (q, size) on a grid, limited to the range of the nodes around each point.

    Fourth order on resolved data, extrema included; never outside the range of the values (see kernels/interpolation).
    Outside the box: the nearest edge value.
    mirrored : one (low, high) pair of booleans per axis: ends with zero slope, fourth order where the field has none; other
               ends are natural (second derivative 0).  None: all natural
    """

    def __init__(self, grid, values, limited=True, mirrored=None):
        _check(grid, "LimitedSpline")
        self.grid, self.limited = grid, limited
        self.values = _plane(grid, values)
        embed = 2 - grid.dim
        pairs = ((False, False),) * grid.dim if mirrored is None else mirrored
        self._ends = ((0, 0),) * embed + tuple((int(low), int(high)) for low, high in pairs)
        self._origin = np.concatenate([np.zeros(embed), grid.lower])
        self._inverse_spacing = np.concatenate([np.ones(embed), 1 / grid.spacing])

    @cached_property
    def coefficients(self):
        """(q, n0 + ghosts, n1 + ghosts) spline coefficients."""
        inner = _prefiltered(2, self.values, self._ends[1])
        if self.values.shape[1] > 1:
            inner = _prefiltered(1, inner, self._ends[0])
        return _with_ghosts(_with_ghosts(inner, 1, self._ends[0]), 2, self._ends[1])

    @cached_property
    def _bounds(self):
        flat = self.values.reshape(len(self.values), -1)
        ends = np.stack([flat.argmin(axis=1), flat.argmax(axis=1)], axis=1)
        return np.stack(np.unravel_index(ends, self.values.shape[1:]), axis=-1).reshape(-1, 4)

    def _feet(self, feet):
        if self.grid.dim == 2:
            return feet
        return np.concatenate([np.zeros_like(feet), feet], axis=1)

    def mean(self, feet, weights):
        """Σ_k weights[k] · spline(feet[k]) at feet (branches, d, points): (q, points)."""
        feet, coefficients = self._feet(feet), self.coefficients
        out = np.empty((len(self.values), feet.shape[2]))
        over_tiles(interpolation.interpolate_tiles, interpolation.interpolate, (
            coefficients, self.values, self._bounds, feet, weights, self._origin, self._inverse_spacing, self.limited),
            feet.shape[2], _CHUNK, (out,))
        return out

    def __call__(self, x):
        """Values at the points x (d, n): (q, n)."""
        return self.mean(np.ascontiguousarray(x)[None], np.ones(1))

    def mean_transposed(self, feet, weights, cotangent):
        """For ⟨cotangent, mean⟩: the cotangent of the values (q, size), and of the feet (branches, d, points)."""
        feet, coefficients = self._feet(feet), self.coefficients
        points = feet.shape[2]
        feet_cotangent = np.empty(feet.shape)
        edges = [points * k // _STRIPS for k in range(_STRIPS + 1)]
        strips = [(np.zeros_like(coefficients), np.zeros_like(self.values)) for _ in range(_STRIPS)]
        cotangent = np.ascontiguousarray(cotangent)

        def task(k):
            interpolation.interpolate_transposed(
                coefficients, self.values, self._bounds, feet, weights, self._origin, self._inverse_spacing, self.limited,
                cotangent, edges[k], edges[k + 1], *strips[k], feet_cotangent)

        run_all([lambda k=k: task(k) for k in range(_STRIPS)])
        (c, v), rest = strips[0], strips[1:]
        for more_c, more_v in rest:
            c += more_c
            v += more_v
        inner = _without_ghosts(_without_ghosts(c, 2, self._ends[1]), 1, self._ends[0])
        if self.values.shape[1] > 1:
            inner = _prefiltered(1, inner, self._ends[0], transposed=True)
        v += _prefiltered(2, inner, self._ends[1], transposed=True)
        return v.reshape(len(v), -1), feet_cotangent[:, 2 - self.grid.dim:]


def _with_ghosts(c, axis, ends):
    """Pad by the coefficients beyond the ends: 2 c₀ − c₁ at a natural one, c₁ at a mirrored one; an axis of one node is repeated."""
    c = np.moveaxis(c, axis, 0)
    if len(c) == 1:
        padded = np.repeat(c, 4, axis=0)
    else:
        first = c[1:2] if ends[0] else 2 * c[:1] - c[1:2]
        last = c[-2:-1] if ends[1] else 2 * c[-1:] - c[-2:-1]
        padded = np.concatenate([first, c, last])
    return np.ascontiguousarray(np.moveaxis(padded, 0, axis))


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


def gaussian_weights(ratio):
    """Non-negative lattice weights (w_0, w_1, …), mirrored, of variance ratio² in units of the spacing.

    ratio ≥ 1: sampled Gaussian, whose moments are those of the normal law to 2π²-exponential accuracy (1e-7 relative at
    ratio 1, below rounding from 1.4).  1/√3 ≤ ratio < 1: five points with the normal moments to order 5.
    Below: three points, moments to order 3, where no five-point rule is non-negative.
    """
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

    def __init__(self, grid, deviation):
        _check(grid, "Smoothing")
        self.grid = grid
        self.weights = [gaussian_weights(s / h) for s, h in zip(np.broadcast_to(deviation, grid.dim), grid.spacing)]

    def __call__(self, values):
        """(q, size) -> (q, size)."""
        plane = _plane(self.grid, values)
        for axis, weights in enumerate(self.weights, start=3 - self.grid.dim):
            if weights.size > 1:
                plane = _filtered(axis, plane, weights)
        return plane.reshape(len(plane), -1)

    def transposed(self, masses):
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


def expectation(grid, transition, values, limited=True):
    """E[values(X⁺)] for a `Transition` from the nodes: (q, size), and the spline that its transpose needs.

    values (q, size); smoothing by the transition's independent normals comes first, on the nodes, then the mean over
    its feet.  feet None: smoothing alone.
    """
    if np.any(transition.smoothing > 0):
        values = Smoothing(grid, transition.smoothing)(values)
    if transition.feet is None:
        return values, None
    spline = LimitedSpline(grid, values, limited)
    return spline.mean(transition.feet, transition.weights), spline


def expectation_transposed(grid, transition, spline, masses):
    """The masses (q, size) one step later, and the cotangent of the feet (branches, d, size) (None without feet)."""
    feet_cotangent = None
    if transition.feet is not None:
        masses, feet_cotangent = spline.mean_transposed(transition.feet, transition.weights, masses)
    if np.any(transition.smoothing > 0):
        masses = Smoothing(grid, transition.smoothing).transposed(masses)
    return masses, feet_cotangent
