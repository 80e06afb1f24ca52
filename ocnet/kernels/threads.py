"""Chunks of a range on a few threads.  The partition never depends on the number of threads, so neither do the bits.

Kernels release the GIL, so plain threads serve them: no parallel compilation, safe after a fork and from any
number of calling threads, which Numba's own threading layers are not.
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait

__all__ = ["over_chunks", "run_all", "set_threads", "threads"]

_state = {"threads": None, "pool": None, "owner": None}
_here = threading.local()            # .inside is set while a thread works on tasks: work started from there stays there


def _available():
    named = os.environ.get("OCNET_NUM_THREADS") or os.environ.get("NUMBA_NUM_THREADS")
    if named:
        return max(1, int(named))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads():
    """Return the number of threads that kernels may use: OCNET_NUM_THREADS, NUMBA_NUM_THREADS, or the cores allowed."""
    if _state["threads"] is None:
        _state["threads"] = _available()
    return _state["threads"]


def set_threads(count):
    """Use `count` ≥ 1 threads from now on; results keep their bits."""
    if int(count) != count or count < 1:
        raise ValueError(f"threads={count} is not a positive whole number")
    _state.update(threads=int(count), pool=None)


def _pool():
    key = (os.getpid(), threads())
    if _state["pool"] is None or _state["owner"] != key:
        pool = ThreadPoolExecutor(max(1, threads() - 1), thread_name_prefix="ocnet", initializer=_mark_inside)
        _state.update(pool=pool, owner=key)
    return _state["pool"]


def _mark_inside():
    _here.inside = True


def _alone():
    return threads() == 1 or getattr(_here, "inside", False)


def run_all(tasks):
    """Call every function of the list `tasks`, side by side; the first error is raised once all have ended.

    The calling thread works too; helpers and caller take the next task from one iterator, so a launch costs one wake-up a helper.
    """
    if len(tasks) == 1 or _alone():
        for task in tasks:
            task()
        return
    queue, errors = iter(tasks), []

    def work():
        for task in queue:
            try:
                task()
            except BaseException as error:
                errors.append(error)

    futures = [_pool().submit(work) for _ in range(min(threads(), len(tasks)) - 1)]
    _here.inside = True
    try:
        work()
    finally:
        _here.inside = False
        wait(futures)
    if errors:
        raise errors[0]


def over_chunks(function, size, chunk):
    """Call `function(lo, hi)` on consecutive pieces of range(size) of `chunk` items, side by side."""
    if size <= chunk or _alone():
        for lo in range(0, size, chunk):
            function(lo, min(lo + chunk, size))
        return
    run_all([lambda lo=lo: function(lo, min(lo + chunk, size)) for lo in range(0, size, chunk)])
