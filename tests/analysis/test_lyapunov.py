"""Lyapunov exponents against closed forms, transfer matrices, and exact products of Jacobians."""

import numpy as np
import pytest
from scipy.special import digamma, polygamma
from scipy.stats import poisson

from ocnet import Diffusion, ResidualNetwork, lyapunov_exponent
from ocnet.analysis import Lyapunov
from ocnet.kernels.threads import set_threads
from ocnet.networks.architectures import HeunNet, LMResNet
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian, OutputDropout, StateGaussian
from ocnet.particles.schemes import EulerMaruyama, Milstein
from tests.chance import random

RATE, NOISE = 1.0, 2.0                # de = e dt + 2 e dB (MATH 4)
CHAIN = {0.1: -1.1380, 0.01: -1.1006, 0.001: -1.0086}
DIFFERENCES = 4e-11                  # of a central difference, relative; a step's share of an exponent is this over dt


def _scalar(drift=RATE, noise=NOISE):
    return Diffusion(lambda t, x: drift * x, lambda t, x: noise * x[:, :, None], 1)


def _log_moment(a, b):
    """E log|a + b ξ|, ξ normal: (ξ + c)² is χ² of one degree with non-centrality c², a Poisson mixture of central ones."""
    return _log_moments(a, b)[0]


def _log_moments(a, b):
    """Mean and variance of log|a + b ξ|: log χ² of 2k + 1 degrees has mean log 2 + ψ(k + ½) and variance ψ'(k + ½)."""
    half = 0.5 * (a / b) ** 2
    k = np.arange(int(half + 40 * np.sqrt(half + 1)) + 60)
    weight, mean = poisson.pmf(k, half), np.log(2) + digamma(k + 0.5)
    centre = (weight * mean).sum()
    return np.log(abs(b)) + 0.5 * centre, 0.25 * (weight * (polygamma(1, k + 0.5) + (mean - centre) ** 2)).sum()


@pytest.mark.parametrize("dt, paths", [(0.1, 200_000), (0.01, 40_000), (0.001, 8_000)])
@random(comparisons=2)
def test_euler_maruyama_has_the_exponent_of_its_own_chain(dt, paths, chance):
    """Two independent ways: the chain's E log|1 + L dt + s √dt ξ|/dt in closed form, which is MATH's to four digits, and tangents along paths.

    Deviation of one path's exponent over time 1 is about s = 2, so errors are 0.005 to 0.022: the exponents +1 (no Itô term) or −3 are seen at once.
    Found is 0.04 to 0.18.  Its variance is that of 1/dt independent steps, exactly; found is a fifth of it and less, by how far paths are from the truth.
    """
    mean, variance = _log_moments(1 + RATE * dt, NOISE * np.sqrt(dt))
    exact = mean / dt
    assert exact == pytest.approx(CHAIN[dt], abs=5e-5)               # four digits are given
    found = lyapunov_exponent(_scalar(), [[1.0]], paths, horizon=1.0, steps=round(1 / dt), seed=3)
    chance.mean(found.value, exact, found.standard_error, detects=0.18 * np.sqrt(8000 / paths) * (1 + dt**0.5))
    chance.sample((found.growth.ravel() - exact) ** 2, variance / dt, detects=0.2 * variance / dt)
    assert found.standard_error == pytest.approx(found.growth.std(ddof=1) / np.sqrt(paths), rel=1e-12)       # time is 1
    assert found.steps == round(1 / dt) and found.time == pytest.approx(1.0)


@random()
def test_milstein_is_nearer_and_on_the_other_side(chance):
    """Its chain: λ = −1 + 3.5 dt + O(dt²) against −1 − 8.5 dt (moments of ξ in E log to order dt²): by the same noise."""
    both = [lyapunov_exponent(_scalar(), [[1.0]], 50_000, horizon=1.0, steps=50, scheme=scheme, seed=5) for scheme in (EulerMaruyama(), Milstein())]
    gap = both[1].growth - both[0].growth
    nodes, weights = np.polynomial.hermite_e.hermegauss(100)
    y = NOISE * np.sqrt(0.02) * nodes + 0.02 * (RATE + 0.5 * NOISE**2 * (nodes**2 - 1))
    # 1 + y is a quadratic with roots −3.5 ± 3.5i: 100 nodes integrate its logarithm to rounding
    milstein = (weights * np.log1p(y)).sum() / weights.sum() / 0.02
    chance.sample(gap.ravel(), milstein - _log_moment(1.02, NOISE * np.sqrt(0.02)) / 0.02, detects=0.1)
    assert milstein == pytest.approx(-1 + 3.5 * 0.02, abs=40 * 0.02**2)          # next coefficient, of order s⁶/2


