"""Multilevel Monte Carlo: an estimate of the diffusion's own expectation to a tolerance, at cost O(tolerance^−2)."""

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.inputs import as_flag, as_number, as_seed_or_fresh, as_whole
from ocnet.problem import KolmogorovProblem
from ocnet.process import checked_starts
from ocnet.typing import Array, ArrayLike
from ocnet.xarrays import dataset, labelled

from .coupling import Coupling, LevelSampler
from .estimate import channels_at, checked_level, checked_problem

__all__ = ["Level", "MultilevelEstimate", "estimate_multilevel"]

_FIRST_LEVELS, _FIRST_PATHS, _LEAST_PATHS = 3, 1000, 250
_MOST_WORK = 1e14                    # path-steps a start point beyond which nobody waits
_SHARE = 0.5                         # of tolerance² that the variance may take; the bias has the rest
_DECAY = 4                           # of the variances from level to level, where the payoff is smooth (β = 2)


@dataclass(frozen=True, eq=False)
class Level:
    """One level: `paths` samples a start point of fine less coarse payoffs, fine paths of `steps` steps.

    mean, variance of a sample : (n,) or (n, q);  cost : path-steps spent
    """

    steps: int
    paths: int
    mean: np.ndarray
    variance: np.ndarray
    cost: int


