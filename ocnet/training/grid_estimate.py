"""What a grid says of a trained network, with its own doubt: space, time and box, each by refinement."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import maximum_filter

from ocnet.grid import Grid
from ocnet.spline import LimitedSpline

from .objectives.grid import GridObjective

__all__ = ["GridEstimate", "estimate_on_grid"]

_FINER, _WIDER = 1.5, 1.4            # refinement of the spacing and of the box that the bars compare
_NEIGHBOURS = 5                      # nodes per axis over which a point's bar takes the largest difference
_MOST_NODES = 1_000_000              # per field: no grid beyond this is tried


@dataclass(frozen=True, eq=False)
class GridEstimate:
    """Value of the data term on the finest grid tried, and by how much coarser choices differ from it.

    value, space, time, box : the data term, and the mean absolute change of the points' contributions when the spacing
        is refined by 1.5, the time step halved (0 for the chain, which has none) and the box widened by 1.4
    values, bars : (q, n) values at the data points and their own bars (largest change among the nodes around)
    grid   : the finest grid;  refinements : how often the first choice was refined to meet the tolerance
    lowest : smallest value met on any node of any layer, for the check of bounds
    """

    value: float
    space: float
    time: float
    box: float
    values: np.ndarray
    bars: np.ndarray
    grid: Grid
    law: str
    refinements: int
    lowest: float

    @property
    def error_bar(self):
        """space + time + box."""
        return self.space + self.time + self.box

    def to_dict(self):
        return {"law": self.law, "objective": self.value, "error_bar": self.error_bar, "space": self.space,
                "time": self.time, "box_effect": self.box, "nodes": list(self.grid.shape),
                "box": [self.grid.lower.tolist(), self.grid.upper.tolist()], "refinements": self.refinements,
                "smallest_value": self.lowest}

    def __repr__(self):
        return (f"GridEstimate({self.law} {self.value:.6g} ± {self.error_bar:.1g} (space {self.space:.1g}, time "
                f"{self.time:.1g}, box {self.box:.1g}), {' × '.join(map(str, self.grid.shape))} nodes)")


def estimate_on_grid(setting, theta, view, nodes, tolerance=0.015, floor=2e-4):
    """Return the data term at θ with a computed error bar, refining until the bar is small enough.

    nodes     : nodes per axis of the first grid; its box holds the paths of the data through all layers
    tolerance : wanted bar relative to the value;  floor : wanted bar where that is larger
    The bar may exceed what was wanted once a field would need more than a million nodes; it is reported as it is.
    """
    box = Grid.covering(setting.network.layered(theta), setting.data.points, nodes)
    refinements = 0
    while True:
        estimate = _compare(setting, theta, view, box, refinements)
        wanted = max(tolerance * abs(estimate.value), floor)
        if estimate.error_bar <= wanted:
            return estimate
        share = 0.4 * wanted                  # every part above its share is refined at once
        if estimate.time > share:
            view = replace(view, substeps=2 * view.substeps)
        if estimate.box > share:
            box = box.widened(_WIDER)
        if estimate.space > share or max(estimate.time, estimate.box) <= share:
            box = box.refined(_FINER)
        refinements += 1
        if box.size * _FINER**box.dim > _MOST_NODES or getattr(view, "substeps", 1) > 64:
            return estimate


def _compare(setting, theta, view, grid, refinements):
    """The fields on one grid against those on a finer and a wider one, and with half the time step."""
    coarse = _Solved(setting, theta, view, grid)
    fine = _Solved(setting, theta, view, grid.refined(_FINER))
    wide = _Solved(setting, theta, view, grid.widened(_WIDER))
    later = _Solved(setting, theta, replace(view, substeps=2 * view.substeps), grid) if hasattr(view, "substeps") else coarse
    parts = [coarse.difference(other) for other in (fine, later, wide)]
    values = fine.at_points
    return GridEstimate(setting.criterion.total(values, setting.data.labels, setting.data.weights)[0],
                        *(mean for mean, _ in parts), values, sum(bars for _, bars in parts), fine.grid, view.name,
                        refinements, min(s.lowest for s in (coarse, fine, wide, later)))


class _Solved:
    """Fields at time 0 of one view on one grid, and their values at the data points."""

    def __init__(self, setting, theta, view, grid):
        self.setting, self.grid = setting, grid
        self.lowest = np.inf
        for field in GridObjective(setting, grid, view).fields(theta):
            self.lowest = min(self.lowest, float(field.min()))
        self.spline = LimitedSpline(grid, field)
        self.points = np.ascontiguousarray(setting.data.points.T)
        self.at_points = self.spline(self.points)

    def difference(self, other):
        """Mean absolute change of the contributions, and (q, n) bars: the largest change among nearby nodes."""
        data, criterion = self.setting.data, self.setting.criterion
        if other is self:
            return 0.0, np.zeros_like(self.at_points)
        change = np.abs(criterion.per_point(self.at_points, data.labels) - criterion.per_point(other.at_points, data.labels))
        field = np.abs(other.spline(self.grid.nodes) - self.spline.values.reshape(len(self.at_points), -1))
        widest = maximum_filter(self.grid.reshape(field), size=(1, *(_NEIGHBOURS,) * self.grid.dim), mode="nearest")
        index = [np.clip(np.rint((x - low) / h).astype(int), 0, n - 1) for x, low, h, n in
                 zip(self.points, self.grid.lower, self.grid.spacing, self.grid.shape)]
        return float((data.weights * change).sum()), widest[(slice(None), *index)]
