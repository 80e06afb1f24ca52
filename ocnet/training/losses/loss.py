"""What losses declare, and what those of several classes share."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.inputs import as_array, as_whole
from ocnet.typing import Array, ArrayLike

__all__ = ["ClassLoss", "Loss", "paired"]

_DECLARED = ("labels", "scores", "convex", "quadratic")


def paired(u: ArrayLike, y: ArrayLike, axes: int = 0) -> tuple[Array, Array, tuple[int, ...]]:
    """u and y as float64 arrays, and the shape of u behind its first `axes` axes broadcast with that of y; ValueError where they do not fit."""
    u, y = as_array(u, "u", finite=False), as_array(y, "y")
    try:
        return u, y, np.broadcast_shapes(u.shape[axes:], y.shape)
    except ValueError:
        raise ValueError(f"u has shape {u.shape} and y has shape {y.shape}; give one label y for each score, or shapes that broadcast") from None


class Loss:
    """Base of all losses; see the folder's primer."""

    def __init_subclass__(cls) -> None:
        lacking = [name for name in _DECLARED if not hasattr(cls, name)]
        if lacking:
            raise TypeError(f"{cls.__name__} declares no {lacking[0]}; give the class all of {', '.join(_DECLARED)} "
                            "(see ocnet.training.losses)")


@dataclass(frozen=True)
class ClassLoss(Loss):
    """A loss of one score for each of K classes, labelled 0 … K − 1.

    classes : K ≥ 2
    """

    classes: int
    convex, quadratic = True, False

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", as_whole(self.classes, "classes", 2, "it counts the labels 0 … classes − 1"))

    @property
    def labels(self) -> tuple[int, ...]:
        return tuple(range(self.classes))

    @property
    def scores(self) -> int:
        return self.classes

    def checked(self, u: ArrayLike, y: ArrayLike) -> Any:
        """u (K, *s) as float64, the index of the labels' own scores in (K, *shape), and shape: s broadcast with that of y.

        The index ends with the last axis along which labels vary, so that what lies behind it is taken in one run.
        Raises ValueError where u has not K rows, or y is no label.
        """
        u, y, shape = paired(u, y, 1)
        if u.shape[:1] != (self.classes,):
            raise ValueError(f"u has shape {u.shape}; expected ({self.classes}, …), one row of scores for each class")
        known = np.isin(y, self.labels)
        if not known.all():
            raise ValueError(f"y={y[~known].flat[0]:g} is no label of {self!r}; use 0 … {self.classes - 1}")
        y = y.astype(np.intp).reshape((1,) * (len(shape) - y.ndim) + y.shape)
        axes = max((i + 1 for i in range(y.ndim) if y.shape[i] > 1), default=0)
        own = np.broadcast_to(y.reshape(y.shape[:axes]), shape[:axes])
        return u, (own, *np.indices(shape[:axes], sparse=True)), shape

    def over(self, rows: Array, shape: tuple[int, ...]) -> Array:
        """rows (K, *s) seen as (K, *shape)."""
        missing = (1,) * (len(shape) - rows.ndim + 1)
        return np.broadcast_to(rows.reshape(self.classes, *missing, *rows.shape[1:]), (self.classes, *shape))
