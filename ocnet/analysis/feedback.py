"""What no schedule of layers can beat: the optimum of a control that may look at the state, as a lower bound on J.

The bound, for additive normal noise and a block whose size its numbers bound (`blocks.saturating`; derived for this project).  Whatever θ,

    X_{n+1} = X_n + dt v_n + s_n ξ_n,  v_n = f(X_n, θ_n),  |v_n,i| ≤ reach_n,i (box bounds),  |v_n|² ≤ gain |θ_n|² (Tikhonov),

so J(θ) ≥ E loss + E Σ dt ½ c |v_n|² + the tail's share, with c = (Tikhonov weight)/gain.  A lower bound is the least of the right side over
all v_n in the reach that may depend on n and X_0, …, X_n: they see more than a layer, which sees n and X_n.  They do not see the label.

Blind to the label, and yet a problem in the state alone: the noise does not know the label, and v_n only what the past of X says of it, so the
posterior P(y | X_0, …, X_n) stays the one at the start, π(X_0).  From each start the control thus knows for good what loss it faces,

    EL:  Σ_y π_y l(h(X_N), y) =: φ_π(h(X_N)),  W_π(n, x) by dynamic programming for fixed π,  J ≥ ∫ W_{π(x)}(0, x) ρ(dx) + tail
    LE:  φ_π(E h(X_N)) = max over ū of φ_π(ū) + φ_π'(ū) (E h(X_N) − ū) for convex l, hence
         J ≥ ∫ max over ū of { V_a(0, x) + φ_π(ū) − a ū }_{a = φ_π'(ū)} ρ(dx) + tail,     V_a with terminal condition a h

W is concave in π and V in a (least values of affine functions), so that chords between computed columns are bounds too.  As φ_π ≥ min φ_π,
both are at least the posterior floor ∫ min_u φ_{π(x)}(u) ρ(dx), which binds every function of x.  Where each start has one label only (a
sample without ties), π is 0 or 1 and the control knows the label: that is the bound `aware`, weak but true for any data.
Not proved: what the grid adds; `error_bar` is the change of the result on a finer grid and in a wider box.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.archive import Saved
from ocnet.grid import Grid
from ocnet.inputs import as_array, as_number, as_object
from ocnet.spline import LimitedSpline
from ocnet.training.criteria.checked_loss import checked_loss
from ocnet.training.objectives import LabelledPoints
from ocnet.training.objectives.labelled import checked_setting
from ocnet.training.optimisers.box import checked_bounds
from ocnet.training.regularisers import Tikhonov
from ocnet.typing import ArrayLike, Labelled, Loss

from .bellman import solve_feedback

__all__ = ["FeedbackBound", "feedback_bound", "posterior_floor"]

_FINER, _WIDER = 1.5, 1.4            # the grid whose value is given, and the box it is held against
_WIDENINGS, _DENIED = 8, 0.01        # of the box, and by how much one may still change the value
_COLUMNS = 129                       # of mixtures or slopes: a chord is low by at most second derivative/(8 · 128²) of their range
_TANGENTS = 257                      # places ū of LE
_FAR, _HALVINGS = 1000.0, 60       # of a search for the least of a convex function


@dataclass(frozen=True, eq=False)
class FeedbackBound(Saved):
    """A lower bound on J(θ) of a setting, for all θ of its layers within the bounds and one tail.

    value  : with the control blind to the label;  aware : with one that knows it (≤ value);  floor : what binds every function of x
    space, box : change of `value` by a finer grid and a wider box;  tail : what the penalties ask for the tail, part of the three above
    fields : ValueFunction of all layers, a column for each of `parameters`: mixtures π (share of the label +1) for EL, slopes a for LE
    points, per_point (n,) : distinct starts and the bound's contribution there (without the tail), masses (n,), posterior (n,)
    """

    value: float
    aware: float
    floor: float
    space: float
    box: float
    tail: float
    criterion: str
    price: float
    fields: Any
    parameters: np.ndarray
    points: np.ndarray
    masses: np.ndarray
    posterior: np.ndarray
    per_point: np.ndarray

    @property
    def error_bar(self) -> float:
        return self.space + self.box

    def gap(self, objective: float) -> float:
        """How far a value of J is above the bound: what better layers could still win, at most."""
        return float(objective) - self.value

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name."""
        return {"criterion": self.criterion, "value": self.value, "error_bar": self.error_bar, "space": self.space, "box": self.box,
                "aware": self.aware, "floor": self.floor, "tail": self.tail, "price": self.price, "nodes": list(self.fields.grid.shape)}

    def __repr__(self) -> str:
        return (f"FeedbackBound({self.criterion} ≥ {self.value:.6g} ± {self.error_bar:.1g} (space {self.space:.1g}, box {self.box:.1g}); "
                f"knowing the label {self.aware:.6g}, any function of x {self.floor:.6g})")


