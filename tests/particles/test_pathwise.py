"""The pathwise gradient against a complex step of the sampled functional, its noise frozen."""

import tracemalloc
from importlib import import_module

import numpy as np
import pytest

from ocnet.kernels import threads
from ocnet.particles import sampled_value_and_gradient
from ocnet.process import LayeredProcess
from tests.particles.processes import Toy, all_at_once, toy

START = np.random.default_rng(5).normal(size=(9, 2))
TARGETS = np.linspace(-1, 1, 9)
READOUT = np.array([0.8, -0.5])
SHAPES = [(9, 3), (9, 2000), (1, 20_000)]                  # points, paths: one chunk, three chunks, one point in three pieces


def functional(ends, readout, targets):
    """½ Σ_i (mean over the draws of tanh(b · x) − y_i)²: not a mean over paths, and with parameters b of its own."""
    return 0.5 * ((np.tanh(ends @ readout).mean(axis=1) - targets) ** 2).sum()


def terminal(ends, rows):
    h = np.tanh(ends @ READOUT)
    residual = h.mean(axis=1) - TARGETS[rows]
    slope = residual[:, None] * (1 - h**2) / ends.shape[1]
    return 0.5 * (residual**2).sum(), slope[:, :, None] * READOUT, (slope[:, :, None] * ends).sum(axis=(0, 1))


def result(points, paths):
    return sampled_value_and_gradient(toy(), START[:points], paths, terminal, seed=3)


@pytest.mark.parametrize("points, paths", SHAPES)
def test_gradient_is_the_derivative_of_the_sampled_functional(points, paths, h=1e-30):
    """A complex step has no truncation error and no cancellation, so what is left is rounding."""
    value, depth, rest = result(points, paths)
    theta, targets = toy().theta, TARGETS[:points]

    def moved(d_theta, d_readout):
        ends = all_at_once(Toy(theta + 1j * h * d_theta), START[:points], paths, 3)
        return functional(ends, READOUT + 1j * h * d_readout, targets)

    assert abs(value - moved(0, 0).real) < 1e-14 * points * max(1, value)
    # sums over points · paths of rounded terms, each a mean's share: relative rounding 1e-16 · √(number) < 2e-14
    exact = np.array([moved(np.eye(theta.size)[k].reshape(theta.shape), 0).imag / h for k in range(theta.size)])
    assert depth.shape == theta.shape and np.abs(depth.ravel() - exact).max() < 1e-12 * np.abs(exact).max()
    exact = np.array([moved(0, e).imag / h for e in np.eye(2)])
    assert rest.shape == (2,) and np.abs(rest - exact).max() < 1e-12 * np.abs(exact).max()


@pytest.mark.parametrize("points, paths", SHAPES)
def test_bits_do_not_depend_on_the_number_of_threads(points, paths):
    bits = set()
    for count in (1, 2, 3):
        threads.set_threads(count)
        value, depth, rest = result(points, paths)
        bits.add((float(value).hex(), depth.tobytes(), rest.tobytes()))
    assert len(bits) == 1


def test_the_size_of_chunks_only_regroups_the_sums(monkeypatch):
    value, depth, rest = result(9, 2000)
    monkeypatch.setattr(import_module("ocnet.particles.partition"), "CHUNK", 2000)
    monkeypatch.setattr(import_module("ocnet.particles.partition"), "CHUNK", 700)
    other_value, other_depth, other_rest = result(9, 2000)
    # nine chunks of three pieces against three of one: the same terms, added in another order
    assert abs(value - other_value) < 1e-14 * value
    assert np.abs(depth - other_depth).max() < 1e-13 * np.abs(depth).max()
    assert np.abs(rest - other_rest).max() < 1e-13 * np.abs(rest).max()


@pytest.mark.parametrize("points, paths", SHAPES)
def test_states_walked_again_are_those_that_were_stored(points, paths, monkeypatch):
    stored = result(points, paths)
    monkeypatch.setattr(import_module("ocnet.particles.pathwise"), "_KEPT", 0)
    for a, b in zip(stored, result(points, paths)):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_memory_of_a_point_of_many_paths_is_bounded(monkeypatch, paths=200_000):
    """20 layers in two dimensions: 67 MB of states if they were stored, ends and cotangents 6.4 MB."""
    monkeypatch.setattr(import_module("ocnet.particles.pathwise"), "_KEPT", 0)
    threads.set_threads(1)
    tracemalloc.start()
    sampled_value_and_gradient(toy(layers=20), START[:1], paths, terminal, seed=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e7


def test_a_gradient_with_other_noise_would_be_caught():
    """What must fail: the derivative at another seed is off by far more than the tolerance above."""
    depth = result(9, 2000)[1]
    other = sampled_value_and_gradient(toy(), START, 2000, terminal, seed=4)[1]
    assert np.abs(depth - other).max() > 1e-4 * np.abs(depth).max()


def test_a_cotangent_of_another_shape_is_refused():
    def wrong(ends, rows):
        return 0.0, np.zeros(ends.shape[:2]), np.zeros(0)

    with pytest.raises(ValueError, match=r"cotangent of shape \(9, 3\).*\(9, 3, 2\)"):
        sampled_value_and_gradient(toy(), START, 3, wrong)


def test_a_process_without_gradients_is_refused():
    plain = LayeredProcess(toy().step, toy().law, 2, [0, 1])
    with pytest.raises(ValueError, match="step_vjp"):
        sampled_value_and_gradient(plain, START, 3, terminal)
