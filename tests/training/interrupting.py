"""Ctrl-C at a chosen line: KeyboardInterrupt raised from a trace function, as the interpreter raises it between two instructions."""

import sys
from pathlib import Path

import scipy.optimize

import ocnet.training
from tests.training import problems

_FOLDERS = (str(Path(ocnet.training.__file__).parent), str(Path(scipy.optimize.__file__).parent), problems.__file__)


def _traced(call, at):
    """Call, counting the lines executed in training, its optimisers and its objective; KeyboardInterrupt before line number `at`."""
    count = 0

    def line(frame, event, argument):
        nonlocal count
        if event == "line":
            count += 1
            if count == at:
                raise KeyboardInterrupt
        return line

    def entered(frame, event, argument):
        return line if frame.f_code.co_filename.startswith(_FOLDERS) else None

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        return call(), count
    finally:
        sys.settrace(before)


def lines_of(call):
    """How many lines a call executes there."""
    return _traced(call, 0)[1]


def interrupted_at(at, call):
    """Return (its result, None), or (None, how often J has been judged or evaluated) where KeyboardInterrupt comes through."""
    problems.Valley.values = 0
    try:
        return _traced(call, at)[0], None
    except KeyboardInterrupt:
        return None, problems.Valley.values
