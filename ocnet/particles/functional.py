"""What is averaged: the Feynman–Kac functional along sampled paths."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import exprel

from ocnet.problem import KolmogorovProblem
from ocnet.typing import Array

from .control_variate import ControlVariate

__all__ = ["Difference", "Earnings", "Functional"]


class Earnings:
    """D = e^{−∫c} and ∫ D g dt along paths, with potential c and source g frozen over each step as drift and factor are.

    Then ∫ over the step = D(before) g dt (1 − e^{−c dt})/(c dt), and `discount` (1, paths) is known at the step's start.
    """

    def __init__(self, problem: KolmogorovProblem, paths: int) -> None:
        self.problem, self.discount = problem, np.ones((1, paths))
        self.earned: Any = 0.0

    def advance(self, t: float, dt: float, x: Array) -> None:
        """Take the step from t to t + dt of paths that start it at x (d, paths)."""
        c, g = self.problem.potential_rows(t, x), self.problem.source_rows(t, x)
        if g is not None:
            self.earned = self.earned + self.discount * g * (dt if c is None else dt * exprel(-dt * c))
        if c is not None:
            self.discount = self.discount * np.exp(-dt * c)

    def payoffs(self, x: Array) -> Array:
        """D terminal(x) + what was earned, (q, paths), of paths that ended at x (d, paths)."""
        return self.discount * self.problem.terminal_rows(x)[0] + self.earned


@dataclass(frozen=True, eq=False)
class Functional:
    """e^{−∫c} terminal(X_N) + ∫ e^{−∫c} g dt of a problem along the paths of a layered process, less a control variate."""

    problem: KolmogorovProblem
    process: Any
    control: ControlVariate | None = None

    def payoffs(self, x: Array, noise: Any) -> Array:
        """(q, paths) for paths that start at x (d, paths), with the noise of a sampling."""
        problem, times = self.problem, self.process.times
        if self.control is None and problem.potential is None and problem.source is None:
            return problem.terminal_rows(noise.ends(self.process, x))[0]
        martingale: Any = 0.0
        earnings, before = Earnings(problem, x.shape[1]), x
        for n, after in enumerate(noise.states(self.process, x)):
            if n:
                earnings.advance(times[n - 1], times[n] - times[n - 1], before)
                if self.control is not None:
                    martingale = martingale + earnings.discount * self.control.increments(n - 1, before, after)
            before = after
        return earnings.payoffs(after) - martingale


@dataclass(frozen=True, eq=False)
class Difference:
    """The first functional less the second, path by path on the same noise."""

    first: Functional
    second: Functional

    @property
    def process(self) -> Any:
        return self.first.process

    def payoffs(self, x: Array, noise: Any) -> Array:
        return self.first.payoffs(x, noise) - self.second.payoffs(x, noise)
