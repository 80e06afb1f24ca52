"""How systems are timed against each other, and the rows, table and file that come of it."""

import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from statistics import median
from time import perf_counter, process_time, sleep

import numpy as np
from threadpoolctl import threadpool_limits  # comes with scikit-learn

from ocnet.kernels.threads import set_threads, threads
from ocnet.training.checkpoint import write_text

from .peers import Unavailable

__all__ = ["Contender", "Row", "Timing", "clock_name", "compare", "missing", "pinned", "quickest", "race", "table", "with_peers",
           "write_rows"]

_COLUMNS = ("task", "system", "threads", "seconds", "throughput", "unit", "error", "ratio", "note")
_SETTLE = 0.1                        # seconds of rest before a turn: JAX unmaps its buffers on a thread of its own, at the next one's cost
_LEAST, _MOST = 0.1, 100             # seconds that a timing lasts at least, and runs that it repeats at most
_LONG = 8.0                          # seconds of a run above which a single one is timed after the first


@dataclass(frozen=True)
class Row:
    """One measured figure.

    seconds : median; `best` of `runs` runs;  clock : "cpu" (of all threads of the process) or "wall"
    error   : as the task defines it;  ratio : seconds / seconds of ocnet on the same task, 1 for ocnet itself
    note    : what the system was set to, or why there are no numbers
    """

    task: str
    system: str
    threads: int
    seconds: float = None
    throughput: float = None
    unit: str = None
    error: float = None
    ratio: float = None
    note: str = ""
    best: float = None
    runs: int = 0
    clock: str = None

    def __repr__(self):
        return f"Row({self.task}, {self.system}: {_number(self.seconds)} s, ratio {_number(self.ratio)})"


@dataclass(frozen=True)
class Contender:
    """One system at one task.

    run    : callable () -> result, all that is timed;  error : callable (result) -> float, or None
    work   : units of work of a run, 0 where throughput means nothing
    threads : that the system can use at most; None means all that the run allows
    compiles: whether the first call compiles, which then is a row of its own
    """

    system: str
    run: object
    error: object = None
    work: float = 0.0
    note: str = ""
    threads: int = None
    compiles: bool = False


@dataclass
class Timing:
    """Seconds of the first call, and of the calls after it."""

    first: float = 0.0
    seconds: list = field(default_factory=list)
    result: object = None

    @property
    def median(self):
        return median(self.seconds)


@contextmanager
def pinned(count):
    """Keep the process, and every pool that a peer starts in it, to `count` cores; ocnet to as many threads.

    NumPy's BLAS stays on the thread that calls it: its pool is as large as the machine, and would spin on few cores.
    """
    allowed, before, flags = _cores(), threads(), os.environ.get("XLA_FLAGS")
    if allowed is not None:
        os.sched_setaffinity(0, sorted(allowed)[:count])
    if count == 1:                       # read when jax first starts; the affinity alone leaves it a pool to hand work to
        os.environ["XLA_FLAGS"] = f"{flags or ''} --xla_cpu_multi_thread_eigen=false".strip()
    set_threads(count)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        set_threads(before)
        if allowed is not None:
            os.sched_setaffinity(0, allowed)
        os.environ.pop("XLA_FLAGS", None)
        if flags is not None:
            os.environ["XLA_FLAGS"] = flags


def _cores():
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


def clock_name():
    """"cpu" (time of the process) with one thread, so that a busy machine does not count; "wall" with more."""
    return "cpu" if threads() == 1 else "wall"


def race(contenders, repetitions=5):
    """Time the contenders in turn, A B A B …: one Timing each.

    In its turn each runs untimed first, so that its caches are its own and the core is awake, then timed; short runs are repeated in
    both until they take 0.1 s, and count with their mean.  The very first call compiles and is kept apart.  A contender that
    takes over 8 s runs once after it; or not again, if it compiles nothing.
    """
    timings = [Timing() for _ in contenders]
    for turn in range(repetitions + 1):
        for contender, timing in zip(contenders, timings):
            if timing.seconds and timing.seconds[0] > _LONG:
                continue
            if turn == 0:
                timing.first = _timed(contender, timing)
                if timing.first > _LONG and not contender.compiles:
                    timing.seconds.append(timing.first)
                continue
            if timing.first < _LONG:
                sleep(_SETTLE)
                count = max(1, min(_MOST, int(np.ceil(_LEAST / max(_timed(contender, timing), 1e-9)))))
                _timed(contender, timing, count - 1)
            timing.seconds.append(_timed(contender, timing, count if timing.first < _LONG else 1))
    return timings


def quickest(runs):
    """The key of the callable of the dict `runs` whose second call takes the least time."""
    def seconds(key):
        runs[key]()
        return _timed(Contender("trial", runs[key]), Timing())

    return min(runs, key=seconds)


def _timed(contender, timing, count=1):
    """Mean seconds of `count` runs; the last result is kept."""
    clock = process_time if clock_name() == "cpu" else perf_counter
    start = clock()
    for _ in range(count):
        timing.result = contender.run()
    return (clock() - start) / max(count, 1)


def compare(task, contenders, unit, repetitions=5):
    """Race the contenders and return a Row each; for those that compile also a row "compile <task>".  Without ocnet no ratios."""
    timings = race(contenders, repetitions)
    own, clock = next((t.median for c, t in zip(contenders, timings) if c.system == "ocnet"), None), clock_name()
    rows, first = [], []
    for contender, timing in zip(contenders, timings):
        seconds = timing.median
        error = None if contender.error is None else float(contender.error(timing.result))
        used = contender.threads or threads()
        rows.append(Row(task, contender.system, used, seconds, contender.work / seconds if contender.work else None,
                        unit if contender.work else None, error, own and seconds / own, contender.note,
                        min(timing.seconds), len(timing.seconds), clock))
        if contender.compiles:
            first.append(Row(f"compile {task}", contender.system, used, max(timing.first - seconds, 0.0),
                             note="first call of this task in this process − median; ocnet's compile cache may be filled",
                             runs=1, clock=clock))
    return rows + first


def with_peers(task, own, peers, unit, repetitions):
    """Compare ocnet's contender with what the peers (name, callable () -> Contender) can build; rows for the missing too."""
    present, absent = [own] if own else [], []
    for name, build in peers:
        try:
            present.append(build())
        except Unavailable as reason:
            absent.append(missing(task, name, str(reason)))
    return (compare(task, present, unit, repetitions) if present else []) + absent


def missing(task, system, sentence):
    """The row of a peer that cannot run: no numbers, and the sentence that says why."""
    return Row(task, system, threads(), note=sentence)


def _number(value):
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def table(rows):
    """Return the rows as lines of aligned text."""
    cells = [_COLUMNS, *[tuple(_number(getattr(row, name)) for name in _COLUMNS) for row in rows]]
    widths = [max(len(line[k]) for line in cells) for k in range(len(_COLUMNS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells]


def write_rows(path, rows):
    """Write the rows as a JSON list."""
    write_text(path, json.dumps([asdict(row) for row in rows], indent=1) + "\n")
