"""The transpose of a pass of `fused_plane`, and its derivative in the coefficients.

For x₁ = (I − s A_0)⁻¹ y, x = (I − s A_1)⁻¹ x₁, y = α d + β w + γ (A_0 + A_1) w + μ A_m w and a cotangent c of x:

    v = (I − s A_1)⁻ᵀ c (`across`),   z = (I − s A_0)⁻ᵀ v (`down`),   w gets β z + γ (A_0 + A_1)ᵀ z + μ A_mᵀ z (`explicit`),
    f and a get, through the rates,  s ⟨v, ∂A_1 x⟩ + s ⟨z, ∂A_0 x₁⟩ + γ ⟨z, ∂(A_0 + A_1) w⟩ (`gradient`).

A matrix and its transpose share the pivots: with l, r swapped for (r_{j−1}, l_{j+1}).  Arrays as in `fused_plane`.
"""

import numpy as np
from numba import prange

from .compile import kernel, parallel
from .fused_plane import turn as _turn, turn_back as _turn_back

__all__ = ["across", "across_tiles", "down", "down_tiles", "explicit", "explicit_tiles", "gradient", "gradient_tiles"]

_BUNDLE = 64                         # rows eliminated side by side: long enough lanes to pay for the checks of a loop over ten arrays


@kernel
def _eliminate(y, f, a, al, cl, ar, cr, s, x_before, h_before, pivot_before, x, h, e, pivot):
    """x = (y + h₋ x₋)/p, p = 1 + e + h − e h₋/p₋, with e = s l, h = s r; a (n,)."""
    for k in range(x.size):
        e[k], h[k] = s * (a[k] * al + f[k] * cl), s * (a[k] * ar + f[k] * cr)
        pivot[k] = 1.0 / (1.0 + e[k] + h[k] - e[k] * h_before[k] * pivot_before[k])
        x[k] = (y[k] + h_before[k] * x_before[k]) * pivot[k]


@kernel
def _rates_of_row(f, a, al, cl, ar, cr, e, h):
    for k in range(e.size):
        e[k] = a[k] * al + f[k] * cl
        h[k] = a[k] * ar + f[k] * cr


@kernel
def _pivot_of_row(e, h, h_before, pivot_before, pivot):
    for k in range(e.size):
        pivot[k] = 1.0 / (1.0 + e[k] + h[k] - e[k] * h_before[k] * pivot_before[k])


@kernel
def _forward_of_row(y, h_before, x_before, pivot, x):
    for k in range(x.size):
        x[k] = (y[k] + h_before[k] * x_before[k]) * pivot[k]


@kernel
def _substitute(x, e_following, pivot, following):
    for k in range(x.size):
        x[k] += e_following[k] * pivot[k] * following[k]


@kernel
def _padded(u, r, start, stop, out):           # u[r, start − 1 … stop], the ends of the row repeated
    n = u.shape[1]
    row, inner = u[r, start:stop], out[1:stop - start + 1]
    for k in range(stop - start):
        inner[k] = row[k]
    out[0] = u[r, max(start - 1, 0)]
    out[stop - start + 1] = u[r, min(stop, n - 1)]


@kernel
def _copy(x, out):
    for k in range(x.size):
        out[k] = x[k]


@kernel
def _fill(value, out):
    for k in range(out.size):
        out[k] = value


@kernel
def down(y, f0, a0, table, s, lo, hi, out):
    """Write (I − s A_0)⁻ᵀ y into out[:, lo:hi] for the columns lo … hi − 1."""
    rows, width = y.shape[0], hi - lo
    x, h, e, pivot = np.zeros((rows + 1, width)), np.zeros((2, width)), np.zeros((rows + 1, width)), np.zeros((rows + 1, width))
    for r in range(rows):
        q = r if a0.shape[0] > 1 else 0
        _eliminate(y[r, lo:hi], f0[r, lo:hi], a0[q, lo:hi], table[4, r], table[5, r], table[6, r], table[7, r], s,
                   x[r], h[r % 2], pivot[r], x[r + 1], h[(r + 1) % 2], e[r + 1], pivot[r + 1])
    _copy(x[rows], out[rows - 1, lo:hi])
    for r in range(rows - 1, 0, -1):
        _substitute(x[r], e[r + 1], pivot[r], x[r + 1])
        _copy(x[r], out[r - 1, lo:hi])