def feedback_bound(setting: Any, grid: Grid, bounds: Any = None, tail: ArrayLike = ()) -> "FeedbackBound":
    """Return the `FeedbackBound` of a setting: J(θ) ≥ value, for all θ within the bounds and with this tail.

    grid   : uniform, around all points; it is widened (by 1.4, up to eight times) until a wider one changes the value by less than 1 %, for
             states that the box denies would make the bound too high; the value is that of 1.5 times as many nodes per axis
    bounds : (lower, upper) of θ, numbers or (P,) arrays as for the optimisers, or None: then only the Tikhonov penalty holds velocities
    tail   : (r,) numbers of the readout, held fixed: the bound is for networks that differ in their layers
    Penalties other than Tikhonov count by what they ask of the tail alone; in the layers they are dropped, which keeps a lower bound.
    Raises ValueError, with the reason, for noise that is not additive and normal, a block that is not bounded by its numbers, labels that
    are not −1 and +1, a loss that is not convex (LE only).
    """
    checked_setting(setting)
    as_object(grid, "grid", ("lower", "upper", "widened"), "a grid", "give a Grid with equal spacing, with room around all points")
    bounds = None if bounds is None else checked_bounds(bounds)
    coarse, wide, grid = _boxed(setting, grid, bounds, tail)
    fine = _Bound(setting, grid.refined(_FINER), bounds, tail)
    values = [problem.value for problem in (coarse, fine, wide)]
    floor = posterior_floor(setting.data, setting.criterion.loss, *fine.score_range) + fine.tail
    space, box = (abs(other - values[0]) for other in values[1:])
    return FeedbackBound(values[1], fine.aware, floor, space, box, fine.tail, setting.criterion.name, fine.price, fine.fields, fine.parameters,
                         fine.points.T, fine.masses, fine.posterior, fine.per_point)


def _boxed(setting, grid, bounds, tail):
    """The bound on a grid and on a wider one that tell nearly the same, and that grid: states that the box denies are no bound's to deny."""
    points = setting.data.points
    outside = ((points < grid.lower) | (points > grid.upper)).any(axis=1)
    if outside.any():
        row = int(np.argmax(outside))
        raise ValueError(f"data.points[{row}]={points[row].tolist()} lies outside {grid!r}; give a grid with room around all points")
    coarse = _Bound(setting, grid, bounds, tail)
    for _ in range(_WIDENINGS):
        wide = _Bound(setting, grid.widened(_WIDER), bounds, tail)
        if abs(wide.value - coarse.value) <= _DENIED * abs(coarse.value):
            return coarse, wide, grid
        narrow, coarse, grid = coarse, wide, grid.widened(_WIDER)
    warnings.warn(f"the feedback bound still changes by {abs(coarse.value - narrow.value):.1g} when its box is widened to {grid!r}: it may be too high; "
                  "give a wider grid, or bounds that hold the velocities", UserWarning, stacklevel=3)
    return coarse, wide, grid


