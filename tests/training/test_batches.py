"""Batches of points: unbiased, stratified, and the same for the same iteration."""

import numpy as np
import pytest

from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian
from ocnet.training import train
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import Logistic
from ocnet.training.objectives import DiffusionView, LikelihoodRatioObjective, ParticleObjective
from ocnet.training.objectives.batches import Batches
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from ocnet.training.optimisers import Adam
from tests.chance import random, seed


def table(n=1000):
    rng = np.random.default_rng(0)
    weights = rng.exponential(size=n)
    labels = np.repeat([-1, 1], n // 2)                                # sorted: a batch of the first points would see one class
    return LabelledPoints(rng.normal(size=(n, 2)) + 0.8 * labels[:, None], labels, weights / weights.sum())


@random()
def test_batches_are_unbiased_for_weighted_points(chance):
    """Finds 0.05; plain means of the points, which forget the weights, are 0.1 away, and slices spare the variance between the classes."""
    data = table()
    value = np.sin(3 * data.points[:, 0]) + data.labels                # one function of the points
    exact = (data.weights * value).sum()
    batches = Batches(data, 20)
    lookup = {tuple(x): v for x, v in zip(data.points, value)}
    means = np.array([np.mean([lookup[tuple(x)] for x in batches.draw(seed(k)).points]) for k in range(2000)])
    chance.sample(means, exact, detects=0.05)
    chance.finds(means.mean(), exact, value.mean(), means.std(ddof=1) / np.sqrt(means.size))
    plain = np.sqrt((data.weights * (value - exact)**2).sum() / 20)
    assert means.std() < 0.8 * plain                                   # slices spare the variance between the classes


def test_sorted_labels_come_in_proportion_in_every_batch():
    data = table()
    share = data.weights[data.labels < 0].sum()
    for k in range(50):
        assert abs((Batches(data, 20).draw(seed(k)).labels < 0).mean() - share) <= 1 / 20 + 1e-12   # one slice holds both


def objective(batch, n=1000):
    network = ResidualNetwork(Perceptron(4), Gaussian(0.2), 5)
    return ParticleObjective(Setting(network, table(n), ExpectedLoss(Logistic())), 4, 3, batch)


@random(comparisons=113)
def test_the_gradient_of_batches_is_unbiased_for_that_of_all_points(chance):
    """Every component; finds a fifth of the gradient's norm."""
    sampled = objective(100)
    theta = sampled.setting.network.initialise(0)
    whole = np.stack([ParticleObjective(sampled.setting, 20, k).value_and_gradient(theta)[1] for k in range(40)])
    draws = np.stack([sampled.draw(k).value_and_gradient(theta)[1] for k in range(400)])
    variance = draws.var(axis=0, ddof=1) / len(draws) + whole.var(axis=0, ddof=1) / len(whole)
    a, b = draws.mean(axis=0), whole.mean(axis=0)
    chance.mean(a, b, np.sqrt(variance), detects=0.2 * np.linalg.norm(b), freedom=39)
    assert len({tuple(sampled.draw(k).setting.data.points[0]) for k in range(9)}) > 1


def test_a_drawn_batch_is_the_same_at_every_call_and_the_judge_is_fixed():
    sampled = objective(50)
    theta = sampled.setting.network.initialise(1)
    assert sampled.draw(7).value_and_gradient(theta)[0] == objective(50).draw(7).value_and_gradient(theta)[0]
    assert sampled.value(theta) == objective(50).value(theta)
    assert len(sampled._judge.setting.data) == 400 and objective(None)._judge.setting.data is not None
    assert sampled.fingerprint() != objective(None).fingerprint()


@random()
def test_training_with_batches_goes_downhill_on_all_points(chance):
    sampled = objective(64)
    theta = sampled.setting.network.initialise(2)
    result = train(sampled, theta, Adam(iterations=60, rate=0.05), progress=lambda *a: None)
    judge = ParticleObjective(sampled.setting, 64, 11)
    before, after = judge.sample(theta), judge.sample(result.x)
    chance.exceeds(before.value, after.value, np.hypot(before.standard_error, after.standard_error))


@pytest.mark.parametrize("size", [0, 2.5, -3])
def test_a_batch_without_meaning_is_refused_by_name(size):
    with pytest.raises(ValueError, match=f"batch={size}"):
        objective(size)


@random()
def test_single_precision_trains_on_the_same_law(chance):
    """Finds 1 % of J."""
    double, single = (ParticleObjective(objective(None).setting, 256, 5, precision=p) for p in ("double", "single"))
    theta = double.setting.network.initialise(4)
    a, b = double.sample(theta), single.sample(theta)
    chance.mean(a.value, b.value, np.hypot(a.standard_error, b.standard_error), detects=0.01 * a.value, slack=1e-6)      # of rounding
    assert a.value != b.value
    h, direction = 1e-2, np.random.default_rng(0).normal(size=theta.size)
    slope = (single.value_and_gradient(theta + h * direction)[0] - single.value_and_gradient(theta - h * direction)[0]) / (2 * h)
    exact = single.value_and_gradient(theta)[1] @ direction
    # J is rounded to 1e-7, over 2h: 5e-6; h² J''' / 6 with J''' ≈ |direction|³ = 1e3 · small: 1 %
    assert abs(slope - exact) < 2e-2 * abs(exact) + 1e-4
    assert double.fingerprint() != single.fingerprint()


def test_single_precision_is_of_the_layers_alone():
    with pytest.raises(ValueError, match="precision='single' with view="):
        ParticleObjective(objective(None).setting, 4, view=DiffusionView(2), precision="single")


def test_single_precision_is_refused_where_it_is_not_meant():
    single = ParticleObjective(objective(None).setting, 4, precision="single")
    with pytest.raises(ValueError, match="precision='single': a Hamiltonian"):
        single.hamiltonian(single.setting.network.initialise(0))
    with pytest.raises(ValueError, match="precision='single': the likelihood ratio"):
        LikelihoodRatioObjective(single.setting, 4, precision="single")


@pytest.mark.parametrize("substeps", [0, -1, 2.5])
def test_time_steps_without_meaning_are_refused(substeps):
    with pytest.raises(ValueError, match=f"substeps={substeps}"):
        DiffusionView(substeps)
