"""The house's style: one palette (Okabe and Ito's, safe for colour-blind readers), figures off screen, files without a date."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache, wraps
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from ocnet.inputs import as_array, as_number, as_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "DASHES", "FIRST", "GREY", "LOWER", "MARKERS", "SECOND", "UPPER", "drawing", "figure", "legend_above", "png"]

LOWER, UPPER, FIRST, SECOND, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#666666"
COLOURS = (LOWER, UPPER, FIRST, SECOND, GREY)            # in this order, each with the marker and the dashes of its place
MARKERS = ("o", "^", "s", "D", "v")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
_MOST_PANELS, _MOST_INCHES = 100, 500
_LARGEST = 1e300                                         # numbers beyond it overflow while axes are scaled
_WIDTH, _HEIGHT = 5.0, 3.4                               # inches, of a figure of one panel that nobody asked for by size

P = ParamSpec("P")
R = TypeVar("R")


@cache
def _style() -> dict[str, Any]:
    from matplotlib import rc_params_from_file
    return dict(rc_params_from_file(Path(__file__).with_name("house.mplstyle"), use_default_template=False))


def __getattr__(name: str) -> Any:                       # STYLE is read on first use, so that importing the package loads no matplotlib
    if name == "STYLE":
        return _style()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def along(x: Any, name: str = "x") -> np.ndarray:
    """An axis: finite numbers (n,), n ≥ 1."""
    axis = as_array(x, name, (None,))
    if not axis.size:
        raise ValueError(f"{name} is empty; give one number or more")
    return axis


def gapped(values: Any, name: str, shape: tuple[int | None, ...] | None = None) -> np.ndarray:
    """Numbers to be drawn, NaN and infinities as gaps, within what matplotlib can scale; ValueError for another shape."""
    array = as_array(values, name, shape, finite=False)
    if np.abs(np.nan_to_num(array, nan=0.0, posinf=0.0, neginf=0.0)).max(initial=0.0) > _LARGEST:
        raise ValueError(f"{name} holds numbers beyond {_LARGEST:g}, which no axis can show; scale it")
    return np.where(np.isfinite(array), array, np.nan) if not np.isfinite(array).all() else array


def figure(rows: int = 1, columns: int = 1, width: float = 8.0, height: float = 3.2, **options: Any) -> tuple[Figure, np.ndarray]:
    """Return (figure, axes array (rows, columns)) in the project's style, sizes in inches."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    rows, columns = as_whole(rows, "rows", at_most=_MOST_PANELS), as_whole(columns, "columns", at_most=_MOST_PANELS)
    width, height = (as_number(size, name, above=0, at_most=_MOST_INCHES, remedy=f"a figure is 0 to {_MOST_INCHES} inches wide and high")
                     for name, size in (("width", width), ("height", height)))
    style = _style()
    with rc_context(style):
        made = Figure(figsize=(width, height), layout="constrained")
        panels = made.subplots(rows, columns, squeeze=False, **options)
        for ax in panels.flat:
            ax.tick_params(labelsize=style["font.size"])     # ticks are made late, when another style may rule
        return made, panels


def png(made: Figure, dpi: float = 120) -> bytes:
    """Return the figure as the bytes of a PNG file, without a date, so that equal figures are equal files."""
    from matplotlib import rc_context
    dpi = as_number(dpi, "dpi", at_least=10, at_most=10_000, remedy="it is dots per inch, from 10 to 10000")
    buffer = io.BytesIO()
    with rc_context(_style()):
        made.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def drawing(function: Callable[P, R]) -> Callable[P, R]:
    """Make `ax=None` mean the axes of a new figure, in the house's style, and `panels=None` a new sheet; given axes keep the style they are in.

    Raises TypeError where axes come among the data, first and without their name.
    """
    where = "panels" if "panels" in signature(function).parameters else "ax"

    @wraps(function)
    def drawn(*data: P.args, **named: P.kwargs) -> R:
        from matplotlib import rc_context
        if data and (data[0] is None or hasattr(data[0], "transAxes")):
            raise TypeError(f"{function.__name__} takes its data first and axes by name: {function.__name__}(…, {where}={where})")
        if named.get(where) is not None:
            return function(*data, **named)
        with rc_context(_style()):
            if where == "ax":
                named["ax"] = figure(width=_WIDTH, height=_HEIGHT)[1][0, 0]
            return function(*data, **named)
    return drawn


def legend_above(ax: Axes, place: str = "upper right") -> None:
    """Draw the legend into an upper corner, and lift the upper limit of the values so that nothing lies behind it."""
    from matplotlib import rcParams
    entries = len(ax.get_legend_handles_labels()[0])
    if not entries:
        return
    ax.set_ylim(auto=True)
    ax.autoscale_view(scalex=False)
    points = 72 * ax.figure.get_size_inches()[1] * ax.get_position().height
    share = min(0.6, (1.5 * entries + 0.8) * _size_of_legends(rcParams) / points)
    change = ax.yaxis.get_transform()
    low, high = change.transform(np.asarray(ax.get_ylim(), float))
    ax.set_ylim(top=float(change.inverted().transform(np.asarray([low + (high - low) / (1 - share)]))[0]))
    ax.legend(loc=place)


def _size_of_legends(settings):
    from matplotlib.font_manager import FontProperties
    return FontProperties(size=settings["legend.fontsize"]).get_size_in_points()
