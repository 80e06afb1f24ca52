"""Circumstances that may not change a bit: of this process (a context and a Way), or of a process of its own (its environment, and how it is started)."""

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from unittest.mock import patch

from threadpoolctl import threadpool_limits

from ocnet import spline, straight_line, tensor_spline
from ocnet.kernels import philox, threads
from ocnet.kolmogorov import fused, operator

from .digests import digest
from .subjects import SUBJECTS, Way, computed

__all__ = ["CHUNKS", "HERE", "PROCESSES", "Here", "Started", "swept"]

# constants that only cut work whose parts do not meet; (module, name, another value: smaller, and odd where that is allowed).  Constants that cut sums
# (particles.partition, pathwise, the classifier's course, a block's reverse sweep) are part of what is computed, and of no option.
walks = import_module("ocnet.particles.propagate")       # the module; the name in the package is its function
CHUNKS = ((straight_line, "_CHUNK", 1001), (spline, "_CHUNK", 301), (spline, "_SMALL", 77), (spline, "_ROWS", 5), (tensor_spline, "_CHUNK", 301),
          (fused, "_COLUMNS", 37), (operator, "_LANES", 13), (operator, "_ROWS", 7), (philox, "_CHUNK", 1 << 10), (walks, "_AHEAD", 2),
          (walks, "_SLICES", 5))


@dataclass(frozen=True)
class Here:
    """A change within a process: contexts to be in, and the way to compute."""

    contexts: tuple = ()
    executor: object = None          # makes one
    offset: int = 0
    order: int = 1                   # −1: the last subject first
    thread: bool = False             # whether a thread that is not the first one calls

    def digests(self, names=tuple(SUBJECTS)):
        """{subject: digest} under this change."""
        if self.thread:
            return _in_a_thread(lambda: self._digests(names))
        return self._digests(names)

    def _digests(self, names):
        with ExitStack() as stack:
            for context in self.contexts:
                stack.enter_context(context())
            way = Way(stack.enter_context(self.executor()) if self.executor else None, self.offset)
            return {name: swept(name, way) for name in names[::self.order]}


def swept(name, way=Way()):
    """The digest of a subject, or the error that it ended with, as words."""
    try:
        return digest(computed(name, way))
    except Exception as error:  # noqa: BLE001 — an error under one change only is a difference, to be shown as one
        return f"{type(error).__name__}: {error}"


def _in_a_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


@contextmanager
def _threads(count):
    before = threads.threads()
    threads.set_threads(count)
    try:
        yield
    finally:
        threads.set_threads(before)


@contextmanager
def _chunks():
    with ExitStack() as stack:
        for module, name, value in CHUNKS:
            stack.enter_context(patch.object(module, name, value))
        yield


@contextmanager
def _twice():
    """Every subject once before, for what it may leave behind."""
    Here().digests()
    yield


def _blas(count):
    return lambda: threadpool_limits(count, "blas")


def _of(count):
    return lambda: _threads(count)


def _processes(method):
    return lambda: ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method))


HERE = {"1 thread": Here((_of(1),)), "2 threads": Here((_of(2),)), "4 threads": Here((_of(4),)),
        "1 thread of the BLAS": Here((_blas(1),)), "2 threads of the BLAS": Here((_blas(2),)), "4 threads of the BLAS": Here((_blas(4),)),
        "other chunks, 1 thread": Here((_chunks, _of(1))), "other chunks, 2 threads": Here((_chunks, _of(2))),
        "a pool of threads": Here(executor=lambda: ThreadPoolExecutor(3)), "forked workers": Here(executor=_processes("fork")),
        "spawned workers": Here(executor=_processes("spawn")), "workers of a fork server": Here(executor=_processes("forkserver")),
        "called from a thread": Here((_of(2),), thread=True), "in the reverse order": Here(order=-1), "all twice": Here((_twice,)),
        "data 8 bytes off a cache line": Here(offset=8), "data 24 bytes off a cache line": Here(offset=24), "data 40 bytes off a cache line": Here(offset=40)}


@dataclass(frozen=True)
class Started:
    """A change of a process of its own: variables of its environment (None: not there), and a change within it."""

    variables: dict = field(default_factory=dict)
    here: str | None = None
    start: str | None = None         # "fork" or "spawn": the subjects are computed by a child of that process, after it computed them itself

    def environment(self):
        found = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "OPENBLAS_", "NUMBA_NUM", "NUMBA_THREAD", "OCNET_"))}
        more = {"OCNET_QUIET": "1", **self.variables}
        return {**found, **{name: value for name, value in more.items() if value is not None}}


PROCESSES = {"as it comes": Started(), **{name: Started(here=name) for name in HERE},
             **{f"OCNET_NUM_THREADS={k}": Started({"OCNET_NUM_THREADS": str(k)}) for k in (1, 2, 4)},
             **{f"OMP and OPENBLAS threads {k}": Started({"OMP_NUM_THREADS": str(k), "OPENBLAS_NUM_THREADS": str(k)}) for k in (1, 2, 4)},
             **{f"NUMBA_NUM_THREADS={k}": Started({"NUMBA_NUM_THREADS": str(k)}) for k in (1, 2, 4)},
             **{f"layer {name}, 4 threads": Started({"NUMBA_THREADING_LAYER": name, "NUMBA_NUM_THREADS": "4"}) for name in ("omp", "workqueue")},
             **{f"PYTHONHASHSEED={k}": Started({"PYTHONHASHSEED": str(k)}) for k in (0, 12345)},
             "PYTHONOPTIMIZE=2": Started({"PYTHONOPTIMIZE": "2"}), "a forked child": Started(start="fork"), "a spawned child": Started(start="spawn"),
             "a child of a fork server": Started(start="forkserver")}
