"""Optimisers whose state is made of arrays: one loop for all, which keeps its best and can be killed at any instant."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from ocnet.inputs import as_number, as_whole
from ocnet.kernels.threads import Deadline, Stopped, stoppable
from ocnet.training import checkpoint
from ocnet.training.result import Ending, TrainingResult, first_in, history_of
from ocnet.typing import Array, Callback, FilePath

from .box import BOX, checked_bounds, sides
from .evaluation import NotFinite, gradient_of, value_of
from .state import Converged, State

__all__ = ["Descent"]

_PATIENCE = 1.0                      # seconds that a gradient may take after Ctrl-C


@dataclass(frozen=True)
class Descent(ABC):
    """Base of iterations θ_{k+1} = advance(θ_k); a member gives `advance`, its own arrays in `start`, and no more.

    iterations  : iterations in all
    check_every : iterations between two judgements of the point by `objective.value`, whose noise is fixed
    save_every  : seconds between two checkpoints
    bounds      : (lower, upper), numbers or (P,) arrays; θ is projected onto this box after each iteration
    """

    iterations: int = 400
    check_every: int = 10
    save_every: float = 2.0
    bounds: tuple = BOX

    def __post_init__(self) -> None:
        for name in ("iterations", "check_every"):
            object.__setattr__(self, name, as_whole(getattr(self, name), name))
        if self.save_every != np.inf:
            object.__setattr__(self, "save_every", as_number(self.save_every, "save_every", at_least=0, remedy="give seconds ≥ 0, or inf for never"))
        object.__setattr__(self, "bounds", checked_bounds(self.bounds))

    def start(self, theta: Array) -> State:
        """The state before the first iteration; a member with arrays of its own makes a subclass of `State`."""
        return State.at(theta)

    @abstractmethod
    def advance(self, objective: Any, state: Any) -> State:
        """Return the state one whole iteration on: theta, value, gradient, evaluations and the member's own arrays.

        objective : as given to `train`, its noise not drawn yet: `objective.draw(state.iteration)`
        `iteration`, `seconds` and what is judged are kept by the loop, and θ is projected there.
        Raises     NotFinite where something is not finite, Converged where nothing is left to do
        """

    def judged(self, state: Any) -> Array:
        """The point (P,) of a state that is judged, and returned if it is the best."""
        return state.theta

    def project(self, theta: Array) -> Array:
        """The nearest point of the box."""
        lower, upper = self.bounds
        return np.minimum(np.maximum(theta, lower), upper)

    def fingerprint(self, objective: Any, theta: Array) -> str:
        """A hash of the objective, the settings that steer the path, and the start."""
        digest = hashlib.sha256(f"{objective.fingerprint()} {type(self).__name__}".encode())
        for field in fields(self):
            if field.name not in ("save_every", "bounds"):
                digest.update(f" {field.name}={getattr(self, field.name)!r}".encode())
        for array in (*self.bounds, theta):
            digest.update(np.asarray(array, dtype=np.float64).tobytes())
        return digest.hexdigest()

    def minimise(self, objective: Any, theta: Array, path: FilePath | None = None, report: Callable[[int, float], object] | None = None,
                 callback: Callback | None = None) -> TrainingResult:
        """Run from θ (P,), or from the checkpoint at `path` if there is one.  See `ocnet.training.train`."""
        run = _Run(self, objective, path, report, callback)
        try:
            run.begin(theta)
            run.go_on()
            return run.ended()
        except KeyboardInterrupt:
            if run.state is None:
                raise
            run.interrupted()
            return run.ended()


class _Run:
    """One run of a `Descent`.  `state` is replaced as a whole or not at all, so whatever interrupts finds the end of an iteration."""

    def __init__(self, optimiser, objective, path, report, callback):
        self.optimiser, self.objective, self.report, self.callback = optimiser, objective, report, callback
        self.path, self.fingerprint, self.ending = None if path is None else Path(path), None, None
        self.state, self.origin, self.saved = None, perf_counter(), perf_counter()

    def begin(self, theta):
        sides(self.optimiser.bounds, theta)
        state = self.optimiser.start(theta)
        if self.path is not None:
            self.fingerprint = self.optimiser.fingerprint(self.objective, theta)
            if self.path.exists():
                arrays, _ = checkpoint.load(self.path, self.fingerprint)
                state = state.restored(self.path, arrays)
                self.origin -= state.seconds
        if not len(state.history):
            try:
                state = self._judged(state)
            except NotFinite as fault:
                raise ValueError(f"J is not finite at the start{first_in(fault)}; choose another theta") from fault
        self.state = state

    def go_on(self):
        """Iterate until something ends it."""
        optimiser = self.optimiser
        self.ending = Ending(True, f"all {optimiser.iterations} iterations done")
        while self.state.iteration < optimiser.iterations:
            try:
                state, value = self._next()
            except Converged as reason:
                self.ending = self._settled(reason)
                return
            except NotFinite as fault:
                self.ending = Ending.at_fault(self.state.iteration + 1, fault)
                return
            self.state = state               # a whole iteration or none
            if self.path is not None and perf_counter() - self.saved >= optimiser.save_every:
                self.save()
            if self.report is not None:
                self.report(state.iteration, value)
            if self.callback is not None and self.callback(state.shown()):
                self.ending = Ending.by_callback(state.iteration)
                return

    def _next(self):
        """The state one iteration on, and J as it is now known: judged, or else as drawn."""
        optimiser, before = self.optimiser, self.state
        state = optimiser.advance(self.objective, before)
        theta = optimiser.project(state.theta)
        if not np.isfinite(theta).all():
            raise NotFinite("theta", self.objective, theta)
        state = state.but(theta=theta, iteration=before.iteration + 1, seconds=perf_counter() - self.origin)
        if state.iteration % optimiser.check_every and state.iteration != optimiser.iterations:
            return state, state.value
        state = self._judged(state)
        return state, state.history[-1, 1]

    def _settled(self, reason):
        """The Ending of a member that has converged, its last point judged."""
        try:
            if self.state.history[-1, 0] < self.state.iteration:
                self.state = self._judged(self.state)
            return Ending(True, str(reason))
        except NotFinite as fault:
            return Ending.at_fault(self.state.iteration, fault)

    def _judged(self, state):
        """The state with its point judged and entered, and kept if it is the best; NotFinite where J is not finite."""
        point = self.optimiser.judged(state)
        value, seconds = value_of(self.objective, point), perf_counter() - self.origin
        state = state.but(history=np.vstack([state.history, [state.iteration, value, seconds]]), seconds=seconds,
                          evaluations=state.evaluations + 1)
        return state.but(best=point, best_value=value, jac=np.full_like(point, np.nan)) if value < state.best_value else state

    def interrupted(self):
        self.ending = Ending.by_interrupt(self.state.iteration)

    def save(self):
        checkpoint.save(self.path, self.state.arrays(), {"fingerprint": self.fingerprint, "optimiser": type(self.optimiser).__name__})
        self.saved = perf_counter()

    def ended(self):
        """The result; the state is written first, and again once ∇J at the best point is known."""
        if self.path is not None:
            self.save()
        if np.isnan(self.state.jac).all():
            self.state = self.state.but(jac=self._gradient_at_best())
            if self.path is not None:
                self.save()
        state = self.state
        return TrainingResult(x=state.best.copy(), fun=state.best_value, jac=state.jac, nit=state.iteration, nfev=state.evaluations,
                              success=self.ending.success, message=self.ending.message, history=history_of(state.history),
                              seconds=state.seconds, last=state.theta.copy(), interrupted=self.ending.interrupted,
                              fault=self.ending.fault)

    def _gradient_at_best(self):
        """∇J at the best point; NaN where a run that was interrupted is interrupted again, or would have to wait for it."""
        if not self.ending.interrupted:
            return gradient_of(self.objective, self.state.best)
        try:
            with stoppable(Deadline(_PATIENCE)):
                return gradient_of(self.objective, self.state.best)
        except (KeyboardInterrupt, Stopped):
            return self.state.jac
