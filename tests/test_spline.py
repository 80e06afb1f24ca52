import numpy as np
import pytest

from ocnet.expectation import expectation, expectation_transposed
from ocnet.grid import Grid
from ocnet.kernels.threads import set_threads
from ocnet.process import Transition
from ocnet.spline import LimitedSpline, Smoothing, gaussian_weights


def _field(x):
    return np.exp(-0.5 * ((x - 0.1) ** 2).sum(axis=0))[None] + np.sin(x[0])


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_unlimited_spline_has_order_four(dim):
    points = np.random.default_rng(0).uniform(-1, 1, (dim, 2000))
    errors = []
    for n in (41, 81, 161):
        grid = Grid.uniform([-4] * dim, [4] * dim, n)
        errors.append(np.abs(LimitedSpline(grid, _field(grid.nodes), limited=False)(points) - _field(points)).max())
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert (rates > 3.8).all()                       # nominal 4; 5 % for the next term at h = 0.2


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_limited_spline_equals_the_spline_on_smooth_data_away_from_the_global_extrema(dim):
    grid = Grid.uniform([-4] * dim, [4] * dim, 161)
    points = np.random.default_rng(1).uniform(-0.9, 0.9, (dim, 2000))
    values = np.sin(2 * grid.nodes).sum(axis=0)[None] + 0.1 * grid.nodes[0] ** 3      # global extrema lie at the edges
    limited, plain = LimitedSpline(grid, values), LimitedSpline(grid, values, limited=False)
    assert np.abs(limited(points) - plain(points)).max() < 2e-16 * 161                # rounding only


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_limited_spline_never_leaves_the_range_of_random_data_and_the_plain_one_does(dim):
    rng = np.random.default_rng(2)
    grid = Grid.uniform([-1] * dim, [1] * dim, 17)
    points = rng.uniform(-1.3, 1.3, (dim, 20_000))
    values = rng.choice([0.0, 1.0], (3, grid.size))
    inside = LimitedSpline(grid, values)(points)
    assert inside.min() >= 0 and inside.max() <= 1
    outside = LimitedSpline(grid, values, limited=False)(points)
    assert outside.min() < -0.1 and outside.max() > 1.1                               # what the limiter is for


def limits(grid, values, x):
    """(lower, upper, smooth, doubtful) of the limiter at x (d, n), by its words: the range of the 4ᵈ nodes around the cell, or of the whole field where
    the second differences at the cell's corners (an edge node repeated) have one sign along each axis; asked for outside the range of the corners."""
    values, found = values.reshape(grid.shape), []
    for point in x.T:
        cell = [min(max(int(np.searchsorted(axis, s, side="right")) - 1, 0), axis.size - 2) for axis, s in zip(grid.axes, point)]
        corners = values[tuple(slice(i, i + 2) for i in cell)]
        near = values[tuple(slice(max(i - 1, 0), i + 3) for i in cell)]
        bends = [np.diff(np.pad(values, [(1, 1) if k == axis else (0, 0) for k in range(grid.dim)], "edge"), 2, axis=axis)
                 [tuple(slice(i, i + 2) for i in cell)] for axis in range(grid.dim)]
        found.append((corners.min(), corners.max(), near.min(), near.max(), all((b >= 0).all() or (b <= 0).all() for b in bends)))
    low, high, lowest, highest, smooth = np.array(found).T
    smooth = smooth.astype(bool)
    return np.where(smooth, values.min(), lowest), np.where(smooth, values.max(), highest), smooth, low, high


