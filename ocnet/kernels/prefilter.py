"""From node values to the coefficients of a cubic B-spline along one axis of a uniform grid, and the transpose of that map.

Ends are natural (the coefficient is the value) or mirrored (zero slope); see `interpolation` for the use of coefficients.
"""

import numpy as np
from numba import prange

from .compile import kernel, parallel

__all__ = ["prefilter", "prefilter_factors", "prefilter_tiles"]

_LANES = 16


def prefilter_factors(n, low, high):
    """(n,) elimination factors of the spline's matrix: 4 on the diagonal, 1 beside it, 2 at a mirrored end.

    low, high : 1 where the end is mirrored (its node is unknown too), 0 where it is natural (its coefficient is its value)
    """
    factors = np.zeros(n)
    start, stop = (0 if low else 1), (n if high else n - 1)
    for i in range(start, stop):
        diagonal = 2.0 if (i == 0 or i == n - 1) else 4.0
        factors[i] = 1.0 / (diagonal - (factors[i - 1] if i > start else 0.0))
    return factors


@kernel
def _load(u, line, lanes, buffer):             # lines of (outer, n, inner) -> buffer (n, lanes)
    n, inner = u.shape[1], u.shape[2]
    if inner == 1:
        for lane in range(lanes):
            for i in range(n):
                buffer[i, lane] = u[line + lane, i, 0]
    else:
        outer, k = line // inner, line % inner
        for i in range(n):
            for lane in range(lanes):
                buffer[i, lane] = u[outer, i, k + lane]


@kernel
def _store(buffer, line, lanes, u):
    n, inner = u.shape[1], u.shape[2]
    if inner == 1:
        for lane in range(lanes):
            for i in range(n):
                u[line + lane, i, 0] = buffer[i, lane]
    else:
        outer, k = line // inner, line % inner
        for i in range(n):
            for lane in range(lanes):
                u[outer, i, k + lane] = buffer[i, lane]


@kernel
def _solve(r, factors, start, stop):           # the spline's matrix on rows start … stop − 1 of r, in place
    for i in range(start, stop):
        e = factors[i]
        for lane in range(_LANES):
            previous = r[i - 1, lane] if i > start else 0.0
            r[i, lane] = (r[i, lane] - previous) * e
    for i in range(stop - 2, start - 1, -1):
        e = factors[i]
        for lane in range(_LANES):
            r[i, lane] -= e * r[i + 1, lane]


@kernel
def _scale(r, start, stop):                    # 6, and 3 at mirrored ends, where the row is halved to keep the matrix symmetric
    n = r.shape[0]
    for i in range(start, stop):
        factor = 3.0 if (i == 0 or i == n - 1) else 6.0
        for lane in range(_LANES):
            r[i, lane] *= factor


@kernel
def _prefilter(r, factors, start, stop):       # node values -> spline coefficients, in place
    n = r.shape[0]
    if n < 3:
        return
    _scale(r, start, stop)
    for lane in range(_LANES):
        if start == 1:
            r[1, lane] -= r[0, lane]
        if stop == n - 1:
            r[n - 2, lane] -= r[n - 1, lane]
    _solve(r, factors, start, stop)


@kernel
def _prefilter_transposed(r, factors, start, stop):
    n = r.shape[0]
    if n < 3:
        return
    _solve(r, factors, start, stop)
    for lane in range(_LANES):
        if start == 1:
            r[0, lane] -= r[1, lane]
        if stop == n - 1:
            r[n - 1, lane] -= r[n - 2, lane]
    _scale(r, start, stop)


@kernel
def prefilter(u, factors, low, high, transposed, lo, hi, out):
    """Make spline coefficients of the lines lo … hi − 1 of u (outer, n, inner) along the middle axis, 16 lines at a time.

    factors as from `prefilter_factors`, ends mirrored (low, high = 1) or natural (0); or the transpose of that map.
    A bundle of lines must not cross an outer index: lo, hi are multiples of the inner size, or inner is 1.
    """
    n, inner = u.shape[1], u.shape[2]
    buffer = np.zeros((n, _LANES))
    line = lo
    while line < hi:
        room = hi - line if inner == 1 else inner - line % inner
        lanes = min(_LANES, room)
        _load(u, line, lanes, buffer)
        if transposed:
            _prefilter_transposed(buffer, factors, 1 - low, n - 1 + high)
        else:
            _prefilter(buffer, factors, 1 - low, n - 1 + high)
        _store(buffer, line, lanes, out)
        line += lanes


@parallel
def prefilter_tiles(u, factors, low, high, transposed, size, chunk, out):
    for tile in prange((size + chunk - 1) // chunk):
        prefilter(u, factors, low, high, transposed, tile * chunk, min((tile + 1) * chunk, size), out)
