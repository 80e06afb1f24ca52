"""Paths through the layers: what they are, and what they do not depend on."""

from importlib import import_module

import numpy as np
import pytest

from ocnet.kernels import threads
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian
from ocnet.particles import over_ends, propagate
from ocnet.particles.partition import chunk_among, chunk_of
from tests.particles.processes import all_at_once, toy

START = np.random.default_rng(5).normal(size=(7, 2))
SHAPES = [(7, 3), (7, 3000), (2, 20_000), (1, 1)]          # points, paths: chunks of several points, of one, of a part of one


@pytest.mark.parametrize("points, paths", SHAPES)
def test_path_k_of_point_i_has_the_noise_of_number_i_paths_plus_k(points, paths):
    result = propagate(toy(), START[:points], paths, seed=8)
    assert result.ends.shape == (points, paths, 2) and result.layers is None
    assert result.ends.tobytes() == all_at_once(toy(), START[:points], paths, 8).tobytes()


@pytest.mark.parametrize("points, paths", SHAPES)
def test_bits_depend_neither_on_threads_nor_on_the_size_of_chunks(points, paths, monkeypatch):
    bits = set()
    for count in (1, 2, 3):
        threads.set_threads(count)
        bits.add(propagate(toy(), START[:points], paths, seed=8).ends.tobytes())
    for chunk in (1000, 1 << 20):
        monkeypatch.setattr(import_module("ocnet.particles.partition"), "CHUNK", chunk)
        bits.add(propagate(toy(), START[:points], paths, seed=8).ends.tobytes())
    assert len(bits) == 1


def test_another_seed_gives_other_paths():
    a, b = (propagate(toy(), START, 50, seed=s).ends for s in (1, 2))
    assert (a != b).all()


@pytest.mark.parametrize("points, paths", SHAPES)
def test_over_ends_shows_every_point_once_with_all_its_paths(points, paths):
    ends = np.full((points, paths, 2), np.nan)

    def consume(values, rows):
        assert np.isnan(ends[rows]).all() and values.shape[1:] == (paths, 2)
        ends[rows] = values

    over_ends(toy(), START[:points], paths, consume, seed=8)
    assert ends.tobytes() == propagate(toy(), START[:points], paths, seed=8).ends.tobytes()


def test_kept_layers_start_at_the_points_follow_the_steps_and_end_at_the_ends():
    process = toy()
    result = propagate(process, START, 50, seed=8, keep_layers=True)
    assert result.layers.shape == (5, 7, 50, 2)
    assert (result.layers[0] == START[:, None]).all() and (result.layers[-1] == result.ends).all()
    for n in range(4):
        stepped = process.step(n, result.layers[n].reshape(-1, 2).T, process.law.draw(8, 0, 350, n))
        assert (stepped.T.reshape(7, 50, 2) == result.layers[n + 1]).all()


def test_results_are_read_only_and_speak_in_one_line():
    result = propagate(toy(), START, 50, seed=8, keep_layers=True)
    for array in (result.ends, result.layers):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert repr(result) == "Propagation(7 points × 50 paths in dimension 2, seed 8)"


@pytest.mark.parametrize("arguments, message", [
    (([[0, 1], [np.nan, 2]], 10), r"x0\[1\]"), (([[0, 1, 2]], 10), "x0 has shape"), ((START, 0), "paths=0"),
    ((START, 2.5), "paths=2.5"), ((START, 10, -1), "seed=-1")])
def test_wrong_input_is_refused_by_name(arguments, message):
    with pytest.raises(ValueError, match=message):
        propagate(toy(), *arguments)


def test_chunks_of_paths_shrink_with_the_dimension_to_whole_tiles():
    """An even number of paths always, as mirrored pairs need."""
    chunks = [chunk_of(dim) for dim in (1, 2, 16, 32, 33, 100, 1024, 5000)]
    assert chunks == [8192, 8192, 8192, 8192, 7936, 2560, 256, 256]
    assert [chunk_among(total, 2) for total in (100, 5600, 20_000, 10**6)] == [2048, 2048, 2560, 8192]
    assert chunk_among(5600, 1024) == 256


@pytest.mark.parametrize("dim, width, paths", [(1024, 64, 600), (40, 4096, 600)])
def test_wide_networks_walk_and_their_bits_do_not_depend_on_threads(dim, width, paths):
    network = ResidualNetwork(Perceptron(width), Gaussian(0.3), 2, dim=dim)
    process, bits = network.layered(network.initialise(0)), set()
    for count in (1, 2):
        threads.set_threads(count)
        ends = propagate(process, np.zeros((1, dim)), paths, seed=1).ends
        bits.add(ends.tobytes())
    assert len(bits) == 1
    x, layers = np.zeros((dim, 9)), process.network
    for n in range(2):                                                  # sums of up to 4096 terms of size 1: 1e-12
        layer = layers.control.layer(process.theta, n)
        f = layer.W2 @ np.tanh(layer.W1 @ x + layer.b1[:, None]) + layer.b2[:, None]
        x = x + 0.5 * f + 0.3 * np.sqrt(0.5) * process.draw(1, 0, 9, n)
    assert np.abs(ends[0, :9].T - x).max() < 1e-12


def test_a_film_shows_every_path_of_every_start_point_at_its_place():
    result = propagate(toy(), START[:2], 3, seed=8, keep_layers=True)
    film = result.animate(labels=[-1, 1])
    for n in (0, film.frames - 1):
        film.show(n)
        shown = np.concatenate([np.asarray(drawn.get_offsets()) for drawn in film.made.axes[0].collections])
        assert film.frames == len(result.layers) and sorted(map(tuple, shown)) == sorted(map(tuple, result.layers[n].reshape(-1, 2)))
