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


@kernel
def cell(x, origin, inverse_spacing, n):
    """The cell of x on an axis of n nodes, the position in it, 0 … 1, and whether x lies inside the box."""
    s = (x - origin) * inverse_spacing
    inside = s > 0.0 and s < n - 1.0
    s = min(max(s, 0.0), n - 1.0)
    i = min(max(int(s), 0), max(n - 2, 0))      # of a NaN too, which the position carries on
    return i, s - i, inside


@kernel
def weights(t):
    """The four cubic B-splines at position t of a cell; they sum to 1."""
    r = 1.0 - t
    return r * r * r / 6.0, (0.5 * t - 1.0) * t * t + 2.0 / 3.0, (0.5 * r - 1.0) * r * r + 2.0 / 3.0, t * t * t / 6.0


@kernel
def slopes(t, inverse_spacing):
    """Their derivatives in x."""
    r = 1.0 - t
    return (-0.5 * r * r * inverse_spacing, (1.5 * t - 2.0) * t * inverse_spacing, (2.0 - 1.5 * r) * r * inverse_spacing,
            0.5 * t * t * inverse_spacing)


@kernel
def _along(c, p, i, k, b):                     # four coefficients of row i from k on against the weights b
    return b[0] * c[p, i, k] + b[1] * c[p, i, k + _U(1)] + b[2] * c[p, i, k + _U(2)] + b[3] * c[p, i, k + _U(3)]


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
def interpolate(c, v, bounds, feet, shares, origin, inverse_spacing, limited, lo, hi, out):
    """Write Σ_k shares[k] · (limited spline of v)(feet[k]) into out[:, lo:hi].

    c (q, n0 + 2 or 4, n1 + 2) padded coefficients; v (q, n0, n1); bounds (q, 4) the nodes (row, column)
    of its smallest and largest value; feet (branches, 2, points); out (q, points).
    Points outside the box take the value at the nearest point of its edge.
    """
    n0, n1 = v.shape[1], v.shape[2]
    for j in range(lo, hi):
        for p in range(out.shape[0]):
            out[p, j] = 0.0
        for branch in range(feet.shape[0]):
            i, t, _ = cell(feet[branch, 0, j], origin[0], inverse_spacing[0], n0)
            k, s, _ = cell(feet[branch, 1, j], origin[1], inverse_spacing[1], n1)
            a, b, row, column = weights(t), weights(s), _U(i), _U(k)
            for p in range(out.shape[0]):
                q = _U(p)
                value = ((a[0] * _along(c, q, row, column, b) + a[1] * _along(c, q, row + _U(1), column, b))
                         + (a[2] * _along(c, q, row + _U(2), column, b) + a[3] * _along(c, q, row + _U(3), column, b)))
                if limited and _outside_corners(v, q, row, column, value):
                    value, _, _ = _clip(v, bounds, p, i, k, value)
                out[p, j] += shares[branch] * value


@kernel
def _scatter(c, p, i, k, h, b):
    c[p, i, k] += h * b[0]
    c[p, i, k + _U(1)] += h * b[1]
    c[p, i, k + _U(2)] += h * b[2]
    c[p, i, k + _U(3)] += h * b[3]


@kernel
def interpolate_transposed(c, v, bounds, feet, shares, origin, inverse_spacing, limited, cotangent, lo, hi,
                           c_cotangent, v_cotangent, feet_cotangent):
    """Transpose of `interpolate` at v, and its derivative in the feet.

    Adds to c_cotangent (like c) where the spline acted and to v_cotangent (like v) where the limiter did;
    writes feet_cotangent (branches, 2, points) on lo:hi.  cotangent (q, points).
    What each column adds to feet_cotangent ends in a sum, which the compiler cannot fuse with the next: columns may be added elsewhere too.
    """
    n0, n1 = v.shape[1], v.shape[2]
    for j in range(lo, hi):
        for branch in range(feet.shape[0]):
            i, t, inside0 = cell(feet[branch, 0, j], origin[0], inverse_spacing[0], n0)
            k, s, inside1 = cell(feet[branch, 1, j], origin[1], inverse_spacing[1], n1)
            a, b, da, db = weights(t), weights(s), slopes(t, inverse_spacing[0]), slopes(s, inverse_spacing[1])
            row, column = _U(i), _U(k)
            along0 = along1 = 0.0
            for p in range(cotangent.shape[0]):
                q = _U(p)
                g = shares[branch] * cotangent[p, j]
                r0, r1 = _along(c, q, row, column, b), _along(c, q, row + _U(1), column, b)
                r2, r3 = _along(c, q, row + _U(2), column, b), _along(c, q, row + _U(3), column, b)
                value = (a[0] * r0 + a[1] * r1) + (a[2] * r2 + a[3] * r3)
                at_i = at_k = -1
                if limited and _outside_corners(v, q, row, column, value):
                    _, at_i, at_k = _clip(v, bounds, p, i, k, value)
                if at_i >= 0:
                    v_cotangent[p, at_i, at_k] += g
                else:
                    _scatter(c_cotangent, q, row, column, g * a[0], b)
                    _scatter(c_cotangent, q, row + _U(1), column, g * a[1], b)
                    _scatter(c_cotangent, q, row + _U(2), column, g * a[2], b)
                    _scatter(c_cotangent, q, row + _U(3), column, g * a[3], b)
                    along0 += (g * da[0] * r0 + g * da[1] * r1) + (g * da[2] * r2 + g * da[3] * r3)
                    along1 += ((g * a[0] * _along(c, q, row, column, db) + g * a[1] * _along(c, q, row + _U(1), column, db))
                               + (g * a[2] * _along(c, q, row + _U(2), column, db) + g * a[3] * _along(c, q, row + _U(3), column, db)))
            feet_cotangent[branch, 0, j] = along0 if inside0 else 0.0
            feet_cotangent[branch, 1, j] = along1 if inside1 else 0.0


@parallel
def interpolate_tiles(c, v, bounds, feet, weights, origin, inverse_spacing, limited, size, chunk, out):
    for tile in prange((size + chunk - 1) // chunk):
        interpolate(c, v, bounds, feet, weights, origin, inverse_spacing, limited, tile * chunk, min((tile + 1) * chunk, size), out)
