"""Interpolation in x and t, its bounds and derivatives; files, tables and pictures."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from ocnet.grid import Grid
from ocnet.report import ErrorBar, SolveReport
from ocnet.value_function import ValueFunction

UNIFORM = [Grid.uniform([-1], [2], [31]), Grid.uniform([-1, 0], [2, 1], [31, 21])]
UNEVEN = [Grid((np.linspace(-1, 1.2, 31) ** 3,)), Grid((np.linspace(-1, 1.2, 31) ** 3, np.linspace(0.5, 1, 21) ** 2)),
          Grid.uniform([-1] * 3, [1] * 3, [9, 8, 7])]


def on(grid, *functions, times=(0.0,)):
    return ValueFunction(grid, np.array(times), np.stack([np.stack([f(grid.nodes.T) for f in functions])] * len(times)), None,
                         len(functions) == 1)


def inside(grid, count=200, margin=0.35):
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


@pytest.mark.parametrize("grid", UNIFORM + UNEVEN)
def test_hessians_are_symmetric_of_second_order_and_of_the_promised_shapes(grid):
    f, x = (lambda x: np.exp(0.5 * x.sum(axis=1))), inside(grid)
    h = max(np.diff(a).max() for a in grid.axes)
    hessian, both = on(grid, f).hessian(x), on(grid, f, f).hessian(x)
    assert hessian.shape == (200, grid.dim, grid.dim) and np.array_equal(hessian, np.moveaxis(hessian, 1, 2))
    # a cubic spline's second derivative errs by at most ½ h² times the fourth (here f/16) per axis; f ≤ e^1.7
    assert np.abs(hessian - 0.25 * f(x)[:, None, None]).max() < grid.dim * 0.5 * h**2 / 16 * np.exp(1.7)
    assert both.shape == (200, 2, grid.dim, grid.dim) and np.array_equal(both[:, 1], both[:, 0])


def polynomial(x):
    """(n,) a cubic, which the spline reproduces with its derivatives."""
    return 1 + x[:, 0] + x[:, 0]**3


def over_time(law, times, grid=UNEVEN[0]):
    return ValueFunction(grid, times, np.stack([law(t) * polynomial(grid.nodes.T)[None] for t in times]))


def test_three_kept_times_are_joined_linearly_and_times_outside_are_refused():
    value = over_time({0.0: 1.0, 0.5: 3.0, 1.0: 4.0}.get, np.array([0.0, 0.5, 1.0]))
    p = polynomial(np.array([[0.3]]))[0]
    assert value([[0.3]], 0.125)[0] == pytest.approx(1.5 * p, abs=1e-13) and value([[0.3]], 1.0)[0] == pytest.approx(4 * p, abs=1e-13)
    with pytest.raises(ValueError, match="keep="):
        value([[0.3]], 1.5)
    with pytest.raises(ValueError, match="keep="):
        on(UNIFORM[0], lambda x: x[:, 0])([[0.3]], 0.5)


def test_values_and_derivatives_between_four_or_more_kept_times_are_of_fourth_order():
    x, errors = np.linspace(-0.9, 1.5, 40)[:, None], []
    exact = polynomial(x), 1 + 3 * x**2, 6 * x[..., None]
    for count in (9, 17):
        value = over_time(np.exp, np.linspace(0, 1, count) ** 1.2)
        errors.append([max(np.abs(found(x, t) - np.exp(t) * part).max() for t in np.linspace(0, 1, 101))
                       for found, part in zip((value, value.gradient, value.hessian), exact)])
    assert (np.log2(np.array(errors[0]) / errors[1]) > 3.5).all()               # nearer to order 4 than to 3


def test_a_jump_between_kept_times_is_not_overshot():
    times, at = np.arange(4.0), np.linspace(0, 3, 61)
    value = over_time(lambda t: float(t > 1.5), times)
    found = np.array([value([[0.0]], t)[0] for t in at])
    free = np.polyval(np.polyfit(times, times > 1.5, 3), at)
    assert found.min() >= 0 and found.max() <= 1 and free.min() < -0.1 and free.max() > 1.1      # the cubic itself leaves [0, 1]


def test_kept_times_too_uneven_for_a_cubic_are_joined_linearly():
    value = over_time({0.0: 0.0, 1e-3: 1.0, 2e-3: 0.0, 1.0: 0.5}.get, np.array([0.0, 1e-3, 2e-3, 1.0]))
    # linear from (0.002, 0) to (1, ½), rounding of slopes 1e-15/h with h ≥ 0.002; the cubic would be some 1e5 times the data
    assert value.gradient([[0.0]], 0.501)[0, 0] == pytest.approx(0.25, abs=1e-11)


def test_times_that_do_not_increase_are_refused():
    with pytest.raises(ValueError, match="increase"):
        over_time(np.exp, np.array([0.0, 1.0, 0.5]))


def test_plots_and_dictionaries_hold_what_was_computed(tmp_path):
    for grid in UNIFORM:
        value = on(grid, lambda x: x[:, 0])
        value.plot().figure.savefig(tmp_path / "value.png")
        assert value.to_dict()["values"].shape == (1, 1, *grid.shape)


def test_plots_of_three_axes_are_sections_at_the_middle_or_where_asked():
    grid = UNEVEN[2]
    value = on(grid, lambda x: x[:, 0] + 10 * x[:, 1] + 100 * x[:, 2])
    x, y, _ = grid.axes
    drawn = value.plot().collections[0].get_array().reshape(y.size, x.size)
    assert np.abs(drawn - (x + 10 * y[:, None])).max() < 1e-12                  # rounding of values up to 111
    line, = value.plot(at={0: 0.5, 2: -1.0}).lines
    assert np.abs(line.get_ydata() - (0.5 + 10 * y - 100)).max() < 1e-12 and np.array_equal(line.get_xdata(), y)
    for at, word in (({0: 0.5, 1: 0, 2: 0}, "fix all but one or two"), ({3: 0.0}, "axis 3"), ({0: 7.0}, "in the box"), ({}, "fix all")):
        with pytest.raises(ValueError, match=word):
            value.plot(at=at)


REPORTS = [None, {"view": "chain", "layers": 20}, SolveReport("Scheme()", 10, np.inf, 1 / 3, np.float64(0.1), (0.0, 1.0), (-0.25, 1.1))]


@pytest.mark.parametrize("report", REPORTS)
def test_saved_value_functions_come_back_to_the_last_bit(tmp_path, report):
    grid, rng = UNEVEN[1], np.random.default_rng(0)
    error = ErrorBar(1e-4, 1 / 3, 0.0, 1e-3, True)
    value = ValueFunction(grid, np.array([0.0, 1 / 3]), rng.normal(size=(2, 3, grid.size)), report, False, error)
    value.save(tmp_path / "value.npz")
    back = ValueFunction.load(tmp_path / "value.npz")
    assert all(np.array_equal(a, b) for a, b in zip(back.grid.axes, grid.axes))
    assert np.array_equal(back.times, value.times) and np.array_equal(back.values, value.values) and back.single is False
    assert back.report == report and back.error == error and repr(back) == repr(value) and [p.name for p in tmp_path.iterdir()] == ["value.npz"]


def test_saving_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    path = tmp_path / "value.npz"
    on(UNIFORM[0], lambda x: x[:, 0]).save(path)
    before = path.read_bytes()
    with pytest.raises(TypeError, match="cannot be saved"):
        ValueFunction(UNIFORM[0], np.zeros(1), np.zeros((1, 1, 31)), {"scheme": object()}).save(path)
    monkeypatch.setattr("os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        on(UNIFORM[0], lambda x: 2 * x[:, 0]).save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_what_was_between_kept_times_is_not_saved_and_a_warning_says_so(tmp_path):
    grid = UNEVEN[0]
    kept = on(grid, lambda x: x[:, 0])
    with pytest.warns(UserWarning, match="between is not saved"):
        replace(kept, between=kept).save(tmp_path / "value.npz")
    assert ValueFunction.load(tmp_path / "value.npz").between is None


def test_xarray_gets_named_dimensions_and_coordinates():
    grid = UNEVEN[1]
    array = ValueFunction(grid, np.array([0.0, 0.5]), np.random.default_rng(0).normal(size=(2, 3, grid.size))).to_xarray()
    assert array.dims == ("time", "column", "x1", "x2") and dict(array.sizes) == {"time": 2, "column": 3, "x1": 31, "x2": 21}
    assert np.array_equal(array.x2, grid.axes[1]) and array.sel(time=0.5, column=2).shape == grid.shape
    assert array.attrs["long_name"] == "value function u(t, x)" and array.x1.attrs["units"] == "state"


def test_without_xarray_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ImportError, match=r"pip install 'ocnet\[xarray\]'"):
        on(UNIFORM[0], lambda x: x[:, 0]).to_xarray()


def test_the_report_measures_the_overshoot():
    report = SolveReport("Scheme()", 10, 0.5, 1.0, 2.0, (0.0, 1.0), (-0.25, 1.1))
    assert report.overshoot == 0.25 and "\n" not in repr(report)


def test_values_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="values has shape"):
        ValueFunction(UNIFORM[0], np.zeros(1), np.zeros((1, 31)))
