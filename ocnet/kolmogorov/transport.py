"""Transport of grid functions along the characteristics of a drift, bounded, on any grid and with any sides."""

from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline, PchipInterpolator

from ocnet.grid import Grid
from ocnet.problem import KolmogorovProblem
from ocnet.spline import LimitedSpline
from ocnet.typing import Array

from .coefficients import held_nodes
from .flow import flow

__all__ = ["IndexSpline", "Transport"]


@lru_cache(maxsize=8)
def _index_grid(grid):
    return Grid([np.arange(n, dtype=float) for n in grid.shape])


@lru_cache(maxsize=8)
def _index_maps(grid):
    """For each axis a smooth increasing map from coordinates to node numbers: cubic spline, or PCHIP where that is not monotone."""
    maps = []
    for axis in grid.axes:
        numbers = np.arange(axis.size, dtype=float)
        smooth = CubicSpline(axis, numbers)
        between = np.linspace(axis[:-1], axis[1:], 9)
        maps.append(smooth if (smooth(between, 1) > 0).all() else PchipInterpolator(axis, numbers))
    return maps


class IndexSpline:
    """The limited cubic spline of grid values (q, size), in the node numbers of a grid that need not be equally spaced.

    Fourth order where the spacing varies smoothly from node to node; never outside the range of the values.  Zero slope at
    reflecting sides.
    """

    def __init__(self, grid: Any, values: Array, sides: Any, limited: bool = True) -> None:
        self.grid = grid
        mirrored = [[side.row == "mirror" for side in pair] for pair in sides]
        self._inner = LimitedSpline(grid if grid.is_uniform else _index_grid(grid), values, limited, mirrored)

    def _numbers(self, feet, slopes=False):
        """Feet (branches, d, n) in node numbers, or the slopes of that map there."""
        if self.grid.is_uniform:
            return np.ones(1) if slopes else feet
        lower, upper = self.grid.lower[:, None], self.grid.upper[:, None]
        inside = np.clip(feet, lower, upper)
        return np.stack([m(inside[:, i], int(slopes)) for i, m in enumerate(_index_maps(self.grid))], axis=1)

    def mean(self, feet: Array, weights: Array) -> Array:
        """Σ_k weights[k] · spline(feet[k]) at feet (branches, d, n): (q, n)."""
        return self._inner.mean(self._numbers(feet), weights)

    def mean_transposed(self, feet: Array, weights: Array, cotangent: Array) -> tuple[Array, Array]:
        """The cotangent of the values (q, size) and of the feet (branches, d, n) for that of `mean` (q, n)."""
        values, feet_cotangent = self._inner.mean_transposed(self._numbers(feet), weights, cotangent)
        return values, feet_cotangent * self._numbers(feet, slopes=True)


class Transport:
    """u ↦ u(flow(x)) over a step from t1 down to t0, coefficients frozen at its middle.

    Feet outside the box go to the nearest point of its edge: for a drift that is what a reflecting wall does to a path, and
    at `Outflow` sides values go on as constants (bounded).  A path that meets a held side ends there, with the side's value at the
    time it gets there.
    """

    def __init__(self, problem: KolmogorovProblem, grid: Any, t0: float, t1: float, limited: bool = True) -> None:
        self.grid, self.limited, self.sides = grid, limited, problem.boundary
        held, x = held_nodes(grid, problem.boundary), grid.nodes
        self.held = held.nodes
        feet = flow(problem.process, x, 0.5 * (t0 + t1), t1 - t0)
        feet[:, self.held] = x[:, self.held]
        share, side_number = _first_crossing(problem.boundary, grid, x, feet)
        over = share < 1
        feet[:, over] = x[:, over] + share[over] * (feet[:, over] - x[:, over])
        self.free = (feet > grid.lower[:, None]) & (feet < grid.upper[:, None])
        self.feet = np.clip(feet, grid.lower[:, None], grid.upper[:, None])[None]
        self.shift = None
        if over.any() and not held.constant:
            self.shift = over, _earlier(problem.boundary, side_number[over], self.feet[0][:, over].T, t0, t1, share[over])

    @cached_property
    def is_identity(self) -> bool:
        return bool((self.feet[0] == self.grid.nodes).all())

    def step(self, u: Any) -> Array:
        """u (q, size) carried back over the step."""
        if self.is_identity:
            return u
        out = IndexSpline(self.grid, u, self.sides, self.limited).mean(self.feet, np.ones(1))
        out[:, self.held] = u[:, self.held]
        if self.shift is not None:
            out[:, self.shift[0]] += self.shift[1]
        return out

    def transposed(self, p: Array, u: Any = None) -> Array:
        """Masses (q, size) carried forward by the transposed map at u; paths that end on a side leave their mass there."""
        return self.step_vjp(p, u)[0]

    def step_vjp(self, p: Array, u: Any = None) -> Any:
        """The same, and the cotangent of the feet (1, d, size)."""
        if self.is_identity:
            return p, np.zeros_like(self.feet)
        u = np.zeros_like(p) if u is None else u
        inner = p.copy()
        inner[:, self.held] = 0.0
        masses, feet_cotangent = IndexSpline(self.grid, u, self.sides, self.limited).mean_transposed(self.feet, np.ones(1), inner)
        masses[:, self.held] += p[:, self.held]
        return masses, feet_cotangent * self.free


def _first_crossing(sides, grid, x, feet):
    """The share of the way x → feet at which a held side is met (1 where none is), and the number 2 axis + end of that side."""
    share, number = np.ones(x.shape[1]), np.full(x.shape[1], -1)
    for axis, pair in enumerate(sides):
        for end, side in enumerate(pair):
            if side.row != "held":
                continue
            wall, outward = (grid.upper if end else grid.lower)[axis], 1.0 if end else -1.0
            beyond = outward * (feet[axis] - wall) > 0
            way = np.abs(feet[axis] - x[axis])
            here = np.divide(np.abs(wall - x[axis]), way, out=np.ones_like(way), where=beyond & (way > 0))
            first = beyond & (here < share)
            share[first], number[first] = here[first], 2 * axis + end
    return share, number


def _earlier(sides, numbers, points, t0, t1, share):
    """What the sides held when they were met, less what they hold at t1: (q, n), linear in time over the step."""
    out = None
    for number in np.unique(numbers):
        side, of_side = sides[number // 2][number % 2], numbers == number
        change = (1 - share[of_side]) * (side.value_at(t0, points[of_side]) - side.value_at(t1, points[of_side]))
        out = np.zeros((len(change), numbers.size)) if out is None else out
        out[:, of_side] = change
    return out
