"""Slices of an objective: a line with its band, or contours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ocnet.inputs import as_array, as_whole

from .style import FIRST, along, drawing, gapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["landscape"]


@drawing
def landscape(axes: Sequence[ArrayLike], values: ArrayLike, bars: ArrayLike | None = None, *, label: str | None = None, colour: str = FIRST,
              dashes: str = "-", levels: int | ArrayLike = 12, numbers: str | None = "%.2g",
              ax: Axes | None = None) -> Axes:
    """Draw values (n,) over one axis as a line with a band of half-width bars (n,), or (n, m) over two as contours; returns the axes.

    Contours have bands too: where a level is within the values' bars.
    colour, dashes : of the line, or of all contours;  levels : how many contours, or where;  numbers : format of every other contour's number, None for
        none.  A cross marks (0, 0), and contours' title is their label
    """
    places, values = [along(axis, f"axes[{i}]") for i, axis in enumerate(axes)], gapped(values, "values")
    if len(places) not in (1, 2) or values.shape != tuple(axis.size for axis in places) or (len(places) == 2 and min(values.shape) < 2):
        raise ValueError(f"values has shape {values.shape}; expected {tuple(axis.size for axis in places)}, over one or two axes")
    bars = None if bars is None else as_array(bars, "bars", values.shape)
    levels = as_whole(levels, "levels", at_most=1000) if np.ndim(levels) == 0 else along(levels, "levels")
    if len(places) == 1:
        ax.plot(places[0], values, dashes, color=colour, lw=1.2, label=label)
        if bars is not None:
            ax.fill_between(places[0], values - bars, values + bars, color=colour, alpha=0.25, lw=0)
        ax.set(xlabel="a, in lengths of the filters", ylabel="J(θ + a d)")
        return ax
    drawn = ax.contour(places[0], places[1], values.T, levels, colors=colour, linestyles=dashes, linewidths=0.9)
    if bars is not None and (bars > 0).all():
        for level in drawn.levels:
            ax.contourf(places[0], places[1], ((values - level) / bars).T, [-1.0, 1.0], colors=[colour], alpha=0.25)
    if numbers:
        ax.clabel(drawn, drawn.levels[::2], fontsize=7.5, fmt=numbers)
    ax.plot(0, 0, "x", color="black", ms=6)
    ax.set(xlabel="a, in lengths of the filters", ylabel="b, in lengths of the filters", title=label)
    return ax
