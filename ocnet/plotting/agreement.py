"""How two views agree, point by point, and what their differences are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ocnet.inputs import as_array, as_number

from .style import COLOURS, FIRST, MARKERS, UPPER, along, drawing, gapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["agreement", "budget", "calibration", "intervals", "z_scores"]

_LEAST = 1e-12                       # of a bar on a log scale that stands for zero
_MOST_NAMES = 20                     # of rows that are written; of more, every second, third … name


@drawing
def agreement(x: ArrayLike, y: ArrayLike, x_error: ArrayLike, y_error: ArrayLike, inside: ArrayLike, *,
              labels: Sequence[str] = ("grid ± bar", "particles ± bar"), ax: Axes | None = None) -> Axes:
    """Draw y against x (n,) with both error bars and the diagonal; points that are not `inside` (n,) stand out; returns the axes."""
    x = gapped(x, "x", (None,))
    y, widths, heights = gapped(y, "y", x.shape), _bars(x_error, "x_error", x.shape), _bars(y_error, "y_error", x.shape)
    flags = as_array(inside, "inside", x.shape)
    if not np.isin(flags, (0, 1)).all():
        raise ValueError(f"inside={flags.tolist()} is neither true nor false everywhere")
    within = flags == 1
    if not np.isfinite(x * 0 + y * 0).any():
        raise ValueError(f"x and y have shape {x.shape} and no point with both; give one or more")
    for chosen, colour, marker, name in ((within, FIRST, "o", "within its bars"), (~within, UPPER, "^", "outside")):
        if chosen.any():
            ax.errorbar(x[chosen], y[chosen], xerr=widths[chosen], yerr=heights[chosen], fmt=marker, ms=2.5, lw=0.7,
                        color=colour, alpha=0.7, label=f"{name} ({chosen.sum()})", rasterized=True)
    ends = np.array([min(np.nanmin(x), np.nanmin(y)), max(np.nanmax(x), np.nanmax(y))])
    ax.plot(ends, ends, color="black", lw=0.8, label="equal")
    ax.set(xlabel=labels[0], ylabel=labels[1])
    return ax


def _bars(values, name, shape):
    """Half-widths ≥ 0 that can be drawn."""
    bars = gapped(as_array(values, name, shape), name)
    if (bars < 0).any():
        raise ValueError(f"{name} holds {bars.min():g}; half-widths of bars are ≥ 0")
    return bars


@drawing
def z_scores(z: ArrayLike, *, ax: Axes | None = None) -> Axes:
    """Draw the histogram of z (n,) against the standard normal density; returns the axes."""
    z, edges = along(z, "z"), np.linspace(-4.5, 4.5, 28)
    ax.hist(np.clip(z, -4.5, 4.5), bins=edges, density=True, color=FIRST, alpha=0.6, label=f"{z.size} points")
    t = np.linspace(-4.5, 4.5, 200)
    ax.plot(t, np.exp(-0.5 * t**2) / np.sqrt(2 * np.pi), color="black", lw=1.0, label="standard normal")
    ax.set(xlabel="z = difference / its error", ylabel="density per unit of z")
    return ax


@drawing
def calibration(z: ArrayLike, *, share: float = 0.99, ax: Axes | None = None) -> Axes:
    """Draw ordered z-scores (n,) against normal quantiles, over the band that each order statistic keeps with probability `share`; returns the axes.

    The k-th of n independent uniforms has the Beta(k, n + 1 − k) law; the band is its central `share`, through the normal quantile, point by
    point and not for all points at once.
    """
    from scipy.stats import beta, norm
    share, z = as_number(share, "share", above=0, below=1, remedy="it is a probability in (0, 1)"), gapped(along(z, "z"), "z")
    n = np.size(z)
    rank = np.arange(1, n + 1)
    middle = norm.ppf((rank - 0.5) / n)
    low, high = (norm.ppf(beta.ppf(level, rank, n + 1 - rank)) for level in (0.5 - 0.5 * share, 0.5 + 0.5 * share))
    ax.fill_between(middle, low, high, color="0.85", label=f"{share:.0%} band, {n} draws")
    ax.plot(middle, middle, color="black", lw=0.8, label="equal")
    ax.plot(middle, np.sort(z), ".", ms=3, color=FIRST, label="points")
    limit = max(3.5, abs(middle[0]) + 0.5)
    ax.set(xlabel="normal quantile", ylabel="z-score", xlim=(-limit, limit), ylim=(-limit, limit))
    return ax


@drawing
def budget(parts: Mapping[str, float], *, colours: Sequence[str] | None = None, label: str = "in units of the objective", ax: Axes | None = None) -> Axes:
    """Draw named non-negative numbers as bars on one log scale, the first on top; returns the axes.  colours : one a bar"""
    sizes = gapped(as_array(list(parts.values()), "parts", (None,)), "parts")
    if not (sizes >= 0).all():
        raise ValueError(f"parts {[n for n, v in zip(parts, sizes) if not v >= 0]} are not sizes ≥ 0; take absolute values of differences")
    least = max(sizes[sizes > 0].min(initial=np.inf), _LEAST) if (sizes > 0).any() else _LEAST
    ax.barh(list(parts), np.maximum(sizes, _LEAST), color=colours or FIRST)
    ax.set(xscale="log", xlabel=label, xlim=(10.0 ** np.floor(np.log10(least) - 0.2), None))
    ax.invert_yaxis()
    return ax


@drawing
def intervals(names: Sequence[str], values: ArrayLike, errors: ArrayLike, *, label: str = "value", ax: Axes | None = None) -> Axes:
    """Draw values (n,) or (n, k) with their errors on one scale, a row for each name, columns side by side; returns the axes."""
    values = gapped(values, "values")
    errors = _bars(errors, "errors", values.shape)
    if values.ndim not in (1, 2) or len(values) != len(names) or not values.size:
        raise ValueError(f"values has shape {values.shape}; expected ({len(names)},) or ({len(names)}, k): a row for each of names")
    values, errors = (a.reshape(len(names), -1) for a in (values, errors))
    columns = values.shape[1]
    rows, step = np.arange(len(names)), -(-len(names) // _MOST_NAMES)
    for k in range(columns):
        offset = 0.0 if columns == 1 else 0.5 * (k / (columns - 1) - 0.5)
        ax.errorbar(values[:, k], rows + offset, xerr=errors[:, k], fmt=MARKERS[k % len(MARKERS)], ms=3.5, lw=1.2, capsize=2,
                    color=COLOURS[k % len(COLOURS)], label=f"column {k}" if columns > 1 else None)
    ax.set_yticks(rows[::step], list(names)[::step])
    ax.set(xlabel=label, ylim=(len(names) - 0.5, -0.5))
    return ax
