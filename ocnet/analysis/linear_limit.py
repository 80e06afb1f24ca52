"""The deep limit of linear residual networks: what N-scaled training does to their weights as functions of depth (MATH 3.2, R8).

`descend` is plain gradient descent with rate · N, `flow` the equation θ' = −N ∇ itself by an adaptive solver; `linear_limit` holds several
depths against a deep one.  Started smooth, weights stay smooth (N max |θ_{n+1} − θ_n| = O(1)) and converge as functions of depth, error O(1/N);
started rough, training to zero loss leaves them rough.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from reprlib import repr as short
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from ocnet import plotting
from ocnet.analysis.linear_product import SufficientCondition
from ocnet.archive import Saved
from ocnet.blas import one_thread
from ocnet.inputs import as_array, as_number, as_whole, counted
from ocnet.typing import Array, ArrayLike, Axes
from ocnet.xarrays import dataset, labelled

from .linear_product import LinearProblem, checked_problem, depth_maps, interpolated
from .orders import checked_layers

__all__ = ["LinearLimit", "LinearTraining", "descend", "flow", "linear_limit"]

_MOST_EVALUATIONS = 100_000          # of the gradient along a flow
_SHADES = (plotting.GREY, plotting.LOWER, plotting.SECOND, plotting.FIRST, plotting.UPPER)


@dataclass(frozen=True, eq=False)
class LinearTraining(Saved):
    """Weights along a training.

    times (K,) : of the flow, rate · step for descent;  weights (K, N, d, d);  losses (K,)
    """

    problem: LinearProblem
    times: np.ndarray
    weights: np.ndarray
    losses: np.ndarray

    @property
    def layers(self) -> int:
        return self.weights.shape[1]

    @property
    def theta(self) -> Array:
        """(N, d, d), the last."""
        return self.weights[-1]

    @cached_property
    def slopes(self) -> Array:
        """(K,) N max |θ_{n+1} − θ_n| over layers and entries: bounded in N where weights are smooth in depth, ∝ N where they are rough."""
        return self.layers * np.abs(np.diff(self.weights, axis=1)).max(axis=(1, 2, 3), initial=0.0)

    @cached_property
    def sizes(self) -> Array:
        """(K,) max over layers of the spectral norm |θ_n|."""
        return np.linalg.norm(self.weights, 2, axis=(2, 3)).max(axis=1)

    @cached_property
    def condition(self) -> SufficientCondition:
        """The `SufficientCondition` at the start."""
        return self.problem.condition(self.weights[0])

    @property
    def largest_size(self) -> float:
        """The largest |θ_n| of all layers and times."""
        return float(self.sizes.max())

    @property
    def worst_decay(self) -> float | None:
        """Largest l(t)/(l(0) exp(−decay t)) of the times after the start, or None where no decay is promised; ≤ 1 says that it was kept.

        For the flow this is a theorem; descent takes steps of finite length.  Losses that are all rounding mean nothing here.
        """
        if not self.condition.holds or self.losses[0] == 0 or len(self.times) < 2:
            return None
        return float((self.losses[1:] / self.losses[0] * np.exp(self.condition.decay * (self.times[1:] - self.times[0]))).max())

    @property
    def kept(self) -> bool | None:
        """Whether what the condition promises was seen; None where it promises nothing."""
        if not self.condition.holds:
            return None
        return self.largest_size <= self.condition.radius * (1 + 1e-12) and (self.worst_decay is None or self.worst_decay <= 1)

    @property
    def gap(self) -> float:
        """max over n of |Π_n − X(n/N)|: the network against x' = θ(s) x with its own interpolated weights, at the end of training."""
        return float(np.linalg.norm(self.problem.products(self.theta) - depth_maps(self.theta), 2, axis=(1, 2)).max())

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name."""
        return {"layers": self.layers, "steps": len(self.times) - 1, "time": float(self.times[-1]), "loss_start": float(self.losses[0]),
                "loss_end": float(self.losses[-1]), "slope_start": float(self.slopes[0]), "slope_most": float(self.slopes.max()),
                "slope_end": float(self.slopes[-1]), "largest_size": self.largest_size, "gap": self.gap, "condition": self.condition.to_dict(),
                "worst_decay": self.worst_decay, "kept": self.kept}

    def to_xarray(self) -> Any:
        """Return an xarray.Dataset over time: weights over layer, row and column (θ(s) at s = 1/N … 1), losses, slopes and sizes."""
        told = {"losses": "loss L", "slopes": "N times the largest difference of neighbouring layers", "sizes": "largest spectral norm of a layer"}
        variables = {name: labelled("time", getattr(self, name), said) for name, said in told.items()}
        weights = labelled(("time", "layer", "row", "column"), self.weights, "weights of the layers")
        return dataset({"weights": weights, **variables},
                       {"time": labelled("time", self.times, "time of the flow, or rate · step"),
                        "depth": labelled("layer", [(n + 1) / self.layers for n in range(self.layers)], "place s of the layer in depth")}, {})

    def __repr__(self) -> str:
        said = {None: "condition does not hold", True: "condition holds, its bounds are kept", False: "condition holds, its bounds are NOT kept"}
        return (f"LinearTraining({self.layers} layers to t = {self.times[-1]:g}: loss {self.losses[0]:.3g} → {self.losses[-1]:.1e}, "
                f"N max|Δθ| {self.slopes[0]:.3g} → {self.slopes[-1]:.3g}; {said[self.kept]})")

    def plot(self, ax: Any = None, entry: tuple[int, int] = (0, 0), steps: Any = None) -> Axes:
        """Draw one entry of θ_n against n/N at some steps (default: five whose entry changes evenly); returns the axes."""
        row, column = entry
        curves = self.weights[:, :, row, column]
        steps = _even_steps(curves) if steps is None else steps
        s = np.arange(1, self.layers + 1) / self.layers
        for k, step in enumerate(steps):
            ax = plotting.curve(s, curves[step], ax=ax, color=_SHADES[k % len(_SHADES)], lw=1.3, label=f"step {step}")
        ax.set(xlabel="depth n/N", ylabel=f"entry ({row + 1}, {column + 1}) of θ$_n$", title=f"weights during training, N = {self.layers}")
        ax.legend()
        return ax


def _even_steps(curves, count=5):
    """Up to `count` steps, first and last among them, between which curves (K, N) move about equally far."""
    way = np.concatenate([[0.0], np.abs(np.diff(curves, axis=0)).max(axis=1, initial=0.0).cumsum()])
    return sorted(set(np.searchsorted(way, np.linspace(0, way[-1], count)).clip(max=len(curves) - 1).tolist()))


def descend(problem: LinearProblem, start: ArrayLike, rate: float = 0.25, steps: int = 60, tolerance: float = 0.0) -> "LinearTraining":
    """Return the `LinearTraining` of θ ← θ − rate · N ∇: plain gradient descent, with a rate that grows with depth.

    problem : LinearProblem;  start : (N, d, d);  rate > 0, in units of the flow's time;  steps : most of them;  tolerance : stop at this loss
    Raises ValueError where the loss is no longer finite: the rate is too large.  Memory: all weights of all steps.
    """
    rate, steps, tolerance = as_number(rate, "rate", above=0), as_whole(steps, "steps"), as_number(tolerance, "tolerance", at_least=0)
    theta = checked_problem(problem).checked(start, "start")
    weights, losses = [theta], []
    for step in range(steps + 1):
        with np.errstate(over="ignore", invalid="ignore"):
            loss, gradient = problem.loss_and_gradient(theta)
            theta = theta - rate * gradient
        if not step and not np.isfinite(loss):
            raise ValueError(f"start, up to {np.abs(start).max():.3g}, has a loss of {loss:.3g}; give smaller numbers")
        if not (np.isfinite(loss) and np.isfinite(theta).all()):
            raise ValueError(f"rate={rate} is too large: the loss is {loss:.3g} after {step} steps; give a smaller rate")
        losses.append(loss)
        if loss <= tolerance or step == steps:
            break
        weights.append(theta)
    return LinearTraining(problem, rate * np.arange(len(losses)), np.array(weights), np.array(losses))


@one_thread()
def flow(problem: LinearProblem, start: ArrayLike, times: ArrayLike, accuracy: float = 1e-10) -> "LinearTraining":
    """Return the `LinearTraining` of θ' = −N ∇ at increasing times, the first that of the start, by Dormand–Prince of order 8.

    problem : LinearProblem;  start : (N, d, d);  accuracy : tolerance of the solver on the entries of θ, relative and absolute
    Raises ValueError for times that do not increase.
    """
    start, times = checked_problem(problem).checked(start, "start"), as_array(times, "times")
    accuracy = as_number(accuracy, "accuracy", at_least=1e-13, at_most=1, remedy="give a tolerance from 1e-13 (rounding) to 1")
    if times.ndim != 1 or len(times) < 2 or not (np.diff(times) > 0).all():
        raise ValueError(f"times={times.tolist()} are not two or more increasing numbers")

    def pull(_, theta):
        return -problem.loss_and_gradient(theta.reshape(start.shape))[1].ravel()

    told = (f"times: the flow to {times[-1]:g} takes more than {_MOST_EVALUATIONS} evaluations; give a smaller start, times nearer to the first, or a larger "
            "accuracy")
    found = solve_ivp(counted(pull, _MOST_EVALUATIONS, told), (times[0], times[-1]), start.ravel(), "DOP853", times, rtol=accuracy, atol=accuracy)
    if not found.success:
        raise ValueError(f"times: the flow could not be followed from its start to {times[-1]:g} ({found.message}); give a smaller "
                         "start, or times nearer to the first")
    weights = found.y.T.reshape(-1, *start.shape)
    return LinearTraining(problem, times, weights, np.array([problem.loss(theta) for theta in weights]))


@dataclass(frozen=True, eq=False)
class LinearLimit(Saved):
    """Trainings of several depths, held against a deep one.

    runs : LinearTraining, a depth each, increasing;  deep : of the reference
    distances (k,) : sup over s of the largest entry of |θ^N(s) − θ^deep(s)| at the end of training;  at_all_times (k,) : the most of any step
    """

    runs: tuple
    deep: LinearTraining
    distances: np.ndarray
    at_all_times: np.ndarray

    @cached_property
    def layers(self) -> Any:
        return np.array([run.layers for run in self.runs])

    @cached_property
    def gaps(self) -> Array:
        """(k,) `LinearTraining.gap`s: O(1/N), even for rough weights, as θ x is affine in θ (MATH 3.1: then both interpolations are one)."""
        return np.array([run.gap for run in self.runs])

    @property
    def order(self) -> float:
        """Fitted slope of log distance against log(1/N − 1/N_deep): the reference has an error of the same kind, which 1/N alone would not see."""
        return _slope(1 / self.layers - 1 / self.deep.layers, self.distances)

    @property
    def gap_order(self) -> float:
        """Fitted slope of log gap against log 1/N."""
        return _slope(1 / self.layers, self.gaps)

    @property
    def growth(self) -> float:
        """Fitted slope of log(N max|Δθ|) at the end against log N: about 0 for smooth weights, 1 for rough ones."""
        return _slope(self.layers, np.array([run.slopes[-1] for run in self.runs]))

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name."""
        return {"layers": self.layers.tolist(), "reference": self.deep.layers, "distances": self.distances.tolist(),
                "distances_at_all_times": self.at_all_times.tolist(), "gaps": self.gaps.tolist(), "order": self.order, "gap_order": self.gap_order,
                "growth": self.growth, "runs": [run.to_dict() for run in (*self.runs, self.deep)]}

    def to_xarray(self) -> Any:
        """Return an xarray.Dataset over layers: distances to the deep training, at the end and at most, and gaps to the equation."""
        told = {"distances": "distance of the weights to those of the reference at the end", "at_all_times": "the most of any step",
                "gaps": "distance of the states to those of the equation"}
        return dataset({name: labelled("layers", getattr(self, name), said) for name, said in told.items()},
                       {"layers": labelled("layers", self.layers, "number of layers N")},
                       {"reference": self.deep.layers, "order": self.order, "gap_order": self.gap_order, "growth": self.growth})

    def __repr__(self) -> str:
        return (f"LinearLimit({self.layers[0]} … {self.layers[-1]} layers against {self.deep.layers}: distances {self.distances[0]:.2e} → "
                f"{self.distances[-1]:.2e}, order {self.order:.2f}; gap to the equation of order {self.gap_order:.2f}; N max|Δθ| ∝ N^{self.growth:.2f})")

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw distances and gaps against N, with the laws of order 1 through their first points; returns the axes."""
        ax = plotting.figure()[1][0, 0] if ax is None else ax
        end, shares = 1 / self.deep.layers, 1 / self.layers
        for values, law, colour, marker, name in (
                (self.distances, shares - end, plotting.FIRST, "o", f"weights to those of N = {self.deep.layers}"),
                (self.gaps, shares, plotting.SECOND, "s", "states to those of x' = θ(s) x")):
            ax.loglog(self.layers, values, marker, ms=4, color=colour, label=name)
            ax.loglog(self.layers, values[0] * law / law[0], color=colour, lw=0.9, alpha=0.5)
        ax.set(xlabel="layers N", title=f"distances; lines: ∝ 1/N − 1/{self.deep.layers} and ∝ 1/N", xticks=self.layers, xticklabels=self.layers)
        ax.minorticks_off()
        ax.legend()
        return ax


def _slope(x, y):
    """The slope of the least-squares line of log y against log x; NaN where some y is 0."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0]) if (y > 0).all() else np.nan


