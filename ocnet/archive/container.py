"""The container: a JSON header and arrays in a sealed zip archive of .npy members (format 1 of the package's primer)."""

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from .atomic import in_folder, replacing

__all__ = ["FORMAT", "MOST_BYTES", "ArchiveError", "opened", "read", "stored", "write"]

FORMAT = 1
MOST_BYTES = 1 << 33                    # of a file that is loaded unless more is allowed: 8 GiB
_MOST_HEADER = 1 << 24                  # bytes of JSON, which Python blows up some 20 times: long lists belong into arrays
_HEADER = "ocnet"                       # name of the JSON text among the members
_SEAL, _DIGITS = b"ocnet sha256 ", 64
_KINDS = "biufcUS"                      # of array elements: numbers and texts
_CHUNK = 1 << 20


class ArchiveError(ValueError):
    """A file that cannot be loaded: damaged, foreign, of another version or kind, or larger than allowed."""


def write(path: str | os.PathLike[str], content: Any, arrays: dict[str, np.ndarray]) -> None:
    """Put a JSON value and arrays of numbers or texts at `path`, whole or not at all.

    Raises TypeError for a header above 16 MiB, OSError where the folder is missing, cannot be written or is full.
    """
    text = json.dumps({"format": FORMAT, "content": content}, allow_nan=False, separators=(",", ":")).encode("utf-8")
    if len(text) > _MOST_HEADER:
        raise TypeError(f"what is to be saved has {len(text)} bytes outside arrays, and a header holds {_MOST_HEADER}; make its long lists arrays")
    with replacing(path) as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.comment = _SEAL + b"0" * _DIGITS
            for name, array in {_HEADER: np.frombuffer(text, dtype=np.uint8), **arrays}.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    npy.write_array(member, array, allow_pickle=False)
        end = file.seek(0, os.SEEK_END) - _DIGITS
        digest = _digest(file, end)
        file.seek(end)
        file.write(digest)


def read(path: str | os.PathLike[str], most_bytes: int) -> tuple[Any, dict[str, np.ndarray]]:
    """Return (JSON value, {name: array}) as written; ArchiveError with a reason (that does not name the path) for any other file."""
    with opened(in_folder(path)) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most_bytes:
            raise ArchiveError(f"it has {size} bytes, more than most_bytes={most_bytes}; if you trust it, use load(path, most_bytes={size})")
        _check_seal(file, size)
        told, arrays = stored(file, size, _HEADER)
    if type(told) is not dict or type(told.get("format")) is not int or "content" not in told:
        raise ArchiveError("its header names no format; ocnet did not write it")
    if told["format"] != FORMAT:
        age = "newer" if told["format"] > FORMAT else "older"
        raise ArchiveError(f"it is of format {told['format']}, written by a {age} ocnet; this one reads format {FORMAT}: use that version")
    return told["content"], arrays


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Yield a plain file, open to read; ArchiveError for a folder, a pipe, which would be waited for, or a device, which may never end."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise ArchiveError("it is a folder or a device; give the path of a file")
    with open(path, "rb") as file:
        yield file


