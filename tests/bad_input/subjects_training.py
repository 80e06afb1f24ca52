"""Losses, criteria, penalties, data and settings of training."""

import numpy as np

from ocnet import Grid, LabelledPoints, Setting
from ocnet.training import criteria, losses, regularisers

from .subjects_network_parts import made
from .subjects_networks import NETWORK, POINTS, QUIET, THETA
from .verdict import Subject

LABELS = np.array([1, -1, 1])
SCORES = np.array([0.5, -2.0, 8.0])
DEPTH, TAIL = np.arange(12.0).reshape(3, 4) / 8, np.array([0.5, -0.25])
EL = criteria.ExpectedLoss(losses.Logistic())
SETTING = Setting(NETWORK, LabelledPoints(POINTS, LABELS), EL)
SMOOTH = Setting(QUIET, LabelledPoints(POINTS, LABELS), criteria.ExpectedLoss(losses.Squared()), (regularisers.Tikhonov(0.25),))
LINE = Grid.uniform(-4.0, 4.0, 33)


def _of(loss):
    """Value and both derivatives of a loss."""
    return lambda u, y: (loss.value(u, y), loss.derivative(u, y), loss.second_derivative(u, y))


def _losses_are_finite(result, arguments):
    """≥ 0, and finite for scores up to 1e150, as the folder's primer says."""
    u = np.asarray(arguments["u"], float)
    if np.isfinite(u).all() and np.abs(u).max(initial=0.0) <= 1e150:
        for part in result:
            assert np.isfinite(part).all(), "not finite though no score is beyond 1e150"
        assert (result[0] >= 0).all(), "a negative loss"


def _loss(kind, u, y):
    # beyond 1e150 squares and products of scores may leave the floats; a label that is none is refused where labels enter, by Setting
    return Subject(f"{type(kind).__name__}.value", _of(kind), {"u": u, "y": y}, unbounded=("",), gaps=("u",), also={"y": ("fractions",)}, check=_losses_are_finite)


def _weights_sum(result, arguments):
    assert abs(result["weights"].sum() + result["leak"] - 1) < 1e-9 and (result["weights"] >= 0).all()


def _data(**arguments):
    data = LabelledPoints(**arguments)
    return {"points": data.points, "labels": data.labels, "weights": data.weights, "leak": data.leak}


def _dense(lower, upper, shares):
    data = LabelledPoints.from_densities({-1: lower, 1: upper}, LINE, shares)
    return {"points": data.points, "labels": data.labels, "weights": data.weights, "leak": data.leak}


def _bump(centre):
    def density(x):
        return np.exp(-2 * (x[:, 0] - centre) ** 2) * np.sqrt(2 / np.pi)
    return density


def _penalty(kind):
    """Value, gradient and proximal map of a penalty of this weight."""
    def call(weight):
        term = kind(weight)
        return term.value(DEPTH, TAIL, 0.5), term.gradient(DEPTH, TAIL, 0.5)
    return Subject(kind.__name__, call, {"weight": 0.25}, check=lambda result, arguments: _not_negative(result[0]))


def _not_negative(value):
    assert value >= 0


SUBJECTS = [
    made(losses.CrossEntropy, classes=3), made(losses.SquaredClasses, classes=3), made(criteria.ExpectedLoss, loss=losses.Logistic()),
    made(criteria.LossOfExpectation, loss=losses.Logistic()), made(criteria.EnsembleLoss, loss=losses.Squared(), members=3),
    _loss(losses.Logistic(), SCORES, LABELS), _loss(losses.Squared(), SCORES, LABELS),
    _loss(losses.CrossEntropy(3), np.stack([SCORES, -SCORES, 0 * SCORES]), np.array([0, 2, 1])),
    _loss(losses.SquaredClasses(3), np.stack([SCORES, -SCORES, 0 * SCORES]), np.array([0, 2, 1])),
    *map(_penalty, (regularisers.DepthSmoothness, regularisers.L1, regularisers.Tikhonov)),
    Subject("L1.prox", lambda step: regularisers.L1(0.25).prox(DEPTH, TAIL, 0.5, step), {"step": 0.5}),
    Subject("LabelledPoints", _data, {"points": POINTS, "labels": LABELS, "weights": np.array([0.25, 0.25, 0.5]), "leak": 0.0},
            optional=("weights",), check=_weights_sum, known_as={"points": ("data",), "leak": ("weights",)}),
    Subject("LabelledPoints.of", lambda data: LabelledPoints.of(data).points, {"data": SETTING.data}, known_as={"data": ("points", "labels")}),
    Subject("LabelledPoints.from_densities", _dense, {"lower": _bump(-1.0), "upper": _bump(1.0), "shares": {-1: 0.25, 1: 0.75}}, optional=("shares",),
            known_as={"lower": ("densities",), "upper": ("densities",)}, check=_weights_sum),
    Subject("Setting", lambda **a: Setting(**a).penalty(THETA),
            {"network": NETWORK, "data": SETTING.data, "criterion": EL, "penalties": (regularisers.Tikhonov(0.25),)},
            known_as={"data": ("points", "labels")}),
    Subject("Setting.data", lambda points, labels: Setting(NETWORK, (points, labels), EL).data.points, {"points": POINTS, "labels": LABELS},
            known_as={"points": ("data",), "labels": ("label",)}),
]