def posterior_floor(data: Labelled, loss: Loss, lowest: float = -np.inf, highest: float = np.inf) -> float:
    """Σ over distinct points of mass · min over scores u in [lowest, highest] of φ_π(u): below this no function of x can be.

    data : LabelledPoints of labels −1 and +1;  loss : convex in the score;  accuracy: rounding, or the value at |u| = 1000 where the least is not attained
    """
    data = LabelledPoints.of(data)
    checked_loss(loss, "ExpectedLoss")
    for name, side in (("lowest", lowest), ("highest", highest)):
        if side not in (-np.inf, np.inf):
            as_number(side, name)
    if not lowest <= highest or lowest == np.inf or highest == -np.inf:
        raise ValueError(f"lowest={lowest}, highest={highest}: give the range of the score, lowest ≤ highest")
    _, masses, posterior = _starts(data)
    return float((masses * _mixed(loss.value, _least_place(loss, posterior, lowest, highest), posterior)).sum())


def _least_place(loss, posterior, lowest, highest):
    """(n,) where φ_π is least in [lowest, highest], by bisection."""
    low, high = (np.full(posterior.shape, np.clip(side, -_FAR, _FAR)) for side in (lowest, highest))
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        below = _mixed(loss.derivative, middle, posterior) < 0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)


def _starts(data):
    """Distinct points (d, n), their masses (n,), and the share of the label +1 there (n,)."""
    if not np.isin(data.labels, (-1, 1)).all():
        raise ValueError("data.labels are not −1 and +1; the bound is written for two labels, whose mixtures are one number")
    points, which = np.unique(data.points, axis=0, return_inverse=True)
    masses = np.bincount(which.ravel(), data.weights, len(points))
    upper = np.bincount(which.ravel(), data.weights * (data.labels > 0), len(points))
    carrying = masses > 0
    return np.ascontiguousarray(points[carrying].T), masses[carrying], upper[carrying] / masses[carrying]


def _mixed(function, u, posterior):
    """(1 − π) function(u, −1) + π function(u, +1)."""
    return (1 - posterior) * function(u, -1.0) + posterior * function(u, 1.0)


class _Bound:
    """The bound of a setting on one grid."""

    def __init__(self, setting, grid, bounds, tail):
        network, self.loss = setting.network, setting.criterion.loss
        self.points, self.masses, self.posterior = _starts(setting.data)
        theta = network.control.zeros()
        network.control.rest(theta)[:] = _checked_tail(tail, network.control.rest(theta))
        self.tail = setting.penalty(theta)[0]
        weight = sum(term.weight for term in setting.penalties if isinstance(term, Tikhonov))
        self.price = weight / _gain(network.block) / self.masses.sum()
        scores = network.score(grid.nodes, theta)
        self.score_range = float(scores.min()), float(scores.max())
        family = {"EL": _Mixtures, "LE": _Slopes}.get(setting.criterion.name)
        if family is None:
            raise ValueError(f"criterion={setting.criterion!r} has no bound here; use ExpectedLoss or LossOfExpectation")
        self.family = family(self.loss, self.posterior, self.score_range)
        self.parameters = self.family.parameters
        self.fields = solve_feedback(lambda x: self.family.terminal(scores).T, grid, network.times, self.price, _deviations(network),
                                     _reach(network, bounds))
        self.at_points = LimitedSpline(grid, self.fields.values[0])(self.points)
        self.per_point = self.family.value(self.at_points, self.posterior)

    @property
    def value(self):
        return float((self.masses * self.per_point).sum()) + self.tail

    @property
    def aware(self):
        """The same for a control that is told the label: every start is two, of posterior 0 and 1."""
        lower, upper = (self.family.value(self.at_points, np.full_like(self.posterior, pi)) for pi in (0.0, 1.0))
        return float((self.masses * ((1 - self.posterior) * lower + self.posterior * upper)).sum()) + self.tail


