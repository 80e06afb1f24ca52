"""The transpose of a pass of `fused_plane`, and its derivative in the coefficients.

For x₁ = (I − s A_0)⁻¹ y, x = (I − s A_1)⁻¹ x₁, y = α d + β w + γ (A_0 + A_1) w + μ A_m w and a cotangent c of x:

    v = (I − s A_1)⁻ᵀ c (`across`),   z = (I − s A_0)⁻ᵀ v (`down`),   w gets β z + γ (A_0 + A_1)ᵀ z + μ A_mᵀ z (`explicit`),
    f and a get, through the rates,  s ⟨v, ∂A_1 x⟩ + s ⟨z, ∂A_0 x₁⟩ + γ ⟨z, ∂(A_0 + A_1) w⟩ (`gradient`).

A matrix and its transpose share the pivots: with l, r swapped for (r_{j−1}, l_{j+1}).  Arrays and loops as in `fused_plane`.
"""

import numpy as np
from numba import prange

from .compile import kernel, parallel
from .fused_plane import BUNDLE, padded, substitute, substitute_turned, turn, turn_back

__all__ = ["across", "across_tiles", "down", "down_tiles", "explicit", "explicit_tiles", "gradient", "gradient_tiles"]

_U = np.uintp


@kernel
def _eliminate(y, f, a, q, r, lo, al, cl, ar, cr, s, x, g, h, pivot):
    """x = (y + h₋ x₋)/p, p = 1 + e + h − g₋ h₋, g₋ = e/p₋, with e = s l, h = s r; x of row r in r + 1, g₋ in r; h, 1/p move on."""
    for k in range(h.size):
        k = _U(k)
        fk, ak, before = f[r, lo + k], a[q, lo + k], h[k]
        e, after = s * (ak * al + fk * cl), s * (ak * ar + fk * cr)
        factor = e * pivot[k]
        share = 1.0 / (1.0 + e + after - factor * before)
        g[r, k] = factor
        x[r + _U(1), k] = (y[r, lo + k] + before * x[r, k]) * share
        h[k] = after
        pivot[k] = share


@kernel
def down(y, f0, a0, table, s, lo, hi, out):
    """Write (I − s A_0)⁻ᵀ y into out[:, lo:hi] for the columns lo … hi − 1."""
    rows, width = y.shape[0], hi - lo
    x, g, h, pivot = np.empty((rows + 1, width)), np.empty((rows + 1, width)), np.zeros(width), np.zeros(width)
    x[0] = 0.0
    lo = _U(lo)
    for r in range(rows):
        _eliminate(y, f0, a0, _U(r if a0.shape[0] > 1 else 0), _U(r), lo, table[4, r], table[5, r], table[6, r], table[7, r], s,
                   x, g, h, pivot)
    for k in range(width):
        out[rows - 1, lo + _U(k)] = x[rows, k]
    for r in range(rows - 1, 0, -1):
        substitute(x, g, _U(r), lo, out)


@kernel
def _eliminate_turned(f, j, lanes, al, cl, ar, cr, s, x, g, h, pivot):         # y in row j + 1 of x; a is in al and ar
    for k in range(lanes):
        k = _U(k)
        fk, before = f[j, k], h[k]
        e, after = s * (al + fk * cl), s * (ar + fk * cr)
        factor = e * pivot[k]
        share = 1.0 / (1.0 + e + after - factor * before)
        g[j, k] = factor
        x[j + _U(1), k] = (x[j + _U(1), k] + before * x[j, k]) * share
        h[k] = after
        pivot[k] = share


@kernel
def _eliminate_varying(f, a, j, lanes, al, cl, ar, cr, s, x, g, h, pivot):
    for k in range(lanes):
        k = _U(k)
        fk, ak, before = f[j, k], a[j, k], h[k]
        e, after = s * (ak * al + fk * cl), s * (ak * ar + fk * cr)
        factor = e * pivot[k]
        share = 1.0 / (1.0 + e + after - factor * before)
        g[j, k] = factor
        x[j + _U(1), k] = (x[j + _U(1), k] + before * x[j, k]) * share
        h[k] = after
        pivot[k] = share


