"""What the steps of a scheme leave of that which a stiff drift damps: no refinement of the grid tells of it, nor a maximum principle."""

import warnings
from itertools import product
from typing import Any

import numpy as np

from .automatic import LOOKS, STIFF, contraction

__all__ = ["undamped", "warn_of_stiffness"]

_MUCH = 0.05                         # of a function that the drift damps, beyond which a warning is due
_HUGE = 1e6                          # of what unstable steps make of it, enough to be told


class _Modes:
    """The verbs of an `Operator` on functions that the part of each axis multiplies by a number: rates (axes, functions), u (functions,)."""

    def __init__(self, rates):
        self.rates, self.axes, self.implicit = rates, len(rates), False

    def apply(self, u):
        return self.rates.sum(axis=0) * u

    rate = apply

    def mixed(self, u):
        return 0.0 * u

    def stage(self, i, y, u, part):
        self.implicit = True
        return (y - (0.0 if u is None else part * self.rates[i] * u)) / (1 - part * self.rates[i])


def undamped(march: Any) -> float:
    """The largest share that the steps of a March leave of x_i − c_i, or a product of such, less the share e^{−∫λ} that a drift −λ_i (x_i − c_i) leaves.

    λ_i : the largest −∂f_i/∂x_i between neighbouring nodes, at the nearest of three times
    All smooth data have such a part, and central and one-sided differences of it are exact: so what is left is Π |R(−λ dt)|, R the scheme's stability
    function, taken from its own formula.  On several axes R goes to 1 where all λ_i dt are large, also that of Hundsdorfer and Verwer (in 't Hout & Welfert
    2009: no such scheme is L-stable).  0 for drifts of ∫λ below 300, and for schemes that are bounded, or explicit and so limit their own steps.
    """
    scheme, problem, grid, times = march.scheme, march.problem, march.grid, march.times
    if getattr(scheme, "bounded", True) or not hasattr(scheme, "start"):
        return 0.0
    looks = [contraction(problem, grid, s * problem.horizon) for s in LOOKS]
    if problem.horizon * np.max(looks) <= STIFF:
        return 0.0
    chosen = np.array([which for which in product((0.0, 1.0), repeat=grid.dim) if any(which)]).T          # (axes, functions)
    middles, steps = 0.5 * (times[1:] + times[:-1]), len(times) - 1
    nearest = np.abs(middles[:, None] / problem.horizon - np.array(LOOKS)).argmin(axis=1)
    left = exact = np.ones(chosen.shape[1])
    for k in reversed(range(steps)):
        modes, dt = _Modes(-chosen * looks[nearest[k]][:, None]), times[k + 1] - times[k]
        formula = scheme.start if scheme._is_damped((steps - 1 - k, k)) else scheme.step
        left, exact = np.minimum(np.abs(formula(modes, left, dt)), _HUGE), exact * np.exp(modes.rates.sum(axis=0) * dt)
        if not modes.implicit:
            return 0.0
    return float((left - exact).max())


def warn_of_stiffness(march: Any) -> None:
    """Warn, on behalf of the caller's caller, where the steps of a March leave more than 5 % of what the drift damps."""
    left = undamped(march)
    if left > _MUCH:
        warnings.warn(f"{march.steps} steps of {march.scheme!r} leave {left:.0%} of linear functions, or of products of them, that so stiff a drift damps "
                      "away: results may be off by as much of the data's range, beyond any error bar; use scheme=\"auto\", TRBDF2(drift='hybrid') on one axis, "
                      "HundsdorferVerwer(drift='hybrid', damped=2) on more, or many more steps", RuntimeWarning, stacklevel=3)
