"""Methods of SciPy, for objectives without noise: fed through a journal, they walk their own path again after a kill."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.inputs import as_number, as_whole
from ocnet.training.journal import Journal
from ocnet.training.result import Ending, TrainingResult, first_in, history_of
from ocnet.typing import Array, Callback, FilePath

from .box import BOX, checked_bounds, sides
from .evaluation import NotFinite, evaluated
from .state import State

__all__ = ["ScipyMethod"]

_MOST = 2**31 // 32                  # iterations: SciPy counts evaluations, twenty an iteration and more, in 32 bits


class _Stopped(Exception):
    """The callback has asked for the end."""


class _Watched:
    """The objective as SciPy sees it, in the free components only: journalled, counted, its best point and its path kept."""

    def __init__(self, objective, theta, lower, upper, journal, report, callback):
        self.objective, self.journal, self.report, self.callback = objective, journal, report, callback
        self.theta, self.lower, self.upper = theta, lower, upper
        self.free = lower < upper            # SciPy's interior methods need an interior
        self.best = None                     # (θ, J, ∇J), replaced as a whole
        self.last, self.evaluations, self.rows, self.recent = theta, 0, [], []

    def full(self, z):
        """θ (P,) of its free components."""
        theta = self.theta.copy()
        theta[self.free] = z
        return theta

    def __call__(self, z):
        theta = self.full(z)
        if not ((theta >= self.lower) & (theta <= self.upper)).all():
            return np.inf, np.zeros(len(z))  # trial points of interior methods, which they reject; J may not exist there
        value, gradient = evaluated(self.objective, theta, lambda theta: self.journal.evaluate(self.objective, theta))
        self.evaluations += 1
        if self.best is None or value < self.best[1]:
            self.best = theta, value, gradient
        self.recent.append((theta, value, gradient))
        if not self.rows:
            self.rows.append((0, value, self.journal.seconds))
        return value, gradient[self.free]

    def accepted(self, intermediate_result):
        """SciPy's callback, once an iteration (the argument's name is SciPy's)."""
        theta = self.full(intermediate_result.x)
        self.recent = [entry for entry in self.recent if (entry[0] == theta).all()]
        _, value, gradient = self.recent[-1]
        self.last = theta
        self.rows.append((len(self.rows), value, self.journal.seconds))
        self.report(self.rows[-1][0], value)
        if self.callback is not None and self.callback(self.state(value, gradient).shown()):
            raise _Stopped

    def state(self, value, gradient):
        """What SciPy shows of itself, in the form of every other optimiser; value and gradient are those at theta."""
        best, best_value, jac = self.best
        return State(theta=self.last, value=value, gradient=gradient, best=best, best_value=best_value, jac=jac,
                     history=np.array(self.rows, dtype=np.float64), iteration=len(self.rows) - 1, evaluations=self.evaluations,
                     seconds=self.journal.seconds)

    def result(self, ending):
        best, best_value, jac = self.best
        return TrainingResult(x=best.copy(), fun=best_value, jac=jac, nit=len(self.rows) - 1, nfev=self.evaluations, success=ending.success,
                              message=ending.message, history=history_of(self.rows), seconds=self.journal.seconds, last=self.last.copy(),
                              interrupted=ending.interrupted, fault=ending.fault)


@dataclass(frozen=True)
class ScipyMethod(ABC):
    """Base of methods that SciPy runs inside a box; a member gives `search`.

    iterations : most iterations
    tolerance  : converged when the largest entry of the (projected, Lagrangian) gradient is below it
    bounds     : (lower, upper), numbers or (P,) arrays; equal sides hold a component fixed
    """

    iterations: int = 200
    tolerance: float = 1e-6
    bounds: tuple = BOX

    def __post_init__(self) -> None:
        object.__setattr__(self, "iterations", as_whole(self.iterations, "iterations", at_most=_MOST))
        object.__setattr__(self, "tolerance", as_number(self.tolerance, "tolerance", at_least=0))
        object.__setattr__(self, "bounds", checked_bounds(self.bounds))

    @abstractmethod
    def search(self, watched: Any, start: Array, lower: Array, upper: Array) -> Ending:
        """Run SciPy on `watched`, with `watched.accepted` as its callback, in the free components; return the Ending."""

    def minimise(self, objective: Any, theta: Array, path: FilePath | None = None, report: Callable[[int, float], object] | None = None,
                 callback: Callback | None = None) -> TrainingResult:
        """Run from θ (P,); a journal at `path` is replayed first.  See `ocnet.training.train`."""
        lower, upper = sides(self.bounds, theta)
        journal = Journal(path) if path is None else Journal(path, objective.fingerprint())
        watched = _Watched(objective, theta, lower, upper, journal, report or (lambda iteration, value: None), callback)
        try:
            return watched.result(self._searched(watched))
        except KeyboardInterrupt:
            if watched.best is None or not watched.rows:
                raise
            return watched.result(Ending.by_interrupt(len(watched.rows) - 1))

    def _searched(self, watched):
        """Return the Ending of the search, or of what cut it short."""
        free = watched.free
        try:
            if not free.any():
                watched(watched.theta[free])
                return Ending(True, "every component is held fixed by its bounds")
            return self.search(watched, watched.theta[free], watched.lower[free], watched.upper[free])
        except _Stopped:
            return Ending.by_callback(len(watched.rows) - 1)
        except NotFinite as fault:
            if watched.best is None:
                raise ValueError(f"J or its gradient is not finite at the start{first_in(fault)}; choose another theta") from fault
            return Ending.at_fault(len(watched.rows), fault, f" (evaluation {watched.evaluations + 1})")