@kernel
def across(y, f1, a1, table, offsets, s, lo, hi, out):
    """Write (I − s A_1)⁻ᵀ y into the rows lo … hi − 1 of out."""
    n, b = y.shape[1], offsets[1]
    varying, most = a1.shape[0] > 1, min(BUNDLE, hi - lo)
    x, g, f, a = np.empty((n + 1, most)), np.empty((n + 1, most)), np.empty((n, most)), np.empty((n if varying else 0, most))
    h, pivot = np.empty(most), np.empty(most)
    x[0] = 0.0
    for first in range(lo, hi, most):
        lanes = min(most, hi - first)
        turn(y, first, lanes, x[1:])
        turn(f1, first, lanes, f)
        if varying:
            turn(a1, first, lanes, a)
        h[:], pivot[:] = 0.0, 0.0
        for j in range(n):
            al, cl, ar, cr = table[4, b + j], table[5, b + j], table[6, b + j], table[7, b + j]
            if varying:
                _eliminate_varying(f, a, _U(j), lanes, al, cl, ar, cr, s, x, g, h, pivot)
            else:
                _eliminate_turned(f, _U(j), lanes, a1[0, j] * al, cl, a1[0, j] * ar, cr, s, x, g, h, pivot)
        for j in range(n - 1, 0, -1):
            substitute_turned(x, g, _U(j), lanes)
        turn_back(x[1:], first, lanes, out)


@kernel
def _flows(z, f, a, q, r, at, al, cl, ar, cr, rates, flow):
    """What row r sends: flow[0, at] to the row before and flow[1, at] to the row after, flow[2] and flow[3] along the row, all
    (n + 2,) and shifted by one; scalars of the row, rates (4, n) of the columns, γ in both."""
    for k in range(z.shape[1]):
        k = _U(k)
        c, v, f0, a0, f1, a1 = k + _U(1), z[r, k], f[_U(0), r, k], a[_U(0), q, k], f[_U(1), r, k], a[_U(1), q, k]
        flow[_U(0), at, c] = (a0 * al + f0 * cl) * v
        flow[_U(1), at, c] = (a0 * ar + f0 * cr) * v
        flow[_U(2), _U(0), c] = (a1 * rates[_U(0), k] + f1 * rates[_U(1), k]) * v
        flow[_U(3), _U(0), c] = (a1 * rates[_U(2), k] + f1 * rates[_U(3), k]) * v


@kernel
def _stay(z, r, beta, flow, at, own):          # own[at] = β z − what leaves + what comes along the row
    for k in range(z.shape[1]):
        k = _U(k)
        c = k + _U(1)
        left, right = flow[_U(2), _U(0), c], flow[_U(3), _U(0), c]
        own[at, k] = (beta * z[r, k] - (flow[_U(0), at, c] + flow[_U(1), at, c] + left + right)
                      + (flow[_U(3), _U(0), k] + flow[_U(2), _U(0), k + _U(2)]))


@kernel
def _twist(z, cross, q, r, scale, wide, line, twist, at):
    """twist[at]: what row r sends by the mixed part to the row after, and with the other sign to the row before; line (n + 2,)."""
    n = z.shape[1]
    for k in range(n):
        k = _U(k)
        line[k + _U(1)] = scale * cross[q, k] * wide[k] * z[r, k]
    line[0], line[n + 1] = -line[1], -line[n]                          # ends stand for their own ghosts
    for k in range(n):
        k = _U(k)
        twist[at, k] = line[k] - line[k + _U(2)]


@kernel
def _gather(own, flow, at, before, after, r, out):
    for k in range(out.shape[1]):
        k = _U(k)
        out[r, k] = own[at, k] + (flow[_U(1), before, k + _U(1)] + flow[_U(0), after, k + _U(1)])


@kernel
def _gather_twists(twist, before, sign_before, after, sign_after, r, out):
    for k in range(out.shape[1]):
        k = _U(k)
        out[r, k] += sign_before * twist[before, k] - sign_after * twist[after, k]


