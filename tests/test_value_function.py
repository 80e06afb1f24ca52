"""Interpolation in x and t, its bounds and its slopes."""

import numpy as np
import pytest

from ocnet.grid import Grid
from ocnet.value_function import SolveReport, ValueFunction

UNIFORM = [Grid.uniform([-1], [2], [31]), Grid.uniform([-1, 0], [2, 1], [31, 21])]
UNEVEN = [Grid((np.linspace(-1, 1.2, 31) ** 3,)), Grid((np.linspace(-1, 1.2, 31) ** 3, np.linspace(0.5, 1, 21) ** 2)),
          Grid.uniform([-1] * 3, [1] * 3, [9, 8, 7])]


def on(grid, *functions, times=(0.0,)):
    return ValueFunction(grid, np.array(times), np.stack([np.stack([f(grid.nodes.T) for f in functions])] * len(times)), None,
                         len(functions) == 1)


def inside(grid, count=200, margin=0.35):                        # natural ends are felt as 0.27^(nodes from the side)
    span = grid.upper - grid.lower
    return grid.lower + span * (margin + (1 - 2 * margin) * np.random.default_rng(1).uniform(size=(count, grid.dim)))


@pytest.mark.parametrize("grid", UNIFORM + UNEVEN)
def test_nodes_are_reproduced(grid):
    f = lambda x: np.sin(3 * x.sum(axis=1))
    assert np.abs(on(grid, f)(grid.nodes.T) - f(grid.nodes.T)).max() < 1e-13       # rounding of cubic weights


@pytest.mark.parametrize("grid", UNIFORM + UNEVEN)
def test_monotone_smooth_fields_are_of_fourth_order_and_slopes_of_third(grid):
    f = lambda x: np.exp(0.5 * x.sum(axis=1))
    x = inside(grid)
    h = max(np.diff(a).max() for a in grid.axes)
    value = on(grid, f)
    # Lagrange and spline: h⁴ f''''/384 … 3 h⁴ f''''/128 per axis; slopes h³ f''''/12; f'''' = f/16 per axis, f ≤ e^1.7
    assert np.abs(value(x) - f(x)).max() < grid.dim * 3 / 128 * h**4 / 16 * np.exp(1.7)
    assert np.abs(value.gradient(x) - 0.5 * f(x)[:, None]).max() < grid.dim * h**3 / 6 / 16 * np.exp(1.7)


@pytest.mark.parametrize("grid", UNIFORM + UNEVEN)
def test_a_step_is_not_overshot(grid):
    f = lambda x: (x[:, 0] > 0.1) * 1.0
    x = grid.lower + (grid.upper - grid.lower) * np.random.default_rng(2).uniform(-0.1, 1.1, size=(2000, grid.dim))
    value = on(grid, f)(x)
    assert value.min() >= 0 and value.max() <= 1


@pytest.mark.parametrize("grid", UNIFORM + UNEVEN)
def test_columns_are_independent_and_shapes_are_those_promised(grid):
    f, g = (lambda x: np.exp(x[:, 0])), (lambda x: np.cos(x[:, -1]))
    x = inside(grid, 7)
    both = on(grid, f, g)
    assert both(x).shape == (7, 2) and both.gradient(x).shape == (7, 2, grid.dim) and on(grid, f).gradient(x).shape == (7, grid.dim)
    assert np.abs(both(x)[:, 1] - on(grid, g)(x)).max() < 1e-14 and np.abs(both.gradient(x)[:, 0] - on(grid, f).gradient(x)).max() < 1e-12


def test_time_is_linear_between_kept_times_and_others_are_refused():
    grid = UNIFORM[0]
    value = ValueFunction(grid, np.array([0.0, 0.5, 1.0]), np.stack([np.full((1, grid.size), v) for v in (1.0, 3.0, 4.0)]))
    assert value([[0.3]], 0.125)[0] == pytest.approx(1.5, abs=1e-14) and value([[0.3]], 1.0)[0] == pytest.approx(4, abs=1e-14)
    with pytest.raises(ValueError, match="keep="):
        value([[0.3]], 1.5)
    with pytest.raises(ValueError, match="keep="):
        on(grid, lambda x: x[:, 0])([[0.3]], 0.5)


def test_plots_and_dictionaries_hold_what_was_computed(tmp_path):
    for grid in UNIFORM:
        value = on(grid, lambda x: x[:, 0])
        value.plot().figure.savefig(tmp_path / "value.png")
        assert value.to_dict()["values"].shape == (1, 1, *grid.shape)
    with pytest.raises(ValueError, match="3 axes"):
        on(UNEVEN[2], lambda x: x[:, 0]).plot()


def test_the_report_measures_the_overshoot():
    report = SolveReport("Scheme()", 10, 0.5, 1.0, 2.0, (0.0, 1.0), (-0.25, 1.1))
    assert report.overshoot == 0.25 and "\n" not in repr(report)


def test_values_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="values has shape"):
        ValueFunction(UNIFORM[0], np.zeros(1), np.zeros((1, 31)))
