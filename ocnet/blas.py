"""A BLAS on one thread: it cuts long sums among its threads, so that their bits, and those of whatever is built on them, follow how many it has."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

import threadpoolctl

__all__ = ["one_thread"]

_lock = threading.Lock()
_inside: dict[str, Any] = {"count": 0, "found": None}


@cache
def _libraries() -> tuple[Any, Any]:
    """All BLAS of this process, and those whose threads belong to the thread that calls.

    Finding them takes milliseconds, setting their threads microseconds.
    """
    import_module("scipy.linalg")                                        # loads SciPy's, which is another than NumPy's
    every = threadpoolctl.ThreadpoolController().select(user_api="blas")
    return every, every.select(threading_layer="openmp")


def _free() -> None:
    """Let this thread set the threads of a BLAS: since threadpoolctl 3.7 one thread can at a time, and calls of others do nothing, silently."""
    clear = getattr(threadpoolctl.OpenBLASController, "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let every BLAS have one thread inside the `with`; what it had comes back when the last of all threads that are inside leaves.

    (How many it has is mostly a number of the process: were each caller to put back what it found, the first to leave would give the others several
    threads in mid-course.)
    """
    every, of_callers = _libraries()
    with _lock:
        own = of_callers.limit(limits=1)
        if _inside["count"] == 0:
            _free()
            _inside["found"] = every.limit(limits=1)
        _inside["count"] += 1
    try:
        yield
    finally:
        with _lock:
            _inside["count"] -= 1
            if _inside["count"] == 0:
                _free()
                _inside.pop("found").restore_original_limits()
                _free()
            own.restore_original_limits()
