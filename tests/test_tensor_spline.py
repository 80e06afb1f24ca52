"""Splines on any tensor grid: against FITPACK, their orders up to the edges, their limiter, their bits."""

import numpy as np
import pytest
from scipy.interpolate import RectBivariateSpline

from ocnet.grid import Grid
from ocnet.kernels.threads import set_threads
from ocnet.tensor_spline import TensorSpline, around_time


def grids(n):
    """Uniform and uneven grids of one to three axes, of about n, n and n/2 nodes."""
    m = n // 2 + 1
    return {"uniform 1": Grid.uniform(-1, 1, n), "uneven 1": Grid.concentrated(-1, 1, n, 0.2),
            "uniform 2": Grid.uniform([-1, 0], [1, 1], n), "uneven 2": Grid.concentrated([-1, 0], [1, 1], n, (0.2, [0.0, 0.6])),
            "mixed 3": Grid.concentrated([-1, 0, 0], [1, 1, 1], (n, m, m), (0.2, None, 1.0), 4)}


def points(grid, count=500, beyond=0.0):
    span = grid.upper - grid.lower
    return (grid.lower + span * np.random.default_rng(5).uniform(-beyond, 1 + beyond, (count, grid.dim))).T


def waves(x):
    """A smooth field (n,) with extrema inside the box that are not the field's, at x (d, n), its gradient and Hessian (d, d, n)."""
    k = np.array([3.0, -2.0, 1.5])[:len(x)]
    phase = k @ x + 0.4
    return np.sinh(phase) - 2 * phase, k[:, None] * (np.cosh(phase) - 2), k[:, None, None] * k[None, :, None] * np.sinh(phase)


def test_values_and_derivatives_are_those_of_the_interpolating_spline_of_fitpack():
    grid = Grid.concentrated([-1, 0], [1, 1], (14, 11), (0.2, [0.0, 0.6]))
    values = np.random.default_rng(0).normal(size=(2, grid.size))
    x = points(grid)
    spline = TensorSpline(grid, values)
    for q in range(2):
        other = RectBivariateSpline(*grid.axes, values[q].reshape(grid.shape), s=0)
        slopes = np.stack([other.ev(*x, dx=1), other.ev(*x, dy=1)])
        mixed = other.ev(*x, dx=1, dy=1)
        curvatures = np.array([[other.ev(*x, dx=2), mixed], [mixed, other.ev(*x, dy=2)]])
        # 1e3 roundings of terms up to max|v|/h²: banded solves of condition < 10² and 16 products, two routes
        assert np.abs(spline.slopes(x)[q] - slopes).max() < 1e-13 * np.abs(slopes).max() * 100
        assert np.abs(spline.curvatures(x)[q] - curvatures).max() < 1e-13 * np.abs(curvatures).max() * 100
        node_range = values[q].min(), values[q].max()
        free = np.abs(spline(x)[q] - other.ev(*x)) < 1e-11 * np.abs(values).max()
        assert free.mean() > 0.5 and spline(x)[q].min() >= node_range[0] and spline(x)[q].max() <= node_range[1]


@pytest.mark.parametrize("name", grids(9))
def test_value_gradient_and_hessian_are_of_order_four_three_and_two_up_to_the_edges(name):
    coarse, errors = grids(41 if name[-1] == "3" else 129)[name], []
    x = points(coarse, 3000)
    value, slopes, curvatures = waves(x)
    for grid in (coarse, coarse.refined(2)):
        spline = TensorSpline(grid, waves(grid.nodes)[0][None])
        errors.append([np.abs(spline(x)[0] - value).max(), np.abs(spline.slopes(x)[0] - slopes).max(),
                       np.abs(spline.curvatures(x)[0] - curvatures).max()])
    rates = np.log2(np.array(errors[0]) / errors[1])
    assert (rates > [3.5, 2.5, 1.5]).all()                              # half an order below each theorem: nearer than the next order


@pytest.mark.parametrize("name", grids(9))
def test_cubics_are_reproduced_with_both_derivatives(name):
    grid = grids(9)[name]
    x = points(grid)
    spline = TensorSpline(grid, np.prod(1 + grid.nodes**3, axis=0)[None])
    one, two = 3 * x**2 / (1 + x**3), 6 * x / (1 + x**3)
    value = np.prod(1 + x**3, axis=0)
    # values up to 2^d; a slope divides their rounding by h ≥ 0.01, a second derivative twice, with sums of 4^d terms
    for i in range(grid.dim):
        assert np.abs(spline.slopes(x)[0, i] - value * one[i]).max() < 64 * 8 * 2.3e-16 / 0.01
        for j in range(grid.dim):
            exact = value * (two[i] if i == j else one[i] * one[j])
            assert np.abs(spline.curvatures(x)[0, i, j] - exact).max() < 64 * 8 * 2.3e-16 / 0.01**2


@pytest.mark.parametrize("name", grids(9))
def test_a_step_rings_unlimited_but_not_limited(name):
    grid = grids(9)[name]
    x = points(grid, 3000, beyond=0.1)
    spline = TensorSpline(grid, 1.0 * (grid.nodes[:1] > 0.1))
    plain = TensorSpline(grid, spline.values)
    plain._limited = lambda x, rows: rows
    assert spline(x).min() >= 0 and spline(x).max() <= 1
    assert plain(x).max() > 1.01                                        # the spline of a step overshoots by about a tenth


@pytest.mark.parametrize("name", grids(9))
def test_outside_the_box_the_value_is_that_of_the_nearest_edge_point_and_constant_along_the_axes_left(name):
    grid = grids(9)[name]
    x = points(grid, 300, beyond=0.5)
    nearest = np.clip(x, grid.lower[:, None], grid.upper[:, None])
    left = nearest != x
    spline = TensorSpline(grid, waves(grid.nodes)[0][None])
    assert left.any(axis=1).all() and np.array_equal(spline(x), spline(nearest))
    slopes, curvatures = spline.slopes(nearest)[0] * ~left, spline.curvatures(nearest)[0] * ~(left[:, None] | left)
    assert np.array_equal(spline.slopes(x)[0], slopes) and np.array_equal(spline.curvatures(x)[0], curvatures)


def test_bits_do_not_depend_on_the_number_of_threads():
    grid = grids(9)["mixed 3"]
    x, spline = points(grid, 9000), TensorSpline(grid, np.random.default_rng(1).normal(size=(2, grid.size)))
    results = []
    for count in (1, 2):
        set_threads(count)
        results.append([spline(x), spline.slopes(x), spline.curvatures(x)])
    assert all(np.array_equal(a, b) for a, b in zip(*results))


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="2 numbers that are not finite"):
        TensorSpline(Grid.uniform(0, 1, 5), np.array([[0, np.inf, 1, np.nan, 0]]))


@pytest.mark.parametrize("t, used", [(0.3, range(4)), (1.4, range(4)), (3.5, range(2, 6)), (5.0, [5]), (6.2, range(5, 9)), (8.7, range(6, 10))])
def test_a_time_between_kept_ones_has_two_of_them_on_either_side(t, used):
    """Of ten kept at 0, 1, …, 9; the four at an end near it.  Cubic weights: t³ comes out, of eight roundings of numbers up to 9³."""
    found = around_time(np.arange(10.0), t)
    assert [k for k, _ in found] == list(used)
    assert abs(sum(weight * float(k) ** 3 for k, weight in found) - t**3) < 8 * 729 * 2.0**-52
