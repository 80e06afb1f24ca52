"""L-BFGS with bounds, for objectives without noise.  Byrd, Lu, Nocedal, Zhu (1995), as in SciPy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from ocnet.inputs import as_number, as_whole
from ocnet.training.result import Ending
from ocnet.typing import Array

from .scipy_methods import ScipyMethod

__all__ = ["LBFGS"]

_MOST_STEPS = 100_000                # remembered: two vectors of θ each
_LINE_SEARCH = 20                    # most evaluations SciPy makes in one line search (its `maxls`)


@dataclass(frozen=True)
class LBFGS(ScipyMethod):
    """Quasi-Newton inside a box with a memory of `memory` steps: an evaluation costs so much more than a step in memory that many pay.

    decrease : converged also when J falls by less than this share of max(|J|, 1) in an iteration
    """

    decrease: float = 1e-9
    memory: int = 60

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "decrease", as_number(self.decrease, "decrease", at_least=0))
        object.__setattr__(self, "memory", as_whole(self.memory, "memory", remedy="it is the number of steps that are remembered", at_most=_MOST_STEPS))

    @classmethod
    def example(cls) -> "LBFGS":
        return cls(iterations=60)

    def search(self, watched: Any, start: Array, lower: Array, upper: Array) -> Ending:
        options = {"maxiter": self.iterations, "maxfun": (_LINE_SEARCH + 1) * (self.iterations + 1),
                   "maxls": _LINE_SEARCH, "maxcor": self.memory, "gtol": self.tolerance, "ftol": self.decrease}
        found = minimize(watched, start, jac=True, method="L-BFGS-B", bounds=np.stack([lower, upper], axis=1), options=options,
                         callback=watched.accepted)
        if found.status == 1:
            return Ending(False, f"stopped at the limit of {self.iterations} iterations")
        return Ending(bool(found.success), str(found.message).strip().capitalize())
