"""What every linear scheme shares: from a formula in the verbs to a stepper with transpose and gradient."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from ocnet.inputs import as_number, as_whole
from ocnet.problem import KolmogorovProblem
from ocnet.straight_line import record
from ocnet.typing import Array

from ..coefficients import Coefficients, steady_span
from ..fused import FusedPlane, FusedTape
from ..operator import Operator, checked_rule
from ..tape import states_upward

__all__ = ["LinearScheme", "LinearStepper"]


_SUBSTEPS = 30                          # states of substeps kept while a step is differentiated


@lru_cache(maxsize=256)
def _program(scheme, axes, dt, starting):
    return record(scheme.start if starting else scheme.step, axes, dt)


def _checked_theta(theta: float) -> float:
    return as_number(theta, "theta", at_least=0, at_most=1, remedy="it is the share of a stage that is implicit, from 0 to 1, such as 0.5")


def _checked_damped(damped: Any) -> Any:
    """A count of steps, or the two counts of the first and the last ones."""
    if isinstance(damped, tuple) and len(damped) == 2:
        return tuple(as_whole(count, "damped", 0) for count in damped)
    return as_whole(damped, "damped", 0, "it counts the first steps from the terminal time; (first, last) counts the last ones too")


@dataclass(frozen=True)
class LinearScheme:
    """A scheme given by `step(self, A, u, dt)`, a formula in A.rate, A.apply, A.mixed, A.stage and
    linear combinations.  A.rate(u) = A u + g is written once; differences of rates are A.apply of the difference.

    drift : rule for the drift, "central", "upwind" or "hybrid" (see Operator); the last two are of order 1 in space
    Declared by each scheme: order, and order_with_mixed where a mixed part lowers it.
    A scheme may add `fused(A, u, dt)`, the same step in the verb of `FusedPlane`.
    `start` is the formula of the first `damped` steps from the terminal time, for data that jump; damped = (m, n) also takes
    the last n so, which are the first of a density.
    """

    drift: str = "central"
    bounded: ClassVar[bool] = False
    linear: ClassVar[bool] = True
    most_axes: ClassVar[int] = 3
    damped: ClassVar[Any] = 0
    operator: ClassVar[type] = Operator

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "step" not in vars(cls) or not isinstance(getattr(cls, "order", None), int):
            raise TypeError(f"scheme {cls.__name__} must declare order = 1, 2, … and a step(self, A, u, dt)")

    def __post_init__(self) -> None:
        checked_rule(self.drift)
        for name, checked in (("theta", _checked_theta), ("damped", _checked_damped)):
            if name in vars(self):
                object.__setattr__(self, name, checked(getattr(self, name)))

    def start(self, A: Any, u: Any, dt: float) -> Any:
        """Two half steps of locally one-dimensional implicit Euler, which damp all that is rough on the grid's scale."""
        for _ in range(2):
            u = u + 0.5 * dt * (A.rate(u) - A.apply(u) + A.mixed(u))
            for i in range(A.axes):
                u = A.stage(i, u, None, 0.5 * dt)
        return u

    def check(self, operator: Any, dt: float) -> None:
        """Raise ValueError if a step of length dt cannot be taken (nothing to check for implicit schemes)."""

    def _is_damped(self, ends):
        counts = self.damped if isinstance(self.damped, tuple) else (self.damped, 0)
        return any(steps < count for steps, count in zip(ends, counts))

    def prepare(self, problem: KolmogorovProblem, grid: Any, t0: float, t1: float, ends: tuple[int, int] = (0, 0), previous: Any = None) -> Any:
        """Return the LinearStepper from t1 down to t0; coefficients are those at the midpoint.

        ends     : steps between this one and the terminal time, and the initial time (0: the first, the last)
        previous : a neighbouring stepper of this same solve, which may lend what has not changed, or None
        """
        if grid.dim > self.most_axes:
            raise ValueError(f"{type(self).__name__} serves up to {self.most_axes} axis, the grid has {grid.dim}; "
                             "use HundsdorferVerwer()")
        operator = None if previous is None else previous.lend(t0, t1)
        if operator is None:
            lent = None if previous is None else previous.operator.coefficients
            operator = self.operator(Coefficients.at(problem, grid, t0, t1, lent), self.drift)
        self.check(operator, t1 - t0)
        steady = steady_span(problem, grid, t0, t1)
        spare = [] if previous is None else previous.spare
        return self.stepper(operator, t1 - t0, self._is_damped(ends), steady, spare)

    def stepper(self, operator: Any, dt: float, damped: bool = False, steady: Any = None, spare: Any = None) -> "LinearStepper":
        """The LinearStepper of length dt for an operator."""
        count = self.substeps(operator, dt)
        part = float(f"{dt / count:.12g}")                 # equal steps, but for rounding, share program and pivots
        spare = [] if spare is None else spare
        fused = None
        if not damped and hasattr(self, "fused") and FusedPlane.serves(operator):
            fused = lambda u, plane=FusedPlane(operator, spare): self.fused(plane, u, part)
        return LinearStepper(operator, _program(self, operator.axes, part, damped), count, steady, spare, fused)

    def substeps(self, operator: Any, dt: float) -> int:
        """How many equal parts a step of length dt is taken in."""
        return 1


