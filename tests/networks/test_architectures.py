"""Theorems about single architectures, training through every view, and their Itô limits."""

from dataclasses import replace

import numpy as np
import pytest

from ocnet.analysis import taylor_test, weak_order
from ocnet.grid import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks import architectures as family
from ocnet.networks.architectures import FractalNet, HeunNet, LMResNet, PolyNet, ResNet, RevNet, WayNet
from ocnet.networks.blocks import Aggregated, Branches, LinearMap, Perceptron, Sine
from ocnet.networks.noise import Gaussian, MultiplicativeGaussian, Noiseless, OutputDropout, ShakeShake, StochasticDepth, StrongDropout
from ocnet.training import LabelledPoints, Setting, checkpoint, train, train_in_depth
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import Logistic
from ocnet.training.objectives import GridObjective, LikelihoodRatioObjective, ParticleObjective
from ocnet.training.objectives.grid import DiffusionView
from ocnet.training.optimisers import LBFGS, Adam
from ocnet.training.regularisers import Tikhonov

MEMBERS = [getattr(family, name).example() for name in family.__all__ if hasattr(getattr(family, name), "example")]
every = pytest.mark.parametrize("architecture", MEMBERS, ids=repr)
GRID = [a for a in MEMBERS if a.copies == 1]
LIMITS = [a for a in GRID if a.span == 1 and not a.plain] + [PolyNet(weights="own"), FractalNet(1), FractalNet(2, weights="shared")]


def oscillator(layers, dt, architecture):
    """Layers of X' = Y, Y' = −X."""
    pair = architecture.halves == 2
    network = ResidualNetwork(LinearMap(), Noiseless(), layers, layers * dt, 2, architecture=architecture)
    theta = network.control.zeros()
    network.control.depth(theta)[:] = (1, -1) if pair else (0, 1, -1, 0)
    return network.layered(theta)


def test_revnet_conserves_the_modified_energy_over_ten_thousand_steps(dt=0.1):
    """X² + Y² + dt XY to 1e-12: a random walk of 1e4 roundings is 1e-14, all on one side 1e-12.  X² + Y² swings by dt/2; Euler's grows by 1 + dt² a step."""
    start = np.array([[1.0], [0.0]])
    x, y = np.concatenate(list(oscillator(10_000, dt, RevNet()).states(start, 0, 0)), axis=1)
    assert np.abs(x**2 + y**2 + dt * x * y - 1).max() < 1e-12
    energy = x**2 + y**2
    assert energy.min() > 1 / (1 + dt / 2) - 1e-4 and energy.max() < 1 / (1 - dt / 2) + 1e-4 and np.ptp(energy) > dt / 2
    euler = (oscillator(100, dt, ResNet()).ends(start, 0, 0) ** 2).sum()
    assert abs(euler - (1 + dt * dt) ** 100) < 1e-12 and euler > 2.70


def test_revnet_runs_back_through_noisy_layers_to_rounding():
    """60 layers with masks, all undone; every layer stretches rounding by at most 1 + dt |Df|, e^{|Df|} ≤ 50 in all."""
    network = ResidualNetwork(Perceptron(8), OutputDropout(0.7), 60, dim=6, architecture=RevNet())
    process, x = network.layered(2 * network.initialise(0)), np.random.default_rng(0).normal(size=(6, 200))
    state = RevNet().begin(process.ends(x, 3, 0))
    assert np.abs(RevNet().end(state) - x).max() > 0.1
    for n in reversed(range(60)):
        state = process.retreat(n, state, process.draw(3, 0, 200, n))
    assert np.abs(RevNet().end(state) - x).max() < 50 * 60 * 1e-15


def test_two_fractal_columns_of_shared_numbers_are_heuns_method():
    """x + ½ (F(x) + F(x + F(x))) by hand: rounding."""
    network = ResidualNetwork(Sine(3), Noiseless(), 2, architecture=FractalNet(weights="shared"))
    theta, x = network.initialise(3), np.random.default_rng(1).normal(size=(2, 9))
    y = x
    for n in range(2):
        layer = network.control.layer(theta, n)
        f = network.dt * network.block.features(y, layer).output
        y = y + 0.5 * (f + network.dt * network.block.features(y + f, layer).output)
    assert np.abs(network.layered(theta).ends(x, 0, 0) - y).max() < 1e-14


def test_heunnet_reads_each_inner_layer_twice():
    """d x_N/dθ_n: with f = W x, both rows of a step move it; HeunNet of two layers is one step of ½ (W_0 + W_1 (1 + dt W_0)) by hand."""
    network = ResidualNetwork(LinearMap(), Noiseless(), 2, dim=1, architecture=HeunNet())
    theta = network.control.zeros()
    network.control.depth(theta)[:, 0] = 0.6, -1.1
    process, dt = network.layered(theta), 0.5
    assert process.layers == 1 and process.times.tolist() == [0, 0.5]
    assert abs(process.ends(np.ones((1, 1)), 0, 0)[0, 0] - (1 + dt / 2 * (0.6 - 1.1 * (1 + dt * 0.6)))) < 1e-15
    gradient = process.reverse(process.trajectory(np.ones((1, 1)), 0, 0), 0, 0, np.ones((1, 1)))
    assert np.abs(gradient[:, 0] - (dt / 2 * (1 - 1.1 * dt), dt / 2 * (1 + dt * 0.6))).max() < 1e-15


