"""Hamiltonians: J as one layer sees it, against J itself, closed forms, and differences."""

import numpy as np
import pytest

from ocnet.chain import chain_sweep
from ocnet.grid import Grid
from ocnet.kernels.threads import set_threads
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Affine, Branches, Perceptron
from ocnet.networks.noise import Gaussian, HiddenDropout, InputDropout, Noiseless, OutputDropout, ShakeShake, StochasticDepth
from ocnet.networks.readouts import Linear, LinearClasses
from ocnet.training.criteria import EnsembleLoss, ExpectedLoss, LossOfExpectation
from ocnet.training.hamiltonians import GridHamiltonian
from ocnet.training.losses import CrossEntropy, Logistic, Squared
from ocnet.training.objectives import ChainView, DiffusionView, GridObjective, ParticleObjective
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from ocnet.training.regularisers import DepthSmoothness, Tikhonov

NOISES = [Gaussian(0.3), OutputDropout(0.7), HiddenDropout(0.8), StochasticDepth(0.6, schedule="linear"), InputDropout(0.8), ShakeShake(),
          Noiseless()]
CRITERIA = [ExpectedLoss(Logistic()), LossOfExpectation(Squared())]
GRID = Grid.uniform([-4, -4], [4, 4], 33)
VIEWS = [lambda s: GridObjective(s, GRID, ChainView()), lambda s: GridObjective(s, GRID, DiffusionView(2)),
         lambda s: ParticleObjective(s, 8, seed=5)]
every_view = pytest.mark.parametrize("view", VIEWS, ids=["chain", "sde", "particles"])
every_noise = pytest.mark.parametrize("noise", NOISES, ids=lambda noise: type(noise).__name__)
PENALTIES = Tikhonov(1e-2), DepthSmoothness(1e-2)


def _setting(noise, criterion=CRITERIA[0], block=Perceptron(3), layers=4, points=40, penalties=PENALTIES):
    rng = np.random.default_rng(11)
    x = rng.normal(size=(points, 2))
    labels = np.where(x[:, 0] + 0.3 * rng.normal(size=points) > 0, 1, -1)
    block = Branches(block, noise.copies) if hasattr(noise, "copies") else block
    return Setting(ResidualNetwork(block, noise, layers), LabelledPoints(x, labels), criterion, penalties)


def _moved(theta, hamiltonian, n, size, seed=0):
    """θ with part n moved at random by `size` a component."""
    out = theta.copy()
    out[hamiltonian.part(n)] += size * np.random.default_rng([seed, n]).normal(size=out[hamiltonian.part(n)].shape)
    return out


@every_view
@every_noise
@pytest.mark.parametrize("criterion", CRITERIA, ids=lambda c: c.name)
def test_the_derivative_of_each_hamiltonian_at_theta_is_that_of_j_in_its_layer(view, noise, criterion):
    objective = view(_setting(noise, criterion))
    theta = objective.setting.network.initialise(3)
    value, gradient = objective.value_and_gradient(theta)
    hamiltonian = objective.hamiltonian(theta)
    # sums of some 1e3 terms of size below 1, in other orders at most: 1e3 · 1e-16
    assert abs(hamiltonian.total - value) < 1e-13
    assert np.abs(hamiltonian.gradient - gradient).max() < 1e-13
    for n in range(hamiltonian.layers + 1):
        own = hamiltonian.part(n)
        h, slope = hamiltonian.value_and_gradient(n, theta[own])
        assert abs(h - value) < 1e-13 and np.abs(slope - gradient[own]).max() < 1e-13
    assert np.abs(gradient).max() > 1e-2                     # not nothing that agrees


@every_view
@pytest.mark.parametrize("criterion", [ExpectedLoss(CrossEntropy(3)), LossOfExpectation(CrossEntropy(3)), EnsembleLoss(Squared(), 2)],
                         ids=lambda c: f"{c.name} {type(c.loss).__name__}")
def test_the_same_for_three_classes_and_for_an_ensemble(view, criterion):
    setting = _setting(Gaussian(0.3))
    readout = LinearClasses(3) if criterion.loss.scores == 3 else Linear()
    data = LabelledPoints(setting.data.points, np.arange(40) % 3 if criterion.loss.scores == 3 else setting.data.labels)
    objective = view(Setting(ResidualNetwork(Perceptron(3), Gaussian(0.3), 2, readout=readout), data, criterion))
    theta = objective.setting.network.initialise(3)
    value, gradient = objective.value_and_gradient(theta)
    hamiltonian = objective.hamiltonian(theta)
    for n in range(3):
        own = hamiltonian.part(n)
        h, slope = hamiltonian.value_and_gradient(n, theta[own])
        assert abs(h - value) < 1e-13 and np.abs(slope - gradient[own]).max() < 1e-13              # as above


