"""Where a drift carries the nodes of a grid within a step, and the derivative of that."""

from typing import Any

import numpy as np

from ocnet.typing import Array

__all__ = ["flow", "flow_vjp"]

_GROWTH = 1.25                       # of the changes between stages, |k₃ − k₂| over |k₂ − k₁| ≈ hL/2: the method is stable to hL = 2.78
_SIZE = 1e-3                         # of the box, below which such a change does not matter
_MOST = 1 << 14                      # parts of a step


_SCHEMES = ("use more steps, or a scheme that needs not follow it, such as TRBDF2(drift='hybrid') on one axis, HundsdorferVerwer(drift='hybrid', damped=2) on "
            "more")


def flow(process: Any, x: Array, t: float, h: float, remedy: str = _SCHEMES) -> Array:
    """Where the drift of time t carries the nodes x (d, n) of a grid within h: the classical Runge–Kutta method, order 4.

    One step; where it would be unstable, as the stages' changes tell, in 2, 4, 8, … parts.  Points that get farther from the box than it
    is wide are held there meanwhile.
    Raises FloatingPointError, with the remedy, for a drift that 2¹⁴ parts of the step do not follow.
    """
    _, _, x4, stages = _stages(process, x, t, h)
    if _is_wild(stages, h, x):
        return _parts(process, x, t, h, remedy)[0]
    return _ahead(process, x, t, h, x4, stages)


def _ahead(process, x, t, h, x4, stages):
    k1, k2, k3 = stages
    return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + process.drift_rows(t, x4))


def _stages(process, x, t, h):
    k1 = process.drift_rows(t, x)
    x2 = x + 0.5 * h * k1
    k2 = process.drift_rows(t, x2)
    x3 = x + 0.5 * h * k2
    k3 = process.drift_rows(t, x3)
    x4 = x + h * k3
    return x2, x3, x4, (k1, k2, k3)


def _is_wild(stages, h, nodes):
    """Whether the changes between the stages grow as they do beyond the limit of stability, and matter in a box whose first and last node are its corners."""
    k1, k2, k3 = stages
    last, matters = np.abs(k3 - k2), _SIZE / h * (nodes[:, -1] - nodes[:, 0])
    if (last.max(axis=1) <= matters).all():
        return False
    return not ((last <= _GROWTH * np.abs(k2 - k1)) | (last <= matters[:, None])).all()


def _parts(process, x, t, h, remedy):
    """Ends (d, n), the starts of as many equal parts of the step as it takes, and where each part's ends were not held back."""
    lower, upper = x[:, :1], x[:, -1:]
    lowest, highest = 2 * lower - upper, 2 * upper - lower
    count = 2
    while count <= _MOST:
        starts, free, end = [], [], x
        for _ in range(count):
            _, _, x4, stages = _stages(process, end, t, h / count)
            if _is_wild(stages, h / count, x):
                break
            starts.append(end)
            reached = _ahead(process, end, t, h / count, x4, stages)
            end = np.clip(reached, lowest, highest)
            free.append(end == reached)
        else:
            return end, starts, free
        count *= 2
    raise FloatingPointError(f"the drift at t={t:g} changes too fast to be followed through a step of length {h:g}, even in {_MOST} parts: {remedy}")


def flow_vjp(process: Any, x: Array, t: float, h: float, cotangent: Any, factor_cotangent: Array | None = None, remedy: str = _SCHEMES) -> Any:
    """The cotangent of the parameters of the process for that of `flow` (and of its factor at x)."""
    x2, x3, x4, stages = _stages(process, x, t, h)
    if not _is_wild(stages, h, x):
        return _vjp(process, (x, x2, x3, x4), t, h, cotangent, factor_cotangent)[1]
    _, starts, free = _parts(process, x, t, h, remedy)
    h, total = h / len(starts), 0.0
    for k in reversed(range(len(starts))):
        x2, x3, x4, _ = _stages(process, starts[k], t, h)
        cotangent, gradient = _vjp(process, (starts[k], x2, x3, x4), t, h, cotangent * free[k], factor_cotangent if k == 0 else None)
        total = total + gradient
    return total


def _vjp(process, states, t, h, cotangent, factor_cotangent):
    """The cotangents of the start of one step and of the parameters, from the states (x, x2, x3, x4) of its stages."""
    x, x2, x3, x4 = states
    back4, g4 = process.coefficients_vjp(t, x4, h / 6 * cotangent)
    back3, g3 = process.coefficients_vjp(t, x3, h / 3 * cotangent + h * back4)
    back2, g2 = process.coefficients_vjp(t, x2, h / 3 * cotangent + 0.5 * h * back3)
    back1, g1 = process.coefficients_vjp(t, x, h / 6 * cotangent + 0.5 * h * back2, factor_cotangent)
    return cotangent + back1 + back2 + back3 + back4, g1 + g2 + g3 + g4
