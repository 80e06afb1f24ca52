"""Arrays onto matplotlib axes; knows no noun of the project, never shows a figure, leaves style to the caller."""

__all__ = ["curve", "field", "on_grid"]


def _axes(ax):
    """`ax`, or the axes of a new figure that no window shows."""
    if ax is not None:
        return ax
    from matplotlib.figure import Figure
    return Figure(layout="constrained").add_subplot()


def field(ax, x, y, values, **style):
    """Draw values (len(x), len(y)) over two axes as colours, with a bar; returns the axes."""
    ax = _axes(ax)
    mesh = ax.pcolormesh(x, y, values.T, shading="nearest", **style)
    ax.figure.colorbar(mesh, ax=ax)
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
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