@random()
def test_the_second_moment_grows_while_paths_shrink(chance):
    """E|e|² of the chain is ((1 + L dt)² + s² dt)ⁿ: rate 5.96 at dt = 0.001, 6 in the limit.  A moment of the mean path would say 2 · (−1) = −2."""
    found = lyapunov_exponent(_scalar(), [[1.0]], 100_000, horizon=0.1, steps=100, seed=1)
    moment = found.moment(2)
    exact = np.log((1 + 0.001) ** 2 + 4 * 0.001) / 0.001
    chance.mean(moment.value, exact, moment.standard_error, detects=0.7)
    assert found.value < 0 < moment.value
    assert abs(found.moment(0).value) < 1e-12 and found.moment(0).carriers == pytest.approx(100_000)
    with pytest.warns(UserWarning, match="rests on"):
        lyapunov_exponent(_scalar(), [[1.0]], 4000, horizon=4.0, steps=40).moment(2)         # p² s² T = 64: e^64 paths are needed


def test_without_noise_exponents_are_those_of_the_matrix():
    """V ← (1 + dt A) V: the sum is log|det(1 + dt A)|/dt at any step count; the parts tend to those of the eigenvalues as e^{−gap T}, gap 2, T = 20."""
    A, dt = np.array([[-0.5, 3.0], [0.0, -2.5]]), 0.05
    process = Diffusion(lambda t, x: x @ A.T, np.zeros((2, 1)), 2)
    found = lyapunov_exponent(process, [[0.3, -1.0]], 4, horizon=20.0, steps=400, exponents=2, burn_in=200)
    exact = np.log(np.abs(1 + dt * np.diag(A))) / dt
    assert found.sum == pytest.approx(exact.sum(), abs=DIFFERENCES / dt)
    assert found.exponents == pytest.approx(exact, abs=1e-7)         # e^{−2 · 10} of the transient, over a time of 10, is 2e-10; condition 6
    assert found.time == pytest.approx(10.0) and found.standard_errors.max() < 1e-7


def _double_well_chain(dt, noise):
    """E log|1 + dt f'|/dt under the stationary law of X + dt (X − X³) + s √dt ξ, by its transfer matrix: nodes 0.2 s √dt apart, trapezoids."""
    x = np.arange(-4.5, 4.5, 0.2 * noise * np.sqrt(dt))
    kernel = np.exp(-0.5 * ((x[None] - (x + dt * (x - x**3))[:, None]) / (noise * np.sqrt(dt))) ** 2)
    kernel /= kernel.sum(axis=1, keepdims=True)
    law = np.linalg.matrix_power(kernel, 2**14)[0]
    return float(law @ np.log(np.abs(1 + dt * (1 - 3 * x**2)))) / dt


@random()
def test_a_double_well_has_the_exponent_of_its_stationary_law(chance):
    """Burnt in for a time of 20; the relaxation between the wells takes about 2 at this noise, so e^{−10} of the start is left."""
    dt, noise = 0.05, 1.5
    process = Diffusion(lambda t, x: x - x**3, [[noise]], 1)
    found = lyapunov_exponent(process, [[1.0]], 3000, horizon=60.0, steps=1200, burn_in=400, seed=2)
    exact = _double_well_chain(dt, noise)
    chance.mean(found.value, exact, found.standard_error, detects=0.09)
    assert abs(-2.0 - exact) > 0.3                                   # the well's own f'(1) is another number


