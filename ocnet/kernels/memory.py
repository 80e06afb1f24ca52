"""Large arrays on memory used before.

The C library gives the pages of large arrays back as they die and asks for new ones as the next are made; to be handed a page and
have it cleared costs more than most kernels take to fill it (P1 on 257²: 22 ms with it, 14 without).  Here memory waits for the next
array of its size; what nobody has asked for in a while goes, so that sizes that change all the time do not pile up.
"""

import weakref
from itertools import count
from math import prod

import numpy as np

__all__ = ["empty", "empty_like", "zeros", "zeros_like"]

_LEAST = 1 << 13                     # numbers; smaller arrays are NumPy's
_MOST = 1 << 25                      # numbers that may wait in all: 256 MiB
_AGE = 1 << 11                       # arrays that died since one of a size did, after which that size is no longer in use
_waiting, _died, _deaths = {}, {}, count()     # size -> arrays, the size that died last at the end; size -> when


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
    size, now = memory.size, next(_deaths)
    stack = _waiting.pop(size, [])
    stack.append(memory)
    _waiting[size], _died[size] = stack, now
    held = sum(each * len(others) for each, others in list(_waiting.items()))
    for old in list(_waiting):
        if old == size or (held <= _MOST and now - _died.get(old, now) <= _AGE):
            break
        held -= old * len(_waiting.pop(old, ()))
        _died.pop(old, None)
    while held > _MOST and stack:
        stack.pop()
        held -= size


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
