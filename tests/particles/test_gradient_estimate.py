"""Gradients with standard errors: honest errors, whatever the executor, and every component by itself."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian, OutputDropout
from ocnet.particles import estimate_gradient, propagate
from tests.chance import random
from tests.particles.processes import toy

START = np.array([[0.3, -0.2], [1.0, 0.5]])


def terminal(ends, rows):
    """Σ over points of the mean over draws of tanh(x₀ + b x₁), with b = ½ a parameter of its own."""
    h = np.tanh(ends[..., 0] + 0.5 * ends[..., 1])
    slope = (1 - h**2) / ends.shape[1]
    return h.mean(axis=1).sum(), np.stack([slope, 0.5 * slope], axis=2), np.array([(slope * ends[..., 1]).sum()])


@random(comparisons=40)
def test_errors_are_those_of_independent_repetitions(chance, repetitions=40):
    """Variance of 40 estimates over their mean stated one: χ² with 39 degrees, some 3 % more by the mean of 40 · 15; finds a factor of 10.

    The library's own batches are 16: a variance of sums taken for one of means is 16 times too large.
    """
    runs = [estimate_gradient(toy(), START, 1600, terminal, seed=k) for k in range(repetitions)]
    for name in ("gradient", "value"):
        found = np.stack([getattr(run, name) for run in runs])
        stated = np.mean([getattr(run, f"{name}_error") ** 2 for run in runs], axis=0)
        chance.variance(found.var(axis=0, ddof=1), stated, repetitions - 1, detects=10)


@random(comparisons=4)
def test_mean_is_that_of_finite_differences_of_the_expectation(chance, h=0.05, paths=400_000):
    """By common noise, and the h² term, each of four components; finds 0.03, where the gradient is of size 0.3."""
    network = ResidualNetwork(Perceptron(3), OutputDropout(0.7), 3, dim=2)
    theta = network.initialise(0)
    found = estimate_gradient(network.layered(theta), START, 16_000, terminal, seed=1)
    for k in (0, 7, 11, 20):
        def value(step):
            moved = theta.copy()
            moved[k] += step
            ends = propagate(network.layered(moved), START, paths, seed=5).ends
            return np.tanh(ends[..., 0] + 0.5 * ends[..., 1])

        difference = (value(h) - value(-h)) / (2 * h)
        error = np.sqrt((difference.var(axis=1) / paths).sum())
        own = found.gradient_error.ravel()[k]
        chance.mean(difference.mean(axis=1).sum(), found.gradient.ravel()[k], np.hypot(error, own), detects=0.03, slack=h**2, freedom=15)


def test_bits_do_not_depend_on_the_executor_and_an_interval_holds_the_estimate():
    network = ResidualNetwork(Perceptron(3), Gaussian(0.3), 3, dim=2)
    process = network.layered(network.initialise(0))
    one = estimate_gradient(process, START, 64, terminal, seed=1)
    with ThreadPoolExecutor(2) as pool:
        other = estimate_gradient(process, START, 64, terminal, seed=1, executor=pool)
    assert one.gradient.tobytes() == other.gradient.tobytes() and one.rest_error.tobytes() == other.rest_error.tobytes()
    low, high = one.interval(0.9)
    assert (low < one.gradient).all() and (one.gradient < high).all() and one.rest.shape == (1,)
    assert "s.e." in repr(one) and "16 batches" in repr(one)


def test_an_unseeded_estimate_says_which_seed_reproduces_it():
    one = estimate_gradient(toy(), START, 32, terminal, seed=None)
    again = estimate_gradient(toy(), START, 32, terminal, seed=one.seed)
    assert one.gradient.tobytes() == again.gradient.tobytes()
    assert estimate_gradient(toy(), START, 32, terminal, seed=None).seed != one.seed     # equal with probability 5e-20


@pytest.mark.parametrize("change, words", [({"paths": 30}, "paths=30 is not a multiple of batches=16; use 32"), ({"batches": 1}, "batches=1"),
                                           ({"seed": -1}, "seed=-1")])
def test_wrong_counts_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        estimate_gradient(**{"process": toy(), "x0": START, "paths": 32, "terminal": terminal, **change})
