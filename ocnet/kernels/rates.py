"""Rates of the generator to neighbouring nodes from drift and variance rate, and the transpose of that map.

Arrays are rows of the last axis, as in `stencil`.  Three rules for the drift: central, upwind, hybrid.
"""

import numpy as np

from .compile import kernel
from .stencil import position

__all__ = ["CENTRAL", "HYBRID", "UPWIND", "assemble", "assemble_transposed", "extremes"]

CENTRAL, UPWIND, HYBRID = 0, 1, 2


@kernel
def _rates(f, a, before, after, rule, left, right):
    """Rates (l, r) at a node with spacings `before`, `after`; left and right are 1, or 0 where the neighbour is missing.

    central: r = (a + f h₋)/(h₊(h₊ + h₋)), l = (a − f h₊)/(h₋(h₊ + h₋)); upwind: the drift as f⁺/h₊ and f⁻/h₋ instead;
    hybrid: upwind where |f| max(h₋, h₊) > a.
    """
    total = before + after
    wide = before if before > after else after
    if rule == UPWIND or (rule == HYBRID and abs(f) * wide > a):
        forward, backward = max(f, 0.0) / after, max(-f, 0.0) / before
    else:
        forward, backward = f * before / (after * total), -f * after / (before * total)
    return left * (a / (before * total) + backward), right * (a / (after * total) + forward)


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
def _fill_rates(f, a, spacings, rule, lower, upper):   # one row; spacings (8, n) or (8, 1)
    if rule == CENTRAL:
        _scaled_sum(a, f, spacings[4], spacings[5], lower)
        _scaled_sum(a, f, spacings[6], spacings[7], upper)
    else:
        for j in range(f.size):
            k = j if spacings.shape[1] > 1 else 0
            lower[j], upper[j] = _rates(f[j], a[j], spacings[0, k], spacings[1, k], rule, spacings[2, k], spacings[3, k])


@kernel
def _fill_cross(a, spacings, at, start, stop, out):    # a / ((x_{i+1} − x_{i−1})(x_{k+1} − x_{k−1})): its own transpose
    w = 1.0 / (spacings[0, at] + spacings[1, at])
    v = 1.0 / (spacings[0, start:stop] + spacings[1, start:stop])
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
def assemble(drift, variance, cross_rate, spacings, offsets, shape, rule, lo, hi, rates, cross):
    """Write rates (d, 2, rows, n) and cross (pairs, rows, n) from drift (d, rows, n), a_ii (d, rows, n), a_pk (pairs, rows, n).

    spacings (8, Σ n_i): h₋, h₊, e₋ and e₊ = 1 or 0 where the neighbour exists or not, then the factors of a and f in the central
    rates, l = a e₋/(h₋H) − f e₋h₊/(h₋H), r = a e₊/(h₊H) + f e₊h₋/(h₊H), H = h₋ + h₊; axis i begins at offsets[i].
    """
    for r in range(lo, hi):
        for axis in range(shape.size):
            start, stop = _span(r, shape, offsets, axis)
            _fill_rates(drift[axis, r], variance[axis, r], spacings[:, start:stop], rule, rates[axis, 0, r], rates[axis, 1, r])
        pair = 0
        for p in range(shape.size if cross.shape[0] > 0 else 0):
            for k in range(p + 1, shape.size):
                start, stop = _span(r, shape, offsets, k)
                _fill_cross(cross_rate[pair, r], spacings, _span(r, shape, offsets, p)[0], start, stop, cross[pair, r])
                pair += 1


@kernel
def _fill_bars(f, a, spacings, rule, lower_bar, upper_bar, drift_bar, variance_bar):   # transpose of _fill_rates
    _scaled_sum(lower_bar, upper_bar, spacings[4], spacings[6], variance_bar)
    _scaled_sum(lower_bar, upper_bar, spacings[5], spacings[7], drift_bar)
    if rule != CENTRAL:
        for j in range(f.size):
            k = j if spacings.shape[1] > 1 else 0
            before, after = spacings[0, k], spacings[1, k]
            if rule == UPWIND or abs(f[j]) * max(before, after) > a[j]:
                drift_bar[j] = spacings[3, k] * upper_bar[j] / after if f[j] > 0 else -spacings[2, k] * lower_bar[j] / before


@kernel
def assemble_transposed(drift, variance, spacings, offsets, shape, rule, rates_bar, cross_bar, lo, hi,
                        drift_bar, variance_bar, cross_rate_bar):
    """Write the cotangents of drift, a_ii and a_pk for those of rates and cross (at the rule that `drift` selects)."""
    for r in range(lo, hi):
        for axis in range(shape.size):
            start, stop = _span(r, shape, offsets, axis)
            _fill_bars(drift[axis, r], variance[axis, r], spacings[:, start:stop], rule,
                       rates_bar[axis, 0, r], rates_bar[axis, 1, r], drift_bar[axis, r], variance_bar[axis, r])
        pair = 0
        for p in range(shape.size if cross_bar.shape[0] > 0 else 0):
            for k in range(p + 1, shape.size):
                start, stop = _span(r, shape, offsets, k)
                _fill_cross(cross_bar[pair, r], spacings, _span(r, shape, offsets, p)[0], start, stop, cross_rate_bar[pair, r])
                pair += 1


@kernel
def _raise(speed, width, out):                 # out = max(out, |speed| · width); width (n,) or (1,); NaN is left out
    if width.size > 1:
        for j in range(out.size):
            value = abs(speed[j]) * width[j]
            out[j] = value if value > out[j] else out[j]
    else:
        w = width[0]
        for j in range(out.size):
            value = abs(speed[j]) * w
            out[j] = value if value > out[j] else out[j]


@kernel
def _quotient(f, a, out):
    for j in range(out.size):
        out[j] = f[j] / a[j]


@kernel
def extremes(drift, variance, spacings, offsets, shape, lo, hi, out):
    """Raise out (3,) to the largest |f| h/a (cell Péclet), |f|/h and a/h² of the rows; 0/0 is left out.

    h is the wider of a node's two spacings in the first, the narrower in the others.
    """
    wide, narrow = np.maximum(spacings[0], spacings[1]), np.minimum(spacings[0], spacings[1])
    steep, steeper = 1.0 / narrow, 1.0 / narrow**2
    peak, ratio = np.zeros((3, drift.shape[2])), np.empty(drift.shape[2])
    for axis in range(shape.size):
        for r in range(lo, hi):
            start, stop = _span(r, shape, offsets, axis)
            _quotient(drift[axis, r], variance[axis, r], ratio)
            _raise(ratio, wide[start:stop], peak[0])
            _raise(drift[axis, r], steep[start:stop], peak[1])
            _raise(variance[axis, r], steeper[start:stop], peak[2])
    for k in range(3):
        out[k] = max(out[k], peak[k].max())
