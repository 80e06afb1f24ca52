"""Masses on the nodes of a grid at kept times: the law of a process, as the transposed steps carry it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import interpn

from ocnet import plotting
from ocnet.archive import Saved, plain
from ocnet.inputs import answer_of, as_array, as_number, as_object
from ocnet.process import checked_points
from ocnet.typing import Array, ArrayLike, Axes, PointFunction
from ocnet.xarrays import dataset, labelled, places

__all__ = ["Density"]


@dataclass(frozen=True, eq=False)
class Density(Saved):
    """p(t, x) from masses on the nodes; nothing is clipped or renormalised.

    grid : Grid;  times (K,) increasing;  masses (K, size);  report : SolveReport
    Raises ValueError where the shapes do not fit.
    A density is masses over the grid's quadrature weights (half cells at the sides).
    The mass that Dirichlet or absorbing sides have taken lies on their nodes.
    """

    grid: Any
    times: np.ndarray
    masses: np.ndarray
    report: Any = None

    def __post_init__(self) -> None:
        as_object(self.grid, "grid", ("axes", "shape", "size"), "a Grid", "give the Grid that the masses lie on")
        times, masses = np.atleast_1d(as_array(self.times, "times")), as_array(self.masses, "masses")
        if times.ndim != 1 or not times.size or not (np.diff(times) > 0).all():
            raise ValueError(f"times={times.tolist()} do not increase, or there is none; sort them together with masses")
        if masses.shape != (times.size, self.grid.size):
            raise ValueError(f"masses has shape {masses.shape}; expected ({times.size}, {self.grid.size})")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "masses", masses)

    def _at(self, t):
        t = self.times[-1] if t is None else as_number(t, "t", remedy="give one of the kept times")
        k = int(np.abs(self.times - t).argmin())
        if abs(self.times[k] - t) > 1e-6 * max(self.times[-1], 1e-300):
            raise ValueError(f"t={t} was not kept; kept times are {self.times.tolist()}: solve with keep=[times you need]")
        return self.masses[k]

    def __call__(self, x: ArrayLike, t: float | None = None) -> Array:
        """p(t, x) at points x (n, d), linear between nodes, 0 outside the box: (n,).  t: a kept time, default the last."""
        x = checked_points(x, self.grid.dim, "x")
        values = self.grid.reshape(self._at(t) / self.grid.weights)
        return interpn(self.grid.axes, values, x, bounds_error=False, fill_value=0.0)

    def mass(self, t: float | None = None) -> float:
        """Total mass at a kept time (default the last), the mass on absorbing sides included."""
        return float(self._at(t).sum())

    def expect(self, function: PointFunction, t: float | None = None) -> Any:
        """Σ masses · function(nodes): function (n, d) -> (n,) or (n, q); a number or (q,)."""
        if not callable(function):
            raise ValueError(f"function={function!r} is not callable; give a function of points (n, d)")
        values = answer_of(function, "function", self.grid.nodes.T)
        if values.ndim not in (1, 2) or len(values) != self.grid.size:
            raise ValueError(f"function returned shape {values.shape}; expected ({self.grid.size},) or ({self.grid.size}, q)")
        if not np.isfinite(values).all():
            node = int(np.argmin(np.isfinite(values).reshape(len(values), -1).all(axis=1)))
            raise ValueError(f"function is not finite at x={self.grid.nodes[:, node].tolist()}")
        return np.einsum("n,n...->...", self._at(t), values)[()]           # never BLAS, whose bits depend on its threads

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers: axes, times, masses (K, *shape), and the report as a dictionary."""
        return {"axes": list(self.grid.axes), "times": self.times, "masses": self.grid.reshape(self.masses), "report": plain(self.report)}

    def to_xarray(self) -> Any:
        """Return an xarray.Dataset of density and mass (of the cell of a node) with dimensions time, x1, x2, … and the report."""
        along = {"time": labelled("time", self.times, "time", "time"), **places(self.grid.axes)}
        density = self.grid.reshape(self.masses / self.grid.weights)
        return dataset({"density": labelled(tuple(along), density, "density p(t, x)", "1/state" if self.grid.dim == 1 else f"1/state^{self.grid.dim}"),
                        "mass": labelled(tuple(along), self.grid.reshape(self.masses), "mass on the node")}, along, {"report": self.report})

    def plot(self, ax: Axes | None = None, t: float | None = None) -> Axes:
        """Draw p(t, ·) (one or two axes); returns the matplotlib axes."""
        t = self.times[-1] if t is None else t
        return plotting.on_grid(self.grid.axes, self.grid.reshape(self._at(t) / self.grid.weights), meaning=f"density p({t:g}, x)", ax=ax)

    def plot_in_time(self, ax: Any = None) -> Any:
        """Draw p(t, x) over the kept times and the line, with its quantiles; returns the axes.  Raises ValueError for more dimensions than one."""
        if self.grid.dim != 1:
            raise ValueError(f"a density in {self.grid.dim} dimensions has no picture over time; take animate()")
        return plotting.density_in_time(self.times, self.grid.axes[0], self.masses / self.grid.weights, ax=ax)

    def animate(self, pace: float = 5.0) -> plotting.Animation:
        """Return the film of the density at the kept times, on one or two axes."""
        return plotting.animate_field(self.times, self.grid.axes, self.grid.reshape(self.masses / self.grid.weights), meaning="density p(t, x)", pace=pace)

    def __repr__(self) -> str:
        return f"Density({self.grid!r}, {self.times.size} kept times, mass {self.mass():.6g}, {self.report!r})"
