"""L-BFGS with bounds, for objectives without noise.  Byrd, Lu, Nocedal, Zhu (1995), as in SciPy."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from ocnet.training.journal import Journal
from ocnet.training.result import TrainingResult, history_of

__all__ = ["LBFGS"]

_LINE_SEARCH = 20                    # most evaluations SciPy makes in one line search (its `maxls`)


class _NotFinite(Exception):
    """J or its gradient is not finite."""


class _Watched:
    """The objective as SciPy sees it: journalled, counted, its best point and its path kept."""

    def __init__(self, objective, journal, report):
        self.objective, self.journal, self.report = objective, journal, report
        self.evaluations, self.best, self.value, self.rows = 0, None, np.inf, []

    def __call__(self, theta):
        value, gradient = self.journal.evaluate(self.objective, theta)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            raise _NotFinite
        self.evaluations += 1
        if value < self.value:
            self.best, self.value = np.array(theta), value
        if not self.rows:
            self.rows.append((0, value, self.journal.seconds))
        return value, gradient

    def accepted(self, intermediate_result):
        """SciPy's callback, once an iteration (the argument's name is SciPy's)."""
        self.rows.append((len(self.rows), intermediate_result.fun, self.journal.seconds))
        self.report(self.rows[-1][0], intermediate_result.fun)


@dataclass(frozen=True)
class LBFGS:
    """Quasi-Newton with a memory of `memory` steps inside a box.

    iterations : most iterations
    tolerance  : converged when the largest entry of the projected gradient is below it
    decrease   : or when J falls by less than this share of max(|J|, 1) in an iteration
    bounds     : (lower, upper), numbers or (P,) arrays: a control without bounds may leave every grid (MATH 1.4)
    """

    iterations: int = 200
    tolerance: float = 1e-6
    decrease: float = 1e-9
    bounds: tuple = (-30.0, 30.0)
    memory: int = 20

    def __post_init__(self):
        if int(self.iterations) != self.iterations or self.iterations < 1:
            raise ValueError(f"iterations={self.iterations} is not a whole number ≥ 1")
        if not (np.asarray(self.bounds[0]) < np.asarray(self.bounds[1])).all():
            raise ValueError(f"bounds={self.bounds}: give (lower, upper) with lower < upper")

    @classmethod
    def example(cls):
        return cls(iterations=60)

    def minimise(self, objective, theta, path=None, report=None):
        """Run from θ (P,); a journal at `path` is replayed first.  See `ocnet.training.train`."""
        journal = Journal(path) if path is None else Journal(path, objective.fingerprint())
        watched = _Watched(objective, journal, report or (lambda iteration, value: None))
        success, message, interrupted = self._search(watched, theta, self._box(theta))
        iterations = len(watched.rows) - 1
        return TrainingResult(watched.best, watched.value, iterations, watched.evaluations, success, message,
                              history_of(watched.rows), journal.seconds, interrupted)

    def _box(self, theta):
        lower, upper = (np.broadcast_to(np.asarray(side, dtype=float), theta.shape) for side in self.bounds)
        outside = np.flatnonzero((theta < lower) | (theta > upper))
        if outside.size:
            i = int(outside[0])
            raise ValueError(f"theta[{i}]={theta[i]:.6g} starts outside its bounds [{lower[i]:g}, {upper[i]:g}]; "
                             "move the start or widen `bounds`")
        return np.stack([lower, upper], axis=1)

    def _search(self, watched, theta, box):
        """Return (success, message, interrupted)."""
        options = {"maxiter": self.iterations, "maxfun": (_LINE_SEARCH + 1) * (self.iterations + 1),
                   "maxls": _LINE_SEARCH, "maxcor": self.memory, "gtol": self.tolerance, "ftol": self.decrease}
        try:
            found = minimize(watched, theta, jac=True, method="L-BFGS-B", bounds=box, options=options,
                             callback=watched.accepted)
        except KeyboardInterrupt:
            if watched.best is None:
                raise
            return False, f"interrupted after {len(watched.rows) - 1} iterations; the best point so far is returned", True
        except _NotFinite:
            if watched.best is None:
                raise ValueError("J or its gradient is not finite at the start; choose another theta") from None
            return False, (f"J or its gradient is not finite in iteration {len(watched.rows)} "
                           f"(evaluation {watched.evaluations + 1}); the best point before it is returned"), False
        if found.status == 1:
            return False, f"stopped at the limit of {self.iterations} iterations", False
        return bool(found.success), str(found.message).strip().capitalize(), False
