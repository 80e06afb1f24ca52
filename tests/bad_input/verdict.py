"""One call with altered arguments, judged."""

import contextlib
import re
import signal
import threading
import warnings
from dataclasses import fields, is_dataclass

import numpy as np

__all__ = ["Fault", "Hanging", "Subject", "judge"]

SECONDS = 20.0                       # a case that takes longer counts as hanging; good arguments take milliseconds


class Fault(AssertionError):
    """What a trustworthy function would not have done."""


class Hanging(BaseException):
    """A call that does not come back: nothing may catch it, and nobody looks for a simpler one."""


class Subject:
    """A public function and good arguments for it.

    call      : called with the arguments by name
    arguments : {name: value}; arrays should hold numbers that float32 has, so that float32 is the same numbers
    known_as  : {name: words} an error may use for an argument besides its name, such as the attribute it becomes
    keep      : names that stay as they are
    optional  : names that may be None
    unbounded : patterns (regular expressions) of the result's fields that may be infinite or NaN, with good reason (say which, in a comment)
    also      : {name: labels of variants, or their beginnings} that the function takes too, though they are refused elsewhere
    gaps      : names of arrays in which NaN and infinities may stand for what is not there (pictures)
    check     : check(result, arguments) raises where an answer is wrong, or None
    """

    def __init__(self, name, call, arguments, known_as=None, keep=(), optional=(), unbounded=(), gaps=(), also=None, check=None):
        self.name, self.call, self.arguments = name, call, arguments
        self.known_as, self.keep, self.optional, self.unbounded, self.gaps, self.check = known_as or {}, keep, optional, unbounded, gaps, check
        self.also = also or {}

    @property
    def altered(self):
        """Names of the arguments that are altered."""
        return [name for name in self.arguments if name not in self.keep]

    def __repr__(self):
        return self.name


def numbers(value, path=""):
    """Yield (path, array) for every number inside a result: arrays, numbers, dataclasses, dicts, sequences."""
    if isinstance(value, (np.ndarray, np.generic, float, int, complex)):
        yield path, np.asarray(value)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from numbers(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from numbers(item, f"{path}[{key!r}]")
    elif isinstance(value, (list, tuple)):
        for k, item in enumerate(value):
            yield from numbers(item, f"{path}[{k}]")


def frozen(arguments):
    """Return the bytes of everything numeric in the arguments, to see whether a call changed them."""
    return {name: [(path, array.tobytes()) for path, array in numbers(value) if array.dtype != object] for name, value in arguments.items()}


@contextlib.contextmanager
def limited(seconds):
    """Raise Hanging in the main thread after `seconds`."""
    def late(*_):
        raise Hanging(f"no answer within {seconds:g} s")
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _names(subject, name):
    return (name, *subject.known_as.get(name, ()))


def _names_argument(message, words):
    return any(re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", message) for word in words)


def judge(subject, changed, plain):
    """Call the subject with the variants `changed` ({name: Variant}) and raise Fault where it is not trustworthy.

    plain : result of the good arguments, for variants that are the same numbers in other clothes.
    Returns "answered" or "refused".
    """
    arguments = {**subject.arguments, **{name: variant.value for name, variant in changed.items()}}
    before, fates = frozen(arguments), {variant.fate for variant in changed.values()}
    with warnings.catch_warnings(), limited(SECONDS):
        warnings.simplefilter("ignore")
        try:
            result = subject.call(**arguments)
        except (ValueError, TypeError, FloatingPointError) as error:
            _judge_refusal(subject, changed, error)
            return "refused"
        except LookupError as error:
            if "raises" in fates and "the user's own error" in str(error):
                return "refused"
            raise Fault(f"{changed}: {type(error).__name__} ({error}) is no clear error") from error
        except Hanging as error:
            raise Hanging(f"{changed}: {error}") from error
        except Fault:
            raise
        except Exception as error:
            raise Fault(f"{changed}: {type(error).__name__} ({error}) is no clear error") from error
        finally:
            if frozen(arguments) != before:
                raise Fault(f"{changed}: the call changed its input")
        if "refused" in fates:
            raise Fault(f"{changed}: accepted, with the result {str(result)[:200]}")
        for path, array in numbers(result) if not (subject.gaps and "gap" in fates) else ():
            if array.dtype.kind in "fc" and not np.isfinite(array).all() and not any(re.search(pattern, path) for pattern in subject.unbounded):
                raise Fault(f"{changed}: result{path} holds {array[~np.isfinite(array)].flat[0]} though all input is finite")
        if fates == {"same"}:
            _judge_same(changed, result, plain)
        if subject.check is not None:
            _checked(subject, changed, result, arguments)
        return "answered"


def _checked(subject, changed, result, arguments):
    try:
        subject.check(result, arguments)
    except AssertionError as error:
        raise Fault(f"{changed}: {error}") from error


def _judge_refusal(subject, changed, error):
    if {variant.fate for variant in changed.values()} == {"same"}:
        raise Fault(f"{changed}: the same numbers in other clothes are refused ({error})") from error
    words = [word for name in changed for word in _names(subject, name)]
    if not _names_argument(str(error), words):
        raise Fault(f"{changed}: the error names none of {words}: {type(error).__name__}: {error}") from error


def _judge_same(changed, result, plain):
    for (path, one), (_, other) in zip(numbers(result), numbers(plain), strict=True):
        if one.dtype != object and not re.search("seconds|elapsed", path) and one.tobytes() != other.tobytes():
            raise Fault(f"{changed}: result{path} differs from that of the plain array")
