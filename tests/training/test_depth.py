"""Training in depth: what a prolongation changes, mesh independence, and runs that are killed on the way."""

from dataclasses import replace

import numpy as np
import pytest

from ocnet.grid import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian, OutputDropout
from ocnet.networks.readouts import Tanh
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.depth import train_in_depth
from ocnet.training.losses import Squared
from ocnet.training.objectives import GridObjective
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from ocnet.training.optimisers import LBFGS
from ocnet.training.regularisers import DepthSmoothness, Tikhonov
from tests.training.problems import Killed, bits, raising

GRID = Grid.uniform(-4, 4, 161)
WEIGHT = 1e-2


def toy(layers=4, penalties=(Tikhonov(WEIGHT), DepthSmoothness(WEIGHT)), noise=Gaussian(0.3), nodes=101):
    """MATH R2: the classes N(∓0.5, 0.4²) by quadrature, in one dimension."""
    x = np.linspace(-2.5, 2.5, nodes)
    lower = np.exp(-0.5 * ((x + 0.5) / 0.4) ** 2)
    weights = np.concatenate([lower, lower[::-1]]) / (2 * lower.sum())
    data = LabelledPoints(np.concatenate([x, x])[:, None], np.repeat([-1, 1], nodes), weights)
    return Setting(ResidualNetwork(Perceptron(1), noise, layers, dim=1, readout=Tanh(2.0)), data, ExpectedLoss(Squared()), penalties)


def start_of(setting):
    """A tanh that pushes outwards, the same in all layers, and slightly more in later ones."""
    theta, control = setting.network.control.zeros(), setting.network.control
    control.depth(theta)[:] = np.array([1.0, 0.1, 0.5, 0.05]) * np.linspace(0.8, 1.2, control.layers)[:, None]
    return theta


def on_grid(setting, theta):
    return GridObjective(setting, GRID)


class Standing(LBFGS):
    """An optimiser that stays where it is."""

    def minimise(self, objective, theta, *more):
        return replace(LBFGS(iterations=1).minimise(objective, theta), x=theta, fun=objective.value(theta), nit=0)


class Watched:
    """A grid objective that tells `event` the number of each evaluation, over all levels; what that returns stands for J."""

    def __init__(self, event=lambda count: None):
        self.event, self.count = event, 0

    def __call__(self, setting, theta):
        watched = GridObjective(setting, GRID)
        outer = self

        class Counting:
            value, fingerprint, draw = watched.value, watched.fingerprint, watched.draw

            def value_and_gradient(self, theta):
                outer.count += 1
                told, (value, gradient) = outer.event(outer.count), watched.value_and_gradient(theta)
                return value if told is None else told, gradient
        return Counting()


@pytest.mark.parametrize("how", ["copy", "linear"])
@pytest.mark.parametrize("noise", [Gaussian(0.3), OutputDropout(0.8)], ids=repr)
def test_the_output_changes_by_a_multiple_of_1_over_layers(how, noise):
    """Changes are c/N (1 + b/N + …), whose orders are 1 + b/(2N ln 2) + …: within 0.1 at the last, N = 128, for b up to 17."""
    setting = toy(noise=noise)
    found = train_in_depth(setting, start_of(setting), on_grid, Standing(), 6, how)
    changes = np.array([level.change for level in found.levels])
    assert changes[0] == 0 and [level.layers for level in found.levels] == [4, 8, 16, 32, 64, 128]
    orders = np.log2(changes[1:-1] / changes[2:])
    assert abs(orders[-1] - 1) < 0.1 and abs(orders[-1] - 1) < abs(orders[0] - 1)
    assert found.setting.network.layers == 128 and found.theta.shape == (found.setting.network.control.size,)


def test_a_prolongation_that_does_not_shorten_the_layers_changes_the_output_for_good():
    """What must fail: N layers become 2N of the same length, a network of another horizon; the change does not fall with N."""
    changes = []
    for layers in (16, 32, 64):
        setting = toy(layers)
        theta, network = start_of(setting), setting.network
        longer = replace(network.refined(), horizon=2 * network.horizon)
        x = np.array([[0.4]])
        ends = []
        for deep, numbers in ((network, theta), (longer, network.control.prolong(theta))):
            z = x
            for n in range(deep.layers):
                z = deep.layered(numbers).mean_step(n, z)
            ends.append(deep.score(z, numbers)[0])
        changes.append(abs(ends[1] - ends[0]))
    assert abs(np.log2(changes[1] / changes[2])) < 0.1 and changes[-1] > 0.05


