"""A trust-region interior-point method, for objectives without noise.  Byrd, Hribar, Nocedal (1999), as in SciPy's trust-constr."""

from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from scipy.optimize import BFGS, Bounds, minimize

from ocnet.inputs import as_number
from ocnet.training.result import Ending
from ocnet.typing import Array

from .scipy_methods import ScipyMethod
from .state import Converged

__all__ = ["TrustConstr"]

_INSIDE = 1e-2                       # of min(width of the box, 1): how far from a side a barrier can start (as IPOPT does)
_AT_LIMIT = 0                        # SciPy's code


@dataclass(frozen=True)
class TrustConstr(ScipyMethod):
    """Steps inside a trust region, the curvature by a dense BFGS matrix (P², so for small networks); the box by a barrier.

    barrier : the sides push back with this weight at most in the end: a component held at a side where ∂J = λ stops at barrier/λ from it
    radius  : converged also when the trust region is smaller than this
    A start at a side is moved inside by a hundredth of the width, or of 1.
    """

    barrier: float = 1e-8
    radius: float = 1e-10

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("barrier", "radius"):
            object.__setattr__(self, name, as_number(getattr(self, name), name, above=0))

    @classmethod
    def example(cls) -> "TrustConstr":
        return cls(iterations=100)

    def search(self, watched: Any, start: Array, lower: Array, upper: Array) -> Ending:
        looks = count()

        def accepted(intermediate_result):
            if not next(looks):              # before the first step
                return
            watched.accepted(intermediate_result)
            # SciPy's own rule would end at any weight of the barrier, so it is switched off (gtol=0) in favour of this
            if intermediate_result.optimality < self.tolerance and getattr(intermediate_result, "barrier_parameter", 0) <= self.barrier:
                raise Converged("converged: the gradient of the Lagrangian is below its tolerance")

        inside = _INSIDE * np.minimum(1.0, upper - lower)
        bounds = Bounds(lower, upper, keep_feasible=True) if np.isfinite([lower, upper]).any() else None
        options = {"maxiter": self.iterations + 1, "gtol": 0.0, "xtol": self.radius, "barrier_tol": self.barrier}
        try:
            found = minimize(watched, np.clip(start, lower + inside, upper - inside), jac=True, hess=BFGS(), method="trust-constr",
                             bounds=bounds, options=options, callback=accepted)
        except Converged as reason:
            return Ending(True, str(reason))
        if found.status == _AT_LIMIT:
            return Ending(False, f"stopped at the limit of {self.iterations} iterations")
        return Ending(bool(found.success), "converged: the trust region is below its tolerance" if found.success else str(found.message))
