"""A line on stderr when kernels are compiled, not loaded from the cache: once a process, so that a first call does not seem to hang.

Numba broadcasts "numba:compile" only where its cache on disk has nothing.  What is wrong with that cache gets a line as well.  Worker processes
and forks stay silent, and so does a process with OCNET_QUIET=1 in its environment.
"""

import os
import sys
from contextlib import contextmanager
from multiprocessing import current_process

from numba.core import config
from numba.core.event import Listener, register

__all__ = ["listen", "tell", "watching"]

_COST = "this run takes up to a minute longer and the next ones do not"
_NOWHERE = "no cache folder is writable, so every run takes up to a minute longer; name one in NUMBA_CACHE_DIR"
_REST = "(ocnet.warm_up() compiles all of them beforehand, OCNET_QUIET=1 hides this line)"

_process, _told = os.getpid(), set()


def tell(kind, line):
    """Write a line on stderr, one of a kind in this process, if this is the process that the user started and not a quiet one."""
    main = os.getpid() == _process and current_process().name == "MainProcess"
    if kind not in _told and main and sys.stderr is not None and os.environ.get("OCNET_QUIET", "0") in ("", "0"):
        _told.add(kind)
        print(f"ocnet: {line}", file=sys.stderr, flush=True)


class _Compilations(Listener):
    """Tells the watchers the name of each kernel that is compiled; where nobody watches, writes the line once."""

    def __init__(self):
        self.watchers, self.listening = [], False

    def on_start(self, event):
        dispatcher = event.data["dispatcher"]
        function = getattr(dispatcher, "py_func", None)
        if not getattr(function, "__module__", "").startswith(__package__):
            return                                                       # a kernel of the user's own
        for watcher in self.watchers:
            watcher(function.__name__)
        if not self.watchers:
            tell("compiling", f"compiling kernels for this machine, {_where(dispatcher)} {_REST}")

    def on_end(self, event):
        """Nothing: what counts is that a compilation began."""


def _where(dispatcher):
    """What this costs, and where the kernel is kept if not in the folder that was asked for."""
    kept = getattr(getattr(dispatcher, "_cache", None), "cache_path", None)
    if kept is None:
        return _NOWHERE
    if config.CACHE_DIR and not os.path.abspath(kept).startswith(os.path.abspath(config.CACHE_DIR)):
        return f"{_COST} (kept in {kept}, as NUMBA_CACHE_DIR={config.CACHE_DIR} cannot be written)"
    return _COST


_compilations = _Compilations()


def listen():
    """Let this process say, once, that it compiles."""
    if not _compilations.listening:
        register("numba:compile", _compilations)
        _compilations.listening = True


@contextmanager
def watching(watcher):
    """Call watcher(name) for each kernel that is compiled inside the `with`, and keep the line away meanwhile."""
    _compilations.watchers.append(watcher)
    try:
        yield
    finally:
        _compilations.watchers.remove(watcher)
