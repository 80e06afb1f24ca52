"""Symmetric filters along an axis of a grid function, mirrored at the end nodes: … 2 1 | 0 1 … n − 1 | n − 2 …

Four taps on either side are added in one pass over a row, which stays in the first-level cache.
"""

import numpy as np
from numba import prange

from .compile import kernel, parallel

__all__ = ["across_rows", "across_rows_tiles", "along_rows", "along_rows_tiles"]

_U = np.uintp                        # unsigned positions are not tested for being negative


@kernel
def mirrored(i, n):
    """The node that a mirror at the end nodes shows at index i."""
    period = max(2 * n - 2, 1)
    i = i % period
    return i if i < n else period - i


@kernel
def _first(w, v, i, out):                      # out = w v[i]
    for k in range(out.size):
        k = _U(k)
        out[k] = w * v[i, k]


@kernel
def _pair(w, v, a, b, out):
    for k in range(out.size):
        k = _U(k)
        out[k] += w * (v[a, k] + v[b, k])


@kernel
def _four_pairs(w0, a0, b0, w1, a1, b1, w2, a2, b2, w3, a3, b3, v, out):
    for k in range(out.size):
        k = _U(k)
        out[k] += (w0 * (v[a0, k] + v[b0, k]) + w1 * (v[a1, k] + v[b1, k])) + (w2 * (v[a2, k] + v[b2, k]) + w3 * (v[a3, k] + v[b3, k]))


@kernel
def across_rows(u, weights, lo, hi, out):
    """Filter u (q, n, inner) along the middle axis into out, for the rows lo … hi − 1 of all q · n."""
    n, taps = u.shape[1], weights.size
    line = np.empty(u.shape[2])
    for row in range(lo, hi):
        v, i = u[row // n], row % n
        _first(weights[0], v, _U(i), line)
        j = 1
        while j + 3 < taps:
            _four_pairs(weights[j], _U(mirrored(i - j, n)), _U(mirrored(i + j, n)),
                        weights[j + 1], _U(mirrored(i - j - 1, n)), _U(mirrored(i + j + 1, n)),
                        weights[j + 2], _U(mirrored(i - j - 2, n)), _U(mirrored(i + j + 2, n)),
                        weights[j + 3], _U(mirrored(i - j - 3, n)), _U(mirrored(i + j + 3, n)), v, line)
            j += 4
        while j < taps:
            _pair(weights[j], v, _U(mirrored(i - j, n)), _U(mirrored(i + j, n)), line)
            j += 1
        out[row // n, i] = line


@kernel
def _pair_along(w, line, a, b, out):           # a, b: where the taps before and after start
    for k in range(out.size):
        k = _U(k)
        out[k] += w * (line[a + k] + line[b + k])


@kernel
def _four_along(w0, w1, w2, w3, line, a, b, out):
    for k in range(out.size):
        k = _U(k)
        low, high = a + k, b + k
        out[k] += ((w0 * (line[low] + line[high]) + w1 * (line[low - _U(1)] + line[high + _U(1)]))
                   + (w2 * (line[low - _U(2)] + line[high + _U(2)]) + w3 * (line[low - _U(3)] + line[high + _U(3)])))


@kernel
def along_rows(u, weights, lo, hi, out):
    """Filter u (rows, n) along its rows lo … hi − 1 into out."""
    n, taps = u.shape[1], weights.size
    reach = taps - 1
    line, target = np.empty(n + 2 * reach), np.empty(n)
    for row in range(lo, hi):
        source = u[row]
        for k in range(reach):
            line[k] = source[mirrored(k - reach, n)]
            line[n + reach + k] = source[mirrored(n + k, n)]
        line[reach:reach + n] = source
        _first(weights[0], u, _U(row), target)
        j = 1
        while j + 3 < taps:
            _four_along(weights[j], weights[j + 1], weights[j + 2], weights[j + 3], line, _U(reach - j), _U(reach + j), target)
            j += 4
        while j < taps:
            _pair_along(weights[j], line, _U(reach - j), _U(reach + j), target)
            j += 1
        out[row] = target


@parallel
def across_rows_tiles(u, weights, size, chunk, out):
    for tile in prange((size + chunk - 1) // chunk):
        across_rows(u, weights, tile * chunk, min((tile + 1) * chunk, size), out)


@parallel
def along_rows_tiles(u, weights, size, chunk, out):
    for tile in prange((size + chunk - 1) // chunk):
        along_rows(u, weights, tile * chunk, min((tile + 1) * chunk, size), out)
