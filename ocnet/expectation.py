"""One transition of a Markov chain on the nodes of a grid: values one step back, masses one step on.

Smoothing by the transition's independent normals comes first, on the nodes, then the mean over its feet.  Two ways with the same bits:
pass by pass over whole arrays, whose pieces the threads share, or, on planes with columns enough for the threads or small ones,
column by column (`kernels.plane_step`).
"""

from typing import Any

import numpy as np

from ocnet.kernels import memory, plane_step
from ocnet.kernels.threads import over_tiles, threads
from ocnet.spline import LimitedSpline, Smoothing, embedded, spline_factors
from ocnet.typing import Array

__all__ = ["expectation", "expectation_transposed"]

_SMALL = 20_000                      # nodes up to which one thread a column beats all threads on each pass


def expectation(grid: Any, transition: Any, values: Array, limited: bool = True) -> Any:
    """E[values(X⁺)] for a `Transition` from the nodes: (q, size), and the spline that its transpose needs.

    values (q, size); feet None: smoothing alone.
    """
    if _by_columns(grid, transition, len(values)):
        return _columns_backward(grid, transition, values, limited)
    if np.any(transition.smoothing > 0):
        values = Smoothing(grid, transition.smoothing)(values)
    if transition.feet is None:
        return values, None
    spline = LimitedSpline(grid, values, limited)
    return spline.mean(transition.feet, transition.weights), spline


def expectation_transposed(grid: Any, transition: Any, spline: Any, masses: Array) -> Any:
    """The masses (q, size) one step later, and the cotangent of the feet (branches, d, size) (None without feet)."""
    if _by_columns(grid, transition, len(masses)):
        return _columns_forward(grid, transition, spline, masses)
    feet_cotangent = None
    if transition.feet is not None:
        masses, feet_cotangent = spline.mean_transposed(transition.feet, transition.weights, masses)
    if np.any(transition.smoothing > 0):
        masses = Smoothing(grid, transition.smoothing).transposed(masses)
    return masses, feet_cotangent


def _by_columns(grid, transition, columns):
    """Whether a step is taken column by column: feet on a plane or a line, and columns enough, or few nodes."""
    return transition.feet is not None and grid.dim <= 2 and (columns >= threads() or grid.size <= _SMALL)


def _read(grid, transition):
    """What both kernels read of a transition."""
    flat = 2 - grid.dim
    filters = [np.ones(1)] * flat + Smoothing(grid, transition.smoothing).weights
    factors = [spline_factors(n, 0, 0) for n in (*(1,) * flat, *grid.shape)]
    feet = np.concatenate([np.zeros_like(transition.feet), transition.feet], axis=1) if flat else transition.feet
    origin, inverse_spacing = np.concatenate([np.zeros(flat), grid.lower]), np.concatenate([np.ones(flat), 1 / grid.spacing])
    return (*filters, *factors, feet, transition.weights, origin, inverse_spacing)


def _share(columns):
    """Columns per task."""
    return -(-columns // min(columns, threads()))


def _columns_backward(grid, transition, values, limited):
    u = embedded(grid, values)
    q, n0, n1 = u.shape
    v, c = memory.empty(u.shape), memory.empty((q, max(n0 + 2, 4), n1 + 2))
    bounds, out = np.empty((q, 4), dtype=np.int64), memory.empty((q, transition.feet.shape[2]))
    over_tiles(plane_step.backward_tiles, plane_step.backward, (u, *_read(grid, transition), limited), q, _share(q),
               (memory.empty((2, *u.shape)), v, c, bounds, out))
    return out, LimitedSpline.of_parts(grid, v, c, bounds, limited)


def _columns_forward(grid, transition, spline, masses):
    v = spline.values
    q, read = len(v), _read(grid, transition)
    each, out = memory.empty((q, *read[4].shape)), memory.empty(v.shape)
    parts = [memory.empty((q, plane_step.STRIPS, *array.shape[1:])) for array in (spline.coefficients, v)]
    over_tiles(plane_step.forward_tiles, plane_step.forward,
               (np.ascontiguousarray(masses), *read, spline.limited, v, spline.coefficients, spline.bounds), q, _share(q), (*parts, each, out))
    feet_cotangent = each[0]
    for more in each[1:]:
        feet_cotangent += more
    return out.reshape(q, -1), feet_cotangent[:, 2 - grid.dim:]