@dataclass(frozen=True, eq=False)
class MultilevelEstimate(Saved):
    """The sum of the means of the levels, at n start points.

    value, standard_error, bias : (n,), or (n, q) where the terminal has q columns; `bias` estimates what finer levels would add
    levels : tuple of `Level`, coarsest first;  converged : whether bias² + standard_error² ≤ tolerance² everywhere
    """

    value: np.ndarray
    standard_error: np.ndarray
    bias: np.ndarray
    levels: tuple
    tolerance: float
    seed: int
    converged: bool

    def __post_init__(self) -> None:
        for array in (self.value, self.standard_error, self.bias):
            array.flags.writeable = False

    @property
    def cost(self) -> int:
        """Path-steps spent."""
        return sum(level.cost for level in self.levels)

    @property
    def status(self) -> str:
        """What became of the tolerance, in words."""
        if self.converged:
            return "converged"
        return (f"bias about {self.bias.max():.1g} at {self.levels[-1].steps} steps and s.e. {self.standard_error.max():.1g} miss the "
                f"tolerance {self.tolerance:g}; raise most_levels or the tolerance")

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """(low, high) that hold the diffusion's expectation with about probability `level`, if `bias` is right: normal law."""
        reach = ndtri(0.5 + 0.5 * checked_level(level)) * self.standard_error + self.bias
        return self.value - reach, self.value + reach

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name; levels as a table of columns."""
        plain = {name: getattr(self, name).tolist() for name in ("value", "standard_error", "bias")}
        columns = {name: [np.asarray(getattr(level, name)).tolist() for level in self.levels]
                   for name in ("steps", "paths", "mean", "variance", "cost")}
        return {**plain, "levels": columns, "tolerance": self.tolerance, "seed": self.seed, "status": self.status}

    def plot(self, ax: Any = None) -> Any:
        """Draw what each level adds to the mean, with its standard error, against its steps; returns the axes.

        The largest |mean| over start points and columns, from the second level on: weak order 1 makes its slope −1.
        """
        finer = self.levels[1:]
        largest = [int(np.abs(np.ravel(level.mean)).argmax()) for level in finer]
        means = np.array([np.abs(np.ravel(level.mean))[i] for level, i in zip(finer, largest)])
        errors = np.array([np.sqrt(np.ravel(level.variance)[i] / level.paths) for level, i in zip(finer, largest)])
        return plotting.convergence(np.array([level.steps for level in finer]), means, bars=errors, expected=-1, name="fine − coarse",
                                    labels=("steps of the finer path", "largest mean of a level"), ax=ax)

    def to_xarray(self) -> Any:
        """Return an xarray.Dataset of value, standard_error and bias over point (and column), and of mean, variance and cost over level too."""
        dims = ("point", "column")[:self.value.ndim]
        told = {"value": "sum of the means of the levels", "standard_error": "standard error of the value", "bias": "what finer levels would add"}
        levels = {"mean": "mean of fine less coarse payoffs", "variance": "variance of one such difference"}
        counts = {"steps": "steps of a fine path", "paths": "samples a start point", "cost": "path-steps spent"}
        variables = {**{name: labelled(dims, getattr(self, name), said) for name, said in told.items()},
                     **{name: labelled(("level", *dims), [getattr(level, name) for level in self.levels], said) for name, said in levels.items()},
                     **{name: labelled("level", [getattr(level, name) for level in self.levels], said) for name, said in counts.items()}}
        return dataset(variables, {"level": labelled("level", range(len(self.levels)), "level, coarsest first")},
                       {"tolerance": self.tolerance, "seed": self.seed, "status": self.status})

    def __repr__(self) -> str:
        if self.value.size == 1:
            said = f"{self.value.item():.6g} ± {self.standard_error.item():.1g} s.e. ± {self.bias.item():.1g} bias"
        else:
            said = (f"{' × '.join(map(str, self.value.shape))} values, s.e. at most {self.standard_error.max():.1g}, "
                    f"bias at most {self.bias.max():.1g}")
        return (f"MultilevelEstimate({said}, {len(self.levels)} levels to {self.levels[-1].steps} steps, {self.cost:.2g} path-steps, "
                f"seed {self.seed}, {self.status})")


def estimate_multilevel(problem: KolmogorovProblem, x0: ArrayLike, tolerance: float, seed: int | None = 0, steps: int = 4, most_levels: int = 12,
                        executor: Executor | None = None, progress: bool = False) -> "MultilevelEstimate":
    """Estimate u(0, ·) of a KolmogorovProblem with a root mean square error of at most `tolerance` at each start point.

    Σ_l E[P_l − P_{l−1}], P_l the payoff of paths with steps · 2^l steps on the Brownian motion of P_{l−1}'s (see `Coupling`), with
    paths per level in proportion to √(variance/cost).  Half of tolerance² goes to the variance, half to the bias, which the means
    of the last two levels foretell for weak order 1: max(|m_L|, |m_{L−1}|/2).
    problem   : KolmogorovProblem;  seed : as for `estimate`
    x0        : (n, d) start points, which share the numbers of paths; the worst of them and of the terminal's columns decides
    tolerance : > 0, absolute, in units of the value
    steps     : of level 0, at least; long enough steps not to blow up;  most_levels : ≥ 3; each doubles the steps
    executor, progress : as for `estimate`; the bits of the result do not depend on them
    Returns   MultilevelEstimate; where most_levels were not enough, its `status` says so.
    Raises    ValueError for a boundary that holds values, and for a tolerance that is not positive.
    Cost      O(tolerance^−2) path-steps for smooth payoffs, commutative noise or not; payoffs with jumps were not tested.
    Accuracy  variances and bias are estimated, the bias from two levels: functionals whose error is not O(dt) yet deceive it.
    Source    Giles (2008), (2015); Giles & Szpruch (2014).
    """
    tolerance = as_number(tolerance, "tolerance", above=0, at_most=1e150, remedy="it is the root mean square error wanted, a positive finite number")
    most_levels, progress = as_whole(most_levels, "most_levels", _FIRST_LEVELS, "a bias is told from the last levels"), as_flag(progress, "progress")
    checked_problem(problem)
    x0, seed = checked_starts(x0, problem.process.dim), as_seed_or_fresh(seed)
    coupling = Coupling.of(problem, channels_at(problem.process, x0), steps)
    sampler = LevelSampler(coupling, x0, seed)
    found = _refined(sampler, tolerance, most_levels, lambda level, lo, hi: sampler.more(level, lo, hi, executor, progress))
    single = problem.terminal_rows(np.ascontiguousarray(x0[:1].T))[1]
    return _result(found, coupling, len(x0), tolerance, seed, single)


def _refined(sampler, tolerance, most_levels, more):
    """Moments (q, n) per level, sampled until variance and bias are as small as asked."""
    found = [more(level, 0, _FIRST_PATHS >> level) for level in range(_FIRST_LEVELS)]
    while True:
        wanted = _paths_wanted(found, sampler.coupling, tolerance)
        if all(moments.count >= paths for moments, paths in zip(found, wanted)):
            if (_bias(found) ** 2).max() <= (1 - _SHARE) * tolerance**2 or len(found) == most_levels:
                return found
            found.append(more(len(found), 0, max(_LEAST_PATHS, found[-1].count // _DECAY)))
            continue
        for level, paths in enumerate(wanted):
            if paths > found[level].count:
                found[level] = found[level] + more(level, found[level].count, paths)


def _paths_wanted(found, coupling, tolerance):
    """Paths per level: the least cost at which Σ variance/paths is the variance's share of tolerance², for the worst entry.

    A variance is at least half of what the level before foretells: few samples may miss the rare ones that make it.
    """
    variances = [moments.variance for moments in found]
    for level in range(2, len(found)):
        variances[level] = np.maximum(variances[level], variances[level - 1] / (2 * _DECAY))
    costs = [coupling.cost(level) for level in range(len(found))]
    total = sum(np.sqrt(v * c) for v, c in zip(variances, costs))
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        work = (total**2 / (_SHARE * tolerance**2)).max()
    if not np.isfinite(total).all():
        raise ValueError("the variance of a level is not finite: payoffs or paths from x0 leave the range of floating-point numbers; take more steps, "
                         "or scale terminal, drift, factor or horizon down")
    if not work <= _MOST_WORK:
        raise ValueError(f"tolerance={tolerance} would take {work:.1e} path-steps from a start point, more than {_MOST_WORK:g}; give a larger one, in "
                         "units of the value")
    return [int(np.ceil((np.sqrt(v / c) * total).max() / (_SHARE * tolerance**2))) for v, c in zip(variances, costs)]


def _bias(found):
    """(q, n): what levels beyond the last would add, for means that halve from level to level."""
    return np.maximum(np.abs(found[-1].mean), np.abs(found[-2].mean) / 2)


def _result(found, coupling, points, tolerance, seed, single):
    def shown(rows):
        return rows[0].copy() if single and len(rows) == 1 else rows.T.copy()

    variance, bias = sum(m.variance / m.count for m in found), _bias(found)
    levels = tuple(Level(coupling.steps(k), m.count, shown(m.mean), shown(m.variance), m.count * points * coupling.cost(k))
                   for k, m in enumerate(found))
    converged = bool((bias**2 + variance).max() <= tolerance**2 * (1 + 1e-12))
    return MultilevelEstimate(shown(sum(m.mean for m in found)), shown(np.sqrt(variance)), shown(bias), levels, float(tolerance), seed,
                              converged)
