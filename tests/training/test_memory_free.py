"""Training with reconstructed activations: the same J, a gradient that is close, and everything else as ever."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from ocnet.networks import ResidualNetwork
from ocnet.networks.architectures import HeunNet, PolyNet, ResNet, RevNet
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian, Noiseless, OutputDropout
from ocnet.particles import Reconstructed, Stored
from ocnet.training import LabelledPoints, Setting, train
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import Logistic
from ocnet.training.objectives import DiffusionView, ParticleObjective
from ocnet.training.optimisers import LBFGS, Adam
from ocnet.training.regularisers import DepthSmoothness, Tikhonov


def objective_of(architecture=ResNet(), layers=64, noise=Noiseless(), activations=Stored(), points=60, **more):
    x = np.random.default_rng(4).normal(size=(points, 2))
    network = ResidualNetwork(Perceptron(4), noise, layers, architecture=architecture)
    data = LabelledPoints(x, np.where(x[:, 0] * x[:, 1] > 0, 1, -1))
    setting = Setting(network, data, ExpectedLoss(Logistic()), (Tikhonov(1e-3), DepthSmoothness(1e-3)))
    return ParticleObjective(setting, 4, activations=activations, **more)


def both(objective):
    return objective, replace(objective, activations=Reconstructed())


@pytest.mark.parametrize("noise", [Noiseless(), Gaussian(0.3), OutputDropout(0.7)], ids=repr)
@pytest.mark.parametrize("architecture, allowed", [(ResNet(), 0.1), (HeunNet(), 0.1), (RevNet(), 1e-12)], ids=repr)
def test_j_is_the_same_and_the_gradient_is_off_by_no_more_than_the_bar(architecture, allowed, noise):
    """The walk forward is one and the same; ResNet's error is O(1/64) here, RevNet's rounding times 64 layers."""
    stored, free = both(objective_of(architecture, noise=noise))
    network, control = stored.setting.network, stored.setting.network.control
    theta = network.initialise(1)
    control.depth(theta)[:] = control.depth(theta)[0]                   # tied: smooth in depth
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (value, exact), (same, found) = stored.value_and_gradient(theta), free.value_and_gradient(theta)
    assert value == same and np.linalg.norm(found - exact) < allowed * np.linalg.norm(exact)
    assert np.array_equal(control.rest(found), control.rest(exact))


def test_training_without_stored_states_ends_where_training_with_them_does():
    """Adam on the same noise: gradients off by 2 % lead to values within a tenth of what training gains (a wrong sign would gain nothing)."""
    stored, free = both(objective_of(layers=48, noise=Gaussian(0.1)))
    theta = stored.setting.network.initialise(0)
    first = stored.value(theta)
    values = [train(objective, theta, Adam(iterations=60, rate=0.03)).fun for objective in (stored, free)]
    assert values[0] < 0.8 * first and abs(values[1] - values[0]) < 0.1 * (first - values[0])


def test_a_killed_run_resumes_to_the_same_bits_and_only_with_the_same_activations(tmp_path):
    stored, free = both(objective_of(layers=12))
    theta, file = stored.setting.network.initialise(0), tmp_path / "run.journal"
    free = replace(free, activations=Reconstructed(10.0))
    whole = train(free, theta, LBFGS(iterations=6), tmp_path / "whole.journal")
    killed = train(free, theta, LBFGS(iterations=6), file, callback=lambda state: state.iteration == 3)
    assert killed.nit == 3 and train(free, theta, LBFGS(iterations=6), file).x.tobytes() == whole.x.tobytes()
    with pytest.raises(ValueError):
        train(stored, theta, LBFGS(iterations=6), file)
    # what was written before there was a choice is still that of stored states
    setting = stored.setting
    assert stored.fingerprint() == setting.fingerprint("particles", 4, 0, None, stored.view, "double")


def test_what_cannot_be_reconstructed_is_refused():
    for objective, why in ((objective_of(PolyNet(), 4, activations=Reconstructed()), "PolyNet.*HeunNet"),
                           (objective_of(view=DiffusionView(2), noise=Gaussian(0.2), activations=Reconstructed()), "need the inverse")):
        with pytest.raises(ValueError, match=why):
            objective.value_and_gradient(objective.setting.network.initialise(0))
    with pytest.raises(ValueError, match="precision='single'.*double"):
        objective_of(precision="single", activations=Reconstructed())
    objective = objective_of(layers=4, activations=Reconstructed())
    with pytest.raises(ValueError, match="Hamiltonian"):
        objective.hamiltonian(objective.setting.network.initialise(0))
