"""Cubic B-splines on a uniform tensor grid of one or two axes (three: `interpolation_in_space`), limited to the values of their neighbourhood.

A grid function v is held as (q, n0, n1); one axis is the case n0 = 1.  Its spline coefficients c are padded by the
ghosts that natural ends imply, so that cell (i, k) reads c[i : i + 4, k : k + 4]; on an axis of one node all four are
equal, and the four weights add to 1.

The limiter: a value outside the range of the cell's own corners is clipped to the range of the 4 × 4 nodes around it,
or, where the data bend one way only (a smooth extremum between nodes), to the range of the whole field.  The clipped interpolant is v ↦ M(v) v with a matrix whose rows sum to 1, and its transpose is the derivative.
"""

import numpy as np
from numba import prange

from .compile import kernel, parallel

__all__ = ["ROUNDING", "cell", "interpolate", "interpolate_tiles", "interpolate_transposed", "slopes", "weights"]

_U = np.uintp                        # unsigned positions are not tested for being negative
ROUNDING = 1e-13                    # of a value: more than the sums of 16 products can err by
_SIXTH = 1.0 / 6.0
_BLOCK = 128                        # points whose cells and weights are found together, in SIMD lanes


@kernel
def cell(x, origin, inverse_spacing, n):
    """The cell of x on an axis of n nodes, the position in it, 0 … 1, and whether x lies inside the box."""
    s = (x - origin) * inverse_spacing
    inside = s > 0.0 and s < n - 1.0
    s = min(max(s, 0.0), n - 1.0)
    i = min(max(np.int32(s), np.int32(0)), np.int32(max(n - 2, 0)))      # of a NaN too, which the position carries on
    return i, s - i, inside


@kernel
def weights(t):
    """The four cubic B-splines at position t of a cell; they sum to 1."""
    r = 1.0 - t
    return _SIXTH * r * r * r, (0.5 * t - 1.0) * t * t + 2.0 / 3.0, (0.5 * r - 1.0) * r * r + 2.0 / 3.0, _SIXTH * t * t * t


@kernel
def slopes(t, inverse_spacing):
    """Their derivatives in x."""
    r = 1.0 - t
    return (-0.5 * r * r * inverse_spacing, (1.5 * t - 2.0) * t * inverse_spacing, (2.0 - 1.5 * r) * r * inverse_spacing,
            0.5 * t * t * inverse_spacing)


@kernel
def _across(c, p, i, k, a):                    # the weights a against columns k … k + 3 of four rows from i on: side by side in SIMD lanes
    i1, i2, i3, k1, k2, k3 = i + _U(1), i + _U(2), i + _U(3), k + _U(1), k + _U(2), k + _U(3)
    return ((a[0] * c[p, i, k] + a[1] * c[p, i1, k]) + (a[2] * c[p, i2, k] + a[3] * c[p, i3, k]),
            (a[0] * c[p, i, k1] + a[1] * c[p, i1, k1]) + (a[2] * c[p, i2, k1] + a[3] * c[p, i3, k1]),
            (a[0] * c[p, i, k2] + a[1] * c[p, i1, k2]) + (a[2] * c[p, i2, k2] + a[3] * c[p, i3, k2]),
            (a[0] * c[p, i, k3] + a[1] * c[p, i1, k3]) + (a[2] * c[p, i2, k3] + a[3] * c[p, i3, k3]))


@kernel
def _dot(a, b):
    return (a[0] * b[0] + a[1] * b[1]) + (a[2] * b[2] + a[3] * b[3])


@kernel
def _outside_corners(v, p, i, k, value):
    """Whether `value` lies outside the range of the corners of cell (i, k)."""
    i1, k1 = min(i + _U(1), _U(v.shape[1] - 1)), min(k + _U(1), _U(v.shape[2] - 1))
    a, b, c, d = v[p, i, k], v[p, i, k1], v[p, i1, k], v[p, i1, k1]
    return value < min(min(a, b), min(c, d)) or value > max(max(a, b), max(c, d))


@kernel
def _one_curvature(v, p, i, k, along0):
    """Whether the second differences along one axis, at and beside cell (i, k), all have one sign (0 counts as both)."""
    n0, n1 = v.shape[1], v.shape[2]
    rising = falling = False
    for m in range(i, min(i + 2, n0)):
        for l in range(k, min(k + 2, n1)):
            if along0:
                before, after = v[p, max(m - 1, 0), l], v[p, min(m + 1, n0 - 1), l]
            else:
                before, after = v[p, m, max(l - 1, 0)], v[p, m, min(l + 1, n1 - 1)]
            bend = before - 2.0 * v[p, m, l] + after
            rising = rising or bend > 0.0
            falling = falling or bend < 0.0
    return not (rising and falling)