def linear_limit(problem: LinearProblem, start: Callable[..., Any], layers: Sequence[int] = (8, 16, 32, 64, 128), reference: int = 512,
                 rate: float = 0.25, steps: int = 60) -> "LinearLimit":
    """Return the `LinearLimit` of descents of several depths from the same start.

    problem   : LinearProblem
    start     : callable N -> (N, d, d), such as a function of depth at n/N, n = 1 … N
    layers    : increasing, two at least, all below `reference`
    rate, steps : of `descend`, the same for all depths
    Raises      ValueError for depths that do not increase, and where a descent's loss is no longer finite
    Source      Sander, Ablin & Peyré (2022); N = 100 in their figure 2
    """
    checked_problem(problem)
    if not callable(start):
        raise TypeError(f"start={short(start)} is no function; give one of the number of layers, such as lambda layers: np.zeros((layers, d, d))")
    layers, reference = checked_layers(layers), as_whole(reference, "reference")
    if reference <= layers[-1]:
        raise ValueError(f"layers={layers}, reference={reference}: give two or more increasing numbers, and a larger reference")
    *runs, deep = (descend(problem, start(count), rate, steps) for count in (*layers, reference))
    distances = np.array([_distances(run, deep) for run in runs])
    return LinearLimit(tuple(runs), deep, distances[:, -1], distances.max(axis=1))


def _distances(run, deep):
    """(K,) sup over s, at every step; piecewise affine functions differ most at a node of one of them."""
    nodes = np.union1d(np.arange(1, run.layers + 1) / run.layers, np.arange(1, deep.layers + 1) / deep.layers)
    return np.array([np.abs(interpolated(a, nodes) - interpolated(b, nodes)).max() for a, b in zip(run.weights, deep.weights)])
