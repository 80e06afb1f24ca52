"""Grid functions and data on axes: curves, fields, contours, sections of three dimensions, labelled points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ocnet.inputs import as_array, as_number, as_whole

from .style import LOWER, UPPER, along, drawing, figure, gapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["contours", "curve", "field", "on_grid", "scatter", "sections"]

_ON_LINE, _IN_PLANE = ("$x$", "value"), ("$x_1$", "$x_2$")
_MOST_LEVELS = 1000
_EDGE = "white"                      # around points, so that they are seen on the darkest colour of a field


@drawing
def field(x: ArrayLike, y: ArrayLike, values: ArrayLike, *, bar: str | None = "value", labels: Sequence[str] = _IN_PLANE,
          ax: Axes | None = None, **style: Any) -> Axes:
    """Draw values (len(x), len(y)) over two axes as colours; returns the axes.

    bar    : what the colours measure, with its unit, beside a bar; None draws none
    labels : of the two axes, with units;  style : of `pcolormesh`, such as cmap or norm
    Raises ValueError where the shape of values is not (len(x), len(y)).
    """
    across, up, table = _checked(x, y, values)
    mesh = ax.pcolormesh(across, up, table.T, shading="nearest", rasterized=True, **style)
    if bar is not None:
        ax.figure.colorbar(mesh, ax=ax, shrink=0.9, label=bar)
    ax.set(xlabel=labels[0], ylabel=labels[1], xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
    return ax


@drawing
def contours(x: ArrayLike, y: ArrayLike, values: ArrayLike, *, levels: int | ArrayLike = 10, bar: str | None = "value",
             labels: Sequence[str] = _IN_PLANE, ax: Axes | None = None, **style: Any) -> Axes:
    """Draw values (len(x), len(y)) as filled contours with thin lines between them; returns the axes.

    levels : how many, or where (increasing);  the other arguments are those of `field`
    """
    across, up, table = _checked(x, y, values)
    if min(table.shape) < 2:
        raise ValueError(f"values has shape {table.shape}; contours need two places along each axis")
    levels = as_whole(levels, "levels", at_most=_MOST_LEVELS) if np.ndim(levels) == 0 else _increasing(levels, "levels")
    filled = ax.contourf(across, up, table.T, levels, **style)
    ax.contour(across, up, table.T, filled.levels, colors="white", linewidths=0.4, alpha=0.6)
    if bar is not None:
        ax.figure.colorbar(filled, ax=ax, shrink=0.9, label=bar)
    ax.set(xlabel=labels[0], ylabel=labels[1], xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
    return ax


def _checked(x, y, values):
    x, y, values = along(x, "x"), along(y, "y"), gapped(values, "values")
    if values.shape != (x.size, y.size):
        raise ValueError(f"values has shape {values.shape}; expected ({x.size}, {y.size}): a row for each x, a column for each y")
    return x, y, values


def _increasing(numbers, name):
    array = along(numbers, name)
    if not (np.diff(array) > 0).all():
        raise ValueError(f"{name}={array.tolist()} do not increase; sort them")
    return array


@drawing
def curve(x: ArrayLike, y: ArrayLike, *, labels: Sequence[str] = _ON_LINE, ax: Axes | None = None, **style: Any) -> Axes:
    """Draw y (n,) or (n, k) against x (n,); returns the axes.  labels : of the two axes, with units;  style : of the lines"""
    x, y = along(x, "x"), gapped(y, "y")
    if y.ndim not in (1, 2) or len(y) != x.size:
        raise ValueError(f"y has shape {y.shape}; expected ({x.size},) or ({x.size}, k): a row for each x")
    ax.plot(x, y, **style)
    ax.set(xlabel=labels[0], ylabel=labels[1])
    return ax


def on_grid(axes: Sequence[np.ndarray], values: ArrayLike, *, meaning: str = "value", labels: Sequence[str] | None = None, ax: Axes | None = None) -> Axes:
    """Draw a grid function of that meaning: a curve on one axis, a field on two.  Raises ValueError for more, which need `sections`."""
    axes = _axes(axes)
    if len(axes) == 1:
        return curve(axes[0], values, labels=((labels or ("$x$",))[0], meaning), ax=ax)
    if len(axes) == 2:
        return field(axes[0], axes[1], values, bar=meaning, labels=labels or _IN_PLANE, ax=ax)
    raise ValueError(f"a grid function of {len(axes)} axes has no picture; take plotting.sections, or plotting.field of one section")


@drawing
def sections(axes: Sequence[np.ndarray], values: ArrayLike, *, at: ArrayLike | None = None, meaning: str = "value",
             panels: Sequence[Axes] | None = None, **style: Any) -> np.ndarray:
    """Draw the three sections of a function of three axes through one point, all in one scale of colours; returns the three axes (3,).

    axes : three arrays;  values : (n1, n2, n3);  at : (3,) the point, taken to the nearest nodes; the middle nodes by default
    panels : three axes to draw on; a new figure by default
    """
    axes, values = _axes(axes), gapped(values, "values")
    if values.shape != tuple(a.size for a in axes) or len(axes) != 3:
        raise ValueError(f"values has shape {values.shape}; expected {tuple(a.size for a in axes)}, along three axes")
    places = [a.size // 2 for a in axes] if at is None else [int(np.abs(a - c).argmin()) for a, c in zip(axes, as_array(at, "at", (3,)))]
    drawn = figure(1, 3, 9.6, 2.9)[1][0] if panels is None else np.asarray(panels)
    scale = {**_scale(values), **style}
    for ax, out in zip(drawn, (2, 1, 0)):
        i, j = (k for k in range(3) if k != out)
        field(axes[i], axes[j], np.take(values, places[out], axis=out), bar=meaning if out == 0 else None,
              labels=(f"$x_{i + 1}$", f"$x_{j + 1}$"), ax=ax, **scale)
        ax.set_title(f"$x_{out + 1}$ = {axes[out][places[out]]:.3g}")
    return drawn


def _axes(axes):
    if not isinstance(axes, (list, tuple)):
        raise TypeError(f"axes={axes!r} is no sequence of arrays; give one for each axis")
    return [along(axis, f"axes[{i}]") for i, axis in enumerate(axes)]


def _scale(values):
    """The range of what is there, as colours want it; nothing where there is nothing."""
    there = values[np.isfinite(values)]
    return {"vmin": there.min(), "vmax": there.max()} if there.size else {}


@drawing
def scatter(points: ArrayLike, labels: ArrayLike, *, size: float = 9, alpha: float = 0.7, ax: Axes | None = None) -> Axes:
    """Draw labelled points (n, 2), or (n, 1) along the bottom edge of the axes; returns the axes.  labels : (n,) −1 or 1"""
    points, labels = gapped(points, "points"), as_array(labels, "labels", (len(points) if np.ndim(points) else 0,))
    if points.ndim != 2 or not points.shape[1]:
        raise ValueError(f"points has shape {points.shape}; expected (n, 1) or (n, 2)")
    size, alpha = as_number(size, "size", above=0, at_most=1e6), as_number(alpha, "alpha", at_least=0, at_most=1)
    for label, colour, marker in ((-1, LOWER, "o"), (1, UPPER, "^")):
        chosen = points[labels == label]
        height = chosen[:, 1] if points.shape[1] > 1 else np.full(len(chosen), 0.02 if label < 0 else 0.06)
        transform = {} if points.shape[1] > 1 else {"transform": ax.get_xaxis_transform()}
        ax.scatter(chosen[:, 0], height, s=size, c=colour, marker=marker, alpha=alpha, linewidths=0.06 * np.sqrt(size), edgecolors=_EDGE,
                   label=f"label {'+1' if label > 0 else '−1'}", rasterized=True, **transform)
    if not ax.get_xlabel():
        ax.set_xlabel("$x_1$" if points.shape[1] > 1 else "$x$")
    if points.shape[1] > 1 and not ax.get_ylabel():
        ax.set_ylabel("$x_2$")
    return ax
