"""J_EL − J_LE split along depth: the identity over all masks, by particles and on grids."""

import numpy as np
import pytest
from small_noise import branches, carried, drift, interval, r1_losses

from ocnet.analysis import diffusion_variance_ledger, process_variance_ledger, regularisation_ledger, variance_ledger
from ocnet.grid import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian, HiddenDropout, InputDropout, Noiseless, StochasticDepth
from ocnet.networks.readouts import LinearClasses
from ocnet.process import Diffusion
from ocnet.training.losses import SquaredClasses
from ocnet.training.objectives import LabelledPoints
from tests.chance import random

NOISES = {"hidden dropout": HiddenDropout(0.6), "input dropout": InputDropout(0.6), "stochastic depth": StochasticDepth(0.5)}


def small(noise, classes=3, layers=2):
    network = ResidualNetwork(Perceptron(2), noise, layers, readout=LinearClasses(classes))
    rng = np.random.default_rng(7)
    return network, rng.normal(0, 1.5, network.control.size), LabelledPoints(rng.normal(size=(40, 2)), rng.integers(0, classes, 40))


def conditional_variances(network, theta, data):
    """Half the mean variance that each layer puts into the scores, by all masks: E |u_{n+1}|² − E |u_n|² of the means u_n given the masks of layers < n."""
    process, squares = network.layered(theta), np.zeros(network.layers + 1)
    every = list(branches(process))
    for n in range(network.layers + 1):
        means, masses = {}, {}
        for noises, weight in every:
            key = tuple(map(tuple, noises[:n]))
            score = network.score(carried(process, data.points.T.copy(), noises), theta)
            means[key], masses[key] = means.get(key, 0.0) + weight * score, masses.get(key, 0.0) + weight
        squares[n] = sum(data.weights @ (mean**2).sum(axis=0) / masses[key] for key, mean in means.items())
    return 0.5 * np.diff(squares)


@pytest.mark.parametrize("noise", NOISES)
@random(comparisons=3)
def test_each_layer_s_share_is_that_of_all_its_masks(noise, chance):
    """Each part by its bar, three standard errors; finds a fifth of the total: a factor ½ or 2, or layers exchanged."""
    network, theta, data = small(NOISES[noise])
    found, exact = variance_ledger(network, theta, data, paths=4000, seed=1), conditional_variances(network, theta, data)
    chance.mean([*found.parts, found.gap], [*exact, exact.sum()], np.append(found.bars, found.gap_bar) / 3, detects=0.2 * exact.sum())
    assert (found.bars < 0.15 * exact.sum()).all() and found.gap_bar < 0.1 * exact.sum()
    chance.finds(found.parts, exact, exact[::-1], found.bars / 3)         # exchanged layers would not pass for each other


@random(comparisons=2)
def test_small_noise_is_the_gauss_newton_part(chance):
    """Half the variance at σ = 0.02 is Gauss–Newton's but for O(σ²) = 4e-4 of it times derivatives of order 10: 1 %; finds half of it."""
    network, theta, data = small(Gaussian(0.02))
    exact = regularisation_ledger(network, theta, data, SquaredClasses(3)).gauss_newton
    found = variance_ledger(network, theta, data, paths=2000)
    chance.mean(found.parts, exact, found.bars / 3, detects=0.5 * exact, slack=0.01 * exact)


def test_the_identity_of_r1_holds_on_the_grid_both_ways():
    """σ = 0.5: both sides within their bars of Chebyshev's, which is exact to 1e-10, and of each other within the 3e-4 of MATH 5; there 0.0991."""
    process = Diffusion(lambda t, x: drift(x), 0.5 * np.eye(1), 1)
    found = diffusion_variance_ledger(process, interval(661), lambda x: np.tanh(2 * x[:, 0]), Grid.uniform(-4, 4, 401), steps=64)
    J_EL, J_LE = r1_losses(0.5)
    assert found.within and abs(found.total - (J_EL - J_LE)) < found.total_bar < 1.5e-3 * found.total and len(found.parts) == 8
    assert abs(found.gap - (J_EL - J_LE)) < found.gap_bar and abs(found.total / found.gap - 1) < 3e-4 and abs(found.gap - 0.0991) < 1e-4


@random(comparisons=2)
def test_a_grid_in_two_dimensions_agrees_with_particles_of_thin_layers(chance):
    """Itô limit against 16 times as many layers by particles: both bars, and the O(dt) between the two, dt = 1/32 times a rate of 2 (Lipschitz)."""
    network = ResidualNetwork(Perceptron(3), Gaussian(0.5), 2)
    rng = np.random.default_rng(4)
    theta, data = rng.normal(0, 0.8, network.control.size), LabelledPoints(rng.normal(0, 0.5, (30, 2)), rng.choice([-1, 1], 30))
    process = network.diffusion(theta)
    grid = Grid.covering(process, data.points, (41, 41))
    limit = diffusion_variance_ledger(process, data, lambda x: network.score(np.ascontiguousarray(x.T), theta), grid, steps=12)
    thin, numbers = network, theta
    for _ in range(4):
        numbers, thin = thin.control.prolong(numbers, "copy"), thin.refined()
    found = variance_ledger(thin, numbers, data, paths=96)
    assert limit.within and len(limit.parts) == 2
    chance.mean(found.total, found.gap, np.hypot(found.total_bar, found.gap_bar) / 3, detects=0.5 * limit.total)
    chance.mean(found.total, limit.total, found.total_bar / 3, detects=0.5 * limit.total, slack=limit.total_bar + 2 / 32 * limit.total)


def test_no_noise_has_no_variance_and_the_result_says_what_it_is():
    found = variance_ledger(*small(Noiseless()), paths=4)
    assert found.total == 0 and found.within and "agree" in repr(found)
    assert found.to_dict()["gap"] == 0
    assert variance_ledger(*small(Gaussian(0.3)), paths=4).plot().get_ylabel() == "share of J$_{EL}$ − J$_{LE}$"


@pytest.mark.parametrize("call, message", [
    (lambda: process_variance_ledger(None, interval(11), None), "use diffusion_variance_ledger"),
    (lambda: diffusion_variance_ledger(None, interval(11), None, None), "use process_variance_ledger"),
    (lambda: variance_ledger(*small(Gaussian(0.1)), paths=1), "paths=1"),
])
def test_what_has_no_variance_ledger_is_refused_with_a_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()
