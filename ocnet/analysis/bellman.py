"""Dynamic programming on a grid for a control that sees the state: the discrete Hamilton–Jacobi–Bellman equation.

    x⁺ = x + dt (b(x) + v) + s_n ξ_n,  ξ_n standard normal,  |v_i| ≤ reach_i
    V_N = terminal,   V_n(x) = dt r(x) + min_v { ½ dt c |v|² + E V_{n+1}(x⁺) }

The minimum over v is a Moreau envelope of the smoothed V_{n+1}: min_z { c/(2dt) |z − y|² + E V_{n+1}(z + s ξ) } at y = x + dt b(x), and as
|·|² is a sum over axes, so is the search: one axis after the other.
"""

from typing import Any

import numpy as np

from ocnet.grid import Grid
from ocnet.inputs import LARGEST, answer_of, as_array, as_number, as_object
from ocnet.spline import LimitedSpline, Smoothing
from ocnet.typing import Array, ArrayLike, PointFunction
from ocnet.value_function import ValueFunction

__all__ = ["moreau_envelope", "solve_feedback"]


def solve_feedback(terminal: PointFunction, grid: Grid, times: ArrayLike, price: float, deviation: ArrayLike = 0.0, reach: ArrayLike = np.inf,
                   drift: Any = None, running: Any = None) -> ValueFunction:
    """Return V_n(x), the least expected cost from X_n = x on over all controls v_n(x), as a ValueFunction.

    terminal  : callable (n, d) -> (n,) or (n, q): q problems share one pass
    grid      : uniform, one to three axes;  times : (N + 1,) increasing
    price     : c ≥ 0 of ½ c |v|² per time
    deviation : s_n of a layer's noise, in state units (not per root of time): a number, or (N,)
    reach     : largest |v_i|: a number, (d,) or (N, d);  inf leaves the price alone to hold v
    drift     : b, callable (n, d) -> (n, d);  running : r, callable (n, d) -> (n,).  None: 0
    Accuracy   order 3 in the spacing for smooth V (parabolas through three nodes at the minimum; exact where V is quadratic), order 4 of
               the interpolation where there is a drift.  The state is kept in the box, mirrored at its sides: widen it to see the effect.
    Cost       O(nodes · reachable nodes of an axis) a layer and axis.
    Raises     ValueError for a terminal value of another shape or not finite, a negative price, or numbers of another shape.
    """
    as_object(grid, "grid", ("nodes", "require_uniform"), "a grid", "give a Grid with equal spacing")
    rows, single = _terminal_rows(terminal, grid)
    times = as_array(times, "times")
    if times.ndim != 1 or times.size < 2 or not (np.diff(times) > 0).all():
        raise ValueError(f"times={times.tolist()} do not increase; give the N + 1 times of N layers")
    price = as_number(price, "price", at_least=0, at_most=LARGEST, remedy="a control that is paid for being fast has no least cost")
    steps = np.diff(times)
    deviations = _per_layer(as_array(deviation, "deviation"), (steps.size,), "deviation")
    reaches = _per_layer(reach, (steps.size, grid.dim), "reach")
    values, nodes = [rows], grid.nodes
    for n in reversed(range(steps.size)):
        u = Smoothing(grid, deviations[n])(values[-1]) if deviations[n] else values[-1]
        u = moreau_envelope(grid, u, price / steps[n], steps[n] * reaches[n])
        if drift is not None:
            u = LimitedSpline(grid, u)(nodes + steps[n] * _answers(drift, "drift", nodes.T, (grid.size, grid.dim)).T)
        values.append(u if running is None else u + steps[n] * _answers(running, "running", nodes.T, (grid.size,)))
    report = {"view": "feedback", "layers": int(steps.size), "price": float(price)}
    return ValueFunction(grid, times, np.stack(values[::-1]), report, single)


