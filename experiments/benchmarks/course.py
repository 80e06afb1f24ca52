"""The course of a training run by its own clock, and when it has come down to a loss that is found by one judge for all."""

from dataclasses import dataclass
from math import inf
from time import perf_counter, process_time

import numpy as np

from ocnet.training.objectives import ParticleObjective

from .protocol import clock_name

__all__ = ["Course", "Judge", "Reached", "reached"]


class Course:
    """Points θ that a run has passed; the clock starts with the object."""

    def __init__(self):
        self._clock = process_time if clock_name() == "cpu" else perf_counter
        self.iterations, self.seconds, self.thetas = [], [], []
        self._origin = self._clock()

    def record(self, iteration, theta):
        """Keep θ (P,) and the time."""
        self.seconds.append(self._clock() - self._origin)
        self.iterations.append(iteration)
        self.thetas.append(np.array(theta))

    @property
    def seconds_an_iteration(self):
        """Between the first and the last point kept: what only the start costs is left out."""
        return (self.seconds[-1] - self.seconds[0]) / (self.iterations[-1] - self.iterations[0])


class Judge:
    """The true loss at θ: the data term at all points by at least `paths` paths in all, with the same noise at every θ."""

    def __init__(self, setting, paths, seed):
        self._objective = ParticleObjective(setting, max(2, -(-paths // len(setting.data))), seed)
        self.standard_error = None           # of the latest loss

    def __call__(self, theta):
        found = self._objective.sample(theta)
        self.standard_error = found.standard_error
        return found.value


@dataclass(frozen=True)
class Reached:
    """Seconds and iterations to the target, ∞ where the run has not come to it;  loss, of its last point;  seconds an iteration."""

    seconds: float
    iterations: float
    loss: float
    seconds_an_iteration: float


def reached(course, judge, target):
    """Judge the points of a course in turn until one's loss is at most the target: when, interpolated in the loss, was it crossed?"""
    before, when = None, (inf, inf)
    for k, theta in enumerate(course.thetas):
        loss = judge(theta)
        if loss <= target:
            at = k if before is None else k - 1 + (before - target) / (before - loss)
            when = tuple(float(np.interp(at, np.arange(k + 1), row[:k + 1])) for row in (course.seconds, course.iterations))
            break
        before = loss
    return Reached(*when, judge(course.thetas[-1]), course.seconds_an_iteration)
