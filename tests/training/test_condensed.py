"""Condensed data: the same mass, mean and covariance in every cell, and objectives that do not notice."""

from dataclasses import replace

import numpy as np
import pytest

from ocnet import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian
from ocnet.training.criteria import ExpectedLoss, LossOfExpectation
from ocnet.training.losses import Logistic
from ocnet.training.objectives import GridObjective
from ocnet.training.objectives.condensed import condensed
from ocnet.training.objectives.labelled import LabelledPoints, Setting


def clouds(n, dim, seed=0, uneven=False):
    """Two overlapping normal clouds of n points in all."""
    rng = np.random.default_rng(seed)
    labels = np.where(np.arange(n) % 3 == 0, -1, 1)
    weights = rng.exponential(size=n) if uneven else np.ones(n)
    return LabelledPoints(0.5 * rng.normal(size=(n, dim)) + 0.4 * labels[:, None], labels, weights / weights.sum())


def moments(data, key, keys):
    """(mass, mean, second moments) of each of the groups numbered by `key`."""
    columns = [np.ones(len(data)), *data.points.T, *[a * b for a in data.points.T for b in data.points.T]]
    return np.stack([np.bincount(key, data.weights * column, keys) for column in columns])


@pytest.mark.parametrize("dim, uneven", [(1, False), (2, False), (2, True), (3, True)])
def test_mass_mean_and_covariance_of_every_label_are_kept(dim, uneven):
    data = clouds(20_000, dim, uneven=uneven)
    few = condensed(data, Grid.uniform([-3] * dim, [3] * dim, 9))
    assert len(few) < 2 * 2 * dim * 8**dim and (few.weights >= 0).all()
    for d in (data, few):
        assert set(np.unique(d.labels)) == {-1, 1}
    before, after = (moments(d, (d.labels > 0).astype(int), 2) for d in (data, few))
    assert np.abs(before - after).max() < 1e-12                      # 2e4 terms of size 1e-4, each rounded to 1e-16 of itself


def test_points_of_one_cell_and_label_are_condensed_to_their_own_moments_within_reach():
    data = clouds(30_000, 2)
    grid = Grid.uniform([-3, -3], [3, 3], 13)
    few = condensed(data, grid)
    lonely = [tuple(x) for x in few.points[few.weights == few.weights.min()]]
    assert {tuple(x) for x in data.points} >= set(lonely)            # cells with up to 4 points keep them, bit for bit
    assert (few.points.min(axis=0) >= data.points.min(axis=0) - grid.spacing).all()
    assert (few.points.max(axis=0) <= data.points.max(axis=0) + grid.spacing).all()


def test_identical_points_and_points_on_a_line_have_no_spread_to_invent():
    x = np.repeat([[0.25, -0.5]], 20_000, axis=0)
    few = condensed(LabelledPoints(x, np.ones(len(x), int)), Grid.uniform([-1, -1], [1, 1], 9))
    assert len(few) == 4 and np.abs(few.points - x[0]).max() < 1e-8  # √ of the rounding 1e-16 of a variance
    line = np.stack([np.linspace(-1, 1, 20_000), np.zeros(20_000)], axis=1)
    few = condensed(LabelledPoints(line, np.ones(len(line), int)), Grid.uniform([-1, -1], [1, 1], 9))
    assert (few.points[:, 1] == 0).all()


def test_a_few_points_are_left_alone():
    data = clouds(10_000, 2)
    assert condensed(data, Grid.uniform([-3, -3], [3, 3], 9)) is data


@pytest.mark.parametrize("criterion", [ExpectedLoss(Logistic()), LossOfExpectation(Logistic())])
def test_objective_and_gradient_of_many_points_are_those_of_the_few_to_third_order_in_the_spacing(criterion):
    network = ResidualNetwork(Perceptron(5), Gaussian(0.3), 4)
    theta, data = 2 * network.initialise(1), clouds(40_000, 2, uneven=True)
    errors = []
    for nodes in (21, 81):
        grid = Grid.uniform([-5, -5], [5, 5], nodes)
        few = GridObjective(Setting(network, data, criterion), grid)
        whole = replace(few, condense=False)
        (value, gradient), (exact, slope) = few.value_and_gradient(theta), whole.value_and_gradient(theta)
        assert few.value(theta) == value
        errors.append([abs(value - exact) / exact, np.abs(gradient - slope).max() / np.abs(slope).max()])
    # ⅙ h³ D³u times a share of order 0.1 (skewness within a cell): 2e-3 at h = ½, D³u ≈ 1; 64 times less at a quarter of it.  Half of the
    # order is asked for, as the errors of the cells cancel by chance
    assert np.max(errors[0]) < 2e-3 and (np.array(errors[1]) < np.array(errors[0]) / 8).all()


def test_what_is_condensed_once_is_remembered_for_the_same_data_and_grid():
    data, grid = clouds(12_000, 2), Grid.uniform([-3, -3], [3, 3], 21)
    assert condensed(data, grid) is condensed(data, Grid.uniform([-3, -3], [3, 3], 21))
    assert condensed(data, grid) is not condensed(data, grid.refined(1.5))
    for nodes in range(10, 16):
        condensed(data, Grid.uniform([-3, -3], [3, 3], nodes))
    again = condensed(data, grid)                                        # forgotten and made again
    assert np.array_equal(again.points, condensed(clouds(12_000, 2), grid).points)


def test_a_journal_of_another_grid_would_be_refused():
    network = ResidualNetwork(Perceptron(3), Gaussian(0.3), 2)
    setting = Setting(network, clouds(100, 2), ExpectedLoss(Logistic()))
    prints = {GridObjective(setting, Grid.uniform([low, -3], [3, 3], 21)).fingerprint() for low in (-3, -3.0000001, -3)}
    assert len(prints) == 2
