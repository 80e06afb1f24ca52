"""A hash of everything in a result: numbers by their bits, containers by their parts, objects by their fields."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import numpy as np

__all__ = ["digest"]

_MEASURED = {"seconds", "wall", "elapsed", "peak_memory"}    # of a report: the clock, not the calculation


def digest(thing):
    """Sixteen letters that differ, but for a chance of 2^-64, where any number in `thing` differs in any bit."""
    found = hashlib.sha256()
    _feed(found.update, thing, [])
    return found.hexdigest()[:16]


def _feed(feed, thing, above):
    """Feed bytes of a thing; `above` are the objects that it is part of."""
    feed(type(thing).__name__.encode())
    if any(thing is of for of in above):
        return
    if isinstance(thing, np.ndarray) and thing.dtype != object:
        feed(f"{thing.dtype}{thing.shape}".encode() + np.ascontiguousarray(thing).tobytes())
    elif isinstance(thing, (float, np.floating, complex, np.complexfloating)):
        feed(np.asarray(thing).tobytes())
    elif thing is None or isinstance(thing, (str, bytes, int, np.integer, np.bool_)):
        feed(repr(thing).encode())
    elif isinstance(thing, Mapping):
        _feed_named(feed, thing.items(), [*above, thing])
    elif isinstance(thing, (list, tuple, np.ndarray)):
        for part in thing:
            _feed(feed, part, [*above, thing])
    elif is_dataclass(thing):
        _feed_named(feed, ((field.name, getattr(thing, field.name)) for field in fields(thing)), [*above, thing])
    elif hasattr(thing, "__dict__") and not callable(thing):
        _feed_named(feed, vars(thing).items(), [*above, thing])


def _feed_named(feed, pairs, above):
    for name, part in sorted(pairs, key=lambda pair: str(pair[0])):
        if name not in _MEASURED:
            feed(str(name).encode())
            _feed(feed, part, above)
