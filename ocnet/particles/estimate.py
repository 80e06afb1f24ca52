"""u(0, x) = E[e^{−∫c} terminal(X_T) + ∫ e^{−∫c} g dt given X_0 = x] by Monte Carlo: the Feynman–Kac formula."""

from dataclasses import dataclass

import numpy as np
from scipy.special import exprel, ndtri

from ocnet.kernels.philox import checked_seed
from ocnet.kernels.threads import run_all
from ocnet.laws import Normal, Silent
from ocnet.process import LayeredProcess, checked_points

from .propagate import CHUNK, checked_paths, chunks_of_points, starts

__all__ = ["Estimate", "estimate", "euler_maruyama"]


@dataclass(frozen=True, eq=False)
class Estimate:
    """Monte Carlo means at n start points; `paths` and `seed` reproduce them.

    value, standard_error : (n,), or (n, q) where the terminal has q columns; of sampling alone, not of the time step
    """

    value: np.ndarray
    standard_error: np.ndarray
    paths: int
    seed: int

    def __post_init__(self):
        self.value.flags.writeable = self.standard_error.flags.writeable = False

    def interval(self, level=0.95):
        """(low, high) between which the mean lies with probability `level`, by the normal law of a mean of many paths."""
        if not 0 < level < 1:
            raise ValueError(f"level={level} is not a probability in (0, 1)")
        reach = ndtri(0.5 + 0.5 * level) * self.standard_error
        return self.value - reach, self.value + reach

    def __repr__(self):
        if self.value.size == 1:
            said = f"{self.value.item():.6g} ± {self.standard_error.item():.1g} s.e."
        else:
            said = f"{' × '.join(map(str, self.value.shape))} values, s.e. at most {self.standard_error.max():.1g}"
        return f"Estimate({said}, {self.paths} paths, seed {self.seed})"


def euler_maruyama(diffusion, horizon, steps, channels=None):
    """Return the LayeredProcess X + dt f(t_n, X) + √dt G(t_n, X) ξ_n of an Itô diffusion, of weak order 1 in dt.

    steps    : at least; each interval between `diffusion.breaks` gets its share of equal steps, rounded up
    channels : m, columns of G; may be left out where the factor is constant
    """
    if int(steps) != steps or steps < 1:
        raise ValueError(f"steps={steps} is not a whole number ≥ 1")
    if channels is None:
        if diffusion.constant_factor is None:
            raise ValueError("channels=None, but the factor is not constant; say how many columns it has")
        channels = diffusion.constant_factor.shape[1]
    edges = [0.0, *sorted({t for t in diffusion.breaks if 1e-12 * horizon < t < (1 - 1e-12) * horizon}), float(horizon)]
    times = [np.linspace(a, b, int(np.ceil(steps * (b - a) / horizon - 1e-9)) + 1) for a, b in zip(edges, edges[1:])]
    times = np.concatenate([times[0], *(t[1:] for t in times[1:])])

    def step(n, x, xi):
        factor, dt = diffusion.factor_rows(times[n], x), times[n + 1] - times[n]
        out = x + dt * diffusion.drift_rows(times[n], x)
        for j in range(len(xi)):
            out += factor[:, j] * (np.sqrt(dt) * xi[j])
        return out

    return LayeredProcess(step, Normal(channels) if channels else Silent(), diffusion.dim, times)


def estimate(problem, x0, paths=100_000, steps=100, seed=0, layered=None):
    """Estimate the solution u(0, ·) of a KolmogorovProblem at start points, by `paths` paths from each.

    x0      : (n, d) start points;  paths : ≥ 2 (one path has no standard error)
    steps   : Euler–Maruyama steps, at least; the process's breaks become step times
    layered : LayeredProcess to walk through instead, such as network.layered(theta): the same functional of the
              network's own law, and `steps` is not used
    Potential and source are frozen over a step, as drift and factor are.
    Returns   Estimate; its law is that of the steps, which is O(dt) from the diffusion's (weak order 1).
    Raises    ValueError where a side of the boundary holds a value: paths live in the whole space.
    Cost      n · paths · steps evaluations; memory of a few chunks of 8192 paths.
    """
    if any(side.row == "held" for pair in problem.boundary for side in pair):
        raise ValueError(f"boundary={problem.boundary!r} holds values at sides of a box; paths live in the whole space: "
                         "leave the boundary out, or use solve_backward")
    paths, seed = checked_paths(paths, least=2), checked_seed(seed)
    x0 = checked_points(x0, problem.process.dim, "x0")
    if layered is None:
        channels = problem.process.factor_rows(0.0, np.ascontiguousarray(x0[:1].T)).shape[1]
        layered = euler_maruyama(problem.process, problem.horizon, steps, channels)
    value, standard_error = _moments(problem, layered, x0, paths, seed)
    single = problem.terminal_rows(np.ascontiguousarray(x0[:1].T))[1]
    return Estimate(*(a[0] if single and len(a) == 1 else a.T.copy() for a in (value, standard_error)), paths, seed)


def _moments(problem, process, x0, paths, seed):
    """Means and their standard errors, both (q, n), from blocks of paths combined in order."""
    chunks, blocks = chunks_of_points(len(x0), paths), range(0, paths, CHUNK)
    parts = [[None] * len(blocks) for _ in chunks]

    def task(k, b):
        rows, count = chunks[k], min(blocks[b] + CHUNK, paths) - blocks[b]
        first = rows.start * paths + blocks[b]
        payoffs = _payoffs(problem, process, x0, paths, seed, first, first + count * (rows.stop - rows.start))
        payoffs = payoffs.reshape(len(payoffs), -1, count)
        mean = payoffs.mean(axis=2)
        parts[k][b] = count, mean, ((payoffs - mean[:, :, None]) ** 2).sum(axis=2)

    run_all([lambda k=k, b=b: task(k, b) for k in range(len(chunks)) for b in range(len(blocks))])
    means, errors = zip(*(_combined(part, paths) for part in parts))
    return np.concatenate(means, axis=1), np.concatenate(errors, axis=1)


def _combined(part, paths):
    """Mean and standard error of blocks given as (count, mean, sum of squares about it)."""
    mean = sum(count * m for count, m, _ in part) / paths
    squares = sum(s + count * (m - mean) ** 2 for count, m, s in part)
    return mean, np.sqrt(squares / (paths - 1) / paths)


def _payoffs(problem, process, x0, paths, seed, lo, hi):
    """e^{−∫c} terminal + ∫ e^{−∫c} g dt of the paths number lo … hi − 1, as (q, hi − lo).

    With c, g frozen on a step: ∫ over the step = e^{−∫c before} g dt (1 − e^{−c dt})/(c dt).
    """
    weight, earned = np.ones((1, hi - lo)), 0.0
    for n, x in enumerate(process.states(starts(x0, paths, lo, hi), seed, lo)):
        if n == process.layers:
            return weight * problem.terminal_rows(x)[0] + earned
        t, dt = process.times[n], process.times[n + 1] - process.times[n]
        c, g = problem.potential_rows(t, x), problem.source_rows(t, x)
        if g is not None:
            earned = earned + weight * g * (dt if c is None else dt * exprel(-dt * c))
        if c is not None:
            weight = weight * np.exp(-dt * c)
