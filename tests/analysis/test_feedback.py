"""A lower bound on every schedule of layers, from a control that may look at the state: true, ordered, sharp where it can be."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from ocnet.analysis import feedback
from ocnet.analysis.feedback import feedback_bound, posterior_floor
from ocnet.grid import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Affine, Perceptron
from ocnet.networks.noise import Gaussian, Noiseless, OutputDropout
from ocnet.networks.readouts import Linear, Tanh
from ocnet.training import train
from ocnet.training.criteria import ExpectedLoss, LossOfExpectation
from ocnet.training.losses import Logistic, Squared
from ocnet.training.objectives import GridObjective
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from ocnet.training.optimisers import LBFGS
from ocnet.training.regularisers import DepthSmoothness, Tikhonov

MEAN, DEVIATION = 0.5, 0.4           # MATH R2
GRID = Grid.uniform(-5, 5, 161)
BOX = (-3.0, 3.0)


def mixture(nodes=101):
    """Both classes of R2 by quadrature on shared, symmetric nodes."""
    x = np.linspace(-2.9, 2.9, nodes)
    lower = norm.pdf(x, -MEAN, DEVIATION)
    weights = np.concatenate([lower, lower[::-1]]) / (2 * lower.sum())
    return LabelledPoints(np.concatenate([x, x])[:, None], np.repeat([-1, 1], nodes), weights)


def toy(criterion, weight=1e-3, sigma=0.5, layers=4, noise=None, data=None):
    network = ResidualNetwork(Perceptron(2), noise or Gaussian(sigma), layers, dim=1, readout=Tanh(2.0))
    return Setting(network, data or mixture(), criterion, (Tikhonov(weight), DepthSmoothness(1e-3)))


CRITERIA = [ExpectedLoss(Squared()), LossOfExpectation(Squared()), ExpectedLoss(Logistic()), LossOfExpectation(Logistic())]


@pytest.mark.parametrize("criterion", CRITERIA, ids=repr)
def test_no_schedule_of_layers_is_below_the_bound(criterion):
    """Random θ in the box, and one trained to be as low as it can; the bars are those of the bound and of J's own grid."""
    setting = toy(criterion)
    bound, objective = feedback_bound(setting, GRID, BOX), GridObjective(setting, GRID)
    finer = GridObjective(setting, GRID.refined(2))
    rng = np.random.default_rng(1)
    tried = [rng.uniform(*BOX, size=setting.network.control.size) for _ in range(5)]
    tried += [train(objective, 0.3 * tried[0], LBFGS(iterations=80, bounds=BOX)).x]
    for theta in tried:
        bar = bound.error_bar + 2 * abs(finer.value(theta) - objective.value(theta))
        assert bound.gap(finer.value(theta)) > -bar and bar < 1e-3
    assert 0 < bound.gap(objective.value(tried[-1])) < 0.1               # and it says something: J goes from 0.2 to 1


@pytest.mark.parametrize("criterion", CRITERIA, ids=repr)
def test_layers_that_may_not_move_have_the_bound_for_their_loss(criterion):
    """θ in [0, 0]: v = 0, and the bound is J(0), on data that is not symmetric.

    EL has columns for these few posteriors, and the same nodes: rounding.  LE falls short by its tangents: places are 4/128 apart at most, and
    half the curvature 1 × (2/128)² is 1.2e-4; as much again for its chords.
    """
    data = LabelledPoints([[-0.4], [-0.4], [0.9], [0.3]], [-1, 1, 1, -1], [0.3, 0.1, 0.4, 0.2])
    setting = toy(criterion, data=data)
    still = GridObjective(setting, GRID.refined(1.5)).value(setting.network.control.zeros())
    bound = feedback_bound(setting, GRID, (0.0, 0.0))
    assert -1e-12 < bound.gap(still) < (2.5e-4 if isinstance(criterion, LossOfExpectation) else 1e-12)


def test_data_of_less_mass_than_one_pays_the_whole_price():
    """Half the mass: the data term halves, the penalty does not; half of the bound at twice the price."""
    whole = toy(CRITERIA[0], 2e-3, data=mixture(21))
    data = SimpleNamespace(points=whole.data.points, labels=whole.data.labels, weights=0.5 * whole.data.weights)
    half = replace(toy(CRITERIA[0], 1e-3), data=data)
    assert abs(feedback_bound(half, GRID, BOX).value - 0.5 * feedback_bound(whole, GRID, BOX).value) < 1e-15


