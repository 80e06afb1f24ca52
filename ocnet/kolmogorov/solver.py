"""The faces of the march: solve_backward, solve_forward, gradient."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ocnet.boundary import checked_sides
from ocnet.density import Density
from ocnet.grid import Grid
from ocnet.inputs import answer_of, as_array, as_flag, as_number, as_object
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion, checked_points
from ocnet.typing import Array, ArrayLike, PointFunction
from ocnet.value_function import ValueFunction

from .adaptive import solve_to_tolerance
from .automatic import checked_scheme
from .coefficients import held_nodes
from .damping import warn_of_stiffness
from .doubts import escaping, warn_of_masses, warn_of_values
from .march import CoefficientGradient, March, check_problem
from .recomputed import Recomputed, slots_within
from .times import Keeper

__all__ = ["gradient", "initial_masses", "solve_backward", "solve_forward"]


def solve_backward(problem: KolmogorovProblem, grid: Grid | None = None, steps: int = 100, scheme: Any = "auto", keep: Any = 1,
                   tolerance: float | None = None, at: ArrayLike | None = None, box: tuple[ArrayLike, ArrayLike] | None = None,
                   max_memory: float | None = None) -> ValueFunction:
    """Solve u_t + f·∇u + ½ a:∇∇u − c u + g = 0, u(T) = terminal, from T down to 0 on a grid.

    problem : KolmogorovProblem;  grid : Grid of the same dimension (one to three axes)
    steps   : total number of steps; every break of the process is a step boundary
    scheme  : "auto" (see `automatic`; the report says what was chosen) or an object of ocnet.kolmogorov.schemes
    keep    : number of kept times, evenly spread from 0 to T (1: t = 0 only), or the times themselves; each is moved
              to the nearest step boundary
    max_memory : instead of `keep`: bytes for values at all step times, of which those that do not fit are run again when the
              ValueFunction is asked for them (`save` then takes the kept ones).  What a solve takes without
              comes on top, 15 to 25 fields, and splines of the last four times
    tolerance : instead of grid and steps: the largest absolute error wanted at t = 0 at the points `at` (n, d); box, nodes and
              steps are then found, and the result's `error` is its ErrorBar (space, time, box)
    box     : with a tolerance, (lower, upper) of the sides that lie somewhere, NaN where they are to be found
    Returns   ValueFunction, values of the diffusion's law (not the layered network's)
    Raises    ValueError for inconsistent input; FloatingPointError when the values are not finite
    Cost      O(steps · nodes · q); memory of a few fields and the kept ones
    Warns     (RuntimeWarning) where on a given grid more than 5 % of the paths from its middle leave the box through sides that no one chose
              (`report.leak`), and where values leave the range of the data by 5 % of it (no potential, source or moving side);
              on any, where the steps of the scheme do not damp what a stiff drift does (`damping`)
    Accuracy  order 2 in space (central) and time, reduced where cell Péclet numbers in the report exceed 1
    Source    schemes: see each; splitting with mixed derivatives: in 't Hout & Welfert (2009); damped starts: Rannacher (1984)
    """
    check_problem(problem)
    if max_memory is not None:
        max_memory = _checked_memory(max_memory)
    if tolerance is not None:
        if grid is not None or at is None:
            raise ValueError("with tolerance=… give at=points, and no grid: it is found")
        value = solve_to_tolerance(lambda grid, steps, scheme: _marched(March(problem, grid, steps, scheme), keep, max_memory),
                                   lambda grid: checked_scheme(scheme, problem, grid), problem, at, tolerance, box)
        warn_of_stiffness(March(problem, value.grid, value.report.steps, scheme))
        return value
    if grid is None:
        raise ValueError("grid is missing; give a Grid, or tolerance=… and at=points")
    march = March(problem, grid, steps, scheme)
    value = _marched(march, keep, max_memory, escaping)
    warn_of_stiffness(march)
    warn_of_values(value.report, problem, held_nodes(grid, problem.boundary).constant)
    return value


def _marched(march, keep, max_memory, leak=lambda problem, grid: None):
    """The ValueFunction of a march; `leak(problem, grid)` for its report."""
    problem, grid = march.problem, march.grid
    u, single = march.terminal()
    if max_memory is None:
        keeper = Keeper(march.times, keep)
        start = march.backward(u, keeper)
        report = march.report(u, start, leak=leak(problem, grid))
        return ValueFunction(grid, keeper.times, keeper.stacked(), report, single)
    whole = Recomputed(march, slots_within(max_memory, u, 3))
    start = march.backward(u, whole)
    times, values = whole.stacked()
    report = march.report(u, start, leak=leak(problem, grid))
    return ValueFunction(grid, times, values, report, single, between=whole)


def solve_forward(process: Diffusion, initial: PointFunction | ArrayLike, grid: Grid, horizon: float, steps: int = 100, scheme: Any = "auto",
                  keep: Any = 2, weights: ArrayLike | None = None, boundary: Any = None, states: Any = None) -> Density:
    """Carry a density forward by the transposed steps of `solve_backward`: the Fokker–Planck equation.

    process : Diffusion;  grid : Grid of its dimension;  horizon : T > 0;  steps, scheme : as in solve_backward
    initial : callable density (n, d) -> (n,), taken times the cell volume at each node; or (n, d) points of mass
              `weights` (n,) (default 1/n), spread to the corners of their cells (linear interpolation, transposed)
    keep    : as in solve_backward (2: both ends);  boundary : as in KolmogorovProblem
    states  : values at all times (`March.states`), for a scheme that is not linear
    Returns   Density: ⟨masses at T, terminal⟩ = ⟨masses at 0, u(0)⟩ to rounding, for the same steps and scheme
    Warns     (RuntimeWarning) where a side that no one chose meets a density beyond 5 % of the mean over the box, where Σ|p| grows by 5 %, and as
              `solve_backward` of stiff drifts
    Accuracy  mass is kept to rounding, which steps far beyond what a scheme resolves amplify (`report.mass_drift`); values can be negative where the
              backward scheme can overshoot, and are not clipped
    """
    as_object(process, "process", ("drift_rows", "dim"), "a Diffusion", "give one, such as network.diffusion(theta)")
    problem = KolmogorovProblem(process, _no_terminal, horizon, boundary=checked_sides(boundary, process.dim))
    march = March(problem, grid, steps, scheme, linear=states is None)
    masses = initial_masses(grid, initial, weights)[None]
    keeper, at_sides, leaks = Keeper(march.times, keep), _open_sides(grid, problem.boundary), []

    def visit(k, p):
        keeper(k, p)
        leaks.append(float(p[:, at_sides].sum()))

    end, given = march.transposed(masses, visit, states), masses.sum()
    scale = abs(given) if given else 1.0
    report = march.report(masses, end, mass_drift=float(abs(end.sum() - given) / scale), leak=max(leaks) / scale)
    warn_of_stiffness(march)
    size = np.abs(masses).sum()
    warn_of_masses(report, boundary is not None, float(grid.weights[at_sides].sum() / grid.weights.sum()), float(np.abs(end).sum() / size - 1) if size else 0.0)
    return Density(grid, keeper.times, keeper.stacked()[:, 0], report)


def _checked_memory(max_memory):
    return as_number(max_memory, "max_memory", above=0, at_most=1e18, remedy="it is a number of bytes, such as 1e9")


def _open_sides(grid, sides):
    """Numbers of the outermost nodes that no side holds."""
    numbers, outermost = np.arange(grid.size).reshape(grid.shape), {"open": [], "held": []}
    for axis, pair in enumerate(sides):
        for end, side in enumerate(pair):
            outermost["held" if side.row == "held" else "open"].extend(np.take(numbers, -end, axis=axis).ravel())
    return np.setdiff1d(outermost["open"], outermost["held"]).astype(int)


def _no_terminal(x):
    return np.zeros(len(x))


def initial_masses(grid: Grid, initial: PointFunction | ArrayLike, weights: ArrayLike | None = None) -> Array:
    """Return masses (size,) on the nodes: a density times cell volumes, or points scattered to their cells' corners."""
    as_object(grid, "grid", ("axes", "shape", "reshape"), "a Grid", "give Grid.uniform(lower, upper, shape)")
    if callable(initial):
        density = answer_of(initial, "initial", grid.nodes.T)
        if density.shape != (grid.size,) or not np.isfinite(density).all():
            raise ValueError(f"initial returned shape {density.shape} or values that are not finite; expected ({grid.size},)")
        return density * grid.weights
    points = checked_points(initial, grid.dim, "initial")
    weights = np.full(len(points), 1 / max(len(points), 1)) if weights is None else as_array(weights, "weights")
    if not len(points):
        raise ValueError(f"initial has shape {np.shape(initial)}: no point; give at least one row")
    if weights.shape != (len(points),):
        raise ValueError(f"weights has shape {weights.shape}; expected ({len(points)},): one per point")
    outside = ((points < grid.lower) | (points > grid.upper)).any(axis=1)
    if outside.any():
        row = int(np.argmax(outside))
        raise ValueError(f"initial[{row}] = {points[row].tolist()} lies outside {grid!r}; widen the grid")
    nodes, shares = np.zeros((1, len(points)), dtype=np.int64), np.ones((1, len(points)))
    for axis, x in zip(grid.axes, points.T):
        i = np.clip(np.searchsorted(axis, x, side="right") - 1, 0, axis.size - 2)
        t = (x - axis[i]) / (axis[i + 1] - axis[i])
        nodes = np.concatenate([nodes * axis.size + i, nodes * axis.size + i + 1])
        shares = np.concatenate([shares * (1 - t), shares * t])
    return np.bincount(nodes.ravel(), (shares * weights).ravel(), minlength=grid.size)  # type: ignore[return-value]  # float64, as weights are


