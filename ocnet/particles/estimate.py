"""u(0, x) = E[e^{−∫c} terminal(X_T) + ∫ e^{−∫c} g dt given X_0 = x] by Monte Carlo: the Feynman–Kac formula."""

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.inputs import as_flag, as_number, as_object, as_seed_or_fresh
from ocnet.problem import KolmogorovProblem
from ocnet.process import checked_starts
from ocnet.typing import Array, ArrayLike, PathScheme, Sampling
from ocnet.value_function import ValueFunction
from ocnet.xarrays import dataset, labelled

from .control_variate import ControlVariate
from .functional import Difference, Functional
from .sampled import sampled
from .sampling import Independent
from .schemes import EulerMaruyama

__all__ = ["Estimate", "checked_level", "estimate", "estimate_difference"]

_REMEDIES = {"scheme": "an object of particles.schemes, such as Milstein()", "layered": "a LayeredProcess, such as network.layered(theta)"}


def checked_level(level: float) -> float:
    """Return `level`, or raise ValueError unless it is a probability in (0, 1)."""
    return as_number(level, "level", above=0, below=1, remedy="it is a probability in (0, 1)")


@dataclass(frozen=True, eq=False)
class Estimate(Saved):
    """Monte Carlo means at n start points; `paths` and `seed` reproduce them.

    value, standard_error : (n,), or (n, q) where the terminal has q columns; of sampling alone, not of the time step
    freedom : degrees of freedom of the standard error, the number of independent samples it comes from less 1 (default: paths − 1)
    """

    value: np.ndarray
    standard_error: np.ndarray
    paths: int
    seed: int
    freedom: int | None = None

    def __post_init__(self) -> None:
        self.value.flags.writeable = self.standard_error.flags.writeable = False
        if self.freedom is None:
            object.__setattr__(self, "freedom", self.paths - 1)

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """(low, high) between which the mean lies with probability `level`, by Student's law of the mean of normal samples."""
        reach = stdtrit(self.freedom, 0.5 + 0.5 * checked_level(level)) * self.standard_error
        return self.value - reach, self.value + reach

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name."""
        return {"value": self.value.tolist(), "standard_error": self.standard_error.tolist(), "paths": self.paths, "seed": self.seed,
                "freedom": self.freedom}

    def plot(self, ax: Any = None, level: float = 0.95) -> Any:
        """Draw each start point's mean with the interval that holds it with probability `level`, a row a point; returns the axes."""
        low, high = self.interval(level)
        return plotting.intervals([f"point {i}" for i in range(len(self.value))], self.value, 0.5 * (high - low),
                                  label=f"mean, {level:.0%} interval (sampling)", ax=ax)

    def to_xarray(self) -> Any:
        """Return an xarray.Dataset of value and standard_error over point (and column), with what reproduces them."""
        dims = ("point", "column")[:self.value.ndim]
        return dataset({"value": labelled(dims, self.value, "mean over the paths"),
                        "standard_error": labelled(dims, self.standard_error, "standard error of the mean, of sampling alone")}, {},
                       {"paths": self.paths, "seed": self.seed, "freedom": self.freedom})

    def __repr__(self) -> str:
        if self.value.size == 1:
            said = f"{self.value.item():.6g} ± {self.standard_error.item():.1g} s.e."
        else:
            said = f"{' × '.join(map(str, self.value.shape))} values, s.e. at most {self.standard_error.max():.1g}"
        return f"Estimate({said}, {self.paths} paths, seed {self.seed})"


