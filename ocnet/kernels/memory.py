"""Large arrays on memory used before.

The C library gives the pages of large arrays back as they die and asks for new ones as the next are made; to be handed a page and
have it cleared costs more than most kernels take to fill it (P1 on 257²: 22 ms with it, 14 without).  Here memory waits for the next
array of its size.
"""

import weakref
from math import prod

import numpy as np

__all__ = ["empty", "empty_like", "zeros", "zeros_like"]

_LEAST = 1 << 13                     # numbers; smaller arrays are NumPy's
_MOST = 1 << 25                      # numbers that may wait in all: 256 MiB
_waiting = {}                        # size -> arrays


def empty(shape, dtype=np.float64):
    """np.empty(shape, dtype), float64 or float32; its memory waits for another array when it and all views of it are gone."""
    size = prod(shape) if isinstance(shape, tuple) else int(shape)
    if dtype == np.float32:
        return empty(size + size % 2 >> 1).view(np.float32)[:size].reshape(shape)
    if size < _LEAST:
        return np.empty(shape)
    try:
        memory = _waiting[size].pop()
    except (KeyError, IndexError):
        memory = np.empty(size)
    lent = np.frombuffer(memoryview(memory))        # views of it keep `lent` alive, not `memory`: its base is no array
    weakref.finalize(lent, _give_back, memory).atexit = False
    return lent.reshape(shape)


def _give_back(memory):
    if memory.size + sum(size * len(stack) for size, stack in list(_waiting.items())) <= _MOST:
        _waiting.setdefault(memory.size, []).append(memory)


def empty_like(array):
    """`empty` of the shape of a float64 array."""
    return empty(array.shape)


def zeros(shape):
    """np.zeros(shape), float64, likewise."""
    out = empty(shape)
    out.fill(0.0)
    return out


def zeros_like(array):
    """`zeros` of the shape of a float64 array."""
    return zeros(array.shape)
