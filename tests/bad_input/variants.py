"""What is done to a good argument.  A variant is (label, value, fate):

    refused   an error that names the argument is the only right answer
    same      the same numbers in other clothes: the same bits must come out as from the plain float64 array
    either    finite, but odd: a right and finite answer, or an error that names the argument
"""

import numpy as np
from hypothesis import strategies as st

__all__ = ["Variant", "of"]

_ODD = [0.0, -0.0, 5e-324, 1e-300, 1e-30, 1e-9, 0.5, 1.0, 2.0, 1e9, 1e30, 1e150, 1e300, np.finfo(float).max]
_WRONG_ENTRIES = [("NaN", np.nan), ("inf", np.inf), ("-inf", -np.inf), ("complex", None), ("words", None), ("None", None), ("ragged", None)]
_NO_NUMBERS = ["1.0", None, 1 + 1j, object(), {}, [], "ä", b"1"]


class Variant:
    """One alteration: label (str), value, fate ("refused", "same" or "either")."""

    def __init__(self, label, value, fate):
        self.label, self.value, self.fate = label, value, fate

    def __repr__(self):
        return f"{self.label} ({self.fate})"


def of(value, optional=False):
    """Return the strategy of variants of a good value, by its type.  optional: None is an answer the function takes."""
    if isinstance(value, (bool, np.bool_)):
        return _choice([("no truth value", "yes", "either"), ("a number", 7, "either")])
    if isinstance(value, str):
        return _choice([("unknown word", value + "x", "refused"), ("empty word", "", "refused"), ("a number for a word", 3.0, "refused"),
                        ("None for a word", None, "either" if optional else "refused")])
    if isinstance(value, (int, np.integer)):
        return _integers(int(value), optional)
    if isinstance(value, (float, np.floating)):
        return _floats(float(value), optional)
    if isinstance(value, np.ndarray) and value.dtype.kind in "iub":
        return st.one_of(_same_array(value), _labels(value))
    if isinstance(value, np.ndarray):
        return st.one_of(_same_array(value), _refused_array(value), _odd_array(value))
    if callable(value) and not isinstance(value, type) and type(value).__name__ == "function":
        return _functions(value)
    return _objects(value, optional)


def _choice(rows):
    return st.sampled_from(rows).map(lambda row: Variant(*row))


def _not_numbers(optional):
    return [(f"no number: {value!r}", value, "either" if value is None and optional else "refused") for value in _NO_NUMBERS]


def _floats(value, optional):
    rows = [("NaN", np.nan, "refused"), ("inf", np.inf, "either" if np.isinf(value) else "refused"), ("-inf", -np.inf, "refused"),
            ("two numbers", [value, value], "refused"), ("0-d array", np.array(value), "same"), ("float64", np.float64(value), "same"),
            ("True", True, "either"), ("NaN in float32", np.float32(np.nan), "refused"), *_not_numbers(optional)]
    rows += [(f"{x:g}", x, "either") for x in _ODD] + [(f"{-x:g}", -x, "either") for x in _ODD]
    any_finite = st.floats(allow_nan=False, allow_infinity=False).map(lambda x: Variant(f"{x!r}", x, "either"))
    return st.one_of(_choice(rows), any_finite)


def _integers(value, optional):
    rows = [("NaN", np.nan, "refused"), ("inf", np.inf, "refused"), ("a half", value + 0.5, "refused"), ("two numbers", [value, value], "refused"),
            ("int64", np.int64(value), "same"), ("int16", np.int16(value), "same"), ("whole float", float(value), "either"), ("True", True, "either"),
            ("-1", -1, "either"), ("-2**70", -2**70, "either"), *_not_numbers(optional)]
    return st.one_of(_choice(rows), st.integers(-3, 9).map(lambda n: Variant(f"{n}", n, "either")))


def _offset(value):
    """The same numbers at an address that is no multiple of their size."""
    bytes_ = np.zeros(value.nbytes + 1, np.uint8)
    view = bytes_[1:].view(np.uint8)[:value.nbytes]
    view[:] = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
    return np.ndarray(value.shape, value.dtype, view.data)


def _strided(value):
    wide = np.repeat(value, 2, axis=-1) if value.ndim else value
    return wide[..., ::2] if value.ndim else wide


def _read_only(value):
    copy = value.copy()
    copy.flags.writeable = False
    return copy


def _same_array(value):
    rows = [("list", value.tolist()), ("Fortran order", np.asfortranarray(value)), ("strided", _strided(value)), ("read-only", _read_only(value)),
            ("other byte order", value.astype(value.dtype.newbyteorder())), ("unaligned", _offset(value)), ("backwards twice", value[::-1].copy()[::-1])]
    if value.dtype.kind == "f" and np.array_equal(value.astype(np.float32), value):
        rows.append(("float32", value.astype(np.float32)))
    if value.dtype.kind == "f" and np.array_equal(np.round(value), value) and np.abs(value).max(initial=0) < 100:
        rows += [("int64", value.astype(np.int64)), ("int8", value.astype(np.int8))]
    return _choice([(label, other, "same") for label, other in rows])


