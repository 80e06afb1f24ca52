"""u + (I − s A_i)⁻¹ (y − u) along one axis, and (I − s A_i)⁻ᵀ c, for bundles of lines solved in SIMD.

(I − s A_i)⁻¹ (y − s A_i u) = u + (I − s A_i)⁻¹ (y − u), so the explicit half of a stage costs one subtraction.
Elimination without pivoting: with non-negative rates the matrix is diagonally dominant (an M-matrix); with central drift
at a cell Péclet number above 1 one rate is negative, which leaves the pivots above 1 while the drift keeps its sign; where it
turns from + to − within one cell, s |f| > 2 h can bring a pivot to 0 (choose the hybrid or upwind drift there).
A matrix and its transpose share the pivots: swap (l_j, r_j) for (r_{j−1}, l_{j+1}).

The lines of a range form one bundle, and loops run over its lanes.  A loop has at most eight pairs of arrays that might
overlap: LLVM checks that many at run time, and gives up SIMD beyond.  Long rows pay for these checks (measured on 257²,
stage along the first axis: 5.8, 3.6, 2.9 ns per node with 52, 132, 257 lanes).
"""

import numpy as np

from .compile import kernel

__all__ = ["pivots", "stage", "transpose"]

@kernel
def transpose(u, lo, hi, out):
    """Write the transpose of the rows lo … hi − 1 of u (rows, n) into out[:, lo:hi] (n, rows)."""
    whole = lo + (hi - lo) - (hi - lo) % 4
    for line in range(lo, whole, 4):
        a, b, c, d = u[line], u[line + 1], u[line + 2], u[line + 3]
        for j in range(u.shape[1]):
            row = out[j, line:line + 4]
            row[0], row[1], row[2], row[3] = a[j], b[j], c[j], d[j]
    for line in range(whole, hi):
        for j in range(u.shape[1]):
            out[j, line] = u[line, j]


@kernel
def _gather(y, u, first, lanes, difference, x):        # x (n, lanes) = (y − u) or y of the rows first … of (rows, n)
    n, whole = y.shape[1], lanes - lanes % 4           # four lines at a time: LLVM makes shuffles of it (0.95 -> 0.4 ns)
    for lane in range(0, whole, 4):
        at = first + lane
        a, b, c, d = y[at], y[at + 1], y[at + 2], y[at + 3]
        e, f, g, h = u[at], u[at + 1], u[at + 2], u[at + 3]
        for j in range(n):
            row = x[j, lane:lane + 4]
            if difference:
                row[0], row[1], row[2], row[3] = a[j] - e[j], b[j] - f[j], c[j] - g[j], d[j] - h[j]
            else:
                row[0], row[1], row[2], row[3] = a[j], b[j], c[j], d[j]
    for lane in range(whole, lanes):
        for j in range(n):
            x[j, lane] = y[first + lane, j] - u[first + lane, j] if difference else y[first + lane, j]


@kernel
def _scatter(x, u, first, lanes, sum_up, out):         # the way back: out = u + x or x
    n, whole = out.shape[1], lanes - lanes % 4
    for lane in range(0, whole, 4):
        at = first + lane
        a, b, c, d = out[at], out[at + 1], out[at + 2], out[at + 3]
        e, f, g, h = u[at], u[at + 1], u[at + 2], u[at + 3]
        for j in range(n):
            row = x[j, lane:lane + 4]
            if sum_up:
                a[j], b[j], c[j], d[j] = row[0] + e[j], row[1] + f[j], row[2] + g[j], row[3] + h[j]
            else:
                a[j], b[j], c[j], d[j] = row[0], row[1], row[2], row[3]
    for lane in range(whole, lanes):
        for j in range(n):
            out[first + lane, j] = u[first + lane, j] + x[j, lane] if sum_up else x[j, lane]


@kernel
def _pivot_row(lower, upper, before, previous, s, out):        # 1/(1 + s (l + r) − s² l r₋ pivot₋)
    for lane in range(out.size):
        out[lane] = 1.0 / (1.0 + s * (lower[lane] + upper[lane]) - (s * lower[lane]) * (s * before[lane]) * previous[lane])


@kernel
def _killed_row(lower, upper, before, previous, killing, share, s, out):
    for lane in range(out.size):
        out[lane] = 1.0 / (1.0 + s * (lower[lane] + upper[lane] + share * killing[lane])
                           - (s * lower[lane]) * (s * before[lane]) * previous[lane])


@kernel
def pivots(lower, upper, killing, share, s, lo, hi, out):
    """Write the inverse pivots of I − s A, A with the `share` of a killing, for the lines lo … hi − 1 of each block.

    rates and out (outer, n, inner); killing the same, or empty.
    """
    for block in range(lower.shape[0]):
        for lane in range(lo, hi):
            kill = share * killing[block, 0, lane] if killing.shape[0] > 0 else 0.0
            out[block, 0, lane] = 1.0 / (1.0 + s * (upper[block, 0, lane] + kill))
        for j in range(1, lower.shape[1]):
            l, r, before, previous = lower[block, j, lo:hi], upper[block, j, lo:hi], upper[block, j - 1, lo:hi], out[block, j - 1, lo:hi]
            if killing.shape[0] > 0:
                _killed_row(l, r, before, previous, killing[block, j, lo:hi], share, s, out[block, j, lo:hi])
            else:
                _pivot_row(l, r, before, previous, s, out[block, j, lo:hi])


