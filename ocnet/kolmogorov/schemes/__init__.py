"""Time steps for u_t + L u = 0, solved from t1 down to t0, and their transposes.

A scheme is a frozen dataclass of published constants.  Its contract, which the one stepping loop relies on:

    scheme.prepare(process, grid, t0, t1, sides, end_distance=0, previous=None) -> stepper
        process  drift_rows(t, x (d, n)) -> (d, n), factor_rows(t, x) -> (d, m, n), breaks; and, where it has them,
                 constant_factor ((d, m) or None) and steady_between_breaks (True: coefficients change at breaks only)
        sides    one (low, high) pair of boundary objects per axis
        end_distance  steps between this one and the nearer end of the horizon, for schemes that start damped
        previous      the stepper prepared just before in the same solve (of a neighbouring step), or None
    stepper.step(u) -> (q, size): u at t0 from u at t1; u (q, size) is not changed, rows of the map sum to 1
    stepper.transposed(p, u) -> (q, size): the transposed map at p, linearised at u (the value at t1; a linear scheme
        ignores it and takes None): masses at t1 from masses at t0
    stepper.step_vjp(p, u) -> (p at t1, (drift cotangent (d, size), variance-rate cotangent (d, d, size))):
        the same with the gradient of ⟨p, step(u)⟩ in the coefficients; a scheme whose natural coefficients are others
        may return other arrays in the inner tuple, which reach the caller's `collect` unread
    stepper.extremes() -> largest |f| h/a, |f|/h and a/h² (3,), for the report
    scheme.order (time, smooth data), scheme.bounded (values stay within the bounds of the terminal data), scheme.linear

Potential and source are not a scheme's business: the loop adds them in half steps (Strang).  A linear scheme is a formula
in the operator's verbs (`LinearScheme`); a limited one (bounded = True, linear = False) writes step_vjp by hand.
"""

from .crank_nicolson import CrankNicolson
from .douglas import Douglas
from .hundsdorfer_verwer import HundsdorferVerwer
from .semi_lagrangian import SemiLagrangian

__all__ = ["CrankNicolson", "Douglas", "HundsdorferVerwer", "SemiLagrangian"]
