"""The limited cubic spline of `interpolation` on a uniform grid of three axes.

v (q, n0, n1, n2) node values, c (q, n0 + 2, n1 + 2, n2 + 2) coefficients with ghosts, so that cell (i, k, l) reads 4 × 4 × 4 of
them.  The limiter is the same: a value outside the range of the cell's eight corners is clipped to the range of the 64 nodes
around it, or, where the data bend one way along every axis, to that of the whole field.
"""

import numpy as np
from numba import prange

from .compile import kernel, parallel
from .interpolation import ROUNDING, cell, slopes, weights

__all__ = ["interpolate", "interpolate_tiles", "interpolate_transposed"]

_U = np.uintp


@kernel
def _along(c, p, i, k, l, b):                  # four coefficients from l on against the weights b
    return b[0] * c[p, i, k, l] + b[1] * c[p, i, k, l + _U(1)] + b[2] * c[p, i, k, l + _U(2)] + b[3] * c[p, i, k, l + _U(3)]


@kernel
def _layer(c, p, i, k, l, a, b):               # 4 × 4 of them
    return ((a[0] * _along(c, p, i, k, l, b) + a[1] * _along(c, p, i, k + _U(1), l, b))
            + (a[2] * _along(c, p, i, k + _U(2), l, b) + a[3] * _along(c, p, i, k + _U(3), l, b)))


@kernel
def _block(c, p, i, k, l, w, a, b):            # 4 × 4 × 4 of them
    return ((w[0] * _layer(c, p, i, k, l, a, b) + w[1] * _layer(c, p, i + _U(1), k, l, a, b))
            + (w[2] * _layer(c, p, i + _U(2), k, l, a, b) + w[3] * _layer(c, p, i + _U(3), k, l, a, b)))


@kernel
def _outside_corners(v, p, i, k, l, value):
    low = high = v[p, i, k, l]
    for m in range(i, min(i + 2, v.shape[1])):
        for n in range(k, min(k + 2, v.shape[2])):
            for o in range(l, min(l + 2, v.shape[3])):
                low, high = min(low, v[p, m, n, o]), max(high, v[p, m, n, o])
    return value < low or value > high


@kernel
def _bends_one_way(v, p, i, k, l, axis):
    """Whether the second differences along an axis at the corners of the cell all have one sign (0 counts as both)."""
    rising = falling = False
    e0, e1, e2 = (1 if axis == 0 else 0), (1 if axis == 1 else 0), (1 if axis == 2 else 0)
    for m in range(i, min(i + 2, v.shape[1])):
        for n in range(k, min(k + 2, v.shape[2])):
            for o in range(l, min(l + 2, v.shape[3])):
                before = v[p, max(m - e0, 0), max(n - e1, 0), max(o - e2, 0)]
                after = v[p, min(m + e0, v.shape[1] - 1), min(n + e1, v.shape[2] - 1), min(o + e2, v.shape[3] - 1)]
                bend = before - 2.0 * v[p, m, n, o] + after
                rising = rising or bend > 0.0
                falling = falling or bend < 0.0
    return not (rising and falling)


@kernel
def _clip(v, bounds, p, i, k, l, value):
    """The limited value, and the flat number of the node it was clipped to (−1: not, or by no more than rounding)."""
    n1, n2 = v.shape[2], v.shape[3]
    field = v[p].reshape(v.shape[1] * n1 * n2)
    if _bends_one_way(v, p, i, k, l, 0) and _bends_one_way(v, p, i, k, l, 1) and _bends_one_way(v, p, i, k, l, 2):
        low, high = bounds[p, 0], bounds[p, 1]
    else:
        low = high = (i * n1 + k) * n2 + l
        for m in range(max(i - 1, 0), min(i + 3, v.shape[1])):
            for n in range(max(k - 1, 0), min(k + 3, n1)):
                for o in range(max(l - 1, 0), min(l + 3, n2)):
                    at = (m * n1 + n) * n2 + o
                    if field[at] < field[low]:
                        low = at
                    if field[at] > field[high]:
                        high = at
    rounding = ROUNDING * max(abs(v[p, i, k, l]), abs(value))
    if value < field[low]:
        return field[low], (low if field[low] - value > rounding else -1)
    if value > field[high]:
        return field[high], (high if value - field[high] > rounding else -1)
    return value, -1