@kernel
def explicit(z, f, a, cross, table, offsets, beta, gamma, mu, lo, hi, out):
    """Write β z + γ (A_0 + A_1)ᵀ z + μ A_mᵀ z into the rows lo … hi − 1 of out.

    What each row sends is made once and waits for the rows beside it, in buffers of three.
    """
    rows, n = z.shape
    b, c = offsets[1], offsets[2]
    rates, wide = gamma * table[4:8, b:c], table[8, b:c].copy()
    own, flow, twist, line = np.empty((3, n)), np.zeros((4, 3, n + 2)), np.zeros((3, n)), np.empty(n + 2)
    for i in range(max(lo - 1, 0), min(hi + 1, rows) + 1):             # one more: row i sends, row i − 1 gathers
        at = _U(i % 3)
        if i < rows:
            q = _U(i if a.shape[1] > 1 else 0)
            _flows(z, f, a, q, _U(i), at, gamma * table[4, i], gamma * table[5, i], gamma * table[6, i], gamma * table[7, i], rates, flow)
            _stay(z, _U(i), beta, flow, at, own)
            if cross.shape[0] > 0:
                _twist(z, cross, _U(i if cross.shape[0] > 1 else 0), _U(i), mu * table[8, i], wide, line, twist, at)
        else:
            flow[0, i % 3] = 0.0                                       # nothing comes from outside
        r = i - 1
        if lo <= r < hi:
            here, before = _U(r % 3), _U((r + 2) % 3)
            _gather(own, flow, here, before, at, _U(r), out)
            if cross.shape[0] > 0:
                first, last = r == 0, r == rows - 1
                _gather_twists(twist, here if first else before, -1.0 if first else 1.0, here if last else at,
                               -1.0 if last else 1.0, _U(r), out)


@kernel
def _blend(s, x1, gamma, w, r, at, out):       # out[at] = s x₁ + γ w of row r: both see the cotangent z along the first axis
    for k in range(out.shape[1]):
        k = _U(k)
        out[at, k] = s * x1[r, k] + gamma * w[r, k]


@kernel
def _products(v, z, r, first, above, here, below, second, third, al, ar, tl, tr, s, gamma, bar):
    """Add to bar[0] and bar[1] of row r the products along both axes; al, ar of the row, tl, tr (n,) of the columns.

    first (3, n): blends; second, third (1, n + 2): x and w of the row, their ends repeated
    """
    for k in range(z.shape[1]):
        k = _U(k)
        c, e = k + _U(1), k + _U(2)
        vk, zk, u = s * v[r, k], gamma * z[r, k], first[here, k]
        bar[_U(0), r, k] += z[r, k] * (al * (first[above, k] - u) + ar * (first[below, k] - u))
        bar[_U(1), r, k] += (tl[k] * (vk * (second[_U(0), k] - second[_U(0), c]) + zk * (third[_U(0), k] - third[_U(0), c]))
                             + tr[k] * (vk * (second[_U(0), e] - second[_U(0), c]) + zk * (third[_U(0), e] - third[_U(0), c])))


@kernel
def _cross_products(z, r, scale, wide, before, after, bar):
    for k in range(z.shape[1]):
        k = _U(k)
        e = k + _U(2)
        bar[r, k] += scale * z[r, k] * wide[k] * ((after[_U(0), e] - after[_U(0), k]) - (before[_U(0), e] - before[_U(0), k]))


@kernel
def gradient(v, z, x1, x, w, table, offsets, s, gamma, mu, variance, lo, hi, f_bar, a_bar, cross_bar):
    """Add the cotangents of f, and if `variance` of a_ii (2, rows, n), and of a_01 (rows, n) if there is any, on rows lo … hi − 1."""
    rows, n = v.shape
    b, e, none = offsets[1], offsets[2], _U(0)
    columns, wide = table[4:8, b:e].copy(), table[8, b:e].copy()
    blend, second, third = np.empty((3, n)), np.empty((1, n + 2)), np.empty((1, n + 2))
    before, after = np.empty((1, n + 2)), np.empty((1, n + 2))
    for i in range(max(lo - 1, 0), min(lo + 1, rows)):
        _blend(s, x1, gamma, w, _U(i), _U(i % 3), blend)
    for i in range(lo, hi):
        up, down_ = max(i - 1, 0), min(i + 1, rows - 1)
        _blend(s, x1, gamma, w, _U(down_), _U(down_ % 3), blend)
        padded(x, _U(i), none, none, second)
        padded(w, _U(i), none, none, third)
        r, above, here, below = _U(i), _U(up % 3), _U(i % 3), _U(down_ % 3)
        _products(v, z, r, blend, above, here, below, second, third, table[5, i], table[7, i], columns[1], columns[3], s, gamma, f_bar)
        if variance:
            _products(v, z, r, blend, above, here, below, second, third, table[4, i], table[6, i], columns[0], columns[2], s, gamma, a_bar)
            if cross_bar.shape[0] > 0:
                padded(w, _U(up), none, none, before)
                padded(w, _U(down_), none, none, after)
                _cross_products(z, r, mu * table[8, i], wide, before, after, cross_bar)


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
