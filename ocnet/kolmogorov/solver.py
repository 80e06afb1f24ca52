"""The one stepping loop, its transpose and its gradient; `solve_backward` and `solve_forward` are its faces."""

from dataclasses import dataclass

import numpy as np

from ocnet.boundary import checked_sides, fixed_nodes
from ocnet.density import Density
from ocnet.problem import KolmogorovProblem
from ocnet.process import checked_points
from ocnet.value_function import SolveReport, ValueFunction

from .schemes import CrankNicolson, HundsdorferVerwer

__all__ = ["CoefficientGradient", "March", "gradient", "solve_backward", "solve_forward", "step_times"]


def step_times(horizon, breaks, steps):
    """Return increasing times from 0 to horizon: every break inside is a step boundary, steps are spread by length.

    Each interval between breaks gets its share of `steps` (at least one, by largest remainder), so the total exceeds
    `steps` only when there are more intervals than steps.
    """
    if int(steps) != steps or steps < 1:
        raise ValueError(f"steps={steps} is not a positive whole number")
    slack = 1e-12 * horizon
    inside = sorted({float(b) for b in breaks if slack < b < horizon - slack})
    ends = np.array([0.0, *inside, horizon])
    share = np.diff(ends) / horizon * steps
    counts = np.maximum(1, np.floor(share + 1e-9).astype(int))
    while counts.sum() < steps:
        counts[np.argmax(share - counts)] += 1
    pieces = [np.linspace(a, b, n + 1)[:-1] for a, b, n in zip(ends[:-1], ends[1:], counts)]
    return np.append(np.concatenate(pieces), horizon)


def automatic_scheme(dim):
    """Crank–Nicolson with a damped start on one axis, Hundsdorfer–Verwer on more: both of order 2, neither bounded."""
    return CrankNicolson() if dim == 1 else HundsdorferVerwer()


def _checked_scheme(scheme, dim):
    if isinstance(scheme, str):
        if scheme != "auto":
            raise ValueError(f"scheme={scheme!r}; give 'auto' or an object such as HundsdorferVerwer(drift='hybrid')")
        return automatic_scheme(dim)
    if not hasattr(scheme, "prepare"):
        raise ValueError(f"scheme={scheme!r} has no prepare(); give an object of ocnet.kolmogorov.schemes")
    return scheme


@dataclass(frozen=True)
class CoefficientGradient:
    """Cotangents of ⟨cotangent, u(0, ·)⟩, step by step in increasing time; None where `collect` took them.

    terminal (q, size);  times (steps + 1,);  drift (steps, d, size), variance_rate (steps, d, d, size): of the coefficients
    at the midpoint of each step, variance_rate symmetric
    """

    terminal: np.ndarray
    times: np.ndarray
    drift: object = None
    variance_rate: object = None

    def __repr__(self):
        return f"CoefficientGradient({len(self.times) - 1} steps, {self.terminal.shape[1]} nodes)"


