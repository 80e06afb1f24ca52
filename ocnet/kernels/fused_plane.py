"""One pass of an alternating-direction scheme on a plane grid, with its rates made on the way.

    x = (I − s A_1)⁻¹ (I − s A_0)⁻¹ (α d + β w + γ (A_0 + A_1) w + μ A_m w)        A_m: the mixed part

`down` makes the right-hand side and eliminates along the first axis, a block of columns at a time; `across` eliminates along the
rows, a bundle of them at a time, and adds what the scheme adds.  Rates l = a A_l + f C_l and r = a A_r + f C_r are those of
`rates.assemble` with the central rule: nothing is stored but the two sweeps' factors, in the cache.

f, a (2, rows, n), a with one row if it does not vary along the rows; cross (rows or 1, n) or none: a_01; table, offsets as in `rates`.

Loops run over unsigned positions of whole arrays: a signed one is tested for being negative and a slice costs 5–10 ns, which on rows of
a hundred nodes was most of the time.  Their results go to arrays made here, which the compiler knows to overlap no others.
"""

import numpy as np
from numba import prange

from .compile import kernel, parallel

__all__ = ["BUNDLE", "across", "across_tiles", "down", "down_tiles"]

_U = np.uintp
BUNDLE = 68                         # rows eliminated side by side: long enough to pay for a loop's start, short enough for the cache


@kernel
def padded(u, r, lo, row, out):
    """Write u[r, lo − 1 … lo + width] into out[row], the ends of u's row repeated; out (rows, width + 2)."""
    width = out.shape[1] - 2
    for k in range(width):
        k = _U(k)
        out[row, k + _U(1)] = u[r, lo + k]
    start = np.int64(lo)
    out[row, _U(0)] = u[r, _U(max(start - 1, 0))]
    out[row, _U(width + 1)] = u[r, _U(min(start + width, u.shape[1] - 1))]


@kernel
def _scaled(beta, w, here, y):                 # y = β w; `here` is a row of the window w, whose first column is lo − 1
    for k in range(y.size):
        k = _U(k)
        y[k] = beta * w[here, k + _U(1)]


@kernel
def _explicit(beta, f, a, q, r, lo, al, cl, ar, cr, rates, w, above, here, below, y):
    """y = β w + γ (A_0 + A_1) w on one row; γ is in al … cr of the row and in rates (4, width) of the columns."""
    for k in range(y.size):
        k = _U(k)
        c, middle = lo + k, k + _U(1)
        u, f0, a0, f1, a1 = w[here, middle], f[_U(0), r, c], a[_U(0), q, c], f[_U(1), r, c], a[_U(1), q, c]
        y[k] = (beta * u + (a0 * al + f0 * cl) * (w[above, middle] - u) + (a0 * ar + f0 * cr) * (w[below, middle] - u)
                + (a1 * rates[_U(0), k] + f1 * rates[_U(1), k]) * (w[here, k] - u)
                + (a1 * rates[_U(2), k] + f1 * rates[_U(3), k]) * (w[here, k + _U(2)] - u))


@kernel
def _add_mixed(cross, q, lo, scale, wide, w, above, below, y):
    for k in range(y.size):
        k = _U(k)
        y[k] += scale * (cross[q, lo + k] * wide[k]) * ((w[below, k + _U(2)] - w[below, k]) - (w[above, k + _U(2)] - w[above, k]))


@kernel
def _add_scaled(alpha, d, r, lo, y):
    for k in range(y.size):
        k = _U(k)
        y[k] += alpha * d[r, lo + k]


@kernel
def _copy(y, r, lo, out):
    for k in range(y.size):
        k = _U(k)
        out[r, lo + k] = y[k]


