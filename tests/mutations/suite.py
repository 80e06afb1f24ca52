"""The test files, those first that are most likely to notice a fault in a given place."""

import ast
import gzip
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from .mutant import Mutant
from .trace import TABLE
from .workshop import reached

__all__ = ["stages"]

_OURS = "tests/test_mutations.py"                        # that mutants still apply is no way of catching one
_UNKNOWN = 5.0                                           # seconds of a test file that the table does not know
_STAGES = (20.0, 80.0)                                   # seconds of tests in the first runs of pytest; then the rest


@cache
def _table():
    return json.loads(gzip.decompress(TABLE.read_bytes())) if TABLE.exists() else {"seconds": {}, "run": {}}


def _functions(root: Path, mutant: Mutant) -> set[str]:
    """The names of the functions whose text the mutant changes; none where it changes what stands outside of them."""
    before = (root / mutant.file).read_text()
    start = before.index(mutant.old)
    shared = next((k for k, (a, b) in enumerate(zip(mutant.old, mutant.new)) if a != b), min(len(mutant.old), len(mutant.new)))
    line = before.count("\n", 0, start + shared) + 1
    holding = [node for node in ast.walk(ast.parse(before)) if isinstance(node, ast.FunctionDef) and node.lineno <= line <= node.end_lineno]
    return {max(holding, key=lambda node: node.lineno).name} if holding else set()


def _running(root: Path, mutant: Mutant) -> list[str]:
    """The test files known to run what is changed, the quickest first."""
    run, files, path = _table()["run"], list(_table()["seconds"]), Path(mutant.file)
    names = [f"{mutant.file}::{name}" for name in _functions(root, mutant)]
    if path.parent.name == "kernels":
        names = [f"kernel {name}" for name in _functions(root, mutant)]
        if not any(name in run for name in names):
            names = [mutant.file]
        if not any(name in run for name in names):                     # what other kernels call only
            names = [f"ocnet/kernels/{stem}.py" for stem in sorted(reached(root / path.parent, path.stem) - {path.stem})]
    if not any(name in run for name in names):
        names = [name for name in run if name.startswith(f"{mutant.file}::")]
    return [files[k] for k in sorted({k for name in names for k in run.get(name, ())})]


def _ordered(root: Path, mutant: Mutant) -> list[tuple[float, str]]:
    """(seconds, test file): those named like the changed file, then those that run what is changed, the quickest first, then all others."""
    seconds, running, path = _table()["seconds"], _running(root, mutant), Path(mutant.file)
    tests = [str(test.relative_to(root)) for test in sorted((root / "tests").rglob("test_*.py"))]

    def place(test):
        of = Path(test)
        stem = of.stem.removeprefix("test_")
        near = stem == path.stem or (stem == path.parent.name and of.parent.name == "contracts") or stem.rstrip("s") == path.stem.rstrip("s")
        known = running.index(test) if test in running else None
        return (0 if near and (known is not None or path.parent.name == "kernels") else 1 if known is not None else 2 if near else 3,
                known or 0, seconds.get(test, _UNKNOWN))

    return [(seconds.get(test, _UNKNOWN), test) for test in sorted(tests, key=place) if test != _OURS]


def stages(root: Path, mutant: Mutant, first: str | None = None) -> Iterator[list[str]]:
    """What to give pytest, one run after the other, until one fails: every test file is in one of them.

    first : the test that caught this fault before, if any, by itself in the first run
    """
    if first is not None:
        yield [first]
    tests = iter(_ordered(root, mutant))
    for most in _STAGES:
        part, spent = [], 0.0
        while spent < most:
            seconds, test = next(tests, (most, ""))
            part += [test] if test else []
            spent += seconds
        yield part
    yield [test for _, test in tests]
