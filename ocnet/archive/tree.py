"""A tree of dataclasses, containers, numbers and texts as JSON that refers to arrays, and back.

    null, true, 3, 0.5, "text", [list]      themselves                  {"tuple": […]}   {"dict": [[key, value], …]}
    {"float": "7ff8…"}                      not finite, by its bits     {"scalar": ["<f8", "…"]}  of NumPy   {"bytes": "…"}
    {"array": name}                         one of the arrays           {"object": [class, {field: …}]}
"""

import math
import re
import struct
import warnings
from collections.abc import Callable, Collection
from dataclasses import fields
from typing import Any

import numpy as np

from .container import ArchiveError
from .known import class_of, name_of

__all__ = ["decoded", "encoded"]

_DEEPEST = 50                            # containers within each other; more hold themselves
_LONGEST = 100                           # letters of an array's name, the last of its place


def encoded(thing: Any, also: Collection[type] = ()) -> tuple[Any, dict[str, np.ndarray]]:
    """Return (JSON value, {name: array}) of a tree; TypeError that names the place of what cannot be saved."""
    encoder = _Encoder(also)
    return encoder.value(thing, ()), encoder.arrays


def decoded(content: Any, arrays: dict[str, np.ndarray], also: Collection[type] = ()) -> Any:
    """Return the tree of what `encoded` gave; ArchiveError where it is anything else."""
    decoder = _Decoder(arrays, also)
    thing = decoder.value(content, 0)
    if decoder.unused:
        raise ArchiveError(f"its array {min(decoder.unused)!r} belongs to nothing in it; ocnet did not write it")
    return thing


class _Encoder:
    def __init__(self, also: Collection[type]) -> None:
        self.also = also
        self.arrays: dict[str, np.ndarray] = {}
        self._names: dict[int, str] = {}                 # of arrays met, by identity: one that is met twice is kept once

    def value(self, thing: Any, place: tuple[str, ...]) -> Any:
        if len(place) > _DEEPEST:
            raise TypeError(f"{_told(place[:4])} … is nested more than {_DEEPEST} deep; does it hold itself?")
        kind = type(thing)
        if thing is None or kind in (bool, int, str):
            return thing
        if kind is float:
            return thing if math.isfinite(thing) else {"float": struct.pack(">d", thing).hex()}
        if kind is list:
            return self._items(thing, place)
        if kind is tuple:
            return {"tuple": self._items(thing, place)}
        if kind is dict:
            return {"dict": [[self.value(key, (*place, "key")), self.value(value, (*place, str(key)))] for key, value in thing.items()]}
        if kind is bytes:
            return {"bytes": thing.hex()}
        if kind is np.ndarray:
            return {"array": self._array(thing, place)}
        if isinstance(thing, np.generic) and thing.dtype.kind in "biufcUS":
            return {"scalar": [thing.dtype.str, thing.tobytes().hex()]}
        return self._object(thing, place)

    def _items(self, things: Any, place: tuple[str, ...]) -> list[Any]:
        return [self.value(thing, (*place, str(i))) for i, thing in enumerate(things)]

    def _array(self, array: np.ndarray, place: tuple[str, ...]) -> str:
        if array.dtype.kind not in "biufcUS" or not array.dtype.itemsize:
            raise TypeError(f"{_told(place)} is an array of dtype {array.dtype}, which cannot be saved without pickle; use numbers or texts")
        if id(array) not in self._names:
            stem = name = ".".join(re.sub(r"\W", "_", part) or "_" for part in place)[-_LONGEST:] or "array"
            count = 1
            while name in self.arrays or name == "ocnet":
                count += 1
                name = f"{stem}_{count}"
            self._names[id(array)], self.arrays[name] = name, array
        return self._names[id(array)]

    def _object(self, thing: Any, place: tuple[str, ...]) -> dict[str, Any]:
        name = name_of(type(thing), self.also)
        if name is None:
            raise TypeError(_refusal(thing, place))
        content = {}
        for each in fields(thing):
            if not each.init:
                continue
            value = getattr(thing, each.name)
            if "unsaved" not in each.metadata:
                content[each.name] = self.value(value, (*place, each.name))
            elif value is not each.default:
                warnings.warn(f"{_told((*place, each.name))} is not saved: {each.metadata['unsaved']}", stacklevel=2)
        return {"object": [name, content]}