@pytest.mark.parametrize("criterion", CRITERIA, ids=repr)
def test_knowing_the_label_helps_and_the_posterior_floor_holds(criterion):
    """aware ≤ value, floor ≤ value; chords and tangents are low by at most (1/128)²/8 × the curvature, 4 (logistic: less), × 4 at LE's ends."""
    bound = feedback_bound(toy(criterion), GRID, BOX)
    assert bound.aware < bound.value - 0.05 and bound.value > bound.floor - 16 / (8 * 128**2)
    assert bound.error_bar < 1e-4 and 0 < bound.price == 1e-3 / 3 / bound.masses.sum()
    expectation = isinstance(criterion, LossOfExpectation)
    assert bound.value > bound.floor + (1e-5 if expectation else 1e-3)   # the price of moving; for EL also the last layer's noise


def test_the_loss_of_the_expectation_has_the_lower_bound():
    for loss in (Squared(), Logistic()):
        expected, of_expectation = (feedback_bound(toy(c(loss)), GRID, BOX).value for c in (ExpectedLoss, LossOfExpectation))
        assert of_expectation < expected


def test_the_posterior_floor_of_the_toy_is_the_integral_of_math():
    """½ E[1 − tanh(μx/σ²)²] = 0.153362; the trapezoidal sum of a Gaussian over ±6 deviations is exact to 1e-8, its mass included."""
    exact = 0.5 * quad(lambda x: 0.5 * (norm.pdf(x, MEAN, DEVIATION) + norm.pdf(x, -MEAN, DEVIATION))
                       / np.cosh(MEAN * x / DEVIATION**2) ** 2, -6, 6, epsabs=1e-12)[0]
    assert abs(posterior_floor(mixture(), Squared()) - exact) < 1e-7 and abs(exact - 0.153362) < 5e-7
    # cross-entropy of the posterior, and a range of scores that cannot say it
    data = LabelledPoints([[0.0], [0.0], [1.0]], [-1, 1, 1], [0.25, 0.25, 0.5])
    assert abs(posterior_floor(data, Logistic()) - 0.5 * np.log(2)) < 1e-12
    assert abs(posterior_floor(data, Squared(), -0.5, 0.5) - (0.5 * 0.5 + 0.5 * 0.125)) < 1e-12


def far_away(block, weight):
    """One start at 400 that wants h = x − 400 = 1 under no noise; the smallest W1 saturates units there, so that their size costs nothing."""
    network = ResidualNetwork(block, Noiseless(), 5, dim=1, readout=Linear())
    return Setting(network, LabelledPoints([[400.0]], [1]), ExpectedLoss(Squared()), (Tikhonov(weight),)), np.array([1.0, -400.0])


def test_the_bound_is_attained_where_all_hidden_units_are_one():
    """Least over v of ½ c v² + ½ (v − 1)²: ½ c/(1 + c) at v = 1/(1 + c), by W2 = b2 = v/(H + 1), W1 = 0.05; more only by ½ w H W1².

    tanh(0.05 · 400) is 1 to rounding.  With c = w, forgetting that H + 1 numbers share the work, the bound would be above what is reached.
    """
    weight, block = 0.4, Perceptron(3)
    setting, tail = far_away(block, weight)
    price = weight / 4
    theta, control = setting.network.control.zeros(), setting.network.control
    for n in range(5):
        layer = control.layer(theta, n)
        layer.W1[:], layer.W2[:], layer.b2[:] = 0.05, 1 / (1 + price) / 4, 1 / (1 + price) / 4
    control.rest(theta)[:] = tail
    reached = GridObjective(setting, Grid.uniform(397, 403, 61)).value(theta)
    bound = feedback_bound(setting, Grid.uniform(397, 403, 61), None, tail)
    exact = 0.5 * price / (1 + price) + bound.tail
    # quadratics are exact; what is left is rounding of penalties of 32 000 (the tail's): 1e-16 × 3.2e4 × a few
    assert abs(bound.value - exact) < 1e-9 and bound.error_bar < 1e-9
    assert -1e-9 < bound.gap(reached) < 0.5 * weight * 3 * 0.05**2 + 1e-9
    assert 0.5 * weight / (1 + weight) + bound.tail > reached            # what must fail: the price without the gain
    narrow = feedback_bound(setting, Grid.uniform(397, 403, 61), (-0.125, 0.125), tail)   # |v| ≤ 4 · 0.125
    assert abs(narrow.value - bound.tail - (0.5 * price + 0.5) * 0.25) < 1e-9


def test_chords_between_mixtures_are_below_the_columns_themselves(monkeypatch):
    """W is concave in π: fewer columns are lower bounds still, off by a quarter each time their number doubles (order 2)."""
    setting, values = toy(CRITERIA[0], data=mixture(21)), []
    for columns in (5, 9, 17, 129):
        monkeypatch.setattr(feedback, "_COLUMNS", columns)
        values.append(feedback_bound(setting, GRID, BOX).value)
    exact = values.pop()                                                 # 21 posteriors and the ends have columns of their own
    losses = exact - np.array(values)
    assert (losses > 0).all() and (losses[1:] < 0.4 * losses[:-1]).all() and losses[0] < 4 / 8 / 4**2


