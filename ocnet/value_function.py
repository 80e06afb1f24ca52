"""Values on a grid in t and x, with the report of the solve that made them; both grid views return it."""

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ocnet import plotting
from ocnet.archive import Saved, plain
from ocnet.inputs import as_array, as_number, as_object, as_plain
from ocnet.process import checked_points
from ocnet.tensor_spline import TensorSpline, around_time
from ocnet.typing import Array, ArrayLike, Axes
from ocnet.xarrays import data_array, labelled, places

__all__ = ["ValueFunction"]

_ROUNDING = 1e-6                         # of a box, by which points may lie outside it without a warning
_CALLER = 4                              # frames from that warning to the call of a public method
_RECENT = 4                              # splines held of a value function whose memory is bounded


@dataclass(frozen=True, eq=False)
class ValueFunction(Saved):
    """u(t, x) from values at kept times on a grid.

    grid : Grid;  times (K,) increasing;  values (K, q, size);  report : SolveReport or another view's report
    single : whether the terminal condition was one column, so that calls return (n,) and not (n, q)
    error  : ErrorBar at t = 0 at the points it was asked for, or None
    between : what gives values at more times than are kept (`times` (K',), `values(k)` (q, size)), or None; not saved
    """

    grid: Any
    times: np.ndarray
    values: np.ndarray
    report: Any = None
    single: bool = True
    error: Any = None
    between: Any = field(default=None, metadata={"unsaved": "values between the kept times, which are interpolated once loaded"})
    _splines: dict = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        as_object(self.grid, "grid", ("axes", "shape", "size"), "a Grid", "give the Grid that the values live on")
        times, values = np.atleast_1d(as_array(self.times, "times")), as_array(self.values, "values")
        if times.ndim != 1 or not times.size:
            raise ValueError(f"times has shape {times.shape}; expected (K,) with K ≥ 1 kept times")
        if values.ndim != 3 or values.shape[0] != times.size or values.shape[2] != self.grid.size:
            raise ValueError(f"values has shape {values.shape}; expected ({times.size}, q, {self.grid.size})")
        if not (np.diff(times) > 0).all():
            raise ValueError(f"times={times.tolist()} do not increase; sort them together with values")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "values", values)

    def __call__(self, x: ArrayLike, t: float = 0.0) -> Array:
        """u(t, x) at points x (n, d): (n,) or (n, q).

        Cubic in x, limited by its neighbourhood; cubic in t through four kept times and within the range of their values
        there, linear where fewer than four were kept.  Points outside the box take the value at the nearest point of its edge, with one warning a call.
        """
        x = self._rows(x)
        rows = self._limited_mean([(self._spline(k)(x), weight) for k, weight in self._around(t)])
        return rows[0] if self.single else np.ascontiguousarray(rows.T)

    def gradient(self, x: ArrayLike, t: float = 0.0) -> Array:
        """∇u(t, x) at points x (n, d): (n, d) or (n, q, d); that of the spline before it is limited, 0 along axes it left.

        Accuracy   order 3 in the spacing on smooth values, up to the edges; beside a jump of the values it rings.
        """
        x = self._rows(x)
        return self._shown(sum(weight * self._spline(k).slopes(x) for k, weight in self._around(t)))

    def hessian(self, x: ArrayLike, t: float = 0.0) -> Array:
        """∇²u(t, x) at points x (n, d): (n, d, d) or (n, q, d, d); of order 2, and otherwise as `gradient`."""
        x = self._rows(x)
        return self._shown(sum(weight * self._spline(k).curvatures(x) for k, weight in self._around(t)))

    def _rows(self, x):
        rows = as_plain(checked_points(x, self.grid.dim, "x").T)
        self._tell_of_outside(rows)
        return rows

    def _tell_of_outside(self, x):
        """Warn, for the caller of a public method, where points x (d, n) lie outside the box by more than rounding."""
        lower, upper = self.grid.lower, self.grid.upper
        slack = _ROUNDING * (upper - lower)
        outside = ((x < (lower - slack)[:, None]) | (x > (upper + slack)[:, None])).any(axis=0)
        if outside.any():
            warnings.warn(f"{np.count_nonzero(outside)} of {outside.size} points lie outside {self.grid!r}, the first at "
                          f"{x[:, np.argmax(outside)].tolist()}: they take the value at the nearest point of its edge; solve on a wider grid",
                          RuntimeWarning, stacklevel=_CALLER)

    def _shown(self, derivatives):
        points_first = np.moveaxis(derivatives, -1, 0)
        return np.ascontiguousarray(points_first[:, 0] if self.single else points_first)

    @staticmethod
    def _limited_mean(parts):
        """Σ weight · rows, within the least and the greatest of the rows."""
        rows = np.stack([row for row, _ in parts])
        return np.clip(np.tensordot([weight for _, weight in parts], rows, 1), rows.min(axis=0), rows.max(axis=0))

    def _around(self, t):
        times = self.times if self.between is None else self.between.times
        t = as_number(t, "t", remedy="give one of the kept times, or one between them")
        return around_time(times, t)[::-1]                              # downwards, as values between are run again

    def _spline(self, k):
        if k not in self._splines:
            if self.between is not None:
                while len(self._splines) >= _RECENT:
                    self._splines.pop(next(iter(self._splines)))
            self._splines[k] = TensorSpline(self.grid, self.values[k] if self.between is None else self.between.values(k))
        return self._splines[k]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers: axes, times, values (K, q, *shape) as arrays, and the report as a dictionary."""
        return {"axes": list(self.grid.axes), "times": self.times, "values": self.grid.reshape(self.values),
                "report": plain(self.report)}

    def to_xarray(self) -> Any:
        """Return an xarray.DataArray "value" with dimensions time, column, x1, x2, … and the report and error among its attributes."""
        columns = labelled("column", np.arange(self.values.shape[1]), "problem solved beside others")
        along = {"time": labelled("time", self.times, "time", "time"), "column": columns, **places(self.grid.axes)}
        values = labelled(tuple(along), self.grid.reshape(self.values), "value function u(t, x)")
        return data_array("value", values, along, {"report": self.report, "error": self.error})

    def plot(self, ax: Axes | None = None, t: float = 0.0, column: int = 0, at: dict[int, float] | None = None) -> Axes:
        """Draw u(t, ·) of one column over one or two axes; returns the matplotlib axes.

        at : {axis: coordinate} held fixed; by default the axes after the second, at the middle of the box
        """
        fixed = self._section(at)
        free = [i for i in range(self.grid.dim) if i not in fixed]
        lines = [[fixed[i]] if i in fixed else axis for i, axis in enumerate(self.grid.axes)]
        points = np.stack([c.ravel() for c in np.meshgrid(*lines, indexing="ij")], axis=1)
        values = self(points, t).reshape(len(points), -1)[:, column]
        axes = [self.grid.axes[i] for i in free]
        names = [f"$x_{i + 1}$" if self.grid.dim > 1 else "$x$" for i in free]
        ax = plotting.on_grid(axes, values.reshape([a.size for a in axes]), meaning=f"value u({t:g}, x)", labels=names, ax=ax)
        if fixed:
            ax.set_title(", ".join(f"$x_{i + 1}$ = {place:.4g}" for i, place in sorted(fixed.items())))
        return ax

    def plot_sections(self, panels: Any = None, t: float = 0.0, column: int = 0, at: Any = None) -> Any:
        """Draw the three sections of u(t, ·) of one column on three axes through the point `at` (3,), the middle by default; returns three axes."""
        values = self.grid.reshape(self(self.grid.nodes.T, t).reshape(self.grid.size, -1)[:, column])
        return plotting.sections(self.grid.axes, values, at=at, meaning=f"value u({t:g}, x)", panels=panels)

    def animate(self, column: int = 0, pace: float = 5.0) -> plotting.Animation:
        """Return the film of one column's values at the kept times, on one or two axes."""
        return plotting.animate_field(self.times, self.grid.axes, self.grid.reshape(self.values[:, column]), meaning="value u(t, x)", pace=pace)

    def _section(self, at):
        middle = 0.5 * (self.grid.lower + self.grid.upper)
        fixed = {i: middle[i] for i in range(2, self.grid.dim)} if at is None else dict(at)
        for i, place in fixed.items():
            if i not in range(self.grid.dim) or not self.grid.lower[i] <= place <= self.grid.upper[i]:
                raise ValueError(f"at={at} fixes axis {i} at {place}; name axes 0 to {self.grid.dim - 1} and places in the box")
        if not 1 <= self.grid.dim - len(fixed) <= 2:
            raise ValueError(f"at={at} leaves {self.grid.dim - len(fixed)} of {self.grid.dim} axes; fix all but one or two")
        return fixed

    def __repr__(self) -> str:
        q = "" if self.single else f"{self.values.shape[1]} columns, "
        return (f"ValueFunction({q}{self.grid!r}, {self.times.size} kept times, {self.report!r}"
                f"{'' if self.error is None else f', {self.error!r}'})")
