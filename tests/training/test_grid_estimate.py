"""Bars of a grid's estimate: they cover, they are not empty, and refining meets them."""

import numpy as np
import pytest

from ocnet import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian, HiddenDropout, OutputDropout
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.grid_estimate import estimate_on_grid
from ocnet.training.losses import Logistic, Squared
from ocnet.training.objectives import ChainView, DiffusionView, GridObjective
from ocnet.training.objectives.labelled import LabelledPoints, Setting


def setting(noise, loss=Squared(), dim=1, layers=6, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.where(np.arange(60) % 2, 1, -1)
    data = LabelledPoints(rng.normal(size=(60, dim)) + 0.5 * labels[:, None], labels)
    return Setting(ResidualNetwork(Perceptron(4), noise, layers, dim=dim), data, ExpectedLoss(loss))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("noise, loss", [(HiddenDropout(0.5), Squared()), (OutputDropout(0.5), Logistic()), (Gaussian(0.5, "diffusive"), Logistic())],
                         ids=repr)
def test_the_equations_value_lies_within_its_bar_of_many_steps(noise, loss, seed):
    """Order 1 in the step for noise that depends on the state, order 2 for additive noise: two steps a layer against 64."""
    problem = setting(noise, loss)
    theta = 2 * problem.network.initialise(seed)
    found = estimate_on_grid(problem, theta, DiffusionView(2), 301, tolerance=np.inf)
    fine = Grid.covering(problem.network.layered(theta), problem.data.points, 301).widened(1.4).refined(1.5)
    truth = GridObjective(problem, fine, DiffusionView(64)).data_term(theta)
    assert abs(found.value - truth) <= found.error_bar
    assert 0 < found.time < 0.2 * found.value                                          # and not by being huge


def test_a_bar_without_the_time_step_would_not_cover():
    problem = setting(HiddenDropout(0.5))
    theta = 2 * problem.network.initialise(2)
    grid = Grid.covering(problem.network.layered(theta), problem.data.points, 301).widened(1.4).refined(1.5)
    two, many = (GridObjective(problem, grid, DiffusionView(m)).data_term(theta) for m in (2, 64))
    found = estimate_on_grid(problem, theta, DiffusionView(2), 301, tolerance=np.inf)
    assert abs(two - many) > 5 * (found.space + found.box)


def contributions(problem, grid, theta):
    """(n,) what each data point, all of equal weight, adds to J."""
    return problem.criterion.per_point(GridObjective(problem, grid).values_at(theta, problem.data.points), problem.data.labels)


@pytest.mark.parametrize("dim, nodes", [(1, 25), (2, 21)])
def test_the_chains_value_lies_within_its_bar_on_coarse_grids(dim, nodes):
    bars = errors = 0.0
    for seed in range(4):
        problem = setting(Gaussian(0.3), Logistic(), dim)
        theta = 2.5 * problem.network.initialise(seed)
        found = estimate_on_grid(problem, theta, ChainView(), nodes, tolerance=np.inf)
        fine = Grid.covering(problem.network.layered(theta), problem.data.points, 601 if dim == 1 else 161)
        truth = GridObjective(problem, fine).data_term(theta)
        assert found.time == 0 and abs(found.value - truth) <= found.error_bar
        coarse = Grid.covering(problem.network.layered(theta), problem.data.points, nodes)
        low, high = (contributions(problem, grid, theta) for grid in (coarse, fine))
        bars, errors = bars + found.space, errors + np.abs(low - high).mean()
    # a grid finer by 1.5 takes away more than half of an error of order 2 or more: so much the bar shows at least
    assert bars > 0.5 * errors


def test_a_box_that_cuts_paths_off_is_widened_until_it_does_not():
    problem = setting(Gaussian(0.6, "diffusive"))
    theta = 2 * problem.network.initialise(1)
    whole = Grid.covering(problem.network.layered(theta), problem.data.points, 201)
    middle, half = 0.5 * (whole.lower + whole.upper), 0.5 * (whole.upper - whole.lower)
    cramped = Grid.uniform(middle - 0.6 * half, middle + 0.6 * half, 121)
    first, last = (estimate_on_grid(problem, theta, ChainView(), cramped, tolerance) for tolerance in (np.inf, 1e-3))
    truth = GridObjective(problem, whole.widened(1.4)).data_term(theta)
    assert first.box > 1e-3 * first.value                                              # the premise
    assert last.error_bar <= max(1e-3 * last.value, 2e-4) and abs(last.value - truth) <= last.error_bar
    assert (last.grid.upper - last.grid.lower > 1.2 * (cramped.upper - cramped.lower)).all()


def test_what_is_not_finite_is_refused_with_the_place():
    problem = setting(Gaussian(0.3))
    theta = problem.network.initialise(0)
    problem.network.control.rest(theta)[:] = 1e200
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="not finite on .*, first in the (readout|loss)"):
        estimate_on_grid(problem, theta, ChainView(), 41)


def test_a_grid_beyond_what_is_affordable_is_refused_with_one_that_is():
    problem = setting(Gaussian(0.3), dim=3)
    with pytest.raises(ValueError, match="nodes=129 on 3 axes .* use nodes=99 or fewer|nodes=100 or fewer"):
        estimate_on_grid(problem, problem.network.initialise(0), ChainView(), 129)
