"""Draws in single precision: one block of Philox-4×32-10 serves channels 4k … 4k + 3 (see `philox` for addresses)."""

import numpy as np

from .compile import kernel
from .elementary_single import log_single, sine_cosine_of_turn_single
from .philox import _ROUNDS, _SHIFT_32, _W0, _W1, _round

__all__ = ["fill_four"]

_LOW = np.uint64(0xFFFFFFFF)
_SHIFT_9 = np.uint64(9)
_ONE_BITS = np.uint64(0x3F800000)
_BELOW_ONE = np.float32(1.0 - 2.0**-24)
_MINUS_TWO = np.float32(-2.0)


@kernel
def _open_unit(word):                          # 23 random bits k -> (2k + 1) 2⁻²⁴, exactly
    return np.uint32(((word & _LOW) >> _SHIFT_9) | _ONE_BITS).view(np.float32) - _BELOW_ONE


@kernel
def fill_four(seed, number, layer, block, normal, n, a, b, c, d):
    """Write the draws of channels 4·block … 4·block + 3 of the paths number, number + 1, … into a[:n], b[:n], c[:n], d[:n] (float32).

    Box–Muller of (a, b) and of (c, d); |ξ| < 5.77, for log u ≥ −24 log 2: a normal is beyond that with probability 8e-9.
    """
    for j in range(np.uintp(n)):
        c0 = number + np.uint64(j)
        c1, c2, c3, k0, k1 = c0 >> _SHIFT_32, layer, block, seed, seed >> _SHIFT_32
        for _ in range(_ROUNDS):
            c0, c1, c2, c3 = _round(c0, c1, c2, c3, k0, k1)
            k0 += _W0
            k1 += _W1
        a[j], b[j], c[j], d[j] = _open_unit(c0), _open_unit(c1), _open_unit(c2), _open_unit(c3)
    if normal:
        for j in range(np.uintp(n)):
            radius = np.sqrt(_MINUS_TWO * log_single(a[j]))
            sine, cosine = sine_cosine_of_turn_single(b[j])
            a[j], b[j] = radius * cosine, radius * sine
        for j in range(np.uintp(n)):
            radius = np.sqrt(_MINUS_TWO * log_single(c[j]))
            sine, cosine = sine_cosine_of_turn_single(d[j])
            c[j], d[j] = radius * cosine, radius * sine