@dataclass(frozen=True, eq=False)
class LinearStepper:
    """One step of a linear scheme with its operator: see the contract in `ocnet.kolmogorov.schemes`."""

    operator: Operator
    program: Any
    count: int = 1                      # times the program is run
    steady: tuple[float, float] | None = None                # span of time in which the operator holds
    spare: list = field(default_factory=list)    # buffers that steps leave for one another
    fused: Any = None                # (u, plane) -> the same as the program's run, in fewer passes
    tapes: list = field(default_factory=list)    # of the step that is remembered

    def lend(self, t0: float, t1: float) -> Any:
        """The operator, if it also holds on [t0, t1]; else None."""
        slack = 1e-9 * (t1 - t0)
        if self.steady is not None and self.steady[0] <= t0 + slack and t1 - slack <= self.steady[1]:
            return self.operator
        return None

    def step(self, u: Any) -> Any:
        for _ in range(self.count):
            u = self.program.run(self.operator, u, self.spare) if self.fused is None else self.fused(u)
        return u

    def remember(self, u: Any) -> Array:
        """`step`, leaving for `step_vjp` what it would otherwise make again."""
        if self.fused is None:
            return self.step(u)
        self.tapes[:] = [FusedTape(self.operator, self.spare)]
        return self.fused(u, self.tapes[0])

    def transposed(self, p: Array, u: Any = None) -> Array:
        for _ in range(self.count):
            p = self.program.transpose(self.operator, p)
        return p

    def step_vjp(self, p: Array, u: Any, variance: bool = True) -> Any:
        if self.fused is not None:
            return self._fused_vjp(p, u, variance)
        gradient = self.operator.gradient()
        for _, before, _ in states_upward(lambda k, u: self.program.run(self.operator, u), u, self.count, _SUBSTEPS, ends=False):
            p = self.program.differentiate(self.operator, before, p, gradient)
        return p, self.operator.coefficient_gradient(gradient)

    def _fused_vjp(self, p, u, variance):
        if not self.tapes:
            self.remember(u)
        tape = self.tapes.pop()
        drift_bar, diagonal_bar, cross_bar = bars = tape.empty_gradient(variance)
        p = tape.pull(u, np.ascontiguousarray(p), bars, variance)
        drift_bar, variance_bar = drift_bar.reshape(2, -1), None
        if variance:
            variance_bar = np.zeros((2, 2, self.operator.size))
            variance_bar[[0, 1], [0, 1]] = diagonal_bar.reshape(2, -1)
            if cross_bar.size:
                variance_bar[0, 1] = variance_bar[1, 0] = 0.5 * cross_bar.ravel()
        return p, self.operator.coefficients.released(drift_bar, variance_bar, None, None)

    def extremes(self) -> Any:
        return self.operator.extremes
