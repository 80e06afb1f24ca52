"""The objectives of the three views: exact derivatives, bounds, agreement, reference numbers."""

import numpy as np
import pytest

from ocnet import Diffusion, KolmogorovProblem, solve_backward
from ocnet.grid import Grid
from ocnet.kernels.threads import set_threads
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian, Noiseless, OutputDropout
from ocnet.networks.readouts import Linear, Tanh
from ocnet.training.criteria import ExpectedLoss, LossOfExpectation
from ocnet.training.grid_estimate import estimate_on_grid
from ocnet.training.losses import Logistic, Squared
from ocnet.training.objectives import ChainView, DiffusionView, GridObjective, ParticleObjective
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from ocnet.training.regularisers import DepthSmoothness, Tikhonov
from tests.chance import random

NOISES = [Gaussian(0.3), OutputDropout(0.7), Noiseless()]


def _setting(noise, criterion, dim=2, layers=4, width=3, points=40):
    rng = np.random.default_rng(11)
    x = rng.normal(size=(points, dim))
    labels = np.where(x[:, 0] + 0.3 * rng.normal(size=points) > 0, 1, -1)
    network = ResidualNetwork(Perceptron(width), noise, layers, dim=dim, readout=Linear())
    return Setting(network, LabelledPoints(x, labels), criterion, (Tikhonov(1e-3), DepthSmoothness(1e-3)))


def _rate(objective, theta, direction, steps):
    """Slope of the logarithm of the Taylor remainder against that of the step."""
    value, gradient = objective.value_and_gradient(theta)
    remainders = [abs(objective.value(theta + h * direction) - value - h * (gradient @ direction)) for h in steps]
    return np.polyfit(np.log(steps), np.log(remainders), 1)[0]


@pytest.mark.parametrize("dim", [1, 2])
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("view, criterion", [(ChainView(), ExpectedLoss(Logistic())), (ChainView(), LossOfExpectation(Squared())),
                                             (DiffusionView(2), ExpectedLoss(Squared()))])
def test_taylor_remainder_of_the_grid_gradient_falls_with_the_square_of_the_step(view, criterion, noise, dim):
    setting = _setting(noise, criterion, dim)
    objective = GridObjective(setting, Grid.uniform([-5] * dim, [5] * dim, 61), view)
    theta = setting.network.initialise(3)
    for seed in (0, 1):
        direction = np.random.default_rng(seed).normal(size=theta.size)
        # two decades; below 3e-5 the remainder (≈ h²) would meet rounding (1e-16 · sums of 1e4 terms)
        assert _rate(objective, theta, direction, 10.0 ** np.array([-2.5, -3, -3.5, -4, -4.5])) > 1.95


@pytest.mark.parametrize("view", [ChainView(), DiffusionView(3)])
@pytest.mark.parametrize("noise", NOISES)
def test_values_stay_in_the_range_of_the_terminal_data_for_wild_parameters(noise, view):
    setting = _setting(noise, ExpectedLoss(Logistic()))
    theta = 6 * setting.network.initialise(1)                          # flows that no grid of 33² resolves
    objective = GridObjective(setting, Grid.uniform([-4, -4], [4, 4], 33), view)
    terminal, *earlier = objective.fields(theta)
    for field in earlier:
        assert field.min() >= terminal.min() and field.max() <= terminal.max() * (1 + 1e-14)   # rounding of convex sums
    assert objective.data_term(theta) >= 0


@pytest.mark.parametrize("criterion", [ExpectedLoss(Logistic()), LossOfExpectation(Logistic()), LossOfExpectation(Squared())])
@pytest.mark.parametrize("noise", NOISES)
def test_particle_gradient_is_the_derivative_of_the_sampled_objective_with_frozen_noise(noise, criterion):
    setting = _setting(noise, criterion)
    theta = setting.network.initialise(2)
    objective = ParticleObjective(setting, 8, seed=5)
    direction = np.random.default_rng(0).normal(size=theta.size)
    h = 2e-3
    f = {k: objective.value_and_gradient(theta + k * h * direction)[0] for k in (-3, -2, -1, 1, 2, 3)}
    slope = (45 * (f[1] - f[-1]) - 9 * (f[2] - f[-2]) + (f[3] - f[-3])) / (60 * h)
    exact = objective.value_and_gradient(theta)[1] @ direction
    # seven-point rule: h⁶ f⁽⁷⁾/140 ≈ 5e-19 · 1e5, rounding 1e-15/h
    assert abs(slope - exact) < 1e-9 * max(1, abs(exact))


@pytest.mark.parametrize("criterion", [ExpectedLoss(Logistic()), LossOfExpectation(Squared())])
@pytest.mark.parametrize("noise", [Gaussian(0.3), OutputDropout(0.7)])
@random()
def test_chain_and_particles_agree_within_their_bars(noise, criterion, chance):
    """Finds 3 % of the objective."""
    setting = _setting(noise, criterion)
    theta = 1.5 * setting.network.initialise(4)
    grid = estimate_on_grid(setting, theta, ChainView(), 61, tolerance=2e-3, floor=1e-5)
    sample = ParticleObjective(setting, 4000, seed=8).sample(theta)
    chance.mean(sample.value, grid.value, sample.standard_error, detects=0.03 * max(1, grid.value), slack=grid.error_bar)
    assert grid.error_bar < 5e-3 * grid.value + 1e-5