def _told(place: tuple[str, ...]) -> str:
    return f"what is at {'.'.join(place)}" if place else "what is given"


def _refusal(thing: Any, place: tuple[str, ...]) -> str:
    kind = type(thing).__name__
    if callable(thing) and not hasattr(type(thing), "__dataclass_fields__"):
        return f"{_told(place)}, {thing!r}, is code, which a file must not hold, so it cannot be saved; save what was computed with it"
    if hasattr(thing, "drift_rows") or hasattr(thing, "process") or hasattr(thing, "transition"):
        return (f"{_told(place)} is a {kind}, which holds functions and cannot be saved; keep the program that makes it and save what was "
                "computed from it, or a TrainedNetwork, which gives its processes out again")
    if hasattr(type(thing), "trained_"):
        return (f"{_told(place)} is a {kind}, which is no frozen dataclass and cannot be saved; save model.trained_ (the network and θ), or use pickle or "
                "joblib for the whole classifier")
    return (f"{_told(place)} is a {kind}, which cannot be saved: it is no public frozen dataclass of ocnet; give one of yours by "
            f"also=[{kind}], or keep numbers, texts, arrays, lists and dictionaries")


class _Decoder:
    def __init__(self, arrays: dict[str, np.ndarray], also: Collection[type]) -> None:
        self.arrays, self.also, self.unused = arrays, also, set(arrays)
        self._deep: dict[str, Callable[[Any, int], Any]] = {"tuple": self._tuple, "dict": self._dict, "object": self._object}
        self._flat: dict[str, Callable[[Any], Any]] = {"float": self._float, "scalar": self._scalar, "bytes": bytes.fromhex, "array": self._array}

    def value(self, content: Any, depth: int) -> Any:
        if depth > _DEEPEST + 1:
            raise ArchiveError(f"it is nested more than {_DEEPEST} deep; ocnet did not write it")
        if type(content) is list:
            return [self.value(item, depth + 1) for item in content]
        if type(content) is not dict:
            return content
        try:
            ((verb, inner),) = content.items()
            return self._deep[verb](inner, depth) if verb in self._deep else self._flat[verb](inner)
        except ArchiveError:
            raise
        except (ValueError, TypeError, KeyError, struct.error):
            raise ArchiveError(f"its header has a part {str(content)[:60]} that says nothing; ocnet did not write it") from None

    def _tuple(self, items: list[Any], depth: int) -> tuple[Any, ...]:
        return tuple(self.value(item, depth + 1) for item in items)

    def _dict(self, items: list[Any], depth: int) -> dict[Any, Any]:
        return {self.value(key, depth + 1): self.value(value, depth + 1) for key, value in items}

    @staticmethod
    def _float(bits: str) -> float:
        return float(struct.unpack(">d", bytes.fromhex(bits))[0])

    @staticmethod
    def _scalar(told: list[str]) -> np.generic:
        dtype, data = np.dtype(told[0]), bytes.fromhex(told[1])
        if dtype.kind not in "biufcUS" or dtype.itemsize != len(data):
            raise ValueError(told[0])
        return np.frombuffer(data, dtype)[0]

    def _array(self, name: str) -> np.ndarray:
        self.unused.discard(name)
        return self.arrays[name]

    def _object(self, told: list[Any], depth: int) -> Any:
        name, given = told
        if type(name) is not str or type(given) is not dict:
            raise ValueError(name)
        cls = class_of(name, self.also)
        if cls is None:
            raise ArchiveError(f"it holds a {name}, which this ocnet does not know; use a newer one, or give a class of your own by also=[…]")
        takes = {each.name for each in fields(cls) if each.init and "unsaved" not in each.metadata}
        for foreign in given.keys() - takes:
            raise ArchiveError(f"its {name} has {foreign!r}, of which this ocnet does not know; use a newer one")
        values = {key: self.value(value, depth + 1) for key, value in given.items()}
        try:
            return cls(**values)
        except Exception as reason:                      # noqa: BLE001 — a constructor's own check, or whatever a wrong type runs into
            raise ArchiveError(f"its parts do not fit: {name} says {reason}; save it anew") from None
