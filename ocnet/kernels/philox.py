"""Counter-based random numbers: Philox-4×32-10 (Salmon, Moraes, Dror, Shaw, 2011).

A draw is a function of its address (seed; path, layer, channel) and of nothing else, so results depend neither on the
number of threads nor on how a batch is cut.  One block of four 32-bit words serves channels 2k and 2k + 1.
"""

import numpy as np

from .compile import kernel
from .elementary import log, sine_cosine_of_turn
from .threads import over_chunks

__all__ = ["derived_seed", "normals", "philox_block", "uniforms"]

_CHUNK = 1 << 14
_LOW = np.uint64(0xFFFFFFFF)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_ONE_BITS = np.uint64(0x3FF0000000000000)
_BELOW_ONE = 1.0 - 2.0**-53
_SHIFT_32, _SHIFT_20, _SHIFT_12 = np.uint64(32), np.uint64(20), np.uint64(12)
_DERIVING = 0xFFFFFFFF               # layer word of derived seeds: no network is that deep


@kernel
def philox_block(c0, c1, c2, c3, k0, k1):
    """The four output words (as uint64 below 2³²) of counter (c0, c1, c2, c3) under key (k0, k1), all uint64 < 2³²."""
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = ((p1 >> _SHIFT_32) ^ c1 ^ k0), p1 & _LOW, ((p0 >> _SHIFT_32) ^ c3 ^ k1), p0 & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@kernel
def _open_unit(high, low):                     # 52 random bits -> k · 2⁻⁵² + 2⁻⁵³ in (0, 1)
    bits = (high << _SHIFT_20) | (low >> _SHIFT_12)
    return np.uint64(bits | _ONE_BITS).view(np.float64) - _BELOW_ONE


@kernel
def _fill(seed, first_path, layer, pair, normal, lo, hi, first, second):
    k0, k1 = seed & _LOW, seed >> _SHIFT_32
    a, b = first[lo:hi], second[lo:hi]
    for j in range(hi - lo):
        path = first_path + np.uint64(lo) + np.uint64(j)
        r0, r1, r2, r3 = philox_block(path & _LOW, path >> _SHIFT_32, layer, pair, k0, k1)
        a[j] = _open_unit(r0, r1)
        b[j] = _open_unit(r2, r3)
    if normal:                                 # Box–Muller; a pass of its own, which keeps both loops in SIMD
        for j in range(hi - lo):
            radius = np.sqrt(-2.0 * log(a[j]))
            sine, cosine = sine_cosine_of_turn(b[j])
            a[j] = radius * cosine
            b[j] = radius * sine


def _checked_seed(seed):
    if int(seed) != seed or not 0 <= seed < 2**64:
        raise ValueError(f"seed={seed} is not a whole number from 0 to 2⁶⁴ − 1")
    return np.uint64(seed)


def _draw(seed, first_path, paths, layer, channels, normal):
    key = _checked_seed(seed)
    out = np.empty((2 * ((channels + 1) // 2), paths))
    for pair in range(len(out) // 2):
        over_chunks(lambda lo, hi, pair=pair: _fill(key, np.uint64(first_path), np.uint64(layer), np.uint64(pair), normal,
                                                    lo, hi, out[2 * pair], out[2 * pair + 1]), paths, _CHUNK)
    return out[:channels]


def uniforms(seed, first_path, paths, layer, channels):
    """(channels, paths) uniforms on (0, 1), of 52 bits, for paths first_path … first_path + paths − 1 of one layer.

    Raises ValueError for a seed outside 0 … 2⁶⁴ − 1.
    """
    return _draw(seed, first_path, paths, layer, channels, False)


def normals(seed, first_path, paths, layer, channels):
    """(channels, paths) standard normals by Box–Muller; |ξ| < 8.6 (52-bit uniforms).  Addresses as in `uniforms`."""
    return _draw(seed, first_path, paths, layer, channels, True)


def derived_seed(seed, *words):
    """Return a fresh seed for a purpose: Philox of the words (each ≥ 0, below 2³²) under `seed`, one after the other."""
    key = int(_checked_seed(seed))
    for position, word in enumerate(words):
        high, low, _, _ = philox_block(np.uint64(word), np.uint64(position), np.uint64(_DERIVING), np.uint64(len(words)),
                                       np.uint64(key & 0xFFFFFFFF), np.uint64(key >> 32))
        key = int(high) << 32 | int(low)
    return key