def _terminal_rows(terminal, grid):
    """The terminal values as rows (q, size), and whether they were one column."""
    if not callable(terminal):
        raise TypeError(f"terminal={terminal!r} is not callable; give a function of points (n, d)")
    values = answer_of(terminal, "terminal", grid.nodes.T)
    if values.ndim not in (1, 2) or len(values) != grid.size or not np.isfinite(values).all():
        raise ValueError(f"terminal returned shape {values.shape}{'' if np.isfinite(values).all() else ', not finite'}; expected finite "
                         f"({grid.size},) or ({grid.size}, q)")
    return np.ascontiguousarray(np.atleast_2d(values.T)), values.ndim == 1


def _answers(function, name, points, shape):
    """Finite values of a user's function at the nodes, of this shape."""
    return as_array(answer_of(function, name, points), name, shape)


def _per_layer(value, shape, name):
    """`value` for every layer (and axis), ≥ 0, or ValueError."""
    value = as_array(value, name, finite=False)
    if value.shape not in ((), shape, shape[1:]) or not (value >= 0).all():
        raise ValueError(f"{name} has shape {value.shape}; expected a number or {shape}, each ≥ 0")
    return np.broadcast_to(value, shape)


def moreau_envelope(grid: Grid, values: Array, stiffness: float, limits: ArrayLike = np.inf) -> Array:
    """min over z with |z_i − x_i| ≤ limits_i of ½ stiffness |z − x|² + values(z), at the nodes x: (q, size).

    values : (q, size) at the nodes of a uniform grid;  limits : number or (d,), state units
    Between the nodes `values` are the parabola through the three around the best one.  Exact for quadratics, order 3 for smooth values;
    where three nodes do not resolve them, at most an eighth of their second difference below the least value.
    """
    grid.require_uniform("moreau_envelope")
    stiffness = as_number(stiffness, "stiffness", at_least=0)
    field = grid.reshape(as_array(values, "values"))
    for axis, (h, limit) in enumerate(zip(grid.spacing, np.broadcast_to(np.asarray(limits, float), grid.dim)), start=1):
        lines = np.ascontiguousarray(np.moveaxis(field, axis, -1))
        field = np.moveaxis(_along_last_axis(lines, stiffness * h * h, limit / h), -1, axis)
    return np.ascontiguousarray(field).reshape(len(values), -1)


def _along_last_axis(lines, stiffness, limit):
    """The envelope of lines (…, n) along their last axis, lengths in units of the spacing."""
    n, oscillation = lines.shape[-1], float(np.ptp(lines, axis=-1).max())
    farthest = min(n - 1, int(min(limit, n)))
    if stiffness > 0:                                                  # a move that costs more than all there is to gain never pays
        farthest = min(farthest, int(min(np.sqrt(2 * oscillation / stiffness) + 1, n)))
    best, shift = lines.copy(), np.zeros(lines.shape, dtype=np.int32)
    for j in range(1, farthest + 1):
        cost = 0.5 * stiffness * j * j
        for step, here, there in ((j, np.s_[..., :-j], np.s_[..., j:]), (-j, np.s_[..., j:], np.s_[..., :-j])):
            candidate = lines[there] + cost
            better = candidate < best[here]
            np.copyto(best[here], candidate, where=better)
            np.copyto(shift[here], step, where=better)
    for moves in [shift] if limit >= n else [shift, np.int32(round(limit)), np.int32(-round(limit))]:    # the ends are places of their own
        best = np.minimum(best, _between_nodes(lines, moves, stiffness, limit))
    return best


def _between_nodes(lines, shift, stiffness, limit):
    """The least value of the parabola through the three nodes around x + shift, as far as the limit lets z go."""
    n = lines.shape[-1]
    here = np.arange(n)
    centre = np.broadcast_to(np.clip(here + shift, 1, n - 2), lines.shape)
    moved = centre - here
    low, middle, high = (np.take_along_axis(lines, centre + k, axis=-1) + 0.5 * stiffness * (moved + k) ** 2 for k in (-1, 0, 1))
    slope, curvature = 0.5 * (high - low), high - 2 * middle + low
    first, last = np.maximum(-1.0, -limit - moved), np.minimum(1.0, limit - moved)
    convex = curvature > 0
    vertex = np.clip(np.where(convex, -slope / np.where(convex, curvature, 1.0), 0.0), first, last)
    return np.minimum.reduce([middle + t * (slope + 0.5 * t * curvature) for t in (first, vertex, last)])
