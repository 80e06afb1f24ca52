"""Box, nodes and steps from a tolerance: solve, look at what coarser choices change, refine what matters, say how far it is off."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import brentq

from ocnet.grid import Grid
from ocnet.inputs import as_array, as_number
from ocnet.problem import KolmogorovProblem
from ocnet.process import checked_points
from ocnet.report import ErrorBar
from ocnet.tensor_spline import TensorSpline
from ocnet.typing import ArrayLike

from .terminal import terminal_on_grid

__all__ = ["solve_to_tolerance"]

_FIRST_NODES = {1: 101, 2: 49, 3: 21}
_FIRST_STEPS = 24
_NEAR, _ROUNDING = 0.02, 1e-11
_BETWEEN = (0.8, 0.63)               # shares of the nodes: where a thin layer's place among the nodes matters, halves have too much in common
_SAFETY = 2.0                        # of the bar over what the observed order leaves
_WIDER = 1.3
_MOST_WORK = 4e9                     # node-steps of one solve beyond which nothing finer is tried
_ROUNDS = 8
_LOOKS, _BLOCKS = 1 << 17, {1: 8, 2: 4, 3: 2}        # points that look between the nodes, and blocks along each axis over which they are averaged


@dataclass(frozen=True)
class _Trial:
    """A choice of box, nodes per axis and steps."""

    lower: tuple
    upper: tuple
    nodes: tuple
    steps: int

    @property
    def grid(self):
        return Grid.uniform(self.lower, self.upper, self.nodes)

    @property
    def work(self):
        return float(np.prod(self.nodes)) * self.steps

    def with_nodes(self, factor):
        return replace(self, nodes=tuple(int(round((n - 1) * factor)) + 1 for n in self.nodes))

    def with_steps(self, factor):
        return replace(self, steps=max(4, int(round(self.steps * factor))))

    def widened(self, free):
        """The box 1.3 times as wide at the sides that are `free` ((d, 2) bool), with the same spacing."""
        lower, upper, nodes = list(self.lower), list(self.upper), list(self.nodes)
        for i in range(len(nodes)):
            h = (upper[i] - lower[i]) / (nodes[i] - 1)
            extra = int(np.ceil(0.5 * (_WIDER - 1) * (nodes[i] - 1)))
            lower[i], upper[i] = lower[i] - extra * h * free[i, 0], upper[i] + extra * h * free[i, 1]
            nodes[i] += extra * int(free[i].sum())
        return _Trial(tuple(lower), tuple(upper), tuple(nodes), self.steps)


def solve_to_tolerance(solve: Callable[..., Any], scheme_on: Callable[[Any], Any], problem: KolmogorovProblem, at: ArrayLike, tolerance: float,
                       box: Any = None) -> Any:
    """Return a ValueFunction with `error`, whose bar at the points `at` is within `tolerance` where that can be reached.

    solve : callable (grid, steps, scheme) -> ValueFunction;  scheme_on : callable (grid) -> scheme
    box   : (lower, upper), infinite or NaN where the box is to be found (only at reflecting sides); None: everywhere
    """
    points = checked_points(at, problem.process.dim, "at")
    if not len(points):
        raise ValueError(f"at has shape {np.shape(at)}: no point; give at least one row")
    tolerance = as_number(tolerance, "tolerance", above=0, remedy="it is a positive number (absolute, in units of the value)")
    lower, upper, free = _first_box(problem, points, box)
    trial = _Trial(tuple(lower), tuple(upper), (_FIRST_NODES[len(lower)],) * len(lower), _FIRST_STEPS)
    kept, cloud = {}, _cloud(points, lower, upper)

    def values(trial, scheme):
        if (trial, scheme) not in kept:
            kept[trial, scheme] = solve(trial.grid, trial.steps, scheme)
        return np.asarray(kept[trial, scheme](cloud))

    hidden = _Hidden(problem)
    for _ in range(_ROUNDS):
        scheme = scheme_on(trial.grid)                                 # one scheme for all that is compared
        fine = values(trial, scheme)
        space = _left(fine, *(values(trial.with_nodes(s), scheme) for s in (0.5, 0.25)))
        time = _left(fine, *(values(trial.with_steps(s), scheme) for s in (0.5, 0.25)))
        wide = 0.0
        if free.any():
            coarse = trial.with_nodes(0.5).with_steps(0.5)
            wide = _change(values(coarse, scheme), values(coarse.widened(free), scheme))
        floor = _ROUNDING * np.abs(kept[trial, scheme].values).max()
        space += floor
        if space + time + wide <= max(tolerance, 2 * floor):          # content, unless something lies between the nodes
            if getattr(scheme, "drift", None) == "hybrid" or hidden.is_rough(trial.grid):
                space = max(space, *(s / (1 - s) * _change(fine, values(trial.with_nodes(s), scheme)) for s in _BETWEEN))
            space += hidden.beside(trial.grid, max(tolerance, 2 * floor))
        error = ErrorBar(space, time, wide, tolerance, bool(space + time + wide <= tolerance))
        result, following = kept[trial, scheme], _refined(trial, error, free)
        if error.bar <= max(tolerance, 2 * floor) or following.work > _MOST_WORK:
            break
        kept.clear()
        trial = following
    return replace(result, error=error)


def _left(fine, coarse, coarser):
    """What three values on grids halved twice say is left in the finest: the last change over (observed ratio − 1).

    The ratio of the changes is taken between 1.3 and 4 (order 2); above 4, as where errors happen to cancel, the earlier change
    over 12 stands in.  Times 2.
    """
    last, first = _change(fine, coarse), _change(coarse, coarser)
    ratio = np.clip(first / last if last > 0 else 4.0, 1.3, 4.0)
    return float(_SAFETY * max(last / (ratio - 1), first / 12))


def _cloud(points, lower, upper):
    """The points and their neighbours two per cent of the box away: errors of either sign vanish at some point in between."""
    steps = _NEAR * np.diag(upper - lower)
    shifted = [points, *(points + s for s in steps), *(points - s for s in steps)]
    return np.clip(np.concatenate(shifted), lower, upper)


def _change(fine, coarse):
    return float(np.abs(fine - coarse).max())


class _Hidden:
    """What the terminal data have between the nodes, such as a peak that none of them meets and no refinement would tell of."""

    def __init__(self, problem: KolmogorovProblem) -> None:
        self._problem = problem

    def is_rough(self, grid: Any) -> bool:
        """Whether the data are averaged over cells anywhere: a peak within one is then moved to its node, an error of order 1."""
        return bool((terminal_on_grid(self._problem, grid)[0] != self._problem.terminal_rows(grid.nodes)[0]).any())

    def beside(self, grid: Any, matters: float) -> float:
        """By how much values may be off for it: the largest mean over a block of the box of data less their spline, times 2, or 0.

        An even sequence of 2¹⁷ points (Kronecker's, of the roots of g^(d+1) = g + 1) looks at a few blocks along each axis.  A mean below
        `matters`, or below twice its standard error, were the points random, is 0: an average over cells at a jump leaves that much.
        A peak is seen where five of the points meet it: one of 1/800 of a block's length, on one axis 1/6500 of the box.
        """
        blocks, dim = _BLOCKS[grid.dim], grid.dim
        share = (0.5 + np.arange(1, _LOOKS + 1)[None] * _spread_steps(dim)[:, None]) % 1.0
        x = grid.lower[:, None] + share * (grid.upper - grid.lower)[:, None]
        lacking = self._problem.terminal_rows(x)[0] - TensorSpline(grid, terminal_on_grid(self._problem, grid)[0])(x)
        number = np.ravel_multi_index(tuple((blocks * share).astype(int)), (blocks,) * dim)
        count, worst = np.bincount(number, minlength=blocks**dim), 0.0
        for row in lacking:
            size = np.abs(row).max() or 1.0
            mean, square = (np.bincount(number, values, blocks**dim) / count for values in (row, (row / size)**2))
            doubt = np.maximum(matters, 2 * size * np.sqrt(square / count))
            worst = max(worst, float(np.abs(mean)[np.abs(mean) > doubt].max(initial=0.0)))
        return _SAFETY * worst


def _spread_steps(dim):
    """(dim,) steps of Kronecker's sequence: powers of 1/g, g > 1 the root of g^(dim + 1) = g + 1."""
    g = brentq(lambda g: g ** (dim + 1) - g - 1, 1.0, 2.0)
    return g ** -np.arange(1.0, dim + 1)


def _first_box(problem, points, box):
    """(lower, upper) and which sides may be moved, (d, 2) bool."""
    dim = problem.process.dim
    given = np.full((2, dim), np.nan) if box is None else as_array(box, "box", finite=False)
    if given.shape != (2, dim):
        raise ValueError(f"box has shape {given.shape}; expected (lower, upper), each of {dim} numbers (NaN where to be found)")
    free = ~np.isfinite(given.T)
    outside = ((points < given[0]) | (points > given[1])).any(axis=1)
    if outside.any():
        row = int(np.argmax(outside))
        raise ValueError(f"at[{row}] = {points[row].tolist()} lies outside box={given.tolist()}; widen the box, or leave that side to be found (NaN)")
    if (given[0] >= given[1]).any():
        raise ValueError(f"box={given.tolist()} is none; give (lower, upper) with lower < upper, NaN where a side is to be found")
    for axis, pair in enumerate(problem.boundary):
        for end, side in enumerate(pair):
            if free[axis, end] and side.row != "mirror":
                raise ValueError(f"axis {axis} has {side!r} at its {('low', 'high')[end]} side, which lies somewhere: give its place "
                                 "by box=(lower, upper)")
    if not free.any():
        return given[0], given[1], free
    within = np.where(np.isfinite(given), given, np.array([[-np.inf], [np.inf]]))
    lower, upper = problem.process.extent(points, horizon=problem.horizon, within=within)
    return np.where(free[:, 0], lower, given[0]), np.where(free[:, 1], upper, given[1]), free


def _refined(trial, error, free):
    """The next choice: each part is given a third of the tolerance, and at least one is refined by 1.4."""
    share = error.tolerance / 3
    space, time = (np.clip(np.sqrt(part / share * 1.2), 1.0, 4.0) for part in (error.space, error.time))
    wide = error.box > share
    if not wide and max(space, time) < 1.4:
        space, time = (1.4, time) if error.space >= error.time else (space, 1.4)
    following = trial.with_nodes(space).with_steps(time)
    return following.widened(free) if wide else following
