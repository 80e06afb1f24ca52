"""The compound Poisson limit of strong dropout: drawn paths against the generator on periodic problems, and against their moments."""

import numpy as np
import pytest

from ocnet.analysis.periodic import PeriodicGrid
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Affine, Sine
from ocnet.networks.noise import OutputDropout, StrongDropout
from ocnet.particles import propagate
from tests.chance import random

LINE = np.array([1, 2, 0, np.pi / 2, 0.7, 0.4, 0.3])
PLANE = np.array([1, 0, 0, 1, 1, 1, 0, 1, 2, 0.4, 0.2, 0.2, -0.3, 0.4, 0.1, 0.2, 0.1])


def process_of(dim, layers, level=0.5):
    """Fields that the nodes below resolve to 1e-5."""
    network = ResidualNetwork(Sine(dim + 1), StrongDropout(level), layers, dim=dim)
    theta = network.control.zeros()
    network.control.depth(theta)[:] = LINE if dim == 1 else PLANE
    return network.jump_process(theta)


@pytest.mark.parametrize("dim, nodes", [(1, 65), (2, 21)])
@random(comparisons=2)
def test_paths_have_the_law_of_the_generator(dim, nodes, chance, paths=200_000):
    """Finds 0.015 of a functional that goes from 0.3 to 3."""
    grid, process = PeriodicGrid(nodes, dim), process_of(dim, 3)

    def functional(points):
        return np.exp((np.sin(points) + 0.5 * np.cos(points)).mean(axis=0))

    exact = grid.by_jumps(process, functional(grid.points))
    for node in (0, 5):
        values = functional(propagate(process, grid.points[:, node][None], paths, seed=2).ends[0].T)
        chance.sample(values, exact[node], detects=0.015)


@random(comparisons=5)
def test_jumps_are_poisson_and_have_mean_and_variance_of_their_number(chance, paths=200_000):
    """f = 1: X_N − x is s² times a Poisson number of mean T/s², of mean T and variance s² T, in each component by itself; finds 2 to 4 % of them."""
    network = ResidualNetwork(Affine(), StrongDropout(0.5), 4, dim=2)
    theta = network.control.zeros()
    for n in range(4):
        network.control.layer(theta, n).b[:] = 1.0
    ends = propagate(network.jump_process(theta), np.zeros((1, 2)), paths, seed=3).ends[0]
    assert np.abs(ends / 0.25 - np.round(ends / 0.25)).max() < 1e-12
    chance.sample(ends.T, 1.0, detects=0.02)
    chance.sample((ends.T - 1) ** 2, 0.25, detects=0.01)
    chance.sample((ends[:, 0] - 1) * (ends[:, 1] - 1), 0.0, detects=0.01)


@random()
def test_no_layer_is_too_long_for_the_draws(chance):
    """One layer of horizon 1 and 64 jumps on average, or four: the same law of the ends, coefficients being constant; finds 0.015."""
    means = []
    for layers in (1, 4):
        network = ResidualNetwork(Sine(1), StrongDropout(0.125), layers, dim=1)
        theta = network.control.zeros()
        network.control.depth(theta)[:] = [1.0, 0.3, 0.8, 0.2]
        ends = propagate(network.jump_process(theta), [[0.4]], 20_000, seed=4).ends[0, :, 0]
        means.append((ends.mean(), ends.std() / np.sqrt(20_000)))
    chance.mean(means[0][0], means[1][0], np.hypot(means[0][1], means[1][1]), detects=0.015)


def test_a_path_is_the_same_in_any_batch():
    process, x = process_of(2, 3), np.random.default_rng(0).normal(size=(2, 400))
    whole = process.ends(x, 5, 100)
    assert process.ends(np.ascontiguousarray(x[:, 37:90]), 5, 137).tobytes() == np.ascontiguousarray(whole[:, 37:90]).tobytes()


def test_only_strong_dropout_jumps():
    network = ResidualNetwork(Affine(), OutputDropout(0.5), 2)
    with pytest.raises(ValueError, match="no jump limit"):
        network.jump_process(network.control.zeros())