@kernel
def _eliminate(y, f, a, q, r, lo, al, cl, ar, cr, s, x, g):
    """Forward elimination of row r: x = (y + s l x₋)/p, g = s r/p, p = 1 + s (l + r) − s l g₋; x, g from row 1 on."""
    for k in range(y.size):
        k = _U(k)
        fk, ak = f[_U(0), r, lo + k], a[_U(0), q, lo + k]
        l, u = ak * al + fk * cl, ak * ar + fk * cr
        pivot = 1.0 / (1.0 + s * (l + u) - s * l * g[r, k])
        x[r + _U(1), k] = (y[k] + s * l * x[r, k]) * pivot
        g[r + _U(1), k] = s * u * pivot


@kernel
def substitute(x, g, r, lo, out):
    """Back substitution of row r: x_r += g_r x_{r+1}, also into out[r − 1, lo:]."""
    for k in range(x.shape[1]):
        k = _U(k)
        value = x[r, k] + g[r, k] * x[r + _U(1), k]
        x[r, k] = value
        out[r - _U(1), lo + k] = value


@kernel
def down(w, d, f, a, cross, table, offsets, alpha, beta, gamma, mu, s, keep, lo, hi, kept, out):
    """Write (I − s A_0)⁻¹ y into out[:, lo:hi] for the columns lo … hi − 1, y the right-hand side, also into `kept` if `keep`.

    w, d, kept, out (rows, n); d is read only if α ≠ 0 (it may be w).
    """
    rows, width = w.shape[0], hi - lo
    x, g, y, window = np.empty((rows + 1, width)), np.empty((rows + 1, width)), np.empty(width), np.empty((3, width + 2))
    x[0], g[0] = 0.0, 0.0
    rates = gamma * table[4:8, offsets[1] + lo:offsets[1] + hi]
    wide = table[8, offsets[1] + lo:offsets[1] + hi].copy()
    lo = _U(lo)
    padded(w, _U(0), lo, _U(0), window)
    padded(w, _U(0), lo, _U(1), window)
    for i in range(rows):
        r, q = _U(i), _U(i if a.shape[1] > 1 else 0)
        above, here, below = _U(i % 3), _U((i + 1) % 3), _U((i + 2) % 3)
        padded(w, _U(min(i + 1, rows - 1)), lo, below, window)
        al, cl, ar, cr = table[4, i], table[5, i], table[6, i], table[7, i]
        if gamma != 0.0:
            _explicit(beta, f, a, q, r, lo, gamma * al, gamma * cl, gamma * ar, gamma * cr, rates, window, above, here, below, y)
        else:
            _scaled(beta, window, here, y)
        if alpha != 0.0:
            _add_scaled(alpha, d, r, lo, y)
        if cross.shape[0] > 0:
            _add_mixed(cross, _U(i if cross.shape[0] > 1 else 0), lo, mu * table[8, i], wide, window, above, below, y)
        if keep:
            _copy(y, r, lo, kept)
        _eliminate(y, f, a, q, r, lo, al, cl, ar, cr, s, x, g)
    _copy(x[rows], _U(rows - 1), lo, out)
    for i in range(rows - 1, 0, -1):
        substitute(x, g, _U(i), lo, out)


@kernel
def turn(u, first, lanes, out):
    """Write out[j, lane] = u[first + lane, j], four lines at a time."""
    for lane in range(0, lanes - lanes % 4, 4):
        a, b, c, d = u[first + lane], u[first + lane + 1], u[first + lane + 2], u[first + lane + 3]
        for j in range(u.shape[1]):
            row = out[j, lane:lane + 4]
            row[0], row[1], row[2], row[3] = a[j], b[j], c[j], d[j]
    for lane in range(lanes - lanes % 4, lanes):
        for j in range(u.shape[1]):
            out[j, lane] = u[first + lane, j]


@kernel
def turn_back(x, first, lanes, out):
    """Write out[first + lane, j] = x[j, lane]."""
    for lane in range(0, lanes - lanes % 4, 4):
        a, b, c, d = out[first + lane], out[first + lane + 1], out[first + lane + 2], out[first + lane + 3]
        for j in range(out.shape[1]):
            row = x[j, lane:lane + 4]
            a[j], b[j], c[j], d[j] = row[0], row[1], row[2], row[3]
    for lane in range(lanes - lanes % 4, lanes):
        for j in range(out.shape[1]):
            out[first + lane, j] = x[j, lane]