class March:
    """All steps of one problem on one grid: run backwards in time, transposed forwards, differentiated forwards.

    problem : KolmogorovProblem;  grid : Grid of the same dimension
    steps   : total number, spread over the intervals between breaks;  scheme : "auto" or a scheme object
    Potential and source act in half steps around each step (order 2), exactly where they are constant over it.
    """

    def __init__(self, problem, grid, steps=100, scheme="auto"):
        if grid.dim != problem.process.dim:
            raise ValueError(f"grid has {grid.dim} axes, the process {problem.process.dim}; they must agree")
        self.problem, self.grid = problem, grid
        self.scheme = _checked_scheme(scheme, grid.dim)
        self.times = step_times(problem.horizon, problem.process.breaks, steps)
        self.held, self.held_values = fixed_nodes(grid, problem.boundary)
        self.extremes = np.zeros(3)

    @property
    def steps(self):
        return self.times.size - 1

    def prepare(self, k, previous=None):
        """The stepper of step k, from times[k + 1] down to times[k]."""
        return self.scheme.prepare(self.problem.process, self.grid, self.times[k], self.times[k + 1], self.problem.boundary,
                                   min(k, self.steps - 1 - k), previous)

    def terminal(self):
        """Terminal rows (q, size) with the sides' values on the held nodes, and whether one column was given."""
        u, single = self.problem.terminal_rows(self.grid.nodes)
        u[:, self.held] = self.held_values
        return u, single

    def _half_reaction(self, k):
        """(decay, growth) of half a step of u' = −c u + g: u ↦ decay · u + growth; None where there is neither."""
        t, half = 0.5 * (self.times[k] + self.times[k + 1]), 0.5 * (self.times[k + 1] - self.times[k])
        c = self.problem.potential_rows(t, self.grid.nodes)
        g = self.problem.source_rows(t, self.grid.nodes)
        if c is None and g is None:
            return None
        c = np.zeros((1, self.grid.size)) if c is None else c.copy()
        c[:, self.held] = 0.0
        decay, growth = np.exp(-half * c), 0.0
        if g is not None:
            small = np.abs(half * c) < 1e-8
            mean_decay = np.where(small, 1 - 0.5 * half * c, -np.expm1(-half * c) / np.where(small, 1.0, half * c))
            growth = half * g * mean_decay
            growth[:, self.held] = 0.0
        return decay, growth

    def backward(self, u, visit=None):
        """u(0, ·) from u(T, ·) (q, size); `visit(k, u)` sees u at times[k], k = steps … 0."""
        stepper = None
        if visit:
            visit(self.steps, u)
        for k in range(self.steps - 1, -1, -1):
            stepper = self.prepare(k, stepper)
            np.maximum(self.extremes, stepper.extremes(), out=self.extremes)
            reaction = self._half_reaction(k)
            u = self._react(u, reaction)
            u = self._react(stepper.step(u), reaction)
            if visit:
                visit(k, u)
        if not np.isfinite(u).all():
            raise FloatingPointError(f"{self.scheme!r} gave values that are not finite (largest cell Péclet number "
                                     f"{self.extremes[0]:.3g}); use more steps, a finer grid, or drift='hybrid'")
        return u

    def states(self):
        """Values (steps + 1, q, size) at all times, as `gradient` and a limited scheme's transpose need them."""
        u, _ = self.terminal()
        states = np.empty((self.steps + 1, *u.shape))
        self.backward(u, states.__setitem__)
        return states

    def transposed(self, p, visit=None, states=None):
        """Masses at T from masses p (q, size) at 0; `visit(k, p)` sees them at times[k].  A potential kills mass.

        states : values at all times, for schemes whose map depends on them (scheme.linear is False)
        """
        if states is None and not self.scheme.linear:
            raise ValueError(f"{self.scheme!r} is not linear: its transpose needs the values it was run on; pass states")
        return self._forwards(p, visit, lambda stepper, p, u, k: stepper.transposed(p, u), states)

    def gradient(self, states, cotangent, collect):
        """Cotangent of the terminal data; `collect(k, t, *coefficient cotangents)` sees each step, k = 0 … steps − 1.

        states : values at all times (steps + 1, q, size);  cotangent (q, size) of u(0, ·)
        t is the time at which step k's coefficients are taken; cotangents are those of the stepper, see schemes.
        """
        def step_vjp(stepper, p, u, k):
            p, coefficients = stepper.step_vjp(p, u)
            collect(k, 0.5 * (self.times[k] + self.times[k + 1]), *coefficients)
            return p

        p = self._forwards(cotangent, None, step_vjp, states).copy()
        p[:, self.held] = 0.0
        return p

    def _forwards(self, p, visit, step, states):
        stepper = None
        if visit:
            visit(0, p)
        for k in range(self.steps):
            stepper = self.prepare(k, stepper)
            np.maximum(self.extremes, stepper.extremes(), out=self.extremes)
            reaction = self._half_reaction(k)
            u = None if states is None else self._react(states[k + 1], reaction)
            p = step(stepper, self._killed(p, reaction), u, k)
            p = self._killed(p, reaction)
            if visit:
                visit(k + 1, p)
        return p

    @staticmethod
    def _react(u, reaction):
        return u if reaction is None else reaction[0] * u + reaction[1]

    @staticmethod
    def _killed(p, reaction):
        return p if reaction is None else reaction[0] * p

    def report(self, before, after):
        """A SolveReport from the bounds of the data at both ends."""
        longest = float(np.diff(self.times).max())
        return SolveReport(repr(self.scheme), self.steps, float(self.extremes[0]), float(self.extremes[1] * longest),
                           float(self.extremes[2] * longest), (float(before.min()), float(before.max())),
                           (float(after.min()), float(after.max())))


class _Keeper:
    """Keeps copies of the states at chosen times."""

    def __init__(self, times, keep):
        if np.ndim(keep) == 0:
            if int(keep) != keep or keep < 1:
                raise ValueError(f"keep={keep} is not a count ≥ 1 of kept times, nor a sequence of times")
            wanted = np.linspace(times[0], times[-1], int(keep))
        else:
            wanted = np.asarray(keep, dtype=float)
            if ((wanted < times[0]) | (wanted > times[-1])).any():
                raise ValueError(f"keep has times outside [{times[0]:g}, {times[-1]:g}]")
        self.indices = sorted({int(np.abs(times - t).argmin()) for t in wanted})
        self.times, self.kept = times[self.indices], {}

    def __call__(self, k, u):
        if k in self.indices:
            self.kept[k] = u.copy()

    def stacked(self):
        return np.stack([self.kept[k] for k in self.indices])


