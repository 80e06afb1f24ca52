"""One pass of an alternating-direction scheme on a plane grid, with its rates made on the way.

    x = (I − s A_1)⁻¹ (I − s A_0)⁻¹ (α d + β w + γ (A_0 + A_1) w + μ A_m w)        A_m: the mixed part

`down` makes the right-hand side and eliminates along the first axis, a block of columns at a time; `across` eliminates along the
rows, a bundle of them at a time, and adds what the scheme adds.  Rates l = a A_l + f C_l and r = a A_r + f C_r are those of
`rates.assemble` with the central rule: nothing is stored but the two sweeps' factors, in the cache.

f, a (2, rows, n), a with one row if it does not vary along the rows; cross (rows or 1, n) or none: a_01; table, offsets as in `rates`.
"""

import numpy as np
from numba import prange

from .compile import kernel, parallel

__all__ = ["across", "across_tiles", "down", "down_tiles"]

_BUNDLE = 16                         # rows eliminated side by side


@kernel
def _padded(u, r, start, stop, out):           # u[r, start − 1 … stop], the ends of the row repeated
    n = u.shape[1]
    row, inner = u[r, start:stop], out[1:stop - start + 1]
    for k in range(stop - start):
        inner[k] = row[k]
    out[0] = u[r, max(start - 1, 0)]
    out[stop - start + 1] = u[r, min(stop, n - 1)]


@kernel
def _right_hand_side(f0, a0, al, cl, ar, cr, f1, a1, bl, dl, br, dr, above, left, here, right, below, gamma, out):
    """out += γ (A_0 + A_1) w on one row; scalars al … cr of the row, tables bl … dr of the columns."""
    for k in range(out.size):
        out[k] += gamma * ((a0[k] * al + f0[k] * cl) * (above[k] - here[k]) + (a0[k] * ar + f0[k] * cr) * (below[k] - here[k])
                           + (a1[k] * bl[k] + f1[k] * dl[k]) * (left[k] - here[k]) + (a1[k] * br[k] + f1[k] * dr[k]) * (right[k] - here[k]))


@kernel
def _add_mixed(cross, scale, across_scale, before_left, before_right, after_left, after_right, out):
    for k in range(out.size):
        out[k] += scale * (cross[k] * across_scale[k]) * ((after_right[k] - after_left[k]) - (before_right[k] - before_left[k]))


@kernel
def _start(d, alpha, here, beta, out):
    for k in range(out.size):
        out[k] = alpha * d[k] + beta * here[k]


@kernel
def _eliminate(y, f0, a0, al, cl, ar, cr, s, x_before, g_before, x, g):
    """Forward elimination of one row: x = (y + s l x₋)/p, g = s r/p, p = 1 + s (l + r) − s l g₋."""
    for k in range(x.size):
        l, r = a0[k] * al + f0[k] * cl, a0[k] * ar + f0[k] * cr
        pivot = 1.0 / (1.0 + s * (l + r) - s * l * g_before[k])
        x[k] = (y[k] + s * l * x_before[k]) * pivot
        g[k] = s * r * pivot


@kernel
def _substitute(x, g, following):
    for k in range(x.size):
        x[k] += g[k] * following[k]


@kernel
def _copy(x, out):
    for k in range(x.size):
        out[k] = x[k]


@kernel
def down(w, d, f, a, cross, table, offsets, alpha, beta, gamma, mu, s, keep, lo, hi, kept, out):
    """Write (I − s A_0)⁻¹ y into out[:, lo:hi] for the columns lo … hi − 1, y the right-hand side, also into `kept` if `keep`.

    w, d, kept, out (rows, n); d is read only if α ≠ 0 (it may be w).
    """
    rows, width = w.shape[0], hi - lo
    x, g, y = np.zeros((rows + 1, width)), np.zeros((rows + 1, width)), np.empty(width)
    window = np.empty((3, width + 2))
    columns = slice(offsets[1] + lo, offsets[1] + hi)
    bl, dl, br, dr, wide = table[4, columns], table[5, columns], table[6, columns], table[7, columns], table[8, columns]
    _padded(w, 0, lo, hi, window[0])
    _padded(w, 0, lo, hi, window[1])
    for r in range(rows):
        q = r if a.shape[1] > 1 else 0
        above, here, below = window[r % 3], window[(r + 1) % 3], window[(r + 2) % 3]
        _padded(w, min(r + 1, rows - 1), lo, hi, below)
        al, cl, ar, cr = table[4, r], table[5, r], table[6, r], table[7, r]
        f0, a0, f1, a1 = f[0, r, lo:hi], a[0, q, lo:hi], f[1, r, lo:hi], a[1, q, lo:hi]
        _start(d[r, lo:hi], alpha, here[1:width + 1], beta, y)
        if gamma != 0.0:
            _right_hand_side(f0, a0, al, cl, ar, cr, f1, a1, bl, dl, br, dr, above[1:width + 1], here[:width], here[1:width + 1],
                             here[2:], below[1:width + 1], gamma, y)
        if cross.shape[0] > 0:
            _add_mixed(cross[r if cross.shape[0] > 1 else 0, lo:hi], mu * table[8, r], wide, above[:width], above[2:], below[:width],
                       below[2:], y)
        if keep:
            _copy(y, kept[r, lo:hi])
        _eliminate(y, f0, a0, al, cl, ar, cr, s, x[r], g[r], x[r + 1], g[r + 1])
    _copy(x[rows], out[rows - 1, lo:hi])
    for r in range(rows - 1, 0, -1):
        _substitute(x[r], g[r], x[r + 1])
        _copy(x[r], out[r - 1, lo:hi])


