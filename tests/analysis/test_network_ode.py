"""The distance of a network from the ODE behind it: its orders, its bounds, and what makes them fail."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from ocnet.analysis import network_ode, network_ode_distance
from ocnet.networks import ResidualNetwork
from ocnet.networks.architectures import RevNet
from ocnet.networks.blocks import Affine, Branches, Perceptron, Sine
from ocnet.networks.neural_ode import FunctionAffine, NeuralODE, WeightAffine
from ocnet.networks.noise import Gaussian, Noiseless, OutputDropout
from tests.chance import random, rng

BOTH = [FunctionAffine(), WeightAffine()]


def network_of(block, layers, dim=2, horizon=1.0):
    return ResidualNetwork(block, Noiseless(), layers, horizon, dim)


def with_depth(network, numbers):
    """θ with these numbers (N, p) of the layers."""
    theta = network.control.zeros()
    network.control.depth(theta)[:] = numbers
    return theta


def growing(layers=10):
    """x' = x from 1: exactly e^t."""
    network = network_of(Affine(), layers, 1)
    return network, with_depth(network, [1.0, 0.0])


def test_exponential_growth_has_the_error_and_the_bound_of_the_paper():
    """Distance e − (1 + 1/N)^N and bound e (e − 1)/(2N), both in closed form; rounding only: 1e-15 and the reference's 1e-11."""
    found = network_ode_distance(*growing(), [[1.0]])
    assert abs(found.distance - (np.e - 1.1**10)) < 1e-10
    assert abs(found.smooth[-1] - np.e * (np.e - 1) / 20) < 1e-12 and found.holds
    assert abs(found.radius - np.e) < 1e-14 and found.lipschitz == 1
    # the layers' own recursion (1.1^n − 1) e/20 is below its closed form; both are within a factor 2 of the truth here
    assert abs(found.layered[-1] - np.e / 20 * (1.1**10 - 1)) < 1e-12 and found.smooth[-1] < 2 * found.distance
    closed = 0.1 * found.speed * (2 * np.exp(found.times) - 1)
    assert (found.rough <= closed).all() and found.reference_error < 1e-9


def test_a_bound_with_half_the_curvature_is_violated(monkeypatch):
    """What must fail: x' = x is tight to 1.74, so constants that are half too small are found out."""
    honest = network_ode._constants
    monkeypatch.setattr(network_ode, "_constants", lambda *a: {**honest(*a), "bend": 0.5 * honest(*a)["bend"]})
    assert not network_ode_distance(*growing(), [[1.0]]).holds


def test_the_rough_bound_is_attained_where_only_the_ends_are_left_of_the_telescope():
    """f = ±1 without x, −1 on the first layers and +1 on the last: Σ h f_n against Σ ½ h (f_n + f_{n+1}) is off by ½ h (f_N − f_0) = h = h M."""
    network = network_of(Affine(), 8, 1)
    found = network_ode_distance(network, with_depth(network, np.outer(np.repeat([-1.0, 1.0], 4), [0.0, 1.0])), [[0.2]])
    assert abs(found.distances[-1, 0] - 1 / 8) < 1e-12 and np.abs(found.rough - 1 / 8).max() < 1e-15


def test_the_rough_bound_is_the_only_one_that_falls_with_depth_for_rough_weights():
    """Alternating weights: C is O(N), so the bounds of smooth weights stay where they are; this one is ∝ 1/N (to 1/N², 10 % here)."""
    found = {}
    for layers in (64, 128):
        network = network_of(Perceptron(3), layers, 2)
        theta = with_depth(network, 0.5 * alternating(np.random.default_rng(1), layers, network.control.layer_size))
        found[layers] = network_ode_distance(network, theta, [[0.4, -0.6]], tolerance=1e-9)
        assert found[layers].holds and found[layers].rough[-1] < 0.2 * found[layers].layered[-1]
    assert abs(found[64].rough[-1] / found[128].rough[-1] - 2) < 0.2 and abs(found[64].layered[-1] / found[128].layered[-1] - 1) < 0.1


def random_network(k):
    """The k-th of many: any block, 1 to 12 layers, 1 to 3 dimensions, smooth or rough in depth, weights up to 3, horizons to 2."""
    draws = np.random.default_rng([8, k])
    dim, layers = int(draws.integers(1, 4)), int(draws.integers(1, 13))
    block = (Perceptron(int(draws.integers(1, 7))), Sine(int(draws.integers(1, 5))), Affine())[k % 3]
    network = network_of(block, layers, dim, draws.uniform(0.2, 2.0))
    size, t = draws.uniform(0.1, 1.0 if k % 3 == 2 else 3.0), np.arange(layers)[:, None] / layers
    a, b = draws.normal(size=(2, network.control.layer_size))
    numbers = draws.normal(size=(layers, a.size)) if draws.random() < 0.5 else a * np.cos(3 * t) + b * np.sin(2 * t)
    return network, with_depth(network, size * numbers), draws.normal(size=(4, dim))