@kernel
def interpolate(c, v, bounds, feet, shares, origin, inverse_spacing, limited, lo, hi, out):
    """Write Σ_k shares[k] · (limited spline of v)(feet[k]) into out[:, lo:hi]; arrays as in `interpolation`, with three axes.

    bounds (q, 2): flat numbers of the nodes of its smallest and largest value;  feet (branches, 3, points)
    """
    for j in range(lo, hi):
        for p in range(out.shape[0]):
            out[p, j] = 0.0
        for branch in range(feet.shape[0]):
            i, r, _ = cell(feet[branch, 0, j], origin[0], inverse_spacing[0], v.shape[1])
            k, s, _ = cell(feet[branch, 1, j], origin[1], inverse_spacing[1], v.shape[2])
            l, t, _ = cell(feet[branch, 2, j], origin[2], inverse_spacing[2], v.shape[3])
            w, a, b = weights(r), weights(s), weights(t)
            for p in range(out.shape[0]):
                value = _block(c, _U(p), _U(i), _U(k), _U(l), w, a, b)
                if limited and _outside_corners(v, p, i, k, l, value):
                    value, _ = _clip(v, bounds, p, i, k, l, value)
                out[p, j] += shares[branch] * value


@kernel
def _scatter(c, p, i, k, l, g, w, a, b):
    for m in range(4):
        for n in range(4):
            h = g * w[m] * a[n]
            for o in range(4):
                c[p, i + m, k + n, l + o] += h * b[o]


@kernel
def interpolate_transposed(c, v, bounds, feet, shares, origin, inverse_spacing, limited, cotangent, lo, hi,
                           c_cotangent, v_cotangent, feet_cotangent):
    """Transpose of `interpolate` at v, and its derivative in the feet: as in `interpolation`."""
    for j in range(lo, hi):
        for branch in range(feet.shape[0]):
            i, r, inside0 = cell(feet[branch, 0, j], origin[0], inverse_spacing[0], v.shape[1])
            k, s, inside1 = cell(feet[branch, 1, j], origin[1], inverse_spacing[1], v.shape[2])
            l, t, inside2 = cell(feet[branch, 2, j], origin[2], inverse_spacing[2], v.shape[3])
            w, a, b = weights(r), weights(s), weights(t)
            dw, da, db = slopes(r, inverse_spacing[0]), slopes(s, inverse_spacing[1]), slopes(t, inverse_spacing[2])
            along0 = along1 = along2 = 0.0
            for p in range(cotangent.shape[0]):
                q, x, y, z = _U(p), _U(i), _U(k), _U(l)
                g = shares[branch] * cotangent[p, j]
                at = -1
                value = _block(c, q, x, y, z, w, a, b)
                if limited and _outside_corners(v, p, i, k, l, value):
                    _, at = _clip(v, bounds, p, i, k, l, value)
                if at >= 0:
                    n1, n2 = v.shape[2], v.shape[3]
                    v_cotangent[p, at // (n1 * n2), at // n2 % n1, at % n2] += g
                else:
                    _scatter(c_cotangent, p, i, k, l, g, w, a, b)
                    along0 += g * _block(c, q, x, y, z, dw, a, b)
                    along1 += g * _block(c, q, x, y, z, w, da, b)
                    along2 += g * _block(c, q, x, y, z, w, a, db)
            feet_cotangent[branch, 0, j] = along0 if inside0 else 0.0
            feet_cotangent[branch, 1, j] = along1 if inside1 else 0.0
            feet_cotangent[branch, 2, j] = along2 if inside2 else 0.0


@parallel
def interpolate_tiles(c, v, bounds, feet, shares, origin, inverse_spacing, limited, size, chunk, out):
    for tile in prange((size + chunk - 1) // chunk):
        interpolate(c, v, bounds, feet, shares, origin, inverse_spacing, limited, tile * chunk, min((tile + 1) * chunk, size), out)