@kernel
def across(y, f1, a1, table, offsets, s, lo, hi, out):
    """Write (I − s A_1)⁻ᵀ y into the rows lo … hi − 1 of out."""
    n, begin = y.shape[1], offsets[1]
    x, h, e, pivot = np.zeros((n + 1, _BUNDLE)), np.zeros((n + 1, _BUNDLE)), np.zeros((n + 1, _BUNDLE)), np.zeros((n + 1, _BUNDLE))
    c, f, a = np.zeros((n, _BUNDLE)), np.zeros((n, _BUNDLE)), np.zeros((n, _BUNDLE))
    if a1.shape[0] == 1:
        for j in range(n):
            _fill(a1[0, j], a[j])
    for first in range(lo, hi, _BUNDLE):
        lanes = min(_BUNDLE, hi - first)
        _turn(y, first, lanes, c)
        _turn(f1, first, lanes, f)
        if a1.shape[0] > 1:
            _turn(a1, first, lanes, a)
        for j in range(n):
            k = begin + j
            _rates_of_row(f[j], a[j], s * table[4, k], s * table[5, k], s * table[6, k], s * table[7, k], e[j + 1], h[j + 1])
            _pivot_of_row(e[j + 1], h[j + 1], h[j], pivot[j], pivot[j + 1])
            _forward_of_row(c[j], h[j], x[j], pivot[j + 1], x[j + 1])
        for j in range(n - 1, 0, -1):
            _substitute(x[j], e[j + 1], pivot[j], x[j + 1])
        _turn_back(x[1:], first, lanes, out)


@kernel
def _flow_in(z, f, a, factor_a, factor_f, scale, out):         # out += scale · rate · z, rate = a A + f C of the neighbour
    for k in range(out.size):
        out[k] += scale * (a[k] * factor_a + f[k] * factor_f) * z[k]


@kernel
def _own(z, f0, a0, sa, sf, f1, a1, ta, tf, beta, gamma, out):  # out = β z − γ (l₀ + r₀ + l₁ + r₁) z
    for k in range(out.size):
        out[k] = beta * z[k] - gamma * (a0[k] * sa + f0[k] * sf + a1[k] * ta[k] + f1[k] * tf[k]) * z[k]


@kernel
def _row_flow(z, f, a, ta, tf, scale, out):                    # out += scale · rate · z along the row, tables of the senders
    for k in range(out.size):
        out[k] += scale * (a[k] * ta[k] + f[k] * tf[k]) * z[k]


@kernel
def _cross_flow(z, cross, wide, scale, out):
    for k in range(out.size):
        out[k] += scale * cross[k] * wide[k] * z[k]


@kernel
def explicit(z, f, a, cross, table, offsets, beta, gamma, mu, lo, hi, out):
    """Write β z + γ (A_0 + A_1)ᵀ z + μ A_mᵀ z into the rows lo … hi − 1 of out; the mixed part is 0 on the sides of the box."""
    rows, n = z.shape
    b, c = offsets[1], offsets[2]
    ta, tf, wide = table[4, b:c] + table[6, b:c], table[5, b:c] + table[7, b:c], table[8, b:c]
    bl, dl, br, dr = table[4, b:c], table[5, b:c], table[6, b:c], table[7, b:c]
    for r in range(lo, hi):
        q = r if a.shape[1] > 1 else 0
        f1, a1, zr, o = f[1, r], a[1, q], z[r], out[r]
        _own(zr, f[0, r], a[0, q], table[4, r] + table[6, r], table[5, r] + table[7, r], f1, a1, ta, tf, beta, gamma, o)
        if r > 0:
            _flow_in(z[r - 1], f[0, r - 1], a[0, q - 1 if q > 0 else 0], table[6, r - 1], table[7, r - 1], gamma, o)
        if r < rows - 1:
            _flow_in(z[r + 1], f[0, r + 1], a[0, q + 1 if a.shape[1] > 1 else 0], table[4, r + 1], table[5, r + 1], gamma, o)
        _row_flow(zr[:n - 1], f1[:n - 1], a1[:n - 1], br[:n - 1], dr[:n - 1], gamma, o[1:])
        _row_flow(zr[1:], f1[1:], a1[1:], bl[1:], dl[1:], gamma, o[:n - 1])
        if cross.shape[0] > 0:
            for side in range(2):
                m = r - 1 + 2 * side                                  # the sender's row; at the ends a row stands for its own ghost
                sign = mu if side == 0 else -mu
                if m < 0 or m > rows - 1:
                    m, sign = r, -sign
                p = m if cross.shape[0] > 1 else 0
                scale = sign * table[8, m]
                _cross_flow(z[m, :n - 1], cross[p, :n - 1], wide[:n - 1], scale, o[1:])
                _cross_flow(z[m, 1:], cross[p, 1:], wide[1:], -scale, o[:n - 1])
                o[0] -= scale * cross[p, 0] * wide[0] * z[m, 0]
                o[n - 1] += scale * cross[p, n - 1] * wide[n - 1] * z[m, n - 1]


