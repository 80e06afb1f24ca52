"""Files that are whole or absent."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["in_folder", "replacing", "write_bytes"]


@contextmanager
def replacing(path: str | os.PathLike[str], mark: str = "") -> Iterator[BinaryIO]:
    """Yield a new file that takes the place of `path` when the block ends, so that a reader, or a kill at any instant, finds the old or the new.

    It is written beside it as `.<name><mark>.tmp`, flushed to the disk, renamed, and removed where the block fails.
    mark : tells the drafts of several writers of one path apart; without one a leftover of a killed writer is overwritten
    Raises OSError where the folder is missing or cannot be written.
    """
    path = in_folder(path)
    draft = path.with_name(f".{path.name}{mark}.tmp")
    try:
        with open(draft, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


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