def estimate(problem: KolmogorovProblem, x0: ArrayLike, paths: int = 100_000, steps: int = 100, seed: int | None = 0, layered: Any = None,
             scheme: PathScheme | None = None, sampling: Sampling | None = None, control: ValueFunction | None = None,
             executor: Executor | None = None, progress: bool = False) -> "Estimate":
    """Estimate the solution u(0, ·) of a KolmogorovProblem at start points, by `paths` paths from each.

    x0       : (n, d) start points;  paths : ≥ 2 (one path has no standard error)
    steps    : steps in time, at least; the process's breaks become step times
    seed     : whole number that addresses the noise: the same one gives the same bits; None draws one, which the result tells
    layered  : LayeredProcess to walk through instead, such as network.layered(theta): the same functional of the
               network's own law, and `steps` and `scheme` are not used
    scheme   : member of `particles.schemes` (default EulerMaruyama())
    sampling : member of `particles.sampling` (default Independent())
    control  : ValueFunction of the problem on a grid with kept times from 0 to T, whose martingale is taken off each payoff:
               the mean stays what it is, the bias of the time steps included, and the variance is far smaller where it is near the solution
               (see `ControlVariate`)
    executor : `concurrent.futures.Executor` that carries out the work (at most 64 tasks); None: threads of this process.  The bits
               of the result depend neither on it nor on the number of threads
    progress : whether to show a bar of finished tasks
    Potential and source are frozen over a step, as drift and factor are: with them, weak order 1 whatever the scheme.
    Returns   Estimate; its law is that of the steps, which is O(dt^weak_order) from the diffusion's.
    Raises    ValueError where a side of the boundary holds a value: paths live in the whole space.
    Source    Feynman–Kac; schemes: Kloeden & Platen (1992); noise: Salmon et al. (2011).
    Cost      n · paths · steps evaluations; memory of a few batches of 8192 paths, however many there are.
    """
    functional = _functional(problem, x0, steps, layered, scheme, control)
    return _estimated(functional, [problem], x0, paths, seed, sampling, executor, progress)


def estimate_difference(problem_a: KolmogorovProblem, problem_b: KolmogorovProblem, x0: ArrayLike, paths: int = 100_000, steps: int = 100,
                        seed: int | None = 0, layered: tuple[Any, Any] = (None, None), scheme: PathScheme | None = None, sampling: Sampling | None = None,
                        control: tuple[ValueFunction | None, ValueFunction | None] = (None, None), executor: Executor | None = None,
                        progress: bool = False) -> "Estimate":
    """Estimate u_a(0, ·) − u_b(0, ·) of two problems, path by path on the same noise (common random numbers).

    The standard error is that of the difference: small where the two are near, however large their own are.
    problem_a, problem_b : KolmogorovProblems of the same dimension and horizon
    layered, control : a pair, for a and for b;  x0, paths, steps, seed, scheme, sampling, executor, progress : as for `estimate`
    Returns   Estimate of the difference: value (n,), or (n, q) where either terminal has q columns.
    Raises    ValueError where the two walk in different steps, or with noise of different laws.
    """
    for name, pair in (("layered", layered), ("control", control)):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(f"{name}={pair!r} is no pair; give ({name} of problem_a, {name} of problem_b), each of them or None")
    for name, problem in (("problem_a", problem_a), ("problem_b", problem_b)):
        checked_problem(problem, name)
    a, b = (_functional(problem, x0, steps, own, scheme, value)
            for problem, own, value in zip((problem_a, problem_b), layered, control))
    if not np.array_equal(a.process.times, b.process.times):
        raise ValueError(f"the two problems walk in different steps, {a.process.layers} and {b.process.layers} in number, so they have no "
                         "noise in common; give them one horizon, and processes with the same breaks")
    if getattr(a.process, "precision", "double") != getattr(b.process, "precision", "double"):
        raise ValueError("the two problems draw in different precision, so they have no noise in common; give both processes one precision")
    for n in range(a.process.layers):
        if a.process.law_at(n) != b.process.law_at(n):
            raise ValueError(f"the two problems have noise of different laws in layer {n}, {a.process.law_at(n)} and "
                             f"{b.process.law_at(n)}; give both factors the same number of columns (zeros where one has fewer)")
    return _estimated(Difference(a, b), [problem_a, problem_b], x0, paths, seed, sampling, executor, progress)


