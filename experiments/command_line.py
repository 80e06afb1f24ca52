"""What the command lines of the experiments share: one-line errors with status 2, and types that explain themselves."""

import argparse
import os
import signal
import sys
import threading
from contextlib import contextmanager

__all__ = ["OneLineParser", "Stopped", "explicit", "fraction", "natural", "number", "positive", "report_errors", "share", "stage", "stoppable", "whole"]

_MOMENT = 0.05                       # seconds


class _Defaults(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the default of every option that has one."""

    def _get_help_string(self, action):
        return action.help if action.default in (None, False) else super()._get_help_string(action)


class OneLineParser(argparse.ArgumentParser):
    """An ArgumentParser whose help shows defaults, whose errors are one line, and status 2."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, allow_abbrev=False, formatter_class=_Defaults, **kwargs)

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message} (see --help)\n")


def whole(text):
    """A whole number ≥ 1."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number ≥ 1")
    return value


def natural(text):
    """A whole number from 0 to 2³² − 1: a seed."""
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 2³² − 1")
    return value


def _number(text, good, kind):
    """A finite float for which `good` holds."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not (abs(value) < float("inf") and good(value)):
        raise argparse.ArgumentTypeError(f"{text!r} is not {kind}")
    return value


def number(text):
    """A finite number."""
    return _number(text, lambda value: True, "a finite number")


def fraction(text):
    """A finite number ≥ 0."""
    return _number(text, lambda value: value >= 0, "a finite number ≥ 0")


def positive(text):
    """A finite number > 0."""
    return _number(text, lambda value: value > 0, "a finite number > 0")


def share(text):
    """A number from 0 to 1."""
    return _number(text, lambda value: 0 <= value <= 1, "a number from 0 to 1")


def explicit(parser, arguments):
    """Return the names of the options that the command line gives itself."""
    silent = {action.dest: action.default for action in parser._actions}
    for action in parser._actions:
        action.default = argparse.SUPPRESS
    named = set(vars(parser.parse_args(arguments)))
    for action in parser._actions:
        action.default = silent[action.dest]
    return named


def stage(text):
    """Say on stderr what comes next, where that is a terminal."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


class Stopped(BaseException):
    """Ctrl-C or SIGTERM.  Not a KeyboardInterrupt, at which a training returns the best point so far: an experiment would take that for its end."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


@contextmanager
def stoppable():
    """Let Ctrl-C and SIGTERM raise `Stopped` meanwhile; in the main thread, the only one that hears signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before, ignored = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}, sys.unraisablehook
    sys.unraisablehook = lambda what: _once_more(what) if isinstance(what.exc_value, Stopped) else ignored(what)
    try:
        yield
    finally:
        sys.unraisablehook = ignored
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number, frame):
    raise Stopped(number)


def _once_more(what):
    """Send the signal again in a moment: it came within a destructor or the like, from which Python lets no error through."""
    threading.Timer(_MOMENT, os.kill, (os.getpid(), what.exc_value.number)).start()


def report_errors(command, again="the same command goes on where this one was"):
    """Call `command()` and return the exit status: wrong input, numbers too large, memory or disk that does not suffice are one line on stderr
    and 2, Ctrl-C is 130, SIGTERM 143.

    again : what goes on after an interruption
    """
    try:
        with stoppable():
            return command() or 0
    except (ValueError, OSError, ArithmeticError, MemoryError) as error:
        text = " ".join(str(error).split()) or ("not enough memory" if isinstance(error, MemoryError) else type(error).__name__)
        print(f"{sys.argv[0].rsplit('/', 1)[-1]}: error: {text}", file=sys.stderr)
        return 2
    except (Stopped, KeyboardInterrupt) as stopped:
        number = getattr(stopped, "number", signal.SIGINT)
        print(f"{'interrupted' if number == signal.SIGINT else 'terminated'}; {again}", file=sys.stderr)
        return 128 + number
