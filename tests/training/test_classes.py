"""Classification into K classes: every view, against two classes, a closed form and each other."""

import numpy as np
import pytest

from ocnet.grid import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian, Noiseless, OutputDropout
from ocnet.networks.readouts import Linear, LinearClasses, Tanh
from ocnet.training import train
from ocnet.training.criteria import EnsembleLoss, ExpectedLoss, LossOfExpectation
from ocnet.training.grid_estimate import estimate_on_grid
from ocnet.training.losses import CrossEntropy, Logistic, SquaredClasses
from ocnet.training.objectives import ChainView, DiffusionView, GridObjective, ParticleObjective
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from ocnet.training.optimisers import LBFGS
from tests.chance import random

from .test_objectives import _rate

CENTRES = np.array([[1.2, 0.0], [-0.6, 1.0], [-0.6, -1.0]])
GRID = Grid.uniform([-5, -5], [5, 5], 61)


def _data(points=60, classes=3):
    """Points around three centres, some of them under a neighbour's label."""
    rng = np.random.default_rng(12)
    labels = rng.integers(classes, size=points)
    return LabelledPoints(CENTRES[labels] + 0.6 * rng.normal(size=(points, 2)), labels)


def _setting(noise, criterion, layers=4, readout=None):
    network = ResidualNetwork(Perceptron(3), noise, layers, readout=readout or LinearClasses(criterion.loss.scores))
    return Setting(network, _data(classes=len(criterion.loss.labels)), criterion)


CRITERIA = [ExpectedLoss(CrossEntropy(3)), LossOfExpectation(CrossEntropy(3)), LossOfExpectation(SquaredClasses(3)),
            EnsembleLoss(SquaredClasses(3), 4)]


@pytest.mark.parametrize("criterion", CRITERIA, ids=repr)
@pytest.mark.parametrize("noise, view", [(Gaussian(0.3), ChainView()), (OutputDropout(0.7), ChainView()), (Gaussian(0.3), DiffusionView(2))])
def test_taylor_remainder_of_the_grid_gradient_falls_with_the_square_of_the_step(view, noise, criterion):
    setting = _setting(noise, criterion)
    theta = setting.network.initialise(3)
    direction = np.random.default_rng(0).normal(size=theta.size)
    # two decades, above rounding (see test_objectives)
    assert _rate(GridObjective(setting, GRID, view), theta, direction, 10.0 ** np.array([-2.5, -3, -3.5, -4, -4.5])) > 1.95


@pytest.mark.parametrize("criterion", [*CRITERIA, EnsembleLoss(CrossEntropy(3), 4)], ids=repr)
def test_particle_gradient_is_the_derivative_of_the_sampled_objective_with_frozen_noise(criterion):
    setting = _setting(OutputDropout(0.7), criterion)
    theta = setting.network.initialise(2)
    objective = ParticleObjective(setting, 8, seed=5)
    direction = np.random.default_rng(0).normal(size=theta.size)
    h, slope = 2e-3, 0.0
    for k, share in ((1, 45 / 60), (2, -9 / 60), (3, 1 / 60)):           # seven-point rule: h⁶ f⁽⁷⁾/140 ≈ 5e-19 · 1e5, rounding 1e-15/h
        ahead, behind = (objective.value_and_gradient(theta + step * direction)[0] for step in (k * h, -k * h))
        slope += share * (ahead - behind) / h
    exact = objective.value_and_gradient(theta)[1] @ direction
    assert abs(slope - exact) < 1e-9 * max(1, abs(exact))


@pytest.mark.parametrize("criterion", CRITERIA, ids=repr)
@random(comparisons=241)
def test_chain_and_particles_agree_within_their_bars(criterion, chance):
    """The objective, where 3 % of it is found, and the values of all points."""
    setting = _setting(Gaussian(0.5), criterion)
    theta = 1.5 * setting.network.initialise(4)
    grid = estimate_on_grid(setting, theta, ChainView(), 61, tolerance=2e-3, floor=1e-5)
    sample = ParticleObjective(setting, 4000, seed=8).sample(theta)
    chance.mean(sample.value, grid.value, sample.standard_error, detects=0.03 * max(1, grid.value), slack=grid.error_bar)
    assert grid.error_bar < 5e-3 * grid.value + 1e-5
    chance.mean(sample.means, grid.values, sample.errors, detects=0.5 * np.abs(grid.values).max(), slack=grid.bars)


class _Counted(ChainView):
    sweeps = 0

    def sweep(self, network, theta, grid):
        type(self).sweeps += 1
        return super().sweep(network, theta, grid)