@st.composite
def _refused_array(draw, value):
    label, number = draw(st.sampled_from(_WRONG_ENTRIES))
    if number is not None and value.size:
        bad = value.astype(float)
        bad.flat[draw(st.integers(0, value.size - 1))] = number
        return Variant(f"{label} in one entry", bad, "refused")
    other = {"complex": value + 1j, "words": np.full(value.shape, "a"), "ragged": [[1.0], [1.0, 2.0], 3.0]}
    return Variant(label, other.get(label, np.full(value.shape, None)), "refused")


@st.composite
def _odd_array(draw, value):
    """Finite arrays of odd sizes, shapes and orders."""
    some = st.floats(allow_nan=False, allow_infinity=False)
    moves = {
        "scaled": lambda: _scaled(value, draw(st.sampled_from([x for x in _ODD if x]))),
        "zeros": lambda: np.zeros_like(value), "constant": lambda: np.full_like(value, draw(some)),
        "one entry": lambda: _with_entry(value, draw(st.integers(0, max(value.size - 1, 0))), draw(some)),
        "empty": lambda: value[:0], "no columns": lambda: value[..., :0], "one row": lambda: value[:1],
        "repeated rows": lambda: np.repeat(value, 2, axis=0), "reversed": value[::-1].copy, "transposed": value.T.copy,
        "extra axis": lambda: value[None], "flat": value.ravel, "one column more": lambda: _wider(value), "a scalar": lambda: np.asarray(draw(some)),
    }
    label = draw(st.sampled_from(sorted(moves)))
    return Variant(label, moves[label]() if value.ndim else np.asarray(draw(some)), "either")


def _scaled(value, factor):
    with np.errstate(over="ignore"):
        return np.clip(value * factor, -1e308, 1e308)


def _with_entry(value, k, number):
    other = value.copy()
    if other.size:
        other.flat[k] = number
    return other


def _wider(value):
    return np.concatenate([value, value[..., :1]], axis=-1)


def _labels(value):
    rows = [("one class", np.full_like(value, value.flat[0])), ("other labels", value + 1), ("bool", value > 0), ("too short", value[:-1]),
            ("too long", np.append(value, value[:1])), ("empty", value[:0]), ("floats", value.astype(float)), ("huge", value * 2**40),
            ("a column", value[:, None] if value.ndim == 1 else value)]
    bad = [("fractions", value + 0.5), ("NaN", np.where(np.arange(value.size).reshape(value.shape) == 0, np.nan, value)),
           ("words", np.full(value.shape, "a")), ("None", np.full(value.shape, None))]
    return _choice([(label, other, "either") for label, other in rows] + [(label, other, "refused") for label, other in bad])


def _functions(value):
    """Functions of the user's that answer with something odd (in the last argument, the points), or change what they are given."""
    def answering(alter):
        return lambda *arguments: alter(np.asarray(value(*arguments), float))

    def meddling(*arguments):
        answer = np.array(value(*arguments), float)
        np.asarray(arguments[-1])[...] = 7.0
        return answer

    def failing(*arguments):
        raise LookupError("the user's own error")

    def poisoned(number):
        def alter(answer):
            answer = np.array(answer)
            answer.flat[-1:] = number
            return answer
        return alter

    return _choice([
        ("answers NaN", answering(poisoned(np.nan)), "refused"), ("answers inf", answering(poisoned(np.inf)), "refused"),
        ("answers None", lambda *a: None, "refused"), ("answers words", lambda *a: "a", "refused"), ("answers complex", answering(lambda y: y + 1j), "refused"),
        ("answers too few", answering(lambda y: y[:-1] if y.ndim and len(y) > 1 else y), "either"), ("answers one number", lambda *a: 0.5, "either"),
        ("answers lists", answering(np.ndarray.tolist), "same"), ("answers read-only", answering(_read_only), "same"),
        ("answers in Fortran order", answering(np.asfortranarray), "same"), ("answers huge", answering(lambda y: np.full_like(y, 1e300)), "either"),
        ("answers float32", answering(lambda y: y.astype(np.float32)), "either"), ("answers an extra axis", answering(lambda y: y[None]), "either"),
        ("changes its points", meddling, "either"), ("raises", failing, "raises"), ("no function", 3.0, "refused"), ("None", None, "either"),
    ])


def _objects(value, optional):
    rows = [("None", None, "either" if optional else "refused"), ("a word", "word", "refused"), ("a number", 3.0, "refused"),
            ("an object", object(), "refused"), ("a list", [], "either"), ("its class", type(value), "refused"), ("an array", np.ones(3), "refused")]
    return _choice(rows)
