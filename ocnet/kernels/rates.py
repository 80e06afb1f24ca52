"""Rates of the generator to neighbouring nodes from drift and variance rate, and the transpose of that map.

Arrays are rows of the last axis, as in `stencil`.  Three rules for the drift f at a node with spacings h₋, h₊:

    central  order 2; a rate is negative where the cell Péclet number |f| h/a exceeds 1
    upwind   f⁺/h₊ and f⁻/h₋: order 1, no rate negative
    hybrid   central with the variance rate raised to max(a, f h₊, −f h₋), the least that leaves no rate negative: order 2 where
             nothing is raised, and continuous where it begins to be
"""

import numpy as np

from .compile import kernel
from .stencil import position

__all__ = ["CENTRAL", "HYBRID", "UPWIND", "assemble", "assemble_transposed", "extremes"]

CENTRAL, UPWIND, HYBRID = 0, 1, 2
_U = np.uintp


@kernel
def _least_rate(f, a, before, after):          # the smallest variance rate ≥ a that leaves both central rates ≥ 0
    return max(a, max(f * after, -f * before))


@kernel
def _scaled_sum(a, f, c, d, out):              # out = a c + f d; c, d (n,) or (1,)
    if c.size == 1:
        c0, d0 = c[0], d[0]
        for j in range(out.size):
            out[j] = a[j] * c0 + f[j] * d0
    else:
        for j in range(out.size):
            out[j] = a[j] * c[j] + f[j] * d[j]


@kernel
def _fill_rates(f, a, table, rule, lower, upper):      # one row; table (9, n) or (9, 1)
    _scaled_sum(a, f, table[4], table[5], lower)
    _scaled_sum(a, f, table[6], table[7], upper)
    if rule != CENTRAL:
        for j in range(f.size):
            k = j if table.shape[1] > 1 else 0
            if rule == UPWIND:
                lower[j] = a[j] * table[4, k] + max(-f[j], 0.0) * table[2, k]
                upper[j] = a[j] * table[6, k] + max(f[j], 0.0) * table[3, k]
            else:
                e = _least_rate(f[j], a[j], table[0, k], table[1, k])
                lower[j] = max(e * table[4, k] + f[j] * table[5, k], 0.0)
                upper[j] = max(e * table[6, k] + f[j] * table[7, k], 0.0)


@kernel
def _fill_cross(a, table, at, start, stop, out):       # a / ((x_{i+1} − x_{i−1})(x_{k+1} − x_{k−1})): its own transpose
    w = table[8, at]
    v = table[8, start:stop]
    if v.size == 1:
        w *= v[0]
        for j in range(a.size):
            out[j] = a[j] * w
    else:
        for j in range(a.size):
            out[j] = a[j] * (w * v[j])


@kernel
def _span(r, shape, offsets, axis):            # columns of `spacings` for row r: all nodes of the last axis, one of another
    start, stop = offsets[axis], offsets[axis + 1]
    if axis < shape.size - 1:
        start += position(r, shape, axis)[0]
        stop = start + 1
    return start, stop


@kernel
def assemble(drift, variance, cross_rate, table, offsets, shape, rule, lo, hi, rates, cross):
    """Write rates (d, 2, rows, n) and cross (pairs, rows, n) from drift (d, rows, n), a_ii (d, rows, n), a_pk (pairs, rows, n).

    table (9, Σ n_i), axis i from offsets[i]: h₋, h₊; factors of f⁻ in l and of f⁺ in r under the upwind rule, 1/h₋ and 1/h₊; factors of
    a and f in the central rates, l = a/(h₋H) − f h₊/(h₋H), r = a/(h₊H) + f h₋/(h₊H), H = h₋ + h₊; and 1/H for mixed derivatives.
    What a side's row is, its columns of the table say.
    """
    for r in range(lo, hi):
        for axis in range(shape.size):
            start, stop = _span(r, shape, offsets, axis)
            _fill_rates(drift[axis, r], variance[axis, r], table[:, start:stop], rule, rates[axis, 0, r], rates[axis, 1, r])
        pair = 0
        for p in range(shape.size if cross.shape[0] > 0 else 0):
            for k in range(p + 1, shape.size):
                start, stop = _span(r, shape, offsets, k)
                _fill_cross(cross_rate[pair, r], table, _span(r, shape, offsets, p)[0], start, stop, cross[pair, r])
                pair += 1


