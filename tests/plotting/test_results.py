"""Results draw themselves: their own numbers, on axes given or new, legibly."""

import numpy as np
import pytest
from matplotlib.collections import QuadMesh

from ocnet import (
    Diffusion,
    Grid,
    KolmogorovProblem,
    ResidualNetwork,
    Setting,
    estimate,
    estimate_multilevel,
    plotting,
    propagate,
    solve_backward,
    solve_forward,
    taylor_test,
    train,
    train_in_depth,
    weak_order,
)
from ocnet.analysis import compare
from ocnet.networks import TrainedNetwork
from ocnet.networks.blocks import Perceptron, Sine
from ocnet.networks.noise import Gaussian, Noiseless
from ocnet.particles import estimate_gradient
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import Logistic
from ocnet.training.objectives import GridObjective
from ocnet.training.objectives.labelled import LabelledPoints
from ocnet.training.optimisers import LBFGS
from ocnet.training.regularisers import Tikhonov

from .legible import assert_legible

OU = Diffusion(lambda t, x: -1.2 * x, [[0.6]], dim=1)
PROBLEM = KolmogorovProblem(OU, lambda x: np.tanh(2 * x[:, 0]), 1.0)
STARTS = np.linspace(-1, 1, 5)[:, None]
RANDOM = np.random.default_rng(2)


@pytest.fixture(scope="module")
def case():
    """A small network on a line, its data and a θ."""
    network = ResidualNetwork(Perceptron(3), Gaussian(0.2), layers=4, dim=1)
    points = np.sort(RANDOM.normal(size=40))[:, None]
    data = LabelledPoints(points, np.where(points[:, 0] > 0, 1, -1))
    return Setting(network, data, ExpectedLoss(Logistic()), (Tikhonov(1e-2),)), network.initialise(seed=0)


def _drawn(result):
    """The axes of result.plot(), after its contract: axes given are used and returned, and both pictures are legible."""
    made, ((given,),) = plotting.figure(1, 1, 5.5, 3.6)
    assert result.plot(ax=given) is given
    assert_legible(made)
    ax = result.plot()
    assert_legible(ax.figure)
    return ax


def test_an_estimate_shows_its_intervals():
    found = estimate(PROBLEM, STARTS, paths=512, steps=4)
    bars = _drawn(found).containers[0]
    low, high = found.interval()
    drawn = np.array([segment[:, 0] for segment in bars[2][0].get_segments()])
    # half-widths are differences of the two ends: a rounding or two of numbers of size 1
    assert np.abs(drawn - np.stack([low, high], axis=1)).max() < 1e-15 * 4
    assert [t.get_text() for t in bars[0].axes.get_yticklabels()] == [f"point {i}" for i in range(5)]


def test_many_start_points_name_every_few():
    many = estimate(PROBLEM, np.linspace(-1, 1, 300)[:, None], paths=64, steps=2)
    assert len(_drawn(many).get_yticklabels()) == 20


def test_levels_show_their_means_over_steps():
    found = estimate_multilevel(PROBLEM, STARTS[1:2], tolerance=5e-3)
    (line,) = [line for line in _drawn(found).lines if line.get_gid() == "series"]
    assert np.array_equal(line.get_ydata(), [abs(level.mean.item()) for level in found.levels[1:]])


def test_a_gradient_shows_its_size_beside_its_error(case):
    setting, theta = case
    process = setting.network.layered(theta)

    def terminal(ends, rows):
        return ends[..., 0].mean(axis=1).sum(), np.full_like(ends, 1 / ends.shape[1]), np.zeros(0)

    found = estimate_gradient(process, setting.data.points, 32, terminal, batches=4)
    gradient, error = _drawn(found).lines
    assert np.allclose(gradient.get_ydata() ** 2, (found.gradient**2).mean(axis=1), rtol=1e-12)      # a root and a square
    assert np.allclose(error.get_ydata() ** 2, (found.gradient_error**2).mean(axis=1), rtol=1e-12)


def test_paths_are_drawn_where_they_were_kept_and_else_the_remedy_is_told(case):
    setting, theta = case
    walked = propagate(setting.network.layered(theta), setting.data.points, 8, seed=0, keep_layers=True)
    ax = _drawn(walked)
    (median,) = (line for line in ax.lines if line.get_label() == "median")
    assert np.array_equal(median.get_ydata(), np.median(walked.layers.reshape(5, -1), axis=1))
    film = walked.animate(labels=setting.data.labels)
    assert film.frames == 5
    film.show(4)
    assert_legible(film.made)
    with pytest.raises(ValueError, match="keep_layers=True"):
        propagate(setting.network.layered(theta), setting.data.points, 8, seed=0).plot()


