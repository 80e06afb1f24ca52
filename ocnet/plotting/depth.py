"""The control θ(t) against depth: a layer's named arrays as lines, or as bands between quantiles where they hold many numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .style import COLOURS, DASHES, MARKERS, along, drawing, figure, gapped, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["control", "weights"]

_FEW = 5                             # numbers that are drawn as lines of their own
_BANDS = ((0.05, 0.95), (0.25, 0.75))


@drawing
def weights(times: ArrayLike, values: ArrayLike, *, name: str = "θ", labels: Sequence[str] = ("time t", "weight"), colour: str = COLOURS[0],
            ax: Axes | None = None) -> Axes:
    """Draw numbers (N, …) of one array against the layers' times (N,); returns the axes.

    Up to five numbers a layer are a line each; of more, the median and the bands that hold 50 % and 90 % of them in every layer: quantiles
    over the entries of the array, which say nothing of any one entry.
    """
    times, values = along(times, "times"), gapped(values, "values")
    if not values.ndim or len(values) != times.size or not values.size:
        raise ValueError(f"values has shape {values.shape}; expected ({times.size}, …): an array for each layer")
    shape, rows = values.shape[1:], values.reshape(times.size, -1)
    if rows.shape[1] <= _FEW:
        for k, (index, column) in enumerate(zip(np.ndindex(*shape), rows.T)):
            told = name + (f"[{', '.join(map(str, index))}]" if index else "")
            ax.plot(times, column, color=COLOURS[k % len(COLOURS)], ls=DASHES[k % len(DASHES)], marker=MARKERS[k % len(MARKERS)], ms=3, lw=1.1, label=told)
    else:
        for low, high in _BANDS:
            ax.fill_between(times, *np.quantile(rows, (low, high), axis=1), color=colour, alpha=0.25, lw=0,
                            label=f"{high - low:.0%} of {rows.shape[1]} entries")
        ax.plot(times, np.median(rows, axis=1), color=colour, marker="o", ms=2.5, lw=1.2, label="median")
    ax.set(xlabel=labels[0], ylabel=labels[1], title=f"{name} ({' × '.join(map(str, shape))})" if shape else name)
    return ax


@drawing
def control(times: ArrayLike, arrays: Mapping[str, ArrayLike], *, panels: Sequence[Axes] | None = None) -> np.ndarray:
    """Draw every named array (N, …) of a control against the layers' times (N,), a panel each; returns the axes (k,).

    panels : axes to draw on, one an array; a new figure, three panels a row, by default
    Raises ValueError where there are fewer panels than arrays.
    """
    columns = min(3, len(arrays))
    if panels is None:
        rows = -(-len(arrays) // columns)
        drawn = figure(rows, columns, 3.2 * columns, 2.6 * rows)[1].ravel()
        for ax in drawn[len(arrays):]:
            ax.set_visible(False)
    else:
        drawn = np.asarray(panels).ravel()
    if len(drawn) < len(arrays):
        raise ValueError(f"panels holds {len(drawn)} axes for {len(arrays)} arrays, {', '.join(arrays)}; give one for each")
    for k, (ax, (name, values)) in enumerate(zip(drawn, arrays.items())):
        weights(times, values, name=name, colour=COLOURS[k % len(COLOURS)], ax=ax)
        legend_above(ax)
    return drawn[:len(arrays)]