def gradient(problem: KolmogorovProblem, grid: Grid, cotangent: ArrayLike, steps: int = 100, scheme: Any = "auto",
             collect: Callable[..., object] | None = None, max_memory: float | None = None, variance: bool = True) -> CoefficientGradient:
    """Differentiate ⟨cotangent, u(0, ·)⟩ in the coefficients of every step and in the terminal data.

    problem, grid, steps, scheme : as in solve_backward (a linear scheme: a limited one has other coefficients)
    cotangent  : (size,) or (q, size), of u(0, ·) on the nodes
    collect    : callable (k, t, drift (d, size), variance_rate (d, d, size), potential (size,) or None, source (q, size) or
                 None) called for k = 0 … steps − 1, or None to stack them in the result (steps · d (d + 1) fields of memory)
    max_memory : bytes for kept values; beyond it steps are run again from binomial checkpoints (None: all are kept).  What a gradient takes
                 without comes on top, 50 to 130 fields
    variance   : False leaves out the cotangent of the variance rate (None), where the noise is not a control
    Returns      CoefficientGradient of the discrete solution: exact to rounding (central drift; for hybrid and upwind, of
                 the branches taken)
    Raises       ValueError for a cotangent of another shape
    Cost         two solves and one product rule a step
    """
    march = March(problem, grid, steps, scheme, linear=True)
    cotangent, variance = np.array(as_array(cotangent, "cotangent"), ndmin=2, order="C"), as_flag(variance, "variance")
    if max_memory is not None:
        max_memory = _checked_memory(max_memory)

    def checked(u):
        if cotangent.shape != u.shape:
            raise ValueError(f"cotangent has shape {cotangent.shape}; expected {u.shape}: one row per terminal column")
        return cotangent

    if collect is not None:
        return CoefficientGradient(march.gradient(checked, collect, max_memory=max_memory, variance=variance)[1], march.times)
    parts = []
    _, terminal = march.gradient(checked, lambda k, t, *cotangents: parts.append(cotangents), max_memory=max_memory, variance=variance)
    stacked = [None if column[0] is None else np.stack(column) for column in zip(*parts)]
    return CoefficientGradient(terminal, march.times, *stacked)
