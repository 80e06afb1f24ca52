"""Paths and their law through the layers: fans, densities over time, layers side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ocnet.inputs import as_array, as_number, as_whole

from .fields import curve, field, scatter
from .style import COLOURS, FIRST, LOWER, along, drawing, figure, gapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["density_in_time", "layers", "paths", "shown_layers"]

_MOST = 50                           # layers side by side
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_LABELS = ("time t", "state x")


@drawing
def paths(times: ArrayLike, states: ArrayLike, *, quantiles: Sequence[float] = _QUANTILES, shown: int = 12, colour: str = LOWER,
          labels: Sequence[str] = _LABELS, ax: Axes | None = None) -> Axes:
    """Draw one-dimensional paths against time as bands between quantiles, with the first few paths as lines; returns the axes.

    times : (K,);  states : (K, paths)
    quantiles : an odd number of them, increasing and symmetric about ½: the k-th and the k-th from behind make a band, the middle one a line.
                They are those of the sample: with p paths, of standard error √(q (1 − q)/p) in probability
    shown     : how many single paths are drawn
    """
    times, states = along(times, "times"), gapped(as_array(states, "states"), "states")
    shown, quantiles = as_whole(shown, "shown", 0), _checked(quantiles)
    if states.ndim != 2 or not states.shape[1] or len(states) != times.size:
        raise ValueError(f"states has shape {states.shape}; expected ({times.size}, paths): a row for each time")
    _bands(ax, times, np.quantile(states, quantiles, axis=1), quantiles, colour)
    for k in range(min(shown, states.shape[1])):
        ax.plot(times, states[:, k], lw=0.5, color="0.25", alpha=0.5, label=f"{min(shown, states.shape[1])} paths" if k == 0 else None)
    ax.set(xlabel=labels[0], ylabel=labels[1], xlim=(times[0], times[-1]) if times.size > 1 else None)
    return ax


def _checked(quantiles):
    q = as_array(quantiles, "quantiles", (None,))
    if q.size % 2 == 0 or not ((np.diff(q) > 0).all() and (0 < q).all() and (q < 1).all()) or np.abs(q + q[::-1] - 1).max() > 1e-9:
        raise ValueError(f"quantiles={tuple(quantiles)} are not an odd number of increasing probabilities, symmetric about ½, such as (0.05, 0.5, 0.95)")
    return q


def _bands(ax, times, rows, quantiles, colour):
    """rows (quantiles, K)."""
    half = len(rows) // 2
    for k in range(half):
        share = quantiles[-1 - k] - quantiles[k]
        ax.fill_between(times, rows[k], rows[-1 - k], color=colour, alpha=0.22, lw=0, label=f"{share:.0%} of the paths")
    ax.plot(times, rows[half], color=colour, lw=1.4, label="median")


@drawing
def density_in_time(times: ArrayLike, x: ArrayLike, density: ArrayLike, *, quantiles: Sequence[float] = _QUANTILES, bar: str | None = "density p(t, x)",
                    labels: Sequence[str] = _LABELS, ax: Axes | None = None, **style: Any) -> Axes:
    """Draw a density over time and a line as colours, with lines at its quantiles; returns the axes.

    times : (K,);  x : (n,) increasing;  density : (K, n), not negative; its mass, by the trapezoidal rule, may be below 1 where some was absorbed:
    quantiles are of what is left
    """
    times, x, p, q = along(times, "times"), along(x, "x"), gapped(as_array(density, "density"), "density"), _checked(quantiles)
    if p.shape != (times.size, x.size):
        raise ValueError(f"density has shape {p.shape}; expected ({times.size}, {x.size}): a row for each time")
    field(times, x, p, bar=bar, labels=labels, ax=ax, **{"cmap": "Greys", **style})
    steps = 0.5 * np.diff(x) * (np.maximum(p[:, 1:], 0) + np.maximum(p[:, :-1], 0))
    mass = np.concatenate([np.zeros((len(p), 1)), np.cumsum(steps, axis=1)], axis=1)
    found = np.array([np.interp(q * row[-1], row, x) for row in mass]).T
    for k, row in enumerate(found):
        middle = k == len(q) // 2
        told = "median" if middle else (f"{q[0]:.0%} and {q[-1]:.0%}" if k == 0 else (f"{q[1]:.0%} and {q[-2]:.0%}" if k == 1 else None))
        ax.plot(times, row, color=COLOURS[1] if middle else FIRST, lw=1.3 if middle else 0.9, ls="-" if middle else ("--" if k in (0, len(q) - 1) else ":"),
                label=told)
    return ax


@drawing
def layers(times: ArrayLike, states: ArrayLike, point_labels: ArrayLike | None = None, *, shown: int = 5,
           densities: Mapping[int, Sequence] | Sequence | None = None, panels: Sequence[Axes] | None = None, margin: float = 0.15) -> np.ndarray:
    """Draw points at several layers side by side, over their densities where given; returns the axes (k,).

    times  : (N + 1,) of the layers;  states : (N + 1, n, d), d = 1 or 2 (of more, the first two coordinates are drawn)
    point_labels : (n,) −1 or 1, or None for points of one kind
    shown  : how many layers, evenly from the first to the last
    densities : by layer, of those shown at least, (x, y, p (len(x), len(y))) in the plane, or (x, p) on a line; square roots are shown in the plane, so that
             thin parts are seen
    panels : axes to draw on, one a layer shown; a new figure by default
    margin : of the picture around the points, as a share of their spread
    """
    times, states = along(times, "times"), gapped(as_array(states, "states"), "states")
    margin = as_number(margin, "margin", at_least=0, at_most=1e6)
    if states.ndim != 3 or not all(states.shape) or len(states) != times.size:
        raise ValueError(f"states has shape {states.shape}; expected ({times.size}, n, d): a layer for each time")
    chosen = shown_layers(len(times), shown if panels is None else len(panels))
    drawn = figure(1, len(chosen), 9.6, 2.5)[1][0] if panels is None else np.asarray(panels)
    marks = np.full(states.shape[1], -1) if point_labels is None else as_array(point_labels, "point_labels", (states.shape[1],))
    for ax, n in zip(drawn, chosen):
        points = states[n, :, :2]
        lower, upper = points.min(axis=0), points.max(axis=0)
        edge = margin * np.maximum(upper - lower, 1e-12)
        if densities is not None:
            _under(ax, densities[n])
        scatter(points, marks, size=7, alpha=0.6, ax=ax)
        ax.set(title=f"layer {n}, t = {times[n]:.2f}", xlim=(lower[0] - edge[0], upper[0] + edge[0]))
        if points.shape[1] > 1:
            ax.set_ylim(lower[1] - edge[1], upper[1] + edge[1])
    return drawn


def shown_layers(count: int, shown: int) -> list[int]:
    """Return which of `count` layers `layers` draws: about `shown` of them, evenly from the first to the last."""
    count, shown = as_whole(count, "count"), as_whole(shown, "shown", at_most=_MOST)
    return [int(n) for n in np.unique(np.round(np.linspace(0, count - 1, shown)))]


def _under(ax, density):
    if len(density) == 2:
        curve(*density, labels=("$x$", "density"), color="black", lw=1.2, ax=ax)
    else:
        x, y, p = density
        field(x, y, np.sqrt(np.maximum(p, 0)), bar=None, cmap="Greys", ax=ax)
