"""A solution on a grid as control variate for paths: what it explains of a payoff need not be sampled."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ocnet.grid import Grid
from ocnet.spline import LimitedSpline
from ocnet.tensor_spline import around_time
from ocnet.typing import Array
from ocnet.value_function import ValueFunction

__all__ = ["ControlVariate"]


@dataclass(frozen=True, eq=False)
class ControlVariate:
    """Increments ∇u(t_{n+1}, m_n) · (X_{n+1} − m_n) of a martingale, m_n = E[X_{n+1} | X_n], for a ValueFunction u.

    Given X_n, the gradient is a number and X_{n+1} − m_n has mean 0, so the sum (discounted by what is known at t_n) has
    mean 0 whatever u is: a wrong u costs variance, never bias.  If u solves the backward equation, the sum is the payoff's
    own martingale to first order in √dt, and what is left has variance O(dt).
    Cost     one interpolation a path and layer, and one more `mean_step`.  The gradients of all layers are laid out on u's grid
             once, by differences (order 2): 16 bytes · layers · columns · d · nodes.
    Outside the grid's box the gradient is that of the nearest point of its edge.
    """

    value: ValueFunction
    process: Any

    @classmethod
    def checked(cls, value: ValueFunction, process: Any, columns: int, x0: Array) -> "ControlVariate":
        """Return the control of `value` for paths of `process` from x0 (n, d), or raise ValueError saying why there is none."""
        if value.grid.dim != process.dim or value.values.shape[1] != columns:
            raise ValueError(f"control={value!r} has {value.grid.dim} axes and {value.values.shape[1]} columns; the problem has "
                             f"dim={process.dim} and {columns}: solve this very problem on a grid")
        if process.mean_step(0, np.ascontiguousarray(x0[:1].T)) is None:
            raise ValueError(f"control={value!r} needs E[X_{{n+1}} | X_n] in closed form, which process={process!r} does not know: its "
                             "mean_step is None; use scheme=EulerMaruyama() or Milstein(), or no control")
        control = cls(value, process)
        control.gradients                                            # laid out before many threads ask for them
        return control

    def __getstate__(self) -> dict[str, Any]:
        return {"value": self.value, "process": self.process}        # tables are laid out again where a task arrives

    @cached_property
    def gradients(self) -> list[Any]:
        """Per layer the spline of ∇u(t_{n+1}), (q · d rows), over the box, or over the numbers of nodes that are not uniform."""
        grid = self.value.grid
        chart = grid if grid.is_uniform else Grid(tuple(np.arange(float(axis.size)) for axis in grid.axes))
        splines = [LimitedSpline(chart, self._at_nodes(t), limited=False) for t in self.process.times[:0:-1]]
        for spline in splines:
            spline.coefficients                                      # found here, once, and not by every thread
        return splines[::-1]

    def _at_nodes(self, t):
        """∇u(t) at the nodes: (q · d, size)."""
        value, grid = self.value, self.value.grid
        kept = value if value.between is None else value.between
        parts = [weight * (value.values[k] if value.between is None else kept.values(k)) for k, weight in around_time(kept.times, t)]
        u = sum(parts).reshape(-1, *grid.shape)
        slopes = np.gradient(u, *grid.axes, axis=tuple(range(1, u.ndim)), edge_order=2)
        return np.stack([slopes] if grid.dim == 1 else slopes, axis=1).reshape(-1, grid.size)

    def increments(self, n: int, x: Array, after: Array) -> Array:
        """(q, paths) increments of layer n for paths that go from x to `after`, both (d, paths)."""
        mean, grid = self.process.mean_step(n, x), self.value.grid
        places = mean
        if not grid.is_uniform:
            places = np.stack([np.interp(row, axis, np.arange(axis.size)) for row, axis in zip(mean, grid.axes)])
        gradient = self.gradients[n](places).reshape(-1, *x.shape)
        return np.einsum("qdn,dn->qn", gradient, after - mean)