def test_optima_with_the_depth_penalty_do_not_depend_on_the_mesh():
    """J_N = J + a/N + b/N² + …: orders of differences are 1 − 3b/(4aN ln 2) + …, so they near 1, the distance halving with each level.

    Levels are converged: entries of the gradient are below 1e-7, and the curvature is at least that of Tikhonov, w dt, near the optimum
    where the data term is convex or nearly so; J is then within P (1e-7)²/(2 w dt) = 2e-9 of it, against differences of 4e-4.
    """
    setting = toy()
    found = train_in_depth(setting, start_of(setting), on_grid, LBFGS(iterations=400, tolerance=3e-8, decrease=1e-14), 4)
    assert [level.layers for level in found.levels] == [4, 8, 16, 32]
    for level, theta in zip(found.levels, found.thetas):
        there = replace(setting, network=replace(setting.network, layers=level.layers))
        assert np.abs(on_grid(there, theta).value_and_gradient(theta)[1]).max() < 1e-7
    assert abs(found.orders[-1] - 1) < 0.05 and abs(found.orders[-1] - 1) < 0.7 * abs(found.orders[0] - 1)
    slopes = np.array([level.slope for level in found.levels])
    assert np.allclose(slopes, [level.layers * np.abs(np.diff(theta.reshape(level.layers, -1), axis=0)).max()
                                for level, theta in zip(found.levels, found.thetas)], rtol=1e-13)
    growth = np.diff(slopes)
    assert (np.abs(growth[1:]) < 0.75 * np.abs(growth[:-1])).all()      # a convergent sequence: increments halve, as 1/N does
    assert all(level.after <= level.before for level in found.levels)


def test_rough_layers_stay_rough_without_the_depth_penalty_and_are_smoothed_with_it():
    """N max|Δθ| of a start that is independent from layer to layer grows as N; the penalty brings it down to what smooth starts reach."""
    slopes = {}
    for layers in (4, 16):
        for penalties in ((Tikhonov(1e-4),), (Tikhonov(WEIGHT), DepthSmoothness(WEIGHT))):
            setting = toy(layers, penalties)
            rough = 0.5 * np.random.default_rng(3).normal(size=setting.network.control.size)
            found = train_in_depth(setting, rough, on_grid, LBFGS(iterations=60), 1)
            slopes[layers, len(penalties)] = found.levels[0].slope
    assert slopes[16, 1] > 2 * slopes[4, 1] and slopes[16, 2] < 0.1 * slopes[16, 1]


@pytest.mark.parametrize("at", [2, 11])
def test_a_killed_run_goes_on_with_the_same_bits(tmp_path, at):
    """Killed in the first or in the second level; what is on disk is replayed, the rest computed."""
    setting, optimiser = toy(2), LBFGS(iterations=6, tolerance=1e-12, decrease=1e-15)
    whole, watch = train_in_depth(setting, start_of(setting), on_grid, optimiser, 2), Watched(raising(Killed(), at))
    with pytest.raises(Killed):
        train_in_depth(setting, start_of(setting), watch, optimiser, 2, journal=tmp_path / "depth")
    again = Watched()
    resumed = train_in_depth(setting, start_of(setting), again, optimiser, 2, journal=tmp_path / "depth")
    total = sum(level.result.nfev for level in whole.levels)
    assert again.count == total - (at - 1)
    for one, other in zip(whole.levels, resumed.levels):
        assert bits(one.result) == bits(other.result) and (one.before, one.change, one.slope) == (other.before, other.change, other.slope)


def test_ctrl_c_ends_the_run_with_what_was_reached():
    setting = toy(2)
    found = train_in_depth(setting, start_of(setting), Watched(raising(KeyboardInterrupt(), 10)), LBFGS(iterations=5, tolerance=1e-12), 3)
    assert found.interrupted and len(found.levels) == 2 and found.theta.shape == (found.setting.network.control.size,)
    assert "interrupted" in found.levels[-1].result.message


@pytest.mark.parametrize("call", [2, 3])
def test_ctrl_c_while_the_next_objective_is_made_keeps_the_finished_levels(call):
    setting, calls = toy(), []

    def impatient(*arguments):
        calls.append(1)
        if len(calls) == call:
            raise KeyboardInterrupt
        return on_grid(*arguments)

    found = train_in_depth(setting, start_of(setting), impatient, LBFGS(iterations=3), 4)
    assert found.interrupted and len(found.levels) == call - 1 and found.theta.shape == (found.setting.network.control.size,)


def test_a_j_that_is_not_finite_ends_the_run_at_its_level():
    setting = toy()
    poison = Watched(lambda count: np.nan if count == 9 else None)
    found = train_in_depth(setting, start_of(setting), poison, LBFGS(iterations=5, tolerance=1e-12), 4)
    assert found.levels[-1].result.fault and len(found.levels) < 4 and "not finite in iteration" in found.levels[-1].result.message


def test_an_optimiser_may_depend_on_the_layers_and_levels_are_counted_from_one():
    setting, asked = toy(2), []

    def optimiser(layers):
        asked.append(layers)
        return Standing()

    found = train_in_depth(setting, start_of(setting), on_grid, optimiser, 2, "copy")
    assert asked == [2, 4] and "J_4=" in repr(found) and "4 layers" in repr(found.levels[1])
    assert found.to_dict()["levels"][1]["change"] == found.levels[1].change > 0
    with pytest.raises(ValueError, match="levels=0 is not a whole number"):
        train_in_depth(setting, start_of(setting), on_grid, Standing(), 0)
