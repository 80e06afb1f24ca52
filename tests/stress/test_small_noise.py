"""As the noise goes to 0, values and densities go to those of the characteristics: no blow-up, no diffusion of the grid's own making."""

import numpy as np
import pytest

from ocnet.grid import Grid
from ocnet.kolmogorov.solver import solve_backward, solve_forward
from ocnet.particles import estimate, estimate_multilevel
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion

from .truths import Data, linear_law

SIGMAS = (1.0, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4, 1e-6, 1e-8)
DATA, X = Data("probit", 0.1, 0.2), np.array([-0.9, -0.2, 0.05, 0.3, 1.1])


def ou(sigma, dim=1):
    return Diffusion(lambda t, x: -x, sigma * np.eye(dim), dim)


def error(sigma, dim, nodes=61):
    """The largest error at five points of the plane's diagonal, or the line, and the truth there."""
    problem = KolmogorovProblem(ou(sigma, dim), lambda x: DATA(x.sum(axis=1) / np.sqrt(dim)), 1.0)
    value = solve_backward(problem, Grid.uniform([-4] * dim, [4] * dim, [nodes] * dim), steps=20)
    exact = DATA.mean(*linear_law(X, -1.0, 0.0, sigma, 1.0))
    return np.abs(value(np.repeat(X[:, None] / np.sqrt(dim), dim, axis=1)) - exact).max(), exact


@pytest.mark.parametrize("dim", [1, 2])
def test_at_small_noise_the_error_is_no_more_than_that_of_transport_and_what_noise_changes(dim):
    transport, still = error(0.0, dim)
    for sigma in SIGMAS:
        found, exact = error(sigma, dim)
        # a scheme that adds as much diffusion as there is noise is off by |exact − still|; half of that is refused, and a grid's own diffusion that
        # does not go with σ is refused whatever its size
        assert found <= 1.5 * transport + 0.5 * np.abs(exact - still).max(), sigma


@pytest.mark.parametrize("dim", [1, 2])
@pytest.mark.parametrize("sigma", [0.3, 1e-3, 1e-8, 0.0])
def test_densities_keep_mass_and_mean_and_tend_to_the_point_that_is_carried(sigma, dim):
    grid = Grid.uniform([-3] * dim, [3] * dim, [61] * dim)
    density = solve_forward(ou(sigma, dim), np.full((1, dim), 0.6), grid, 1.0, steps=40)
    mean, variance = linear_law(0.6, -1.0, 0.0, sigma, 1.0)
    assert np.isfinite(density.masses).all() and abs(density.mass() - 1) < 1e-10
    assert density.masses[-1].min() > -1e-3                                # of a unit mass; the linear schemes do not clip
    assert abs(density.expect(lambda x: x[:, 0]) - mean) < 0.1             # a cell
    # upwind differences spread by |f| h dt a step: h ∫ |f| dt = h (0.6 − mean) at most, which the report's Péclet number tells of
    assert abs(density.expect(lambda x: (x[:, 0] - mean) ** 2) - variance) < 0.1 * (0.6 - mean) + 0.1**2
    assert sigma > 0.1 or density.report.peclet > 1


@pytest.mark.parametrize("sigma", [1e-4, 1e-8, 0.0])
def test_particles_without_noise_walk_their_characteristics_and_say_no_more(sigma):
    problem = KolmogorovProblem(ou(sigma), lambda x: DATA(x[:, 0]), 1.0)
    exact = DATA.mean(*linear_law(X, -1.0, 0.0, sigma, 1.0))
    sampled = estimate(problem, X[:, None], paths=64, steps=400)
    # Euler's mean is x (1 − 1/400)^400, off by x e⁻¹/800; the data's slope is at most 0.4/0.2
    assert (np.abs(sampled.value - exact) <= 6 * sampled.standard_error + 2 * 1.1 * np.exp(-1) / 800 * 1.1).all()
    assert (sampled.standard_error <= 2 * sigma + 1e-15).all()              # slope 2, deviation below σ, 64 paths; rounding of a mean
    levels = estimate_multilevel(problem, X[:, None], tolerance=1e-3)
    low, high = levels.interval(0.999999)
    assert levels.converged and ((low <= exact) & (exact <= high)).all()