def test_starts_with_one_label_each_make_the_control_know_it():
    """Then value = aware; and a duplicated point with both labels is one start of two labels."""
    data = LabelledPoints([[-0.3], [0.2], [0.4]], [1, -1, 1])
    bound = feedback_bound(toy(CRITERIA[0], data=data), GRID, BOX)
    assert bound.value == bound.aware and bound.fields.values.shape[1] == 2
    split = LabelledPoints([[0.2], [-0.3], [0.2], [0.4]], [-1, 1, -1, 1], [1 / 6, 1 / 3, 1 / 6, 1 / 3])
    assert abs(feedback_bound(toy(CRITERIA[0], data=split), GRID, BOX).value - bound.value) < 1e-15
    tied = LabelledPoints([[0.2], [0.2]], [-1, 1])
    blind = feedback_bound(toy(CRITERIA[0], data=tied), GRID, BOX)
    assert blind.posterior.tolist() == [0.5] and blind.value > 0.5 > blind.aware


def test_in_the_plane_the_bound_holds_for_a_trained_network():
    rng = np.random.default_rng(4)
    labels = np.repeat([-1, 1], 15)
    points = rng.normal(size=(30, 2)) * 0.4 + 0.5 * labels[:, None] * [1.0, 0.3]
    network = ResidualNetwork(Perceptron(3), Gaussian(0.4), 3, dim=2)
    setting = Setting(network, LabelledPoints(points, labels), ExpectedLoss(Logistic()), (Tikhonov(3e-2),))
    grid = Grid.uniform([-5, -5], [5, 5], [49, 49])
    objective = GridObjective(setting, grid)
    theta = train(objective, network.initialise(0), LBFGS(iterations=40, bounds=BOX)).x
    bound = feedback_bound(setting, grid, BOX, network.control.rest(theta))
    bar = bound.error_bar + 2 * abs(GridObjective(setting, grid.refined(1.5)).value(theta) - objective.value(theta))
    assert bar < 0.01 < bound.gap(objective.value(theta)) < 0.5 and bound.value > bound.tail > 0


def test_a_narrow_box_does_not_raise_the_bound_above_what_layers_reach():
    """States far out have small losses; a box without them would deny them to the bound, and not to the network."""
    data = LabelledPoints([[-1.2], [1.2]], [-1, 1])
    network = ResidualNetwork(Perceptron(2), Noiseless(), 4, dim=1)
    setting = Setting(network, data, ExpectedLoss(Logistic()))
    theta = network.control.zeros()
    for n in range(4):
        layer = network.control.layer(theta, n)
        layer.W1[:], layer.W2[:] = 3.0, 3.0
    network.control.rest(theta)[:] = 1.0, 0.0
    reached = GridObjective(setting, Grid.uniform(-12, 12, 801)).value(theta)
    bound = feedback_bound(setting, Grid.uniform(-1.5, 1.5, 81), BOX, tail=(1.0, 0.0))
    assert bound.value <= reached + bound.error_bar and bound.error_bar < 0.5 * reached
    assert bound.fields.grid.upper[0] > 6


def test_what_the_bound_cannot_say_is_refused_with_the_reason():
    setting = toy(CRITERIA[0])
    for change, message in (({"noise": OutputDropout(0.8)}, "not additive and normal"), ({"block": Affine()}, "bounded by its numbers")):
        with pytest.raises(ValueError, match=message):
            feedback_bound(replace(setting, network=replace(setting.network, **change)), GRID, BOX)
    with pytest.raises(ValueError, match="2 numbers"):
        feedback_bound(replace(setting, network=replace(setting.network, readout=Linear())), GRID, BOX)


def test_points_outside_the_grid_are_refused_by_name():
    with pytest.raises(ValueError, match=r"data.points\[0\]=.* outside"):
        feedback_bound(toy(ExpectedLoss(Squared())), Grid.uniform(-1, 1, 41), BOX)


def test_the_result_prints_and_stores_itself():
    bound = feedback_bound(toy(CRITERIA[0], data=mixture(21)), GRID, BOX)
    assert repr(bound).startswith("FeedbackBound(EL ≥ 0.") and bound.to_dict()["value"] == bound.value
    assert abs((bound.masses * bound.per_point).sum() + bound.tail - bound.value) < 1e-15
    assert bound.fields.times.tolist() == [0, 0.25, 0.5, 0.75, 1.0] and bound.parameters[[0, -1]].tolist() == [0.0, 1.0]
