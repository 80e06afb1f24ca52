"""Attacks on the inputs of a stochastic network: how much worse its loss can be made within a ball around each point.

    maximise  J_x(x + s)  over ‖s‖ ≤ radius,   J_x the criterion's own loss of one point: E l(h(X_T), y), l(E h(X_T), y), or that of an ensemble

An attacker who holds the noise of one evaluation still would fit that noise.  So here the gradient in x is that of the average over many paths (the
pathwise reverse sweep, carried on to the start), the same paths at every step of the attack, and what the attack has done is judged by other paths:
fresh noise, the same before and after.

Too few paths make a weak attack, and so a noisy network look robust (experiments/robustness.py: of 4 paths and of 256, 19 and 36 % wrong).  Before
anything is said of a network's robustness, raise `paths` until what the judges see no longer changes.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.inputs import as_object, as_whole
from ocnet.kernels.philox import derived_seed
from ocnet.kernels.threads import run_all
from ocnet.particles.propagate import chunks_of_points, starts
from ocnet.process import checked_points
from ocnet.training import LabelledPoints
from ocnet.training.objectives import ParticleObjective
from ocnet.training.objectives.particles import Sample
from ocnet.typing import Array, ArrayLike, Axes, Integers

from .balls import L2Ball, LInfinityBall
from .scores import finite_result

__all__ = ["Attack", "InputGradient", "fgsm", "input_gradient", "pgd"]

_JUDGING, _STARTING = 11, 12         # words that keep the random streams of judging and of random starts apart from the attack's own
_OVERSHOOT = 2.5                     # the steps of PGD together, over the radius: Madry et al. (2018), so that the far side can be reached


@dataclass(frozen=True, eq=False)
class InputGradient(Saved):
    """The sampled loss of each point (n,), and its exact derivative (n, d) in the point with the noise frozen."""

    losses: Array
    gradient: Array

    def __repr__(self) -> str:
        n, d = self.gradient.shape
        return f"InputGradient({n} points in R^{d}: mean loss {self.losses.mean():.6g}, mean |gradient| {np.linalg.norm(self.gradient, axis=1).mean():.3g})"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name."""
        return {"losses": self.losses.tolist(), "gradient": self.gradient.tolist()}


@dataclass(frozen=True, eq=False)
class Attack(Saved):
    """Points (n, d) moved within a ball around `starts` (n, d) to make a network's loss larger, and what came of it.

    labels (n,);  ball : `LInfinityBall` or `L2Ball`;  iterations : gradients taken
    slopes (n,)    : dual norms ‖∇J_x‖_* at the starts, by the attack's noise: to first order the loss rises by radius · slope
    gains (n,)     : by how much the loss of each point rose under the attack's own noise, nowhere below 0 for `pgd`
    before, after  : `Sample`s of the mean loss at starts and points, by fresh noise, the same for both
    wrong_before, wrong_after (n,) : whether the criterion's decision from those samples misses the label
    """

    points: Array
    starts: Array
    labels: Integers
    ball: LInfinityBall | L2Ball
    iterations: int
    slopes: Array
    gains: Array
    before: Sample
    after: Sample
    wrong_before: np.ndarray[Any, np.dtype[np.bool_]]
    wrong_after: np.ndarray[Any, np.dtype[np.bool_]]

    def __post_init__(self) -> None:
        self.ball.check(self.points, self.starts)

    @property
    def increase(self) -> float:
        """Mean loss after less before, by fresh noise."""
        return self.after.value - self.before.value

    @property
    def increase_error(self) -> float:
        """A standard error of `increase` that is not too small: as both samples see the same noise, at most the sum of theirs."""
        return self.after.standard_error + self.before.standard_error

    @property
    def first_order(self) -> float:
        """The increase to first order in the radius: radius times the mean slope."""
        return float(self.ball.radius * self.slopes.mean())

    @property
    def error_before(self) -> float:
        """Share of the starts decided wrongly."""
        return float(self.wrong_before.mean())

    @property
    def error_after(self) -> float:
        """Share of the attacked points decided wrongly."""
        return float(self.wrong_after.mean())

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name; the points are left out, their number is said."""
        return {"ball": repr(self.ball), "iterations": self.iterations, "points": len(self.points), "loss_before": self.before.value,
                "loss_before_error": self.before.standard_error, "loss_after": self.after.value, "loss_after_error": self.after.standard_error,
                "first_order": self.first_order, "error_before": self.error_before, "error_after": self.error_after}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each point's gain against its first-order prediction; returns the axes."""
        if ax is None:
            _, ((ax,),) = plotting.figure(1, 1, 4.2, 3.8)
        expected = self.ball.radius * self.slopes
        for chosen, colour, marker, name in ((~self.wrong_after, plotting.LOWER, "o", "still right"), (self.wrong_after, plotting.UPPER, "^", "wrong now")):
            ax.plot(expected[chosen], self.gains[chosen], marker, ms=3.5, mfc="none", color=colour, label=f"{name} ({chosen.sum()})")
        ax.axline((0, 0), slope=1, color=plotting.GREY, lw=0.8, label="first order")
        ax.set(xlabel="radius · dual norm of the gradient", ylabel="rise of the loss")
        ax.legend()
        return ax

    def __repr__(self) -> str:
        return (f"Attack(loss {self.before.value:.4g} ± {self.before.standard_error:.1g} → {self.after.value:.4g} ± {self.after.standard_error:.1g}, "
                f"wrong {self.error_before:.1%} → {self.error_after:.1%} of {len(self.points)} points, {self.ball!r}, {self.iterations} gradients)")


