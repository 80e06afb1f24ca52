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
        Grid([np.array([0.0, 1, 2, 4])]).require_uniform("this")


PLACES = [0.3, [0.3], [0.2, 0.7], [0.5, 0.52], 0.0, 1.0]


def _second_difference_error(x):
    """Largest error of the three-point second difference of sin 3x on the nodes x."""
    h, u = np.diff(x), np.sin(3 * x)
    return np.abs(2 * np.diff(np.diff(u) / h) / (h[1:] + h[:-1]) + 9 * u[1:-1]).max()


@pytest.mark.parametrize("around", PLACES)
def test_concentrated_axes_span_the_box_with_the_ratio_asked_for_and_are_narrowest_at_the_places(around):
    x = Grid.concentrated(-1, 2, 2001, [3 * np.array(around) - 1], strength=20).axes[0]
    gaps = np.diff(x)
    assert x[0] == -1 and x[-1] == 2
    # gaps are at most 20 × 3/2000 = 0.03, over which the widest spacing changes by 0.03/(2 × distance ≥ 1) of itself: 1.5 %;
    # to make a place a node moves the density by 1/(2000 s(1 − s)), s ≥ 0.1 the share of nodes below: 0.6 %
    assert 20 / 1.025 < gaps.max() / gaps.min() < 20 * 1.025
    nearest = np.abs(0.5 * (x[1:] + x[:-1])[gaps.argmin()] - (3 * np.atleast_1d(around) - 1)).min()
    assert nearest < 0.03                                               # the middle of a pair of peaks, 0.06 apart, at the most


@pytest.mark.parametrize("place", [0.3, 0.0, 1.0, 0.013, 1 / 3])
@pytest.mark.parametrize("n", [5, 40, 41])
def test_a_single_place_is_a_node_to_the_last_bit(place, n):
    assert place in Grid.concentrated([0, 0], [1, 1], n, (place, None)).axes[0]


@pytest.mark.parametrize("around", [0.3, [0.2, 0.7], [0.5, 0.52]])
def test_concentrated_axes_keep_order_two_by_more_nodes_and_by_refining(around):
    sizes = (81, 161, 321)
    anew = [_second_difference_error(Grid.concentrated(0, 1, n, [around], 30).axes[0]) for n in sizes]
    start = Grid.concentrated(0, 1, 81, [around], 30)
    refined = [_second_difference_error(start.refined(k).axes[0]) for k in (1, 2, 4)]
    rough = [np.concatenate([np.linspace(0, 0.5, n // 2 + 1), np.linspace(0.5, 1, n)[1:]]) for n in sizes]
    rates = [np.log2(errors[1] / errors[2]) for errors in (anew, refined, [_second_difference_error(x) for x in rough])]
    assert min(rates[:2]) > 1.5 > rates[2]                              # half-way between order 2 and the 1 of spacings that jump


@pytest.mark.parametrize("factor", [2, 3, 7])
def test_refining_by_a_whole_factor_keeps_every_old_node_of_a_smooth_or_a_rough_axis(factor):
    rough = np.sort(np.random.default_rng(3).uniform(0, 1, 50))
    grid = Grid((rough, *Grid.concentrated(0, 1, 41, 0.3).axes, np.linspace(0, 1, 5)))
    fine = grid.refined(factor)
    assert fine.shape == tuple((n - 1) * factor + 1 for n in grid.shape)
    assert all(np.array_equal(new[::factor], old) for new, old in zip(fine.axes[:2], grid.axes[:2]))
    assert all((np.diff(a) > 0).all() for a in fine.axes)


def test_widening_an_uneven_axis_goes_on_with_its_end_spacings():
    old = Grid.concentrated(0, 1, 41, 0.2).axes[0]
    wide = Grid((old,)).widened(1.5).axes[0]
    first = int(np.flatnonzero(wide == 0)[0])
    assert np.array_equal(wide[first:first + 41], old) and wide[0] <= -0.25 and wide[-1] >= 1.25
    # rounding of coordinates up to 1.4 against gaps
    assert np.abs(np.diff(wide[:first + 2]) - (old[1] - old[0])).max() < 1e-15
    assert np.abs(np.diff(wide[first + 39:]) - (old[-1] - old[-2])).max() < 1e-15


@pytest.mark.parametrize("arguments, word", [((0, 1, 9, [2.0]), r"around\[0\]"), ((0, 1, 9, [[]]), r"around\[0\]"),
                                             ((0, 1, 9, [0.3, 0.7]), "one per axis"), ((0, 1, 9, 0.3, 0.5), "strength=0.5"),
                                             ((0, 1, 9, 0.3, np.nan), "strength=nan"), ((1, 0, 9, 0.3), "lower < upper")])
def test_places_outside_the_box_and_weak_strengths_are_refused(arguments, word):
    with pytest.raises(ValueError, match=word):
        Grid.concentrated(*arguments)


def test_without_a_place_or_with_strength_one_an_axis_is_uniform():
    assert Grid.concentrated([0, 0], [1, 1], 9, (None, 0.5), (10, 1)).is_uniform
    assert not Grid.concentrated(0, 1, 9, 0.5).is_uniform
