"""Mixed derivatives by diagonal neighbours with non-negative weights: a_pk ∂_p ∂_k u on the seven-point stencil.

With s the sign of a_pk, spacings h± of axis p and k± of axis k, and H = h₊ + h₋,

    w₊ (u(p + 1, k + s) − u) + w₋ (u(p − 1, k − s) − u),      w₊ = |a|/(H k_s),  w₋ = |a|/(H k_−s)

has the mixed moment a_pk.  What else it moves is taken from the axes: f_p loses |a| (h₊/k_s − h₋/k_−s)/H, a_pp loses
|a| (h₊²/k_s + h₋²/k_−s)/H and a_kk loses |a| (k₊ + k₋)/H, so that where a_pp and a_kk stay non-negative the whole generator is an
M-matrix consistent to order 2 (Kushner & Dupuis 2001, sec. 5.3).  No mixed part on the sides of the box.

weights (pairs, 2, rows, n) hold w₊ and w₋ with the sign s; node functions, `shape` and pairs as in `stencil`.
"""

from .compile import kernel
from .stencil import position

__all__ = ["add_diagonals", "add_diagonals_transposed", "pair_gradient", "split", "split_transposed"]


@kernel
def _moments(table, offsets, p, k, i, j, s):
    """Per unit of |a|: w₊, w₋, and what f_p, a_pp, a_kk lose, at index i of axis p and j of axis k."""
    hm, hp = table[0, offsets[p] + i], table[1, offsets[p] + i]
    km, kp = table[0, offsets[k] + j], table[1, offsets[k] + j]
    ahead, behind = (kp, km) if s > 0 else (km, kp)
    total = hp + hm
    plus, minus = 1.0 / (total * ahead), 1.0 / (total * behind)
    return plus, minus, hp * plus - hm * minus, hp * hp * plus + hm * hm * minus, (kp + km) / total


@kernel
def split(drift, variance, cross_rate, table, offsets, shape, lo, hi, drift_left, variance_left, weights):
    """Write the weights for a_pk (pairs, rows, n), and what is left of f and a_ii (d, rows, n) for the axes, on rows lo … hi − 1."""
    d, n = shape.size, drift.shape[2]
    for r in range(lo, hi):
        drift_left[:, r], variance_left[:, r] = drift[:, r], variance[:, r]
        pair = 0
        for p in range(d):
            for k in range(p + 1, d):
                i = position(r, shape, p)[0]
                leading = -1 if k == d - 1 else position(r, shape, k)[0]
                for c in range(n):
                    j = c if leading < 0 else leading
                    a = cross_rate[pair, r, c]
                    inside = 0 < i < shape[p] - 1 and 0 < j < shape[k] - 1
                    size = abs(a) if inside else 0.0
                    plus, minus, f, pp, kk = _moments(table, offsets, p, k, i, j, 1.0 if a >= 0.0 else -1.0)
                    sign = 1.0 if a >= 0.0 else -1.0
                    weights[pair, 0, r, c], weights[pair, 1, r, c] = sign * size * plus, sign * size * minus
                    drift_left[p, r, c] -= size * f
                    variance_left[p, r, c] -= size * pp
                    variance_left[k, r, c] -= size * kk
                pair += 1


@kernel
def split_transposed(cross_rate, table, offsets, shape, weights_bar, drift_bar, variance_bar, lo, hi, cross_bar):
    """Write the cotangent of a_pk for those of the weights' sizes (like weights) and of what is left (drift_bar, variance_bar)."""
    d, n = shape.size, drift_bar.shape[2]
    for r in range(lo, hi):
        pair = 0
        for p in range(d):
            for k in range(p + 1, d):
                i = position(r, shape, p)[0]
                leading = -1 if k == d - 1 else position(r, shape, k)[0]
                for c in range(n):
                    j = c if leading < 0 else leading
                    sign = 1.0 if cross_rate[pair, r, c] >= 0.0 else -1.0
                    inside = 0 < i < shape[p] - 1 and 0 < j < shape[k] - 1
                    plus, minus, f, pp, kk = _moments(table, offsets, p, k, i, j, sign)
                    bar = (plus * weights_bar[pair, 0, r, c] + minus * weights_bar[pair, 1, r, c] - f * drift_bar[p, r, c]
                           - pp * variance_bar[p, r, c] - kk * variance_bar[k, r, c])
                    cross_bar[pair, r, c] = sign * bar if inside else 0.0
                pair += 1


