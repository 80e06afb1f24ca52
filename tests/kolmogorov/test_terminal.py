"""Terminal data on the nodes: where they jump or bend between nodes, and means over cells there."""

import numpy as np
import pytest

from ocnet.grid import Grid
from ocnet.kolmogorov.terminal import jumps, kinks, terminal_on_grid
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion

GRID = Grid.uniform(0, 20, 21)
PLANE = Grid.uniform([0, 0], [20, 12], [21, 13])


def problem(terminal, dim=1):
    return KolmogorovProblem(Diffusion(lambda t, x: 0 * x, np.eye(dim), dim), terminal, 1.0)


def found(look, terminal, grid=GRID):
    made = problem(terminal, grid.dim)
    return np.flatnonzero(look(made, grid, made.terminal_rows(grid.nodes)[0])).tolist()


@pytest.mark.parametrize("place, nodes", [(8.0, [8]), (8.2, [8, 9]), (8.5, [8, 9]), (8.8, [8, 9]), (9.0, [9])])
def test_a_kink_is_found_at_its_node_or_at_both_nodes_beside_it(place, nodes):
    assert found(kinks, lambda x: np.maximum(x[:, 0] - place, 0)) == nodes
    assert found(kinks, lambda x: np.abs(x[:, 1] - place), PLANE) == [13 * k + i for k in range(21) for i in nodes]
    assert found(kinks, lambda x: (x[:, 0] - place) ** 2) == []


@pytest.mark.parametrize("place", [8.3, 8.5, 8.9])
def test_a_jump_is_found_at_both_nodes_beside_it(place):
    assert found(jumps, lambda x: (x[:, 0] > place) * 1.0) == [8, 9]
    assert found(jumps, lambda x: x[:, 0]) == []


@pytest.mark.parametrize("place", [8.2, 8.5, 8.7])
def test_means_over_cells_stand_where_data_jump_and_values_elsewhere(place):
    """Of 64 midpoints of a cell: a share of it is right within half a part, 1/128, and a kink's mean within a part squared."""
    u = terminal_on_grid(problem(lambda x: np.stack([(x[:, 0] > place) * 1.0, np.maximum(x[:, 0] - place, 0)], axis=1)), GRID)[0]
    share = np.clip(np.arange(21) + 0.5 - place, 0, 1)
    assert np.abs(u[0] - share).max() <= 1 / 128 + 1e-14
    above = np.where(share < 1, share**2 / 2, np.arange(21) - place)
    above[20] = 20 - place
    assert np.abs(u[1] - above).max() <= 1 / 64**2
