"""Chunks of a range on a few threads.  The partition never depends on the number of threads, so neither do the bits.

Two ways.  `over_chunks` calls a function of (lo, hi) on plain Python threads: kernels release the GIL; safe after a fork and
from any number of calling threads.  `over_tiles` launches a compiled parallel loop on Numba's OpenMP or TBB layer, whose waiting
threads spin (4 µs a launch, against 25 µs and a sleeping core to wake); it does so only in the process that imported it and
for one caller at a time, and otherwise takes the first way, because those layers end a forked or a concurrent process.
A spinning team loses whole time slices at its barriers when another process wants the cores, so it is watched (`_Turns`).

Callers share the cores: `_at_work` tells how many threads each has at work, and nobody has helpers beyond `threads()` of them.
Ctrl-C is raised by the interpreter between two instructions of the main thread, never inside a kernel: loops known to be long are
handed out chunk by chunk, and helpers leave at the next chunk (`heed`).  What a launch takes, it notes by one instruction inside a
`try`, so that it gives it back wherever the interrupt comes.
"""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

import numba

from . import interrupts
from .cores import set_threads, threads

__all__ = ["Deadline", "Stopped", "heed", "over_chunks", "over_tiles", "run_all", "set_threads", "stoppable", "threads"]

_SPARE, _PATIENCE = 64, 1.0          # threads of a pool beyond those of one caller; seconds that an interrupt waits for helpers to leave
_FEW, _LONG = 64, 0.25               # chunks of a launch whose time nobody has measured yet, and seconds of one that Ctrl-C may wait for
_process = os.getpid()
_here = threading.local()            # .inside: this thread works on tasks, and work started from there stays there; .part_of: see `heed`


def _begin():
    """Nobody is at work: at the start, and in a fork, where only the forking thread lives on."""
    global _state, _desk, _at_work, _launching
    _state = {"pool": None, "owner": None, "layer": None}
    _desk, _at_work, _launching = threading.Lock(), {}, {}                # _at_work: caller -> how many threads it has at work, itself included


_begin()
interrupts.listen()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin)


class Stopped(BaseException):
    """Nobody waits any longer for what this thread works on."""


class Deadline:
    """Work that is `stopped` some seconds from now."""

    def __init__(self, seconds):
        self._end = time.perf_counter() + seconds

    @property
    def stopped(self):
        return time.perf_counter() > self._end


def heed():
    """Raise Stopped where the work that this thread is part of was stopped.  Called between two chunks of long work; costs 0.1 µs."""
    work = getattr(_here, "part_of", None)
    if work is not None and work.stopped:
        raise Stopped


@contextmanager
def stoppable(work):
    """Let `heed` stop what this thread calls meanwhile as soon as `work.stopped`."""
    before = getattr(_here, "part_of", None)
    try:
        _here.part_of = work
        yield
    finally:
        _here.part_of = before


def _pool():
    if _state["pool"] is None or _state["owner"] < threads():
        _state.update(pool=ThreadPoolExecutor(threads() + _SPARE, thread_name_prefix="ocnet"), owner=threads())
    return _state["pool"]


def _alone():
    return threads() == 1 or getattr(_here, "inside", False)


class _Job:
    """Tasks that a caller shares with helpers: all take the next one from one iterator, so a launch costs one wake-up a helper."""

    def __init__(self, tasks):
        self.queue, self.errors, self.futures = iter(list(enumerate(tasks))), {}, []
        self.owner, self.limit, self.most = threading.get_ident(), threads(), min(threads(), len(tasks))
        self.outer, self.ended = getattr(_here, "part_of", None), False

    @property
    def stopped(self):
        """Whether everybody is to leave at the next chunk."""
        return self.ended or (self.outer is not None and self.outer.stopped)

    def run(self):
        """What the caller does: invite helpers as there are cores for them, take tasks like everybody, wait until all have ended."""
        self._invite()
        for k, task in self._tasks():
            if _at_work[self.owner] < self.most:
                self._invite()
            self._do(k, task, Exception)
        self.dismiss()
        heed()                                                            # a helper that was stopped has left its task undone

    def _tasks(self):
        while not self.errors:                                            # after an error nobody begins another one
            task = next(self.queue, None)
            if task is None:
                return
            yield task

    def dismiss(self, patience=None):
        """Wait until the helpers have ended, seconds at most; those that never began need not."""
        for future in self.futures:
            future.cancel()
        wait(self.futures, patience)

    def _invite(self):
        for _ in range(_engaged(self.owner, self.limit, min(self.most, 1 + self.queue.__length_hint__()))):
            self.futures.append(_pool().submit(self._help))

    def _do(self, k, task, caught):
        try:
            task()
        except caught as error:
            self.errors[k] = error

    def _help(self):
        try:
            _here.inside = True
            with stoppable(self):
                for k, task in self._tasks():
                    heed()
                    self._do(k, task, BaseException)
                    if sum(list(_at_work.values())) > self.limit:         # another caller has come since
                        return
        except Stopped:
            return
        finally:
            _here.inside = False
            _left(self.owner)


