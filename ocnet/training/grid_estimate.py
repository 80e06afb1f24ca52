"""What a grid says of a trained network, with its own doubt: space, time and box, each by refinement."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.ndimage import maximum_filter

from ocnet.archive import Saved
from ocnet.grid import Grid
from ocnet.inputs import as_number, as_whole
from ocnet.moving_grid import MovingGrid
from ocnet.spline import LimitedSpline
from ocnet.typing import Array, View

from .fault import where_not_finite
from .objectives.grid import GridObjective, checked_view
from .objectives.labelled import checked_setting

__all__ = ["GridEstimate", "estimate_on_grid"]

_FINER, _WIDER = 1.5, 1.4            # refinement of the spacing and of the box that the bars compare
_LEAVES = {"space": 0.3, "time": 0.4, "box": 0.0}        # of a bar, once refined, as a plan: order 3; between orders 1 and 2
_SETTLED = 0.05                      # share of the wanted bar below which the effect of the box is not computed again
_MOST_AXES = 3                       # of a grid
_NEIGHBOURS = 5                      # nodes per axis over which a point's bar takes the largest difference
_MOST_NODES = 1_000_000              # per field: none is begun with beyond this, none refined that is finer by 1.5 beyond it


@dataclass(frozen=True, eq=False)
class GridEstimate(Saved):
    """Value of the data term on the finest grid tried, and by how much it may be off.

    value  : on a grid 1.5 times as fine as the one tried, plus what half the time step changes on that one: then one such change is all
        that order 1 leaves (as for noise that depends on the state), and a third of it what order 2 leaves
    space, time, box : mean absolute change of the points' contributions when the spacing is refined by 1.5, the time step halved (0 for the
        chain, which has none) and the box widened by 1.4
    values, bars : (q, n) values at the data points on that finer grid, and their own bars (largest changes among the nodes around; that of
        the time step twice)
    grid   : the finest grid tried, a MovingGrid unless one Grid was asked for;  refinements : how often the first choice was refined to meet the tolerance
    lowest : smallest value met on any node of any layer, for the check of bounds
    """

    value: float
    space: float
    time: float
    box: float
    values: np.ndarray
    bars: np.ndarray
    grid: Grid | MovingGrid
    law: str
    refinements: int
    lowest: float

    @property
    def error_bar(self) -> float:
        """space + time + box."""
        return self.space + self.time + self.box

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name."""
        return {"law": self.law, "objective": self.value, "error_bar": self.error_bar, "space": self.space,
                "time": self.time, "box_effect": self.box, "nodes": list(self.grid.shape),
                "box": [self.grid.lower.tolist(), self.grid.upper.tolist()], "refinements": self.refinements,
                "smallest_value": self.lowest}

    def __repr__(self) -> str:
        return (f"GridEstimate({self.law} {self.value:.6g} ± {self.error_bar:.1g} (space {self.space:.1g}, time "
                f"{self.time:.1g}, box {self.box:.1g}), {' × '.join(map(str, self.grid.shape))} nodes)")


def estimate_on_grid(setting: Any, theta: Array, view: View, nodes: int | Grid | MovingGrid, tolerance: float = 0.015,
                     floor: float = 2e-4) -> "GridEstimate":
    """Return the data term at θ with a computed error bar, refining until the bar is small enough.

    nodes     : nodes per axis of the first grids, one for each layer, whose boxes hold the paths of the data; or that MovingGrid, or one Grid for all, itself
    tolerance : wanted bar relative to the value;  floor : wanted bar where that is larger
    The bar may exceed what was wanted once a field would need more than a million nodes; it is reported as it is.
    Raises ValueError for more than three dimensions, for a first grid of more than a million nodes, and where J is not finite, with the place.
    """
    check_for_grids(checked_setting(setting).network)
    checked_view(view, "sweep")
    theta, tolerance, floor = setting.network.control.check(theta), _wanted(tolerance, "tolerance"), _wanted(floor, "floor")
    if isinstance(nodes, (Grid, MovingGrid)):
        grid = nodes
    else:
        grid = MovingGrid.covering(setting.network.layered(theta), setting.data.points, _affordable(nodes, setting))
    levels = _Levels(setting, theta, grid, view)
    while True:
        estimate = levels.estimate()
        if not np.isfinite(estimate.value + estimate.error_bar):
            place = where_not_finite(GridObjective(setting, grid, view), theta)
            raise ValueError(f"the objective at this theta is not finite on {grid!r}, first in {place}; train it from a smaller start, or within bounds")
        wanted = max(tolerance * abs(estimate.value), floor)
        if estimate.error_bar <= wanted:
            return estimate
        levels.refine(estimate, wanted)
        if levels.too_fine:
            return estimate


