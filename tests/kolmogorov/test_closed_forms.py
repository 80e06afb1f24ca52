"""Default settings reach 1e-3 of the largest exact value (1e-2 in three dimensions), tuned grids a tenth of that."""

import numpy as np
import pytest

from ocnet.grid import Grid
from ocnet.kolmogorov.solver import solve_backward
from tests.kolmogorov.closed_forms import ALL

DEFAULTS = {1: (401, 400, 1e-3), 2: (201, 200, 1e-3), 3: (61, 60, 1e-2)}       # nodes per axis, steps, relative error asked for
FEWER = {"pure_transport": 40}                     # the limiter costs a little at every extremum in every step
TUNED = {                                                                      # box, places to concentrate at, strength
    "ou_indicator": ((-3,), (3,), (0.137,), 6), "ou_cosine": ((-2.5,), (2.5,), (None,), 1), "ou_call": ((-3,), (3,), (0.1,), 6),
    "digital": ((0,), (300,), (101.3,), 10), "pure_transport": ((-3,), (3,), (None,), 1),
    "correlated_ou": ((-2.4, -2.4), (2.4, 2.4), (None, None), 1), "exchange_option": ((0, 0), (4, 4), (1.0, 1.0), 8),
    "rank_one_varying": ((-3, -3), (3, 3), (0.0, 0.0), 4), "heston": ((0, 0), (3, 0.7), (1.0, 0.0), 10),
    "ou_in_space": ((-2.2,) * 3, (2.2,) * 3, (0.0,) * 3, 2)}


def relative_error(case, grid, steps):
    value = solve_backward(case.problem, grid, steps)(case.points)
    return np.abs(value - case.exact).max() / np.abs(case.exact).max()


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_default_settings_on_a_uniform_grid(make):
    case = make()
    dim = case.points.shape[1]
    nodes, steps, wanted = DEFAULTS[dim]
    assert relative_error(case, Grid.uniform(case.lower, case.upper, [nodes] * dim), steps) < wanted


@pytest.mark.parametrize("make", [make for make in ALL if make.__name__ in TUNED], ids=lambda make: make.__name__)
def test_tuned_grids_are_ten_times_better(make):
    case, (lower, upper, around, strength) = make(), TUNED[make.__name__]
    dim = case.points.shape[1]
    nodes, steps, wanted = DEFAULTS[dim]
    steps = FEWER.get(make.__name__, steps)
    assert relative_error(case, Grid.concentrated(lower, upper, [nodes] * dim, around, strength), steps) < wanted / 10


@pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)
def test_the_closed_form_takes_the_terminal_data_and_bounds_of_its_problem(make):
    """The exact values lie in the range that terminal data, sides, source and potential allow: a slip in a formula rarely does."""
    case = make()
    box = Grid.uniform(case.lower, case.upper, [{1: 2001, 2: 101, 3: 31}[case.points.shape[1]]] * case.points.shape[1])
    terminal = case.problem.terminal_rows(box.nodes)[0]
    if case.problem.source is None and not callable(case.problem.potential) and (case.problem.potential or 0) >= 0:
        assert case.exact.min() >= min(terminal.min(), 0) - 1e-12 and case.exact.max() <= max(terminal.max(), 1) + 1e-12
    assert np.isfinite(case.exact).all() and case.exact.shape == (len(case.points),)
