"""Slices: directions' lengths, scaling, the same J by grid and by particles, J_EL above J_LE."""

from dataclasses import replace

import numpy as np
import pytest

from ocnet.analysis import filter_normalised, landscape
from ocnet.grid import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks.architectures import LMResNet
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian, Noiseless
from ocnet.networks.readouts import LinearClasses
from ocnet.training.criteria import ExpectedLoss, LossOfExpectation
from ocnet.training.losses import Logistic, Squared
from ocnet.training.objectives import GridObjective, LabelledPoints, NeuralODEObjective, ParticleObjective, Setting
from ocnet.training.regularisers import Tikhonov
from tests.chance import random

NETWORK = ResidualNetwork(Perceptron(4), Gaussian(0.4), 3)
THETA = NETWORK.initialise(0)
RNG = np.random.default_rng(1)
DATA = LabelledPoints(RNG.normal(size=(40, 2)), RNG.choice([-1, 1], 40))
SETTING = Setting(NETWORK, DATA, ExpectedLoss(Logistic()), (Tikhonov(0.1),))


@pytest.mark.parametrize("network", [NETWORK, ResidualNetwork(Perceptron(4), Gaussian(0.4), 3, dim=3, readout=LinearClasses(4)),
                                     ResidualNetwork(Perceptron(4), Gaussian(0.4), 3, architecture=LMResNet())])
def test_every_filter_of_a_direction_is_as_long_as_that_of_theta(network):
    """Rows of matrices and whole vectors, in the layers and in the tail; sums of some ten squares round by 1e-15."""
    theta = network.initialise(5)
    first, second = filter_normalised(network, theta, seed=2)
    for direction in (first, second):
        for n in range(network.layers):
            for name in vars(network.control.layer(theta, n)):
                own, mine = (np.atleast_2d(getattr(network.control.layer(vector, n), name)) for vector in (direction, theta))
                assert np.abs(np.linalg.norm(own, axis=-1) - np.linalg.norm(mine, axis=-1)).max() < 1e-14, name
        for own, mine in zip(vars(network.control.tail_views(direction)).values(), vars(network.control.tail_views(theta)).values()):
            assert np.abs(np.linalg.norm(own, axis=-1) - np.linalg.norm(mine, axis=-1)).max() < 1e-14
    # biases b2 start at 0, so their direction is 0; the others are random: two of 60 and more numbers are parallel with probability 0
    assert abs(first @ second) < 0.9 * np.linalg.norm(first) * np.linalg.norm(second) and not np.array_equal(first, second)
    assert np.array_equal(filter_normalised(network, theta, seed=2)[0], first) and not np.array_equal(filter_normalised(network, theta, seed=3)[0], first)


def test_scaling_a_filter_scales_its_direction_and_no_other():
    scaled = THETA.copy()
    NETWORK.control.layer(scaled, 1).W1[2] *= 7.0
    before, after = (filter_normalised(NETWORK, theta, 1)[0] for theta in (THETA, scaled))
    expected = before.copy()
    NETWORK.control.layer(expected, 1).W1[2] *= 7.0
    assert np.allclose(after, expected, rtol=1e-14, atol=0)              # a quotient of two norms: some ulps


@random(comparisons=5)
def test_grid_and_particles_agree_on_shared_axes_within_their_bars(chance):
    """At each of 5 places; the noise is frozen, so they are one draw, not five.  The bars are 5 % of J; finds 15 % of it."""
    grid = landscape(GridObjective(SETTING, Grid.uniform([-5, -5], [5, 5], 41)), THETA, points=5, seed=4)
    particles = landscape(ParticleObjective(SETTING, 500), THETA, points=5, seed=4)
    assert np.array_equal(grid.axes[0], particles.axes[0]) and np.array_equal(grid.directions, particles.directions)
    chance.mean(particles.values, grid.values, particles.bars / 3, detects=0.15 * grid.values, slack=grid.bars)
    assert (grid.bars + particles.bars < 0.05 * grid.values).all() and (particles.bars > 0).all()


def test_the_centre_is_j_itself_and_a_slice_of_a_slice_is_the_slice():
    objective = ParticleObjective(SETTING, 8)
    plane, line = landscape(objective, THETA, 2, points=5, reach=0.5), landscape(objective, THETA, 1, points=5, reach=0.5)
    assert plane.centre == line.centre == objective.sample(THETA).value + SETTING.penalty(THETA)[0]
    assert plane.values.shape == (5, 5) and np.array_equal(plane.values[:, 2], line.values) and np.array_equal(plane.axes[1], [-0.5, -0.25, 0, 0.25, 0.5])
    quiet = Setting(replace(NETWORK, noise=Noiseless()), DATA, ExpectedLoss(Logistic()))
    ode = NeuralODEObjective(quiet)
    found = landscape(ode, THETA, points=3)
    assert found.centre == ode.value(THETA) and (found.bars == 0).all()


def test_penalties_are_part_of_every_value():
    """With and without: the same noise, so the difference is ½ α (T/N) |θ + a d|² of the layers (and the tail's part) to rounding."""
    bare = replace(SETTING, penalties=())
    with_penalty, without = (landscape(ParticleObjective(s, 4), THETA, points=3) for s in (SETTING, bare))
    expected = [SETTING.penalty(THETA + a * with_penalty.directions[0])[0] for a in with_penalty.axes[0]]
    assert np.abs(with_penalty.values - without.values - expected).max() < 1e-13


def test_the_expected_loss_lies_above_the_loss_of_the_expectation_everywhere():
    """Jensen's inequality, for the chain exactly but for both bars; at this noise the two are far apart."""
    data = replace(SETTING, criterion=ExpectedLoss(Squared())), replace(SETTING, criterion=LossOfExpectation(Squared()))
    expected, of_mean = (landscape(GridObjective(setting, Grid.uniform([-5, -5], [5, 5], 41)), THETA, points=9) for setting in data)
    assert (expected.values - of_mean.values > -expected.bars - of_mean.bars).all() and expected.centre > 1.05 * of_mean.centre


def test_results_say_what_they_are_draw_themselves_and_are_saved(tmp_path):
    line, plane = (landscape(ParticleObjective(SETTING, 4), THETA, k, points=3, name="J_EL") for k in (1, 2))
    assert "J_EL: 3 × 3 places" in repr(plane) and line.to_dict()["values"] == line.values.tolist()
    ax = line.plot()
    assert ax.get_legend_handles_labels()[1] == ["J_EL"] and len(ax.collections) == 1      # the band
    assert plane.plot().get_title() == "J_EL"
    plane.save(tmp_path / "plane.npz")
    assert np.array_equal(type(plane).load(tmp_path / "plane.npz").values, plane.values)


@pytest.mark.parametrize("change, message", [({"points": 4}, "points=4"), ({"reach": 0}, "reach=0"), ({"directions": np.zeros((1, 3))}, "directions has shape"),
                                             ({"directions": 3}, "directions=3 is not a whole number from 1 to 2")])
def test_slices_without_meaning_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        landscape(ParticleObjective(SETTING, 4), THETA, **change)
