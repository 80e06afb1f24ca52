"""What every noise model promises: its mean and covariance are those of the branch it describes."""

import numpy as np
import pytest

from ocnet.networks import noise as family
from ocnet.networks.blocks import Features, Perceptron
from ocnet.networks.network import ResidualNetwork

MEMBERS = [getattr(family, name).example() for name in family.__all__ if name != "AffineNoise"]
every = pytest.mark.parametrize("noise", MEMBERS, ids=lambda n: type(n).__name__)


def _network(noise, dim=2):
    return ResidualNetwork(Perceptron(4), noise, 3, horizon=0.6, dim=dim)


@every
def test_transition_has_the_moments_of_the_step_over_all_quadrature_branches(noise):
    network = _network(noise)
    process, x = network.layered(network.initialise(0)), np.random.default_rng(0).normal(size=(2, 7))
    nodes, weights = process.law.quadrature(5)
    steps = np.stack([process.step(1, x, np.repeat(node[:, None], 7, axis=1)) for node in nodes])
    t = process.transition(1, x)
    mean = np.einsum("k,kip->ip", weights, steps)
    assert np.abs(np.einsum("k,kip->ip", t.weights, t.feet) - mean).max() < 1e-13
    second = np.einsum("k,kip,kjp->ijp", weights, steps - mean, steps - mean)
    spread = t.feet - np.einsum("k,kip->ip", t.weights, t.feet)
    total = np.einsum("k,kip,kjp->ijp", t.weights, spread, spread) + np.diag(t.smoothing**2)[:, :, None]
    assert np.abs(total - second).max() < 1e-13                         # rounding of sums of unit size


@every
def test_factor_of_the_ito_limit_has_the_covariance_of_the_layer(noise):
    network = _network(noise)
    theta, x = network.initialise(1), np.random.default_rng(1).normal(size=(2, 5))
    process, limit = network.layered(theta), network.diffusion(theta)
    nodes, weights = process.law.quadrature(5)
    steps = np.stack([process.step(2, x, np.repeat(node[:, None], 5, axis=1)) for node in nodes]) - x
    mean = np.einsum("k,kip->ip", weights, steps)
    covariance = np.einsum("k,kip,kjp->ijp", weights, steps - mean, steps - mean)
    t = 0.5 * (network.times[2] + network.times[3])
    g = limit.factor_rows(t, x)
    assert np.abs(network.dt * limit.drift_rows(t, x) - mean).max() < 1e-14
    assert np.abs(network.dt * np.einsum("imp,jmp->ijp", g, g) - covariance).max() < 1e-14


@every
def test_a_wrong_factor_would_be_caught(noise):
    if not noise.law(2).channels:
        assert noise.directions(Features(np.ones((2, 3)))).shape == (2, 0, 3)
        return
    g = noise.directions(Features(np.ones((2, 3))))
    assert np.abs(1.1**2 * np.einsum("imp,jmp->ijp", g, g) - np.einsum("imp,jmp->ijp", g, g)).max() > 1e-3


@every
def test_reverse_step_is_the_transpose_of_the_derivative_of_the_step(noise):
    network, rng = _network(noise), np.random.default_rng(2)
    theta, x = network.initialise(2), rng.normal(size=(2, 6))
    process = network.layered(theta)
    xi = process.law.draw(3, 0, 6, 1)
    cotangent, dx = rng.normal(size=(2, 6)), rng.normal(size=(2, 6))
    dtheta = rng.normal(size=theta.size)
    back, gradient = process.step_vjp(1, x, xi, cotangent)

    def moved(h):
        return (cotangent * network.layered(theta + h * dtheta).step(1, x + h * dx, xi)).sum()

    h = 1e-3
    slope = (45 * (moved(h) - moved(-h)) - 9 * (moved(2 * h) - moved(-2 * h)) + moved(3 * h) - moved(-3 * h)) / (60 * h)
    exact = (back * dx).sum() + gradient @ network.control.depth(dtheta)[1]
    assert abs(slope - exact) < 1e-10                                   # h⁶ · 1e4 /140 + 1e-15/h


@every
def test_pullback_of_the_transition_is_the_derivative_of_its_feet(noise):
    network, rng = _network(noise), np.random.default_rng(4)
    theta, x = network.initialise(4), rng.normal(size=(2, 6))
    cotangent = rng.normal(size=network.layered(theta).transition(0, x).feet.shape)
    dtheta, h = rng.normal(size=theta.size), 1e-3

    def moved(step):
        return (cotangent * network.layered(theta + step * dtheta).transition(0, x).feet).sum()

    slope = (45 * (moved(h) - moved(-h)) - 9 * (moved(2 * h) - moved(-2 * h)) + moved(3 * h) - moved(-3 * h)) / (60 * h)
    exact = network.layered(theta).transition_vjp(0, x, cotangent) @ network.control.depth(dtheta)[0]
    assert abs(slope - exact) < 1e-9                                    # as above, over up to 49 branches


def test_every_mask_of_output_dropout_is_a_branch_with_its_probability():
    network = _network(family.OutputDropout(keep=0.7))
    theta, x = network.initialise(5), np.array([[0.3], [-1.0]])
    f = network.block.features(x, network.control.layer(theta, 0)).output
    t = network.layered(theta).transition(0, x)
    for mask in np.ndindex(2, 2):
        foot = x + network.dt * f * np.array(mask)[:, None] / 0.7
        k = np.abs(t.feet - foot).max(axis=(1, 2)).argmin()
        assert np.abs(t.feet[k] - foot).max() < 1e-15
        assert abs(t.weights[k] - np.prod(np.where(mask, 0.7, 0.3))) < 1e-15


@pytest.mark.parametrize("make, word", [
    (lambda: family.OutputDropout(keep=0), "keep=0"), (lambda: family.OutputDropout(keep=1.5), "keep=1.5"),
    (lambda: family.OutputDropout(keep=float("nan")), "keep=nan"), (lambda: family.Gaussian(-1.0), "level=-1.0"),
    (lambda: family.Gaussian(float("inf")), "level=inf"), (lambda: Perceptron(0), "width=0"),
    (lambda: ResidualNetwork(Perceptron(2), family.Gaussian(0.1), 0), "layers=0"),
    (lambda: ResidualNetwork(Perceptron(2), family.Gaussian(0.1), 2, horizon=0.0), "horizon=0.0")])
def test_wrong_settings_are_refused_by_name_and_value(make, word):
    with pytest.raises(ValueError, match=word.replace("(", "[(]")):
        make()
