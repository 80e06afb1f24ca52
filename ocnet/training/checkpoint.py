"""Files that are whole or absent: atomic writes, and arrays under a seal.

A checkpoint is an .npz archive (no pickle; `numpy.load` reads it) followed by a seal: 16 bytes of name and the SHA-256 of
all before.  The seal is checked before anything is parsed, so a truncated or altered file is refused as such.
"""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from ocnet.archive import write_bytes
from ocnet.typing import FilePath

__all__ = ["CheckpointError", "load", "save", "write_bytes", "write_text"]

VERSION = 1
_SEAL = b"ocnet-checkpoint"
_SEAL_BYTES = len(_SEAL) + hashlib.sha256().digest_size


class CheckpointError(ValueError):
    """A checkpoint or journal that cannot be continued: damaged, of another version, or of another run."""


def write_text(path: FilePath, text: str) -> None:
    """Put `text` at `path` in UTF-8, as `write_bytes` does."""
    write_bytes(path, text.encode("utf-8"))


def read_bytes(path: FilePath, what: str) -> bytes:
    """Return the bytes at `path`, or raise CheckpointError; `what` names the kind of file."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: this {what} cannot be read ({error.strerror}); "
                              "check the path and its permissions") from None


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
    data = read_bytes(path, "checkpoint")
    body, seal = data[:-_SEAL_BYTES], data[-_SEAL_BYTES:]
    if len(seal) < _SEAL_BYTES or seal[:len(_SEAL)] != _SEAL:
        raise CheckpointError(f"{path}: truncated, or not an ocnet checkpoint; delete it to start anew")
    if seal[len(_SEAL):] != hashlib.sha256(body).digest():
        raise CheckpointError(f"{path}: damaged (its checksum does not match); delete it to start anew")
    with np.load(io.BytesIO(body), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    header = json.loads(arrays.pop("header").tobytes())
    require_same(path, "version", header.get("version"), VERSION)
    if fingerprint is not None:
        require_same(path, "fingerprint", header.get("fingerprint"), fingerprint)
    return arrays, header


def require_same(path: FilePath, key: str, stored: object, expected: object) -> None:
    """Raise CheckpointError unless the header's `key` is the expected one."""
    if stored != expected:
        cause = "written by another version of ocnet" if key == "version" else "of another network, data or settings"
        raise CheckpointError(f"{path}: {cause} ({key} {str(stored)[:12]}, expected {str(expected)[:12]}); "
                              "repeat the options of that run, or choose another place")
