"""The equation on a grid: solves, densities, gradients, schemes."""

import numpy as np

from ocnet import Diffusion, Grid, KolmogorovProblem, boundary, solve_backward, solve_forward
from ocnet.kolmogorov import gradient, schemes
from ocnet.kolmogorov.solver import initial_masses

from .subjects_processes import FACTOR, PROCESS, drift, factor, field, terminal
from .verdict import Subject

LINE = Grid.uniform(-3.0, 3.0, 9)
PLANE = Grid.uniform([-3.0, -3.0], [3.0, 3.0], 7)
UNEVEN = Grid.concentrated([-3.0, -3.0], [3.0, 3.0], 7, around=[0.5, 0.0])
PROBLEM = KolmogorovProblem(PROCESS, terminal, 1.0)
ROOT = np.array([[0.5]])
POINTS = np.array([[0.5, -0.25], [1.0, 0.0], [-1.5, 2.0]])
MASSES = np.array([0.25, 0.5, 0.25])


def density(x):
    return np.exp(-0.5 * (x**2).sum(axis=1))


def _backward(drift, factor, terminal, horizon, potential, source, side, grid, steps, scheme, keep):
    problem = KolmogorovProblem(Diffusion(drift, factor, grid.dim if isinstance(grid, Grid) else 1), terminal, horizon, potential, source, side)
    return solve_backward(problem, grid, steps, scheme, keep)


def _bounded(result, arguments):
    """A mean of the terminal's values: within their range, to rounding, for the schemes that say so and where nothing is earned, killed or held."""
    if arguments.get("scheme", "auto") in (schemes.SemiLagrangian(), schemes.Monotone()) and arguments["potential"] is None and arguments["source"] is None:
        low, high = result.report.bounds_before
        slack = 1e-10 * max(abs(low), abs(high), 1e-300)
        assert low - slack <= result.values.min() and result.values.max() <= high + slack, "outside the range of the terminal"


def _keeps_mass(result, arguments):
    """Transposed steps of rows that sum to 1 keep the sum of the masses to rounding: a few hundred additions of each; or it is warned of.

    Steps far beyond what is resolved amplify rounding: from a drift of 10⁻⁶ on that is warned of (tests/kolmogorov/test_solver.py).
    """
    total, size = result.masses.sum(axis=1), np.abs(result.masses).sum(axis=1)
    assert np.abs(total - total[0]).max() <= 1e-9 * size.max() or result.report.mass_drift > 1e-6, "mass is lost"


def _tolerance(terminal, tolerance, at, scheme, horizon):
    if isinstance(tolerance, float) and 0 < tolerance < 0.05:
        raise ValueError("tolerance: those that take seconds to minutes, as they should, are left out here")
    return solve_backward(KolmogorovProblem(Diffusion(drift, ROOT, 1), terminal, horizon), scheme=scheme, tolerance=tolerance, at=at)


ON_THE_WAY = ("drift", "factor", "terminal", "potential", "source", "side", "horizon", "values", "boundary", "value", "dt")
EQUATION = {"drift": drift, "factor": ROOT, "terminal": terminal, "horizon": 1.0, "potential": None, "source": None, "side": boundary.Reflecting(), "grid": LINE,
            "steps": 4, "scheme": "auto", "keep": 2}
WAYS = {**{name: ON_THE_WAY for name in EQUATION if name not in ("grid", "steps", "scheme", "keep")}, "grid": ("values", "axes", "factor")}
GIVEN = {"optional": ("potential", "source", "side"), "also": {"potential": ["no function", "a number"], "source": ["no function", "a number"], "keep": ["two numbers"]},
         "unbounded": (r"report\.peclet",)}                           # inf: no noise somewhere
FULL = {**EQUATION, "factor": factor, "potential": field, "source": field, "side": boundary.Dirichlet(field), "grid": PLANE}
OTHERS = [(schemes.Douglas(), FULL), (schemes.HundsdorferVerwer(drift="hybrid", damped=1), {**FULL, "grid": UNEVEN, "side": boundary.Outflow()}),
          (schemes.SemiLagrangian(), {**EQUATION, "factor": FACTOR, "grid": PLANE}), (schemes.Monotone(), {**EQUATION, "factor": factor, "grid": UNEVEN}),
          (schemes.Explicit(), EQUATION), (schemes.TRBDF2(), {**EQUATION, "side": boundary.Absorbing()})]