@kernel
def _clip(v, bounds, p, i, k, value):
    """The limited value, and the node it was clipped to (−1, −1 when it was not, or by no more than rounding: where the
    field is flat the nodes are all alike, and to send a mass to one of them would be a jump).

    At a smooth extremum (one curvature along each axis) only the bounds of the whole field hold; elsewhere those of
    the 4 × 4 nodes around the cell.
    """
    if _one_curvature(v, p, i, k, True) and _one_curvature(v, p, i, k, False):
        low_i, low_k, high_i, high_k = bounds[p, 0], bounds[p, 1], bounds[p, 2], bounds[p, 3]
    else:
        low_i = high_i = i
        low_k = high_k = k
        for m in range(max(i - 1, 0), min(i + 3, v.shape[1])):
            for l in range(max(k - 1, 0), min(k + 3, v.shape[2])):
                if v[p, m, l] < v[p, low_i, low_k]:
                    low_i, low_k = m, l
                if v[p, m, l] > v[p, high_i, high_k]:
                    high_i, high_k = m, l
    smallest, largest = v[p, low_i, low_k], v[p, high_i, high_k]
    rounding = ROUNDING * max(abs(v[p, i, k]), abs(value))
    if value < smallest:
        return (smallest, low_i, low_k) if smallest - value > rounding else (smallest, -1, -1)
    if value > largest:
        return (largest, high_i, high_k) if value - largest > rounding else (largest, -1, -1)
    return value, -1, -1


@kernel
def _place(feet, branch, axis, begin, count, origin, inverse_spacing, n, at, w):
    """Cells at[axis] and weights w[axis] (4, …) of `count` feet along an axis."""
    cells, w0, w1, w2, w3, x = at[axis], w[axis, 0], w[axis, 1], w[axis, 2], w[axis, 3], feet[branch, axis]
    for j in range(count):
        j = _U(j)
        i, t, _ = cell(x[_U(begin) + j], origin[axis], inverse_spacing[axis], n)
        cells[j] = i
        w0[j], w1[j], w2[j], w3[j] = weights(t)


@kernel
def _place_slopes(feet, branch, axis, begin, count, origin, inverse_spacing, n, dw):
    """Slopes dw[axis] (4, …) of the weights, 0 outside the box."""
    w0, w1, w2, w3, x = dw[axis, 0], dw[axis, 1], dw[axis, 2], dw[axis, 3], feet[branch, axis]
    for j in range(count):
        j = _U(j)
        _, t, inside = cell(x[_U(begin) + j], origin[axis], inverse_spacing[axis], n)
        w0[j], w1[j], w2[j], w3[j] = slopes(t, inverse_spacing[axis] if inside else 0.0)


@kernel
def _gather(c, v, bounds, p, share, at, w, limited, begin, count, out):
    q, rows, columns, a0, a1, a2, a3 = _U(p), at[0], at[1], w[0, 0], w[0, 1], w[0, 2], w[0, 3]
    b0, b1, b2, b3 = w[1, 0], w[1, 1], w[1, 2], w[1, 3]
    for j in range(count):
        j = _U(j)
        i, k = _U(rows[j]), _U(columns[j])
        value = _dot((b0[j], b1[j], b2[j], b3[j]), _across(c, q, i, k, (a0[j], a1[j], a2[j], a3[j])))
        if limited and _outside_corners(v, q, i, k, value):
            value, _, _ = _clip(v, bounds, p, np.int64(i), np.int64(k), value)
        out[q, _U(begin) + j] += share * value


@kernel
def interpolate(c, v, bounds, feet, shares, origin, inverse_spacing, limited, lo, hi, out):
    """Write Σ_k shares[k] · (limited spline of v)(feet[k]) into out[:, lo:hi].

    c (q, n0 + 2 or 4, n1 + 2) padded coefficients; v (q, n0, n1); bounds (q, 4) the nodes (row, column)
    of its smallest and largest value; feet (branches, 2, points); out (q, points).
    Points outside the box take the value at the nearest point of its edge.
    """
    at, w = np.empty((2, _BLOCK), np.int32), np.empty((2, 4, _BLOCK))
    for p in range(out.shape[0]):
        for j in range(lo, hi):
            out[_U(p), _U(j)] = 0.0
    for begin in range(lo, hi, _BLOCK):
        count = min(_BLOCK, hi - begin)
        for branch in range(feet.shape[0]):
            _place(feet, branch, 0, begin, count, origin, inverse_spacing, v.shape[1], at, w)
            _place(feet, branch, 1, begin, count, origin, inverse_spacing, v.shape[2], at, w)
            for p in range(out.shape[0]):
                _gather(c, v, bounds, p, shares[branch], at, w, limited, begin, count, out)