@kernel
def _first(y, u, pivot, difference, x):
    if difference:
        for lane in range(x.size):
            x[lane] = (y[lane] - u[lane]) * pivot[lane]
    else:
        for lane in range(x.size):
            x[lane] = y[lane] * pivot[lane]


@kernel
def _forward(y, u, previous, down, pivot, s, difference, x):
    if difference:
        for lane in range(x.size):
            x[lane] = (y[lane] - u[lane] + s * down[lane] * previous[lane]) * pivot[lane]
    else:
        for lane in range(x.size):
            x[lane] = (y[lane] + s * down[lane] * previous[lane]) * pivot[lane]


@kernel
def _forward_in_place(x, previous, down, pivot, s):
    for lane in range(x.size):
        x[lane] = (x[lane] + s * down[lane] * previous[lane]) * pivot[lane]


@kernel
def _backward(x, following, up, pivot, s):
    for lane in range(x.size):
        x[lane] += s * up[lane] * pivot[lane] * following[lane]


@kernel
def _add(x, u, sum_up, out):
    if sum_up:
        for lane in range(x.size):
            out[lane] = u[lane] + x[lane]
    else:
        for lane in range(x.size):
            out[lane] = x[lane]


@kernel
def _solve_side_by_side(y, u, lower, upper, pivot, s, difference, transposed, first, end, x, out):
    """Lines along the first axis of y, u, out, rates (n, inner), lanes first … end − 1; x (n, lanes) is scratch."""
    n = y.shape[0]
    _first(y[0, first:end], u[0, first:end], pivot[0, first:end], difference, x[0])
    for j in range(1, n):
        down = upper[j - 1, first:end] if transposed else lower[j, first:end]
        _forward(y[j, first:end], u[j, first:end], x[j - 1], down, pivot[j, first:end], s, difference, x[j])
    _add(x[n - 1], u[n - 1, first:end], difference, out[n - 1, first:end])
    for j in range(n - 2, -1, -1):
        up = lower[j + 1, first:end] if transposed else upper[j, first:end]
        _backward(x[j], x[j + 1], up, pivot[j, first:end], s)
        _add(x[j], u[j, first:end], difference, out[j, first:end])


@kernel
def _solve_rows(y, u, lower, upper, pivot, s, difference, transposed, first, end, x, out):
    """The same for y, u, out (inner, n), whose lines are rows: they are turned on the way into x and back."""
    n = y.shape[1]
    _gather(y, u, first, end - first, difference, x)
    for lane in range(end - first):
        x[0, lane] *= pivot[0, first + lane]
    for j in range(1, n):
        down = upper[j - 1, first:end] if transposed else lower[j, first:end]
        _forward_in_place(x[j], x[j - 1], down, pivot[j, first:end], s)
    for j in range(n - 2, -1, -1):
        up = lower[j + 1, first:end] if transposed else upper[j, first:end]
        _backward(x[j], x[j + 1], up, pivot[j, first:end], s)
    _scatter(x, u, first, end - first, difference, out)


@kernel
def _single(y, u, lower, upper, pivot, s, difference, transposed, out):
    """The one line of a one-dimensional grid: y, u, out, rates, pivot (n,)."""
    n = lower.size
    value = 0.0
    for j in range(n):
        down = 0.0
        if j > 0:
            down = s * (upper[j - 1] if transposed else lower[j])
        value = ((y[j] - u[j] if difference else y[j]) + down * value) * pivot[j]
        out[j] = value
    value = 0.0
    for j in range(n - 1, -1, -1):
        up = 0.0
        if j < n - 1:
            up = s * (lower[j + 1] if transposed else upper[j]) * pivot[j]
        value = out[j] + up * value
        out[j] = u[j] + value if difference else value


@kernel
def stage(y, u, lower, upper, pivot, s, difference, transposed, as_rows, block, lo, hi, out):
    """Write u + (I − s A)⁻¹ (y − u) if `difference`, else (I − s A)⁻¹ y (or its transpose), for the lines lo … hi − 1.

    lower, upper (outer, n, inner): rates, `inner` lines side by side in each of the `outer` blocks; one block is served.
    pivot likewise, from `pivots` at the same s.  y, u, out (q, outer, n, inner) likewise; or (q, outer, inner, n) if
    `as_rows`, each line a row.  u is read only if `difference`; out is neither y nor u.
    """
    n, inner = lower.shape[1], lower.shape[2]
    l, r, m = lower[block], upper[block], pivot[block]
    if inner == 1:
        for k in range(y.shape[0]):
            _single(y[k, block].reshape(n), u[k, block].reshape(n), l.reshape(n), r.reshape(n), m.reshape(n), s, difference,
                    transposed, out[k, block].reshape(n))
        return
    x = np.empty((n, hi - lo))
    for k in range(y.shape[0]):
        if as_rows:
            _solve_rows(y[k, block], u[k, block], l, r, m, s, difference, transposed, lo, hi, x, out[k, block])
        else:
            _solve_side_by_side(y[k, block], u[k, block], l, r, m, s, difference, transposed, lo, hi, x, out[k, block])