@kernel
def _fill_bars(f, a, table, rule, lower_bar, upper_bar, drift_bar, variance_bar):   # transpose of _fill_rates
    _scaled_sum(lower_bar, upper_bar, table[4], table[6], variance_bar)
    _scaled_sum(lower_bar, upper_bar, table[5], table[7], drift_bar)
    if rule != CENTRAL:
        for j in range(f.size):
            k = j if table.shape[1] > 1 else 0
            if rule == UPWIND:
                drift_bar[j] = table[3, k] * upper_bar[j] if f[j] > 0 else -table[2, k] * lower_bar[j]
                continue
            e = _least_rate(f[j], a[j], table[0, k], table[1, k])
            low = lower_bar[j] if e * table[4, k] + f[j] * table[5, k] > 0.0 else 0.0
            high = upper_bar[j] if e * table[6, k] + f[j] * table[7, k] > 0.0 else 0.0
            raised = table[4, k] * low + table[6, k] * high
            slope = 0.0 if e == a[j] else (table[1, k] if f[j] > 0 else -table[0, k])
            drift_bar[j] = table[5, k] * low + table[7, k] * high + slope * raised
            variance_bar[j] = raised if e == a[j] else 0.0


@kernel
def assemble_transposed(drift, variance, table, offsets, shape, rule, rates_bar, cross_bar, lo, hi,
                        drift_bar, variance_bar, cross_rate_bar):
    """Write the cotangents of drift, a_ii and a_pk for those of rates and cross (at the rule that `drift` selects)."""
    for r in range(lo, hi):
        for axis in range(shape.size):
            start, stop = _span(r, shape, offsets, axis)
            _fill_bars(drift[axis, r], variance[axis, r], table[:, start:stop], rule,
                       rates_bar[axis, 0, r], rates_bar[axis, 1, r], drift_bar[axis, r], variance_bar[axis, r])
        pair = 0
        for p in range(shape.size if cross_bar.shape[0] > 0 else 0):
            for k in range(p + 1, shape.size):
                start, stop = _span(r, shape, offsets, k)
                _fill_cross(cross_bar[pair, r], table, _span(r, shape, offsets, p)[0], start, stop, cross_rate_bar[pair, r])
                pair += 1


@kernel
def _raise(f, a, axis, r, widths, cells, calms, fasts, roughs, marks):
    """Raise the peaks (n,) to |f| h/a, |f|/h and a/h² of row r, h (3, n) as factors; mark cell Péclet numbers above 1.

    `calms` falls to the least |f| h/a.
    """
    for j in range(marks.size):
        j = _U(j)
        speed, rate = abs(f[axis, r, j]), a[axis, r, j]
        cell, fast, rough = speed / rate * widths[_U(0), j], speed * widths[_U(1), j], rate * widths[_U(2), j]
        p, q, s, mark, low = cells[j], fasts[j], roughs[j], marks[j], calms[j]
        calms[j] = cell if cell < low else low
        cells[j] = cell if cell > p else p
        fasts[j] = fast if fast > q else q
        roughs[j] = rough if rough > s else s
        marks[j] = 1.0 if cell > 1.0 else mark


@kernel
def extremes(drift, variance, table, offsets, shape, stride, out):
    """Raise out[:3] to the largest |f| h/a (cell Péclet), |f|/h and a/h² of every stride-th row; 0/0 is left out.

    h is the wider of a node's two spacings in the first, the narrower in the others.  Adds to out[3] the number of those nodes
    with a cell Péclet number above 1, and lowers out[4] to the least cell Péclet number.
    """
    n = drift.shape[2]
    wide, narrow = np.maximum(table[0], table[1]), np.minimum(table[0], table[1])
    steep, steeper = 1.0 / narrow, 1.0 / narrow**2
    cells, fasts, roughs, marks, widths = np.zeros(n), np.zeros(n), np.zeros(n), np.empty(n), np.empty((3, n))
    calms = np.full(n, np.inf)
    for r in range(0, drift.shape[1], stride):
        marks[:] = 0.0
        for axis in range(shape.size):
            start, stop = _span(r, shape, offsets, axis)
            widths[0], widths[1], widths[2] = wide[start:stop], steep[start:stop], steeper[start:stop]
            _raise(drift, variance, _U(axis), _U(r), widths, cells, calms, fasts, roughs, marks)
        out[3] += marks.sum()
    out[0], out[1], out[2] = max(out[0], cells.max()), max(out[1], fasts.max()), max(out[2], roughs.max())
    out[4] = min(out[4], calms.min())
