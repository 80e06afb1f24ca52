import numpy as np
import pytest

from ocnet.grid import Grid


def test_nodes_are_the_tensor_product_with_the_last_axis_fastest():
    grid = Grid([np.array([0.0, 1, 2, 3]), np.array([0.0, 10, 20, 30, 40])])
    assert grid.nodes[:, 6].tolist() == [1.0, 10.0]
    assert grid.size == 20 and grid.shape == (4, 5)


def test_weights_integrate_bilinear_functions_exactly_on_any_axes():
    rng = np.random.default_rng(0)
    grid = Grid([np.sort(rng.uniform(0, 1, 9)), np.sort(rng.uniform(-1, 2, 7))])
    x, y = grid.nodes
    (a, b), (c, d) = ((axis[0], axis[-1]) for axis in grid.axes)
    exact = 0.25 * (b**2 - a**2) * (d**2 - c**2) + (b - a) * (d - c)
    assert abs(grid.weights @ (x * y + 1) - exact) < 63 * 4e-16        # nodes × rounding


def test_widening_keeps_the_old_nodes_and_refining_keeps_the_box():
    grid = Grid.uniform([-1, 0], [1, 5], [11, 21])
    wide, fine = grid.widened(1.4), grid.refined(1.5)
    assert np.isin(np.round(grid.axes[0], 12), np.round(wide.axes[0], 12)).all()
    assert (wide.upper - wide.lower >= 1.4 * (grid.upper - grid.lower) - 1e-12).all()
    assert fine.shape == (16, 31) and np.array_equal(fine.lower, grid.lower) and np.array_equal(fine.upper, grid.upper)


def test_covering_box_holds_every_path_of_a_fresh_sample():
    from ocnet.laws import Normal
    from ocnet.process import LayeredProcess

    process = LayeredProcess(lambda n, x, xi: 1.1 * x + 0.1 * xi, Normal(1), 1, np.linspace(0, 1, 11))
    grid = Grid.covering(process, [[-1.0], [1.0]], 33)
    x = np.repeat(np.array([[-1.0, 1.0]]), 5000, axis=1)
    rng = np.random.default_rng(7)
    for _ in range(10):
        x = 1.1 * x + 0.1 * rng.normal(size=x.shape)
    # end: 2.59 ± 0.51 σ, 10⁴ draws reach 4 σ = 4.6; 20 000 scouts reach about 4.1 σ and the margin adds 15 % of the range
    assert grid.lower[0] < x.min() and x.max() < grid.upper[0]


@pytest.mark.parametrize("axes, word", [([], "empty"), ([[0, 1, 2]], "4 nodes"), ([[0, 1, 1, 2]], "increasing"),
                                        ([[0, 1, np.nan, 2]], "finite")])
def test_bad_axes_are_refused_with_the_axis_and_the_reason(axes, word):
    with pytest.raises(ValueError, match=word):
        Grid(axes)


def test_bad_boxes_are_refused():
    with pytest.raises(ValueError, match="lower < upper"):
        Grid.uniform([1, 0], [0, 1], 9)
    with pytest.raises(ValueError, match="Grid.uniform"):
        Grid([np.array([0.0, 1, 2, 4])]).refined(2)
