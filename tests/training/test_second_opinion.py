"""A grid's bar that is wrong because all grids are wrong alike: paths tell."""

import warnings

import numpy as np
import pytest
from scipy.stats import norm

from ocnet import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian, HiddenDropout, OutputDropout
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.grid_estimate import estimate_on_grid
from ocnet.training.losses import Logistic
from ocnet.training.objectives import ChainView, DiffusionView, ParticleObjective
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from ocnet.training.second_opinion import Opinion, sampled
from tests.chance import random


def setting(noise=Gaussian(0.3), dim=1, layers=3, **parts):
    rng = np.random.default_rng(4)
    labels = np.where(np.arange(60) % 2, 1, -1)
    return Setting(ResidualNetwork(Perceptron(4), noise, layers, dim=dim, **parts),
                   LabelledPoints(rng.normal(size=(60, dim)) + 0.5 * labels[:, None], labels), ExpectedLoss(Logistic()))


@random()
def test_the_equations_particles_are_extrapolated_to_small_steps(chance):
    problem = setting(layers=1)
    theta = 6 * problem.network.initialise(0)
    fine = ParticleObjective(problem, 2000, 3, view=DiffusionView(64)).sample(theta)
    plain = ParticleObjective(problem, 4000, 3, view=DiffusionView(4)).sample(theta)
    found = sampled(problem, theta, DiffusionView(2), 10**6)
    # four steps are off by c dt/4, one and the same noise tells how much; extrapolated, of the order of its square; the first would be found
    off = abs(plain.value - fine.value)
    chance.mean(found.value, fine.value, np.hypot(found.standard_error, fine.standard_error), detects=off, slack=off**2)


def test_an_opinion_contradicts_beyond_bar_bias_and_chance_and_never_without_numbers():
    paths = Opinion(1.0, 0.01, 0.1)
    assert not paths.contradicts(1.18, 0.05) and paths.contradicts(1.2, 0.05)
    assert not Opinion(np.nan, 1.0).contradicts(0.0, 0.1) and not Opinion(np.inf, np.inf).contradicts(0.0, 0.1)


@pytest.mark.parametrize("scale", [10, 1000])
@pytest.mark.parametrize("noise", [Gaussian(0.2), OutputDropout(0.9), HiddenDropout(0.8)], ids=repr)
@random()
def test_a_grid_that_steep_networks_leave_grows_until_paths_agree(noise, scale, chance):
    """What paths cannot contradict is half of what was wanted: 1.5 %."""
    problem = setting(noise)
    theta = scale * problem.network.initialise(1)
    tight = Grid.uniform(-1.5, 1.5, 31)
    with warnings.catch_warnings():
        warnings.simplefilter("error")                                 # nothing is contradicted in the end
        found = estimate_on_grid(problem, theta, ChainView(), tight)
    judge = ParticleObjective(problem, 4000, 17).sample(theta)
    chance.mean(judge.value, found.value, judge.standard_error, detects=0.05 * found.value, slack=found.error_bar + 0.0075 * found.value)


@random()
def test_what_lies_outside_all_boxes_is_found_by_paths(chance):
    """Layers at rest, noise of variance 1 in all, a step of the readout at 2: a box of ±1, and one of ±1.4, see no step at all."""
    network = ResidualNetwork(Perceptron(2), Gaussian(1.0, "diffusive"), 4, dim=1)
    problem = Setting(network, LabelledPoints(np.zeros((2, 1)), np.array([-1, -1])), ExpectedLoss(Logistic()))
    theta = network.control.zeros()
    network.control.rest(theta)[:] = 40.0, -80.0
    box = Grid.uniform(-1, 1, 41)
    found, alone = (estimate_on_grid(problem, theta, ChainView(), box, opinion=opinion) for opinion in (True, False))
    # E log(1 + exp(40 X − 80)) = 40 E(X − 2)⁺ for X ~ N(0, 1), and what the rounded corner adds: φ(2) π²/(6 · 40) at most twice
    truth = 40 * (norm.pdf(2) - 2 * norm.sf(2)) + norm.pdf(2) * np.pi**2 / 240
    assert abs(alone.value - truth) > 10 * alone.error_bar             # all boxes are wrong alike
    assert abs(found.value - truth) <= found.error_bar + 0.0075 * truth + norm.pdf(2) * np.pi**2 / 240 and found.error_bar < 0.02 * truth
    judge = ParticleObjective(problem, 400_000, 17).sample(theta)
    chance.mean(judge.value, truth, judge.standard_error, detects=0.1 * truth, slack=norm.pdf(2) * np.pi**2 / 240)
    chance.finds(judge.value, truth, alone.value, judge.standard_error)


def test_a_bar_of_a_grid_that_is_not_refined_is_warned_of():
    problem = setting(Gaussian(0.2, "diffusive"))
    theta = 6 * problem.network.initialise(1)
    with pytest.warns(RuntimeWarning, match="contradicted by paths .* are outside the box"):
        estimate_on_grid(problem, theta, ChainView(), Grid.uniform(-0.3, 0.3, 31), np.inf)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimate_on_grid(problem, theta, ChainView(), 31, np.inf)
        estimate_on_grid(problem, theta, ChainView(), Grid.uniform(-0.3, 0.3, 31), np.inf, opinion=False)


def test_a_doubt_is_an_error_that_is_there_and_more_likely_than_not_beyond_the_bar():
    paths = Opinion(1.0, 0.02, 0.01)
    assert paths.doubts(1.2, 0.18) and not paths.contradicts(1.2, 0.18)           # 0.19 off is more than 0.18, and not by four errors
    assert not paths.doubts(1.2, 0.2) and not paths.doubts(1.08, 0.0) and paths.doubts(1.1, 0.0)      # 0.07 is below four errors of 0.02, 0.09 is not
    assert not Opinion(np.nan, 1.0).doubts(0.0, 0.1)
