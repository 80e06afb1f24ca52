"""Whether a reported bar holds the truth: one verdict a case."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ocnet.kolmogorov import adaptive
from ocnet.kolmogorov.solver import solve_backward

from .cases import Case, drawn

__all__ = ["Verdict", "judged", "verdicts"]

_ROUNDING = 1e-9                     # of the tolerance asked for: errors below it are not looked at


@dataclass(frozen=True)
class Verdict:
    """covered : |value − truth| ≤ bar at every point, but for 1e-9 of the tolerance;  reached : the tolerance

    raised : an error or a warning instead, in words
    """

    family: str
    number: int
    told: str
    error: float
    bar: float
    covered: bool
    reached: bool
    raised: str = ""

    @property
    def honest(self) -> bool:
        """Covered, or told that it is not."""
        return self.covered or bool(self.raised)


def judged(family: str, number: int, case: Case, scheme: object = "auto", box: object = None) -> Verdict:
    """Solve a case to its tolerance, in a box that is found or given, and hold the bar against the truth."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            value = solve_backward(case.problem, tolerance=case.tolerance, at=case.points, scheme=scheme, box=box)
        except (ValueError, FloatingPointError) as refusal:
            return Verdict(family, number, case.told, np.nan, np.nan, False, False, str(refusal))
    error = float(np.abs(value(case.points) - case.exact).max())
    covered = error <= value.error.bar + _ROUNDING * case.tolerance
    return Verdict(family, number, case.told, error, value.error.bar, bool(covered), value.error.reached, "; ".join(str(w.message) for w in told))


def verdicts(family: str, numbers: range, most_work: float) -> Iterator[Verdict]:
    """Judge cases of a family; solves above `most_work` node-steps are not begun, and the bar of the one before is judged."""
    before, adaptive._MOST_WORK = adaptive._MOST_WORK, most_work
    try:
        for number in numbers:
            yield judged(family, number, drawn(family, number))
    finally:
        adaptive._MOST_WORK = before
