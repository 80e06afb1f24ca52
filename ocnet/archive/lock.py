"""One run at a time: locks that end with the process that holds them, however it ends."""

import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from errno import EACCES, EAGAIN, EDEADLK, EPERM, EROFS
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:                      # Windows
    fcntl = None  # type: ignore[assignment]
    import msvcrt

__all__ = ["InUse", "alone", "taken"]

_BUSY, _NOT_OURS = (EACCES, EAGAIN, EDEADLK), (EACCES, EPERM, EROFS)
_OWN = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)          # inherited by nothing that is executed; no link, which may lead anywhere
_FAR = 1 << 30                           # the byte that Windows locks: not one of those that others read
_held: set[BinaryIO] = set()             # open files of this process's locks


class InUse(OSError):
    """A file or folder that another run is writing to."""


def _forget() -> None:
    """In a forked child: close its copies of what its parent has locked, which would outlive the parent."""
    for file in _held:
        file.close()
    _held.clear()


if hasattr(os, "register_at_fork"):      # what is executed anew (spawn, subprocess) inherits no open file of Python's
    os.register_at_fork(after_in_child=_forget)


def taken(file: BinaryIO) -> bool | None:
    """Lock an open file until it is closed, also by the death of the process; False where another holds it, None where locks are not to be had."""
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            file.seek(_FAR)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except OSError as error:
        return False if error.errno in _BUSY else None
    return True


@contextmanager
def alone(path: str | os.PathLike[str], remedy: str = "choose another path") -> Iterator[None]:
    """Keep other runs from `path`, a folder that is there or a file in one, while the block lasts.

    The lock is on `.ocnet.lock` in the folder or `.<name>.ocnet.lock` beside the file, where it says whose it is; the file goes when the block ends.  The
    kernel drops a lock with its process, so that of one that was killed the file alone is left, which keeps nobody out.  Forked, spawned and executed
    children of the holder do not hold it.  Where the folder cannot be written nobody is kept out, as nobody can write; where locks are not to be had, a
    warning says so.
    remedy : what to do besides waiting, for the message
    Raises   InUse (an OSError) naming the path, the process that holds it and since when; FileNotFoundError where the folder is missing.
    """
    path = Path(path)
    if not (path.is_dir() or path.parent.is_dir()):
        raise FileNotFoundError(f"path={path}: there is no folder {path.parent}; make it first, or mend the path")
    mark = path / ".ocnet.lock" if path.is_dir() else path.with_name(f".{path.name}.ocnet.lock")
    file, owner = _locked(path, mark, remedy), os.getpid()
    try:
        yield
    finally:
        if file is not None and os.getpid() == owner:
            _release(file, mark)


def _locked(path: Path, mark: Path, remedy: str) -> BinaryIO | None:
    """The open, locked file at `mark`, which says whose it is; None where there is no lock."""
    while True:
        try:
            file = os.fdopen(os.open(mark, os.O_RDWR | os.O_CREAT | _OWN, 0o666), "r+b", buffering=0)
        except OSError as error:
            if error.errno in _NOT_OURS:
                return None
            raise
        _held.add(file)
        found = taken(file)
        if found and _is_at(file, mark):
            with suppress(OSError):                                      # a full disk keeps the words away, not the lock
                file.truncate(0)
                file.write(f"process {os.getpid()} on {socket.gethostname()} since {datetime.now():%Y-%m-%d %H:%M:%S}".encode())
            return file
        told = "" if found else _words(file)
        _held.discard(file)
        file.close()
        if found is None:
            warnings.warn(f"{path} is not locked, as its file system has no locks; see to it that no other run writes there", RuntimeWarning, stacklevel=4)
            return None
        if not found:
            raise InUse(f"{path} is in use by {told}; wait until that has ended, or {remedy}")


def _words(file: BinaryIO) -> str:
    """Whose a lock is, in its own words."""
    file.seek(0)
    return file.read(200).decode("utf-8", "replace").strip() or "another process"


def _is_at(file: BinaryIO, path: Path) -> bool:
    """Whether an open file still has its name: whoever held it before may have removed it meanwhile."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


def _release(file: BinaryIO, mark: Path) -> None:
    """Remove the file, then close it, so that nobody locks what has no name any more without seeing it."""
    _held.discard(file)
    try:
        if fcntl is not None:
            with suppress(OSError):
                mark.unlink(missing_ok=True)
    finally:
        file.close()
    if fcntl is None:
        with suppress(OSError):                                          # Windows removes closed files only, and none that another has open
            mark.unlink(missing_ok=True)
