"""A second opinion of a grid's objective: that of paths of the same law, which no grid and no box can mislead."""

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ocnet.inputs import as_whole
from ocnet.kernels.philox import derived_seed
from ocnet.scouts import leaving, seen_outside
from ocnet.typing import Array, View

from .objectives.grid import DiffusionView
from .objectives.particles import ParticleObjective

__all__ = ["Opinion", "SecondOpinion", "left_share", "sampled", "warn_of_box"]

_STEPS, _FINEST = 4, 32              # Euler–Maruyama steps a layer that are, with twice as many, extrapolated to none; those that a contradiction takes
_DOUBTING = 9                        # word that keeps these random streams apart
_SURE = 4.0                          # standard errors that a contradiction takes: by chance once in 16 000
_SCOUTS = 4096                       # paths that tell how many leave a box
_FIRST, _MOST = 20_000, 1_000_000    # paths in all, at first and at most
_MUCH = 0.05                         # share of paths outside a fixed box, and by which J is then another one, beyond which a training is warned of
_WORK = {"chain": 20_000_000, "sde": 400_000}            # paths times layers at most: a second or so


@dataclass(frozen=True)
class Opinion:
    """A data term by paths: `value`, its `standard_error`, and the `bias` that extrapolating time steps may have left (0 for the chain)."""

    value: float
    standard_error: float
    bias: float = 0.0

    def doubts(self, value: float, bar: float) -> bool:
        """Whether a value is surely off, and more likely than not by more than its bar: a reason to look closer, which costs little where it is none."""
        gap = abs(value - self.value) - self.bias - 1e-9 * abs(self.value)
        return bool(gap > max(bar, _SURE * self.standard_error))

    def contradicts(self, value: float, bar: float) -> bool:
        """Whether a value with its bar is further away than chance and bias explain; never where the paths have left all numbers."""
        return bool(abs(value - self.value) > bar + self.bias + _SURE * self.standard_error + 1e-9 * abs(self.value))


def sampled(setting: Any, theta: Array, view: View, paths: int, seed: int = 0, steps: int = _STEPS) -> Opinion:
    """Return the `Opinion` of about `paths` paths, two a data point at least; steps of an Itô limit are extrapolated to none (Talay and Tubaro 1990)."""
    paths = setting.criterion.enough(max(2, as_whole(paths, "paths") // len(setting.data)))
    if not isinstance(view, DiffusionView):
        sample = ParticleObjective(setting, paths, seed, view=view).sample(theta)
        return Opinion(sample.value, sample.standard_error)
    coarse, fine = (ParticleObjective(setting, paths, derived_seed(seed, steps), view=DiffusionView(steps)).sample(theta) for steps in (steps, 2 * steps))
    error = float(np.hypot(2 * fine.standard_error, coarse.standard_error))
    return Opinion(2 * fine.value - coarse.value, error, abs(fine.value - coarse.value))


@dataclass
class SecondOpinion:
    """The `Opinion` of as many paths as a wanted bar asks for: what they cannot contradict is half of it, or what a second of work buys."""

    setting: Any
    theta: Array
    view: View
    paths: int = field(init=False, default=0)
    steps: int = field(init=False, default=_STEPS)
    opinion: Any = field(init=False, default=None)

    def doubts(self, value: float, bar: float, wanted: float) -> bool:
        """Whether the paths doubt a value with its bar, where one of size `wanted` is asked for."""
        most = max(2, min(_MOST, _WORK.get(self.view.name, _WORK["sde"]) // self.setting.network.layers))
        if self.opinion is None:
            self._ask(min(_FIRST, most))
        short = 2 * _SURE * self.opinion.standard_error / max(wanted, 1e-300)
        if short > 1 and self.paths < most:
            self._ask(int(min(most, np.ceil(self.paths * min(short, 1e3)**2))))
        while self.opinion.doubts(value, bar):
            if self.view.name == "chain" or self.steps >= _FINEST:     # a few steps of a stiff equation contradict what is right
                return True
            self.steps *= 2
            self._ask(self.paths)
        return False

    def _ask(self, paths):
        seed = derived_seed(0, _DOUBTING, paths)
        self.opinion, self.paths = sampled(self.setting, self.theta, self.view, paths, seed, self.steps), paths


def left_share(setting: Any, theta: Array, view: View, grid: Any) -> float:
    """About the largest share of the paths from the data that are outside the box of the grid at a layer."""
    process, points, layers = view.paths(setting.network, theta), setting.data.points, setting.network.layers
    rows = np.linspace(0, len(points) - 1, min(len(points), _SCOUTS)).astype(int)
    starts = np.repeat(points[rows].T, _SCOUTS // len(rows), axis=1)
    return leaving(process, starts, lambda step: grid.at(step * layers // process.layers), seen_outside)


def warn_of_box(objective: Any, theta: Array) -> None:
    """Warn, on behalf of the caller's caller, where what a `GridObjective` on a fixed box tells of θ is due to the box.

    That is where more than 5 % of the paths from the data are outside at a layer, and paths tell another J, by 5 % and beyond chance: values go on as
    constants outside, which for a flat readout does no harm.
    """
    setting, view, grid = objective.setting, objective.view, objective.grid
    if not hasattr(view, "paths"):
        return
    left = left_share(setting, theta, view, grid)
    if left <= _MUCH:
        return
    second = SecondOpinion(setting, theta, view)
    with np.errstate(over="ignore", invalid="ignore"):
        claimed = objective.data_term(theta)
        doubted = second.doubts(claimed, _MUCH * abs(claimed), _MUCH * abs(claimed))
    paths = second.opinion
    if (doubted and paths.contradicts(claimed, _MUCH * abs(claimed))) or not np.isfinite(paths.value):
        warnings.warn(f"about {left:.0%} of the paths from the data are outside the box of {grid!r} at a layer, and the data term of the best point, "
                      f"{claimed:.6g} on that grid, is {paths.value:.6g} ± {paths.standard_error:.1g} by paths: give a wider grid, narrower `bounds` of the "
                      "optimiser, or train with train_on_grid(…), which moves the box", RuntimeWarning, stacklevel=3)