@pytest.mark.parametrize("shape", [(30,), (12, 17), (17, 12), (7, 9, 8)])
def test_the_limiter_is_its_words(shape):
    rng = np.random.default_rng(9)
    grid = Grid.uniform([-1] * len(shape), [1] * len(shape), shape)
    values = np.cos(2.5 * grid.nodes + 0.3).sum(axis=0) + 2.0 * (grid.nodes[0] > 0.55) + 0.02 * rng.choice([0, 1], grid.size) * (grid.nodes[0] < -0.5)
    x = rng.uniform(-1, 1, (len(shape), 1000))
    plain, limited = (LimitedSpline(grid, values[None], limited=limited)(x)[0] for limited in (False, True))
    lower, upper, smooth, low, high = limits(grid, values, x)
    doubtful = (plain < low) | (plain > high)
    # the same spline and the same node values: rounding of a sum of 4³ products of numbers up to 5
    assert np.abs(limited - np.where(doubtful, np.clip(plain, lower, upper), plain)).max() < 64 * 5 * 2.0**-52
    assert (doubtful & ~smooth & ((plain < lower) | (plain > upper))).any() and (doubtful & smooth).any()             # both are met


@pytest.mark.parametrize("dim, branches", [(1, 1), (2, 1), (2, 3), (3, 2)])
def test_transposed_mean_is_dual_and_is_the_derivative_in_the_feet(dim, branches):
    rng = np.random.default_rng(3)
    grid = Grid.uniform([-1] * dim, [1] * dim, 23)
    values, feet = rng.normal(size=(2, grid.size)), rng.uniform(-1.2, 1.2, (branches, dim, 400))
    weights, cotangent = np.full(branches, 1 / branches), rng.normal(size=(2, 400))
    spline = LimitedSpline(grid, values)
    back, feet_cotangent = spline.mean_transposed(feet, weights, cotangent)
    forward = (cotangent * spline.mean(feet, weights)).sum()
    assert abs((back * values).sum() - forward) < 1e-12 * np.abs(cotangent).sum()
    direction, step = rng.normal(size=feet.shape), 1e-6
    slope = ((spline.mean(feet + step * direction, weights) - spline.mean(feet - step * direction, weights))
             * cotangent).sum() / (2 * step)
    # central difference: step² × third derivative (≤ 1e4 here) + rounding/step, and 400 points may sit at a kink
    assert abs((feet_cotangent * direction).sum() - slope) < 1e-5 * np.abs(cotangent).sum()


@pytest.mark.parametrize("ratio", [0.0, 0.2, 0.57, 0.6, 0.99, 1.0, 2.5])
def test_gaussian_weights_are_a_law_with_the_right_variance(ratio):
    w = gaussian_weights(ratio)
    j = np.arange(w.size)
    assert (w >= 0).all()
    assert abs(w[0] + 2 * w[1:].sum() - 1) < 1e-15 * (2 * w.size)
    # theta function: relative error of the variance 8π² r exp(−2π² r) ≤ 2.2e-7 at r = 1; tail beyond 7.3 σ 2e-11
    assert abs(2 * (w * j**2).sum() - ratio**2) <= 3e-7 * ratio**2


def test_smoothing_is_stochastic_with_its_exact_transpose_and_exact_on_cosines():
    grid = Grid.uniform([0, 0], [1, 2], [12, 15])
    smooth = Smoothing(grid, [0.2, 0.1])
    rows = smooth(np.eye(grid.size))                              # row e: the transpose's matrix, as rows go through the map
    assert rows.min() >= 0 and np.abs(rows.sum(axis=0) - 1).max() < 1e-14
    assert np.abs(smooth.transposed(np.eye(grid.size)) - rows.T).max() < 1e-15
    fine = Grid.uniform(0, np.pi, 126)                            # mirrored at the nodes on the sides: cos is an eigenfunction there too
    smoothed = Smoothing(fine, 0.3)(np.cos(fine.nodes))[0]
    assert np.abs(smoothed - np.cos(fine.nodes[0]) * np.exp(-0.045)).max() < 1e-10           # tail beyond 7.3 σ, doubled


@pytest.mark.parametrize("limited", [True, False])
def test_mirrored_ends_are_of_fourth_order_up_to_the_side_and_natural_ones_of_second(limited):
    x = np.linspace(0, 1, 1999)[None]
    for mirrored, least, most in (([(True, True)], 3.8, 4.3), (None, 1.8, 2.3)):
        errors = [np.abs(LimitedSpline(grid, np.cos(3 * np.pi * grid.nodes), limited, mirrored)(x) - np.cos(3 * np.pi * x)).max()
                  for grid in (Grid.uniform(0, 1, n) for n in (61, 121))]
        # the limiter clips the end maxima to node values: the ends are nodes, so nothing is lost there; inner extrema stay smooth ones
        if not limited or mirrored is None:
            assert least < np.log2(errors[0] / errors[1]) < most, errors


