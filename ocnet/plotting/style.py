"""The house's style: one palette (Okabe and Ito's, safe for colour-blind readers), figures off screen, files without a date."""

import io

__all__ = ["FIRST", "GREY", "LOWER", "SECOND", "STYLE", "UPPER", "axes_or_new", "figure", "png"]

LOWER, UPPER, FIRST, SECOND, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#666666"
STYLE = {"font.size": 9, "axes.titlesize": 9.5, "axes.spines.top": False, "axes.spines.right": False,
          "legend.frameon": False, "legend.fontsize": 8, "image.cmap": "viridis"}


def figure(rows=1, columns=1, width=8.0, height=3.2, **options):
    """Return (figure, axes array (rows, columns)) in the project's style, sizes in inches."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    with rc_context(STYLE):
        made = Figure(figsize=(width, height), layout="constrained")
        return made, made.subplots(rows, columns, squeeze=False, **options)


def png(made, dpi=120):
    """Return the figure as the bytes of a PNG file, without a date, so that equal figures are equal files."""
    buffer = io.BytesIO()
    made.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def axes_or_new(ax):
    """`ax`, or the axes of a new figure that no window shows."""
    return figure()[1][0, 0] if ax is None else ax
