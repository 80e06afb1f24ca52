"""Terminal data on the nodes: point values, and averages over a node's cell where the data jump or bend.

A jump between two nodes makes an error of O(h) that depends on where in the cell it lies, a kink one of O(h²) that does so; with
the cell average both are O(h²) and smooth in h (Pooley, Vetzal & Forsyth 2003).  Elsewhere point values are taken.
"""

from math import prod
from typing import Any

import numpy as np

from ocnet.kernels import roughness
from ocnet.problem import KolmogorovProblem

__all__ = ["jumps", "terminal_on_grid"]

_JUMP = 0.1                          # of the range of the data, between neighbouring nodes
_PARTS = 8
_BEND = 5.0                          # times the second differences two nodes away: a kink
_SAMPLES = {1: 64, 2: 12, 3: 6}      # midpoints per axis of a cell


def _along(array, axis, start, count):
    """The view of `count` entries from `start` on along an axis."""
    return array[(slice(None),) * axis + (slice(start, start + count),)]


def _layout(grid, axis):
    """(outer, n, inner) of an axis, for kernels/roughness."""
    return prod(grid.shape[:axis]), grid.shape[axis], prod(grid.shape[axis + 1:])


def jumps(problem: KolmogorovProblem, grid: Any, u: Any) -> Any:
    """(size,) bool: nodes beside which some row of u (q, size) jumps.

    Candidates are neighbours that differ by more than a tenth of the range; it is a jump if more than half of the difference
    falls into one of eight parts of the way (an eighth would, on a straight line).
    """
    u = np.ascontiguousarray(u)
    fields, numbers = grid.reshape(u), np.arange(grid.size).reshape(grid.shape)
    most = _JUMP * np.ptp(u, axis=1).reshape(-1, *[1] * grid.dim)
    rough = np.zeros(grid.size, bool)
    for axis in range(grid.dim):
        if not any(roughness.steepest(row, *_layout(grid, axis)) > limit for row, limit in zip(u, most.ravel())):
            continue
        steep = (np.abs(np.diff(fields, axis=axis + 1)) > most).any(axis=0)
        first, last = (_along(numbers, axis, k, grid.shape[axis] - 1)[steep] for k in (0, 1))
        if first.size:
            x, y = grid.nodes[:, first], grid.nodes[:, last]
            way = np.stack([problem.terminal_rows(x + s * (y - x))[0] for s in np.linspace(0, 1, _PARTS + 1)])
            sudden = np.abs(np.diff(way, axis=0)).max(axis=0) > 0.5 * np.abs(way[-1] - way[0]) + most.reshape(-1, 1) / _PARTS
            rough[first] |= sudden.any(axis=0)
            rough[last] |= sudden.any(axis=0)
    return rough


def kinks(problem: KolmogorovProblem, grid: Any, u: Any) -> Any:
    """(size,) bool: nodes beside which some row of u (q, size) has a kink along some axis.

    Candidates bend five times as much as the nodes two before and two after; it is a kink if on 16 parts of the way between
    the neighbours one second difference holds more than a sixteenth of that bend (a smooth one: a sixty-fourth).
    """
    u = np.ascontiguousarray(u)
    fields, numbers = grid.reshape(u), np.arange(grid.size).reshape(grid.shape)
    least = 1e-9 * np.ptp(u, axis=1).reshape(-1, *[1] * grid.dim)
    sharp = np.zeros(grid.size, bool)
    for axis in range(grid.dim):
        n = grid.shape[axis]
        if not any(roughness.sharpest(row, *_layout(grid, axis), _BEND) > limit for row, limit in zip(u, least.ravel())):
            continue
        bend = np.abs(np.diff(fields, 2, axis=axis + 1))
        before, here, after = (_along(bend, axis + 1, k, n - 6) for k in (0, 2, 4))
        candidates = (here > _BEND * np.maximum(before, after) + least).any(axis=0)
        nodes, first, last = (_along(numbers, axis, k, n - 6)[candidates] for k in (3, 2, 4))
        if nodes.size:
            x, y = grid.nodes[:, first], grid.nodes[:, last]
            way = np.stack([problem.terminal_rows(x + s * (y - x))[0] for s in np.linspace(0, 1, 2 * _PARTS + 1)])
            whole = np.abs(way[0] - 2 * way[_PARTS] + way[-1])
            found = np.abs(np.diff(way, 2, axis=0)).max(axis=0) > 4 / _PARTS**2 * whole + least.reshape(-1, 1) / _PARTS
            sharp[nodes] |= found.any(axis=0)
    return sharp


def terminal_on_grid(problem: KolmogorovProblem, grid: Any) -> Any:
    """Terminal rows (q, size), and whether the function gave one column."""
    u, single = problem.terminal_rows(grid.nodes)
    rough = np.flatnonzero(jumps(problem, grid, u) | kinks(problem, grid, u))
    if rough.size:
        u = u.copy()
        u[:, rough] = _cell_averages(problem, grid, rough)
    return u, single


def _cell_averages(problem, grid, nodes):
    """Means of the terminal data over the cells (half-way to the neighbours, within the box) of some nodes: (q, n)."""
    samples = _SAMPLES[grid.dim]
    at = (np.arange(samples) + 0.5) / samples
    total, offsets = 0.0, np.stack([c.ravel() for c in np.meshgrid(*[at] * grid.dim, indexing="ij")], axis=1)
    lower, upper = np.empty((grid.dim, nodes.size)), np.empty((grid.dim, nodes.size))
    for axis, index in enumerate(np.unravel_index(nodes, grid.shape)):
        x = grid.axes[axis]
        middles = np.concatenate([x[:1], 0.5 * (x[1:] + x[:-1]), x[-1:]])
        lower[axis], upper[axis] = middles[index], middles[index + 1]
    for offset in offsets:
        total = total + problem.terminal_rows(lower + offset[:, None] * (upper - lower))[0]
    return total / len(offsets)
