"""What the public doors take: numbers, whole numbers, words and arrays, looked at once and refused by name.

Each function returns its argument in the form the library computes with, or raises ValueError (TypeError where it is no number at all) with
the argument's name, its value and what it may be.  Nothing here changes what it is given.
"""

from collections.abc import Callable, Collection
from operator import index
from reprlib import repr as short
from secrets import randbits
from typing import Any

import numpy as np

from ocnet.typing import Array

__all__ = ["LARGEST", "answer_of", "as_array", "as_choice", "as_flag", "as_number", "as_object", "as_plain", "as_seed", "as_seed_or_fresh", "as_whole",
           "counted"]

LARGEST = 1e150                      # of weights, levels and the like: its square is a number too
_KINDS = "biuf"                      # dtypes that are numbers on the line


def as_array(value: Any, name: str, shape: tuple[int | None, ...] | None = None, finite: bool = True) -> Array:
    """Return `value` as a float64 array: itself where it is one already.

    shape  : lengths expected of each axis, None where any will do; no shape, no question
    finite : whether NaN and infinities are refused
    Raises TypeError for what holds no real numbers (words, None, complex, ragged lists), ValueError for a shape or an entry.
    """
    try:
        array = np.asarray(value)
    except ValueError:                                                     # ragged
        raise TypeError(f"{name}={short(value)} is no array: its rows have different lengths") from None
    if array.dtype != np.float64:
        array = _converted(array, name)
    if shape is not None and (array.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, array.shape))):
        raise ValueError(f"{name} has shape {array.shape}; expected {_said(shape)}")
    if finite and not np.isfinite(array).all():
        place = tuple(int(i) for i in np.unravel_index(int(np.argmin(np.isfinite(array))), array.shape))
        raise ValueError(f"{name}{list(place)} = {array[place]} is not finite" if place else f"{name}={array} is not finite")
    return array


def _converted(array, name):
    if array.dtype.kind == "O":
        array = _numbers_of_objects(array, name)
    if array.dtype.kind not in _KINDS:
        raise TypeError(f"{name} holds {array.dtype} entries; give real numbers")
    with np.errstate(over="ignore"):
        return np.asarray(array, dtype=np.float64)


def _numbers_of_objects(array, name):
    """Fractions, Decimals and big whole numbers; words, None and anything else are refused."""
    try:
        if any(isinstance(entry, (str, bytes, complex, type(None))) for entry in array.flat):
            raise TypeError
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name}={short(array.tolist())} holds entries that are no real numbers") from None


def _said(shape):
    letters = iter("nmkl")
    return "(" + ", ".join(next(letters) if n is None else str(n) for n in shape) + ("," if len(shape) == 1 else "") + ")"


def as_number(value: Any, name: str, *, above: float = -np.inf, at_least: float = -np.inf, below: float = np.inf, at_most: float = np.inf,
              remedy: str = "") -> float:
    """Return `value` as a finite float within bounds.

    above, below      : bounds that are left out;  at_least, at_most : bounds that are allowed
    remedy            : what the number is and what it may be, such as "a horizon > 0"; put after the value
    Raises TypeError for what is no single real number, ValueError for NaN, an infinity, or a number out of bounds.
    """
    said = remedy or f"give {_range(above, at_least, below, at_most)}"
    array = np.asarray(value) if isinstance(value, (int, float, np.ndarray, np.generic)) else _scalar_object(value)
    if array is None or array.ndim or array.dtype.kind not in _KINDS + "O":
        raise TypeError(f"{name}={short(value)} is not a number; {said}")
    try:
        number = float(array)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name}={short(value)} is not a number; {said}") from None
    if not (above < number < below and at_least <= number <= at_most):
        raise ValueError(f"{name}={_exact(number)} is out of range; {said}" if np.isfinite(number) else f"{name}={number} is not finite; {said}")
    return number


def _scalar_object(value):
    """A Fraction or Decimal in an array of its own; None for words, sequences and anything without a float of its own."""
    if isinstance(value, (str, bytes, complex)) or not hasattr(value, "__float__"):
        return None
    return np.array(value, dtype=object) if np.ndim(value) == 0 else None


def _exact(number):
    return f"{number:g}" if float(f"{number:g}") == number else repr(number)