def _wanted(value, name):
    return value if value == np.inf else as_number(value, name, at_least=0, remedy="give a number ≥ 0, or inf for any bar")


def check_for_grids(network: Any) -> None:
    """Raise ValueError for a network of more than three dimensions."""
    if network.dim > _MOST_AXES:
        raise ValueError(f"network.dim={network.dim}: grids serve one to three dimensions; train with ParticleObjective, and estimate by particles")


def _affordable(nodes, setting):
    dim, nodes = setting.network.dim, as_whole(nodes, "nodes", 4, "the nodes of an axis, or a grid")
    if nodes**dim > _MOST_NODES:
        raise ValueError(f"nodes={nodes} on {dim} axes make {nodes**dim} nodes; at most {_MOST_NODES} are solved for: use "
                         f"nodes={int(_MOST_NODES**(1 / dim))} or fewer, or particles alone")
    return nodes


class _Levels:
    """The grids and time steps tried one after the other; what a level has solved serves the next."""

    def __init__(self, setting, theta, grid, view):
        self.setting, self.theta, self.grid, self.view = setting, theta, grid, view
        self.refinements, self._solved, self._box = 0, {}, None

    @property
    def too_fine(self):
        return self.grid.size * _FINER**self.grid.dim > _MOST_NODES or getattr(self.view, "substeps", 1) > 64

    def refine(self, estimate, wanted):
        """Refine the part with the largest bar, then the next, until what their orders promise is within the wanted bar."""
        parts = {"space": estimate.space, "time": estimate.time, "box": estimate.box}
        for part in sorted((part for part in parts if parts[part] > _SETTLED * wanted), key=parts.get, reverse=True):
            parts[part] *= _LEAVES[part]
            if part == "time":
                self.view = replace(self.view, substeps=2 * self.view.substeps)
            else:
                self.grid = self.grid.refined(_FINER) if part == "space" else self.grid.widened(_WIDER)
            if part == "box" or estimate.box > _SETTLED * wanted:
                self._box = None
            if sum(parts.values()) <= wanted:
                break
        self.refinements += 1

    def estimate(self):
        """The fields on this grid against those on a finer and a wider one, and with half the time step."""
        before, self._solved = self._solved, {}
        coarse, fine = (self._field(self.view, grid, before) for grid in (self.grid, self.grid.refined(_FINER)))
        stepped = hasattr(self.view, "substeps")
        later = self._field(replace(self.view, substeps=2 * self.view.substeps), self.grid, before) if stepped else coarse
        if self._box is None:                                          # a box found large enough once is not doubted at every level
            self._box = coarse.difference(self._field(self.view, self.grid.widened(_WIDER), before))
        (space, space_bars), (time, time_bars), (box, box_bars) = coarse.difference(fine), coarse.difference(later), self._box
        value = fine.total + (later.total - coarse.total)
        return GridEstimate(value, space, time, box, fine.at_points, space_bars + 2 * time_bars + box_bars, fine.grid, self.view.name,
                            self.refinements, min(solved.lowest for solved in self._solved.values()))

    def _field(self, view, grid, before):
        key = repr(view), grid.shape, tuple(grid.lower), tuple(grid.upper)
        self._solved[key] = before.get(key) or _Solved(self.setting, self.theta, view, grid)
        return self._solved[key]


class _Solved:
    """Fields at time 0 of one view on one grid, and their values at the data points."""

    def __init__(self, setting, theta, view, grid):
        self.setting, self.grid, self.first = setting, grid, grid.at(0)
        self.lowest = np.inf
        for field in GridObjective(setting, grid, view).fields(theta):
            self.lowest = min(self.lowest, float(field.min()))
        self.spline = LimitedSpline(self.first, field)
        self.points = np.ascontiguousarray(setting.data.points.T)
        self.at_points = self.spline(self.points)
        self.total = setting.criterion.total(self.at_points, setting.data.labels, setting.data.weights)[0]

    def difference(self, other):
        """Mean absolute change of the contributions, and (q, n) bars: the largest change among nearby nodes."""
        data, criterion = self.setting.data, self.setting.criterion
        if other is self:
            return 0.0, np.zeros_like(self.at_points)
        change = np.abs(criterion.per_point(self.at_points, data.labels) - criterion.per_point(other.at_points, data.labels))
        field = np.abs(other.spline(self.first.nodes) - self.spline.values.reshape(len(self.at_points), -1))
        widest = maximum_filter(self.first.reshape(field), size=(1, *(_NEIGHBOURS,) * self.first.dim), mode="nearest")
        nearest = [np.clip(np.rint((x - low) / h).astype(int), 0, n - 1) for x, low, h, n in
                   zip(self.points, self.first.lower, self.first.spacing, self.first.shape)]
        index = slice(None), *nearest
        return float((data.weights * change).sum()), widest[index]