def stored(file: BinaryIO, size: int, header: str) -> tuple[Any, dict[str, np.ndarray]]:
    """Return (JSON value of the member `header`, {name: array} of all others) of a zip archive of .npy members in a file of `size` bytes.

    Nothing is unpacked or unpickled, and memory is taken for what is there, not for what is claimed.  Raises ArchiveError for anything else.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _check_members(archive.infolist(), size, header)
            return _contents(archive, header)
    except ArchiveError:
        raise
    except Exception as reason:                          # noqa: BLE001 — whatever parsers run into in a file that is sealed and yet not ocnet's
        raise ArchiveError(f"it is sealed, but its parts are not what ocnet writes ({reason}); save it anew") from None


def _digest(file: BinaryIO, end: int) -> bytes:
    """SHA-256, in 64 hexadecimal digits, of the bytes before `end`."""
    digest = hashlib.sha256()
    file.seek(0)
    while end > 0 and (block := file.read(min(_CHUNK, end))):
        digest.update(block)
        end -= len(block)
    return digest.hexdigest().encode("ascii")


def _check_seal(file: BinaryIO, size: int) -> None:
    start, end = file.read(40), max(size - _DIGITS, 0)
    file.seek(max(end - len(_SEAL), 0))
    seal = file.read()
    if not (seal.startswith(_SEAL) and len(seal) == len(_SEAL) + _DIGITS):
        raise ArchiveError(_what_else(file, start))
    if seal[len(_SEAL):] != _digest(file, end):
        raise ArchiveError("it is damaged: its checksum does not match; copy it anew from where it is whole, or save it anew")


def _what_else(file: BinaryIO, start: bytes) -> str:
    """What a file without a seal is."""
    if start[:1] == b"\x80":
        return "it looks like a pickle, which could execute anything and is never opened; use ocnet.save to write files"
    file.seek(0)
    ours = start[:2] == b"PK" and start[30:].startswith(f"{_HEADER}.npy".encode())
    if not zipfile.is_zipfile(file):
        return "it is truncated; copy it anew or save it anew" if ours else "ocnet did not write it; use ocnet.save to write files"
    if ours:
        return "it carries no checksum: its end was changed, or it is of format 0, from before version 0.1.0; save it anew"
    return "it is an .npz or zip file that ocnet did not write; read it with numpy.load"


def _check_members(members: list[zipfile.ZipInfo], size: int, header: str) -> None:
    """Raise ArchiveError unless members are stored, under names of their own, within the file."""
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise ArchiveError("two of its members have one name; save it anew")
    if f"{header}.npy" not in names:
        raise ArchiveError(f"it has no member {header}.npy; ocnet did not write it")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size or member.flag_bits & 1:
            raise ArchiveError(f"its member {member.filename!r} is compressed or encrypted, which ocnet never writes and which may unpack without end; "
                               "it is no file to trust")
        if not member.filename.endswith(".npy"):
            raise ArchiveError(f"its member {member.filename!r} is no array; ocnet did not write it")
    if sum(member.file_size for member in members) > size:
        raise ArchiveError("its members claim more bytes than it has; save it anew")


def _contents(archive: zipfile.ZipFile, name: str) -> tuple[Any, dict[str, np.ndarray]]:
    header = archive.getinfo(f"{name}.npy")
    if header.file_size > _MOST_HEADER + _CHUNK:
        raise ArchiveError(f"its header has {header.file_size} bytes, of which {_MOST_HEADER} at most are read; it is no file to trust")
    told = json.loads(_array(archive, header).tobytes())
    return told, {member.filename[:-4]: _array(archive, member) for member in archive.infolist() if member is not header}


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    """The array of one member, whose claims are held against its bytes before memory is taken."""
    with archive.open(entry) as member:
        version = npy.read_magic(member)
        shape, fortran, dtype = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version](member)
        if dtype.hasobject:
            raise ArchiveError(f"its array {entry.filename!r} holds pickled objects, which could execute anything and are never opened; it is no file "
                               "to trust")
        there = entry.file_size - member.tell()
        if dtype.kind not in _KINDS or not dtype.itemsize or prod(shape) * dtype.itemsize != there:
            raise ArchiveError(f"its array {entry.filename!r} claims shape {shape} of {dtype}, but has {there} bytes; save it anew")
        array = np.empty(shape, dtype, order="F" if fortran else "C")
        room, at = (array.T if fortran else array).reshape(-1).view(np.uint8), 0
        while at < there:
            block = member.read(_CHUNK)
            if not block:
                raise EOFError(f"{entry.filename} ends early")
            room[at:at + len(block)] = np.frombuffer(block, dtype=np.uint8)
            at += len(block)
        return array
