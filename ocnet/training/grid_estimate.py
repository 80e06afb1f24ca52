"""What a grid says of a trained network, with its own doubt: space, time and box, each by refinement."""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.ndimage import maximum_filter

from ocnet.archive import Saved
from ocnet.grid import Grid
from ocnet.inputs import as_flag, as_number, as_whole
from ocnet.moving_grid import MovingGrid
from ocnet.spline import LimitedSpline
from ocnet.typing import Array, View

from .fault import where_not_finite
from .objectives.grid import GridObjective, checked_view
from .objectives.labelled import checked_setting
from .second_opinion import SecondOpinion, left_share

__all__ = ["GridEstimate", "estimate_on_grid"]

_FINER, _WIDER = 1.5, 1.4            # refinement of the spacing and of the box that the bars compare
_LEAVES = {"space": 0.3, "time": 0.4, "box": 0.0}        # of a bar, once refined, as a plan: order 3; between orders 1 and 2
_SLOWEST = 1.2                       # ratio of the changes of two refinements that is reckoned with at least: that of order ½ is 1.22
_SEEN = 3                            # changes that tell how they fall
_SETTLED = 0.05                      # share of the wanted bar below which the effect of the box is not computed again
_MOST_AXES = 3                       # of a grid
_NEIGHBOURS = 5                      # nodes per axis over which a point's bar takes the largest difference
_LEFT = 0.01                         # share of the paths outside a box, beyond which that is to blame for a contradiction
_MOST_NODES = 1_000_000              # per field: none is begun with beyond this, none refined that is finer by 1.5 beyond it


@dataclass(frozen=True, eq=False)
class GridEstimate(Saved):
    """Value of the data term on the finest grid tried, and by how much it may be off.

    value  : on a grid 1.5 times as fine as the one tried, plus what half the time step changes on that one: then one such change is all
        that order 1 leaves (as for noise that depends on the state), and a third of it what order 2 leaves
    space, time, box : mean absolute change of the points' contributions when the spacing is refined by 1.5, the time step halved (0 for the
        chain, which has none) and the box widened by 1.4; that of the spacing times what is left where two refinements show an order below 1.7
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
                     floor: float = 2e-4, opinion: bool = True) -> "GridEstimate":
    """Return the data term at θ with a computed error bar, refining until the bar is small enough.

    nodes     : nodes per axis of the first grids, one for each layer, whose boxes hold the paths of the data; or that MovingGrid, or one Grid for all, itself
    tolerance : wanted bar relative to the value;  floor : wanted bar where that is larger
    opinion   : False leaves out the second opinion, for those who have their own
    The bar may exceed what was wanted once a field would need more than a million nodes; it is reported as it is.
    A bar compares grids with each other, so all may be wrong alike: where paths leave the box, or no node meets what happens between them.  So paths
    of the same law, up to 10⁶, give a second opinion: where they doubt a bar, grid or box grow too; where they contradict it in the end, it
    warns (RuntimeWarning).
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
    second = SecondOpinion(setting, theta, view) if as_flag(opinion, "opinion") and hasattr(view, "paths") else None
    while True:
        estimate = levels.estimate()
        if not np.isfinite(estimate.value + estimate.error_bar):
            place = where_not_finite(GridObjective(setting, grid, view), theta)
            raise ValueError(f"the objective at this theta is not finite on {grid!r}, first in {place}; train it from a smaller start, or within bounds")
        wanted = max(tolerance * abs(estimate.value), floor)
        if estimate.error_bar > wanted and not levels.too_fine:
            levels.refine(estimate, wanted)
            continue
        if second is None or not second.doubts(estimate.value, estimate.error_bar, wanted):
            return estimate
        if levels.too_fine or wanted == np.inf:
            if second.opinion.contradicts(estimate.value, estimate.error_bar):
                _warn(estimate, second.opinion, left_share(setting, theta, view, estimate.grid))
            return estimate
        levels.doubt(left_share(setting, theta, view, levels.grid) > _LEFT)


def _warn(estimate, paths, left):
    why = (f"about {left:.0%} of the paths from the data are outside the box at a layer; give a wider grid, or a number of nodes, for which boxes are found"
           if left > _LEFT else "the grid does not resolve this network; give more nodes, or go by particles")
    warnings.warn(f"{estimate!r} is contradicted by paths of the same law, {paths.value:.6g} with a standard error of {paths.standard_error:.1g}: {why}",
                  RuntimeWarning, stacklevel=3)


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
        self._in_space, self._in_time = _Changes(_FINER**3), _Changes(4.0)

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
                self._in_time.level += 1
            else:
                self.grid = self.grid.refined(_FINER) if part == "space" else self.grid.widened(_WIDER)
                self._in_space.level += part == "space"
            if part == "box" or estimate.box > _SETTLED * wanted:
                self._box = None
            if sum(parts.values()) <= wanted:
                break
        self.refinements += 1

    def doubt(self, left):
        """Refine what the bars do not see: the box where paths have left it, else the spacing."""
        self.grid, self._box = self.grid.widened(_WIDER) if left else self.grid.refined(_FINER), None
        self._in_space.level += not left
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
        slower, later_on = self._in_space.doubt(space), self._in_time.doubt(time)
        value = fine.total + (later.total - coarse.total)
        return GridEstimate(value, slower * space, later_on * time, box, fine.at_points, slower * space_bars + 2 * later_on * time_bars + box_bars,
                            fine.grid, self.view.name, self.refinements, min(solved.lowest for solved in self._solved.values()))

    def _field(self, view, grid, before):
        key = repr(view), grid.shape, tuple(grid.lower), tuple(grid.upper)
        self._solved[key] = before.get(key) or _Solved(self.setting, self.theta, view, grid)
        return self._solved[key]


class _Changes:
    """What refining again and again in one way has changed, and by how much the last change understates those to come.

    fastest : ratio of two changes that the scheme's order allows; one that has fallen by more has fallen by luck, as those of steep data do
    """

    def __init__(self, fastest):
        self.level, self._fastest, self._changes, self._factor = 0, fastest, {}, 1.0

    def doubt(self, change):
        """A factor ≥ 1 of the change at this level, the same as often as it is asked for; 1 at the first level, and where changes fall by halves or faster."""
        if self.level not in self._changes:
            seen = [*self._changes.values(), change][-_SEEN:]
            falls = [before / max(after, 1e-300) for before, after in zip(seen, seen[1:]) if before > 0]
            steady = np.clip(min(falls, default=self._fastest), _SLOWEST, self._fastest)
            believed = max(past / steady**age for age, past in enumerate(reversed(seen)))
            self._changes[self.level], self._factor = change, believed / max(change, 1e-300) / (min(steady, 2.0) - 1)
        return self._factor


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
