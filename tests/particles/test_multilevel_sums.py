"""What a multilevel estimate says of itself follows from its own levels."""

import numpy as np
import pytest

from ocnet import Diffusion, KolmogorovProblem, estimate_multilevel
from ocnet.particles.coupling import Coupling


@pytest.mark.parametrize("x0", [[[0.3]], [[0.3], [1.0]]], ids=["one point", "two points"])
def test_value_error_and_bias_are_those_of_the_levels(x0):
    """Value: Σ m_l; its variance: Σ v_l/paths; the bias of means that halve: max(|m_L|, |m_{L−1}|/2).  Three to six terms, a few roundings."""
    problem = KolmogorovProblem(Diffusion(lambda t, x: -2.0 * x, [[0.4]], 1), lambda x: x[:, 0] ** 2 + x[:, 0], 1.0)
    found = estimate_multilevel(problem, x0, tolerance=0.02, steps=2)
    means, variances = (np.array([np.ravel(getattr(level, name)) for level in found.levels]) for name in ("mean", "variance"))
    paths = np.array([level.paths for level in found.levels])[:, None]
    assert np.abs(np.ravel(found.value) - means.sum(axis=0)).max() < 1e-14
    assert np.abs(np.ravel(found.standard_error) - np.sqrt((variances / paths).sum(axis=0))).max() < 1e-15
    assert np.abs(np.ravel(found.bias) - np.maximum(np.abs(means[-1]), np.abs(means[-2]) / 2)).max() < 1e-15
    assert found.converged == bool((found.bias**2 + found.standard_error**2).max() <= 0.02**2)
    low, high = found.interval(0.95)
    assert np.abs((high - low) / 2 - found.bias - 1.959964 * found.standard_error).max() < 1e-6 * found.standard_error.max()


@pytest.mark.parametrize("channels", [1, 2])
def test_noise_alone_takes_fine_and_coarse_paths_to_the_same_end(channels):
    """dX = G dB: the coarse increments are sums of two fine ones, so the payoffs' difference is rounding, of 8 steps and numbers of size 1."""
    factor = np.array([[0.4, 0.3]])[:, :channels]
    problem = KolmogorovProblem(Diffusion(lambda t, x: 0 * x, factor, 1), lambda x: x[:, 0], 1.0)
    coupling, rng = Coupling.of(problem, channels, 2), np.random.default_rng(0)
    assert np.abs(coupling.payoffs(2, np.zeros((1, 50)), lambda n: rng.normal(size=(channels, 50)))).max() < 1e-14
    assert np.abs(coupling.payoffs(0, np.zeros((1, 50)), lambda n: rng.normal(size=(channels, 50)))).max() > 0.1


def test_the_variance_takes_half_of_the_tolerance_s_square_and_no_more():
    """Paths are added until the variances that are found then say so, whatever is drawn; that they were foretold by 1000 first paths, within 4.5 % a
    standard deviation, is why less than 0.7 of the half is not used."""
    problem = KolmogorovProblem(Diffusion(lambda t, x: -2.0 * x, [[0.4]], 1), lambda x: x[:, 0], 1.0)
    found = estimate_multilevel(problem, [[0.3]], tolerance=0.003, steps=2)
    assert 0.7 * 0.5 * 0.003**2 < found.standard_error**2 <= 0.5 * 0.003**2