def test_all_labels_are_one_pass():
    setting = _setting(Gaussian(0.3), ExpectedLoss(CrossEntropy(3)))
    objective = GridObjective(setting, GRID, _Counted())
    theta = setting.network.initialise(0)
    assert {field.shape for field in objective.fields(theta)} == {(3, GRID.size)} and _Counted.sweeps == 1
    objective.value_and_gradient(theta)
    assert _Counted.sweeps == 2


def _two_classes(criterion):
    """One problem twice: labels −1, +1 with a score u, and labels 0, 1 with scores −u/2, u/2; θ of both."""
    labels = np.where(_data().labels == 0, 1, -1)
    block, noise = Perceptron(3), OutputDropout(0.7)
    one = Setting(ResidualNetwork(block, noise, 4, readout=Linear()), LabelledPoints(_data().points, labels), criterion(Logistic()))
    two = Setting(ResidualNetwork(block, noise, 4, readout=LinearClasses(2)),
                  LabelledPoints(_data().points, (labels + 1) // 2), criterion(CrossEntropy(2)))
    theta = 1.5 * one.network.initialise(7)
    theta[-1] = 0.3
    depth, tail = one.network.control.depth(theta).ravel(), one.network.control.rest(theta)
    return one, theta, two, np.concatenate([depth, -tail[:2] / 2, tail[:2] / 2, [-tail[2] / 2, tail[2] / 2]])


def _by_chain(setting):
    return GridObjective(setting, GRID)


def _by_particles(setting):
    return ParticleObjective(setting, 8, seed=3)


def _ensemble_of_four(loss):
    return EnsembleLoss(loss, 4)


@pytest.mark.parametrize("make, criterion", [(_by_chain, ExpectedLoss), (_by_chain, LossOfExpectation), (_by_particles, ExpectedLoss),
                                             (_by_particles, LossOfExpectation), (_by_particles, _ensemble_of_four)])
def test_cross_entropy_of_two_classes_is_the_logistic_loss(make, criterion):
    one, theta, two, both = _two_classes(criterion)
    value, gradient = make(one).value_and_gradient(theta)
    again, other = make(two).value_and_gradient(both)
    # the same numbers by other roundings: sums of 60 points (and 4e3 nodes) of order 1
    assert again == pytest.approx(value, abs=1e-13)
    slopes = two.network.control.tail_views(other)                       # of W = (−w/2, w/2) and b = (−b/2, b/2)
    tail = np.append(slopes.W[1] - slopes.W[0], slopes.b[1] - slopes.b[0]) / 2
    assert np.abs(other[:-6] - gradient[:-3]).max() < 1e-12 and np.abs(tail - gradient[-3:]).max() < 1e-12


@pytest.mark.parametrize("criterion", [ExpectedLoss, LossOfExpectation])
def test_two_classes_predict_as_the_sign_does(criterion):
    one, theta, two, both = _two_classes(criterion)
    points = np.random.default_rng(5).normal(size=(500, 2))
    values, pairs = GridObjective(one, GRID).values_at(theta, points), GridObjective(two, GRID).values_at(both, points)
    signs, classes = one.criterion.predict(values), two.criterion.predict(pairs)
    assert 20 < (classes == 1).sum() < 480 and np.array_equal((signs + 1) // 2, classes)
    assert np.abs(one.criterion.boundary(values) - two.criterion.boundary(pairs)).max() < 1e-12


@pytest.mark.parametrize("criterion", CRITERIA, ids=repr)
def test_renaming_the_classes_changes_nothing_but_the_names(criterion):
    setting = _setting(Gaussian(0.3), criterion)
    renamed = np.array([2, 0, 1])
    theta, other = setting.network.initialise(6), setting.network.initialise(6)
    old, new = setting.network.control.tail_views(theta), setting.network.control.tail_views(other)
    new.W[renamed], new.b[renamed] = old.W, old.b
    swapped = Setting(setting.network, LabelledPoints(setting.data.points, renamed[setting.data.labels]), criterion)
    # sums of three terms in another order
    assert GridObjective(swapped, GRID).value(other) == pytest.approx(GridObjective(setting, GRID).value(theta), abs=1e-13)
    values, others = (GridObjective(s, GRID).values_at(t, s.data.points) for s, t in ((setting, theta), (swapped, other)))
    assert np.array_equal(renamed[criterion.predict(values)], criterion.predict(others))


def _three_bells(deviation=0.6, nodes=41):
    """Data from three normal densities, the entropy of the label given the point, and the share that the best rule gets right."""
    densities = {k: lambda x, c=c: np.exp(-0.5 * ((x - c) ** 2).sum(axis=1) / deviation**2) / (2 * np.pi * deviation**2)
                 for k, c in enumerate(CENTRES)}
    data = LabelledPoints.from_densities(densities, Grid.uniform([-5, -5], [5, 5], nodes))
    heights = np.stack([densities[k](data.points) for k in range(3)])
    posterior = heights / heights.sum(axis=0)
    own, best = posterior[data.labels, np.arange(len(data))], posterior == posterior.max(axis=0)
    return data, float(-(data.weights * np.log(own)).sum()), float((data.weights * best[data.labels, np.arange(len(data))] / best.sum(axis=0)).sum())


def test_the_posterior_of_equal_bells_is_affine_and_reaches_the_entropy_of_the_labels():
    data, floor, share = _three_bells()
    network = ResidualNetwork(Perceptron(2), Noiseless(), 1, readout=LinearClasses(3))
    theta = network.control.zeros()
    tail = network.control.tail_views(theta)
    tail.W[:], tail.b[:] = CENTRES / 0.6**2, -0.5 * (CENTRES**2).sum(axis=1) / 0.6**2       # log ρ_k up to a common term
    for criterion in (ExpectedLoss(CrossEntropy(3)), LossOfExpectation(CrossEntropy(3))):
        setting = Setting(network, data, criterion)
        # no noise and no motion: scores to some ulps of 30, J a sum of 5000 contributions
        assert ParticleObjective(setting, 2).value_and_gradient(theta)[0] == pytest.approx(floor, abs=1e-12)
        # the gradient vanishes at the minimum over all functions of x, and so over these
        assert np.abs(ParticleObjective(setting, 2).value_and_gradient(theta)[1]).max() < 1e-12
        sample = ParticleObjective(setting, 2).sample(theta)
        assert (data.weights * (criterion.predict(sample.means) == data.labels)).sum() == pytest.approx(share, abs=1e-12)
        rng = np.random.default_rng(1)
        for _ in range(5):                                               # Gibbs: no network is below the entropy, whatever its noise
            noisy = Setting(ResidualNetwork(Perceptron(2), Gaussian(0.3), 3, readout=LinearClasses(3)), data, criterion)
            wild = rng.normal(size=noisy.network.control.size)
            assert GridObjective(noisy, Grid.uniform([-9, -9], [9, 9], 61)).value(wild) > floor


def test_training_on_three_classes_comes_near_the_entropy_of_the_labels():
    data, floor, share = _three_bells(nodes=25)
    network = ResidualNetwork(Perceptron(2), Gaussian(0.05), 2, readout=LinearClasses(3))
    setting = Setting(network, data, ExpectedLoss(CrossEntropy(3)))
    objective = GridObjective(setting, Grid.uniform([-7, -7], [7, 7], 57))
    result = train(objective, 0.1 * network.initialise(0), LBFGS(iterations=40))
    # noise of variance 0.05² in x moves the scores by some 0.05 · |W| = 0.2: a loss of ½ · 0.2² · p(1 − p) ≤ 0.005; the grid's cubic
    # cells of 0.25 err by 0.25⁴/384 · |u''''| ≈ 1e-3; so 0.02 is what training may lack
    assert floor - 1e-3 < result.fun < floor + 0.02
    right = setting.criterion.predict(objective.values_at(result.x, data.points)) == data.labels
    assert (data.weights * right).sum() > share - 0.01


def test_readout_loss_and_labels_must_fit_each_other():
    data, network = _data(), ResidualNetwork(Perceptron(2), Gaussian(0.3), 2, readout=LinearClasses(3))
    with pytest.raises(ValueError, match=r"readout=LinearClasses\(classes=3\) gives 3 .* loss=Logistic\(\) takes 1; use Linear\(\)"):
        Setting(network, data, ExpectedLoss(Logistic()))
    with pytest.raises(ValueError, match=r"readout=Tanh\(slope=2.0\) gives 1 .* loss=CrossEntropy\(classes=4\) takes 4; use LinearClasses\(4\)"):
        Setting(ResidualNetwork(Perceptron(2), Gaussian(0.3), 2, readout=Tanh()), data, LossOfExpectation(CrossEntropy(4)))
    data = LabelledPoints(data.points, np.where(data.labels == 2, 7, data.labels))
    with pytest.raises(ValueError, match=r"data.labels\[\d+\]=7 is none of the labels \(0, 1, 2\) of loss=CrossEntropy\(classes=3\)"):
        Setting(network, data, ExpectedLoss(CrossEntropy(3)))


@pytest.mark.parametrize("labels", [[0.5, 1, 2], ["a", "b", "c"], [np.nan, 0, 1], [0, 1]])
def test_labels_that_are_no_whole_numbers_are_refused(labels):
    with pytest.raises(ValueError, match="labels has shape|labels are texts|points has shape .* 2 labels"):
        LabelledPoints(np.zeros((3, 2)), labels)