@kernel
def _eliminate_turned(f, j, lanes, al, cl, ar, cr, s, x, g):   # as `_eliminate`, y in row j + 1 of x; a is in al and ar
    for k in range(lanes):
        k = _U(k)
        fk = f[j, k]
        l, u = al + fk * cl, ar + fk * cr
        pivot = 1.0 / (1.0 + s * (l + u) - s * l * g[j, k])
        x[j + _U(1), k] = (x[j + _U(1), k] + s * l * x[j, k]) * pivot
        g[j + _U(1), k] = s * u * pivot


@kernel
def _eliminate_varying(f, a, j, lanes, al, cl, ar, cr, s, x, g):
    for k in range(lanes):
        k = _U(k)
        fk, ak = f[j, k], a[j, k]
        l, u = ak * al + fk * cl, ak * ar + fk * cr
        pivot = 1.0 / (1.0 + s * (l + u) - s * l * g[j, k])
        x[j + _U(1), k] = (x[j + _U(1), k] + s * l * x[j, k]) * pivot
        g[j + _U(1), k] = s * u * pivot


@kernel
def substitute_turned(x, g, j, lanes):
    """`substitute` of lines that stand side by side, in place."""
    for k in range(lanes):
        k = _U(k)
        x[j, k] += g[j, k] * x[j + _U(1), k]


@kernel
def _add(u, r, out):
    for k in range(out.shape[1]):
        k = _U(k)
        out[r, k] += u[r, k]


@kernel
def across(y, f1, a1, table, offsets, s, base, other, bases, lo, hi, out):
    """Write (I − s A_1)⁻¹ y + (base, then other, as many as `bases`) into the rows lo … hi − 1 of out (rows, n); y not out."""
    n, b = y.shape[1], offsets[1]
    varying = a1.shape[0] > 1
    most = min(BUNDLE, hi - lo)
    x, g, f, a = np.empty((n + 1, most)), np.empty((n + 1, most)), np.empty((n, most)), np.empty((n if varying else 0, most))
    x[0], g[0] = 0.0, 0.0
    for first in range(lo, hi, most):
        lanes = min(most, hi - first)
        turn(y, first, lanes, x[1:])
        turn(f1, first, lanes, f)
        if varying:
            turn(a1, first, lanes, a)
        for j in range(n):
            al, cl, ar, cr = table[4, b + j], table[5, b + j], table[6, b + j], table[7, b + j]
            if varying:
                _eliminate_varying(f, a, _U(j), lanes, al, cl, ar, cr, s, x, g)
            else:
                _eliminate_turned(f, _U(j), lanes, a1[0, j] * al, cl, a1[0, j] * ar, cr, s, x, g)
        for j in range(n - 1, 0, -1):
            substitute_turned(x, g, _U(j), lanes)
        turn_back(x[1:], first, lanes, out)
        for r in range(first, first + lanes):
            if bases > 0:
                _add(base, _U(r), out)
            if bases > 1:
                _add(other, _U(r), out)


@parallel
def down_tiles(w, d, f, a, cross, table, offsets, alpha, beta, gamma, mu, s, keep, size, chunk, kept, out):
    for tile in prange((size + chunk - 1) // chunk):
        down(w, d, f, a, cross, table, offsets, alpha, beta, gamma, mu, s, keep, tile * chunk, min((tile + 1) * chunk, size), kept, out)


@parallel
def across_tiles(y, f1, a1, table, offsets, s, base, other, bases, size, chunk, out):
    for tile in prange((size + chunk - 1) // chunk):
        across(y, f1, a1, table, offsets, s, base, other, bases, tile * chunk, min((tile + 1) * chunk, size), out)
