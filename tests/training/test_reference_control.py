"""The control toy on the line (MATH 1.7, R2): two normal classes, whose posterior no function of x can beat."""

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.stats import norm

from ocnet import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian
from ocnet.networks.readouts import Tanh
from ocnet.training import train
from ocnet.training.criteria import ExpectedLoss, LossOfExpectation
from ocnet.training.losses import Squared
from ocnet.training.objectives import DiffusionView, GridObjective
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from ocnet.training.optimisers import LBFGS
from ocnet.training.regularisers import Tikhonov

MEAN, DEVIATION, LAYERS = 0.5, 0.4, 8
X = np.linspace(-6, 6, 4001)
MIXTURE = 0.5 * (norm.pdf(X, MEAN, DEVIATION) + norm.pdf(X, -MEAN, DEVIATION))
FLOOR = 0.5 * trapezoid(MIXTURE * (1 - np.tanh(MEAN * X / DEVIATION**2)**2), X)     # ½ E Var(y | x)


def setting(sigma, criterion):
    """f = a tanh(w x + b) on 8 layers, T = 1, h = tanh(2x), Tikhonov 1e-4."""
    network = ResidualNetwork(Perceptron(1), Gaussian(sigma, scaling="diffusive"), LAYERS, dim=1, readout=Tanh(2.0))
    densities = {y: lambda x, y=y: norm.pdf(x[:, 0], MEAN * y, DEVIATION) for y in (-1, 1)}
    data = LabelledPoints.from_densities(densities, Grid.uniform(-3.5, 3.5, 281))
    return Setting(network, data, criterion(Squared()), (Tikhonov(1e-4),))


def objective(sigma, criterion):
    return GridObjective(setting(sigma, criterion), Grid.uniform(-6, 6, 361), DiffusionView(4))


def start_and_bounds(control):
    """θ with f = ½ tanh(x), and a box of ±10 that holds the offset of the output at 0: 24 free numbers."""
    theta, lower = control.zeros(), np.full(control.size, -10.0)
    for n in range(LAYERS):
        layer = control.layer(theta, n)
        layer.W1[:], layer.W2[:] = 1.0, 0.5
        control.layer(lower, n).b2[:] = 0.0
    upper = -lower
    return theta, (lower, upper)


def trained(sigma, criterion, iterations):
    toy = objective(sigma, criterion)
    theta, bounds = start_and_bounds(toy.setting.network.control)
    result = train(toy, theta, LBFGS(iterations=iterations, bounds=bounds), progress=lambda *a: None)
    return {c.name: objective(sigma, c).data_term(result.x) for c in (ExpectedLoss, LossOfExpectation)}


def test_the_floor_is_that_of_the_posterior():
    assert FLOOR == pytest.approx(0.153362, abs=5e-7)                                  # six published digits


@pytest.mark.parametrize("sigma, published", [(0.1, 0.1693), (0.3, 0.2247), (0.6, 0.3551)])
def test_without_control_the_loss_is_an_integral_over_wider_normals(sigma, published):
    wide = np.sqrt(DEVIATION**2 + sigma**2)
    exact = sum(0.25 * trapezoid(norm.pdf(X, MEAN * y, wide) * (np.tanh(2 * X) - y)**2, X) for y in (-1, 1))
    toy = objective(sigma, ExpectedLoss)
    # bell-shaped data on 12 nodes a deviation: spline error (h/DEVIATION)⁴/384 ≈ 1e-7 a step, 32 of them
    assert toy.data_term(toy.setting.network.control.zeros()) == pytest.approx(exact, abs=1e-5)
    assert exact == pytest.approx(published, rel=2e-3)                                 # those were computed with implicit steps of order 1


@pytest.mark.parametrize("sigma", [0.1, 0.3, 0.6])
def test_training_the_loss_of_the_expectation_reaches_the_floor_and_never_beats_it(sigma):
    reached = trained(sigma, LossOfExpectation, 30)
    # grid errors as above; the penalty of 1e-4 ½|θ|² costs what it saves: at most 1e-4 · ½ · 10 (θ of size 3)
    assert FLOOR - 1e-5 <= reached["LE"] <= FLOOR + 1e-4
    assert reached["EL"] > reached["LE"]                                               # Jensen


def test_training_the_expected_loss_makes_it_smaller_and_pays_in_the_other():
    expected, of_expectation = trained(0.3, ExpectedLoss, 60), trained(0.3, LossOfExpectation, 30)
    assert expected["EL"] <= 0.1735                                                    # the published target; no control: 0.2247
    assert expected["EL"] < of_expectation["EL"] and FLOOR - 1e-5 <= of_expectation["LE"] < expected["LE"]