def input_gradient(objective: ParticleObjective, theta: ArrayLike, points: ArrayLike | None = None, labels: ArrayLike | None = None) -> InputGradient:
    """Return the sampled loss of each point and its derivative in the point: the reverse sweep carried on to the start.

    theta     : (P,)
    objective : ParticleObjective of an architecture whose state is its point; its criterion, paths and seed are used
    points, labels : (n, d), (n,); None: those of the objective's data.  Penalties and the data's weights play no part
    Accuracy    exact for the paths that were drawn, to rounding; unbiased for ∇_x of the expectation where the criterion's value is
    Cost        three block evaluations a path and layer, and the states of a chunk of paths
    """
    setting: Any = _checked(objective).setting
    network, data = setting.network, _data(setting, points, labels)
    theta = network.control.check(theta)
    view: Any = objective.view
    process, paths = view.paths(network, theta), objective.paths
    losses, gradient = np.empty(len(data)), np.empty(data.points.shape)

    def swept(rows: slice) -> None:
        first, count = rows.start * paths, rows.stop - rows.start
        states = process.trajectory(starts(data.points, paths, first, rows.stop * paths), objective.seed, first)
        scores = network.score(np.ascontiguousarray(states[-1]), theta)
        losses[rows], _, slope = setting.criterion.sampled(scores.reshape(*scores.shape[:-1], count, paths), data.labels[rows])
        back, _ = network.score_transposed(np.ascontiguousarray(states[-1]), theta, slope.reshape(scores.shape))
        gradient[rows] = _to_start(process, states, objective.seed, first, back).reshape(network.dim, count, paths).sum(axis=2).T

    run_all([lambda rows=rows: swept(rows) for rows in chunks_of_points(len(data), paths, network.dim)])
    return finite_result(InputGradient(losses, gradient), "theta, points", "losses", "gradient")


def _checked(objective: Any) -> Any:
    """An objective by particles, whose state is its point, or ValueError."""
    return as_object(objective, "objective", ("setting", "paths", "seed", "view", "sample"), "an objective by particles",
                     "give ParticleObjective(setting, paths=256)")


def fgsm(objective: ParticleObjective, theta: ArrayLike, ball: LInfinityBall | L2Ball, points: ArrayLike | None = None, labels: ArrayLike | None = None,
         judges: int = 8) -> Attack:
    """Move each point once, to the edge of the ball, along the steepest rise of its loss: x + radius · steepest(∇_x J_x).

    theta     : (P,)
    objective : ParticleObjective of the network under attack: its criterion is what is made worse, by its paths and seed
    ball      : `LInfinityBall(radius)`, the sign of the gradient, or `L2Ball(radius)`, its direction
    points, labels : (n, d), (n,); None: those of the objective's data
    judges    : paths a point that judge, with fresh noise, over those that attack
    Accuracy    the rise is radius · ‖∇J_x‖_* + O(radius²); not the largest within the ball, see `pgd`
    Source      Goodfellow, Shlens & Szegedy (2015), section 4
    """
    _checked_ball(ball)
    judges = as_whole(judges, "judges")
    found = input_gradient(objective, theta, points, labels)
    data = _data(objective.setting, points, labels)
    moved = data.points + ball.radius * ball.steepest(found.gradient)
    gains = input_gradient(objective, theta, moved, data.labels).losses - found.losses
    return _judged(objective, theta, ball, data, moved, 1, ball.dual(found.gradient), gains, judges)


