"""The objective of the neural ODE: its gradient by the adjoint against differences, its limit, and training with it."""

from dataclasses import replace

import numpy as np
import pytest

from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Affine, Perceptron
from ocnet.networks.neural_ode import FunctionAffine, NeuralODE, WeightAffine
from ocnet.networks.noise import Gaussian, Noiseless
from ocnet.training import LabelledPoints, Setting, train
from ocnet.training.criteria import ExpectedLoss, LossOfExpectation
from ocnet.training.losses import Logistic, Squared
from ocnet.training.objectives import NeuralODEObjective, ParticleObjective
from ocnet.training.optimisers import LBFGS
from ocnet.training.regularisers import DepthSmoothness, Tikhonov

BOTH = [FunctionAffine(), WeightAffine()]


def setting_of(layers=3, block=Perceptron(3), criterion=ExpectedLoss(Logistic()), noise=Noiseless(), penalties=(Tikhonov(1e-3),), points=20):
    x = np.random.default_rng(1).normal(size=(points, 2))
    network = ResidualNetwork(block, noise, layers)
    return Setting(network, LabelledPoints(x, np.where(x[:, 0] * x[:, 1] > 0, 1, -1)), criterion, penalties)


@pytest.mark.parametrize("criterion", [ExpectedLoss(Logistic()), LossOfExpectation(Squared())], ids=repr)
@pytest.mark.parametrize("interpolation", BOTH, ids=repr)
def test_gradient_is_the_derivative_of_the_value(interpolation, criterion):
    """Each component, by the seven-point rule: h⁶ J⁽⁷⁾/140 = 7e-15 J⁽⁷⁾, J⁽⁷⁾ up to 1e5, and the solver's 1e-12, not smooth in θ, over h."""
    setting = setting_of(2, Perceptron(2), criterion)
    objective, theta, h = NeuralODEObjective(setting, interpolation, 1e-12), setting.network.initialise(3), 1e-2
    value, gradient = objective.value_and_gradient(theta)
    assert value == objective.value(theta)

    def slope(e):
        f = {k: objective.value(theta + k * h * e) for k in (-3, -2, -1, 1, 2, 3)}
        return (45 * (f[1] - f[-1]) - 9 * (f[2] - f[-2]) + f[3] - f[-3]) / (60 * h)

    assert np.abs(gradient - np.array([slope(e) for e in np.eye(theta.size)])).max() < 2e-9


@pytest.mark.parametrize("points", [1, 20])
def test_the_few_numbers_of_theta_count_in_the_adjoint_s_errors_as_much_as_all_states(points, monkeypatch):
    """The solver's norm is a root mean square over all entries: an error of `tolerance` Σ |c| in every number of θ, and of it alone, has norm 1."""
    from scipy.integrate import DOP853
    setting = setting_of(2)
    ode, tolerances = NeuralODE(setting.network, setting.network.initialise(3)), []
    honest = DOP853.__init__

    def noted(self, *arguments, atol, **more):
        tolerances.append(atol)
        honest(self, *arguments, atol=atol, **more)

    monkeypatch.setattr(DOP853, "__init__", noted)
    x, c = np.random.default_rng(0).normal(size=(2, 2, points))
    ode.carried_back(0, x, c, 1e-5)
    (absolute,) = tolerances
    error, p = np.zeros(absolute.size), ode.numbers.shape[1]
    error[-2 * p:] = 1e-5 * np.abs(c).sum()
    assert absolute.size == 2 * x.size + 2 * p and np.sqrt(np.mean((error / absolute) ** 2)) == pytest.approx(1, rel=1e-13)


def test_looser_tolerances_lose_what_they_say():
    """Errors of some steps add up: within 100 tolerances of the exact gradient, and not exact (the tolerance is what drives it)."""
    setting = setting_of(layers=5)
    theta = 2 * setting.network.initialise(0)
    exact = NeuralODEObjective(setting, tolerance=1e-12).value_and_gradient(theta)[1]
    for tolerance in (1e-4, 1e-6, 1e-8):
        error = np.abs(NeuralODEObjective(setting, tolerance=tolerance).value_and_gradient(theta)[1] - exact).max()
        assert error < 100 * tolerance * np.abs(exact).max()
    assert error > 1e-15


@pytest.mark.parametrize("interpolation", BOTH, ids=repr)
def test_layers_of_a_smooth_control_approach_it_with_order_one(interpolation):
    """|J_N − J| = a/N + b/N², so doubling N halves it within some 10 % at N = 16; gradients N ∇ likewise."""
    found = []
    for layers in (16, 32):
        setting = setting_of(layers, penalties=(), points=8)
        depth, t = setting.network.control, np.arange(layers)[:, None] / layers
        theta = depth.zeros()
        a, b = np.random.default_rng(2).normal(size=(2, depth.layer_size))
        depth.depth(theta)[:], depth.rest(theta)[:] = a * np.cos(2 * t) + b * t, [1.0, -0.5, 0.2]
        ode = NeuralODEObjective(setting, interpolation).value_and_gradient(theta)
        own = ParticleObjective(setting, 2).value_and_gradient(theta)
        found.append((own[0] - ode[0], np.linalg.norm(own[1] - ode[1]) / np.linalg.norm(ode[1])))
    for coarse, fine in zip(*found):
        assert abs(coarse / fine - 2) < 0.2


def test_linear_growth_has_the_gradient_of_the_exponential():
    """x' = w x, constant on all layers: d/dw ½ (c x₀ e^{w} − y)² in closed form, to 1e3 tolerances."""
    network = ResidualNetwork(Affine(), Noiseless(), 4, dim=1)
    setting = Setting(network, LabelledPoints([[0.7]], [1]), ExpectedLoss(Squared()))
    theta = network.control.zeros()
    network.control.depth(theta)[:, 0], network.control.rest(theta)[:] = 0.4, [1.5, 0.0]
    value, gradient = NeuralODEObjective(setting, tolerance=1e-12).value_and_gradient(theta)
    score = 1.5 * 0.7 * np.exp(0.4)
    assert abs(value - 0.5 * (score - 1) ** 2) < 1e-10
    assert abs(network.control.depth(gradient)[:, 0].sum() - (score - 1) * score) < 1e-9


def test_it_trains_and_resumes(tmp_path):
    setting = setting_of(penalties=(Tikhonov(1e-3), DepthSmoothness(1e-3)))
    objective, theta = NeuralODEObjective(setting, tolerance=1e-7), setting.network.initialise(0)
    optimiser = LBFGS(iterations=12)
    whole = train(objective, theta, optimiser, tmp_path / "journal")
    assert whole.fun < 0.7 * objective.value(theta)
    again = train(objective, theta, optimiser, tmp_path / "journal")
    assert again.x.tobytes() == whole.x.tobytes()
    others = [replace(objective, tolerance=1e-6), replace(objective, interpolation=WeightAffine())]
    assert len({o.fingerprint() for o in (objective, *others)}) == 3


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="tolerance=0"):
        NeuralODEObjective(setting_of(), tolerance=0.0)
    setting = setting_of(noise=Gaussian(0.2))
    with pytest.raises(ValueError, match="Noiseless"):
        NeuralODEObjective(setting).value(setting.network.initialise(0))
