"""How many threads kernels may use here."""

import os
import threading
from contextlib import contextmanager
from math import ceil
from multiprocessing import parent_process

from ocnet.inputs import as_whole

__all__ = ["limited", "set_threads", "threads"]

_state = {"threads": None}
_here = threading.local()            # .threads: see `limited`


def _begin():
    """Nothing is known in a fork, which may be one of many workers."""
    _state["threads"] = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin)


def _available():
    own, numbas = _named("OCNET_NUM_THREADS"), _named("NUMBA_NUM_THREADS")
    if own and numbas:
        return min(own, numbas)
    others = None if own or numbas else os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if others and others.isdigit() and int(others):
        return int(others)
    return own or numbas or (_cores() if parent_process() is None else 1)


def _named(variable):
    """The number of threads that a variable of the environment names, or None."""
    text = os.environ.get(variable)
    if not text:
        return None
    if not text.strip().isdigit() or int(text) < 1:
        raise ValueError(f"{variable}={text!r} is not a whole number ≥ 1; give the number of threads, or unset it to use all cores")
    return int(text)


def _cores():
    """Cores that this process may use, by its affinity and by its container's quota of processor time."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for files in (["/sys/fs/cgroup/cpu.max"], ["/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"]):
        try:
            quota, period = (int(number) for number in " ".join(_text(file) for file in files).split())
        except (OSError, ValueError):                    # no such group, or "max"
            continue
        if quota > 0 and period > 0:
            allowed = min(allowed, ceil(quota / period))
    return allowed


def _text(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def threads():
    """Return the number of threads that kernels may use.

    That of `set_threads`; else OCNET_NUM_THREADS, at most NUMBA_NUM_THREADS where both are set; else either; else OMP_NUM_THREADS; else 1 in a
    worker process of `multiprocessing` or `concurrent.futures`, beside which others work; else the cores allowed.
    """
    own = getattr(_here, "threads", None)
    if own is not None:
        return own
    if _state["threads"] is None:
        _state["threads"] = _available()
    return _state["threads"]


def set_threads(count):
    """Use `count` ≥ 1 threads from now on; results keep their bits."""
    _state["threads"] = as_whole(count, "threads")


@contextmanager
def limited(count):
    """Use `count` ≥ 1 threads, or as many as else for None, in what this thread calls meanwhile; other threads keep theirs."""
    before = getattr(_here, "threads", None)
    try:
        _here.threads = before if count is None else as_whole(count, "threads")
        yield
    finally:
        _here.threads = before