@kernel
def _scatter(c, p, i, k, h, b):
    k1, k2, k3 = k + _U(1), k + _U(2), k + _U(3)
    c0, c1, c2, c3 = c[p, i, k] + h * b[0], c[p, i, k1] + h * b[1], c[p, i, k2] + h * b[2], c[p, i, k3] + h * b[3]
    c[p, i, k], c[p, i, k1], c[p, i, k2], c[p, i, k3] = c0, c1, c2, c3


@kernel
def _spread(c, v, bounds, p, share, at, w, dw, limited, cotangent, branch, begin, count, c_cotangent, v_cotangent, feet_cotangent):
    q, rows, columns, a0, a1, a2, a3 = _U(p), at[0], at[1], w[0, 0], w[0, 1], w[0, 2], w[0, 3]
    b0, b1, b2, b3 = w[1, 0], w[1, 1], w[1, 2], w[1, 3]
    da0, da1, da2, da3, db0, db1, db2, db3 = dw[0, 0], dw[0, 1], dw[0, 2], dw[0, 3], dw[1, 0], dw[1, 1], dw[1, 2], dw[1, 3]
    along0, along1 = feet_cotangent[branch, 0], feet_cotangent[branch, 1]
    for j in range(count):
        j = _U(j)
        i, k, point = _U(rows[j]), _U(columns[j]), _U(begin) + j
        g, a, b = share * cotangent[q, point], (a0[j], a1[j], a2[j], a3[j]), (b0[j], b1[j], b2[j], b3[j])
        here = _across(c, q, i, k, a)
        value, at_i, at_k = _dot(b, here), -1, -1
        if limited and _outside_corners(v, q, i, k, value):
            _, at_i, at_k = _clip(v, bounds, p, np.int64(i), np.int64(k), value)
        if at_i >= 0:
            v_cotangent[p, at_i, at_k] += g
        else:
            b = (g * b[0], g * b[1], g * b[2], g * b[3])
            _scatter(c_cotangent, q, i, k, a[0], b)
            _scatter(c_cotangent, q, i + _U(1), k, a[1], b)
            _scatter(c_cotangent, q, i + _U(2), k, a[2], b)
            _scatter(c_cotangent, q, i + _U(3), k, a[3], b)
            along0[point] += _dot(b, _across(c, q, i, k, (da0[j], da1[j], da2[j], da3[j])))
            along1[point] += _dot((g * db0[j], g * db1[j], g * db2[j], g * db3[j]), here)


@kernel
def interpolate_transposed(c, v, bounds, feet, shares, origin, inverse_spacing, limited, cotangent, lo, hi,
                           c_cotangent, v_cotangent, feet_cotangent):
    """Transpose of `interpolate` at v, and its derivative in the feet.

    Adds to c_cotangent (like c) where the spline acted and to v_cotangent (like v) where the limiter did;
    writes feet_cotangent (branches, 2, points) on lo:hi.  cotangent (q, points).
    What each column adds to feet_cotangent ends in a sum, which the compiler cannot fuse with the next: columns may be added elsewhere too.
    """
    at, w, dw = np.empty((2, _BLOCK), np.int32), np.empty((2, 4, _BLOCK)), np.empty((2, 4, _BLOCK))
    for begin in range(lo, hi, _BLOCK):
        count = min(_BLOCK, hi - begin)
        for branch in range(feet.shape[0]):
            for axis in range(2):
                _place(feet, branch, axis, begin, count, origin, inverse_spacing, v.shape[axis + 1], at, w)
                _place_slopes(feet, branch, axis, begin, count, origin, inverse_spacing, v.shape[axis + 1], dw)
                for j in range(begin, begin + count):
                    feet_cotangent[branch, axis, _U(j)] = 0.0
            for p in range(cotangent.shape[0]):
                _spread(c, v, bounds, p, shares[branch], at, w, dw, limited, cotangent, branch, begin, count,
                        c_cotangent, v_cotangent, feet_cotangent)


@parallel
def interpolate_tiles(c, v, bounds, feet, weights, origin, inverse_spacing, limited, size, chunk, out):
    for tile in prange((size + chunk - 1) // chunk):
        interpolate(c, v, bounds, feet, weights, origin, inverse_spacing, limited, tile * chunk, min((tile + 1) * chunk, size), out)
