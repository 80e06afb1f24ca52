"""Decision boundaries, and where they may lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ocnet.inputs import as_array

from .fields import curve
from .style import GREY, along, drawing, gapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["boundary", "threshold"]


@drawing
def boundary(x: ArrayLike, y: ArrayLike, score: ArrayLike, *, low: ArrayLike | None = None, high: ArrayLike | None = None,
             band: str = "may lie here", label: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the zero contour of score (len(x), len(y)) in black, over the band {low ≤ 0 ≤ high} where it may lie; returns the axes.

    low, high : (len(x), len(y)) bounds of the score, both or none.  Two doubts make such bounds, and `band`, the legend's text, should say
                which: score ∓ the error bar of the value (the boundary of the mean, not known better), or quantiles of one run of the
                stochastic network (where the network itself does not always decide alike)
    label     : of the line, in the legend
    Raises ValueError for one bound alone, or for low > high somewhere.
    """
    x, y, score = along(x, "x"), along(y, "y"), gapped(score, "score")
    if score.shape != (x.size, y.size) or min(score.shape) < 2:
        raise ValueError(f"score has shape {score.shape}; expected ({x.size}, {y.size}), two places or more along each axis")
    if (low is None) != (high is None):
        raise ValueError("a band has two sides; give both low and high, or neither")
    if low is not None:
        outside = _outside(low, high, score.shape)
        if outside.min() < 0:
            ax.contourf(x, y, outside.T, levels=[-np.inf, 0.0], colors=[GREY], alpha=0.35)
            ax.contour(x, y, outside.T, levels=[0.0], colors="white", linewidths=0.5, alpha=0.6)      # an edge that dark fields show
        ax.fill([], [], color=GREY, alpha=0.35, lw=0, label=band)
    if np.nanmin(score, initial=np.inf) < 0 < np.nanmax(score, initial=-np.inf):
        ax.contour(x, y, score.T, levels=[0.0], colors="black", linewidths=1.2)
    if label is not None:
        ax.plot([], [], color="black", lw=1.2, label=label)
    for told, write, name in ((ax.get_xlabel, ax.set_xlabel, "$x_1$"), (ax.get_ylabel, ax.set_ylabel, "$x_2$")):
        if not told():
            write(name)
    return ax


@drawing
def threshold(x: ArrayLike, score: ArrayLike, *, low: ArrayLike | None = None, high: ArrayLike | None = None, band: str = "may lie here",
              label: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the decision boundary on a line: upright lines at the zeros of score (n,) over x (n,), grey where low ≤ 0 ≤ high; returns the axes.

    On empty axes the score is drawn too.  Its zeros are those of the score taken as linear between nodes; the other arguments are those of `boundary`.
    """
    x, score = along(x, "x"), gapped(score, "score")
    if score.shape != x.shape:
        raise ValueError(f"score has shape {score.shape}; expected {x.shape}: a number for each x")
    if (low is None) != (high is None):
        raise ValueError("a band has two sides; give both low and high, or neither")
    if not ax.has_data():
        curve(x, score, labels=("$x$", "score"), ax=ax, color="black", lw=0.8)
    if low is not None:
        ax.fill_between(x, 0, 1, where=_outside(low, high, x.shape) <= 0, transform=ax.get_xaxis_transform(), color=GREY, alpha=0.35, lw=0, label=band)
    left = np.flatnonzero((np.signbit(score[:-1]) != np.signbit(score[1:])) & np.isfinite(score[:-1]) & np.isfinite(score[1:]))
    step = score[left + 1] - score[left]                               # 0 from −0 to 0
    zeros = x[left] - score[left] * (x[left + 1] - x[left]) / np.where(step == 0, 1.0, step)
    for k, zero in enumerate(zeros):
        ax.axvline(zero, color="black", lw=1.2, label=label if k == 0 else None)
    if not ax.get_xlabel():
        ax.set_xlabel("$x$")
    return ax


def _outside(low, high, shape):
    """By how much 0 is outside [low, high]; negative inside."""
    low, high = (as_array(a, name, shape) for a, name in ((low, "low"), (high, "high")))
    if not (low <= high).all():
        raise ValueError(f"low is above high at {int((low > high).sum())} nodes; swap them")
    return np.maximum(low, -high)