SUBJECTS = [
    Subject("solve_backward", _backward, EQUATION, WAYS, **GIVEN),
    *(Subject(f"solve_backward ({type(scheme).__name__})", _backward, {**arguments, "scheme": scheme},
              {**WAYS, "steps": ("dt",)}, check=_bounded, keep=() if arguments is EQUATION else ("grid",), **GIVEN) for scheme, arguments in OTHERS),
    Subject("solve_backward (problem)", lambda problem, grid, max_memory: solve_backward(problem, grid, 4, max_memory=max_memory),
            {"problem": PROBLEM, "grid": PLANE, "max_memory": 4096.0}, optional=("max_memory",), unbounded=("between",)),
    Subject("solve_backward (tolerance)", _tolerance, {"terminal": terminal, "tolerance": 0.5, "at": np.array([[0.5], [1.0]]), "scheme": "auto", "horizon": 0.5},
            {"terminal": ON_THE_WAY, "at": ("points", *ON_THE_WAY), "horizon": ("points", *ON_THE_WAY)}, unbounded=(r"report\.peclet",)),
    Subject("solve_backward (box)", lambda at, box: solve_backward(KolmogorovProblem(Diffusion(drift, ROOT, 1), terminal, 0.5), tolerance=0.5, at=at, box=box),
            {"at": np.array([[0.5], [1.0]]), "box": np.array([[-4.0], [4.0]])}, {"at": ("points", *ON_THE_WAY), "box": ON_THE_WAY}, optional=("box",), unbounded=(r"report\.peclet",), also={"box": ["NaN in", "inf in", "-inf in"]}),
    Subject("solve_forward", lambda process, initial, grid, horizon, steps, scheme, keep, weights, boundary:
            solve_forward(process, initial, grid, horizon, steps, scheme, keep, weights, boundary),
            {"process": PROCESS, "initial": POINTS, "grid": PLANE, "horizon": 0.5, "steps": 3, "scheme": "auto", "keep": 2, "weights": MASSES, "boundary": None},
            {"horizon": ON_THE_WAY, "weights": ("masses",), "initial": ("weights",)}, optional=("weights", "boundary"), also={"keep": ["two numbers"]},
            unbounded=(r"report\.peclet",), check=_keeps_mass),
    Subject("solve_forward (a density)", lambda initial, boundary: solve_forward(PROCESS, initial, PLANE, 0.5, 3, boundary=boundary),
            {"initial": density, "boundary": boundary.Absorbing()}, {"initial": ("masses",)}, optional=("boundary",), check=_keeps_mass),
    Subject("initial_masses", initial_masses, {"grid": PLANE, "initial": POINTS, "weights": MASSES}, {"initial": ("weights",)}, optional=("weights",)),
    Subject("gradient", lambda problem, grid, cotangent, steps, scheme, max_memory, variance:
            gradient(problem, grid, cotangent, steps, scheme, None, max_memory, variance),
            {"problem": PROBLEM, "grid": PLANE, "cotangent": np.full(49, 0.25), "steps": 3, "scheme": schemes.Douglas(), "max_memory": 1e6, "variance": True},
            optional=("max_memory",)),
    Subject("gradient (functions)", lambda drift, factor, terminal, cotangent:
            gradient(KolmogorovProblem(Diffusion(drift, factor, 2), terminal, 0.5), PLANE, cotangent, 2), {"drift": drift, "factor": factor, "terminal": terminal,
                                                                                                        "cotangent": np.full((1, 49), 0.25)},
            dict.fromkeys(("drift", "factor", "terminal", "cotangent"), ON_THE_WAY + ("cotangent",))),
    *(Subject(name, lambda member=getattr(schemes, name), **numbers: member(**numbers), numbers)
      for name, numbers in (("CraigSneyd", {"theta": 0.5, "damped": 1, "drift": "central"}), ("CrankNicolson", {"theta": 0.5, "damped": 2, "drift": "upwind"}),
                            ("Douglas", {"theta": 0.5, "drift": "hybrid"}), ("Explicit", {"drift": "central"}),
                            ("HundsdorferVerwer", {"theta": 0.25, "damped": 0, "drift": "central"}),
                            ("ModifiedCraigSneyd", {"theta": 0.25, "damped": 0, "drift": "central"}), ("Monotone", {"drift": "hybrid"}),
                            ("SemiLagrangian", {"limited": True}), ("TRBDF2", {"drift": "central"}))),
]