@random()
def test_a_wrong_noise_level_is_caught_by_the_same_comparison(chance):
    right, wrong = (_setting(Gaussian(level), ExpectedLoss(Logistic())) for level in (0.6, 0.8))
    theta = 2 * right.network.initialise(4)
    own, other = (estimate_on_grid(setting, theta, ChainView(), 61, tolerance=2e-3, floor=1e-5) for setting in (right, wrong))
    sample = ParticleObjective(right, 4000, seed=8).sample(theta)
    chance.mean(sample.value, own.value, sample.standard_error, detects=0.03 * max(1, own.value), slack=own.error_bar)
    chance.finds(sample.value, own.value, other.value, sample.standard_error, slack=own.error_bar + other.error_bar)


def test_objectives_have_the_same_bits_on_one_and_two_threads():
    setting = _setting(Gaussian(0.3), ExpectedLoss(Logistic()), points=3000)
    theta = setting.network.initialise(6)
    objectives = [GridObjective(setting, Grid.uniform([-5, -5], [5, 5], 121)), ParticleObjective(setting, 8)]
    for objective in objectives:
        set_threads(1)
        value, gradient = objective.value_and_gradient(theta)
        set_threads(2)
        again, other = objective.value_and_gradient(theta)
        assert value == again and np.array_equal(gradient, other)


def _r1(criterion):
    """R1 of the reference problems: f = 1.5 tanh(2x + 0.3), σ = 0.5, h = tanh 2x, classes N(∓0.5, 0.4²) as quadrature."""
    network = ResidualNetwork(Perceptron(1), Gaussian(0.5), 1, dim=1, readout=Tanh(2.0))
    theta = np.array([2.0, 0.3, 1.5, 0.0])
    x = np.linspace(-2.9, 2.9, 581)
    density = np.exp(-0.5 * ((x + 0.5) / 0.4) ** 2)
    weights = 0.5 * density / density.sum()
    data = LabelledPoints(np.append(x, x)[:, None], np.repeat([-1, 1], 581), np.append(weights, weights[::-1]))
    return Setting(network, data, criterion), theta


@pytest.mark.parametrize("criterion, published, gradient", [
    (LossOfExpectation(Squared()), 0.173911, (0.015270, -0.011710, 0.127348)),
    (ExpectedLoss(Squared()), 0.273024, (0.002724, -0.021643, 0.131275))])
def test_r1_losses_and_gradients_of_the_ito_limit(criterion, published, gradient):
    setting, theta = _r1(criterion)
    objective = GridObjective(setting, Grid.uniform(-5, 5, 1601), DiffusionView(256))
    value, slope = objective.value_and_gradient(theta)
    # Strang error: below 0.57 h² = 9e-6; the reference losses themselves are good to 4e-5 (see the next test)
    assert abs(value - published) < 5e-5
    w, b, a, _ = slope
    assert np.abs(np.array([a, w, b]) - gradient).max() < 1e-4


def test_r1_losses_of_two_unrelated_schemes_agree_to_seven_digits():
    """Strang splitting with splines and Crank–Nicolson with central differences, each extrapolated in time."""
    x, y, w = (lambda data: (data.points, data.labels, data.weights))(_r1(ExpectedLoss(Squared()))[0].data)
    process = Diffusion(lambda t, x: 1.5 * np.tanh(2 * x + 0.3), [[0.5]], 1)
    problem = KolmogorovProblem(process, lambda x: np.tanh(2 * x) ** np.array([1, 2]), 1.0)
    differences = []
    for nodes, steps in ((2401, 400), (4801, 800)):                     # h and dt halved together: order 2 in both
        u = solve_backward(problem, Grid.uniform(-5, 5, nodes), steps=steps)(x)
        differences.append(np.array([w @ (u[:, 1] - 2 * y * u[:, 0] + 1), w @ (u[:, 0] - y) ** 2]) / 2)
    characteristics = []
    for criterion in (ExpectedLoss(Squared()), LossOfExpectation(Squared())):
        setting, theta = _r1(criterion)
        half, full = (GridObjective(setting, Grid.uniform(-5, 5, 1601), DiffusionView(m)).data_term(theta) for m in (128, 256))
        characteristics.append((4 * full - half) / 3)
    # each is left with its fourth order: about 1e-8
    assert np.abs((4 * differences[1] - differences[0]) / 3 - characteristics).max() < 1e-7


def test_r1_values_by_the_bounded_scheme_and_order_two_in_time():
    setting, theta = _r1(LossOfExpectation(Squared()))
    published = np.array([-0.99860524, -0.89216124, 0.46327991, 0.98608451, 0.99924144])
    points = np.array([-1, -0.5, 0, 0.5, 1])[:, None]
    errors = [np.abs(GridObjective(setting, Grid.uniform(-5, 5, 2401), DiffusionView(m)).values_at(theta, points)[0]
                     - published).max() for m in (32, 64, 128)]
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert (rates > 1.9).all() and errors[-1] < 1e-4                    # nominal 2; the published values have 8 digits


def test_r1_values_by_extrapolation_in_time():
    setting, theta = _r1(LossOfExpectation(Squared()))
    published = np.array([-0.99860524, -0.89216124, 0.46327991, 0.98608451, 0.99924144])
    points = np.array([-1, -0.5, 0, 0.5, 1])[:, None]
    half, full = (GridObjective(setting, Grid.uniform(-5, 5, 2401), DiffusionView(m)).values_at(theta, points)[0]
                  for m in (128, 256))
    # a symmetric splitting has even powers only: what is left is of order h⁴ = 2e-10, the spline and the weights' 1e-7
    assert np.abs((4 * full - half) / 3 - published).max() < 1e-6


def test_labelled_points_say_in_a_line_what_they_are():
    assert repr(LabelledPoints(np.zeros((3, 2)), [-1, 1, 1])) == "LabelledPoints(3 points in R^2, labels -1, 1)"
    assert repr(LabelledPoints(np.zeros((5, 1)), np.arange(5))) == "LabelledPoints(5 points in R^1, labels 0 … 4)"