def checked_problem(problem: KolmogorovProblem, name: str = "problem") -> None:
    """Raise ValueError for anything but a KolmogorovProblem, and where a side of its boundary holds a value."""
    as_object(problem, name, ("process", "terminal_rows", "boundary"), "a KolmogorovProblem",
              "give KolmogorovProblem(process, terminal, horizon), with a Diffusion as its process")
    if any(side.row == "held" for pair in problem.boundary for side in pair):
        raise ValueError(f"boundary={problem.boundary!r} holds values at sides of a box; paths live in the whole space: "
                         "leave the boundary out, or use solve_backward")


def checked_means(mean: Array, error: Array, told: str) -> None:
    """Raise FloatingPointError naming the first start point whose mean or error (q, n) is beyond the range of numbers."""
    finite = np.isfinite(mean).all(axis=0) & np.isfinite(error).all(axis=0)
    if not finite.all():
        raise FloatingPointError(f"{told} is not finite from x0[{int(np.argmin(finite))}]: payoffs or paths leave the range of floating-point "
                                 "numbers; take more steps, or scale x0, terminal, potential, source, drift, factor or horizon down")


def channels_at(process: Any, x0: Array) -> int:
    """How many columns a Diffusion's factor has, seen at the first start point."""
    return process.factor_rows(0.0, np.ascontiguousarray(x0[:1].T)).shape[1]


def _functional(problem: KolmogorovProblem, x0: ArrayLike, steps: int, layered: Any, scheme: PathScheme | None, control: Any) -> Functional:
    checked_problem(problem)
    x0 = checked_starts(x0, problem.process.dim)
    for name, member, method in (("scheme", scheme, "layered"), ("layered", layered, "ends")):
        if member is not None and (isinstance(member, type) or not hasattr(member, method)):
            raise ValueError(f"{name}={member!r} cannot be walked; give {_REMEDIES[name]}")
    if layered is not None:
        _check_layered(problem, layered)
    if layered is None:
        layered = (EulerMaruyama() if scheme is None else scheme).layered(problem.process, problem.horizon, steps, channels_at(problem.process, x0))
    if control is not None:
        as_object(control, "control", ("grid", "values", "times"), "a ValueFunction", "give that of the problem, solve_backward(problem, grid, keep=11)")
        columns = len(problem.terminal_rows(np.ascontiguousarray(x0[:1].T))[0])
        control = ControlVariate.checked(control, layered, columns, x0)
    return Functional(problem, layered, control)


def _check_layered(problem: KolmogorovProblem, layered: Any) -> None:
    """Raise ValueError unless a LayeredProcess lives where and as long as the problem does."""
    if layered.dim != problem.process.dim:
        raise ValueError(f"layered has dim={layered.dim}, the problem {problem.process.dim}; give the two of one network")
    if abs(layered.times[-1] - problem.horizon) > 1e-9 * problem.horizon:
        raise ValueError(f"layered ends at time {layered.times[-1]:g}, but the problem's horizon is {problem.horizon:g}; make them equal")


def _estimated(functional: Functional | Difference, problems: list[KolmogorovProblem], x0: ArrayLike, paths: int, seed: int | None,
               sampling: Sampling | None, executor: Executor | None, progress: bool) -> "Estimate":
    sampling = Independent() if sampling is None else sampling
    if isinstance(sampling, type) or not hasattr(sampling, "noises"):
        raise ValueError(f"sampling={sampling!r} cannot be drawn from; give an object of particles.sampling, such as Antithetic()")
    paths, seed, progress = sampling.checked(paths), as_seed_or_fresh(seed), as_flag(progress, "progress")
    x0 = checked_starts(x0, functional.process.dim)
    results = sampled(functional, x0, sampling, paths, seed, executor, progress)
    single = all(problem.terminal_rows(np.ascontiguousarray(x0[:1].T))[1] for problem in problems)
    checked_means(*results, "the mean or its standard error")
    value, error = (a[0] if single and len(a) == 1 else a.T.copy() for a in results)
    return Estimate(value, error, paths, seed, sampling.samples(paths) - 1)
