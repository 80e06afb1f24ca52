"""Arrays onto matplotlib axes: the picture book of the project, which knows none of its nouns and never shows a window.

    from ocnet import plotting
    ax = plotting.field(x, y, values, bar="value u")              # axes of a new figure, in the house's style
    plotting.boundary(x, y, score, low=low, high=high, ax=ax)     # on axes that are there already, in the style they are in
    ax.figure.savefig("value.png")

One convention.  Data come first, in float arrays or what converts to them, and are not changed.  `ax=None` comes by name, and stands for the
axes of a new figure.  What comes back is the axes; what was drawn is in them under its legend's name (`ax.get_legend_handles_labels()`), and
`ax.figure` is the figure.  Where a picture has several panels, it takes `panels=None` and returns an array of axes (`sections`, `layers`, `control`).
Films (`animate`, `animate_field`, `animate_paths`) return an `Animation`, whose `save` writes a GIF or an MP4.  A legend is drawn only where the
picture cannot be read without; elsewhere call `ax.legend()`, or `legend_above(ax)`, which makes room for it first.

Figures are made off screen: nothing here touches pyplot, its list of figures or its current axes.  matplotlib is imported on first use.
Style: `STYLE`, a dictionary for `matplotlib.rc_context`, read from house.mplstyle, which is `plt.style.use("ocnet.plotting.house")` too.
Palette: Okabe and Ito's, told apart by readers who are blind to red, green or blue (a test simulates them): `LOWER` and `UPPER` for the two
labels, `FIRST` and `SECOND` for two methods, `GREY` for what is only there to compare; `COLOURS`, `MARKERS` and `DASHES` go together, place by
place, so that colour is never the only difference.
"""

from typing import Any

from . import style
from .agreement import agreement, budget, calibration, intervals, z_scores
from .animation import Animation, animate, animate_field, animate_paths
from .boundary import boundary, threshold
from .depth import control, weights
from .fields import contours, curve, field, on_grid, scatter, sections
from .landscape import landscape
from .ledger import ledger
from .paths import density_in_time, layers, paths, shown_layers
from .rates import Slope, convergence, fitted_slope
from .style import COLOURS, DASHES, FIRST, GREY, LOWER, MARKERS, SECOND, UPPER, drawing, figure, legend_above, png
from .training import training

__all__ = ["COLOURS", "DASHES", "FIRST", "GREY", "LOWER", "MARKERS", "SECOND", "STYLE", "UPPER", "Animation", "Slope", "agreement", "animate",
           "animate_field", "animate_paths", "boundary", "budget", "calibration", "contours", "control", "convergence", "curve",
           "density_in_time", "drawing", "field", "figure", "fitted_slope", "intervals", "landscape", "layers", "ledger", "legend_above", "on_grid",
           "paths", "png", "scatter", "sections", "shown_layers", "threshold", "training", "weights", "z_scores"]


def __getattr__(name: str) -> Any:                       # STYLE is read from its file on first use
    if name == "STYLE":
        return style.STYLE
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
