"""The chain: a layered process on a grid, layer by layer, exactly in its law.

    u_N = terminal,   u_n(x) = E[u_{n+1}(X_{n+1}) | X_n = x]

The expectation over ξ_n is a finite sum (masks), a quadrature, or, for additive normal noise, a smoothing of u_{n+1}
on the nodes.  What is left is the interpolation between nodes (limited cubic: no new extrema) and the box.
"""

import numpy as np

from ocnet.grid import Grid
from ocnet.moving_grid import MovingGrid
from ocnet.process import LayeredProcess
from ocnet.sweep import Sweep
from ocnet.typing import PointFunction
from ocnet.value_function import ValueFunction

__all__ = ["chain_sweep", "solve_chain"]


def chain_sweep(process: LayeredProcess, grid: Grid | MovingGrid, limited: bool = True) -> Sweep:
    """Return the `Sweep` of a LayeredProcess over the nodes of a uniform grid, or of a `MovingGrid`.

    process : gives `transition(n, x, axes=…)`, and for gradients `transition_vjp(n, x, feet_cotangent, axes=…)`
    limited : whether interpolation keeps within the bounds of its data (`LimitedSpline`)
    Raises ValueError if the dimensions of the two differ.
    """
    if process.dim != grid.dim:
        raise ValueError(f"grid has {grid.dim} axes but the process has dim={process.dim}")
    return Sweep(grid, process.layers, lambda n: [process.transition(n, grid.at(n).nodes, axes=grid.at(n).axes)],
                 lambda n, feet_cotangent: process.transition_vjp(n, grid.at(n).nodes, feet_cotangent, axes=grid.at(n).axes), limited,
                 getattr(process, "layers_of", np.stack))


def solve_chain(process: LayeredProcess, terminal: PointFunction, grid: Grid, limited: bool = True) -> ValueFunction:
    """Return u_n(x) = E[terminal(X_N) | X_n = x] at all layers n of a LayeredProcess, as a ValueFunction.

    terminal : callable (points (n, d)) -> (n,) or (n, q): q problems share one pass;  grid : Grid with equal spacing, or MovingGrid
    limited  : False interpolates by the cubic spline as it is, which is smooth in its data but may overshoot
    Cost     one interpolation a node, layer and branch of the noise's quadrature; memory of all layers
    Source   derived: E[u_{n+1}(X_{n+1}) | X_n = x] by the quadrature of ξ_n
    Exact in the law of the process; errors are those of interpolation (order 4 on resolved data) and of the box.
    Raises ValueError for a terminal value of another shape, or that is not finite, naming the node.
    """
    nodes = grid.nodes
    values = np.asarray(terminal(nodes.T), dtype=np.float64)
    if values.ndim not in (1, 2) or len(values) != grid.size:
        raise ValueError(f"terminal returned shape {values.shape}; expected ({grid.size},) or ({grid.size}, q)")
    rows = np.ascontiguousarray(np.atleast_2d(values.T))
    if not np.isfinite(rows).all():
        worst = int(np.argmin(np.isfinite(rows).all(axis=0)))
        raise ValueError(f"terminal is not finite at x={nodes[:, worst].tolist()}")
    layers = list(chain_sweep(process, grid, limited).values(rows))[::-1]
    return ValueFunction(grid, process.times, np.stack(layers), {"view": "chain", "layers": process.layers}, values.ndim == 1)