@every_view
@pytest.mark.parametrize("noise", [Gaussian(0.3), OutputDropout(0.7), InputDropout(0.8)], ids=lambda noise: type(noise).__name__)
@pytest.mark.parametrize("n", [0, 2, 4])
def test_away_from_theta_the_derivative_is_that_of_the_value(view, noise, n):
    objective = view(_setting(noise))
    theta = objective.setting.network.initialise(3)
    hamiltonian = objective.hamiltonian(theta)
    there = _moved(theta, hamiltonian, n, 0.5)[hamiltonian.part(n)]
    value, slope = hamiltonian.value_and_gradient(n, there)
    assert value == hamiltonian.value(n, there)
    direction = np.random.default_rng(1).normal(size=there.size)
    steps = 10.0 ** np.array([-2, -2.5, -3, -3.5])           # at 3e-4 the remainder, about h², is 1e-8 against a rounding of 1e-15
    remainders = [abs(hamiltonian.value(n, there + h * direction) - value - h * (slope @ direction)) for h in steps]
    assert np.polyfit(np.log(steps), np.log(remainders), 1)[0] > 1.95


class _Unlimited:
    """The chain by plain splines: linear in the values."""

    def sweep(self, network, theta, grid):
        return chain_sweep(network.layered(theta), grid, limited=False)


@pytest.mark.parametrize("noise", [Gaussian(0.3), StochasticDepth(0.6, schedule="linear")], ids=lambda noise: type(noise).__name__)
def test_where_j_is_linear_in_values_the_hamiltonian_is_j_with_one_layer_changed(noise):
    setting = _setting(noise)
    theta = setting.network.initialise(3)
    masses = np.random.default_rng(0).dirichlet(np.ones(GRID.size), size=2)

    def hamiltonian_at(theta):
        return GridHamiltonian(setting, GRID, _Unlimited(), lambda u: (float((masses * u).sum()), masses), theta)

    hamiltonian = hamiltonian_at(theta)
    for n in range(hamiltonian.layers + 1):
        other = _moved(theta, hamiltonian, n, 0.7)
        exact = hamiltonian_at(other).total                  # penalties included, which couple the layers
        # values below 10 and masses of sum 1, both through five layers: some 1e-14
        assert abs(hamiltonian.value(n, other[hamiltonian.part(n)]) - exact) < 1e-12
        assert abs(exact - hamiltonian.total) > 1e-3


@pytest.mark.parametrize("criterion", CRITERIA, ids=lambda c: c.name)
def test_the_tail_of_particles_is_j_with_another_readout(criterion):
    objective = ParticleObjective(_setting(Gaussian(0.3), criterion), 8, seed=5)
    theta = objective.setting.network.initialise(3)
    hamiltonian = objective.hamiltonian(theta)
    other = _moved(theta, hamiltonian, 4, 0.7)
    value, gradient = objective.value_and_gradient(other)
    h, slope = hamiltonian.value_and_gradient(4, other[hamiltonian.part(4)])
    assert abs(h - value) < 1e-13 and np.abs(slope - gradient[hamiltonian.part(4)]).max() < 1e-13   # sums of 320 terms below 10


def _affine():
    """States (N + 1, 2, paths) and costates of an affine network without noise, by matrices; squared loss; and what they belong to."""
    setting = _setting(Noiseless(), ExpectedLoss(Squared()), Affine(), layers=3, penalties=())
    network, data, paths = setting.network, setting.data, 2
    theta = network.initialise(4)
    views, tail = [network.control.layer(theta, n) for n in range(3)], network.control.tail_views(theta)
    steps = [np.eye(2) + network.dt * view.W for view in views]
    x = [np.repeat(data.points, paths, axis=0).T]
    for step, view in zip(steps, views):
        x.append(step @ x[-1] + network.dt * view.b[:, None])
    y, w = np.repeat(data.labels, paths), np.repeat(data.weights, paths) / paths
    p = [np.outer(tail.w, w * (tail.w @ x[-1] + tail.b[0] - y))]
    for step in reversed(steps):
        p.insert(0, step.T @ p[0])
    return ParticleObjective(setting, paths), theta, views, x, p, w


def test_the_hamiltonian_of_an_affine_network_by_its_matrices():
    objective, theta, views, x, p, _ = _affine()
    hamiltonian = objective.hamiltonian(theta)
    for n, view in enumerate(views):
        other = _moved(theta, hamiltonian, n, 1.0)
        new = objective.setting.network.control.layer(other, n)
        change = objective.setting.network.dt * ((new.W - view.W) @ x[n] + (new.b - view.b)[:, None])
        exact = hamiltonian.total + (p[n + 1] * change).sum()
        assert abs(hamiltonian.value(n, other[hamiltonian.part(n)]) - exact) < 1e-13                # 160 terms below 1