@kernel
def _neighbour_rows(r, shape, p, k, step):
    """Rows of the nodes one `step` along axis p, and from there one up and one down along axis k (itself if k is the last)."""
    i, stride = position(r, shape, p)
    row = r + step * stride if 0 <= i + step < shape[p] else r
    if k == shape.size - 1:
        return row, row
    j, other = position(r, shape, k)
    return row + other if j + 1 < shape[k] else row, row - other if j > 0 else row


@kernel
def _towards(here, up, down, weight, out):     # out += |w| (neighbour − here), neighbour `up` where w > 0, `down` where w < 0
    for j in range(out.size):
        w = weight[j]
        out[j] += max(w, 0.0) * (up[j] - here[j]) + max(-w, 0.0) * (down[j] - here[j])


@kernel
def _from(p, weight, up, out):                 # what nodes send along a diagonal: out += |w| p where w has the sign of up
    for j in range(out.size):
        out[j] += max(up * weight[j], 0.0) * p[j]


@kernel
def add_diagonals(u, weights, shape, lo, hi, out):
    """Add the mixed part of u (q, rows, n) to out[:, lo:hi]."""
    d, n = shape.size, u.shape[2]
    for q in range(u.shape[0]):
        for r in range(lo, hi):
            pair = 0
            for p in range(d):
                for k in range(p + 1, d):
                    for side in range(2):
                        step = 1 - 2 * side
                        up, down = _neighbour_rows(r, shape, p, k, step)
                        w = weights[pair, side, r]
                        first, second = (up, down) if side == 0 else (down, up)
                        if k < d - 1:
                            _towards(u[q, r], u[q, first], u[q, second], w, out[q, r])
                        elif side == 0:
                            _towards(u[q, r, 1:n - 1], u[q, up, 2:], u[q, up, :n - 2], w[1:n - 1], out[q, r, 1:n - 1])
                        else:
                            _towards(u[q, r, 1:n - 1], u[q, up, :n - 2], u[q, up, 2:], w[1:n - 1], out[q, r, 1:n - 1])
                    pair += 1


@kernel
def _leave(p, weight, out):
    for j in range(out.size):
        out[j] -= abs(weight[j]) * p[j]


@kernel
def add_diagonals_transposed(v, weights, shape, lo, hi, out):
    """Add the transposed mixed part of v (q, rows, n) to out[:, lo:hi]: each node gathers what is sent to it."""
    d, n = shape.size, v.shape[2]
    for q in range(v.shape[0]):
        for r in range(lo, hi):
            pair = 0
            for p in range(d):
                i = position(r, shape, p)[0]
                for k in range(p + 1, d):
                    for side in range(2):
                        _leave(v[q, r], weights[pair, side, r], out[q, r])
                        step = 2 * side - 1                                # senders with weight w_side sit one step the other way
                        if not 0 <= i + step < shape[p]:
                            continue
                        up, down = _neighbour_rows(r, shape, p, k, step)
                        if k < d - 1:
                            j = position(r, shape, k)[0]
                            plus, minus = (down, up) if side == 0 else (up, down)
                            if (j > 0) if side == 0 else (j + 1 < shape[k]):
                                _from(v[q, plus], weights[pair, side, plus], 1.0, out[q, r])
                            if (j + 1 < shape[k]) if side == 0 else (j > 0):
                                _from(v[q, minus], weights[pair, side, minus], -1.0, out[q, r])
                        else:
                            sign = 1.0 if side == 0 else -1.0
                            _from(v[q, up, :n - 1], weights[pair, side, up, :n - 1], sign, out[q, r, 1:])
                            _from(v[q, up, 1:], weights[pair, side, up, 1:], -sign, out[q, r, :n - 1])
                    pair += 1


@kernel
def pair_gradient(v, u, weights, shape, scale, lo, hi, weights_bar):
    """Add scale · ∂⟨v, mixed part of u⟩ in the sizes |w| to weights_bar, on rows lo … hi − 1."""
    d, n = shape.size, u.shape[2]
    for q in range(u.shape[0]):
        for r in range(lo, hi):
            pair = 0
            for p in range(d):
                for k in range(p + 1, d):
                    for side in range(2):
                        step = 1 - 2 * side
                        up, down = _neighbour_rows(r, shape, p, k, step)
                        for j in range(n):
                            towards = step if weights[pair, side, r, j] >= 0.0 else -step
                            if k < d - 1:
                                end = u[q, up if towards > 0 else down, j]
                            else:
                                end = u[q, up, min(max(j + towards, 0), n - 1)]
                            weights_bar[pair, side, r, j] += scale * v[q, r, j] * (end - u[q, r, j])
                    pair += 1