def _range(above, at_least, below, at_most):
    low = f"> {above:g}" if above > -np.inf else f"≥ {at_least:g}" if at_least > -np.inf else ""
    high = f"< {below:g}" if below < np.inf else f"≤ {at_most:g}" if at_most < np.inf else ""
    return " ".join(["a finite number", " and ".join(part for part in (low, high) if part)]).strip()


def as_whole(value: Any, name: str, at_least: int = 1, remedy: str = "", at_most: int | None = None) -> int:
    """Return `value` as an int ≥ `at_least`, and ≤ `at_most` where that is given; floats that are whole, such as 4.0, are taken.

    Raises TypeError for what is no single number (True and False are none), ValueError for a fraction or a number out of bounds.
    """
    kind = f"a whole number ≥ {at_least}" if at_most is None else f"a whole number from {at_least} to {at_most}"
    said = f"; {remedy}" if remedy else ""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}={value} is not {kind}{said}")
    try:
        whole = index(value)
    except TypeError:
        number = as_number(value, name, remedy=remedy or f"give {kind}")
        if number != int(number):
            raise ValueError(f"{name}={number:g} is not {kind}{said}") from None
        whole = int(number)
    if whole < at_least or (at_most is not None and whole > at_most):
        raise ValueError(f"{name}={short(whole)} is not {kind}{said}")
    return whole


def as_seed(value: Any, name: str = "seed") -> int:
    """Return `value` as an int from 0 to 2⁶⁴ − 1, or raise as `as_whole` does."""
    return as_whole(value, name, 0, "the seed of the draws", 2**64 - 1)


def as_seed_or_fresh(value: Any, name: str = "seed") -> int:
    """`as_seed`, or a seed that the system draws for None."""
    return randbits(64) if value is None else as_seed(value, name)


def as_plain(array: Array) -> Array:
    """Return the array in C order, aligned and writeable, which is the one kind that kernels are compiled for: itself where it is, else a copy."""
    return array if array.flags.carray else np.array(array, order="C")


def answer_of(function: Callable[..., Any], name: str, *arguments: Any) -> Array:
    """Return what a user's function gives as a float64 array, NaN and all; it cannot change the last argument, an array of points.

    Raises TypeError where it gives no real numbers, ValueError where it tries to change its points.
    """
    points = arguments[-1].view()
    points.flags.writeable = False
    try:
        value = function(*arguments[:-1], points)
    except ValueError as error:
        if "read-only" in str(error):
            raise ValueError(f"{name} changes the points that it is given; let it work on a copy of them, such as np.array(x)") from error
        raise
    return as_array(value, f"the value of {name}", finite=False)


def as_object(value: Any, name: str, attributes: Collection[str], kind: str, remedy: str) -> Any:
    """Return `value` if it is an object with these attributes.

    kind : what it should be, such as "an objective";  remedy : how to get one, such as "give ParticleObjective(setting, paths=8)"
    Raises ValueError for a class, and for anything that lacks an attribute, with the remedy.
    """
    if isinstance(value, type):
        raise ValueError(f"{name}={value.__name__} is a class, not {kind}; {remedy}")
    if not all(hasattr(value, attribute) for attribute in attributes):
        raise ValueError(f"{name}={short(value)} is not {kind}; {remedy}")
    return value


def as_flag(value: Any, name: str) -> bool:
    """Return `value` as a bool: True, False, 1 or 0; TypeError for anything else, whose truth would be a guess."""
    if not isinstance(value, (bool, np.bool_)) and not (isinstance(value, (int, np.integer)) and value in (0, 1)):
        raise TypeError(f"{name}={short(value)} is neither True nor False")
    return bool(value)


def as_choice(value: Any, name: str, choices: Collection[str]) -> str:
    """Return `value` if it is one of the words, or raise ValueError that lists them."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}={short(value)} is none of {', '.join(map(repr, choices))}")
    return value


def counted(function: Callable[..., Any], most: int, told: str) -> Callable[..., Any]:
    """Return `function`, which raises ValueError(told) when it is called more than `most` times: for solvers that would go on for ever."""
    calls = 0

    def called(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > most:
            raise ValueError(told)
        return function(*arguments)

    return called