class _Mixtures:
    """EL: a column for each share π of the label +1; those of the data where they are few, else evenly spaced ones and chords."""

    def __init__(self, loss, posterior, score_range):
        given = np.unique(np.concatenate([posterior, [0.0, 1.0]]))
        self.loss, self.parameters = loss, given if given.size <= _COLUMNS else np.linspace(0, 1, _COLUMNS)

    def terminal(self, scores):
        return _mixed(self.loss.value, scores, self.parameters[:, None])

    def value(self, columns, posterior):
        """(n,) from the columns (q, n) at the points."""
        return _chord(self.parameters, columns, posterior[None])[0]


class _Slopes:
    """LE: a column for each slope a of the loss; tangents at the places ū in the range of the scores."""

    def __init__(self, loss, posterior, score_range):
        if not loss.convex:
            raise ValueError(f"loss={loss!r} is not convex; its LE has no tangents from below, so use ExpectedLoss")
        lowest, highest = score_range
        self.loss, self.score_range = loss, score_range
        self.parameters = _around(0.0, float(loss.derivative(lowest, 1.0)), float(loss.derivative(highest, -1.0)), _COLUMNS)

    def terminal(self, scores):
        return self.parameters[:, None] * scores

    def value(self, columns, posterior):
        """(n,) from the columns (q, n) at the points: the best of all tangents, the flat one among them."""
        u = _around(_least_place(self.loss, posterior, *self.score_range), *self.score_range, _TANGENTS)
        slopes = _mixed(self.loss.derivative, u, posterior)
        return (_chord(self.parameters, columns, slopes) + _mixed(self.loss.value, u, posterior) - slopes * u).max(axis=0)


def _around(middle, lowest, highest, count):
    """(count, …) increasing numbers from lowest to highest, dense near the middle: V_a bends most near a = 0, where moving starts to pay."""
    s = np.linspace(-1, 1, count).reshape(-1, *(1,) * np.ndim(middle))
    return np.where(s < 0, middle - lowest, highest - middle) * s * np.abs(s) + middle


def _chord(knots, columns, at):
    """Chords between the columns (q, n) at increasing knots (q,), at places (m, n) within their range: (m, n)."""
    k = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, knots.size - 2)
    share = np.clip((at - knots[k]) / (knots[k + 1] - knots[k]), 0, 1)
    points = np.arange(columns.shape[1])
    return (1 - share) * columns[k, points] + share * columns[k + 1, points]


def _checked_tail(tail, like):
    tail = as_array(tail, "tail")
    if tail.shape != like.shape:
        raise ValueError(f"tail has shape {tail.shape}; this readout has {like.size} numbers: give control.rest(theta) of a trained θ")
    return tail


def _gain(block):
    if not hasattr(block, "gain"):
        raise ValueError(f"block={block!r} can be as large as the state makes it; the bound needs one bounded by its numbers, "
                         "such as Perceptron")
    return block.gain


def _deviations(network):
    """(N,) standard deviations of the layers' noise, in state units."""
    if not network.architecture.plain:
        raise ValueError(f"architecture={network.architecture!r}: the bound is derived for the velocities of ResNet() layers alone; use ResNet()")
    models = [network.noise.at(n, network.layers, network.dt) for n in range(network.layers)]
    if any(model.deviation is None for model in models):
        raise ValueError(f"noise={network.noise!r} is not additive and normal: where it grows with the branch, being fast costs noise too and "
                         "no envelope of a quadratic says how much; use Gaussian or Noiseless")
    return np.array([model.scale(network.dt) * model.deviation for model in models])


def _reach(network, bounds):
    """(N, d) largest velocities within the bounds of θ."""
    if bounds is None:
        return np.inf
    control = network.control
    sizes = np.broadcast_to(np.maximum(*(np.abs(side) for side in bounds)), (control.size,))
    return np.stack([network.block.reach(control.layer(sizes, n)) for n in range(network.layers)])
