"""Processes, sides and problems."""

import numpy as np

from ocnet import Diffusion, KolmogorovProblem, LayeredProcess, boundary, laws
from ocnet.process import checked_points, checked_starts

from .verdict import Subject

POINTS = np.array([[0.5, -0.25], [1.0, 0.0], [-1.5, 2.0]])
FACTOR = np.array([[0.5, 0.25], [0.0, 1.0]])
RATE = FACTOR @ FACTOR.T


def drift(t, x):
    return -x + 0.25 * t


def factor(t, x):
    return (1 + 0.125 * np.sin(x[:, :1]))[:, :, None] * FACTOR


def rate(t, x):
    return (1 + 0.125 * np.sin(x[:, :1]))[:, :, None] * RATE


def terminal(x):
    return np.tanh(x[:, 0])


def field(t, x):
    return np.cos(x[:, 0] + t)


def step(n, x, xi):
    return x - 0.125 * x + 0.25 * xi


def _rows(drift, factor, dim, breaks, steady_factor):
    process, x = Diffusion(drift, factor, dim, breaks, steady_factor), np.ascontiguousarray(POINTS.T)
    return process.drift_rows(0.5, x), process.factor_rows(0.5, x), process.variance_rows(0.5, x), process.breaks


def _rate_rows(drift, variance_rate, dim, breaks, steady_factor):
    process, x = Diffusion.with_variance_rate(drift, variance_rate, dim, breaks, steady_factor), np.ascontiguousarray(POINTS.T)
    return process.drift_rows(0.5, x), process.factor_rows(0.5, x), process.variance_rows(0.5, x)


def _is_a_rate(result, arguments):
    """G Gᵀ is the rate, to rounding: products of two numbers and a sum of as many as there are channels."""
    _, G, a = result[:3]
    product = np.einsum("ijn,kjn->ikn", G, G)
    assert np.abs(product - a).max() <= 1e-14 * max(np.abs(a).max(), 1e-300) * 8, "the variance rate is not G Gᵀ"


def _problem_rows(process, terminal, horizon, potential, source, boundary):
    problem, x = KolmogorovProblem(process, terminal, horizon, potential, source, boundary), np.ascontiguousarray(POINTS.T)
    return problem.terminal_rows(x), problem.potential_rows(0.5, x), problem.source_rows(0.5, x), problem.horizon


def _layered(step, law, dim, times):
    process = LayeredProcess(step, law, dim, times)
    return process.trajectory(np.ascontiguousarray(POINTS.T), 0, 0), process.times


def _holds_its_points(result, arguments):
    lower, upper = result
    points = np.reshape(np.asarray(arguments["points"], float), (-1, 2))
    assert (lower <= points.min(axis=0)).all() and (points.max(axis=0) <= upper).all(), "start points outside the box"


PROCESS = Diffusion(drift, FACTOR, 2)
LAYERED = LayeredProcess(step, laws.Normal(2), 2, np.array([0.0, 0.5, 1.0]))
BREAKS = np.array([0.25, 0.5])
# paths that leave the range of numbers are told as such, by what makes them leave it
FAR = {"points": ("drift", "factor"), "horizon": ("drift", "factor", "points")}

SUBJECTS = [
    Subject("checked_points", checked_points, {"points": POINTS, "dim": 2, "name": "x"}, {"points": ("x",)}, keep=("name", "dim")),
    Subject("checked_starts", checked_starts, {"points": POINTS, "dim": 2}, {"points": ("x0",)}, keep=("dim",)),
    Subject("Diffusion", _rows, {"drift": drift, "factor": FACTOR, "dim": 2, "breaks": BREAKS, "steady_factor": False},
            {"dim": ("drift", "factor")}, check=_is_a_rate),
    Subject("Diffusion (factor a function)", _rows, {"drift": drift, "factor": factor, "dim": 2, "breaks": BREAKS, "steady_factor": True},
            {"dim": ("drift", "factor")}, check=_is_a_rate),
    Subject("Diffusion.with_variance_rate", _rate_rows, {"drift": drift, "variance_rate": RATE, "dim": 2, "breaks": BREAKS, "steady_factor": False},
            {"dim": ("drift", "factor", "variance_rate")}, check=_is_a_rate),
    Subject("Diffusion.with_variance_rate (a function)", _rate_rows,
            {"drift": drift, "variance_rate": rate, "dim": 2, "breaks": BREAKS, "steady_factor": False}, {"dim": ("drift", "variance_rate")},
            check=_is_a_rate),
    Subject("Diffusion.extent", PROCESS.extent, {"points": POINTS, "leak": 1e-6, "horizon": 1.0, "steps": 4, "seed": 3,
                                                 "within": np.array([[-9.0, -8.0], [8.0, 9.0]])}, FAR, optional=("within",), also={"within": ["inf in", "-inf in"]}),
    Subject("LayeredProcess", _layered, {"step": step, "law": laws.Normal(2), "dim": 2, "times": np.array([0.0, 0.5, 1.0])}),
    Subject("LayeredProcess.extent", LAYERED.extent, {"points": POINTS, "leak": 1e-6, "seed": 3}, FAR, check=_holds_its_points),
    Subject("LayeredProcess.extents", LAYERED.extents, {"points": POINTS, "leak": 1e-6, "seed": 3}, FAR),
    Subject("KolmogorovProblem", _problem_rows, {"process": PROCESS, "terminal": terminal, "horizon": 1.0, "potential": field, "source": field,
                                                 "boundary": boundary.Reflecting()}, optional=("potential", "source", "boundary"),
            also={"potential": ["no function"], "source": ["no function"]}),
    Subject("KolmogorovProblem (numbers)", _problem_rows, {"process": PROCESS, "terminal": terminal, "horizon": 1.0, "potential": 0.5, "source": -0.5,
                                                           "boundary": None}, keep=("boundary",), optional=("potential", "source")),
    Subject("Dirichlet", lambda value: boundary.Dirichlet(value).value_at(0.5, POINTS), {"value": 0.25}),
    Subject("Dirichlet (a function)", lambda value: boundary.Dirichlet(value).value_at(0.5, POINTS), {"value": field}, also={"value": ["no function"]}),
    Subject("checked_sides", boundary.checked_sides, {"boundary": boundary.Outflow(), "dim": 2}, keep=("dim",), optional=("boundary",)),
]
