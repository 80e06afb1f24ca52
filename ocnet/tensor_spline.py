"""Cubic splines through the nodes of any tensor grid, with two derivatives; cubic weights between kept times.

The spline is the tensor product of not-a-knot splines (de Boor 2001, ch. IV), so it is of order 4, its gradient of order
3 and its second derivatives of order 2, up to the edges of the box.  Any number of axes, of any spacing.
"""

from functools import cached_property
from typing import Any

import numpy as np
from scipy.interpolate import make_interp_spline

from ocnet.kernels.threads import over_chunks
from ocnet.typing import Array

__all__ = ["TensorSpline", "around_time"]

_CHUNK = 1 << 12                        # points per task
_LETTERS = "...kn,kn->...n"             # contract the innermost axis of a block with one axis' weights
_STEP = 1e-6                            # relative distance of a time from a kept one below which they count as equal
_MOST_WEIGHT = 3.0                      # Σ |weight| of four times beyond which they are too uneven for a cubic (even: at most 1.63)


class TensorSpline:
    """The spline through `values` (q, size) on `grid`, limited where it is evaluated, not where it is differentiated.

    The limiter is that of kernels/interpolation, for any axes: a value outside the range of its cell's corners is clipped to
    the range of the 4 nodes around it along each axis, or, where the data bend one way only (a smooth extremum between
    nodes), to that of the whole field: order 4 but at the greatest and the least value of all, where it is 2.  Next to a jump
    the derivatives ring (less by 0.27 per node away) and values do not.
    Outside the box: the nearest edge value, constant along the axes that were left.
    Raises ValueError if values are not finite.  Cost: 4^d products per point and column; one banded solve per line.
    """

    def __init__(self, grid: Any, values: Array) -> None:
        self.grid, self.values = grid, np.ascontiguousarray(values, dtype=np.float64)
        if not np.isfinite(self.values).all():
            raise ValueError(f"values hold {(~np.isfinite(self.values)).sum()} numbers that are not finite, which a spline "
                             "would spread over the grid; bound the data first")
        self._strides = np.cumprod((1,) + grid.shape[:0:-1])[::-1]

    @cached_property
    def _fitted(self):
        """Coefficients (q, size), and the knots of each axis."""
        c, knots = self.grid.reshape(self.values), []
        for axis, nodes in enumerate(self.grid.axes, start=1):
            spline = make_interp_spline(nodes, np.moveaxis(c, axis, 0))
            c = np.moveaxis(spline.c, 0, axis)
            knots.append(spline.t)
        return np.ascontiguousarray(c).reshape(self.values.shape), knots

    def __call__(self, x: Array) -> Array:
        """Limited values at the points x (d, n): (q, n)."""
        out = np.empty((len(self.values), x.shape[1]))

        def piece(lo, hi):
            block, weights = self._local(x[:, lo:hi], 0)
            out[:, lo:hi] = self._limited(x[:, lo:hi], _contract(block, [w[0] for w in weights]))

        over_chunks(piece, x.shape[1], _CHUNK)
        return out

    def slopes(self, x: Array) -> Array:
        """First derivatives of the spline at x (d, n): (q, d, n); 0 along an axis outside its range."""
        out = np.empty((len(self.values), len(x), x.shape[1]))

        def piece(lo, hi):
            block, weights = self._local(x[:, lo:hi], 1)
            for i in range(len(x)):
                out[:, i, lo:hi] = _contract(block, [w[int(axis == i)] for axis, w in enumerate(weights)])

        over_chunks(piece, x.shape[1], _CHUNK)
        return out

    def curvatures(self, x: Array) -> Array:
        """Second derivatives of the spline at x (d, n): (q, d, d, n), symmetric; 0 in the axes outside their range."""
        out = np.empty((len(self.values), len(x), len(x), x.shape[1]))

        def piece(lo, hi):
            block, weights = self._local(x[:, lo:hi], 2)
            for i in range(len(x)):
                for j in range(i + 1):
                    orders = [int(axis == i) + int(axis == j) for axis in range(len(x))]
                    out[:, i, j, lo:hi] = out[:, j, i, lo:hi] = _contract(block, [w[o] for w, o in zip(weights, orders)])

        over_chunks(piece, x.shape[1], _CHUNK)
        return out

    def _local(self, x, most):
        """The 4^d coefficients that act at x (d, n), (q, 4, …, 4, n), and per axis the weights (most + 1, 4, n)."""
        coefficients, knots = self._fitted
        firsts, weights = zip(*(_basis(t, a, s, most) for t, a, s in zip(knots, self.grid.axes, x)))
        return coefficients[:, self._around(firsts, 4)], weights

    def _around(self, firsts, count):
        """Flat indices (count, …, count, n) of `count` nodes per axis from `firsts` (d, n) on, edge nodes repeated."""
        flat = np.zeros(firsts[0].size, dtype=np.intp)
        for first, n, stride in zip(firsts, self.grid.shape, self._strides):
            index = np.clip(first + np.arange(count)[:, None], 0, n - 1) * stride
            flat = flat[..., None, :] + index
        return flat

    def _limited(self, x, rows):
        """`rows` (q, n) at x (d, n), clipped where the limiter asks for it."""
        cells = np.stack([np.clip(np.searchsorted(a, s, side="right") - 1, 0, a.size - 2) for a, s in zip(self.grid.axes, x)])
        corners = self.values[:, self._around(cells, 2)].reshape(len(rows), -1, rows.shape[1])
        doubtful = ((rows < corners.min(axis=1)) | (rows > corners.max(axis=1))).any(axis=0)
        if doubtful.any():
            cells = cells[:, doubtful] - 1
            near = self.values[:, self._around(cells, 4)]
            within = near.reshape(len(rows), -1, near.shape[-1])
            smooth, field = self._bends_one_way(cells, near), self.values
            rows[:, doubtful] = np.clip(rows[:, doubtful],
                                        np.where(smooth, field.min(axis=1, keepdims=True), within.min(axis=1)),
                                        np.where(smooth, field.max(axis=1, keepdims=True), within.max(axis=1)))
        return rows

    def _bends_one_way(self, firsts, near):
        """(q, n): whether along each axis the divided second differences at the corners of the cells all have one sign."""
        one_way = np.ones((len(near), near.shape[-1]), dtype=bool)
        for axis, nodes in enumerate(self.grid.axes):
            middle = [slice(None)] + [slice(1, 3)] * self.grid.dim + [slice(None)]
            middle[axis + 1] = slice(None)
            lines = np.moveaxis(near[tuple(middle)], axis + 1, -2)                      # (q, 2, …, 4, n)
            gaps = np.diff(nodes[np.clip(firsts[axis] + np.arange(4)[:, None], 0, nodes.size - 1)], axis=0)
            slopes = np.diff(lines, axis=-2) / np.where(gaps > 0, gaps, 1.0)
            bends = np.diff(slopes, axis=-2) * ((gaps[1:] > 0) & (gaps[:-1] > 0))       # none at an edge of the box
            bends = np.moveaxis(bends, -1, 1).reshape(*one_way.shape, -1)
            one_way &= ~((bends > 0).any(axis=-1) & (bends < 0).any(axis=-1))
        return one_way


