"""Spline coefficients along one axis: against the dense matrix, its transpose, and lines however they are cut into tiles."""

import itertools

import numpy as np
import pytest

from ocnet.kernels import prefilter

every_end = pytest.mark.parametrize("low, high", list(itertools.product((0, 1), repeat=2)))
every_shape = pytest.mark.parametrize("shape", [(21, 9, 1), (2, 6, 19), (3, 3, 4), (5, 2, 1), (1, 1, 3)])


def matrix(n, low, high):
    """Coefficients from values: c₋ + 4 c + c₊ = 6 v inside; c = v at a natural end, 2 c + c₊ = 3 v at a mirrored one; of fewer than three nodes, c = v."""
    if n < 3:
        return np.eye(n)
    rows, scale = 4 * np.eye(n) + np.eye(n, k=1) + np.eye(n, k=-1), np.full(n, 6.0)
    for end, beside, mirrored in ((0, 1, low), (n - 1, n - 2, high)):
        rows[end], scale[end] = 0, 3.0 if mirrored else 1.0
        rows[end, end], rows[end, beside] = (2.0, 1.0) if mirrored else (1.0, 0.0)
    return np.linalg.solve(rows, np.diag(scale))


@every_shape
@every_end
def test_coefficients_and_their_transpose_are_those_of_the_matrix(shape, low, high):
    """Condition below 6, so 1e-14 is some ten roundings of numbers up to 10; the same bits tile by tile."""
    u, (outer, n, inner) = np.random.default_rng(0).normal(size=shape), shape
    exact, factors = matrix(n, low, high), prefilter.prefilter_factors(n, low, high)
    for transposed, M in ((False, exact), (True, exact.T)):
        out, tiled = np.empty(shape), np.empty(shape)
        prefilter.prefilter(u, factors, low, high, transposed, 0, outer * inner, out)
        assert np.abs(out - np.einsum("ij,ojk->oik", M, u)).max() < 1e-14 * 10
        for chunk in (inner, 2 * inner, 5 * inner):
            tiled[:] = np.nan
            prefilter.prefilter_tiles(u, factors, low, high, transposed, outer * inner, chunk, tiled)
            assert (tiled == out).all()
