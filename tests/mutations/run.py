"""Mutants tried one after the other, on as many copies of the repository as there are workers."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter
from typing import Any

from .mutant import Mutant
from .suite import stages
from .workshop import Workshop, environment

__all__ = ["Verdict", "failures", "first_failure", "try_all"]

_FAILED = re.compile(r"^(?:FAILED|ERROR) (tests/\S+?\.py(?:::.*?)?)(?: - |$)", re.MULTILINE)
_PYTEST = ("-m", "pytest", "-p", "no:xdist", "-p", "no:cacheprovider", "-o", "addopts=", "-q", "-x", "--tb=no", "-rfE", "--no-header")

_MISUSED, _NONE_FOUND = 4, 5             # what pytest returns where there is no such test


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant.

    outcome : "caught" by a test that failed, "hung" where tests ran into the limit, "not caught" by the tests that were run, all of them if `whole`,
              "open" where the test that failed fails without the mutant too
    by      : the test that failed first, or how the process ended where it ended otherwise
    """

    name: str
    file: str
    kind: str
    outcome: str
    by: str | None
    seconds: float
    whole: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values, by name."""
        return asdict(self)

    def __repr__(self) -> str:
        told = f"{self.outcome}{' by ' + self.by if self.by else ''}{'' if self.by or self.whole else ', by the tests most likely to'}"
        return f"{self.name}: {told} ({self.seconds:.0f} s)"


def failures(tree: Path, tests: Iterable[str]) -> set[str]:
    """Those of the tests that fail in a tree."""
    tests = list(tests)
    if not tests:
        return set()
    command = [sys.executable, *(word for word in _PYTEST if word != "-x"), *tests]
    told = subprocess.run(command, cwd=tree, env=environment(tree), capture_output=True, text=True, errors="replace", check=False)
    if told.returncode in (_MISUSED, _NONE_FOUND):
        raise LookupError(told.stdout.strip()[-300:])
    found = set(_FAILED.findall(told.stdout))
    return {test for test in tests if any(test == name or name.startswith(test + "::") or test.startswith(name + "::") for name in found)}


def first_failure(tree: Path, tests: Iterable[str], limit: float) -> str | None:
    """The first test that fails in a tree, "" where they take longer than `limit` seconds, None where all pass.

    Raises LookupError where one of the tests does not exist: that is no failure of a test.
    """
    process = subprocess.Popen([sys.executable, *_PYTEST, *tests], cwd=tree, env=environment(tree), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace", start_new_session=True)
    try:
        told, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return ""
    if process.returncode == 0:
        return None
    if process.returncode in (_MISUSED, _NONE_FOUND):
        raise LookupError(told.strip()[-300:])
    found = _FAILED.search(told)
    return found.group(1) if found else f"the run itself: status {process.returncode}, {told.strip().splitlines()[-1:]}"


def _tried(workshop, mutant, first, whole, limit):
    """The Verdict on one mutant."""
    begun, by = perf_counter(), None
    *likely, rest = stages(workshop.tree, mutant)
    parts = [*([[first]] if first else []), *likely, *([rest] if whole else [])]
    workshop.put(mutant)
    try:
        for part in parts:
            try:
                by = first_failure(workshop.tree, part, limit)
            except LookupError:                            # the test that caught it before is gone
                continue
            if by is not None:
                break
    finally:
        workshop.restore()
    outcome = "not caught" if by is None else "caught" if by else "hung"
    return Verdict(mutant.name, mutant.file, mutant.kind, outcome, by or None, perf_counter() - begun, whole)


def try_all(mutants: Iterable[Mutant], workshops: list[Workshop], known: dict[str, str], whole: bool, limit: float,
            tell: Callable[[Verdict], None]) -> list[Verdict]:
    """Try every mutant on whichever copy is free; the verdicts in the mutants' order.

    known : the test that caught a mutant before, by the mutant's name: it is run first
    whole : whether a mutant that the likely tests do not catch is tried by all others too
    limit : seconds for one run of pytest, beyond which it counts as hung
    """
    free: SimpleQueue = SimpleQueue()
    for workshop in workshops:
        free.put(workshop)

    def one(mutant):
        workshop = free.get()
        try:
            verdict = _tried(workshop, mutant, known.get(mutant.name), whole, limit)
        finally:
            free.put(workshop)
        tell(verdict)
        return verdict

    with ThreadPoolExecutor(len(workshops)) as pool:
        return list(pool.map(one, mutants))