def test_lm_resnext_is_lm_over_aggregated_branches():
    """Cut as 3 × 2 units or as one hidden layer of 6, the same numbers are the same network, to rounding."""
    cut, whole = (ResidualNetwork(block, OutputDropout(0.7), 5, architecture=LMResNet()) for block in (Aggregated(2, 3), Perceptron(6)))
    theta, x = cut.initialise(0), np.random.default_rng(0).normal(size=(2, 40))
    assert theta.tobytes() == whole.initialise(0).tobytes()
    assert np.abs(cut.layered(theta).ends(x, 1, 0) - whole.layered(theta).ends(x, 1, 0)).max() < 1e-13
    plain = replace(cut, architecture=ResNet())
    assert plain.layered(plain.initialise(0)).fused is not None


def setting_of(architecture, noise=OutputDropout(0.8), layers=4, points=24):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(points, 2))
    data = LabelledPoints(x, np.where(x[:, 0] * x[:, 1] > 0, 1.0, -1.0))
    network = ResidualNetwork(Perceptron(4), noise, layers, dim=2, architecture=architecture)
    return Setting(network, data, ExpectedLoss(Logistic()), (Tikhonov(1e-3),))


@every
def test_gradients_by_particles_pass_the_taylor_test_and_train(architecture):
    """J must fall by more than a tenth in 15 iterations, which a wrong gradient stops; rates at least 1.95."""
    setting = setting_of(architecture)
    theta = setting.network.initialise(2)
    objective = ParticleObjective(setting, 8, seed=4)
    found = taylor_test(objective, theta)
    assert found.passed and found.rate != np.inf
    result = train(objective, theta, LBFGS(iterations=15))
    assert result.fun < 0.9 * objective.value_and_gradient(theta)[0]


@pytest.mark.parametrize("architecture", GRID, ids=repr)
def test_gradients_on_the_chains_grid_are_derivatives_and_train(architecture):
    """Central difference of step 1e-5 along a random direction: 1e-10 of third derivatives, 1e-11 of rounding; kinks of the limiter aside."""
    setting = setting_of(architecture, StochasticDepth(0.8), layers=3)
    theta, grid = setting.network.initialise(2), Grid.uniform((-5, -5), (5, 5), (41, 41))
    objective = GridObjective(setting, grid)
    value, gradient = objective.value_and_gradient(theta)
    v = np.random.default_rng(1).normal(size=theta.size)
    h = 1e-5
    along = (objective.value(theta + h * v) - objective.value(theta - h * v)) / (2 * h)
    assert abs(along - gradient @ v) < 1e-6 * np.linalg.norm(gradient) * np.linalg.norm(v)
    assert train(objective, theta, LBFGS(iterations=5)).fun < value


@pytest.mark.parametrize("architecture", [HeunNet(), LMResNet(), RevNet()], ids=repr)
def test_an_interrupted_training_goes_on_with_the_same_bits_and_no_other_network(architecture, tmp_path):
    setting = setting_of(architecture)
    theta, objective = setting.network.initialise(2), ParticleObjective(setting, 4, seed=4)
    whole = train(objective, theta, Adam(iterations=8))
    part = train(objective, theta, Adam(iterations=8), journal=tmp_path / "run.npz", callback=lambda state: state.iteration >= 5)
    assert part.nit < 8
    resumed = train(objective, theta, Adam(iterations=8), journal=tmp_path / "run.npz")
    assert resumed.x.tobytes() == whole.x.tobytes()
    other = setting_of(FractalNet())
    with pytest.raises((ValueError, checkpoint.CheckpointError)):
        train(ParticleObjective(other, 4, seed=4), other.network.initialise(2), Adam(iterations=8), journal=tmp_path / "run.npz")


@every
def test_training_in_depth_doubles_every_architecture(architecture):
    found = train_in_depth(setting_of(architecture, points=8), setting_of(architecture).network.initialise(1),
                           lambda setting, theta: ParticleObjective(setting, 4, seed=1), LBFGS(iterations=2), levels=2)
    assert [level.layers for level in found.levels] == [4, 8] and 0 < found.levels[1].change < 1