def _contract(block, weights):
    """Σ of a block (q, 4, …, 4, n) against weights (4, n) per axis: (q, n)."""
    for w in reversed(weights):
        block = np.einsum(_LETTERS, block, w)
    return block


def _basis(knots, nodes, x, most):
    """First of the four cubic B-splines that act at x (n,), and their derivatives 0 … most there, (most + 1, 4, n).

    Cox–de Boor recursion; outside [nodes[0], nodes[-1]] values are those at the edge and derivatives 0.
    """
    inside, x = (x >= nodes[0]) & (x <= nodes[-1]), np.clip(x, nodes[0], nodes[-1])
    k = np.clip(np.searchsorted(knots, x, side="right") - 1, 3, knots.size - 5)
    t = knots[k + np.arange(-2, 4)[:, None]]
    splines = [np.ones((1, x.size))]
    for degree in (1, 2, 3):
        splines.append(_raised(splines[-1], t, degree, x))
    derivatives = [splines[3]]
    for order in range(1, most + 1):
        b = splines[3 - order]
        for degree in range(4 - order, 4):
            b = _raised(b, t, degree)
        derivatives.append(b * inside)
    return k - 3, np.stack(derivatives)


def _raised(b, t, degree, x=None):
    """B-splines of `degree` at x (n,), (degree + 1, n), from those one degree lower, b (degree, n); without x, their derivative.

    t (6, n) the knots around the points.  Source: de Boor (2001), ch. IX (14) and X (8).
    """
    out = np.zeros((degree + 1, b.shape[1]))
    for r in range(degree):
        left, right = t[3 - degree + r], t[3 + r]
        share = b[r] / (right - left)
        out[r] += share * (-degree if x is None else right - x)
        out[r + 1] += share * (degree if x is None else x - left)
    return out


def around_time(times: Array, t: float) -> Any:
    """((index, weight), …) of the kept times (K,) from which a field at t is interpolated.

    One where t was kept; four, with the weights of Lagrange's cubic, two of them on either side where there are; the two
    around t where fewer than four were kept, or the four are so uneven that a cubic would magnify their errors.
    Raises ValueError for t outside the kept times.
    """
    near, span = int(np.abs(times - t).argmin()), max(times[-1] - times[0], 1e-300)
    if abs(times[near] - t) <= _STEP * span:
        return ((near, 1.0),)
    if not times[0] <= t <= times[-1]:
        raise ValueError(f"t={t} is outside the kept times [{times[0]:g}, {times[-1]:g}]; solve with keep=11, "
                         "or keep=[times you need]")
    k = int(np.searchsorted(times, t)) - 1
    used, middle = np.arange(k, k + 2), 0.5 * (times[k] + times[k + 1])
    if times.size >= 4:
        four = np.arange(4) + min(max(k - 1, 0), times.size - 4)
        used = four if np.abs(_lagrange(times[four], middle)).sum() <= _MOST_WEIGHT else used
    return tuple(zip(used.tolist(), _lagrange(times[used], t)))


def _lagrange(nodes, t):
    """Weights (k,) of the polynomial through k nodes at t."""
    return np.array([np.prod((t - np.delete(nodes, i)) / (nodes[i] - np.delete(nodes, i))) for i in range(nodes.size)])
