"""Networks of one layer and of 4096, of every architecture, noise and block: values and gradients are numbers, and the right ones.

OCNET_TEST_DEPTH=4096 takes all of them to that depth.
"""

import os

import numpy as np
import pytest
from scipy.linalg import expm

from ocnet import Reconstructed, ResidualNetwork, Stored, propagate, solve_chain
from ocnet.grid import Grid
from ocnet.networks import architectures, blocks, noise
from ocnet.networks.noise import Gaussian, Noiseless
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import Logistic
from ocnet.training.objectives import GridObjective, LabelledPoints, ParticleObjective, Setting
from tests.chance import random

POINTS = np.random.default_rng(5).normal(size=(6, 2))
DATA = LabelledPoints(POINTS, np.where(POINTS[:, 0] > 0, 1, -1))
GRID = Grid.uniform([-4, -4], [4, 4], [9, 9])


def members(family):
    return [getattr(family, name) for name in family.__all__ if hasattr(getattr(family, name), "example")]


ARCHITECTURES, NOISES, BLOCKS = members(architectures), members(noise), members(blocks)
SMOOTH = blocks.Perceptron(4)
# those whose layers are walked in Python, a second or more at depth 4096: OCNET_TEST_DEPTH=4096 takes them there too
WALKED = {*(kind for kind in ARCHITECTURES if kind is not architectures.ResNet), noise.DirichletShake, noise.ShakeShake, noise.DropConnect,
          blocks.Branches, blocks.Sine}
DEEP = int(os.environ.get("OCNET_TEST_DEPTH", "256"))


def fitting(model, block=SMOOTH):
    return blocks.Branches(block, model.copies) if hasattr(model, "copies") else block


def setting_of(layers, model=Gaussian(0.2), block=SMOOTH, architecture=architectures.ResNet(), data=DATA):
    network = ResidualNetwork(fitting(model, block), model, layers, architecture=architecture)
    return Setting(network, data, ExpectedLoss(Logistic()))


def check_gradient(objective, theta, value=lambda objective, theta: objective.value_and_gradient(theta)[0]):
    """J is a number, and ∇J along one direction is its central difference.

    At h = 1e-4 that is off by h² J'''/6, of a direction of length 1 in θ: 1e-8 of what the gradient may be of size, and by 4096 roundings of J over h:
    4096 · 1e-16/1e-4.  A layer's share of the gradient that were missing or doubled is 1/√layers of it at least for most directions: 1.5 %.
    """
    total, gradient = objective.value_and_gradient(theta)
    way = np.random.default_rng(1).normal(size=theta.size) + 2 * gradient / max(np.abs(gradient).max(), 1e-300)
    way /= np.linalg.norm(way)
    slope = (value(objective, theta + 1e-4 * way) - value(objective, theta - 1e-4 * way)) / 2e-4
    assert np.isfinite(total) and np.isfinite(gradient).all() and np.abs(gradient).max() > 0
    assert slope == pytest.approx(gradient @ way, rel=1e-5, abs=1e-8)


def forwards(objective, theta):
    """J by a walk forwards alone, of the same noise."""
    return objective.sample(theta).value


SMALL = [(layers, a.example(), m.example()) for layers in (1, 2) for a in ARCHITECTURES for m in NOISES]


def test_one_layer_and_two_have_a_value_and_its_gradient_in_every_architecture_under_every_noise():
    built = 0
    for layers, architecture, model in SMALL:
        if architecture == architectures.HeunNet() and layers == 1:               # reads the numbers of two
            with pytest.raises(ValueError, match="layers=1.*give layers ≥ 2"):
                setting_of(layers, model, architecture=architecture)
            continue
        problem, built = setting_of(layers, model, architecture=architecture), built + 1
        check_gradient(ParticleObjective(problem, 2), problem.network.initialise(0), forwards)
    assert built == len(SMALL) - len(NOISES)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", BLOCKS, ids=lambda kind: kind.__name__)
def test_every_block_has_a_value_and_its_gradient_at_one_layer(kind, layers):
    problem = setting_of(layers, block=kind.example())
    check_gradient(ParticleObjective(problem, 2), problem.network.initialise(0))


@pytest.mark.parametrize("kind", ARCHITECTURES, ids=lambda kind: kind.__name__)
def test_one_layer_on_a_grid_is_one_layer_of_particles_or_the_grid_says_what_serves(kind):
    layers = 2 if kind is architectures.HeunNet else 1
    problem = setting_of(layers, Noiseless(), architecture=kind.example())
    theta, fine = problem.network.initialise(0), Grid.uniform([-4, -4], [4, 4], [161, 161])
    if problem.network.architecture.copies > 1:
        with pytest.raises(ValueError, match="use particles"):
            GridObjective(problem, fine).value_and_gradient(theta)
        return
    (by_grid, slope), (by_paths, exact) = (o.value_and_gradient(theta) for o in (GridObjective(problem, fine), ParticleObjective(problem, 2)))
    # interpolation at nodes h = 1/20 apart, of a loss of scores that bend by 1 on a length of 1/2 at least: h⁴/100 in values, h³ in slopes, twice
    assert by_grid == pytest.approx(by_paths, abs=1e-5)
    assert np.abs(slope - exact).max() < 2 * 0.05**3 * 4


