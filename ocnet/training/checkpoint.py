"""Files that are whole or absent: atomic writes, and arrays under a seal.

A checkpoint is an .npz archive (no pickle; `numpy.load` reads it) followed by a seal: 16 bytes of name and the SHA-256 of
all before.  The seal is checked before anything is parsed, so a truncated or altered file is refused as such.  It is no signature: what a file
claims of itself is held against its bytes before memory is taken, as `ocnet.archive` does.
"""

import hashlib
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np

from ocnet.archive import ArchiveError, write_bytes
from ocnet.archive.container import opened, stored
from ocnet.typing import FilePath

__all__ = ["CheckpointError", "load", "save", "write_bytes", "write_text"]

VERSION = 1
_SEAL = b"ocnet-checkpoint"
_SEAL_BYTES = len(_SEAL) + hashlib.sha256().digest_size
_PIECE = 1 << 20


class CheckpointError(ValueError):
    """A checkpoint or journal that cannot be continued: damaged, of another version, or of another run."""


def write_text(path: FilePath, text: str) -> None:
    """Put `text` at `path` in UTF-8, as `write_bytes` does."""
    write_bytes(path, text.encode("utf-8"))


@contextmanager
def reading(path: FilePath, what: str) -> Iterator[BinaryIO]:
    """Yield the file at `path`, or raise CheckpointError; `what` names the kind of file."""
    try:
        with opened(path) as file:
            yield file
    except OSError as error:
        raise CheckpointError(f"{path}: this {what} cannot be read ({error.strerror}); "
                              "check the path and its permissions") from None
    except ArchiveError as reason:
        raise CheckpointError(f"{path}: this {what} cannot be read: {reason}, or delete it to start anew") from None


def save(path: FilePath, arrays: dict[str, Any], header: dict[str, Any]) -> None:
    """Store arrays and a JSON header at `path`, atomically.

    arrays : {name: array}, no object dtype, no name "header"
    header : {key: plain value}; "version" is added, "fingerprint" is what `load` compares
    """
    columns = {name: np.asarray(value) for name, value in arrays.items()}
    for name, value in columns.items():
        if value.dtype.hasobject or name == "header":
            raise ValueError(f"arrays[{name!r}] of dtype {value.dtype} cannot be stored; use numbers, and not the name 'header'")
    text = json.dumps({**header, "version": VERSION}, sort_keys=True).encode("utf-8")
    buffer = io.BytesIO()
    np.savez(buffer, header=np.frombuffer(text, dtype=np.uint8), **columns)  # type: ignore[arg-type]  # not to its `allow_pickle`
    body = buffer.getvalue()
    write_bytes(path, body + _SEAL + hashlib.sha256(body).digest())


def load(path: FilePath, fingerprint: str | None = None) -> Any:
    """Return (arrays, header) as stored by `save`.

    Raises CheckpointError if the file is missing, truncated, altered, of another version, or carries another
    fingerprint than the one given.
    """
    with reading(path, "checkpoint") as file:
        _check_seal(path, file)
        header, arrays = stored(file, file.seek(0, os.SEEK_END), "header")
    if type(header) is not dict:
        raise CheckpointError(f"{path}: its header is no JSON object, so ocnet did not write it; delete it to start anew")
    require_same(path, "version", header.get("version"), VERSION)
    if fingerprint is not None:
        require_same(path, "fingerprint", header.get("fingerprint"), fingerprint)
    return arrays, header


def _check_seal(path: FilePath, file: BinaryIO) -> None:
    """Raise CheckpointError unless the last bytes of a file are the seal of those before; memory is that of a piece."""
    left = file.seek(0, os.SEEK_END) - _SEAL_BYTES
    file.seek(max(left, 0))
    seal = file.read(_SEAL_BYTES)
    if left < 0 or seal[:len(_SEAL)] != _SEAL:
        raise CheckpointError(f"{path}: truncated, or not an ocnet checkpoint; delete it to start anew")
    digest = hashlib.sha256()
    file.seek(0)
    while left > 0 and (piece := file.read(min(_PIECE, left))):
        digest.update(piece)
        left -= len(piece)
    if seal[len(_SEAL):] != digest.digest():
        raise CheckpointError(f"{path}: damaged (its checksum does not match); delete it to start anew")


def require_same(path: FilePath, key: str, stored: object, expected: object) -> None:
    """Raise CheckpointError unless the header's `key` is the expected one."""
    if stored != expected:
        cause = "written by another version of ocnet" if key == "version" else "of another network, data or settings"
        raise CheckpointError(f"{path}: {cause} ({key} {str(stored)[:12]}, expected {str(expected)[:12]}); "
                              "repeat the options of that run, or choose another place")
