"""How training went: the objective against iterations or seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from .style import COLOURS, DASHES, along, drawing, gapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["training"]

_AGAINST = {"iteration": "iterations", "seconds": "seconds of training"}


@drawing
def training(histories: Mapping[str, Mapping[str, ArrayLike]], *, against: str = "iteration", label: str = "objective J", ax: Axes | None = None) -> Axes:
    """Draw the value of each named history against its iterations or seconds; returns the axes.

    histories : {name: {"iteration", "value", "seconds"}}, arrays of equal length, as `TrainingResult.history`
    against   : "iteration" or "seconds";  label : of the value, with its unit
    The value's scale is logarithmic where all are positive.
    """
    if against not in _AGAINST:
        raise ValueError(f"against={against!r}; choose {' or '.join(map(repr, _AGAINST))}")
    for k, (name, history) in enumerate(histories.items()):
        place, value = along(history[against], f"histories[{name!r}][{against!r}]"), gapped(history["value"], f"histories[{name!r}]['value']")
        if value.shape != place.shape:
            raise ValueError(f"histories[{name!r}] has {place.shape} of {against!r} and {value.shape} of 'value'; give equally many")
        ax.plot(place, value, color=COLOURS[(k + 2) % len(COLOURS)], ls=DASHES[k % len(DASHES)], lw=1.4, label=name)
    lowest = min((np.min(h["value"]) for h in histories.values() if np.size(h["value"])), default=0.0)
    ax.set(xlabel=_AGAINST[against], ylabel=label, yscale="log" if lowest > 0 else "linear")
    if len(histories) > 1:
        ax.legend()
    return ax
