"""J and ∇J, finite or refused with the place where they first are not."""

from collections.abc import Callable
from math import isfinite
from typing import Any

import numpy as np

from ocnet.training.checkpoint import CheckpointError
from ocnet.training.fault import UNKNOWN, where_not_finite
from ocnet.training.finite import BeyondNumbers
from ocnet.typing import Array

__all__ = ["NotFinite", "evaluated", "gradient_of", "value_of"]


class NotFinite(Exception):
    """`what` ("J or its gradient", "theta") is not finite for this objective at θ (P,); `place` says where first, "" if nobody knows."""

    def __init__(self, what: str, objective: Any, theta: Array, cause: Exception | None = None) -> None:
        super().__init__(what)
        self.what, self.place = what, where_not_finite(objective, theta)
        if isinstance(cause, FloatingPointError) and self.place == UNKNOWN:
            self.place = f"a step that was given up ({cause})"         # as of a drift that cannot be followed, whose paths are finite


def evaluated(objective: Any, theta: Array, evaluate: Callable[[Array], tuple[float, Any]] | None = None) -> tuple[float, Any]:
    """(J, ∇J) at θ (P,) by `evaluate`, by default the objective's `value_and_gradient`; NotFinite where either is not finite.

    Objectives may refuse, by ValueError, what is not finite on the way to J: that is NotFinite too, if the place is found.
    """
    value, gradient = _guarded(evaluate or objective.value_and_gradient, objective, theta)
    if not (isfinite(value) and np.isfinite(gradient).all()):
        raise NotFinite("J or its gradient", objective, theta)
    return float(value), gradient


def value_of(objective: Any, theta: Array) -> float:
    """J at θ by `objective.value`, with the same guards."""
    value = _guarded(objective.value, objective, theta)
    if not isfinite(value):
        raise NotFinite("J or its gradient", objective, theta)
    return float(value)


def gradient_of(objective: Any, theta: Array) -> Array:
    """∇J (P,) as it is; NaN where the objective refuses it as not finite."""
    try:
        return np.array(_guarded(objective.value_and_gradient, objective, theta)[1], dtype=np.float64)
    except NotFinite:
        return np.full_like(theta, np.nan)


def _guarded(verb, objective, theta):
    try:
        return verb(theta)
    except CheckpointError:
        raise
    except (BeyondNumbers, FloatingPointError) as error:
        raise NotFinite("J or its gradient", objective, theta, error) from error
    except ValueError as error:
        fault = NotFinite("J or its gradient", objective, theta)
        if fault.place in ("", UNKNOWN):
            raise
        raise fault from error