def pgd(objective: ParticleObjective, theta: ArrayLike, ball: LInfinityBall | L2Ball, points: ArrayLike | None = None, labels: ArrayLike | None = None,
        iterations: int = 20, random_starts: int = 0, judges: int = 8) -> Attack:
    """Climb each point's loss by projected gradient steps of 2.5 radius/iterations, and keep the best point met under the attack's noise.

    The first climb starts at the point itself; `random_starts` more start anywhere in the ball.
    objective, theta, ball, points, labels, judges : as for `fgsm`
    Raises      ValueError for fewer than one iteration or a negative number of starts, and as `fgsm`
    Accuracy    a local maximum at best; under the attack's noise never below the loss at the start
    Cost        (iterations + 1)(random_starts + 1) `input_gradient`s
    Source      Madry et al. (2018), section 2.1, and appendix for the step
    """
    iterations = as_whole(iterations, "iterations", remedy="for one full step use fgsm")
    random_starts, judges = as_whole(random_starts, "random_starts", 0), as_whole(judges, "judges")
    _checked_ball(ball)
    data = _data(_checked(objective).setting, points, labels)
    here = input_gradient(objective, theta, data.points, data.labels)
    start, slopes, best, shift = here.losses, ball.dual(here.gradient), here.losses.copy(), np.zeros(data.points.shape)
    rng = np.random.Generator(np.random.PCG64(derived_seed(objective.seed, _STARTING)))
    for climb in range(random_starts + 1):
        at = ball.random(rng, data.points.shape) if climb else np.zeros(data.points.shape)
        now = input_gradient(objective, theta, data.points + at, data.labels) if climb else here
        _keep(best, shift, now.losses, at)
        for _ in range(iterations):
            at = ball.projected(at + _OVERSHOOT * ball.radius / iterations * ball.steepest(now.gradient))
            now = input_gradient(objective, theta, data.points + at, data.labels)
            _keep(best, shift, now.losses, at)
    return _judged(objective, theta, ball, data, data.points + shift, (iterations + 1) * (random_starts + 1), slopes, best - start, judges)


def _checked_ball(ball: Any) -> None:
    as_object(ball, "ball", ("radius", "steepest", "projected"), "a ball", "give LInfinityBall(radius) or L2Ball(radius)")


def _keep(best: Array, shift: Array, losses: Array, at: Array) -> None:
    """Write what is better than the best so far into `best` (n,) and `shift` (n, d)."""
    better = losses > best
    best[better], shift[better] = losses[better], at[better]


def _data(setting: Any, points: ArrayLike | None, labels: ArrayLike | None) -> LabelledPoints:
    """Equally weighted points and labels to attack."""
    if (points is None) != (labels is None):
        raise ValueError(f"{'points' if points is None else 'labels'}=None: give points and labels both, or none of them for the objective's data")
    if points is None or labels is None:
        return LabelledPoints(setting.data.points, setting.data.labels)
    data = LabelledPoints(checked_points(points, setting.network.dim), labels)
    return replace(setting, data=data).data                                # which refuses labels that are none of the loss's


def _to_start(process: Any, states: Array, seed: int, first: int, cotangent: Array) -> Array:
    """The cotangent (d, m) of the first of the states (N + 1, d, m) for one of the last."""
    fused = getattr(process, "fused", None)
    if fused is not None:
        back = np.array(cotangent, order="C")
        fused.carry_back(states, seed, first, back)                        # becomes that of the first
        return back
    for n in reversed(range(process.layers)):
        cotangent, _ = process.reverse_step(n, np.ascontiguousarray(states[n]), seed, first, cotangent)
    return cotangent


def _judged(objective: ParticleObjective, theta: ArrayLike, ball: LInfinityBall | L2Ball, data: LabelledPoints, moved: Array, iterations: int,
            slopes: Array, gains: Array, judges: int) -> Attack:
    """The `Attack` that moved the data's points, as seen by fresh noise."""
    setting: Any = objective.setting
    judge = replace(objective, paths=judges * objective.paths, seed=derived_seed(objective.seed, _JUDGING))
    before, after = (replace(judge, setting=replace(setting, data=LabelledPoints(x, data.labels))).sample(theta) for x in (data.points, moved))
    wrong = [setting.criterion.predict(sample.means) != data.labels for sample in (before, after)]
    return Attack(moved, data.points, data.labels, ball, iterations, slopes, gains, before, after, *wrong)
