"""What a solve on a given grid, which has no error bar, can tell of itself: how many paths leave the box, and values beyond their bounds."""

import warnings
from typing import Any

import numpy as np

from ocnet.boundary import chosen
from ocnet.kernels import philox
from ocnet.problem import KolmogorovProblem
from ocnet.scouts import outside_share, wanted_steps

__all__ = ["escaping", "warn_of_masses", "warn_of_values"]

_PATHS, _STEPS = 128, 16
_LOST = 1e-6                         # of a mass that only rounding changes
_MUCH = 0.05                         # share of paths that leave the box, and of the range of the data that values overshoot, beyond which a warning is due
_MEANT = "Reflecting() sides, if they are meant, are given by boundary="


def escaping(problem: KolmogorovProblem, grid: Any) -> float | None:
    """The share of paths from the middle of the box that leave it before the horizon; None where the sides were chosen, or the drift is stiff.

    Of 128 paths in 16 steps: the largest `outside_share` of a time, times 2 (the reflection principle: as many have been outside before).
    Sides that were left as they are, reflecting, lie where the grid ends.
    """
    if chosen(problem.boundary):
        return None
    process, middle = problem.process, 0.5 * (grid.lower + grid.upper)
    x, dt, share, before = np.repeat(middle[:, None], _PATHS, axis=1), problem.horizon / _STEPS, 0.0, None
    for n in range(_STEPS):
        drift, factor = process.drift_rows(n * dt, x), process.factor_rows(n * dt, x)
        if before is not None and wanted_steps(process, n * dt, problem.horizon, dt, before, (x, drift), 0.02 * (grid.upper - grid.lower)) > _STEPS:
            return None
        before = x, drift
        xi = philox.normals(0, 0, _PATHS, n, max(factor.shape[1], 1))[: factor.shape[1]]
        x = np.ascontiguousarray(x + dt * drift + np.sqrt(dt) * np.einsum("ijp,jp->ip", factor, xi))
        if not np.isfinite(x).all():
            return 1.0
        share = max(share, outside_share(x, grid.lower, grid.upper))
    return min(1.0, 2 * share)


def warn_of_values(report: Any, problem: KolmogorovProblem, constant_sides: bool) -> None:
    """Warn where a report of values tells that they may be wrong: paths that leave the box, and values far outside the range of the data."""
    if report.leak is not None and report.leak > _MUCH:
        warnings.warn(f"about {report.leak:.0%} of the paths from the middle of the box leave it before the horizon, and are reflected: widen the "
                      f"grid, or take tolerance=… and at=points, which find a box and judge it; {_MEANT}", RuntimeWarning, stacklevel=3)
    width = report.bounds_before[1] - report.bounds_before[0]
    bounded = problem.source is None and problem.potential is None and constant_sides
    if bounded and report.overshoot > _MUCH * width + 1e-9 * max(map(abs, report.bounds_before)):
        warnings.warn(f"values leave the range of the terminal data by {report.overshoot:.2g}, {report.overshoot / width if width else np.inf:.0%} of "
                      f"it: {report.scheme} does not resolve the drift or the data on this grid; use scheme=\"auto\", SemiLagrangian() or "
                      "Monotone(), a finer grid, or more steps", RuntimeWarning, stacklevel=3)


def warn_of_masses(report: Any, sides_given: bool, share: float, growth: float) -> None:
    """Warn where a density meets sides that no one chose beyond 5 % of its mean, or where its size Σ|p| has grown by 5 %, which that of none does, or
    rounding, amplified by steps far too long, has changed the mass by 10⁻⁶.

    share : of the box that the cells of the outermost nodes take;  growth : of the size, relative
    """
    if growth > _MUCH or report.mass_drift > _LOST:
        warnings.warn(f"the masses come to {1 + growth:.3g} times their size in all, negative ones included, and {report.mass_drift:.2g} of the mass is "
                      f"lost or won: {report.scheme} does not resolve the drift or "
                      "the spread in such steps; take more steps, or Monotone() or SemiLagrangian()", RuntimeWarning, stacklevel=3)
    if not sides_given and report.leak > _MUCH * share > 0:
        warnings.warn(f"the density at the sides of the box comes to {report.leak / share:.0%} of its mean, and is reflected there: widen the grid; {_MEANT}",
                      RuntimeWarning, stacklevel=3)