def test_mirrored_ends_have_exact_transposes():
    rng = np.random.default_rng(8)
    grid = Grid.uniform([-2, 0], [2, 1], [21, 13])
    feet = grid.nodes[None] + 0.2 * rng.normal(size=(1, 2, grid.size))
    for mirrored in ([(True, False), (True, True)], [(False, True), (True, False)]):
        v, p = rng.normal(size=(2, 2, grid.size))
        spline = LimitedSpline(grid, v, True, mirrored)
        back, _ = spline.mean_transposed(feet, np.ones(1), p)
        assert abs((p * spline.mean(feet, np.ones(1))).sum() - (back * v).sum()) < 1e-12 * np.abs(p).sum()


def test_expectation_and_its_transpose_conserve_mass_and_are_dual():
    rng = np.random.default_rng(5)
    grid = Grid.uniform([-2, -2], [2, 2], 25)
    feet = grid.nodes + 0.3 * rng.normal(size=(4, 2, grid.size))
    transition = Transition(feet, np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.2, 0.05]))
    values, masses = rng.normal(size=(2, grid.size)), rng.uniform(size=(2, grid.size))
    after, spline = expectation(grid, transition, values)
    later, _ = expectation_transposed(grid, transition, spline, masses)
    assert abs((masses * after).sum() - (later * values).sum()) < 1e-12 * masses.sum()
    assert np.abs(later.sum(axis=1) - masses.sum(axis=1)).max() < 1e-12 * masses.sum()


@pytest.mark.parametrize("shape", [(151, 151), (41, 30), (300,)])
@pytest.mark.parametrize("columns", [1, 2, 3])
def test_a_step_has_the_same_bits_pass_by_pass_and_column_by_column_on_any_number_of_threads(shape, columns, monkeypatch):
    rng = np.random.default_rng(6)
    grid = Grid.uniform([-2] * len(shape), [2] * len(shape), shape)
    feet = grid.nodes + rng.normal(0, [[[0.1]], [[0.4]]], size=(2, *grid.nodes.shape))       # some leave the box, many are limited
    smoothing = np.array([0.05, 0.0])[:grid.dim]
    values, masses = rng.normal(size=(2, columns, grid.size))

    def step(count, by_columns):
        set_threads(count)
        monkeypatch.setattr("ocnet.expectation._by_columns", lambda *arguments: by_columns)
        for transition in (Transition(feet, np.array([0.7, 0.3]), smoothing), Transition(feet[:1], np.ones(1), smoothing[::-1])):
            after, spline = expectation(grid, transition, values)
            yield from (after, *expectation_transposed(grid, transition, spline, masses))

    expected = list(step(1, False))
    for count in (1, 2, 3):
        for by_columns in (False, True):
            assert all(np.array_equal(a, b) for a, b in zip(step(count, by_columns), expected, strict=True))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_foot_that_is_not_a_number_gives_none_and_spoils_no_other(dim):
    grid = Grid.uniform([-1] * dim, [1] * dim, 9)
    points = np.random.default_rng(2).uniform(-1, 1, (dim, 100))
    spoilt = points.copy()
    spoilt[dim - 1, 40] = np.nan
    spline = LimitedSpline(grid, _field(grid.nodes))
    whole, part = spline(points)[0], spline(spoilt)[0]
    assert np.isnan(part[40]) and (np.delete(part, 40) == np.delete(whole, 40)).all()


def test_grids_the_spline_cannot_serve_are_refused():
    with pytest.raises(ValueError, match="equally spaced"):
        LimitedSpline(Grid([np.array([0.0, 1, 2, 4])]), np.zeros((1, 4)))
    with pytest.raises(ValueError, match="particles"):
        LimitedSpline(Grid.uniform([0] * 4, [1] * 4, 4), np.zeros((1, 256)))
