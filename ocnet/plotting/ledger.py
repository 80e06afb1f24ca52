"""What each layer adds to the loss: stacked bars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ocnet.inputs import as_array

from .style import LOWER, UPPER, along, drawing, gapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["ledger"]

_LOOKS = ((LOWER, ""), (UPPER, "////"))


@drawing
def ledger(times: ArrayLike, parts: Mapping[str, ArrayLike], bars: ArrayLike | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw up to two parts {name: (N,)} of the layers between times (N + 1,), stacked away from 0, and their sum; returns the axes.

    bars : (N,) half-widths of the bars of the sum, or None
    """
    times = along(times, "times")
    heights = {name: gapped(as_array(part, f"parts[{name!r}]", (times.size - 1,)), f"parts[{name!r}]") for name, part in parts.items()}
    bars = None if bars is None else as_array(bars, "bars", (times.size - 1,))
    if times.size < 2 or not (np.diff(times) > 0).all() or (bars is not None and (bars < 0).any()):
        raise ValueError(f"times={times.tolist()} have to increase, two or more of them, and bars={bars} to be ≥ 0")
    middles, width, up, down = 0.5 * (times[1:] + times[:-1]), 0.8 * np.diff(times), *np.zeros((2, len(times) - 1))
    for (name, values), (colour, hatch) in zip(heights.items(), _LOOKS):
        ax.bar(middles, values, width, np.where(values >= 0, up, down), color=colour, hatch=hatch, edgecolor="white", lw=0.3, label=name)
        up, down = up + np.maximum(values, 0), down + np.minimum(values, 0)
    total = np.sum(list(heights.values()), axis=0)
    ax.errorbar(middles, total, bars, fmt="D", ms=3, lw=1.0, capsize=2, color="black", label="sum" if len(heights) > 1 else None)
    ax.axhline(0.0, color="black", lw=0.6)
    ax.set(xlabel="t", ylabel="penalty of the layer")
    ax.legend()
    return ax
