"""Arrays onto matplotlib axes; knows no noun of the project and never shows a figure.

One palette (Okabe and Ito's, safe for colour-blind readers): `LOWER` and `UPPER` for the two labels, `FIRST` and `SECOND`
for two methods.  Figures are made off screen, so nothing here touches pyplot or a window.
"""

import io

import numpy as np

__all__ = ["FIRST", "LOWER", "SECOND", "STYLE", "UPPER", "agreement", "boundary", "curve", "field", "figure", "on_grid", "png",
           "scatter", "z_scores"]

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


def _axes(ax):
    """`ax`, or the axes of a new figure that no window shows."""
    return figure()[1][0, 0] if ax is None else ax


def field(ax, x, y, values, bar=True, **style):
    """Draw values (len(x), len(y)) over two axes as colours, with a bar if asked; returns the axes."""
    ax = _axes(ax)
    mesh = ax.pcolormesh(x, y, values.T, shading="nearest", rasterized=True, **style)
    if bar:
        ax.figure.colorbar(mesh, ax=ax, shrink=0.9)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    return ax


def curve(ax, x, y, **style):
    """Draw y (n,) or (n, k) against x (n,); returns the axes."""
    ax = _axes(ax)
    ax.plot(x, y, **style)
    ax.set_xlabel("$x$")
    return ax


def on_grid(ax, axes, values):
    """Draw a grid function: a curve on one axis, a field on two.  Raises ValueError for more, which need a section."""
    if len(axes) == 1:
        return curve(ax, axes[0], values)
    if len(axes) == 2:
        return field(ax, axes[0], axes[1], values)
    raise ValueError(f"a grid function of {len(axes)} axes has no picture; plot a section of it with plotting.field")


def boundary(ax, x, y, score):
    """Draw the zero contour of score (len(x), len(y)) in black; returns the axes."""
    if score.min() < 0 < score.max():
        ax.contour(x, y, score.T, levels=[0.0], colors="black", linewidths=1.2)
    return ax


def scatter(ax, points, labels, size=6, alpha=0.7):
    """Draw labelled points (n, 2), or (n, 1) along the bottom edge of the axes; returns the axes."""
    for label, colour, marker in ((-1, LOWER, "o"), (1, UPPER, "^")):
        chosen = points[labels == label]
        height = chosen[:, 1] if points.shape[1] > 1 else np.full(len(chosen), 0.02 if label < 0 else 0.06)
        transform = {} if points.shape[1] > 1 else {"transform": ax.get_xaxis_transform()}
        ax.scatter(chosen[:, 0], height, s=size, c=colour, marker=marker, alpha=alpha, linewidths=0,
                   label=f"label {label:+d}", rasterized=True, **transform)
    return ax


def agreement(ax, x, y, x_error, y_error, inside):
    """Draw y against x (n,) with both error bars and the diagonal; points that are not `inside` stand out."""
    for chosen, colour, name in ((inside, FIRST, "within its bars"), (~inside, UPPER, "outside")):
        if chosen.any():
            ax.errorbar(x[chosen], y[chosen], xerr=x_error[chosen], yerr=y_error[chosen], fmt="o", ms=2.5, lw=0.7,
                        color=colour, alpha=0.7, label=f"{name} ({chosen.sum()})", rasterized=True)
    ends = np.array([min(x.min(), y.min()), max(x.max(), y.max())])
    ax.plot(ends, ends, color="black", lw=0.8, label="equal")
    return ax


def z_scores(ax, z):
    """Draw the histogram of z (n,) against the standard normal density; returns the axes."""
    edges = np.linspace(-4.5, 4.5, 28)
    ax.hist(np.clip(z, -4.5, 4.5), bins=edges, density=True, color=FIRST, alpha=0.6, label=f"{z.size} points")
    t = np.linspace(-4.5, 4.5, 200)
    ax.plot(t, np.exp(-0.5 * t**2) / np.sqrt(2 * np.pi), color="black", lw=1.0, label="standard normal")
    ax.set(xlabel="z = difference / its error", ylabel="density")
    return ax