def test_the_defect_of_an_affine_network_by_its_matrices():
    objective, theta, views, x, p, w = _affine()
    hamiltonian, dt = objective.hamiltonian(theta), objective.setting.network.dt
    for n, view in enumerate(views):
        other = _moved(theta, hamiltonian, n, 1.0)
        new = objective.setting.network.control.layer(other, n)
        velocity = (new.W - view.W) @ x[n] + (new.b - view.b)[:, None]
        back = (new.W - view.W).T @ p[n + 1]
        exact = 0.5 * dt * ((w * velocity**2).sum() + (back**2 / w).sum())                         # ½ ∫ E(|δẋ|² + |δλ̇|²) dt
        slope = dt * np.append(np.einsum("k,ik,jk->ij", w, velocity, x[n]) + np.einsum("k,jk,ik->ij", 1 / w, back, p[n + 1]),
                               (w * velocity).sum(axis=1))
        value, gradient = hamiltonian.defect_and_gradient(n, other[hamiltonian.part(n)])
        # value: 160 terms; gradient: a difference with step 2e-3 leaves 1e3 roundings, exact beyond: ∂_x of a linear map is constant
        assert abs(value - exact) < 1e-13 * max(1, exact) and np.abs(gradient - slope).max() < 1e-11 * max(1, np.abs(slope).max())


@pytest.mark.parametrize("noise", [Gaussian(0.3), OutputDropout(0.7)], ids=lambda noise: type(noise).__name__)
def test_the_defect_is_zero_at_theta_and_its_derivative_that_of_its_value(noise):
    objective = ParticleObjective(_setting(noise), 8, seed=5)
    theta = objective.setting.network.initialise(3)
    hamiltonian = objective.hamiltonian(theta)
    value, gradient = hamiltonian.defect_and_gradient(1, theta[hamiltonian.part(1)])
    assert value < 1e-28 and np.abs(gradient).max() < 1e-13                  # squares of roundings; roundings
    there, h = _moved(theta, hamiltonian, 1, 0.5)[hamiltonian.part(1)], 1e-2
    direction = np.random.default_rng(2).normal(size=there.size) / np.sqrt(there.size)
    f = {k: hamiltonian.defect_and_gradient(1, there + k * h * direction)[0] for k in (-3, -2, -1, 1, 2, 3)}
    slope = (45 * (f[1] - f[-1]) - 9 * (f[2] - f[-2]) + (f[3] - f[-3])) / (60 * h)
    exact = hamiltonian.defect_and_gradient(1, there)[1] @ direction
    # seven-point rule: h⁶ f⁽⁷⁾/140 = 7e-15 · f⁽⁷⁾, f⁽⁷⁾ below 1e3 · f for tanh(3x); rounding 1e-14; the mixed term to 1e-12
    assert abs(slope - exact) < 2e-11 * max(1, abs(exact)) and abs(exact) > 1e-2


def test_points_without_weight_have_no_part_in_the_defect():
    setting = _setting(Gaussian(0.3))
    few = LabelledPoints(setting.data.points, setting.data.labels, np.append(0.0, np.full(39, 1 / 39)))
    objective = ParticleObjective(Setting(setting.network, few, setting.criterion), 4)
    hamiltonian = objective.hamiltonian(setting.network.initialise(3))
    value, gradient = hamiltonian.defect_and_gradient(0, np.zeros(setting.network.control.layer_size))
    assert np.isfinite(value) and np.isfinite(gradient).all() and value > 0


def test_hamiltonians_have_the_same_bits_on_one_and_two_threads():
    setting = _setting(OutputDropout(0.7), points=1500)
    theta = setting.network.initialise(6)
    for objective in (GridObjective(setting, Grid.uniform([-5, -5], [5, 5], 121)), ParticleObjective(setting, 8)):
        found = []
        for threads in (1, 2):
            set_threads(threads)
            hamiltonian = objective.hamiltonian(theta)
            there = _moved(theta, hamiltonian, 1, 0.3)[hamiltonian.part(1)]
            value, slope = hamiltonian.value_and_gradient(1, there)
            found.append((hamiltonian.total, hamiltonian.gradient.tobytes(), value, slope.tobytes()))
        assert found[0] == found[1]
        # of particles two chunks, whose noise goes on from the first to the second; sums of 1e4 terms below 1
        assert np.abs(hamiltonian.gradient - objective.value_and_gradient(theta)[1]).max() < 1e-12


def test_a_part_that_does_not_exist_and_paths_that_do_not_fit_are_refused_by_name():
    setting = _setting(Gaussian(0.3))
    theta = setting.network.initialise(3)
    with pytest.raises(ValueError, match="n=5 is not a whole number from 0 to 4; a layer 0 … 3, or 4 for the tail"):
        ParticleObjective(setting, 2).hamiltonian(theta).part(5)
    with pytest.raises(ValueError, match="paths=1000000 of 40 points"):
        ParticleObjective(setting, 10**6).hamiltonian(theta)
    assert "\n" not in repr(ParticleObjective(setting, 2).hamiltonian(theta))
