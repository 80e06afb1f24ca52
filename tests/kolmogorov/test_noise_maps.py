"""Which map makes the noise alone, by the number of channels."""

import numpy as np
import pytest

from ocnet.grid import Grid
from ocnet.kolmogorov.schemes.noise_maps import Branches, Gaussian, noise_maps
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion

GRID = Grid.uniform([-1, -1], [1, 1], [9, 9])


def maps(directions):
    """For the factor (1 + x₁²/4) · directions (2, channels), whose variance a monotone stencil carries at every node."""
    factor = np.array(directions, dtype=float)
    process = Diffusion(lambda t, x: np.zeros_like(x), lambda t, x: (1 + 0.25 * x[:, :1, None] ** 2) * factor, 2)
    return noise_maps(KolmogorovProblem(process, lambda x: x[:, 0], 1.0), GRID, 0.5, 0.01, True)


def test_one_channel_is_a_three_point_step_whatever_the_dimension_and_several_stay_on_the_nodes():
    (one,), (two,) = maps([[1], [1]]), maps([[1, 0], [0.5, 1]])
    assert isinstance(one, Branches) and not isinstance(two, Branches)


def test_the_three_points_of_one_channel_lie_along_it_with_the_moments_of_the_noise():
    """For b = (1 + x₁²/4) (1, 1) and h = 0.01: mean 0 to rounding, variance h b² up to the step's next term, h² b b'' b²/2 + (h b b')² < h b²/100."""
    (one,) = maps([[1], [1]])
    moved = one.feet - GRID.nodes
    inside = (np.abs(GRID.nodes) < 0.7).all(axis=0)                            # farther out feet are folded back into the box
    along, across = (moved[:, 0] + moved[:, 1])[:, inside] / 2, (moved[:, 0] - moved[:, 1])[:, inside]
    b = 1 + 0.25 * GRID.nodes[0, inside] ** 2
    assert len(one.weights) == 3 and np.abs(across).max() < 1e-15 and np.abs(one.weights @ along).max() < 1e-15
    assert np.abs(one.weights @ along**2 / (0.01 * b * b) - 1).max() < 0.01


def test_more_channels_than_axes_are_first_reduced_and_keep_their_covariance():
    """No stencil of neighbours carries it (0.05 < |−0.5|); Euler's step has mean 0 and variance h a to rounding, of nine feet of size 0.1."""
    directions = 0.3 * np.array([[3.0, 1.0, 0.5], [-0.2, 0.05, 0.1]])
    (several,) = maps(directions)
    assert isinstance(several, Branches) and len(several.weights) == 9
    inside = (np.abs(GRID.nodes) < 0.7).all(axis=0)
    moved = (several.feet - GRID.nodes)[:, :, inside]
    covariance = np.einsum("k,kip,kjp->ijp", several.weights, moved, moved)
    exact = 0.01 * (directions @ directions.T)[:, :, None] * (1 + 0.25 * GRID.nodes[0, inside] ** 2) ** 2
    assert np.abs(np.einsum("k,kip->ip", several.weights, moved)).max() < 1e-15 and np.abs(covariance - exact).max() < 1e-15


@pytest.mark.parametrize("correlation", [-0.9, -0.3, 0.6])
def test_a_constant_correlation_is_noise_along_one_direction_with_its_sign(correlation):
    """Of h G Gᵀ the three points carry all that lies off the diagonal, and |ρ| of what lies on it; the weights on the nodes the rest.  A few roundings."""
    a = np.array([[0.25, correlation * 0.1], [correlation * 0.1, 0.04]])
    process = Diffusion(lambda t, x: 0 * x, np.linalg.cholesky(a), 2)
    smoothed, moved = noise_maps(KolmogorovProblem(process, lambda x: x[:, 0], 1.0), GRID, 0.5, 0.01, True)
    assert isinstance(smoothed, Gaussian) and isinstance(moved, Branches)
    feet = (moved.feet - GRID.nodes)[:, :, (np.abs(GRID.nodes) < 0.7).all(axis=0)]
    carried = 0.01 * np.array([[abs(correlation), 1], [1, abs(correlation)]]) * a
    assert np.abs(np.einsum("k,kip,kjp->ijp", moved.weights, feet, feet) - carried[:, :, None]).max() < 1e-16
