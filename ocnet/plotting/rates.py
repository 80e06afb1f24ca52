"""Errors against what makes them small: measured slopes with their intervals, beside those that theory states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ocnet.inputs import as_array, as_number

from .style import COLOURS, DASHES, GREY, MARKERS, along, drawing, gapped, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["Slope", "convergence", "fitted_slope"]

_NARROWEST = 1e-100                  # of a bar, as a share of its number
_APART = 0.6                         # factor by which a reference line lies below its data


@dataclass(frozen=True)
class Slope:
    """The slope of log y over log x by least squares; `error` is its standard error, (low, high) hold it with probability `level`."""

    value: float
    error: float
    low: float
    high: float
    level: float
    points: int

    def to_dict(self) -> dict:
        """Plain numbers, by name."""
        return dict(vars(self))

    def __repr__(self) -> str:
        return f"Slope({self.value:.3f} ± {self.error:.2g} s.e., {self.level:.0%} interval {self.low:.3f} to {self.high:.3f}, {self.points} points)"


def fitted_slope(x: ArrayLike, y: ArrayLike, bars: ArrayLike | None = None, level: float = 0.95) -> Slope:
    """Return the `Slope` of log |y| over log x, both (k,), k ≥ 3, positive.

    bars : (k,) standard errors of y, to first order bars/|y| of log y: weights 1/bar², and the standard error of the weighted sum, times
           √(χ²/(k − 2)) where the points scatter about the line by more than their bars say (Birge's ratio).  None: equal weights, the
           residuals' own standard deviation.  In both cases Student's law with k − 2 degrees of freedom.
    Where y is not noisy but bent, the interval says how far from straight the points are, not where more points would lead.
    Raises ValueError for fewer than three points, or where x, y or a bar is not positive.
    """
    from scipy.special import stdtrit
    level = as_number(level, "level", above=0, below=1, remedy="it is a probability in (0, 1)")
    with np.errstate(divide="ignore", invalid="ignore"):
        t, s = np.log(as_array(x, "x", (None,))), np.log(np.abs(as_array(y, "y", (None,))))
    if t.size < 3 or t.shape != s.shape or not (np.isfinite(t).all() and np.isfinite(s).all()):
        raise ValueError(f"x={np.asarray(x).tolist()} and y={np.asarray(y).tolist()} have no slope; give three or more positive numbers each")
    if not np.ptp(t) > 0:
        raise ValueError(f"x={np.asarray(x).tolist()} are equal, so that y has no slope over them; give points that differ")
    with np.errstate(over="ignore"):
        sigma = np.ones_like(t) if bars is None else as_array(bars, "bars", t.shape) / np.exp(s)
    if not ((sigma > _NARROWEST) & (sigma < 1 / _NARROWEST)).all():
        raise ValueError(f"bars={np.asarray(bars).tolist()} are not all positive; leave them out for points without noise")
    weights = 1 / sigma**2
    middle = (weights @ t) / weights.sum()
    spread = weights @ (t - middle) ** 2
    value = weights @ ((t - middle) * s) / spread
    residual = s - (weights @ s) / weights.sum() - value * (t - middle)
    ratio = weights @ residual**2 / (t.size - 2)
    error = np.sqrt((ratio if bars is None else max(ratio, 1.0)) / spread)
    reach = stdtrit(t.size - 2, 0.5 + 0.5 * level) * error
    return Slope(float(value), float(error), float(value - reach), float(value + reach), level, int(t.size))


@drawing
def convergence(x: ArrayLike, errors: ArrayLike, *, bars: ArrayLike | None = None, expected: float | None = None, floor: float | None = None,
                name: str = "measured", labels: Sequence[str] = ("layers N", "error"), ax: Axes | None = None) -> Axes:
    """Draw errors (k,) against x (k,), both on log scales, with the fitted slope in the legend; returns the axes.

    bars     : (k,) standard errors of the errors, drawn, and used as weights of the fit
    expected : slope that theory states (−1 for order 1 in the number of layers, 1 in the step): a dashed line of that slope below the points
    floor    : below which errors mean nothing: a dotted line, and such points stay out of the fit
    name     : of the points;  the 95 % interval of `fitted_slope` is beside it, where three points or more are above the floor
    More than one call on the same axes takes the next colour and marker.
    Raises ValueError where the shapes differ or an x is not positive; errors that are 0 are left out, as a log scale has no place for them.
    """
    s, e = gapped(along(x, "x"), "x"), np.abs(gapped(errors, "errors"))
    expected, floor = (None if a is None else as_number(a, name) for a, name in ((expected, "expected"), (floor, "floor")))
    if s.shape != e.shape or s.ndim != 1 or not (s > 0).all():
        raise ValueError(f"x has shape {s.shape} and errors {e.shape}; expected the same (k,), with x positive")
    turn = sum(getattr(line, "get_gid", lambda: None)() == "series" for line in ax.lines)
    colour, marker = COLOURS[turn % len(COLOURS)], MARKERS[turn % len(MARKERS)]
    sound = (e > 0) & np.isfinite(e) & (e > (floor or 0.0))
    widths = None if bars is None else as_array(bars, "bars", s.shape)
    if widths is not None and (widths < 0).any():
        raise ValueError(f"bars={widths.tolist()} are not all ≥ 0")
    told = name
    if sound.sum() >= 3:
        slope = fitted_slope(s[sound], e[sound], None if widths is None else widths[sound])
        told = f"{name}: slope {slope.value:.2f}, 95 % {slope.low:.2f} to {slope.high:.2f}".replace("-", "−")
    ax.set(xscale="log", yscale="log", xlabel=labels[0], ylabel=labels[1])
    ax.plot(s, e, ls=DASHES[0], lw=1.0, marker=marker, ms=4, color=colour, label=told, gid="series")
    if widths is not None:
        ax.errorbar(s, e, yerr=np.minimum(widths, 0.999 * e), fmt="none", ecolor=colour, elinewidth=1.0, capsize=2)
    if expected is not None and sound.any():
        last = np.flatnonzero(sound)[-1]
        ax.plot(s, _APART * e[last] * (s / s[last]) ** expected, ls="--", lw=0.9, color=GREY, zorder=1, label=f"slope {expected:g}".replace("-", "−"))
    if floor:
        ax.axhline(floor, ls=":", lw=0.8, color=GREY, label="rounding")
    if s.size <= 8:
        ax.set_xticks(s, [f"{v:g}" for v in s])
        ax.minorticks_off()
    legend_above(ax, "upper left" if (expected or -1.0) > 0 else "upper right")
    return ax
