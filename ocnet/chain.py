"""The chain: a layered process on a grid, layer by layer, exactly in its law.

    u_N = terminal,   u_n(x) = E[u_{n+1}(X_{n+1}) | X_n = x]

The expectation over ξ_n is a finite sum (masks), a quadrature, or, for additive normal noise, a smoothing of u_{n+1}
on the nodes.  What is left is the interpolation between nodes (limited cubic: no new extrema) and the box.
"""

import warnings

import numpy as np

from ocnet.grid import Grid
from ocnet.inputs import answer_of, as_flag, as_object, as_plain
from ocnet.moving_grid import MovingGrid
from ocnet.process import LayeredProcess
from ocnet.scouts import leaving
from ocnet.sweep import Sweep
from ocnet.typing import PointFunction
from ocnet.value_function import ValueFunction

__all__ = ["chain_sweep", "solve_chain"]

_PATHS, _MUCH = 128, 0.05            # from the middle of the box, and the share of them outside it beyond which a warning is due


def chain_sweep(process: LayeredProcess, grid: Grid | MovingGrid, limited: bool = True) -> Sweep:
    """Return the `Sweep` of a LayeredProcess over the nodes of a uniform grid, or of a `MovingGrid`.

    process : gives `transition(n, x, axes=…)`, and for gradients `transition_vjp(n, x, feet_cotangent, axes=…)`
    limited : whether interpolation keeps within the bounds of its data (`LimitedSpline`)
    Raises ValueError if the dimensions of the two differ.
    """
    as_object(process, "process", ("transition", "layers", "dim"), "a LayeredProcess", "give one, such as network.layered(theta)")
    as_object(grid, "grid", ("at", "axes", "shape"), "a Grid", "give Grid.uniform(lower, upper, shape), or a MovingGrid")
    if process.dim != grid.dim:
        raise ValueError(f"grid has {grid.dim} axes but the process has dim={process.dim}")
    return Sweep(grid, process.layers, lambda n: [process.transition(n, grid.at(n).nodes, axes=grid.at(n).axes)],
                 lambda n, feet_cotangent: process.transition_vjp(n, grid.at(n).nodes, feet_cotangent, axes=grid.at(n).axes), as_flag(limited, "limited"),
                 getattr(process, "layers_of", np.stack))


def solve_chain(process: LayeredProcess, terminal: PointFunction, grid: Grid, limited: bool = True) -> ValueFunction:
    """Return u_n(x) = E[terminal(X_N) | X_n = x] at all layers n of a LayeredProcess, as a ValueFunction.

    terminal : callable (points (n, d)) -> (n,) or (n, q): q problems share one pass;  grid : Grid with equal spacing
    limited  : False interpolates by the cubic spline as it is, which is smooth in its data but may overshoot
    Cost     one interpolation a node, layer and branch of the noise's quadrature; memory of all layers
    Source   derived: E[u_{n+1}(X_{n+1}) | X_n = x] by the quadrature of ξ_n
    Exact in the law of the process; errors are those of interpolation (order 4 on resolved data) and of the box.
    Warns (RuntimeWarning) where more than 5 % of the paths from the middle of the box are outside it at some layer (`report["leak"]`).
    Raises ValueError for a terminal value of another shape, or that is not finite, naming the node.
    """
    as_object(grid, "grid", ("axes", "shape", "reshape"), "a Grid", "give Grid.uniform(lower, upper, shape); a MovingGrid serves objectives only")
    sweep, nodes = chain_sweep(process, grid, limited), grid.nodes
    if not callable(terminal):
        raise ValueError(f"terminal={terminal!r} is not callable; give a function of points (n, d)")
    values = answer_of(terminal, "terminal", nodes.T)
    if values.ndim not in (1, 2) or len(values) != grid.size or not all(values.shape):
        raise ValueError(f"terminal returned shape {values.shape}; expected ({grid.size},) or ({grid.size}, q)")
    rows = as_plain(np.atleast_2d(values.T))
    if not np.isfinite(rows).all():
        worst = int(np.argmin(np.isfinite(rows).all(axis=0)))
        raise ValueError(f"terminal is not finite at x={nodes[:, worst].tolist()}")
    layers = list(sweep.values(rows))[::-1]
    leak = leaving(process, np.repeat(0.5 * (grid.lower + grid.upper)[:, None], _PATHS, axis=1), grid.at)
    if leak > _MUCH:
        warnings.warn(f"about {leak:.0%} of the paths from the middle of the box are outside it at some layer, where the value at its edge is taken: widen the "
                      "grid, or take Grid.covering(process, points, shape)", RuntimeWarning, stacklevel=2)
    return ValueFunction(grid, process.times, np.stack(layers), {"view": "chain", "layers": process.layers, "leak": leak}, values.ndim == 1)
