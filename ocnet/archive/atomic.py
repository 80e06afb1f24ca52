"""Files that are whole or absent."""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EDQUOT, EFBIG, EIO, ENOSPC, EROFS
from pathlib import Path
from typing import BinaryIO

from .lock import taken

__all__ = ["in_folder", "replacing", "told_with", "write_bytes"]

_NO_ROOM = {ENOSPC: "make room", EDQUOT: "make room", EFBIG: "allow larger files", EIO: "see to the disk", EROFS: "see to the disk"}


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Yield a new file that takes the place of `path` when the block ends, so that a reader, or a kill at any instant, finds the old or the new.

    It is written beside it as `.<name>.<8 digits>.tmp`, flushed to the disk, renamed, and removed where the block fails.  Writers of one path have drafts of
    their own, of which the last to end stays; a draft is locked as long as it is written, and one whose writer was killed is removed by the next writer.
    Raises OSError, which names the path and the remedy, where the folder is missing, cannot be written or is full.
    """
    path = in_folder(path)
    _remove_dead(path)
    file, draft = _draft(path)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if os.name == "nt":                                         # Windows renames closed files only
                file.close()
            os.replace(draft, path)
    except BaseException as error:
        draft.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise told_with(path, error) from error
        raise
    try:
        _flush_folder(path.parent)
    except OSError as error:
        raise told_with(path, error) from error


def told_with(path: str | os.PathLike[str], error: OSError) -> OSError:
    """The error of a write with the path and the remedy, which the system leaves out where the file is open; any other error as it is."""
    if error.errno not in _NO_ROOM:
        return error
    return type(error)(error.errno, f"{error.strerror}; {_NO_ROOM[error.errno]} and run again, what was written before is whole", os.fspath(path))


def _draft(path: Path) -> tuple[BinaryIO, Path]:
    """A new file beside `path`, locked where locks are to be had, and its name."""
    while True:
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        file = open(draft, "x+b")                                        # noqa: SIM115 — closed by whoever asked for it
        if taken(file) is not False and draft.exists():                  # or another writer took it for dead, between these two lines
            return file, draft
        file.close()


def _remove_dead(path: Path) -> None:
    """Remove the drafts of `path` whose writers were killed, as their locks show; those of writers at work stay, and on Windows all, whose drafts are closed
    before they are renamed."""
    if os.name == "nt":
        return
    name = re.compile(rf"\.{re.escape(path.name)}(\.[0-9a-f]{{8}})?\.tmp")
    with os.scandir(path.parent) as entries:
        drafts = [entry.path for entry in entries if entry.name.startswith(f".{path.name}") and name.fullmatch(entry.name)]
    for draft in drafts:
        with suppress(OSError), open(draft, "r+b") as file:
            if taken(file):
                os.unlink(draft)


def in_folder(path: str | os.PathLike[str]) -> Path:
    """Return a path whose folder is there; FileNotFoundError that names it else."""
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path={path}: there is no folder {path.parent}; make it first, or mend the path")
    return path


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Put `data` at `path`, as `replacing` does."""
    with replacing(path) as file:
        file.write(data)


def _flush_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where the system lets a folder be opened."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
