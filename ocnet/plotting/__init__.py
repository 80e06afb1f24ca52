"""Arrays onto matplotlib axes; knows no noun of the project and never shows a figure.

One palette (Okabe and Ito's, safe for colour-blind readers): `LOWER` and `UPPER` for the two labels, `FIRST` and `SECOND`
for two methods.  Figures are made off screen, so nothing here touches pyplot or a window.
"""

from .agreement import agreement, z_scores
from .fields import boundary, curve, field, on_grid, scatter
from .style import FIRST, GREY, LOWER, SECOND, STYLE, UPPER, figure, png

__all__ = ["FIRST", "GREY", "LOWER", "SECOND", "STYLE", "UPPER", "agreement", "boundary", "curve", "field", "figure", "on_grid", "png",
           "scatter", "z_scores"]
