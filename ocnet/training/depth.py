"""Training in depth: few layers first, then twice as many from their prolongation, and so on (Chang et al.; MATH 4)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from reprlib import repr as short
from typing import Any

import numpy as np

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.inputs import as_choice, as_whole
from ocnet.networks.control import PROLONGATIONS
from ocnet.typing import Array, ArrayLike, FilePath, Objective
from ocnet.xarrays import dataset, labelled

from .objectives.labelled import checked_setting
from .result import TrainingResult
from .trainer import checked_objective, checked_optimiser, only_writer, train

__all__ = ["DepthLevel", "DepthTraining", "train_in_depth"]


@dataclass(frozen=True, eq=False)
class DepthLevel:
    """One number of layers, from its start to its end.

    layers  : N
    before  : J_N at the start of the level, which from the second level on is the prolonged end of the level before
    after   : J_N at its end
    change  : largest |h(x_N) − h(x_{N/2})| that the prolongation has made in the score of the path of means from a data point: O(1/N);
              0 at the first level
    slope   : max |θ_{n+1} − θ_n| / dt at the end, N max |Δθ| for horizon 1: bounded over the levels where θ(t) has a limit in H¹
    result  : TrainingResult
    """

    layers: int
    before: float
    after: float
    change: float
    slope: float
    result: TrainingResult

    @property
    def iterations(self) -> int:
        return self.result.nit

    @property
    def seconds(self) -> float:
        return self.result.seconds

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name."""
        return {"layers": self.layers, "before": self.before, "after": self.after, "change": self.change, "slope": self.slope,
                "iterations": self.iterations, "evaluations": self.result.nfev, "seconds": self.seconds, "success": self.result.success,
                "message": self.result.message}

    def __repr__(self) -> str:
        return (f"DepthLevel({self.layers} layers: J {self.before:.6g} → {self.after:.6g} in {self.iterations} iterations, "
                f"{self.seconds:.1f} s; output change {self.change:.2g}, slope {self.slope:.3g})")