@pytest.mark.parametrize("architecture", LIMITS, ids=repr)
@pytest.mark.parametrize("noise", [Gaussian(0.5), MultiplicativeGaussian(0.5, "diffusive"), OutputDropout(0.7)], ids=repr)
def test_layers_have_the_weak_order_of_their_ito_limit(architecture, noise):
    """Order 1 + c dt, |c| below 5 for this flow (MATH 1.5 shows 0.9 to 1.1 at 64 layers): ±0.1 between 32 and 64 layers.

    In the natural scaling Heun's drift has no bend, so that its Itô equation is its modified one: order 2.
    """
    dim = architecture.halves
    if dim == 2 and not isinstance(noise, Gaussian):
        noise = StochasticDepth(0.5, scaling=noise.scaling)         # a fair mask for each half: four branches instead of 144
    network = ResidualNetwork(Sine(2), noise, 1, dim=dim, architecture=architecture)
    numbers = network.architecture.blocks(network.block)
    one = np.array([1, 2, 0, np.pi / 2, 0.35, 0.2, 0.15])
    layer = one if numbers is network.block else numbers.joined([one, one * [1, 1, 1, 1, 0.8, 0.6, -0.5]], 1)
    found = weak_order(network, layer, "itô", layers=(16, 32, 64), nodes=17 if dim == 2 else 33)
    heun = architecture == FractalNet(weights="shared") and noise.scaling == "natural"
    assert abs(found.order - (2 if heun else 1)) < 0.1 and found.errors[-1] > 100 * found.floor


def test_the_limit_with_a_whole_branchs_noise_is_not_that_of_halved_branches():
    """Negative control: two halves of a noisy branch have half its variance; ResNet's equation is off by an error that does not fall."""
    network = ResidualNetwork(Sine(2), MultiplicativeGaussian(0.5, "diffusive"), 1, dim=1, architecture=FractalNet(weights="shared"))
    one = np.array([1, 2, 0, np.pi / 2, 0.35, 0.2, 0.15])

    def of_resnet(network, theta):
        return replace(network, architecture=ResNet()).diffusion(theta)

    assert abs(weak_order(network, one, of_resnet, layers=(32, 64, 128), nodes=33).order) < 0.1


@pytest.mark.parametrize("architecture", [FractalNet(), RevNet(), PolyNet()], ids=repr)
@pytest.mark.parametrize("noise", [OutputDropout(0.7), Gaussian(0.4)], ids=repr)
def test_the_limits_gradient_on_a_grid_is_a_derivative(architecture, noise):
    """As above, through drift, factor and their transposes."""
    setting = setting_of(architecture, noise, layers=2, points=10)
    theta = setting.network.initialise(2)
    objective = GridObjective(setting, Grid.uniform((-5, -5), (5, 5), (31, 31)), DiffusionView(1))
    _, gradient = objective.value_and_gradient(theta)
    v, h = np.random.default_rng(1).normal(size=theta.size), 1e-5
    along = (objective.value(theta + h * v) - objective.value(theta - h * v)) / (2 * h)
    assert abs(along - gradient @ v) < 1e-6 * np.linalg.norm(gradient) * np.linalg.norm(v)


def test_views_that_know_only_resnet_say_so():
    network = ResidualNetwork(Perceptron(2), StrongDropout(0.5), 2, architecture=WayNet())
    with pytest.raises(ValueError, match="use network.layered"):
        network.jump_process(network.initialise(0))
    for architecture, match in ((HeunNet(), "two layers"), (PolyNet("literal"), "away from the state")):
        network = ResidualNetwork(Perceptron(2), Gaussian(0.1), 2, architecture=architecture)
        with pytest.raises(ValueError, match=match):
            network.diffusion(network.initialise(0))
    with pytest.raises(ValueError, match="order=2"):
        replace(network, architecture=PolyNet()).diffusion(network.initialise(0), order=2)
    with pytest.raises(ValueError, match="the density of a step is known for ResNet"):
        LikelihoodRatioObjective(setting_of(PolyNet(), Gaussian(0.2)), 8)
    for architecture in (LMResNet(), HeunNet()):
        setting = setting_of(architecture)
        with pytest.raises(ValueError, match="no Hamiltonian of one layer"):
            ParticleObjective(setting, 4).hamiltonian(setting.network.initialise(0))


def test_shares_of_the_reverse_sweep_may_be_drawn_anew_in_every_evaluation():
    """Shake-shake as published: another ξ for the reverse sweep, in both evaluations of a layer; what must differ from the gradient."""
    networks = [ResidualNetwork(Branches(Sine(2), 2), ShakeShake(backward), 2, architecture=FractalNet()) for backward in ("same", "independent")]
    theta, x = networks[0].initialise(0), np.random.default_rng(0).normal(size=(2, 6))
    same, anew = (network.layered(theta) for network in networks)
    assert same.draw_backward(3, 0, 6, 1).tobytes() == same.draw(3, 0, 6, 1).tobytes()
    assert (anew.draw_backward(3, 0, 6, 1) != anew.draw(3, 0, 6, 1)).all()
    states = same.trajectory(x, 3, 0)
    assert np.abs(same.reverse(states, 3, 0, x) - anew.reverse(states, 3, 0, x)).max() > 1e-3
