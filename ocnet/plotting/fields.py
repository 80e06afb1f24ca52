"""Grid functions and data on axes: curves, fields, decision boundaries, labelled points."""

import numpy as np

from .style import LOWER, UPPER, axes_or_new

__all__ = ["boundary", "curve", "field", "on_grid", "scatter"]


def field(ax, x, y, values, bar=True, **style):
    """Draw values (len(x), len(y)) over two axes as colours, with a bar if asked; returns the axes."""
    ax = axes_or_new(ax)
    mesh = ax.pcolormesh(x, y, values.T, shading="nearest", rasterized=True, **style)
    if bar:
        ax.figure.colorbar(mesh, ax=ax, shrink=0.9)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    return ax


def curve(ax, x, y, **style):
    """Draw y (n,) or (n, k) against x (n,); returns the axes."""
    ax = axes_or_new(ax)
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
