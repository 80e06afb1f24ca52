"""What every linear scheme shares: from a formula in the verbs to a stepper with transpose and gradient."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

from ocnet.straight_line import record

from ..coefficients import Coefficients
from ..operator import Operator, RateGradient, checked_rule

__all__ = ["LinearScheme", "LinearStepper"]


@lru_cache(maxsize=256)
def _program(scheme, axes, dt, starting):
    return record(scheme.start if starting else scheme.step, axes, dt)


@dataclass(frozen=True)
class LinearScheme:
    """A scheme given by `step(self, A, u, dt)`, a formula in A.apply, A.mixed, A.stage and linear combinations.

    drift : rule for the drift, "central", "upwind" or "hybrid" (see Operator); the last two are of order 1 in space
    Declared by each scheme: order, and order_with_mixed where a mixed part lowers it.
    `start` is the formula of the `damped` steps at either end of the horizon; the same as `step` unless overridden.
    """

    drift: str = "central"
    bounded: ClassVar[bool] = False
    linear: ClassVar[bool] = True
    most_axes: ClassVar[int] = 3
    damped: ClassVar[int] = 0

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "step" not in vars(cls) or not isinstance(getattr(cls, "order", None), int):
            raise TypeError(f"scheme {cls.__name__} must declare order = 1, 2, … and a step(self, A, u, dt)")

    def __post_init__(self):
        checked_rule(self.drift)

    def start(self, A, u, dt):
        return self.step(A, u, dt)

    def prepare(self, process, grid, t0, t1, sides, end_distance=0, previous=None):
        """Return the LinearStepper from t1 down to t0; coefficients are those at the midpoint.

        end_distance : steps between this one and the nearer end of the horizon (0 for the first and the last)
        previous     : a neighbouring stepper of this same solve, which may lend what has not changed, or None
        """
        if grid.dim > self.most_axes:
            raise ValueError(f"{type(self).__name__} serves up to {self.most_axes} axes, the grid has {grid.dim}; "
                             "use HundsdorferVerwer()")
        operator = None if previous is None else previous.lend(t0, t1)
        if operator is None:
            lent = None if previous is None else previous.operator.coefficients
            operator = Operator(Coefficients.at(process, grid, 0.5 * (t0 + t1), sides, lent), self.drift)
        steady = _steady_span(process, t0, t1)
        spare = [] if previous is None else previous.spare
        dt = float(f"{t1 - t0:.12g}")                      # equal steps, but for rounding, share program and pivots
        return LinearStepper(operator, _program(self, grid.dim, dt, end_distance < self.damped), steady, spare)


def _steady_span(process, t0, t1):
    """The (start, end) between breaks that holds [t0, t1] if the process says it is steady there, else None."""
    if not getattr(process, "steady_between_breaks", False):
        return None
    breaks = process.breaks
    slack = 1e-9 * (t1 - t0)
    return (max((b for b in breaks if b <= t0 + slack), default=float("-inf")),
            min((b for b in breaks if b >= t1 - slack), default=float("inf")))


@dataclass(frozen=True, eq=False)
class LinearStepper:
    """One step of a linear scheme with its operator: see the contract in `ocnet.kolmogorov.schemes`."""

    operator: Operator
    program: object
    steady: tuple = None                # span of time in which the operator holds
    spare: list = field(default_factory=list)    # buffers that steps leave for one another

    def lend(self, t0, t1):
        """The operator, if it also holds on [t0, t1]; else None."""
        slack = 1e-9 * (t1 - t0)
        if self.steady is not None and self.steady[0] <= t0 + slack and t1 - slack <= self.steady[1]:
            return self.operator
        return None

    def step(self, u):
        return self.program.run(self.operator, u, self.spare)

    def transposed(self, p, u=None):
        return self.program.transpose(self.operator, p)

    def step_vjp(self, p, u):
        gradient = RateGradient(self.operator)
        p = self.program.differentiate(self.operator, u, p, gradient)
        return p, self.operator.coefficient_gradient(gradient)

    def extremes(self):
        return self.operator.extremes