@dataclass(frozen=True, eq=False)
class DepthTraining(Saved):
    """setting : that of the deepest level reached, whose network has the layout of `theta`;  levels : DepthLevels, shallowest first"""

    setting: Any
    levels: tuple

    @property
    def theta(self) -> Array:
        """(P,) the best θ of the deepest level."""
        return self.levels[-1].result.x

    @property
    def thetas(self) -> tuple[Array, ...]:
        """θ of every level."""
        return tuple(level.result.x for level in self.levels)

    @property
    def differences(self) -> Array:
        """(levels − 1,) J_N − J_2N of neighbouring ends: mesh independence says that they halve."""
        return -np.diff([level.after for level in self.levels])

    @property
    def orders(self) -> Array:
        """(levels − 2,) log₂ of ratios of neighbouring differences: near 1 where each level has converged."""
        return np.log2(np.abs(self.differences[:-1] / self.differences[1:]))

    @property
    def interrupted(self) -> bool:
        return self.levels[-1].result.interrupted

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name."""
        return {"levels": [level.to_dict() for level in self.levels], "differences": self.differences.tolist(), "orders": self.orders.tolist()}

    def plot(self, ax: Any = None) -> Any:
        """Draw |J_N − J_2N| against N beside slope −1, that of mesh independence; returns the axes."""
        return plotting.convergence(np.array([level.layers for level in self.levels[:-1]]), self.differences, expected=-1, name="|J$_N$ − J$_{2N}$|",
                                    labels=("layers N", "change of the objective"), ax=ax)

    def to_xarray(self) -> Any:
        """Return an xarray.Dataset over layers N: J before and after each level, what the prolongation changed, and the slope of θ in depth."""
        told = {"before": "objective at the level's start", "after": "objective at its end", "change": "largest change of a score by the prolongation",
                "slope": "largest difference of neighbouring layers over their distance", "iterations": "iterations of the optimiser"}
        variables = {name: labelled("layers", [getattr(level, name) for level in self.levels], said, "1/time" if name == "slope" else "1")
                     for name, said in told.items()}
        variables["seconds"] = labelled("layers", [level.seconds for level in self.levels], "time spent", "s")
        return dataset(variables, {"layers": labelled("layers", [level.layers for level in self.levels], "number of layers N")}, {})

    def __repr__(self) -> str:
        ends = ", ".join(f"J_{level.layers}={level.after:.6g}" for level in self.levels)
        return f"DepthTraining({ends}; {sum(level.seconds for level in self.levels):.1f} s)"


def train_in_depth(setting: Any, theta: ArrayLike, make_objective: Callable[[Any, Array], Objective], optimiser: Any, levels: int,
                   how: str = "linear", journal: FilePath | None = None, progress: Callable[[int, float], object] | None = None) -> "DepthTraining":
    """Train, double the layers, go on from the prolonged θ, until so many levels are trained; return the `DepthTraining`.

    setting        : of the shallowest network;  theta : (P,) its start
    make_objective : callable setting, theta -> objective, for each level's network and start; the same for the same arguments
    optimiser      : started anew at each level, or a callable layers -> optimiser
    levels         : how many, N, 2N, 4N, …;  how : as in `Control.prolong`
    journal        : folder (made if missing) for one file a level; a killed run goes on with the bits of an uninterrupted one
    progress       : None or a callable (iteration, value), as for `train`
    The noise: in the diffusive scaling every level approximates one and the same Itô equation.  In the natural scaling the variance added
    over the horizon is proportional to dt, so that it is halved from level to level, and J falls for that reason alone.
    Ctrl-C ends the level and the run; what was reached is returned, and `interrupted` says so.  So does a J that is not finite, and the
    last level's message says where.
    Raises ValueError if levels is not a whole number ≥ 1, and as `train` does.
    """
    checked_setting(setting)
    levels = as_whole(levels, "levels", remedy="1 trains without doubling")
    if not callable(make_objective):
        raise ValueError(f"make_objective={short(make_objective)} is no function; give such as lambda setting, theta: ParticleObjective(setting, paths=8)")
    if isinstance(optimiser, type) or not callable(optimiser):
        checked_optimiser(optimiser)
    as_choice(how, "how", PROLONGATIONS)
    theta = setting.network.control.check(theta)
    if journal is not None:
        Path(journal).mkdir(parents=True, exist_ok=True)
    with only_writer(journal):
        return _levels(setting, theta, make_objective, optimiser, levels, how, journal, progress)


def _levels(setting, theta, make_objective, optimiser, levels, how, journal, progress):
    """All levels of `train_in_depth`."""
    done, change, reached = [], 0.0, setting
    try:
        for level in range(levels):
            if level:
                finer, longer = _refined(setting), setting.network.control.prolong(theta, how)
                change = _output_change(setting, theta, finer, longer)
                setting, theta = finer, longer
            done.append(_trained(setting, theta, make_objective, optimiser, change, journal, progress))
            theta, reached = done[-1].result.x, setting
            if done[-1].result.interrupted or done[-1].result.fault:
                break
    except KeyboardInterrupt:                # between two evaluations of a level: what the level before has reached is kept
        if not done:
            raise
        done[-1] = replace(done[-1], result=replace(done[-1].result, interrupted=True))
    return DepthTraining(reached, tuple(done))


def _refined(setting):
    return replace(setting, network=setting.network.refined())


def _trained(setting, theta, make_objective, optimiser, change, journal, progress):
    layers, control = setting.network.layers, setting.network.control
    objective = checked_objective(make_objective(setting, theta), "value", "value_and_gradient")
    before = float(objective.value(theta))
    result = train(objective, theta, optimiser(layers) if callable(optimiser) else optimiser,
                   None if journal is None else Path(journal) / f"{layers}_layers.journal", progress)
    jumps = np.abs(np.diff(control.depth(result.x), axis=0))
    return DepthLevel(layers, before, float(result.fun), change, float(jumps.max(initial=0.0)) / setting.network.dt, result)


def _output_change(coarse, theta, fine, longer):
    """The largest change at a data point of the score of the path of means."""
    points = np.ascontiguousarray(coarse.data.points.T)
    scores = [_score_of_means(setting.network, numbers, points) for setting, numbers in ((coarse, theta), (fine, longer))]
    return float(np.abs(scores[1] - scores[0]).max())


def _score_of_means(network, theta, x):
    """h at the end of x ← E[X_{n+1} | X_n = x] from the points x (d, n): (n,)."""
    return network.score(network.layered(theta).end_of_means(x), theta)
