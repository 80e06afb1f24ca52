"""Passes over a plane and their transposes, cut into tiles: no column and no row is lost, with the same bits."""

import numpy as np
import pytest

from ocnet.kernels import fused_plane, fused_plane_transposed
from tests.kernels.test_stencil import random_operator

SHAPE = 7, 5
CHUNKS = 1, 2, 3, 4, 6, 20


def fields():
    """Random arrays (5, 7, 5), drift, own variances (2, 7, 5) and mixed one (7, 5), the table of spacings and its offsets."""
    A = random_operator(SHAPE)
    (a, cross), f = A.coefficients.split, A.coefficients.drift
    y = np.random.default_rng(1).normal(size=(5, *SHAPE))
    return y, *(np.array(each).reshape(2, *SHAPE) for each in (f, a)), np.array(cross).reshape(SHAPE), *A.geometry


def held_to_the_whole(kernel, tiles, arguments, size, fresh):
    """The same arrays `fresh()` from tiles of every size as from the kernel at once."""
    whole = fresh()
    kernel(*arguments, 0, size, *whole)
    for chunk in CHUNKS:
        tiled = fresh()
        tiles(*arguments, size, chunk, *tiled)
        assert all(np.array_equal(one, other) for one, other in zip(tiled, whole, strict=True)), chunk


def unwritten(count):
    return lambda: tuple(np.full(SHAPE, 7.0) for _ in range(count))


def test_the_first_axis():
    y, f, a, cross, table, offsets = fields()
    arguments = y[0], y[1], f, a, cross, table, offsets, 0.5, 1.0, 0.02, 0.01, 0.01, True
    held_to_the_whole(fused_plane.down, fused_plane.down_tiles, arguments, SHAPE[1], unwritten(2))


def test_the_second_axis():
    y, f, a, _, table, offsets = fields()
    held_to_the_whole(fused_plane.across, fused_plane.across_tiles, (y[0], f[1], a[1], table, offsets, 0.01, y[1], y[2], 2), SHAPE[0], unwritten(1))


@pytest.mark.parametrize("axis", [0, 1])
def test_the_way_back_along_an_axis(axis):
    y, f, a, _, table, offsets = fields()
    if axis == 0:
        held_to_the_whole(fused_plane_transposed.down, fused_plane_transposed.down_tiles, (y[0], f[0], a[0], table, 0.01), SHAPE[1], unwritten(1))
    else:
        held_to_the_whole(fused_plane_transposed.across, fused_plane_transposed.across_tiles, (y[0], f[1], a[1], table, offsets, 0.01), SHAPE[0],
                          unwritten(1))


def test_the_way_back_of_the_explicit_part():
    y, f, a, cross, table, offsets = fields()
    held_to_the_whole(fused_plane_transposed.explicit, fused_plane_transposed.explicit_tiles, (y[0], f, a, cross, table, offsets, 1.0, 0.02, 0.01), SHAPE[0],
                      unwritten(1))


def test_the_gradient_in_the_coefficients():
    y, _, _, _, table, offsets = fields()
    held_to_the_whole(fused_plane_transposed.gradient, fused_plane_transposed.gradient_tiles, (*y, table, offsets, 0.01, 0.02, 0.01, True), SHAPE[0],
                      lambda: (np.zeros((2, *SHAPE)), np.zeros((2, *SHAPE)), np.zeros(SHAPE)))