@pytest.mark.parametrize("noise", [StateGaussian(0.7), Gaussian(0.4), OutputDropout(0.6)], ids=repr)
def test_volumes_of_a_network_grow_by_its_exact_jacobians(noise):
    """Σ λ T = Σ_n log|det DΦ_n| along the same paths, DΦ_n from the reverse sweep's products: no differences there, no orthonormal frames."""
    network = ResidualNetwork(Perceptron(6), noise, 5, horizon=2.0)
    process = network.layered(network.initialise(4))
    x0 = np.random.default_rng(0).normal(size=(3, 2))
    found = lyapunov_exponent(process, x0, 7, exponents=2, seed=9)
    states, logs = process.trajectory(np.repeat(x0.T, 7, axis=1), 9, 0), 0.0
    for n in range(5):
        xi = process.draw(9, 0, 21, n)
        rows = [process.step_vjp(n, states[n], xi, np.repeat(e[:, None], 21, axis=1))[0] for e in np.eye(2)]
        logs = logs + np.log(np.abs(rows[0][0] * rows[1][1] - rows[0][1] * rows[1][0]))
    # each of 5 steps has a relative error DIFFERENCES in each of two lengths, and a condition below 1e3
    assert found.growth.sum(axis=2).ravel() == pytest.approx(logs, abs=5 * 2 * 1e3 * DIFFERENCES)
    assert found.time == 2.0 and np.abs(logs).max() > 0.1


def test_results_have_the_same_bits_on_any_number_of_threads():
    network = ResidualNetwork(Perceptron(4), OutputDropout(0.6), 3, architecture=HeunNet())
    process, x0 = network.layered(network.initialise(0)), np.random.default_rng(1).normal(size=(40, 2))
    found = []
    for count in (1, 3):
        set_threads(count)
        found.append(lyapunov_exponent(process, x0, 600, exponents=2, seed=1).growth)
    assert np.array_equal(*found)
    assert not np.array_equal(found[0], lyapunov_exponent(process, x0, 600, exponents=2, seed=2).growth)


def test_a_path_is_the_same_in_any_company_and_no_two_start_alike():
    """Without noise growth tells the first direction: those of 20 000 paths, several chunks of them, are all different."""
    process = Diffusion(lambda t, x: x @ np.array([[0.5, 0.0], [1.0, -1.0]]), np.zeros((2, 1)), 2)
    one, two = (lyapunov_exponent(process, x0, 20_000, horizon=1.0, steps=2, seed=4).growth for x0 in ([[1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]))
    assert np.array_equal(one[0], two[0])
    # of 2e8 pairs of 20 000 uniform angles some 2e-5 are within 1e-13, a few more where the growth is extreme; equal draws in each chunk give thousands
    assert (np.diff(np.sort(one.ravel()))[1:] < 1e-13).sum() < 20


def test_what_a_result_says_and_shows():
    found = lyapunov_exponent(_scalar(), [[1.0], [2.0]], 50, horizon=1.0, steps=10)
    low, high = found.interval()
    assert low < found.value < high and "s.e. over time 1" in repr(found) and found.to_dict()["points"] == 2
    assert (high - low) == pytest.approx(2 * 1.959964 * found.standard_error, rel=1e-6)
    assert found.plot().get_xlabel() and not found.growth.flags.writeable
    lost = Lyapunov(np.array([[[-np.inf], [0.0]]]), 1.0, 1, 0)
    assert lost.value == -np.inf and lost.standard_error == np.inf


@pytest.mark.parametrize("more, told", [
    ({"steps": 10}, "give both"), ({"horizon": 1.0}, "give both"), ({"horizon": 1.0, "steps": 10, "paths": 1}, "paths=1"),
    ({"horizon": 1.0, "steps": 10, "exponents": 2}, "exponents=2"), ({"horizon": 1.0, "steps": 10, "burn_in": 10}, "burn_in=10")])
def test_what_cannot_be_walked_is_refused(more, told):
    with pytest.raises(ValueError, match=told):
        lyapunov_exponent(_scalar(), [[1.0]], **{"paths": 10, **more})


def test_layers_have_times_of_their_own_and_a_state_must_be_its_point():
    network = ResidualNetwork(Perceptron(4), Gaussian(0.1), 3)
    with pytest.raises(ValueError, match="leave both out"):
        lyapunov_exponent(network.layered(network.initialise(0)), [[0.0, 0.0]], 4, steps=3)
    pairs = ResidualNetwork(Perceptron(4), Gaussian(0.1), 3, architecture=LMResNet())
    with pytest.raises(ValueError, match="pair"):
        lyapunov_exponent(pairs.layered(pairs.initialise(0)), [[0.0, 0.0]], 4)
