"""Scores of a user's function, and results that are numbers."""

from reprlib import repr as short
from typing import Any

import numpy as np

from ocnet.inputs import answer_of
from ocnet.typing import Array, PointFunction

__all__ = ["finite_result", "scores_at"]


def scores_at(score: PointFunction, points: Array) -> Array:
    """h (n, K) at points (n, d) by a function that gives (n,) or (n, K); ValueError, TypeError for anything else, and for what is not finite."""
    if not callable(score):
        raise TypeError(f"score={short(score)} is no function; give one of points (n, d), such as lambda x: x[:, 0]")
    values = answer_of(score, "score", points)
    if values.ndim not in (1, 2) or len(values) != len(points):
        raise ValueError(f"score gave shape {values.shape} for {len(points)} points; expected ({len(points)},) or ({len(points)}, K): scores of each point")
    if not np.isfinite(values).all():
        raise ValueError(f"score gave {values[~np.isfinite(values)].flat[0]} at the end of a path: the function itself, or theta, data or times so large that "
                         "the score leaves the floats")
    return values.reshape(len(points), -1)


def finite_result(result: Any, name: str, *fields: str) -> Any:
    """Return a result as it is, or raise FloatingPointError that names the argument whose size is to blame where a field is not finite."""
    for field in fields:
        values = np.asarray(getattr(result, field), dtype=float)
        if not np.isfinite(values).all():
            raise FloatingPointError(f"{name}: {field} = {values[~np.isfinite(values)].flat[0]} of the result; numbers of this size leave the floats, "
                                     "give smaller ones")
    return result
