"""Payoffs of one level of a multilevel estimate: fine paths less coarse paths on the same Brownian motion."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from ocnet.kernels.philox import derived_seed
from ocnet.kernels.threads import heed
from ocnet.laws import Normal, Silent
from ocnet.problem import KolmogorovProblem
from ocnet.typing import Array, Law

from .executors import in_order
from .functional import Earnings
from .moments import Moments
from .partition import CHUNK, groups
from .schemes import EulerMaruyama, Milstein
from .schemes.stepping import layer_times

__all__ = ["Coupling", "LevelSampler"]


@dataclass(frozen=True, eq=False)
class Coupling:
    """P(fine) − P(coarse), the coarse increments being sums of two fine ones; at the coarsest level 0, P.

    Constant factor or one channel (noise that commutes): a path of each.  Otherwise the fine payoff is the mean over two paths,
    the second with the two increments of every coarse step exchanged: that changes the sign of the Lévy area which the
    truncated Milstein step leaves out, so the mean is near the coarse payoff to order dt (Giles & Szpruch 2014, Theorem 4.10).
    coarsest : (steps + 1,) times of level 0; each level halves every step
    """

    problem: KolmogorovProblem
    channels: int
    coarsest: np.ndarray

    @classmethod
    def of(cls, problem: KolmogorovProblem, channels: int, steps: int) -> "Coupling":
        return cls(problem, channels, layer_times(problem.process, problem.horizon, steps))

    @property
    def scheme(self) -> Any:
        return EulerMaruyama() if self.problem.process.constant_factor is not None else Milstein()

    @property
    def antithetic(self) -> bool:
        return self.problem.process.constant_factor is None and self.channels > 1

    @property
    def law(self) -> Law:
        return Normal(self.channels) if self.channels else Silent()

    def times(self, level: int) -> Array:
        """(steps + 1,) of the fine paths of a level."""
        times = self.coarsest
        for _ in range(level):
            times = np.insert(times, np.arange(1, times.size), 0.5 * (times[:-1] + times[1:]))
        return times

    def steps(self, level: int) -> int:
        """Steps of the fine paths."""
        return (self.coarsest.size - 1) << level

    def cost(self, level: int) -> int:
        """Path-steps of one sample: those of its fine paths and of its coarse one."""
        return self.steps(level) if level == 0 else (1 + self.antithetic) * self.steps(level) + self.steps(level - 1)

    def payoffs(self, level: int, x: Array, draw: Callable[..., Any]) -> Array:
        """(q, paths) from x (d, paths), with the normals draw(n) (channels, paths) of the fine steps n."""
        times, fine, coarse = self.times(level), _Walker(self, x), _Walker(self, x)
        if level == 0:
            for n in range(times.size - 1):
                fine.step(times[n], times[n + 1], draw(n))
            return fine.payoffs()
        swapped = _Walker(self, x) if self.antithetic else None
        for a, b, c, n in zip(times[0::2], times[1::2], times[2::2], range(0, times.size, 2)):
            first, second = draw(n), draw(n + 1)
            fine.step(a, b, first).step(b, c, second)
            if swapped:
                swapped.step(a, b, second).step(b, c, first)
            coarse.step(a, c, sqrt(0.5) * (first + second))
        payoffs = 0.5 * (fine.payoffs() + swapped.payoffs()) if swapped else fine.payoffs()
        return payoffs - coarse.payoffs()


class _Walker:
    """Paths that take the steps they are told to."""

    def __init__(self, coupling, x):
        self.scheme, self.problem, self.x = coupling.scheme, coupling.problem, x
        self.earnings = Earnings(coupling.problem, x.shape[1])

    def step(self, start, end, xi):
        self.earnings.advance(start, end - start, self.x)
        self.x = self.scheme.step(self.problem.process, start, end - start, self.x, xi)
        return self

    def payoffs(self):
        return self.earnings.payoffs(self.x)


@dataclass(frozen=True, eq=False)
class LevelSampler:
    """Moments of the payoffs of a level over ranges of its paths: path k of start point i is number k · n + i of n points.

    Levels are independent: the noise of each belongs to the seed derived for it.
    """

    coupling: Coupling
    x0: np.ndarray
    seed: int

    def more(self, level: int, lo: int, hi: int, executor: Executor | None = None, progress: bool = False) -> Moments:
        """Moments (q, n) over the paths number lo … hi − 1 of every start point."""
        size = max(1, CHUNK // len(self.x0))
        blocks = range(lo, hi, size)
        parts = in_order(self, [(level, blocks[g.start:g.stop], hi) for g in groups(len(blocks))], executor, progress)
        return _sum(parts)

    def __call__(self, task: tuple[int, range, int]) -> Moments:
        """Moments of the paths of a level from each of the starts of blocks on, up to the next one's or the end."""
        level, blocks, hi = task
        return _sum(self._block(level, lo, min(lo + blocks.step, hi)) for lo in blocks)

    def _block(self, level, lo, hi):
        heed()
        points, seed, law = len(self.x0), derived_seed(self.seed, level), self.coupling.law
        numbers = lo * points, (hi - lo) * points
        payoffs = self.coupling.payoffs(level, np.tile(self.x0.T, (1, hi - lo)), lambda n: law.draw(seed, *numbers, n))
        return Moments.of(np.moveaxis(payoffs.reshape(len(payoffs), hi - lo, points), 1, 2))


def _sum(moments):
    total = None
    for part in moments:
        total = part if total is None else total + part
    return total