def _engaged(owner, limit, wanted):
    """Note a caller and as many helpers, `wanted` threads in all at most, as there are cores for; how many helpers more than before."""
    with _desk:
        before = _at_work.setdefault(owner, 1)
        more = max(0, min(wanted - before, limit - sum(_at_work.values())))
        _at_work[owner] = before + more
    return more


def _left(owner):
    """Note that a helper has gone."""
    with _desk:
        if _at_work.get(owner, 1) > 1:
            _at_work[owner] -= 1


def run_all(tasks):
    """Call every function of the list `tasks`, side by side; once all have ended, raise the error that they would have met one after the other.

    After an error nobody begins another task.  An interrupt is raised as soon as the helpers have left.
    """
    if len(tasks) == 1 or _alone():
        for task in tasks:
            heed()
            task()
        return
    job = _Job(tasks)
    try:
        _here.inside = True
        job.run()
    except BaseException:
        job.ended = True
        job.dismiss(_PATIENCE)
        raise
    finally:
        _here.inside = False
        _at_work.pop(job.owner, None)
    if job.errors:
        raise job.errors[min(job.errors)]


def over_chunks(function, size, chunk):
    """Call `function(lo, hi)` on consecutive pieces of range(size) of `chunk` items, side by side."""
    if size <= chunk or _alone():
        for lo in range(0, size, chunk):
            heed()
            function(lo, min(lo + chunk, size))
        return
    run_all([lambda lo=lo: function(lo, min(lo + chunk, size)) for lo in range(0, size, chunk)])


class _Turns:
    """Whether parallel loops get the cores they were promised; if not, they pause and the caller works alone.

    A launch is known by its loop and sizes; what it takes beyond twice its best is counted as lost.  When more than `bearable` of
    `window` seconds inside loops was lost, other processes want the cores: pause for `shortest` seconds, and twice as long each
    time it is found again.  (Process time will not do: it counts other threads' at ticks of 4 ms, and their waiting too.)
    """

    bearable, window, shortest, longest, known = 0.3, 0.01, 0.02, 1.0, 1 << 12

    def __init__(self):
        self.inside = self.lost = self.until = 0.0
        self.pause, self.best = self.shortest, {}

    def paused(self):
        """Whether loops are to leave the other cores alone for now."""
        return self.until > time.perf_counter()

    def record(self, launch, wall):
        """Take note that a launch, known by its loop and sizes, took `wall` seconds."""
        if len(self.best) >= self.known:
            self.best.clear()                                             # sizes that change for ever
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
            heed()
            kernel(*before, lo, min(lo + chunk, size), *after)
        return
    if not _may_launch():
        over_chunks(lambda lo, hi: kernel(*before, lo, hi, *after), size, chunk)
        return
    launch = (loop, size, chunk, *[getattr(a, "size", None) for a in before], after[-1].shape)
    best = _turns.best.get((*launch, threads()), 0.0 if size <= _FEW * chunk else _LONG)
    if best < _LONG and _launched(launch, loop, before, size, chunk, after):
        return
    started = time.perf_counter()
    over_chunks(lambda lo, hi: kernel(*before, lo, hi, *after), size, chunk)
    if best >= _LONG:
        _turns.best[(*launch, threads())] = time.perf_counter() - started


def _launched(launch, loop, before, size, chunk, after):
    """Whether the parallel loop was run: nobody else has one under way, and there is a core to help."""
    me, usual, team = threading.get_ident(), None, None
    try:
        if _launching.setdefault("caller", me) != me:
            return False
        most = threads()
        team = 1 + _engaged(me, most, min(most, numba.config.NUMBA_NUM_THREADS, -(-size // chunk)))
        if team == 1:
            return False
        usual = numba.get_num_threads()
        if usual != team:
            numba.set_num_threads(team)
        started = time.perf_counter()
        loop(*before, size, chunk, *after)
        _turns.record((*launch, team), time.perf_counter() - started)
        return True
    finally:
        _at_work.pop(me, None)
        if _launching.get("caller") == me:
            del _launching["caller"]
        if usual not in (None, team):
            numba.set_num_threads(usual)


def _may_launch():
    """Whether this is the importing process, and Numba's layer one that spins and bears any calling thread."""
    if os.getpid() != _process:
        return False
    if _state["layer"] is None:
        _state["layer"] = _layer()
    return _state["layer"] in ("omp", "tbb")


def _layer():
    """Numba's threading layer, started here if need be: the one that needs no care is only known then."""
    try:
        numba.get_num_threads()
        return numba.threading_layer()
    except (ImportError, ValueError):                                     # it finds none that it was told to take
        return "none"
