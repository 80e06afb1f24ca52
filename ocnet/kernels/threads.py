"""Chunks of a range on a few threads.  The partition never depends on the number of threads, so neither do the bits.

Two ways.  `over_chunks` calls a function of (lo, hi) on plain Python threads: kernels release the GIL; safe after a fork and
from any number of calling threads.  `over_tiles` launches a compiled parallel loop on Numba's OpenMP or TBB layer, whose waiting
threads spin (4 µs a launch, against 25 µs and a sleeping core to wake); it does so only in the process that imported it and
for one caller at a time, and otherwise takes the first way, because those layers end a forked or a concurrent process.
A spinning team loses whole time slices at its barriers when another process wants the cores, so it is watched (`_Turns`).
"""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

import numba

__all__ = ["over_chunks", "over_tiles", "run_all", "set_threads", "threads"]

_state = {"threads": None, "pool": None, "owner": None, "layer": None}
_process, _launching = os.getpid(), threading.Lock()
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


class _Turns:
    """Whether parallel loops get the cores they were promised; if not, they pause and the caller works alone.

    A launch is known by its loop and sizes; what it takes beyond twice its best is counted as lost.  When more than `bearable` of
    `window` seconds inside loops was lost, other processes want the cores: pause for `shortest` seconds, and twice as long each
    time it is found again.  (Process time will not do: it counts other threads' at ticks of 4 ms, and their waiting too.)
    """

    bearable, window, shortest, longest = 0.3, 0.01, 0.02, 1.0

    def __init__(self):
        self.inside = self.lost = self.until = 0.0
        self.pause, self.best = self.shortest, {}

    def paused(self):
        """Whether loops are to leave the other cores alone for now."""
        return self.until > time.perf_counter()

    def record(self, launch, wall):
        """Take note that a launch, known by its loop and sizes, took `wall` seconds."""
        best = self.best.setdefault(launch, wall)
        self.inside, self.lost = self.inside + wall, self.lost + max(0.0, wall - 2 * best)
        if wall < best:
            self.best[launch] = wall
        if self.inside < self.window:
            return
        if self.lost > self.bearable * self.inside:
            self.until, self.pause = time.perf_counter() + self.pause, min(2 * self.pause, self.longest)
        else:
            self.pause = self.shortest
        self.inside = self.lost = 0.0


_turns = _Turns()


def over_tiles(loop, kernel, before, size, chunk, after):
    """Call kernel(*before, lo, hi, *after) on consecutive pieces of range(size) of `chunk` items, side by side.

    loop : the parallel twin, called as loop(*before, size, chunk, *after)
    """
    if size <= chunk or _alone() or _turns.paused():
        for lo in range(0, size, chunk):
            kernel(*before, lo, min(lo + chunk, size), *after)
        return
    if not _may_launch() or not _launching.acquire(blocking=False):
        over_chunks(lambda lo, hi: kernel(*before, lo, hi, *after), size, chunk)
        return
    try:
        numba.set_num_threads(min(threads(), numba.config.NUMBA_NUM_THREADS))
        started = time.perf_counter()
        loop(*before, size, chunk, *after)
        _turns.record((loop, size, chunk, before[0].shape, after[-1].shape), time.perf_counter() - started)
        if _state["layer"] is None:
            _state["layer"] = numba.threading_layer()
    finally:
        _launching.release()


def _may_launch():
    """Whether this is the importing process, and Numba's layer one that spins and bears any calling thread."""
    return os.getpid() == _process and _state["layer"] in (None, "omp", "tbb")
