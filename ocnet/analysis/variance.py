"""J_EL − J_LE split along depth, exactly: half the variance that the noise of each layer puts into the score (MATH 1.4).

For quadratic losses, with u_n(x) = E[h(X_N) | X_n = x], which is a martingale along the paths,

    J_EL − J_LE = ½ E Var[h(X_N) | X_0] = ½ Σ_n E Var[u_{n+1}(X_{n+1}) | X_n]                       the layers' own law
    J_EL − J_LE = ½ ∫∫ ρ(t, x) |Gᵀ∇u(t, x)|² dx dt                                                   its Itô limit, or any diffusion

No noise level is small here.  Scores of K classes: the sum over the classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.grid import Grid
from ocnet.inputs import LARGEST, as_number, as_object, as_seed, as_whole
from ocnet.kernels.philox import derived_seed
from ocnet.kolmogorov import solve_backward, solve_forward
from ocnet.networks import ResidualNetwork
from ocnet.particles import over_ends
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion, LayeredProcess, checked_points
from ocnet.training.objectives import LabelledPoints
from ocnet.xarrays import dataset, labelled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

from .scores import finite_result, scores_at

__all__ = ["VarianceLedger", "diffusion_variance_ledger", "process_variance_ledger", "variance_ledger"]

_NUMBERS = ("parts", "bars", "gap", "gap_bar")        # of a ledger
_SHARED, _FIRST, _SECOND, _AFTER, _OTHER, _DIRECT = range(20, 26)      # words that keep the random streams of a layer's four paths apart
_COLUMNS = 1 << 16                   # paths carried at once
_FINER = 2                           # refinement of grid and time steps that the bars compare


@dataclass(frozen=True, eq=False)
class VarianceLedger(Saved):
    """What the noise of each layer adds to J_EL − J_LE, and that difference computed without looking at layers.

    parts, bars (N,) : and half-widths that hold them: three standard errors (particles), or changes by refinement (grid)
    gap, gap_bar     : ½ E Var[h | X_0], from other random numbers or another solve, and the same for it
    times (N + 1,)   : of the layers
    """

    parts: np.ndarray
    bars: np.ndarray
    gap: float
    gap_bar: float
    times: np.ndarray
    sampled: bool

    @property
    def total(self) -> float:
        """Σ parts."""
        return float(self.parts.sum())

    @property
    def total_bar(self) -> float:
        """Of `total`: squares add where layers are sampled independently, changes by refinement add."""
        return float(np.sqrt((self.bars**2).sum()) if self.sampled else self.bars.sum())

    @property
    def within(self) -> bool:
        """Whether the two sides of the identity agree within their bars."""
        return bool(abs(self.total - self.gap) <= self.total_bar + self.gap_bar)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name."""
        return {"parts": self.parts.tolist(), "bars": self.bars.tolist(), "total": self.total, "total_bar": self.total_bar, "gap": self.gap,
                "gap_bar": self.gap_bar, "times": self.times.tolist(), "within": self.within}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the parts with their bars; returns the axes."""
        ax = plotting.ledger(self.times, {f"½ variance{' ± 3 s.e.' if self.sampled else ''}": self.parts}, self.bars, ax=ax)
        ax.set(ylabel="share of J$_{EL}$ − J$_{LE}$")
        return ax

    def to_xarray(self) -> Any:
        """Return an xarray.Dataset over layer (and its time): what the noise of each adds to J_EL − J_LE, with its bar."""
        return dataset({"parts": labelled("layer", self.parts, "what the layer's noise adds to the difference of the losses"),
                        "bars": labelled("layer", self.bars, "half-width that holds it")},
                       {"time": labelled("layer", self.times[:-1], "time at which the layer starts", "time")},
                       {"gap": self.gap, "gap_bar": self.gap_bar, "total": self.total, "total_bar": self.total_bar})

    def __repr__(self) -> str:
        return (f"VarianceLedger(Σ of {len(self.parts)} layers {self.total:.6g} ± {self.total_bar:.1g}, J_EL − J_LE = {self.gap:.6g} ± {self.gap_bar:.1g}: "
                f"{'agree' if self.within else 'DISAGREE'})")


def variance_ledger(network: ResidualNetwork, theta: ArrayLike, data: Any, paths: int = 64, seed: int = 0) -> VarianceLedger:
    """Return the `VarianceLedger` of a network's own layers at θ by particles, in any dimension.

    data  : LabelledPoints, or a pair (points (n, d), labels (n,)); labels play no part
    paths : ≥ 2, independent samples a data point and layer, each of four paths
    Cost    2 paths N² block evaluations a point.
    """
    if not isinstance(network, ResidualNetwork):
        raise ValueError(f"network={network!r} is no ResidualNetwork; use process_variance_ledger for other layered processes")
    data = LabelledPoints.of(data)
    checked_points(data.points, network.dim, "data.points")
    theta = network.control.check(theta)
    return process_variance_ledger(network.layered(theta), data, lambda x: np.asarray(network.score(np.ascontiguousarray(x.T), theta)).T, paths, seed)


def process_variance_ledger(process: LayeredProcess, data: LabelledPoints, score: Callable[[np.ndarray], ArrayLike], paths: int = 64,
                            seed: int = 0) -> VarianceLedger:
    """Return the `VarianceLedger` of a LayeredProcess by particles, unbiased layer by layer.

    From one X_n two steps X, X̃ with independent noise are taken, and from each two continuations: (h_X − h_X̃)(h'_X − h'_X̃)/2, in which h and h'
    share nothing after the step, has the mean E Var[u_{n+1}(X_{n+1})] (pick and freeze, Sobol' (1993)).
    score : h, callable (points (n, d)) -> (n,) or (n, K);  other arguments as for `variance_ledger`
    """
    if not isinstance(process, LayeredProcess):
        raise ValueError(f"process={process!r} is no LayeredProcess; use diffusion_variance_ledger for a Diffusion")
    data, paths, seed = LabelledPoints.of(data), as_whole(paths, "paths", 2, "one has no standard error"), as_seed(seed)
    checked_points(data.points, process.dim, "data.points")
    samples = np.array([_sampled(process, n, data.points, score, paths, seed) for n in range(process.layers)])       # (N, points, paths)
    means, variances = samples.mean(axis=2), samples.var(axis=2, ddof=1) / paths
    gap, gap_error = _direct(process, data, score, 2 * paths, derived_seed(seed, _DIRECT))
    parts, bars = (means * data.weights).sum(axis=1), 3 * np.sqrt((variances * data.weights**2).sum(axis=1))
    return finite_result(VarianceLedger(parts, bars, gap, 3 * gap_error, process.times, True), "theta, data, score", *_NUMBERS)


def _sampled(process, n, points, score, paths, seed):
    """(points, paths) samples of half the variance that layer n puts into the score."""
    out, step = np.empty((len(points), paths)), max(1, _COLUMNS // paths)
    for low in range(0, len(points), step):
        x = np.repeat(points[low:low + step], paths, axis=0).T.copy()
        first = low * paths
        x = _carried(process, x, 0, n, derived_seed(seed, _SHARED, n), first)
        shifted = [_carried(process, x, n, n + 1, derived_seed(seed, word, n), first) for word in (_FIRST, _SECOND)]
        product = 1.0
        for word in (_AFTER, _OTHER):
            ends = [_scores(score, _carried(process, y, n + 1, process.layers, derived_seed(seed, word, n, k), first)) for k, y in enumerate(shifted)]
            product = product * (ends[0] - ends[1])
        out[low:low + step] = 0.5 * 0.5 * product.sum(axis=0).reshape(-1, paths)
    return out


def _carried(process, x, begin, end, seed, first):
    """The states (d, m) before layer `end` from those before layer `begin`, of the paths number first, first + 1, …"""
    for n in range(begin, end):
        x = process.step(n, x, process.draw(seed, first, x.shape[1], n))
    return x


def _scores(score, x):
    """(K, points) scores at x (d, points)."""
    return scores_at(score, x.T).T


def _direct(process, data, score, paths, seed):
    """½ Σ w Var[h | X_0] and its standard error, by `paths` independent draws from each point."""
    halves, errors = np.empty((2, len(data)))

    def consume(ends, rows):
        h = scores_at(score, ends.reshape(-1, process.dim)).reshape(*ends.shape[:2], -1)
        deviations = h - h.mean(axis=1, keepdims=True)
        squares = 0.5 * (deviations**2).sum(axis=2) * paths / (paths - 1)
        halves[rows], errors[rows] = squares.mean(axis=1), squares.var(axis=1, ddof=1) / paths

    over_ends(process, data.points, paths, consume, seed)
    return float((data.weights * halves).sum()), float(np.sqrt((data.weights**2 * errors).sum()))


def diffusion_variance_ledger(process: Diffusion, data: LabelledPoints, score: Callable[[np.ndarray], ArrayLike], grid: Grid, horizon: float = 1.0,
                              steps: int = 100, layers: int | None = None) -> VarianceLedger:
    """Return the `VarianceLedger` of a Diffusion on a grid: ½∫∫ρ|Gᵀ∇u|² by pieces of time against ½ Σ w (E h² − (E h)²).

    grid   : Grid of one to three axes that holds data and paths;  steps : of the coarser solve; another has both twice as fine
    layers : equal pieces of time to tell apart (default: between the process's breaks, or 8); steps is made a multiple
    Accuracy both solves are of order 2 in spacing and time step, and extrapolated by that; the bars are what refining has changed.
    """
    if not isinstance(process, Diffusion):
        raise ValueError(f"process={process!r} is no Diffusion; use process_variance_ledger for a LayeredProcess, or network.diffusion(theta)")
    horizon, steps, data = as_number(horizon, "horizon", at_least=1 / LARGEST, at_most=LARGEST), as_whole(steps, "steps"), LabelledPoints.of(data)
    layers = None if layers is None else as_whole(layers, "layers")
    as_object(grid, "grid", ("refined", "nodes"), "a grid", "give a Grid of one to three axes that holds data and paths")
    checked_points(data.points, process.dim, "data.points")
    inner = [t for t in process.breaks if 0 < t < horizon]
    times = np.linspace(0, horizon, (layers or 8) + 1) if layers or not inner else np.array([0.0, *inner, horizon])
    steps = (len(times) - 1) * -(-steps // (len(times) - 1))
    coarse, fine = (_on_grid(process, data, score, grid.refined(k), horizon, k * steps, times) for k in (1, _FINER))
    parts, gap = ((4 * b - a) / 3 for a, b in zip(coarse, fine))
    return finite_result(VarianceLedger(parts, np.abs(fine[0] - coarse[0]), gap, abs(fine[1] - coarse[1]), times, False), "data, score, grid, horizon",
                         *_NUMBERS)


def _on_grid(process, data, score, grid, horizon, steps, times):
    """The parts (N,) and the gap."""
    def terminal(x):
        h = scores_at(score, x)
        return np.concatenate([h, (h * h).sum(axis=1, keepdims=True)], axis=1)

    value = solve_backward(KolmogorovProblem(process, terminal, horizon), grid, steps, keep=steps + 1)
    density = solve_forward(process, data.points, grid, horizon, steps, keep=steps + 1, weights=data.weights)
    at_data = value(data.points)
    gap = 0.5 * float((data.weights * (at_data[:, -1] - (at_data[:, :-1] ** 2).sum(axis=1))).sum())
    parts, slopes = np.zeros(len(times) - 1), value.gradient(grid.nodes.T, value.times[0])[:, :-1]
    for k in range(len(value.times) - 1):
        middle, dt = 0.5 * (value.times[k] + value.times[k + 1]), value.times[k + 1] - value.times[k]
        after = value.gradient(grid.nodes.T, value.times[k + 1])[:, :-1]
        mean, masses = 0.5 * (slopes + after), 0.5 * (density.masses[k] + density.masses[k + 1])
        rate = np.einsum("nqi,ijn,nqj->n", mean, process.variance_rows(middle, grid.nodes), mean)
        parts[np.searchsorted(times, middle) - 1] += 0.5 * dt * float((masses * rate).sum())
        slopes = after
    return parts, gap
