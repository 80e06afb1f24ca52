"""The generator on a tensor grid as rates to neighbouring nodes: applied, transposed, differentiated (made in `rates`).

A row of A_i reads (A_i u)_j = l_j (u_{j−1} − u_j) + r_j (u_{j+1} − u_j): rates[i, 0] = l, rates[i, 1] = r, 0 over a missing
neighbour, so every row sums to 0.  The mixed part is cross · (u₊₊ − u₊₋ − u₋₊ + u₋₋), missing neighbours replaced by the node
itself on their side.  A potential is killing (rows, n), − killing · u, or empty; each axis takes an equal share of it.

Node functions are held as (q, rows, n) with the last axis of the grid contiguous; `shape` is the grid's, and kernels
work on the rows lo … hi − 1.  Pairs (p, k), p < k, of the mixed part are numbered (0,1), (0,2), (1,2).
"""

from .compile import kernel

__all__ = ["apply", "apply_transposed", "combine", "pair_gradient", "position"]


@kernel
def position(r, shape, axis):                  # index along a leading axis of row r, and rows per unit of that index
    stride = 1
    for k in range(axis + 1, shape.size - 1):
        stride *= shape[k]
    return (r // stride) % shape[axis], stride


@kernel
def _neighbours(r, shape, axis):               # rows before and after r along a leading axis, r itself where missing
    i, stride = position(r, shape, axis)
    return r - stride if i > 0 else r, r + stride if i < shape[axis] - 1 else r


@kernel
def _axis_row(u, minus, plus, lower, upper, out):             # out += l (u₋ − u) + r (u₊ − u), leading axis
    for j in range(u.size):
        out[j] += lower[j] * (minus[j] - u[j]) + upper[j] * (plus[j] - u[j])


@kernel
def _last_axis_row(u, lower, upper, out):
    n = u.size
    out[0] += upper[0] * (u[1] - u[0])
    out[n - 1] += lower[n - 1] * (u[n - 2] - u[n - 1])
    minus, here, plus, l, r, o = u[:n - 2], u[1:n - 1], u[2:], lower[1:n - 1], upper[1:n - 1], out[1:n - 1]
    for j in range(n - 2):
        o[j] += l[j] * (minus[j] - here[j]) + r[j] * (plus[j] - here[j])


@kernel
def _cross_row(pp, pm, mp, mm, c, out):                       # four rows: both axes leading
    for j in range(out.size):
        out[j] += c[j] * ((pp[j] - pm[j]) - (mp[j] - mm[j]))


@kernel
def _cross_last_row(plus, minus, c, out):                     # second axis is the last
    n = out.size
    out[0] += c[0] * ((plus[1] - plus[0]) - (minus[1] - minus[0]))
    out[n - 1] += c[n - 1] * ((plus[n - 1] - plus[n - 2]) - (minus[n - 1] - minus[n - 2]))
    pp, pm, mp, mm = plus[2:], plus[:n - 2], minus[2:], minus[:n - 2]
    inner, o = c[1:n - 1], out[1:n - 1]
    for j in range(n - 2):
        o[j] += inner[j] * ((pp[j] - pm[j]) - (mp[j] - mm[j]))


@kernel
def _mixed_row(u, r, shape, cross, out):
    last = shape.size - 1
    pair = 0
    for p in range(shape.size if cross.shape[0] > 0 else 0):
        for k in range(p + 1, shape.size):
            before, after = _neighbours(r, shape, p)
            if k == last:
                _cross_last_row(u[after], u[before], cross[pair, r], out)
            else:
                mm, mp = _neighbours(before, shape, k)
                pm, pp = _neighbours(after, shape, k)
                _cross_row(u[pp], u[pm], u[mp], u[mm], cross[pair, r], out)
            pair += 1


@kernel
def _kill(u, killing, out):                                   # out −= killing · u
    for j in range(out.size):
        out[j] -= killing[j] * u[j]


@kernel
def apply(u, rates, cross, killing, shape, axes, lo, hi, out):
    """Write Σ_{i < axes} A_i u + (mixed part) into out[:, lo:hi]; u, out (q, rows, n).  axes = 0 is the mixed part alone."""
    last = shape.size - 1
    for k in range(u.shape[0]):
        for r in range(lo, hi):
            row = out[k, r]
            for j in range(row.size):
                row[j] = 0.0
            for axis in range(min(axes, last)):
                before, after = _neighbours(r, shape, axis)
                _axis_row(u[k, r], u[k, before], u[k, after], rates[axis, 0, r], rates[axis, 1, r], row)
            if axes > last:
                _last_axis_row(u[k, r], rates[last, 0, r], rates[last, 1, r], row)
            _mixed_row(u[k], r, shape, cross, row)
            if axes > 0 and killing.shape[0] > 0:
                _kill(u[k, r], killing[r], row)


@kernel
def _flow_in(p, rate, out):                                   # out += rate · p
    for j in range(p.size):
        out[j] += rate[j] * p[j]


@kernel
def _flow_out(p, lower, upper, out):
    for j in range(p.size):
        out[j] -= (lower[j] + upper[j]) * p[j]


@kernel
def _signed_cross(p, cross, r, sign, last_axis, out):         # out += sign · Dᵀ(cross p) or sign · cross p, one row
    c, v = cross[r], p[r]
    n = v.size
    if not last_axis:
        for j in range(n):
            out[j] += sign * c[j] * v[j]
        return
    out[0] -= sign * (c[0] * v[0] + c[1] * v[1])
    out[n - 1] += sign * (c[n - 2] * v[n - 2] + c[n - 1] * v[n - 1])
    c0, v0, c1, v1, o = c[:n - 2], v[:n - 2], c[2:], v[2:], out[1:n - 1]
    for j in range(n - 2):
        o[j] += sign * (c0[j] * v0[j] - c1[j] * v1[j])


@kernel
def _mixed_transposed_row(p, r, shape, cross, out):
    """Dᵀ along each axis of the pair: (Dᵀ c)_i = c_{i−1} − c_{i+1}; at the ends −c₀ − c₁ and c_{n−2} + c_{n−1}."""
    last = shape.size - 1
    pair = 0
    for a in range(shape.size if cross.shape[0] > 0 else 0):
        for b in range(a + 1, shape.size):
            for side in range(2):
                row = _neighbours(r, shape, a)[side]
                sign = 1.0 if side == 0 else -1.0
                if row == r:
                    sign = -sign
                if b == last:
                    _signed_cross(p, cross[pair], row, sign, True, out)
                else:
                    for other in range(2):
                        end = _neighbours(row, shape, b)[other]
                        both = sign if other == 0 else -sign
                        if end == row:
                            both = -both
                        _signed_cross(p, cross[pair], end, both, False, out)
            pair += 1


@kernel
def apply_transposed(p, rates, cross, killing, shape, axes, lo, hi, out):
    """Write the transpose of `apply` at p (q, rows, n) into out[:, lo:hi]: each node gathers what flows into it."""
    last = shape.size - 1
    n = p.shape[2]
    for k in range(p.shape[0]):
        for r in range(lo, hi):
            row = out[k, r]
            for j in range(n):
                row[j] = 0.0
            for axis in range(min(axes, last + 1)):
                _flow_out(p[k, r], rates[axis, 0, r], rates[axis, 1, r], row)
                if axis == last:
                    _flow_in(p[k, r, :n - 1], rates[axis, 1, r, :n - 1], row[1:])
                    _flow_in(p[k, r, 1:], rates[axis, 0, r, 1:], row[:n - 1])
                else:
                    before, after = _neighbours(r, shape, axis)
                    if before != r:
                        _flow_in(p[k, before], rates[axis, 1, before], row)
                    if after != r:
                        _flow_in(p[k, after], rates[axis, 0, after], row)
            _mixed_transposed_row(p[k], r, shape, cross, row)
            if axes > 0 and killing.shape[0] > 0:
                _kill(p[k, r], killing[r], row)


@kernel
def _pair_row(w, u, minus, plus, scale, lower_bar, upper_bar):
    for j in range(w.size):
        lower_bar[j] += scale * w[j] * (minus[j] - u[j])
        upper_bar[j] += scale * w[j] * (plus[j] - u[j])


@kernel
def _product(w, u, scale, out):
    for j in range(out.size):
        out[j] += scale * w[j] * u[j]


@kernel
def pair_gradient(w, u, shape, first, stop, mixed, scale, lo, hi, rates_bar, cross_bar, killing_bar):
    """Add scale · ∂⟨w, A u⟩ to rates_bar, cross_bar, killing_bar, for the axes first … stop − 1 and the mixed part if `mixed`.

    w, u (q, rows, n): the products of all q are added.
    """
    last = shape.size - 1
    n = w.shape[2]
    for k in range(w.shape[0]):
        for r in range(lo, hi):
            here = u[k, r]
            for axis in range(first, stop):
                lower_bar, upper_bar = rates_bar[axis, 0, r], rates_bar[axis, 1, r]
                if axis == last:
                    _pair_row(w[k, r, 1:n - 1], here[1:n - 1], here[:n - 2], here[2:], scale,
                              lower_bar[1:n - 1], upper_bar[1:n - 1])
                    upper_bar[0] += scale * w[k, r, 0] * (here[1] - here[0])
                    lower_bar[n - 1] += scale * w[k, r, n - 1] * (here[n - 2] - here[n - 1])
                else:
                    before, after = _neighbours(r, shape, axis)
                    _pair_row(w[k, r], here, u[k, before], u[k, after], scale, lower_bar, upper_bar)
            if mixed:
                _mixed_pair_row(w[k, r], u[k], r, shape, scale, cross_bar)
            if killing_bar.shape[0] > 0:
                _product(w[k, r], here, -scale * (stop - first) / shape.size, killing_bar[r])


@kernel
def _mixed_pair_row(w, u, r, shape, scale, cross_bar):
    last = shape.size - 1
    n = w.size
    pair = 0
    for p in range(shape.size if cross_bar.shape[0] > 0 else 0):
        for k in range(p + 1, shape.size):
            before, after = _neighbours(r, shape, p)
            bar = cross_bar[pair, r]
            if k == last:
                plus, minus = u[after], u[before]
                for j in range(n):
                    b, a = max(j - 1, 0), min(j + 1, n - 1)
                    bar[j] += scale * w[j] * ((plus[a] - plus[b]) - (minus[a] - minus[b]))
            else:
                mm, mp = _neighbours(before, shape, k)
                pm, pp = _neighbours(after, shape, k)
                for j in range(n):
                    bar[j] += scale * w[j] * ((u[pp, j] - u[pm, j]) - (u[mp, j] - u[mm, j]))
            pair += 1


@kernel
def combine(first, a, second, b, lo, hi, out):
    """out = a · first + b · second on lo:hi of flat arrays; out may be one of them."""
    x, y, o = first[lo:hi], second[lo:hi], out[lo:hi]
    for j in range(hi - lo):
        o[j] = a * x[j] + b * y[j]
