"""Points of mass on a grid."""

import numpy as np
import pytest

from ocnet import Grid
from ocnet.kolmogorov.solver import initial_masses


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_points_keep_their_mass_and_their_centre_and_stay_in_their_cells(dim):
    """Corners of a cell with the weights of linear interpolation: Σ m x = Σ w x exactly, for points between nodes; sums of a few numbers below 2."""
    rng = np.random.default_rng(dim)
    grid = Grid(tuple(np.sort(rng.uniform(-2, 2, 7)) for _ in range(dim)))
    points, weights = rng.uniform(grid.lower, grid.upper, (5, dim)), rng.uniform(0.1, 1.0, 5)
    masses = initial_masses(grid, points, weights)
    assert abs(masses.sum() - weights.sum()) < 1e-14 and masses.min() >= 0
    assert np.abs(grid.nodes @ masses - weights @ points).max() < 1e-14
    for point in points:
        alone = np.flatnonzero(initial_masses(grid, point[None]))
        assert len(alone) == 2**dim
        corners, beside = grid.nodes[:, alone], [np.searchsorted(axis, x) for axis, x in zip(grid.axes, point)]
        assert all(set(row) == {axis[i - 1], axis[i]} for row, axis, i in zip(corners, grid.axes, beside))
