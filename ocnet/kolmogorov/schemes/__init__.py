"""Time steps for u_t + L u = 0, solved from t1 down to t0, and their transposes.

A scheme is a frozen dataclass of published constants.  Its contract, which the one stepping loop relies on:

    scheme.prepare(problem, grid, t0, t1, ends=(0, 0), previous=None) -> stepper
        problem  KolmogorovProblem; its process gives drift_rows(t, x (d, n)) -> (d, n), factor_rows(t, x) -> (d, m, n),
                 variance_rows(t, x) -> (d, d, n), breaks; and, where it has them, constant_factor ((d, m) or None) and
                 steady_between_breaks (True: coefficients change at breaks only)
        ends     steps between this one and the terminal time, and the initial time, for schemes that start damped
        previous      the stepper prepared just before in the same solve (of a neighbouring step), or None
    stepper.step(u) -> (q, size): u at t0 from u at t1, potential and source included; u (q, size) is not changed; rows of
        the map sum to 1 without a potential
    stepper.transposed(p, u) -> (q, size): the transposed linear part at p, linearised at u (the value at t1; a linear scheme
        ignores it and takes None): masses at t1 from masses at t0
    stepper.step_vjp(p, u, variance=True) -> (p at t1, (drift cotangent (d, size), variance-rate cotangent (d, d, size) or None,
        potential cotangent (size,) or None, source cotangent (q, size) or None)): the same with the gradient of ⟨p, step(u)⟩ in the
        coefficients; a scheme whose natural coefficients are others may return other arrays in the inner tuple, which reach
        `collect` unread
    stepper.remember(u), where there is one: as step(u), and the next step_vjp(p, u) with that same u need not run the step again
    stepper.extremes() -> largest |f| h/a, |f|/h and a/h², share of monotone nodes, least |f| h/a (5,), for the report
    scheme.order (time, smooth data), scheme.bounded (values stay within the bounds of the terminal data), scheme.linear

A linear scheme is a formula in the operator's verbs (`LinearScheme`); a limited one (bounded = True, linear = False) writes
step_vjp by hand.
"""

from .craig_sneyd import CraigSneyd
from .crank_nicolson import CrankNicolson
from .douglas import Douglas
from .explicit import Explicit
from .hundsdorfer_verwer import HundsdorferVerwer
from .modified_craig_sneyd import ModifiedCraigSneyd
from .monotone import Monotone
from .semi_lagrangian import SemiLagrangian
from .tr_bdf2 import TRBDF2

__all__ = ["CraigSneyd", "CrankNicolson", "Douglas", "Explicit", "HundsdorferVerwer", "ModifiedCraigSneyd", "Monotone",
           "SemiLagrangian", "TRBDF2"]
