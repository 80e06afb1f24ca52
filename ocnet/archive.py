"""Results on disk: arrays and a JSON header in one .npz file without pickle, whole or absent, back to the last bit."""

import io
import json
import os
import zipfile
import zlib
from dataclasses import asdict, is_dataclass
from pathlib import Path

import numpy as np

from ocnet.grid import Grid
from ocnet.report import ErrorBar, SolveReport

__all__ = ["plain", "read_archive", "read_result", "write_archive", "write_result"]

_HEADER = "ocnet"                       # name of the JSON text among the arrays of a file
_UNREADABLE = (OSError, EOFError, ValueError, TypeError, AttributeError, NotImplementedError, zipfile.BadZipFile, zlib.error)
_REPORTS = {each.__name__: each for each in (SolveReport, ErrorBar)}


def write_archive(path, kind, header, arrays):
    """Put arrays and a JSON header at `path`, an .npz file without pickle; a kill leaves the old file or the new one, whole.

    kind : name of the saved type, which `read_archive` asks for;  header : plain values;  arrays : {name: array of numbers}
    Raises TypeError for a header that JSON cannot hold, OSError where the folder is missing or cannot be written.
    """
    text = json.dumps({"kind": kind, **header}, default=_listed).encode("utf-8")
    buffer = io.BytesIO()
    np.savez(buffer, **{_HEADER: np.frombuffer(text, dtype=np.uint8)}, **arrays)
    draft = Path(path).with_name(f".{Path(path).name}.{os.getpid()}.tmp")
    try:
        with open(draft, "wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def read_archive(path, kind):
    """Return (header, {name: array}) as written; ValueError "path=… is not a saved <kind>: …" for any other or damaged file."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        header = json.loads(arrays.pop(_HEADER).tobytes())
    except FileNotFoundError:
        raise
    except KeyError:
        raise ValueError(f"path={path} is not a saved {kind}: it is an .npz file that ocnet did not write") from None
    except _UNREADABLE as error:
        raise ValueError(f"path={path} is not a saved {kind}: it is no whole .npz file ({error})") from None
    if header.get("kind") != kind:
        raise ValueError(f"path={path} is not a saved {kind}: it holds a {header.get('kind')}; load it by that type")
    return header, arrays


def write_result(path, kind, grid, reports, header, arrays):
    """Put a result on a grid at `path`: its axes, `arrays`, plain values and `reports`, {name: dataclass, dictionary or None}."""
    named = {name: {"type": type(report).__name__, "content": plain(report)} for name, report in reports.items()}
    axes = {f"axis{i}": axis for i, axis in enumerate(grid.axes)}
    write_archive(path, kind, {"reports": named, **header}, {**arrays, **axes})


def read_result(path, kind, build):
    """Return build(grid, arrays, header, reports) of a result saved by `write_result`; a foreign report is its dictionary.

    Raises ValueError "path=… is not a saved <kind>: …" for a foreign or truncated file, or parts that do not fit.
    """
    header, arrays = read_archive(path, kind)
    try:
        grid = Grid([arrays.pop(f"axis{i}") for i in range(sum(name.startswith("axis") for name in arrays))])
        return build(grid, arrays, header, {name: _restored(saved) for name, saved in header["reports"].items()})
    except (KeyError, TypeError, ValueError) as reason:
        raise ValueError(f"path={path} is not a saved {kind}: its parts do not fit ({reason})") from None


def _listed(value):
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} cannot be saved; keep numbers, strings, lists and dictionaries in the report")


def plain(report):
    """A dataclass as its dictionary; anything else as it is."""
    return asdict(report) if is_dataclass(report) else report


def _restored(saved):
    content, kind = saved["content"], _REPORTS.get(saved["type"])
    if kind is None:
        return content
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in content.items()})
