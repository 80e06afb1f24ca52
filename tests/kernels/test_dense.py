"""Products of small matrices with tiles of points, as the kernels that use them make the tiles: against NumPy."""

import itertools

import numpy as np
import pytest

from ocnet.kernels.compile import kernel
from ocnet.kernels.dense import add_dots, add_products, fill_rows

SHAPES = list(itertools.product((1, 2, 3, 5), (1, 2, 4, 7, 9), (1, 30)))             # rows, terms, points: whole blocks and what is left


@kernel
def products_of(w, at, across, along, rows, terms, x, y):
    """The same on tiles made here, as the contract of `dense` asks."""
    n = x.shape[1]
    tile, out = np.empty((terms, n)), np.empty((rows, n))
    tile[:] = x
    out[:] = y
    add_products(w, at, across, along, rows, terms, tile, out, n)
    return out


@pytest.mark.parametrize("rows, terms, n", SHAPES)
def test_products_are_those_of_a_matrix_its_transpose_and_a_part_of_it(rows, terms, n):
    rng = np.random.default_rng(rows + 10 * terms)
    whole, x, y = rng.normal(size=(rows + 2, terms + 3)), rng.normal(size=(terms, n)), rng.normal(size=(rows, n))
    exact = y + whole[1:1 + rows, 2:2 + terms] @ x
    flat = whole.ravel()
    assert np.abs(products_of(flat, whole.shape[1] + 2, whole.shape[1], 1, rows, terms, x, y) - exact).max() < 1e-13
    turned = np.ascontiguousarray(whole.T).ravel()                                  # ten terms of size up to 10, each rounded
    assert np.abs(products_of(turned, 2 * whole.shape[0] + 1, 1, whole.shape[0], rows, terms, x, y) - exact).max() < 1e-13


@pytest.mark.parametrize("rows, terms, n", SHAPES)
def test_dots_fill_a_matrix_or_its_transpose(rows, terms, n):
    rng = np.random.default_rng(1)
    a, b, out = rng.normal(size=(rows, n + 3)), rng.normal(size=(terms, n + 3)), rng.normal(size=(rows + 1, terms + 1))
    exact = out.copy()
    exact[1:, 1:] += a[:, :n] @ b[:, :n].T
    turned = np.ascontiguousarray(out.T)
    add_dots(a, rows, b, terms, n, out.ravel(), terms + 2, terms + 1, 1)
    add_dots(a, rows, b, terms, n, turned.ravel(), rows + 2, 1, rows + 1)
    assert np.abs(out - exact).max() < 1e-13 and np.abs(turned.T - exact).max() < 1e-13


def test_a_point_does_not_feel_how_many_stand_beside_it():
    rng = np.random.default_rng(2)
    w, x, y = rng.normal(size=63), rng.normal(size=(9, 37)), rng.normal(size=(7, 37))
    whole = products_of(w, 0, 9, 1, 7, 9, x, y)
    for n in (1, 3, 8, 36):
        part = products_of(w, 0, 9, 1, 7, 9, np.ascontiguousarray(x[:, :n]), np.ascontiguousarray(y[:, :n]))
        assert part.tobytes() == np.ascontiguousarray(whole[:, :n]).tobytes()


def test_rows_are_filled_with_their_numbers():
    y = np.full((3, 5), np.nan)
    fill_rows(np.arange(6.0), 2, 3, y, 4)
    assert (y[:, :4] == np.array([[2.0], [3.0], [4.0]])).all() and np.isnan(y[:, 4]).all()
