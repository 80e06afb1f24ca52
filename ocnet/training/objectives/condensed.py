"""Many data points as few: what a grid can tell apart.

A field on a grid is a cubic in every cell.  The points of one label in one cell are replaced by 2d points of equal weight with the same
mass, mean and covariance: mean ± √d · (column of a root of the covariance).  Weights stay positive and their sum is kept, so a bounded
field keeps its bounds; what is lost is the third central moment within a cell times ⅙ D³u, of third order in the spacing and of changing
sign.  The cost of an objective on the grid then does not grow with the number of points.
"""

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ocnet.grid import Grid

from .labelled import LabelledPoints

__all__ = ["condensed"]

_RECENT = 4                          # grids of one data set whose condensed points are remembered
_known: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()     # data -> {grid: condensed}
_FEW = 10_000                        # points that are interpolated as they are: a tenth of a sweep over 81² nodes and 20 layers


def condensed(data: LabelledPoints, grid: Grid) -> LabelledPoints:
    """Return LabelledPoints with at most 2d points for each label and cell of the grid; `data` itself where it has no more than 10⁴.

    Cells with up to 2d points of a label keep them.  Points outside the grid's box belong to cells of the same size around it.
    Cost       O(n log n), once: the latest results are remembered as long as `data` lives.
    """
    if len(data) <= _FEW:
        return data
    known = _known.setdefault(data, {})
    key = grid.shape, tuple(grid.lower), tuple(grid.upper)
    if key not in known:
        if len(known) >= _RECENT:
            known.pop(next(iter(known)))
        known[key] = _condensed(data, grid)
    return known[key]


def _condensed(data, grid):
    group, order = _groups(data, grid)
    sizes = np.bincount(group)
    many = sizes > 2 * grid.dim
    kept = order[~many[group]]
    points, weights = _represented(data.points[order], data.weights[order], group, len(sizes))
    first = order[np.append(0, np.cumsum(sizes)[:-1])]
    return LabelledPoints(np.concatenate([data.points[kept], points[many].reshape(-1, grid.dim)]),
                          np.concatenate([data.labels[kept], np.repeat(data.labels[first[many]], 2 * grid.dim)]),
                          np.concatenate([data.weights[kept], np.repeat(weights[many] / (2 * grid.dim), 2 * grid.dim)]), data.leak)


def _groups(data, grid):
    """Numbers of the (label, cell) pairs in ascending order, one for each of the points in the order that is returned too."""
    cells = np.floor((data.points - grid.lower) / grid.spacing).astype(np.int64)
    keys = np.column_stack([data.labels, cells])
    order = np.lexsort(keys.T[::-1])
    new = np.any(np.diff(keys[order], axis=0) != 0, axis=1)
    return np.append(0, np.cumsum(new)), order


def _represented(points, weights, group, groups):
    """(groups, 2d, d) points mean ± √d · root column, and (groups,) weights of all points in a group."""
    d = points.shape[1]

    def total(values):
        return np.bincount(group, values, groups)

    mass = total(weights)
    safe = np.where(mass > 0, mass, 1.0)
    mean = np.stack([total(weights * points[:, i]) for i in range(d)], axis=1) / safe[:, None]
    offset = points - mean[group]
    covariance = np.empty((groups, d, d))
    for i in range(d):
        for k in range(i + 1):
            covariance[:, i, k] = covariance[:, k, i] = total(weights * offset[:, i] * offset[:, k]) / safe
    columns = np.sqrt(d) * np.swapaxes(_root(covariance), 1, 2)
    return mean[:, None] + np.concatenate([columns, -columns], axis=1), mass


def _root(covariance):
    """Lower triangular L (n, d, d) with L Lᵀ = covariance (n, d, d), columns without variance left at zero (Cholesky)."""
    root = np.zeros_like(covariance)
    for k in range(covariance.shape[1]):
        rest = covariance[:, k:, k] - np.einsum("nij,nj->ni", root[:, k:, :k], root[:, k, :k])
        pivot = np.sqrt(np.maximum(rest[:, 0], 0.0))
        root[:, k:, k] = np.divide(rest, pivot[:, None], out=np.zeros_like(rest), where=pivot[:, None] > 0)
    return root