@kernel
def _add_products(c, before, here, after, left, right, out):  # out += c (left (before − here) + right (after − here)), scalars
    for k in range(out.size):
        out[k] += c[k] * (left * (before[k] - here[k]) + right * (after[k] - here[k]))


@kernel
def _add_row_products(c, before, here, after, left, right, scale, out):
    for k in range(out.size):
        out[k] += scale * c[k] * (left[k] * (before[k] - here[k]) + right[k] * (after[k] - here[k]))


@kernel
def _add_cross_products(c, before_left, before_right, after_left, after_right, wide, scale, out):
    for k in range(out.size):
        out[k] += scale * c[k] * wide[k] * ((after_right[k] - after_left[k]) - (before_right[k] - before_left[k]))


@kernel
def _axis_row(v, x, z, w, r, left, right, tl, tr, above, s, gamma, first_bar, second_bar):
    """Products of one row for both axes, `left` and `right` being a column of the table for each side."""
    n = v.shape[1]
    up, down_ = max(r - 1, 0), min(r + 1, v.shape[0] - 1)
    _add_products(z[r], above[0], above[1], above[2], s * left, s * right, first_bar)
    _add_products(z[r], w[up], w[r], w[down_], gamma * left, gamma * right, first_bar)
    for field, c, scale in ((x, v, s), (w, z, gamma)):
        row, u = c[r], field[r]
        _add_row_products(row[1:n - 1], u[:n - 2], u[1:n - 1], u[2:], tl[1:n - 1], tr[1:n - 1], scale, second_bar[1:n - 1])
        second_bar[0] += scale * row[0] * tr[0] * (u[1] - u[0])
        second_bar[n - 1] += scale * row[n - 1] * tl[n - 1] * (u[n - 2] - u[n - 1])


@kernel
def gradient(v, z, x1, x, w, table, offsets, s, gamma, mu, variance, lo, hi, f_bar, a_bar, cross_bar):
    """Add the cotangents of f, and if `variance` of a_ii (2, rows, n), and of a_01 (rows, n) if there is any, on rows lo … hi − 1."""
    rows, n = v.shape
    b, e = offsets[1], offsets[2]
    window = np.empty((3, n))
    lines = np.empty((2, n + 2))
    for r in range(lo, hi):
        up, below = max(r - 1, 0), min(r + 1, rows - 1)
        _copy(x1[up], window[0])
        _copy(x1[r], window[1])
        _copy(x1[below], window[2])
        _axis_row(v, x, z, w, r, table[5, r], table[7, r], table[5, b:e], table[7, b:e], window, s, gamma, f_bar[0, r], f_bar[1, r])
        if variance:
            _axis_row(v, x, z, w, r, table[4, r], table[6, r], table[4, b:e], table[6, b:e], window, s, gamma, a_bar[0, r], a_bar[1, r])
            if cross_bar.shape[0] > 0:
                _padded(w, up, 0, n, lines[0])
                _padded(w, below, 0, n, lines[1])
                _add_cross_products(z[r], lines[0, :n], lines[0, 2:], lines[1, :n], lines[1, 2:], table[8, b:e], mu * table[8, r], cross_bar[r])


@parallel
def down_tiles(y, f0, a0, table, s, size, chunk, out):
    for tile in prange((size + chunk - 1) // chunk):
        down(y, f0, a0, table, s, tile * chunk, min((tile + 1) * chunk, size), out)


@parallel
def across_tiles(y, f1, a1, table, offsets, s, size, chunk, out):
    for tile in prange((size + chunk - 1) // chunk):
        across(y, f1, a1, table, offsets, s, tile * chunk, min((tile + 1) * chunk, size), out)


@parallel
def explicit_tiles(z, f, a, cross, table, offsets, beta, gamma, mu, size, chunk, out):
    for tile in prange((size + chunk - 1) // chunk):
        explicit(z, f, a, cross, table, offsets, beta, gamma, mu, tile * chunk, min((tile + 1) * chunk, size), out)


@parallel
def gradient_tiles(v, z, x1, x, w, table, offsets, s, gamma, mu, variance, size, chunk, f_bar, a_bar, cross_bar):
    for tile in prange((size + chunk - 1) // chunk):
        gradient(v, z, x1, x, w, table, offsets, s, gamma, mu, variance, tile * chunk, min((tile + 1) * chunk, size), f_bar, a_bar, cross_bar)