def test_training_shows_its_history_and_depth_its_differences(case):
    setting, theta = case
    grid = Grid.uniform(-5, 5, 61)
    result = train(GridObjective(setting, grid), theta, LBFGS(iterations=8))
    (line,) = _drawn(result).lines
    assert np.array_equal(line.get_ydata(), result.history["value"]) and np.array_equal(line.get_xdata(), result.history["iteration"])
    (line,) = result.plot(against="seconds").lines
    assert np.array_equal(line.get_xdata(), result.history["seconds"])
    deep = train_in_depth(setting, theta, lambda s, start: GridObjective(s, grid), LBFGS(iterations=3), 4)
    line = _drawn(deep).lines[0]
    assert np.array_equal(line.get_ydata(), np.abs(deep.differences)) and np.array_equal(line.get_xdata(), [4, 8, 16])


def test_views_and_their_agreement_are_drawn(case):
    setting, theta = case
    found = compare(setting.network, theta, setting.data, nodes=41, paths=64)
    ax = _drawn(found)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["chain, network", "particles, network (3 s.e.)", "grid, Itô SDE"]
    assert np.array_equal(ax.containers[0][0].get_xdata(), [found.objective, found.agreement.objective_particles, found.diffusion.value])
    points = _drawn(found.agreement).containers[0][0]
    inside = found.agreement.points_within
    assert np.array_equal(points.get_ydata(), found.agreement.particle_values[inside])


def test_orders_are_drawn_with_the_slope_they_state():
    network = ResidualNetwork(Sine(2), Gaussian(0.5), layers=8, dim=1)
    found = weak_order(network, np.array([1, 2, 0, np.pi / 2, 0.7, 0.4, 0.3]), layers=(8, 16, 32, 64), nodes=33)
    ax = _drawn(found)
    assert np.array_equal(ax.lines[0].get_ydata(), found.errors)
    stated = next(line for line in ax.lines if line.get_label() == f"slope −{found.expected:g}")
    steep = np.diff(np.log(stated.get_ydata())) / np.diff(np.log(found.layers))
    assert np.abs(steep + found.expected).max() < 1e-12                                              # logarithms of size 10, over log 2


def test_remainders_are_drawn_for_every_direction(case):
    setting, theta = case
    found = taylor_test(GridObjective(setting, Grid.uniform(-5, 5, 61)), theta)
    series = [line for line in _drawn(found).lines if line.get_gid() == "series"]
    assert np.array_equal([line.get_ydata() for line in series], found.remainders)


def test_a_trained_network_shows_every_array_of_its_layers(case):
    setting, theta = case
    panels = TrainedNetwork(setting.network, theta).plot()
    assert [ax.get_title() for ax in panels] == ["W1 (3 × 1)", "b1 (3)", "W2 (1 × 3)", "b2 (1)"]
    assert_legible(panels[0].figure)
    drawn = np.array([line.get_ydata() for line in panels[1].lines]).T
    assert np.array_equal(drawn, [setting.network.control.layer(theta, n).b1 for n in range(4)])


def test_values_and_densities_are_drawn_cut_and_filmed():
    grid = Grid.uniform(-4, 4, 81)
    value = solve_backward(PROBLEM, grid, steps=20, keep=5)
    (line,) = _drawn(value).lines
    assert np.array_equal(line.get_ydata(), value(grid.nodes.T))
    assert value.animate().frames == value.times.size
    density = solve_forward(OU, lambda x: np.exp(-0.5 * (x[:, 0] / 0.5) ** 2), grid, 1.0, steps=20, keep=5)
    assert np.array_equal(_drawn(density).lines[0].get_ydata(), density.masses[-1] / grid.weights)
    over_time = density.plot_in_time()
    assert_legible(over_time.figure)
    (mesh,) = (c for c in over_time.collections if isinstance(c, QuadMesh))
    assert np.array_equal(mesh.get_array(), (density.masses / grid.weights).T)
    assert density.animate().frames == density.times.size


def test_a_value_in_three_dimensions_is_cut_three_times():
    still = Diffusion(lambda t, x: 0 * x, 0.1 * np.eye(3), dim=3)
    value = solve_backward(KolmogorovProblem(still, lambda x: np.sin(x).sum(axis=1), 0.1), Grid.uniform([-1] * 3, [1] * 3, [9] * 3), steps=2)
    panels = value.plot_sections()
    assert_legible(panels[0].figure)
    cut = value.grid.reshape(value(value.grid.nodes.T))[:, :, 4]
    (mesh,) = (c for c in panels[0].collections if isinstance(c, QuadMesh))
    assert np.array_equal(mesh.get_array(), cut.T)
    assert_legible(value.plot(at={2: 0.5}).figure)


def test_a_silent_network_has_nothing_to_hide():
    """Without noise there is no Itô limit's spread, and the picture of the three views is legible still."""
    network = ResidualNetwork(Perceptron(2), Noiseless(), layers=2, dim=1)
    found = compare(network, network.initialise(seed=1), (STARTS, np.array([-1, -1, 1, 1, 1])), nodes=41, paths=2)
    _drawn(found)