def test_bounds_are_never_violated_on_200_random_networks():
    """They are theorems: no false alarm but through an error in the reference, which is stated and must be small."""
    ratios = []
    for k in range(200):
        found = network_ode_distance(*random_network(k), BOTH[k // 3 % 2], tolerance=1e-10)
        assert found.holds and found.distance <= found.smooth.max() + found.reference_error, (k, found)
        assert found.reference_error < 1e-4 * max(found.distance, 1e-6), (k, found)
        ratios.append(found.distance / found.bound.max())
    # not all of them are idle: some network of 200 reaches a tenth of its bound
    assert max(ratios) > 0.1


def smooth(draws, layers, p):
    a, b, t = *draws.normal(size=(2, p)), np.arange(layers)[:, None] / layers
    return a * np.cos(2 * t) + b * np.sin(3 * t)


def alternating(draws, layers, p):
    """a + b, a − b, a + b, …: as rough as can be, and with a limit."""
    a, b = draws.normal(size=(2, p))
    return a + b * (-1.0) ** np.arange(layers)[:, None]


def independent(draws, layers, p):
    return draws.normal(size=p) + draws.normal(size=(layers, p))


def orders(depth, interpolation, depths=(8, 16, 32, 64, 128), networks=4):
    """(networks,) slopes of −log distance against log N, and distances (depths, networks); tanh, d = 3, weights of size 1."""
    found = np.empty((len(depths), networks))
    for layers, row in zip(depths, found):
        network = network_of(Perceptron(3), layers, 3)
        for k in range(networks):
            draws = rng([5, k])
            x, theta = draws.normal(size=(4, 3)), with_depth(network, depth(draws, layers, network.control.layer_size))
            row[k] = network_ode_distance(network, theta, x, interpolation, 1e-7).distance
    return -np.polyfit(np.log(depths), np.log(found), 1)[0], found


@pytest.mark.parametrize("interpolation", BOTH)
def test_smooth_weights_are_of_order_one(interpolation):
    """The error is a/N + b/N², |b/a| of the size of L (some 5 at most): a slope fitted from 8 to 128 is off by b/(a √(8 · 128)) = 0.16."""
    slopes, _ = orders(smooth, interpolation)
    assert np.abs(slopes - 1).max() < 0.16


def test_rough_weights_are_of_order_one_between_functions_and_of_order_zero_between_weights():
    """Alternating weights: the network and the function-affine ODE have the drift ½ (f(a + b) + f(a − b)) in the limit, the weight-affine one
    the mean of f over the segment, another function; so slopes are 1, and 0 once a/N is below what stays (0.16 as above)."""
    slopes, _ = orders(alternating, FunctionAffine())
    assert np.abs(slopes - 1).max() < 0.16
    slopes, found = orders(alternating, WeightAffine(), depths=(32, 64, 128))
    assert np.abs(slopes).max() < 0.16 and found.min() > 0.03


@random()
def test_independent_weights_are_of_order_one_between_functions(chance):
    """Slopes of single networks scatter by 0.14 (distances by 0.3, Σ (log N − mean)² = 4.8, so 0.3/√4.8), a mean of 6 by 0.057; finds 0.45, less
    than the half by which the N^{−½} differs that weights interpolated would have here."""
    slopes, found = orders(independent, FunctionAffine(), networks=6)
    chance.mean(slopes.mean(), 1.0, 0.14 / np.sqrt(6), detects=0.45)
    _, other = orders(independent, WeightAffine(), depths=(64, 128), networks=6)
    assert (other[-1] > 2 * found[-1]).all()


@dataclass(frozen=True)
class Oscillating(FunctionAffine):
    """φ = sin²(π N s): zero at every layer, like the network."""

    telescopes = False

    def velocity(self, f, first, second, r, x):
        return np.full_like(x, np.sin(np.pi * r) ** 2)

    def slope(self, bounds, radius, dt):
        return np.pi / dt


@pytest.mark.parametrize("layers", [4, 64])
def test_an_interpolation_that_oscillates_between_the_layers_is_another_ode_at_any_depth(layers):
    """It moves ∫ sin² = ½ where the network, with f = 0, does not move; its C is π N, so its bound stays π/2."""
    network = network_of(Affine(), layers, 1)
    found = network_ode_distance(network, network.control.zeros(), [[0.3]], Oscillating())
    assert abs(found.distances[-1, 0] - 0.5) < 1e-9 and found.holds
    assert abs(found.bound[-1] - np.pi / 2) < 1e-12 and found.rough is None


def test_the_ode_is_the_layers_at_the_layers_and_continuous_in_depth():
    network, theta, points = random_network(0)[0], *random_network(0)[1:]
    x = np.ascontiguousarray(points.T)
    for interpolation in BOTH:
        ode = NeuralODE(network, theta, interpolation)
        for n in range(network.layers):
            for s, layer in ((network.times[n], n), (network.times[n], max(n - 1, 0)), (network.times[-1], network.layers - 1)):
                f = network.block.features(x, network.control.layer(theta, n if s < network.times[-1] else -1)).output
                assert np.abs(ode.velocity(layer, s, x) - f).max() < 1e-12     # r is 0 or 1 to rounding


def test_results_tell_themselves():
    found = network_ode_distance(*growing(), [[1.0]])
    told = json.loads(json.dumps(found.to_dict()))
    assert told["holds"] and told["distances"][-1] == found.distances[-1, 0] and "\n" not in repr(found) and "below its bound" in repr(found)
    assert "ABOVE" in repr(replace(found, layered=0.1 * found.layered))
    assert len(found.plot().get_lines()) == 4


def test_what_has_no_ode_or_no_bound_is_refused():
    network, theta = growing()
    for noise in (Gaussian(0.2), OutputDropout(0.5)):
        with pytest.raises(ValueError, match="Noiseless"):
            network_ode_distance(replace(network, noise=noise), theta, [[1.0]])
    with pytest.raises(ValueError, match=r"RevNet.*ResNet\(\)"):
        network_ode_distance(ResidualNetwork(Perceptron(2), Noiseless(), 3, architecture=RevNet()), theta, [[1.0, 0.0]])
    copies = network_of(Branches(Perceptron(2), 2), 3)
    with pytest.raises(ValueError, match="no bounds"):
        network_ode_distance(copies, copies.control.zeros(), [[1.0, 0.0]])
    with pytest.raises(ValueError, match=r"points\[0\]"):
        network_ode_distance(network, theta, [[np.nan]])