@pytest.mark.parametrize("kind", ARCHITECTURES, ids=lambda kind: kind.__name__)
def test_every_architecture_has_a_value_and_its_gradient_at_depth(kind):
    problem = setting_of(DEEP if kind in WALKED else 4096, architecture=kind.example(), data=LabelledPoints(POINTS[:2], [1, -1]))
    check_gradient(ParticleObjective(problem, 2), problem.network.initialise(0), forwards)


@pytest.mark.parametrize("kind", NOISES, ids=lambda kind: kind.__name__)
def test_every_noise_has_a_value_and_its_gradient_at_depth(kind):
    problem = setting_of(DEEP if kind in WALKED else 4096, kind.example(), data=LabelledPoints(POINTS[:2], [1, -1]))
    check_gradient(ParticleObjective(problem, 2), problem.network.initialise(0), forwards)


@pytest.mark.parametrize("kind", BLOCKS, ids=lambda kind: kind.__name__)
def test_every_block_has_a_value_and_its_gradient_at_depth(kind):
    problem = setting_of(DEEP if kind in WALKED else 4096, block=kind.example(), data=LabelledPoints(POINTS[:2], [1, -1]))
    check_gradient(ParticleObjective(problem, 2), problem.network.initialise(0), forwards)


def linear(layers, matrix, model, architecture=architectures.ResNet()):
    """A network of f(x) = W x with the same W in all layers, and its θ."""
    network = ResidualNetwork(blocks.LinearMap(), model, layers, dim=len(matrix), architecture=architecture)
    theta = network.initialise(0)
    network.control.depth(theta)[:, : matrix.size] = matrix.ravel()
    return network, theta


SPIRAL = np.array([[-0.7, -2.0], [2.0, -0.3]])


def test_4096_layers_are_the_flow_of_their_ode_to_first_order_and_heun_to_second():
    for architecture, bound in ((architectures.ResNet(), 1), (architectures.HeunNet(), 2)):
        network, theta = linear(4096, SPIRAL, Noiseless(), architecture)
        process = network.layered(theta)
        ends, limit = propagate(process, POINTS, 2).ends[:, 0], POINTS @ expm(process.times[-1] * SPIRAL).T          # Heun's has a step less
        # ‖(I + W/N)^N − e^W‖ ≤ ‖W‖² e^‖W‖/2N, and ‖W‖³ e^‖W‖/6N² for Heun, ‖W‖ = 2.2
        most = np.exp(2.2) * (2.2**2 / 2 / 4096 if bound == 1 else 2.2**3 / 6 / 4096**2) * np.linalg.norm(POINTS, axis=1).max()
        assert np.abs(ends - limit).max() < most
        assert bound == 2 or np.abs(ends - limit).max() > most / 100                # the bound means something


@random(comparisons=6)
def test_4096_noisy_layers_have_the_mean_and_the_variance_of_their_equation(chance):
    network, theta = linear(4096, -0.8 * np.eye(2), Gaussian(0.5))
    paths = 8000
    ends = propagate(network.layered(theta), POINTS[:2], paths, seed=3).ends
    mean, variance = POINTS[:2] * np.exp(-0.8), 0.25 * -np.expm1(-1.6) / 1.6
    # steps of 1/4096 move both by 0.8²/2/4096 and less of themselves
    chance.mean(ends.mean(axis=1), mean, np.sqrt(variance / paths), detects=0.04, slack=1e-4)
    chance.variance(ends.var(axis=1, ddof=1)[:, 0], variance, paths - 1, detects=1.2)


def test_a_chain_of_4096_layers_carries_linear_data_as_they_are_and_stays_within_any():
    grid = Grid.uniform([-2, -2], [2, 2], [13, 13])
    network, theta = linear(4096, -0.8 * np.eye(2), Noiseless())
    value = solve_chain(network.layered(theta), lambda x: x[:, 0], grid)
    # without noise limited cubic splines reproduce linear data, the flow is inward: rounding of values of 2, 4096 times some ten sums
    assert np.abs(value(0.5 * POINTS) - (1 - 0.8 / 4096)**4096 * 0.5 * POINTS[:, 0]).max() < 4096 * 10 * 2 * 2.3e-16
    network = setting_of(4096, Gaussian(0.5)).network
    value = solve_chain(network.layered(network.initialise(0)), lambda x: np.tanh(9 * x[:, 1]), grid)
    assert np.isfinite(value.values).all() and np.abs(value.values).max() <= 1 + 1e-12 and np.ptp(value.values[0]) > 0.1


@pytest.mark.parametrize("kind", [architectures.ResNet, architectures.RevNet, architectures.HeunNet], ids=lambda kind: kind.__name__)
def test_gradients_of_reconstructed_states_at_depth_are_those_of_stored_ones(kind):
    problem = setting_of(4096 if kind is architectures.ResNet else DEEP, architecture=kind.example(), data=LabelledPoints(POINTS[:2], [1, -1]))
    layers = problem.network.layers
    control, theta = problem.network.control, problem.network.initialise(0)
    control.depth(theta)[:] = control.depth(theta)[0]           # tied: smooth in depth
    stored, walked = (ParticleObjective(problem, 2, activations=kind).value_and_gradient(theta) for kind in (Stored(), Reconstructed()))
    assert stored[0] == walked[0]
    # a layer undone is off by dt² f' f, in all by dt L |f| e^L: dt times some 40; RevNet's inverse is exact, to rounding times depth
    allowed = layers * 1e-15 * 100 if kind is architectures.RevNet else 40 / layers
    assert np.abs(stored[1] - walked[1]).max() < allowed * np.abs(stored[1]).max()
