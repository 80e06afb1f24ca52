"""Adam, for objectives with noise.  Kingma & Ba (2015), algorithm 1, with a cosine decay of the rate."""

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np

from ocnet.training import checkpoint
from ocnet.training.result import TrainingResult, history_of

__all__ = ["Adam", "AdamState"]


@dataclass(frozen=True, eq=False)
class AdamState:
    """All that the next step depends on, as arrays, and what has been found.

    theta, m, v (P,): the point and the running moments;  iteration : steps made;  evaluations : of J or (J, ∇J)
    best (P,), best_value : the best judged point;  history (k, 3) : iteration, value, seconds;  seconds : spent so far
    """

    theta: np.ndarray
    m: np.ndarray
    v: np.ndarray
    best: np.ndarray
    best_value: float = np.inf
    iteration: int = 0
    evaluations: int = 0
    seconds: float = 0.0
    history: np.ndarray = None


@dataclass(frozen=True)
class Adam:
    """m ← β₁ m + (1−β₁) g,  v ← β₂ v + (1−β₂) g²,  θ ← θ − rate_k m̂ / (√v̂ + ε).

    iterations  : steps in all (the decay is laid over them)
    rate        : first step size, in units of θ
    final       : the rate falls to this share by a cosine; 1 keeps it constant
    clip        : ∇J longer than this is shortened to it
    check_every : iterations between two judgements of the point by `objective.value`, whose noise is fixed
    save_every  : seconds between two checkpoints
    """

    iterations: int = 400
    rate: float = 0.02
    final: float = 0.01
    clip: float = np.inf
    check_every: int = 10
    save_every: float = 2.0
    betas: tuple = (0.9, 0.999)
    epsilon: float = 1e-8

    def __post_init__(self):
        for name in ("iterations", "check_every"):
            number = getattr(self, name)
            if int(number) != number or number < 1:
                raise ValueError(f"{name}={number} is not a whole number ≥ 1")
        if not (self.rate > 0 and np.isfinite(self.rate) and 0 <= self.final <= 1 and self.clip > 0):
            raise ValueError(f"rate={self.rate}, final={self.final}, clip={self.clip}: expected rate > 0, "
                             "final in [0, 1] and clip > 0")

    @classmethod
    def example(cls):
        return cls(iterations=300, rate=0.1)

    def step_size(self, iteration):
        """Rate of the step from `iteration` to the next."""
        falling = 0.5 * (1 + np.cos(np.pi * iteration / self.iterations))
        return self.rate * (self.final + (1 - self.final) * falling)

    def update(self, state, value, gradient):
        """Return the state after one step; `value` plays no part."""
        length = np.sqrt((gradient * gradient).sum())
        if length > self.clip:
            gradient = gradient * (self.clip / length)
        (b1, b2), k = self.betas, state.iteration + 1
        m = b1 * state.m + (1 - b1) * gradient
        v = b2 * state.v + (1 - b2) * gradient**2
        direction = (m / (1 - b1**k)) / (np.sqrt(v / (1 - b2**k)) + self.epsilon)
        theta = state.theta - self.step_size(state.iteration) * direction
        return replace(state, theta=theta, m=m, v=v, iteration=k, evaluations=state.evaluations + 1)

    def minimise(self, objective, theta, path=None, report=None):
        """Run from θ (P,), or from the checkpoint at `path` if there is one.  See `ocnet.training.train`."""
        fingerprint = None if path is None else self._fingerprint(objective, theta)
        state = self._restored(path, fingerprint)
        origin = perf_counter() - (state.seconds if state else 0.0)
        if state is None:
            state = self._start(objective, theta, origin)
        state, success, message, interrupted = self._descend(objective, state, origin, path, fingerprint, report)
        return TrainingResult(state.best, state.best_value, state.iteration, state.evaluations, success, message,
                              history_of(state.history), state.seconds, interrupted)

    def _descend(self, objective, state, origin, path, fingerprint, report):
        """Step until done; return (state, success, message, interrupted)."""
        saved, success, interrupted = perf_counter(), True, False
        message = f"all {self.iterations} iterations done"
        try:
            while state.iteration < self.iterations:
                after, value = self._next(objective, state, origin)
                if after is None:
                    success, message = False, (f"J or its gradient is not finite in iteration {state.iteration + 1}; "
                                               "the best point before it is returned")
                    break
                state = after                # a whole iteration or none: what is saved is always at its end
                if path is not None and perf_counter() - saved >= self.save_every:
                    self._save(path, fingerprint, state)
                    saved = perf_counter()
                if report is not None:
                    report(state.iteration, value)
        except KeyboardInterrupt:
            success, interrupted = False, True
            message = f"interrupted after {state.iteration} iterations; the best point so far is returned"
        if path is not None:
            self._save(path, fingerprint, state)
        return state, success, message, interrupted

    def _next(self, objective, state, origin):
        """Return the state one iteration on and the sampled J; (None, J) where something is not finite."""
        value, gradient = objective.draw(state.iteration).value_and_gradient(state.theta)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return None, value
        after = self.update(state, value, gradient)
        if after.iteration % self.check_every == 0 or after.iteration == self.iterations:
            after = self._judged(objective, after, origin)
            value = after.history[-1, 1]
        return (replace(after, seconds=perf_counter() - origin) if np.isfinite(value) else None), value

    def _start(self, objective, theta, origin):
        zero = np.zeros_like(theta)
        state = AdamState(theta.copy(), zero, zero, theta.copy(), history=np.empty((0, 3)))
        state = self._judged(objective, state, origin)
        if not np.isfinite(state.best_value):
            raise ValueError("J is not finite at the start; choose another theta")
        return state

    def _judged(self, objective, state, origin):
        """Return the state with its point judged and entered, and kept if it is the best."""
        value = float(objective.value(state.theta))
        history = np.vstack([state.history, [state.iteration, value, perf_counter() - origin]])
        state = replace(state, history=history, evaluations=state.evaluations + 1)
        return replace(state, best=state.theta, best_value=value) if value < state.best_value else state

    def _fingerprint(self, objective, theta):
        """Objective, settings that steer the path, and start."""
        settings = replace(self, save_every=0.0)
        return hashlib.sha256(f"{objective.fingerprint()} {settings!r}".encode() + theta.tobytes()).hexdigest()

    def _save(self, path, fingerprint, state):
        checkpoint.save(path, asdict(state), {"fingerprint": fingerprint, "optimiser": "Adam"})

    def _restored(self, path, fingerprint):
        if path is None or not Path(path).exists():
            return None
        arrays, _ = checkpoint.load(path, fingerprint)
        return AdamState(**{name: value if value.ndim else value.item() for name, value in arrays.items()})
