"""Symmetric filters along an axis of a grid function, mirrored at the end nodes: … 2 1 | 0 1 … n − 1 | n − 2 …

Four taps on either side are added in one pass over a row, which stays in the first-level cache.
"""

import numpy as np
from numba import prange

from .compile import kernel, parallel

__all__ = ["across_rows", "across_rows_tiles", "along_rows", "along_rows_tiles"]


@kernel
def mirrored(i, n):
    """The node that a mirror at the end nodes shows at index i."""
    period = max(2 * n - 2, 1)
    i = i % period
    return i if i < n else period - i


@kernel
def _first(w, row, out):
    for k in range(out.size):
        out[k] = w * row[k]


@kernel
def _pair(w, a, b, out):
    for k in range(out.size):
        out[k] += w * (a[k] + b[k])


@kernel
def _four_pairs(w0, a0, b0, w1, a1, b1, w2, a2, b2, w3, a3, b3, out):
    for k in range(out.size):
        out[k] += w0 * (a0[k] + b0[k]) + w1 * (a1[k] + b1[k]) + w2 * (a2[k] + b2[k]) + w3 * (a3[k] + b3[k])


@kernel
def across_rows(u, weights, lo, hi, out):
    """Filter u (q, n, inner) along the middle axis into out, for the rows lo … hi − 1 of all q · n."""
    n, taps = u.shape[1], weights.size
    for row in range(lo, hi):
        v, i = u[row // n], row % n
        target = out[row // n, i]
        _first(weights[0], v[i], target)
        j = 1
        while j + 3 < taps:
            _four_pairs(weights[j], v[mirrored(i - j, n)], v[mirrored(i + j, n)],
                        weights[j + 1], v[mirrored(i - j - 1, n)], v[mirrored(i + j + 1, n)],
                        weights[j + 2], v[mirrored(i - j - 2, n)], v[mirrored(i + j + 2, n)],
                        weights[j + 3], v[mirrored(i - j - 3, n)], v[mirrored(i + j + 3, n)], target)
            j += 4
        while j < taps:
            _pair(weights[j], v[mirrored(i - j, n)], v[mirrored(i + j, n)], target)
            j += 1


@kernel
def along_rows(u, weights, lo, hi, out):
    """Filter u (rows, n) along its rows lo … hi − 1 into out."""
    n, taps = u.shape[1], weights.size
    reach = taps - 1
    line = np.empty(n + 2 * reach)
    for row in range(lo, hi):
        source, target = u[row], out[row]
        for k in range(reach):
            line[k] = source[mirrored(k - reach, n)]
            line[n + reach + k] = source[mirrored(n + k, n)]
        _first(1.0, source, line[reach:reach + n])
        _first(weights[0], source, target)
        j = 1
        while j + 3 < taps:
            low, high = reach - j, reach + j
            _four_pairs(weights[j], line[low:low + n], line[high:high + n],
                        weights[j + 1], line[low - 1:low - 1 + n], line[high + 1:high + 1 + n],
                        weights[j + 2], line[low - 2:low - 2 + n], line[high + 2:high + 2 + n],
                        weights[j + 3], line[low - 3:low - 3 + n], line[high + 3:high + 3 + n], target)
            j += 4
        while j < taps:
            _pair(weights[j], line[reach - j:reach - j + n], line[reach + j:reach + j + n], target)
            j += 1


@parallel
def across_rows_tiles(u, weights, size, chunk, out):
    for tile in prange((size + chunk - 1) // chunk):
        across_rows(u, weights, tile * chunk, min((tile + 1) * chunk, size), out)


@parallel
def along_rows_tiles(u, weights, size, chunk, out):
    for tile in prange((size + chunk - 1) // chunk):
        along_rows(u, weights, tile * chunk, min((tile + 1) * chunk, size), out)
