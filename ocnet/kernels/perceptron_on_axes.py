"""f(x) = W₂ tanh(W₁ x + b₁) + b₂ at the nodes of a tensor grid, and the product with its derivative in the weights.

There e^{2(w·x + b)} is a product of one number per row and one table along the last axis, so no exponential is taken at
a node: tanh z = 1 − 2ρ, ρ = 1/(1 + e^{2z}), and four units share one division, 1/a = bcd/(abcd).  Units come in fours; those
whose exponent could leave the range of that product (`steep`, from number `smooth` on) take the plain hyperbolic tangent.

lead (H, rows) and last (H, n): e^{2(w·x + b)} is lead[j, r] last[j, k];  z_lead (H, rows), w_last (H,), x_last (n,) for steep units
"""

import numpy as np
from numba import prange

from .compile import kernel, parallel, reduction
from .elementary import exp, tanh

__all__ = ["arrange", "forward", "forward_tiles", "weights_vjp", "weights_vjp_tiles"]

_U = np.uintp
_MODERATE = 170.0                    # exponents up to which a product of four stays in range


@kernel
def _exponential(z, out):
    for k in range(out.size):
        out[k] = exp(2.0 * z[k])


@kernel
def _arguments(w1, b1, leading_x, j, z):
    """z = b_j + w_j · leading_x, and the largest modulus; NaN if there is one."""
    for r in range(z.size):
        z[r] = b1[j]
    for i in range(leading_x.shape[0]):
        for r in range(z.size):
            z[r] += w1[j, i] * leading_x[i, r]
    peak = 0.0
    for r in range(z.size):
        if peak == peak and not abs(z[r]) <= peak:              # a NaN stays
            peak = abs(z[r])
    return peak


