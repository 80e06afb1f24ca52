"""A forked run that meets its end at a chosen event: a flush, a rename, a removal; or that finds the disk full from one on."""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path

__all__ = ["Fate", "Run", "run", "started"]

_EVENTS = ("fsync", "replace", "unlink", "rmdir")
_TICK = 2.0**-10                     # of the clock that runs see: differences are exact, and count calls


class Clock:
    """A clock that goes on by one tick a call: what depends on seconds is then the same in every run."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return self.calls * _TICK


@dataclass(frozen=True)
class Fate:
    """What meets a run at its `event`-th event (from 1; 0: nothing does).

    how   : "before", "after": killed then; "torn": killed with half of what was to be flushed; "full": half of it is there and the disk is full from then on
    bytes : largest file that the system lets it write; None: any
    """

    event: int = 0
    how: str = "before"
    bytes: int | None = None


@dataclass(frozen=True)
class Run:
    """How a run ended: its exit status, or minus the signal; what it said on stderr; how many events it met (0 where it was killed)."""

    status: int
    said: str
    events: int


class _Events:
    """Counts calls of `os` that change files, and does at one of them what the fate says."""

    def __init__(self, fate):
        self.fate, self.count = fate, 0
        for name in _EVENTS:
            setattr(os, name, self._watched(name, getattr(os, name)))

    def _watched(self, name, call):
        def watched(*arguments, **options):
            self.count += 1
            now = self.count == self.fate.event
            if now and self.fate.how == "before":
                _kill()
            full = self.fate.how == "full" and 0 < self.fate.event <= self.count
            if name == "fsync" and (full or (now and self.fate.how == "torn")):
                self._tear(arguments[0])
            done = call(*arguments, **options)
            if now and self.fate.how in ("after", "torn"):
                _kill()
            return done
        return watched

    def _tear(self, handle):
        """Leave half of a file; nothing is done to a folder, which is flushed too."""
        if not os.path.isdir(f"/proc/self/fd/{handle}"):
            os.ftruncate(handle, os.fstat(handle).st_size // 2)
            if self.fate.how == "full":
                raise OSError(ENOSPC, os.strerror(ENOSPC))


def _kill():
    os.kill(os.getpid(), signal.SIGKILL)


def started(work: Callable[[], int | None], fate: Fate = Fate(), said: int | None = None, told: int | None = None) -> int:
    """Fork a process of its own group that does `work()`, and return its number; `said`, `told`: handles for its stderr and its count of events."""
    child = os.fork()
    if child:
        return child
    status = 99
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)
        os.dup2(null if said is None else said, 2)
        sys.stdout, sys.stderr = (os.fdopen(n, "w", buffering=1, closefd=False) for n in (1, 2))       # not those that a test runner has put there
        if fate.bytes is not None:
            import resource
            resource.setrlimit(resource.RLIMIT_FSIZE, (fate.bytes, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        events = _Events(fate)
        status = work() or 0
        if told is not None:
            os.write(told, str(events.count).encode())
    except BaseException:                # noqa: BLE001 — whatever it is, the parent is told
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(status)


def run(work: Callable[[], int | None], fate: Fate = Fate(), interrupt: Callable[[int], None] = lambda child: None) -> Run:
    """Do `work()` in a forked process and wait for its end; `interrupt(its number)` is called meanwhile."""
    said, told = os.pipe(), os.pipe()                                    # not files, whose size may be limited
    child = started(work, fate, said[1], told[1])
    for _, end in (said, told):
        os.close(end)
    with os.fdopen(said[0], "rb") as words, os.fdopen(told[0], "rb") as count:
        interrupt(child)
        text, events = words.read().decode("utf-8", "replace"), int(count.read() or 0)
        return Run(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text, events)


def contents(folder: Path) -> dict[str, bytes]:
    """{name within the folder: bytes} of all its files."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}