def solve_backward(problem, grid, steps=100, scheme="auto", keep=1):
    """Solve u_t + f·∇u + ½ a:∇∇u − c u + g = 0, u(T) = terminal, from T down to 0 on a grid.

    problem : KolmogorovProblem;  grid : Grid of the same dimension (one to three axes)
    steps   : total number of steps; every break of the process is a step boundary
    scheme  : "auto" (order 2, not bounded) or an object of ocnet.kolmogorov.schemes
    keep    : number of kept times, evenly spread from 0 to T (1: t = 0 only), or the times themselves; each is moved
              to the nearest step boundary
    Returns   ValueFunction, values of the diffusion's law (not the layered network's)
    Raises    ValueError for inconsistent input; FloatingPointError when the values are not finite
    Cost      O(steps · nodes · q); memory of a few fields and the kept ones
    Accuracy  order 2 in space (central) and time, reduced where cell Péclet numbers in the report exceed 1
    """
    march = March(problem, grid, steps, scheme)
    u, single = march.terminal()
    keeper = _Keeper(march.times, keep)
    start = march.backward(u, keeper)
    return ValueFunction(grid, keeper.times, keeper.stacked(), march.report(u, start), single)


def solve_forward(process, initial, grid, horizon, steps=100, scheme="auto", keep=2, weights=None, boundary=None, states=None):
    """Carry a density forward by the transposed steps of `solve_backward`: the Fokker–Planck equation.

    initial : callable density (n, d) -> (n,), taken times the cell volume at each node; or (n, d) points of mass
              `weights` (n,) (default 1/n), spread to the corners of their cells (linear interpolation, transposed)
    keep    : as in solve_backward (2: both ends);  boundary : as in KolmogorovProblem
    states  : values at all times (`March.states`), for a scheme that is not linear
    Returns   Density: ⟨masses at T, terminal⟩ = ⟨masses at 0, u(0)⟩ to rounding, for the same steps and scheme
    Accuracy  mass is kept to rounding; values can be negative where the backward scheme can overshoot, and are not clipped
    """
    problem = KolmogorovProblem(process, _no_terminal, horizon, boundary=checked_sides(boundary, process.dim))
    march = March(problem, grid, steps, scheme)
    masses = initial_masses(grid, initial, weights)[None]
    keeper = _Keeper(march.times, keep)
    end = march.transposed(masses, keeper, states)
    return Density(grid, keeper.times, keeper.stacked()[:, 0], march.report(masses, end))


def _no_terminal(x):
    return np.zeros(len(x))


def initial_masses(grid, initial, weights=None):
    """Return masses (size,) on the nodes: a density times cell volumes, or points scattered to their cells' corners."""
    if callable(initial):
        density = np.asarray(initial(grid.nodes.T), dtype=np.float64)
        if density.shape != (grid.size,) or not np.isfinite(density).all():
            raise ValueError(f"initial returned shape {density.shape} or values that are not finite; expected ({grid.size},)")
        return density * Density.cells(grid)
    points = checked_points(initial, grid.dim, "initial")
    weights = np.full(len(points), 1 / len(points)) if weights is None else np.asarray(weights, dtype=np.float64)
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
    return np.bincount(nodes.ravel(), (shares * weights).ravel(), minlength=grid.size)


def gradient(problem, grid, cotangent, steps=100, scheme="auto", collect=None):
    """Differentiate ⟨cotangent, u(0, ·)⟩ in the coefficients of every step and in the terminal data.

    cotangent : (size,) or (q, size), of u(0, ·) on the nodes
    collect   : callable (k, t, drift (d, size), variance_rate (d, d, size)) called for k = 0 … steps − 1, or None to stack
                them in the result (steps · d (d + 1) fields of memory)
    Returns     CoefficientGradient of the discrete solution: exact to rounding (central drift; for hybrid and upwind, of
                the branches taken)
    Cost        two solves and one product rule a step; keeps steps · q fields
    """
    march = March(problem, grid, steps, scheme)
    states = march.states()
    cotangent = np.array(cotangent, dtype=np.float64, ndmin=2)
    if cotangent.shape != states.shape[1:]:
        raise ValueError(f"cotangent has shape {cotangent.shape}; expected {states.shape[1:]}: one row per terminal column")
    drift, variance_rate = [], []
    if collect is None:
        def store(k, t, f, a):
            drift.append(f)
            variance_rate.append(a)
        terminal = march.gradient(states, cotangent, store)
        return CoefficientGradient(terminal, march.times, np.stack(drift), np.stack(variance_rate))
    return CoefficientGradient(march.gradient(states, cotangent, collect), march.times)
