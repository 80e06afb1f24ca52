"""Steps of a diffusion with parameters: exact derivatives, one Brownian path at several step lengths, weak order 1 of the gradient."""

import numpy as np
import pytest

from ocnet.networks import ResidualNetwork
from ocnet.networks import noise as family
from ocnet.networks.blocks import Branches, Perceptron
from ocnet.particles import euler_maruyama, sampled_value_and_gradient
from ocnet.particles.diffusion_steps import DiffusionSteps
from ocnet.process import Diffusion

SMOOTH = [getattr(family, name).example() for name in family.__all__ if name not in ("StrongDropout",)]


def _network(noise, dim=2, layers=3):
    block = Branches(Perceptron(3), noise.copies) if hasattr(noise, "copies") else Perceptron(3)
    network = ResidualNetwork(block, noise, layers, dim=dim)
    return network, network.initialise(2)


def _square(ends, rows):
    """Mean over the draws of Σ_i x_i² and of (Σ_i x_i)/2: what drift and noise both change."""
    paths = ends.shape[1]
    return float((ends**2).sum() + 0.5 * ends.sum()) / paths, (2 * ends + 0.5) / paths, np.zeros(0)


def _gradient(network, theta, substeps, paths=50, seed=3, finest=None):
    process = DiffusionSteps(network.diffusion(theta), network.times, substeps, finest)
    start = np.random.default_rng(0).normal(size=(6, network.dim))
    value, depth, _ = sampled_value_and_gradient(process, start, paths, _square, seed)
    return value, depth.ravel()


@pytest.mark.parametrize("dim", [1, 2])
@pytest.mark.parametrize("noise", SMOOTH, ids=repr)
def test_gradient_is_the_derivative_of_the_steps_with_the_noise_frozen(noise, dim):
    network, theta = _network(noise, dim)
    direction = np.random.default_rng(1).normal(size=theta.size)
    depth = direction[:network.control.depth(theta).size]
    # a root of a covariance bends where that is singular: a share h of the steps lies there, and a short step leaves few
    h, tolerance = (1e-6, 1e-5) if isinstance(noise, family.InputDropout) else (1e-3, 1e-9)
    f = {k: _gradient(network, theta + k * h * direction, 2)[0] for k in (-3, -2, -1, 1, 2, 3)}
    slope = (45 * (f[1] - f[-1]) - 9 * (f[2] - f[-2]) + (f[3] - f[-3])) / (60 * h)
    exact = _gradient(network, theta, 2)[1] @ depth
    # seven points: h⁶ f⁽⁷⁾/140 = 1e-20 f⁽⁷⁾, rounding 1e-15/h ≤ 1e-9 of sums of size 10; bends: 3 h times a jump of the slope by O(1)
    assert abs(slope - exact) < tolerance * max(1, abs(exact))


def test_steps_are_those_of_euler_maruyama():
    network, theta = _network(family.OutputDropout(0.7))
    diffusion = network.diffusion(theta)
    ours = DiffusionSteps(diffusion, network.times, 4)
    theirs = euler_maruyama(diffusion, network.horizon, 4 * network.layers, channels=2)
    x = np.random.default_rng(5).normal(size=(2, 40))
    # times differ by rounding, and so do the steps: 12 steps × 4 ulp
    assert np.abs(ours.ends(x, 7, 0) - theirs.ends(x, 7, 0)).max() < 1e-14
    assert ours.layers == 12 and np.allclose(ours.times, theirs.times, rtol=0, atol=1e-15)


def test_processes_of_one_finest_step_follow_one_brownian_path():
    """X = B for drift 0 and factor 1: the ends agree to rounding, and those of other noise do not."""
    diffusion = Diffusion(lambda t, x: 0 * x, np.eye(2), 2, breaks=(0.4,))
    diffusion.coefficients_vjp = None
    times, x = [0.0, 0.4, 1.0], np.zeros((2, 5000))
    fine, coarse, other = (DiffusionSteps(diffusion, times, m, f).ends(x, 1, 0) for m, f in ((6, 6), (2, 6), (2, 2)))
    assert np.abs(fine - coarse).max() < 1e-14                          # sums of 12 normals of size ½
    assert np.abs(fine - other).max() > 1
    # var 1: standard error √(2/10 000), five of them; a noise that forgot the root of the number of joined steps has 3 or 1/3
    assert abs(coarse.var() - 1) < 5 * np.sqrt(2 / 10_000)


def test_gradient_has_weak_order_1_and_its_extrapolation_order_2():
    """On one Brownian path: differences of 1, 2, 4, 8 substeps fall by 2, those of their extrapolations by 4, to a relative O(h) = 1/8 of it."""
    network, theta = _network(family.Gaussian(0.3), layers=2)
    g = [_gradient(network, theta, m, 40_000, finest=8)[1] for m in (1, 2, 4, 8)]
    plain = [np.linalg.norm(b - a) for a, b in zip(g, g[1:])]
    freed = [np.linalg.norm(2 * c - 3 * b + a) for a, b, c in zip(g, g[1:], g[2:])]
    assert all(abs(np.log2(a / b) - 1) < 0.2 for a, b in zip(plain, plain[1:]))
    assert abs(np.log2(freed[0] / freed[1]) - 2) < 0.4


def test_what_has_no_gradient_or_no_common_times_is_refused():
    network, theta = _network(family.Gaussian(0.3))
    with pytest.raises(ValueError, match="coefficients_vjp"):
        DiffusionSteps(Diffusion(lambda t, x: x, np.eye(2), 2), [0, 1], 2)
    with pytest.raises(ValueError, match="substeps=0"):
        DiffusionSteps(network.diffusion(theta), network.times, 0)
    with pytest.raises(ValueError, match="finest=6 is not a multiple of substeps=4"):
        DiffusionSteps(network.diffusion(theta), network.times, 4, 6)
