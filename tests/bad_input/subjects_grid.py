"""Grids and what lives on them."""

import numpy as np

from ocnet import Density, Diffusion, Grid, LayeredProcess, MovingGrid, ValueFunction, laws, solve_chain
from ocnet.chain import chain_sweep

from .subjects_processes import PROCESS, drift, step, terminal
from .verdict import Subject

AXIS = np.array([-2.0, -1.0, -0.5, 0.0, 0.5, 1.5, 2.0])
PLANE = Grid.uniform([-2.0, -2.0], [2.0, 2.0], 7)
UNEVEN = Grid((AXIS, AXIS))
TIMES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
POINTS = np.array([[0.5, -0.25], [1.0, 0.0], [-1.5, 1.75]])
VALUES = np.round(np.stack([np.tanh(PLANE.nodes[0] + t) + 0 * PLANE.nodes[1] for t in TIMES]) * 256)[:, None] / 256
MASSES = np.full((5, PLANE.size), 1 / 64)
LAYERED = LayeredProcess(step, laws.Normal(2), 2, np.array([0.0, 0.5, 1.0]))
LINE = Diffusion(drift, np.array([[0.5]]), 1)


def _value(grid, times, values, single):
    u = ValueFunction(grid, times, values, None, single)
    return u(POINTS, 0.4), u.gradient(POINTS, 0.4), u.times


def _density(grid, times, masses):
    p = Density(grid, times, masses)
    return p(POINTS, 0.5), p.mass(), p.times


def _increases(result, arguments):
    for axis in result.axes:
        assert (np.diff(axis) > 0).all(), "an axis does not increase"


def _within_the_values(result, arguments):
    values = VALUES if "values" not in arguments else np.asarray(arguments["values"], float)
    out = result[0] if isinstance(result, tuple) else result
    assert values.min() <= np.min(out, initial=values.min()) and np.max(out, initial=values.max()) <= values.max(), "outside the range of the values"


def _chain(step, law, terminal, grid, limited):
    process = LayeredProcess(step, law, 2, np.array([0.0, 0.5, 1.0]))
    return solve_chain(process, terminal, grid, limited).values


U, P = ValueFunction(PLANE, TIMES, VALUES), Density(PLANE, TIMES, MASSES)
BOX = ("box", "shape", "axes", "lower", "upper")

SUBJECTS = [
    Subject("Grid", lambda axis: Grid((axis,)), {"axis": AXIS}, known_as={"axis": ("axes",)}, check=_increases),
    Subject("Grid.uniform", Grid.uniform, {"lower": -2.0, "upper": 2.0, "shape": 9}, check=_increases),
    Subject("Grid.uniform (in the plane)", Grid.uniform, {"lower": np.array([-2.0, -1.0]), "upper": np.array([2.0, 1.0]), "shape": np.array([9, 7])},
            check=_increases),
    Subject("Grid.concentrated", Grid.concentrated, {"lower": -2.0, "upper": 2.0, "shape": 9, "around": 0.5, "strength": 10.0},
            known_as={"lower": ("around", "strength"), "upper": ("around", "strength")}, optional=("around",), check=_increases),
    Subject("Grid.concentrated (in the plane)", lambda lower, upper, shape, places, strength: Grid.concentrated(lower, upper, shape, [places, None], strength),
            {"lower": np.array([-2.0, -1.0]), "upper": np.array([2.0, 1.0]), "shape": np.array([9, 7]), "places": np.array([0.5, 1.0]),
             "strength": np.array([8.0, 2.0])}, known_as={"places": ("around",), "lower": ("around", "strength", *BOX), "upper": ("around", "strength", *BOX)},
            check=_increases),
    Subject("Grid.covering", Grid.covering, {"process": PROCESS, "points": POINTS, "shape": 7, "leak": 1e-6, "horizon": 0.5},
            known_as={"points": ("drift", "factor", *BOX), "horizon": ("drift", "factor", "points", *BOX), "leak": BOX}, also={"shape": ["two numbers"]},
            check=_increases),
    Subject("Grid.refined", UNEVEN.refined, {"factor": 1.5}, known_as={"factor": BOX}, check=_increases),
    Subject("Grid.widened", UNEVEN.widened, {"factor": 1.5}, known_as={"factor": BOX}, check=_increases),
    Subject("MovingGrid", MovingGrid, {"grids": (PLANE, PLANE)}),
    Subject("MovingGrid.covering", MovingGrid.covering, {"process": LAYERED, "points": POINTS, "shape": 7, "leak": 1e-6},
            known_as={"points": ("step", *BOX), "leak": BOX}, also={"shape": ["two numbers"]}),
    Subject("ValueFunction", _value, {"grid": PLANE, "times": TIMES, "values": VALUES, "single": True},
            known_as={"times": ("t", "values"), "grid": ("values",)}, check=_within_the_values),
    Subject("ValueFunction.__call__", U, {"x": POINTS, "t": 0.4}, check=_within_the_values),
    Subject("ValueFunction.gradient", U.gradient, {"x": POINTS, "t": 0.4}),
    Subject("ValueFunction.hessian", U.hessian, {"x": POINTS, "t": 0.4}),
    Subject("Density", _density, {"grid": PLANE, "times": TIMES, "masses": MASSES}, known_as={"times": ("t", "masses"), "grid": ("masses",)}),
    Subject("Density.__call__", P, {"x": POINTS, "t": 0.5}, optional=("t",)),
    Subject("Density.mass", P.mass, {"t": 0.5}, optional=("t",)),
    Subject("Density.expect", P.expect, {"function": terminal, "t": 0.5}, optional=("t",)),
    Subject("solve_chain", _chain, {"step": step, "law": laws.Normal(2), "terminal": terminal, "grid": PLANE, "limited": True},
            known_as={"terminal": ("values",)}),
    Subject("solve_chain (process)", lambda process: solve_chain(process, terminal, PLANE).values, {"process": LAYERED}),
    Subject("chain_sweep", lambda process, grid, limited: list(chain_sweep(process, grid, limited).values(terminal(PLANE.nodes.T)))[-1],
            {"process": LAYERED, "grid": PLANE, "limited": True}),
]
