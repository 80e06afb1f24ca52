"""Cases drawn for every public function; `python -m tests.bad_input 100000` is the long run."""

import importlib
import pkgutil

import pytest

import tests.bad_input

from .cases import fault_of, run

CASES = 20                           # of every subject: more than 5000 in all


def subjects():
    """All subjects of the package's modules `subjects_*`."""
    names = sorted(module.name for module in pkgutil.iter_modules(tests.bad_input.__path__) if module.name.startswith("subjects_"))
    return [subject for name in names for subject in importlib.import_module(f"tests.bad_input.{name}").SUBJECTS]


ALL = subjects()


def fault_at(place, cases, start):
    """`fault_of` the subject at a place of ALL."""
    return fault_of(ALL[place], cases, start)


@pytest.mark.parametrize("subject", ALL, ids=repr)
def test_bad_input_is_refused_by_name_or_answered_rightly(subject):
    counts = run(subject, CASES)
    assert sum(counts.values()) > 0
