"""What the command lines of the experiments share: one-line errors with status 2, and types that explain themselves."""

import argparse
import sys

__all__ = ["OneLineParser", "explicit", "fraction", "report_errors", "stage", "whole"]


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


def fraction(text):
    """A finite number ≥ 0."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a finite number ≥ 0")
    return value


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


def report_errors(command):
    """Call `command()` and return the exit status: wrong input is one line on stderr and 2, Ctrl-C is 130."""
    try:
        return command() or 0
    except (ValueError, OSError) as error:
        text = " ".join(str(error).split())
        print(f"{sys.argv[0].rsplit('/', 1)[-1]}: error: {text}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; go on with --resume", file=sys.stderr)
        return 130