@kernel
def _turn(u, first, lanes, out):               # out[j, lane] = u[first + lane, j], four lines at a time
    for lane in range(0, lanes - lanes % 4, 4):
        a, b, c, d = u[first + lane], u[first + lane + 1], u[first + lane + 2], u[first + lane + 3]
        for j in range(u.shape[1]):
            row = out[j, lane:lane + 4]
            row[0], row[1], row[2], row[3] = a[j], b[j], c[j], d[j]
    for lane in range(lanes - lanes % 4, lanes):
        for j in range(u.shape[1]):
            out[j, lane] = u[first + lane, j]


@kernel
def _turn_back(x, first, lanes, out):          # out[first + lane, j] = x[j, lane]
    for lane in range(0, lanes - lanes % 4, 4):
        a, b, c, d = out[first + lane], out[first + lane + 1], out[first + lane + 2], out[first + lane + 3]
        for j in range(out.shape[1]):
            row = x[j, lane:lane + 4]
            a[j], b[j], c[j], d[j] = row[0], row[1], row[2], row[3]
    for lane in range(lanes - lanes % 4, lanes):
        for j in range(out.shape[1]):
            out[first + lane, j] = x[j, lane]


@kernel
def _eliminate_constant(f1, a1, al, cl, ar, cr, s, x_before, g_before, x, g):
    for k in range(x.size):
        l, r = a1 * al + f1[k] * cl, a1 * ar + f1[k] * cr
        pivot = 1.0 / (1.0 + s * (l + r) - s * l * g_before[k])
        x[k] = (x[k] + s * l * x_before[k]) * pivot
        g[k] = s * r * pivot


@kernel
def _eliminate_turned(f1, a1, al, cl, ar, cr, s, x_before, g_before, x, g):
    for k in range(x.size):
        l, r = a1[k] * al + f1[k] * cl, a1[k] * ar + f1[k] * cr
        pivot = 1.0 / (1.0 + s * (l + r) - s * l * g_before[k])
        x[k] = (x[k] + s * l * x_before[k]) * pivot
        g[k] = s * r * pivot


@kernel
def _add(u, out):
    for k in range(out.size):
        out[k] += u[k]


@kernel
def across(y, f1, a1, table, offsets, s, base, other, bases, lo, hi, out):
    """Write (I − s A_1)⁻¹ y + (base, then other, as many as `bases`) into the rows lo … hi − 1 of out (rows, n); y not out."""
    n = y.shape[1]
    x, g = np.zeros((n + 1, _BUNDLE)), np.zeros((n + 1, _BUNDLE))
    f, a = np.zeros((n, _BUNDLE)), np.zeros((n, _BUNDLE))
    begin = offsets[1]
    for first in range(lo, hi, _BUNDLE):
        lanes = min(_BUNDLE, hi - first)
        _turn(y, first, lanes, x[1:])
        _turn(f1, first, lanes, f)
        if a1.shape[0] > 1:
            _turn(a1, first, lanes, a)
        for j in range(n):
            al, cl, ar, cr = table[4, begin + j], table[5, begin + j], table[6, begin + j], table[7, begin + j]
            if a1.shape[0] > 1:
                _eliminate_turned(f[j], a[j], al, cl, ar, cr, s, x[j], g[j], x[j + 1], g[j + 1])
            else:
                _eliminate_constant(f[j], a1[0, j], al, cl, ar, cr, s, x[j], g[j], x[j + 1], g[j + 1])
        for j in range(n - 1, 0, -1):
            _substitute(x[j], g[j], x[j + 1])
        _turn_back(x[1:], first, lanes, out)
        for r in range(first, first + lanes):
            if bases > 0:
                _add(base[r], out[r])
            if bases > 1:
                _add(other[r], out[r])


@parallel
def down_tiles(w, d, f, a, cross, table, offsets, alpha, beta, gamma, mu, s, keep, size, chunk, kept, out):
    for tile in prange((size + chunk - 1) // chunk):
        down(w, d, f, a, cross, table, offsets, alpha, beta, gamma, mu, s, keep, tile * chunk, min((tile + 1) * chunk, size), kept, out)


@parallel
def across_tiles(y, f1, a1, table, offsets, s, base, other, bases, size, chunk, out):
    for tile in prange((size + chunk - 1) // chunk):
        across(y, f1, a1, table, offsets, s, base, other, bases, tile * chunk, min((tile + 1) * chunk, size), out)
