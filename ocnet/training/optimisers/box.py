"""Box constraints on θ: a control without bounds may leave every grid (MATH 1.4)."""

from typing import Any

import numpy as np

from ocnet.inputs import as_array
from ocnet.typing import Array, ArrayLike

__all__ = ["BOX", "checked_bounds", "sides"]

BOX = (-30.0, 30.0)                  # weights beyond 30 saturate every tanh: wide enough for any network that is to be trusted


def checked_bounds(bounds: tuple[ArrayLike, ArrayLike]) -> tuple[Any, Any]:
    """Return (lower, upper), each a float or a (P,) array of its own memory; equal sides hold a component fixed.

    Raises ValueError unless lower ≤ upper everywhere.
    """
    try:
        lower, upper = (np.array(as_array(side, "bounds", finite=False)) for side in bounds)
        ordered = bool((lower <= upper).all()) and not (lower == np.inf).any() and not (upper == -np.inf).any()      # NaN fails here, unequal lengths raise
    except (TypeError, ValueError):
        ordered = False
    if not ordered or max(lower.ndim, upper.ndim) > 1:
        raise ValueError(f"bounds={bounds}: give (lower, upper) with lower ≤ upper, numbers or (P,) arrays")
    return lower if lower.ndim else float(lower), upper if upper.ndim else float(upper)


def sides(bounds: tuple[Any, Any], theta: Array) -> tuple[Array, Array]:
    """Return (lower, upper), both (P,), or raise ValueError naming the component of the start θ (P,) that lies outside."""
    try:
        lower, upper = (np.broadcast_to(side, theta.shape).astype(np.float64) for side in bounds)
    except ValueError:
        raise ValueError(f"bounds has sides of shapes {[np.shape(side) for side in bounds]}; expected numbers or "
                         f"({theta.size},) arrays, as theta") from None
    outside = np.flatnonzero((theta < lower) | (theta > upper))
    if outside.size:
        i = int(outside[0])
        raise ValueError(f"theta[{i}]={theta[i]:.6g} starts outside its bounds [{lower[i]:g}, {upper[i]:g}]; "
                         "move the start or widen `bounds`")
    return lower, upper
