"""Counter-based random numbers: Philox-4×32-10 (Salmon, Moraes, Dror, Shaw, 2011).

A draw is a function of its address (seed; path, layer, channel) and of nothing else, so results depend neither on the
number of threads nor on how a batch is cut.  One block of four 32-bit words serves channels 2k and 2k + 1; its counter
is (path's low half, path's high half, layer, k), its key the two halves of the seed.

Words travel in the lower halves of 64-bit lanes.  Upper halves are left as they fall and cut off only where a product
needs 32 bits, which the multiplier of 32-bit halves does for nothing.
"""

import secrets

import numpy as np

from ocnet.inputs import as_seed, as_whole

from .compile import kernel
from .elementary import log, sine_cosine_of_turn
from .threads import over_chunks

__all__ = ["checked_seed", "derived_seed", "fill_pair", "normals", "philox_block", "uniforms"]

_CHUNK = 1 << 14
_TILE = 1024                         # of paths: uniforms wait in the first-level cache to become normals
_ROUNDS = 10
_LOW = np.uint64(0xFFFFFFFF)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_ONE_BITS = np.uint64(0x3FF0000000000000)
_BELOW_ONE = 1.0 - 2.0**-53
_SHIFT_32, _SHIFT_12 = np.uint64(32), np.uint64(12)
_DERIVING = 0xFFFFFFFF               # layer word of derived seeds: no network is that deep


@kernel
def _round(c0, c1, c2, c3, k0, k1):            # only the lower 32 bits of the results mean anything
    p0, p1 = _M0 * (c0 & _LOW), _M1 * (c2 & _LOW)
    return (p1 >> _SHIFT_32) ^ c1 ^ k0, p1, (p0 >> _SHIFT_32) ^ c3 ^ k1, p0


@kernel
def philox_block(c0, c1, c2, c3, k0, k1):
    """The four output words of counter (c0, c1, c2, c3) under key (k0, k1); all uint64 below 2³²."""
    for _ in range(_ROUNDS):
        c0, c1, c2, c3 = _round(c0, c1, c2, c3, k0, k1)
        k0 += _W0
        k1 += _W1
    return c0 & _LOW, c1 & _LOW, c2 & _LOW, c3 & _LOW


@kernel
def _open_unit(high, low):                     # 52 random bits k -> (2k + 1) 2⁻⁵³, exactly
    bits = ((high << _SHIFT_32) | (low & _LOW)) >> _SHIFT_12
    return np.uint64(bits | _ONE_BITS).view(np.float64) - _BELOW_ONE


@kernel
def fill_pair(seed, first_path, layer, pair, normal, lo, hi, first, second):
    """Write the draws of channels 2·pair and 2·pair + 1 into first[lo:hi] and second[lo:hi].

    Rounds and Box–Muller are two passes, and the rounds are written here rather than called as a block, because the
    compiler makes SIMD of a loop only once all calls in it are gone (156 -> 410 M normals/s).
    """
    for start in range(lo, hi, _TILE):
        stop = min(start + _TILE, hi)
        a, b = first[start:stop], second[start:stop]
        number = first_path + np.uint64(start)
        for j in range(stop - start):
            c0 = number + np.uint64(j)
            c1, c2, c3, k0, k1 = c0 >> _SHIFT_32, layer, pair, seed, seed >> _SHIFT_32
            for _ in range(_ROUNDS):
                c0, c1, c2, c3 = _round(c0, c1, c2, c3, k0, k1)
                k0 += _W0
                k1 += _W1
            a[j] = _open_unit(c0, c1)
            b[j] = _open_unit(c2, c3)
        if normal:
            for j in range(stop - start):
                radius = np.sqrt(-2.0 * log(a[j]))
                sine, cosine = sine_cosine_of_turn(b[j])
                a[j] = radius * cosine
                b[j] = radius * sine


def checked_seed(seed):
    """Return `seed` as an int, a fresh one from the system for None, or raise as `as_seed` does unless it is a whole number from 0 to 2⁶⁴ − 1."""
    if seed is None:
        return secrets.randbits(64)
    return seed if type(seed) is int and 0 <= seed < 2**64 else as_seed(seed)


def _draw(seed, first_path, paths, layer, channels, normal):
    address = np.uint64(checked_seed(seed)), np.uint64(first_path), np.uint64(layer)
    out = np.empty((channels + channels % 2, paths))

    def fill(lo, hi):
        for pair in range(len(out) // 2):
            fill_pair(*address, np.uint64(pair), normal, lo, hi, out[2 * pair], out[2 * pair + 1])

    over_chunks(fill, paths, _CHUNK)
    return out[:channels]


def uniforms(seed, first_path, paths, layer, channels):
    """(channels, paths) uniforms for the paths first_path … first_path + paths − 1 of one layer.

    They are odd multiples of 2⁻⁵³: 0 < u < 1, with mean ½ exactly.
    Raises ValueError for a seed outside 0 … 2⁶⁴ − 1.
    """
    return _draw(seed, first_path, paths, layer, channels, False)


def normals(seed, first_path, paths, layer, channels):
    """(channels, paths) standard normals; addresses as in `uniforms`.

    Box–Muller: the uniforms (u, v) of channels 2k, 2k + 1 give √(−2 log u) (cos 2πv, sin 2πv).  |ξ| < 8.58, for
    log u ≥ −53 log 2; a normal is beyond that with probability 1e-17.
    """
    return _draw(seed, first_path, paths, layer, channels, True)


def derived_seed(seed, *words):
    """Return a fresh seed for a purpose: Philox of the words, each whole and 0 ≤ word < 2³², one after the other.

    Raises ValueError naming the word that does not fit.
    """
    key = checked_seed(seed)
    for position, word in enumerate(words):
        word = as_whole(word, f"words[{position}]", 0, at_most=2**32 - 1)
        counter = np.array([word, position, _DERIVING, len(words)], dtype=np.uint64)
        high, low, _, _ = philox_block(*counter, np.uint64(key & 0xFFFFFFFF), np.uint64(key >> 32))
        key = int(high) << 32 | int(low)
    return key
