"""The chain of a layered process against closed forms."""

import numpy as np
import pytest

from ocnet.chain import solve_chain
from ocnet.grid import Grid
from ocnet.laws import Bernoulli, Normal
from ocnet.process import LayeredProcess


def test_chain_of_the_euler_maruyama_ornstein_uhlenbeck_network_meets_its_closed_form():
    """R3: end law N((1 − λ dt)^N x, σ² dt Σ (1 − λ dt)^{2k}); terminal Φ(x/s), so u = Φ(mean/√(s² + variance))."""
    from scipy.stats import norm
    rate, sigma, s, layers = 1.2, 0.6, 0.5, 16
    dt = 1 / layers
    process = LayeredProcess(lambda n, x, xi: (1 - rate * dt) * x + sigma * np.sqrt(dt) * xi, Normal(1), 1,
                             np.linspace(0, 1, layers + 1))
    value = solve_chain(process, lambda x: norm.cdf(x[:, 0] / s), Grid.uniform(-5, 5, 801))
    x = np.linspace(-1, 1, 9)
    decay = 1 - rate * dt
    variance = sigma**2 * dt * (1 - decay ** (2 * layers)) / (1 - decay**2)
    # seven Gauss–Hermite nodes a layer are exact to degree 13, the spline errs by (1/80)⁴ a layer: below 1e-7
    assert np.abs(value(x[:, None]) - norm.cdf(decay**layers * x / np.sqrt(s**2 + variance))).max() < 1e-6


def test_chain_of_linear_dropout_has_the_exact_second_moment():
    """R6: E X_N² = x²((1 − λ dt)² + λ² dt² (1 − q)/q)^N, over all masks."""
    rate, keep, layers = 1.0, 0.7, 8
    dt = 1 / layers
    size = np.sqrt((1 - keep) / keep)
    process = LayeredProcess(lambda n, x, xi: x - dt * rate * x * (1 + size * xi), Bernoulli(keep, 1), 1,
                             np.linspace(0, 1, layers + 1))
    value = solve_chain(process, lambda x: x**2 * np.array([1.0, 3.0]), Grid.uniform(-2, 2, 401), limited=False)
    x = np.linspace(-1, 1, 9)
    exact = x**2 * ((1 - rate * dt) ** 2 + rate**2 * dt**2 * (1 - keep) / keep) ** layers
    # cubic splines reproduce squares but for the natural ends, whose error falls by 0.27 a node: 1e-50 here; rounding
    assert np.abs(value(x[:, None]) - np.outer(exact, [1.0, 3.0])).max() < 1e-12


def test_terminal_values_of_a_wrong_shape_or_not_finite_are_refused():
    process = LayeredProcess(lambda n, x, xi: x, Bernoulli(0.5, 1), 1, [0, 1])
    grid = Grid.uniform(-1, 1, 9)
    with pytest.raises(ValueError, match="expected"):
        solve_chain(process, lambda x: np.zeros(3), grid)
    with pytest.raises(ValueError, match="not finite at x="):
        solve_chain(process, lambda x: np.where(x[:, 0] > 0, np.inf, 0), grid)
