"""The test files, those first that are most likely to notice a fault in a given file."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from math import log
from pathlib import Path

from .mutant import Mutant

__all__ = ["stages"]

_OURS = "tests/test_mutations.py"                        # that mutants still apply is no way of catching one
_STAGES = (1, 4, 14)                                     # test files in this and all runs of pytest before; the rest comes after
_FAR = 3                                                 # imports between the fault and what a test names
_BEST = {"diagonals": "test_monotone", "interpolation": "test_spline", "interpolation_in_space": "test_spline", "modified_equation": "test_weak_order",
         "expectation": "test_spline", "coefficients": "test_boundaries"}             # where names tell little


def _imports(path: Path, root: Path) -> set[Path]:
    """The files of the package that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = path.parents[node.level - 1] if node.level else root
            home = base.joinpath(*node.module.split(".")) if node.module else base
            found |= {home.with_suffix(".py"), *((home / alias.name).with_suffix(".py") for alias in node.names)}
    return {file for file in found if file.is_file()}


@cache
def _importers(root: Path) -> dict[Path, set[Path]]:
    """{file: files that import it}, but for the folders' own, which import everything."""
    files = [path for path in (root / "ocnet").rglob("*.py") if not path.name.startswith("__")]
    table: dict[Path, set[Path]] = {path: set() for path in files}
    for path in files:
        for file in _imports(path, root) & table.keys():
            table[file].add(path)
    return table


@cache
def _public(path: Path) -> frozenset[str]:
    """How tests may name a file: by its own name and its public ones."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return frozenset([path.stem, *ast.literal_eval(node.value)])
    return frozenset([path.stem])


@cache
def _tests(root: Path) -> dict[str, frozenset[str]]:
    """{test file: the words in it}."""
    files = [path for path in sorted((root / "tests").rglob("test_*.py")) if str(path.relative_to(root)) != _OURS]
    return {str(path.relative_to(root)): frozenset(re.findall(r"\w+", path.read_text())) for path in files}


def _rarity(root: Path, words: frozenset[str]) -> float:
    """How much words tell: each by how few test files have it; one that none has tells nothing."""
    return sum(_told(root).get(word, 0.0) for word in words)


@cache
def _told(root: Path) -> dict[str, float]:
    count = Counter(word for words in _tests(root).values() for word in words)
    return {word: log(len(_tests(root)) / files) for word, files in count.items()}


@cache
def _ordered(root: Path, file: str) -> list[str]:
    """All test files: one named like the file first, then those that name what it offers, then what is made of that, and so on."""
    path, words, seen = root / file, [], set()
    front = {path}
    for _ in range(_FAR + 1):
        words.append(frozenset().union(*[_public(each) for each in front]) if front else frozenset())
        seen |= front
        front = {above for each in front for above in _importers(root).get(each, ())} - seen

    def doubt(test):
        stem = Path(test).stem.removeprefix("test_")
        named = 4.0 if stem.rstrip("s") == path.stem.rstrip("s") or Path(test).stem == _BEST.get(path.stem) else 2.0 if stem == path.parent.name else 0.0
        told = sum(4.0**-far * (_rarity(root, names & _tests(root)[test]) / _rarity(root, names)) ** 0.5
                   for far, names in enumerate(words) if _rarity(root, names))
        return -named - told, "experiments" in test or "plotting" in test, test

    return sorted(_tests(root), key=doubt)


def stages(root: Path, mutant: Mutant) -> Iterator[list[str]]:
    """What to give pytest, one run after the other, until one fails: every test file is in one of them."""
    tests = _ordered(root, mutant.file)
    for begin, end in zip((0, *_STAGES), (*_STAGES, len(tests)), strict=True):
        yield tests[begin:end]
