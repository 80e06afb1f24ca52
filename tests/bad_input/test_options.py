"""Options of every experiment: what no run can take is refused by the parser, in one line with the option's name, and status 2."""

import importlib
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "experiments"
sys.path.insert(0, str(ROOT))
command_line = importlib.import_module("command_line")
WITH_OPTIONS = sorted(path.stem for path in ROOT.glob("*.py") if "\ndef parser(" in path.read_text(encoding="utf-8"))

NEVER = ["", " ", "word", "nan", "inf", "-inf", "1e999", "1j", "0x10", "None", "1,0", "½", "9" * 5000]        # no number of any kind, or none that is finite
BAD = {"whole": ["0", "-1", "1.5", "1e3"], "natural": ["-1", "0.5", "4294967296"], "fraction": ["-1", "-1e-300"],
       "positive": ["0", "-0.0", "-1"], "share": ["-0.1", "1.1"], "number": []}
GOOD = {"whole": ["1", "1000000"], "natural": ["0", "4294967295"], "fraction": ["0", "2.5"], "positive": ["1e-300", "2"],
        "share": ["0", "1"], "number": ["-1.5", "0"]}


def typed(name):
    """[(flag, name of the type), …] of the options of an experiment that take numbers."""
    actions = importlib.import_module(name).parser()._actions
    return [(action.option_strings[0], action.type.__name__) for action in actions if action.option_strings and action.type and action.choices is None]


@pytest.mark.parametrize("name", WITH_OPTIONS)
def test_every_number_of_an_experiment_is_of_a_type_that_says_what_it_takes(name):
    for flag, kind in typed(name):
        assert kind in BAD, f"{name} {flag} is read by {kind}, which takes what no run can: use one of command_line"


@pytest.mark.parametrize("name", WITH_OPTIONS)
def test_numbers_without_meaning_are_one_line_that_names_the_option_and_status_2(name, capsys):
    parser = importlib.import_module(name).parser()
    for flag, kind in typed(name):
        for text in [*NEVER, *BAD[kind]]:
            with pytest.raises(SystemExit) as end:
                parser.parse_args([f"{flag}={text}"])
            said = capsys.readouterr().err
            assert end.value.code == 2 and said.count("\n") == 1 and re.search(rf"{flag}\b", said), (flag, text, said)


@pytest.mark.parametrize("kind", GOOD)
def test_numbers_with_a_meaning_are_taken(kind):
    assert [getattr(command_line, kind)(text) for text in GOOD[kind]] == [float(text) for text in GOOD[kind]]


@pytest.mark.parametrize("error, said", [(ValueError("a\nb"), "a b"), (MemoryError(), "not enough memory"), (FloatingPointError("theta: J"), "theta: J"),
                                         (ZeroDivisionError(), "ZeroDivisionError"), (OSError(28, "No space left on device"), "No space left")])
def test_what_ends_a_run_is_one_line_and_status_2(error, said, capsys):
    def command():
        raise error
    assert command_line.report_errors(command) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and said in told


def test_a_fault_of_the_program_is_not_hidden_as_wrong_input():
    def command():
        raise AttributeError("a fault of ours")
    with pytest.raises(AttributeError):
        command_line.report_errors(command)
