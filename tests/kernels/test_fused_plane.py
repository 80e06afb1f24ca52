"""Passes over a plane, cut into tiles."""

import numpy as np
import pytest

from ocnet.kernels import fused_plane
from tests.kernels.test_stencil import random_operator


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 7, 20])
def test_no_row_of_the_second_axis_is_lost_however_rows_are_cut_into_tiles(chunk):
    shape = 7, 5
    A, rng = random_operator(shape), np.random.default_rng(1)
    f, a = A.coefficients.drift[1].reshape(shape), A.coefficients.split[0][1].reshape(shape)
    table, offsets = A.geometry
    y, base, other, whole, tiled = *rng.normal(size=(3, *shape)), np.empty(shape), np.full(shape, np.nan)
    arguments = y, np.ascontiguousarray(f), np.ascontiguousarray(a), table, offsets, 0.01, base, other, 2
    fused_plane.across(*arguments, 0, 7, whole)
    fused_plane.across_tiles(*arguments, 7, chunk, tiled)
    assert (tiled == whole).all()
