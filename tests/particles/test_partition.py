"""Batches: every path of every start point is in one of them, under its own number."""

from itertools import product

import numpy as np
import pytest

from ocnet.particles.partition import Partition


@pytest.mark.parametrize("points, paths, size", [(7, 3, 10), (7, 30, 10), (5, 12, 12), (1, 100, 8), (9, 4, 100)])
def test_path_k_of_point_i_has_the_number_i_paths_plus_k_and_no_other_has_it(points, paths, size):
    """So no two start points share noise."""
    partition, seen = Partition(points, paths, size=size), []
    for k in range(len(partition)):
        batch = partition[k]
        numbers = batch.first + np.arange(batch.count)
        assert (batch.starts(np.arange(float(points))[:, None])[0] == numbers // paths).all()
        seen += numbers.tolist()
    assert sorted(seen) == list(range(points * paths))


@pytest.mark.parametrize("points, paths, replicates, size", [(5, 12, 3, 4), (5, 12, 3, 3), (9, 4, 2, 100), (1, 24, 4, 4)])
def test_replicates_are_equal_shares_of_each_point_s_paths(points, paths, replicates, size):
    partition, seen = Partition(points, paths, replicates, size), []
    for k in range(len(partition)):
        batch = partition[k]
        assert batch.lo // (paths // replicates) == (batch.hi - 1) // (paths // replicates) == batch.replicate and batch.hi - batch.lo <= size
        seen += product(range(points)[batch.rows], range(batch.lo, batch.hi))
    assert sorted(seen) == list(product(range(points), range(paths)))
