"""Spline coefficients with those beyond the ends of their axes, and the transpose of that map, on planes.

Beyond a natural end lies 2 c₀ − c₁ (no curvature), beyond a mirrored one c₁.  An axis of one node is repeated four times.
"""

import numpy as np

from .compile import kernel

__all__ = ["pad_plane", "unpad_plane"]

_U, _ONE, _TWO = np.uintp, np.uintp(1), np.uintp(2)


@kernel
def pad_plane(c, low0, high0, low1, high1, out):
    """out (q, n0 + 2, n1 + 2) from c (q, n0, n1), n1 ≥ 2; out (q, 4, n1 + 2) for n0 = 1.  low, high : 1 where the end is mirrored."""
    n0, n1 = _U(c.shape[1]), _U(c.shape[2])
    last0, last1 = _U(out.shape[1]) - _ONE, _U(out.shape[2]) - _ONE
    for q in range(_U(c.shape[0])):
        for i in range(n0):
            for k in range(n1):
                out[q, i + _ONE, k + _ONE] = c[q, i, k]
        for k in range(_ONE, last1):
            if n0 == _ONE:
                value = out[q, 1, k]
                out[q, 0, k], out[q, 2, k], out[q, 3, k] = value, value, value
            else:
                out[q, 0, k] = out[q, 2, k] if low0 else 2.0 * out[q, 1, k] - out[q, 2, k]
                out[q, last0, k] = out[q, last0 - _TWO, k] if high0 else 2.0 * out[q, last0 - _ONE, k] - out[q, last0 - _TWO, k]
        for i in range(last0 + _ONE):
            out[q, i, 0] = out[q, i, 2] if low1 else 2.0 * out[q, i, 1] - out[q, i, 2]
            out[q, i, last1] = out[q, i, last1 - _TWO] if high1 else 2.0 * out[q, i, last1 - _ONE] - out[q, i, last1 - _TWO]


@kernel
def unpad_plane(c, low0, high0, low1, high1, out):
    """The transposed map: out (q, n0, n1) from c (q, n0 + 2, n1 + 2), or (q, 4, n1 + 2) for n0 = 1; c is used up."""
    n0, n1 = _U(out.shape[1]), _U(out.shape[2])
    last0, last1 = _U(c.shape[1]) - _ONE, _U(c.shape[2]) - _ONE
    for q in range(_U(c.shape[0])):
        for i in range(last0 + _ONE):
            low, high = c[q, i, 0], c[q, i, last1]
            if low1:
                c[q, i, 2] += low
            else:
                c[q, i, 1] += 2.0 * low
                c[q, i, 2] -= low
            if high1:
                c[q, i, last1 - _TWO] += high
            else:
                c[q, i, last1 - _ONE] += 2.0 * high
                c[q, i, last1 - _TWO] -= high
        for k in range(n1):
            at = k + _ONE
            if n0 == _ONE:
                out[q, 0, k] = c[q, 0, at] + c[q, 1, at] + c[q, 2, at] + c[q, 3, at]
                continue
            low, high = c[q, 0, at], c[q, last0, at]
            if low0:
                c[q, 2, at] += low
            else:
                c[q, 1, at] += 2.0 * low
                c[q, 2, at] -= low
            if high0:
                c[q, last0 - _TWO, at] += high
            else:
                c[q, last0 - _ONE, at] += 2.0 * high
                c[q, last0 - _TWO, at] -= high
        if n0 != _ONE:
            for i in range(n0):
                for k in range(n1):
                    out[q, i, k] = c[q, i + _ONE, k + _ONE]
