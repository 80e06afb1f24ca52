"""The one stepping loop: backward in time, transposed forwards, differentiated forwards."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.problem import KolmogorovProblem
from ocnet.report import SolveReport
from ocnet.typing import Array

from .automatic import checked_scheme
from .coefficients import held_nodes
from .recomputed import slots_within
from .tape import states_upward
from .terminal import terminal_on_grid
from .times import step_times

__all__ = ["CoefficientGradient", "March", "check_problem"]


_FIELDS, _AT_HAND = 6, 1 << 28       # fields a step that remembers needs, and bytes up to which fresh memory costs less than its contents


@dataclass(frozen=True)
class CoefficientGradient:
    """Cotangents of ⟨cotangent, u(0, ·)⟩, step by step in increasing time; None where `collect` took them or nothing is there.

    terminal (q, size);  times (steps + 1,);  drift (steps, d, size), variance_rate (steps, d, d, size), symmetric, potential
    (steps, size), source (steps, q, size): of the coefficients at the midpoint of each step
    """

    terminal: np.ndarray
    times: np.ndarray
    drift: Any = None
    variance_rate: Any = None
    potential: Any = None
    source: Any = None

    def __repr__(self) -> str:
        return f"CoefficientGradient({len(self.times) - 1} steps, {self.terminal.shape[1]} nodes)"


def check_problem(problem: Any) -> None:
    """Raise ValueError for anything but a problem."""
    if isinstance(problem, type) or not (hasattr(problem, "process") and hasattr(problem, "terminal_rows")):
        raise ValueError(f"problem={type(problem).__name__}(…) is no KolmogorovProblem; give KolmogorovProblem(process, terminal, horizon) with a Diffusion, "
                         "such as network.diffusion(theta)")


class March:
    """All steps of one problem on one grid.

    problem : KolmogorovProblem;  grid : Grid of the same dimension, at most three
    steps   : total number, spread over the intervals between breaks;  scheme : "auto" or a scheme object
    linear  : whether "auto" means one of the linear schemes, whose transpose needs no values
    Raises    ValueError for a grid of another dimension or of more than three axes, a scheme that cannot serve them, and steps that are no number ≥ 1
    """

    def __init__(self, problem: KolmogorovProblem, grid: Any, steps: int = 100, scheme: Any = "auto", linear: bool = False) -> None:
        check_problem(problem)
        if problem.process.dim > 3:
            raise ValueError(f"the process has dim={problem.process.dim}; grids serve one to three dimensions: use the particle "
                             "view, ocnet.estimate(problem, points)")
        if isinstance(grid, type) or not hasattr(grid, "axes") or not hasattr(grid, "reshape"):
            raise ValueError(f"grid={type(grid).__name__}(…) is no Grid; give Grid((axis, …)), one array of nodes per dimension, or Grid.uniform(lower, upper, "
                             "shape)")
        if grid.dim != problem.process.dim:
            raise ValueError(f"grid has {grid.dim} axes, the process {problem.process.dim}; they must agree")
        self.problem, self.grid = problem, grid
        self.times = step_times(problem.horizon, problem.process.breaks, steps)
        self.scheme = checked_scheme(scheme, problem, grid, linear)
        self.held = held_nodes(grid, problem.boundary)
        self.extremes, self.monotone, self.least_peclet = np.zeros(3), 1.0, np.inf
        self._kept_steppers: dict[int, Any] = {}                                # between the two sweeps of a gradient

    @property
    def steps(self) -> int:
        return self.times.size - 1

    def prepare(self, k: int, previous: Any = None) -> Any:
        """The stepper of step k, from times[k + 1] down to times[k]."""
        stepper = self.scheme.prepare(self.problem, self.grid, self.times[k], self.times[k + 1],
                                      (self.steps - 1 - k, k), previous)
        *extremes, monotone, least = stepper.extremes()
        np.maximum(self.extremes, extremes, out=self.extremes)
        self.monotone, self.least_peclet = min(self.monotone, monotone), min(self.least_peclet, least)
        return stepper

    def terminal(self) -> tuple[Array, bool]:
        """Terminal rows (q, size), cell averages where they jump, the sides' values on the held nodes; and whether one column
        was given."""
        u, single = terminal_on_grid(self.problem, self.grid)
        u = self._columns(u)
        self._hold(u, self.times[-1])
        return u, single and len(u) == 1

    def _columns(self, u):
        """One column of terminal data serves all columns of sides and source."""
        source = self.problem.source_rows(self.times[-1], self.grid.nodes)
        wanted = max(len(self.held.values(self.times[-1])), 1 if source is None else len(source))
        return np.repeat(u, wanted, axis=0) if len(u) == 1 and wanted > 1 else u

    def _hold(self, u, t):
        if self.held.nodes.size:
            u[:, self.held.nodes] = self.held.values(t)

    def step(self, stepper: Any, k: int, u: Any) -> Array:
        """u at times[k] from u at times[k + 1], the sides' values on the held nodes."""
        u = stepper.step(u)
        if not self.held.constant:
            self._hold(u, self.times[k])
        return u

    def backward(self, u: Any, visit: Any = None) -> Array:
        """u(0, ·) from u(T, ·) (q, size); `visit(k, u)` sees u at times[k], k = steps … 0, and copies what it keeps."""
        stepper = None
        if visit:
            visit(self.steps, u)
        for k in range(self.steps - 1, -1, -1):
            stepper = self.prepare(k, stepper)
            before, u = u, self.step(stepper, k, u)
            if k < self.steps - 1 and hasattr(stepper, "spare"):
                stepper.spare.append(before)                           # ours, and seen by `visit` already
            if visit:
                visit(k, u)
        if not np.isfinite(u).all():
            raise FloatingPointError(f"{self.scheme!r} gave values that are not finite (largest cell Péclet number "
                                     f"{self.extremes[0]:.3g}); use more steps, a finer grid, or drift='hybrid'")
        return u

    def states(self) -> Array:
        """Values (steps + 1, q, size) at all times, as `gradient` and a limited scheme's transpose need them."""
        u, _ = self.terminal()
        states = np.empty((self.steps + 1, *u.shape))
        self.backward(u, states.__setitem__)
        return states

    def transposed(self, p: Array, visit: Any = None, states: Any = None) -> Array:
        """Masses at T from masses p (q, size) at 0; `visit(k, p)` sees them at times[k].  A potential kills mass.

        states : values at all times, for schemes whose map depends on them (scheme.linear is False); ValueError where they are missing
        """
        if states is None and not self.scheme.linear:
            raise ValueError(f"{self.scheme!r} is not linear: its transpose needs the values it was run on; pass states")
        stepper = None
        if visit:
            visit(0, p)
        for k in range(self.steps):
            stepper = self.prepare(k, stepper)
            p = stepper.transposed(p, None if states is None else states[k + 1])
            if visit:
                visit(k + 1, p)
        return p

    def gradient(self, cotangent: Any, collect: Any, states: Any = None, max_memory: float | None = None, variance: bool = True) -> Any:
        """u(0, ·) (q, size), and the cotangent of the terminal data; `collect(k, t, *coefficient cotangents)` sees each step.

        cotangent  : (q, size) of u(0, ·), or callable u(0, ·) -> that;  states : values at all times, if they are at hand
        max_memory : bytes for kept states; beyond it they are computed again (None: all are kept; on smaller grids
                     steppers and what they remember too)
        variance   : whether the cotangent of the variance rate is wanted at all
        t is the time at which step k's coefficients are taken; cotangents are those of the stepper, see schemes.
        """
        stepper: Any = None
        p: Any = None
        start: Any = None
        for k, u, first in self._upward(states, max_memory):
            if k == 0:
                start, p = first, cotangent(first) if callable(cotangent) else cotangent
            stepper = self._kept_steppers.pop(k, None) or self.prepare(k, stepper)
            before, (p, coefficients) = p, stepper.step_vjp(p, u, variance)
            if k > 0 and hasattr(stepper, "spare"):
                stepper.spare.append(before)                           # a cotangent of ours, no longer needed
            collect(k, 0.5 * (self.times[k] + self.times[k + 1]), *coefficients)
        p = p.copy()
        p[:, self.held.nodes] = 0.0
        return start, p

    def _upward(self, states, max_memory):
        """(k, u at times[k + 1], u at 0 with the first), from what is kept or by running the steps again."""
        if states is not None:
            return ((k, states[k + 1], states[0] if k == 0 else None) for k in range(self.steps))
        u, _ = self.terminal()
        slots = self.steps if max_memory is None else slots_within(max_memory, u, 2) - 2
        at_hand = max_memory is None and self.steps * _FIELDS * u.nbytes <= _AT_HAND
        lent = [None]

        def advance(k, u):
            lent[0] = self.prepare(k, lent[0])
            if at_hand:
                self._kept_steppers[k] = lent[0]
                if self.held.constant and hasattr(lent[0], "remember"):
                    return lent[0].remember(u)
            return self.step(lent[0], k, u)

        return states_upward(advance, u, self.steps, slots)

    def report(self, before: Array, after: Array, **of_masses: float) -> SolveReport:
        """A SolveReport from the data at both ends."""
        longest = float(np.diff(self.times).max())
        return SolveReport(repr(self.scheme), self.steps, float(self.extremes[0]), float(self.extremes[1] * longest),
                           float(self.extremes[2] * longest), (float(before.min()), float(before.max())),
                           (float(after.min()), float(after.max())), float(self.monotone), float(self.least_peclet), **of_masses)
