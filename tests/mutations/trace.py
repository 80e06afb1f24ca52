"""Which test files run which functions, and for how long: a pytest plugin, and the table made of what it saw.

    python -m tests.mutations.trace        runs the suite (twice as long as usual) and writes table.json

Only the order in which tests are tried depends on the table (`suite`), so that an old one costs time and no more.  What a compiled kernel calls is not
seen; a kernel counts as run where a function that names it is.
"""

import ast
import gzip
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from pathlib import Path
from time import perf_counter
from types import CodeType

import pytest

__all__ = ["TABLE"]

TABLE = Path(__file__).parent / "table.json.gz"
_VARIABLE = "OCNET_TRACE_FOLDER"
_MOST = 16                           # test files kept of a function: the quickest

_codes: dict[int, CodeType] = {}     # kept, so that their ids stay theirs
_seen: dict[str, set[int]] = defaultdict(set)
_seconds: dict[str, float] = defaultdict(float)
_now: set[int] = set()


def _called(frame, event, argument):
    if event == "call":
        code = frame.f_code
        if id(code) not in _now:
            _now.add(id(code))
            _codes[id(code)] = code


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    global _now
    file, begun = item.location[0], perf_counter()
    if file not in _seen:
        pytest_sessionfinish(item.session)                 # file by file, so that a run that is cut short tells what it saw
    _now = _seen[file]
    threading.setprofile(_called)
    sys.setprofile(_called)
    try:
        return (yield)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        _seconds[file] += perf_counter() - begun


def pytest_sessionfinish(session):
    """What this worker saw: seconds, and the functions of the package with the names in them."""
    if _seen and _VARIABLE in os.environ:
        root = str(session.config.rootpath / "ocnet")
        seen = {file: sorted({(os.path.relpath(code.co_filename, session.config.rootpath), code.co_name, " ".join(code.co_names))
                              for code in map(_codes.get, ids) if code.co_filename.startswith(root)}) for file, ids in _seen.items()}
        (Path(os.environ[_VARIABLE]) / f"{os.getpid()}.json").write_text(json.dumps({"seconds": _seconds, "seen": seen}))


def table(root: Path, folder: Path) -> dict:
    """{"seconds": {test file: seconds}, "run": {"file::function": [numbers of test files, the quickest first]}} of what the workers wrote."""
    seconds, run = defaultdict(float), defaultdict(set)
    sources = sorted((root / "ocnet" / "kernels").glob("*.py"))
    modules = {path.stem for path in sources}
    kernels = {node.name for path in sources for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
    for part in map(json.loads, (path.read_text() for path in folder.glob("*.json"))):
        for file, spent in part["seconds"].items():
            seconds[file] += spent
        for file, seen in part["seen"].items():
            for source, function, names in seen:
                run[f"{source}::{function}"].add(file)
                for module in modules & set(names.split()):
                    run[f"ocnet/kernels/{module}.py"].add(file)
                for name in kernels & set(names.split()):
                    run[f"kernel {name}"].add(file)
    files = sorted(seconds, key=lambda file: seconds[file])
    number = {file: k for k, file in enumerate(files)}
    return {"seconds": {file: round(seconds[file], 2) for file in files},
            "run": {name: sorted(number[file] for file in of)[:_MOST] for name, of in sorted(run.items())}}


def _main() -> None:
    root = Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pytest", "-p", "tests.mutations.trace"], cwd=root, env={**os.environ, _VARIABLE: folder}, check=False)
        TABLE.write_bytes(gzip.compress(json.dumps(table(root, Path(folder))).encode(), mtime=0))


if __name__ == "__main__":
    _main()
