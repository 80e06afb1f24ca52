"""The steepest difference and the sharpest bend of a field along an axis, in one pass that writes nothing.

A field is flat (size,), the axis given by (outer, n, inner): along it neighbours lie `inner` apart, and within each of the
`outer` blocks all pairs of neighbours follow one another.
"""

import numpy as np

from .compile import kernel

__all__ = ["sharpest", "steepest"]

_U = np.uintp
_LANES = 256


@kernel
def _raise_differences(u, start, shift, peak, count):
    for k in range(count):
        k = _U(k)
        j, old = start + k, peak[k]
        value = abs(u[j + shift] - u[j])
        peak[k] = value if value > old else old


@kernel
def steepest(u, outer, n, inner):
    """Largest |u_{j+1} − u_j| along the axis."""
    peak = np.zeros(_LANES)
    for block in range(outer):
        for first in range(0, (n - 1) * inner, _LANES):
            _raise_differences(u, _U(block * n * inner + first), _U(inner), peak, min(_LANES, (n - 1) * inner - first))
    return peak.max()


@kernel
def _raise_bends(u, start, shift, factor, peak, count):
    for k in range(count):
        k = _U(k)
        j, old = start + k, peak[k]
        a, b, c, d = u[j], u[j + shift], u[j + _U(2) * shift], u[j + _U(3) * shift]
        e, f, g = u[j + _U(4) * shift], u[j + _U(5) * shift], u[j + _U(6) * shift]
        before, here, after = abs(a - 2.0 * b + c), abs(c - 2.0 * d + e), abs(e - 2.0 * f + g)
        beside = before if before > after else after
        value = here - factor * beside
        peak[k] = value if value > old else old


@kernel
def sharpest(u, outer, n, inner, factor):
    """Largest |second difference| less `factor` times the greater of those two nodes before and after; 0 if none is positive."""
    peak = np.zeros(_LANES)
    for block in range(outer):
        for first in range(0, max(n - 6, 0) * inner, _LANES):
            _raise_bends(u, _U(block * n * inner + first), _U(inner), factor, peak, min(_LANES, (n - 6) * inner - first))
    return peak.max()