@kernel
def arrange(leading_x, x_last, w1, b1, w2, lead, last, z_lead, w_last, weights, places):
    """Fill the tables of a layer and return (smooth, units): units in use, the smooth ones first, in fours.

    leading_x (d − 1, rows);  w1 (H, d), b1 (H,), w2 (d, H);  lead, z_lead (H + 3, rows), last (H + 3, n), w_last (H + 3,),
    weights (d, H + 3);  places (H,): where each unit went
    """
    hidden, d = w1.shape
    z = np.empty((hidden, leading_x.shape[1]))
    steep, furthest = np.empty(hidden, np.bool_), np.abs(x_last).max()
    for j in range(hidden):
        steep[j] = not 2.0 * (_arguments(w1, b1, leading_x, j, z[j]) + abs(w1[j, d - 1]) * furthest) <= _MODERATE
    smooth = hidden - steep.sum()
    fours = -(-smooth // 4) * 4
    at = np.array([0, fours])
    for j in range(smooth, fours):                         # units of no weight
        lead[j], last[j], weights[:, j] = 1.0, 1.0, 0.0
    for j in range(hidden):
        k = at[1] if steep[j] else at[0]
        at[1 if steep[j] else 0] += 1
        places[j], w_last[k], z_lead[k], weights[:, k] = k, w1[j, d - 1], z[j], w2[:, j]
        if not steep[j]:
            _exponential(z[j], lead[k])
            _exponential(w_last[k] * x_last, last[k])
    return fours, at[1]


@kernel
def _add_four(last, j, a, b, c, d, w2, i, out):                # rows i and i + 1 of out += Σ −2 w2 ρ over the units j … j + 3
    q = _U(j)
    u0, u1, u2, u3 = -2 * w2[i, j], -2 * w2[i, j + 1], -2 * w2[i, j + 2], -2 * w2[i, j + 3]
    v0, v1, v2, v3 = -2 * w2[i + 1, j], -2 * w2[i + 1, j + 1], -2 * w2[i + 1, j + 2], -2 * w2[i + 1, j + 3]
    m = _U(i)
    for k in range(out.shape[1]):
        k = _U(k)
        first, second = 1.0 + a * last[q, k], 1.0 + b * last[q + _U(1), k]
        third, fourth = 1.0 + c * last[q + _U(2), k], 1.0 + d * last[q + _U(3), k]
        one, two = first * second, third * fourth
        share = 1.0 / (one * two)
        one, two = share * two, share * one
        out[m, k] += one * (u0 * second + u1 * first) + two * (u2 * fourth + u3 * third)
        out[m + _U(1), k] += one * (v0 * second + v1 * first) + two * (v2 * fourth + v3 * third)


@kernel
def _add_four_alone(last, j, a, b, c, d, w2, i, out):
    q, m = _U(j), _U(i)
    u0, u1, u2, u3 = -2 * w2[i, j], -2 * w2[i, j + 1], -2 * w2[i, j + 2], -2 * w2[i, j + 3]
    for k in range(out.shape[1]):
        k = _U(k)
        first, second = 1.0 + a * last[q, k], 1.0 + b * last[q + _U(1), k]
        third, fourth = 1.0 + c * last[q + _U(2), k], 1.0 + d * last[q + _U(3), k]
        one, two = first * second, third * fourth
        share = 1.0 / (one * two)
        out[m, k] += share * two * (u0 * second + u1 * first) + share * one * (u2 * fourth + u3 * third)


@kernel
def _add_steep(z, w, x, u, out):
    for k in range(out.size):
        out[k] += u * (0.5 - 0.5 * tanh(z + w * x[k]))


@kernel
def _fill(value, out):
    for k in range(out.size):
        out[k] = value


@kernel
def forward(lead, last, z_lead, w_last, x_last, smooth, units, w2, b2, lo, hi, out):
    """Write f into the rows lo … hi − 1 of out (d, rows, n).  w2 (d, H), b2 (d,); units 0 … smooth − 1 by tables."""
    d = w2.shape[0]
    f = np.empty((d, x_last.size))
    for r in range(lo, hi):
        for i in range(d):
            _fill(b2[i] + w2[i, :units].sum(), f[i])
        for j in range(0, smooth, 4):
            for i in range(0, d - 1, 2):
                _add_four(last, j, lead[j, r], lead[j + 1, r], lead[j + 2, r], lead[j + 3, r], w2, i, f)
            if d % 2:
                _add_four_alone(last, j, lead[j, r], lead[j + 1, r], lead[j + 2, r], lead[j + 3, r], w2, d - 1, f)
        for j in range(smooth, units):
            for i in range(d):
                _add_steep(z_lead[j, r], w_last[j], x_last, -2 * w2[i, j], f[i])
        for i in range(d):
            out[i, r] = f[i]


@kernel
def _pair(p, q, a, b, rho, sigma):
    for k in range(rho.size):
        first, second = 1.0 + a * p[k], 1.0 + b * q[k]
        share = 1.0 / (first * second)
        rho[k] = share * second
        sigma[k] = share * first


@kernel
def _steep(z, w, x, rho):
    for k in range(rho.size):
        rho[k] = 0.5 - 0.5 * tanh(z + w * x[k])


@kernel
def _add_scaled(row, w, out):
    for k in range(out.size):
        out[k] += w * row[k]


@reduction
def _sums(back, rho, x):                       # Σ s and Σ s x with s = back · (1 − tanh²) = back · 4ρ(1 − ρ)
    total = moment = 0.0
    for k in range(rho.size):
        s = back[k] * (rho[k] - rho[k] * rho[k])
        total += s
        moment += s * x[k]
    return 4.0 * total, 4.0 * moment


@reduction
def _dot(a, b):
    total = 0.0
    for k in range(a.size):
        total += a[k] * b[k]
    return total


@reduction
def _sum(a):
    total = 0.0
    for k in range(a.size):
        total += a[k]
    return total


@reduction
def _plane_sums(last, j, a, b, c, r, u0, u1, v0, v1, x):
    """For the units j, j + 1 and two outputs: Σ c₀ρ, Σ c₁ρ, Σ s, Σ s x of each unit, all in one pass that writes nothing."""
    g00 = g01 = s0 = m0 = g10 = g11 = s1 = m1 = 0.0
    for k in range(x.size):
        k = _U(k)
        first, second = 1.0 + a * last[j, k], 1.0 + b * last[j + _U(1), k]
        share = 1.0 / (first * second)
        rho, sigma, c0, c1 = share * second, share * first, c[_U(0), r, k], c[_U(1), r, k]
        g00 += c0 * rho
        g01 += c1 * rho
        g10 += c0 * sigma
        g11 += c1 * sigma
        s = (u0 * c0 + u1 * c1) * (rho - rho * rho)
        t = (v0 * c0 + v1 * c1) * (sigma - sigma * sigma)
        s0 += s
        s1 += t
        m0 += s * x[k]
        m1 += t * x[k]
    return g00, g01, 4.0 * s0, 4.0 * m0, g10, g11, 4.0 * s1, 4.0 * m1


@kernel
def _plane_pair(j, r, last, a, b, cotangent, w2, y, x_last, totals, g_w1, g_b1, g_w2):
    j, r, k, zero, one = _U(j), _U(r), _U(j + 1), _U(0), _U(1)
    g00, g01, s0, m0, g10, g11, s1, m1 = _plane_sums(last, j, a, b, cotangent, r, w2[zero, j], w2[one, j], w2[zero, k], w2[one, k], x_last)
    g_w2[zero, j] += totals[0] - 2.0 * g00
    g_w2[one, j] += totals[1] - 2.0 * g01
    g_w2[zero, k] += totals[0] - 2.0 * g10
    g_w2[one, k] += totals[1] - 2.0 * g11
    g_b1[j] += s0
    g_b1[k] += s1
    g_w1[j, zero] += y * s0
    g_w1[k, zero] += y * s1
    g_w1[j, one] += m0
    g_w1[k, one] += m1


@kernel
def _unit(j, r, rho, back, cotangent, w2, leading_x, x_last, totals, g_w1, g_b1, g_w2):
    d = w2.shape[0]
    _fill(0.0, back)
    for i in range(d):
        g_w2[i, j] += totals[i] - 2.0 * _dot(cotangent[i, r], rho)
        _add_scaled(cotangent[i, r], w2[i, j], back)
    total, moment = _sums(back, rho, x_last)
    g_b1[j] += total
    for i in range(leading_x.shape[0]):
        g_w1[j, i] += leading_x[i, r] * total
    g_w1[j, leading_x.shape[0]] += moment


@kernel
def weights_vjp(lead, last, z_lead, w_last, x_last, leading_x, smooth, units, w2, cotangent, lo, hi, g_w1, g_b1, g_w2, g_b2):
    """Add the cotangents of the weights for that of f (d, rows, n), summed over the rows lo … hi − 1.

    leading_x (d − 1, rows): coordinates of the rows along the leading axes.
    """
    d, n = w2.shape[0], x_last.size
    rho, sigma, back, totals = np.empty(n), np.empty(n), np.empty(n), np.empty(d)
    for r in range(lo, hi):
        for i in range(d):
            totals[i] = _sum(cotangent[i, r])
            g_b2[i] += totals[i]
        for j in range(0, smooth if d == 2 else 0, 2):
            _plane_pair(j, r, last, lead[j, r], lead[j + 1, r], cotangent, w2, leading_x[0, r], x_last, totals, g_w1, g_b1, g_w2)
        for j in range(0, 0 if d == 2 else smooth, 2):
            _pair(last[j], last[j + 1], lead[j, r], lead[j + 1, r], rho, sigma)
            _unit(j, r, rho, back, cotangent, w2, leading_x, x_last, totals, g_w1, g_b1, g_w2)
            _unit(j + 1, r, sigma, back, cotangent, w2, leading_x, x_last, totals, g_w1, g_b1, g_w2)
        for j in range(smooth, units):
            _steep(z_lead[j, r], w_last[j], x_last, rho)
            _unit(j, r, rho, back, cotangent, w2, leading_x, x_last, totals, g_w1, g_b1, g_w2)


@parallel
def forward_tiles(lead, last, z_lead, w_last, x_last, smooth, units, w2, b2, size, chunk, out):
    for tile in prange((size + chunk - 1) // chunk):
        forward(lead, last, z_lead, w_last, x_last, smooth, units, w2, b2, tile * chunk, min((tile + 1) * chunk, size), out)


@parallel
def weights_vjp_tiles(lead, last, z_lead, w_last, x_last, leading_x, smooth, units, w2, cotangent, size, chunk, g_w1, g_b1, g_w2, g_b2):
    """The same for whole tiles, each into its own g_*[tile]."""
    for tile in prange((size + chunk - 1) // chunk):
        weights_vjp(lead, last, z_lead, w_last, x_last, leading_x, smooth, units, w2, cotangent, tile * chunk,
                    min((tile + 1) * chunk, size), g_w1[tile], g_b1[tile], g_w2[tile], g_b2[tile])
