"""One decorator with every compiler option, and a compile cache that notices edits in any kernel file.

Numba stamps a cached function with its own file only, so a caller in another file would go on using an inlined
callee after that callee was edited (numba issue 1833).  In `cache` the stamp is a hash of the whole folder, and of the versions.
"""

import numba
from numba.extending import overload

from .aside import aside
from .cache import KernelCache
from .notice import listen

__all__ = ["by_precision", "inlined", "kernel", "parallel", "reduction"]

_OPTIONS = {"nogil": True, "error_model": "numpy", "boundscheck": False}
_CONTRACTED = {"contract", "nsz"}

listen()


def _compile(function, fastmath, **more):
    dispatcher = numba.njit(**_OPTIONS, fastmath=fastmath, **more)(function)
    dispatcher._compile_for_args = aside(dispatcher._compile_for_args)      # what a call without a compiled kernel for its types begins with
    try:
        dispatcher._cache = KernelCache(function)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise                                       # otherwise no cache folder can be written: compile in each process
    return dispatcher


def kernel(function):
    """Compile `function` for arrays and scalars: no GIL, C division, fused multiply-add, rounding kept in order."""
    return _compile(function, _CONTRACTED)


def parallel(function):
    """Compile a loop `for tile in prange(…)` over calls of a serial kernel.  Only `threads.over_tiles` may launch it."""
    return _compile(function, _CONTRACTED, parallel=True)


def reduction(function):
    """Compile a plain sum over contiguous buffers, whose terms may be added in SIMD lanes (a fixed order).

    Only for functions that add products: reassociation would break the rounding tricks of `elementary`.
    """
    return _compile(function, _CONTRACTED | {"reassoc"}, forceinline=True)


def inlined(function):
    """Compile `function` into each of its callers, as functions that call a `reduction` must be.

    A sum whose terms may be regrouped is otherwise compiled twice, by itself and with its caller, in two orders; which of the two runs
    depends on whether the caller came from the cache.
    """
    return _compile(function, _CONTRACTED, forceinline=True)


def by_precision(double, single):
    """Return a function for calls from kernels: `double` or `single`, by the precision of its last or only array.

    Both are kernels with the same arguments.
    """
    def either(*arguments):
        raise NotImplementedError("this function is for kernels")

    @overload(either, strict=False, jit_options=dict(_OPTIONS, fastmath=_CONTRACTED))
    def choose(*arguments):
        array = [argument for argument in arguments if isinstance(argument, numba.types.Array)][-1]
        return (single if array.dtype == numba.types.float32 else double).py_func

    return either
