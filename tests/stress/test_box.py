"""A box too small is told: by the report and a warning on a given grid, by the bar where one is asked for; questions from outside it too."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from ocnet import solve_chain
from ocnet.boundary import Absorbing, Outflow, Reflecting
from ocnet.grid import Grid
from ocnet.kolmogorov.solver import solve_backward, solve_forward
from ocnet.laws import Normal
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion, LayeredProcess

MOTION = Diffusion(lambda t, x: 0 * x, [[0.5]], 1)


def square(boundary=None):
    return KolmogorovProblem(MOTION, lambda x: x[:, 0] ** 2, 1.0, boundary=boundary)


def leaving(half):
    """P(|0.5 B_t| > half at some t ≤ 1) ≈ 2 P(|0.5 B_1| > half), which is the reflection principle at each side."""
    return min(1.0, 4 * ndtr(-half / 0.5))


@pytest.mark.parametrize("half", [2.6, 2.2, 1.5, 1.0, 0.5, 0.2])               # it leaves with probability 4e-7 … 1
def test_the_report_tells_how_many_paths_leave_the_box(half):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        leak = solve_backward(square(), Grid.uniform(-half, half, 41), steps=20).report.leak
    # 128 paths know their deviation to 6 % (one standard error): ± 20 % of it moves the tail at 5.2 deviations by e^{±0.2 · 5.2²} = e^{±5.4}
    assert abs(np.log(leak / leaving(half))) < 0.2 * (half / 0.5) ** 2 + 0.7
    assert bool(told) == (leak > 0.05)
    assert all("widen the grid" in str(w.message) for w in told)


@pytest.mark.parametrize("boundary", [Reflecting(), Absorbing(), Outflow()], ids=repr)
def test_sides_that_were_chosen_are_no_leak(boundary):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert solve_backward(square(boundary), Grid.uniform(-0.5, 0.5, 41), steps=20).report.leak is None
        solve_forward(MOTION, [[0.0]], Grid.uniform(-0.5, 0.5, 41), 1.0, steps=20, boundary=boundary)


def test_a_problem_made_of_another_remembers_that_nobody_chose_its_sides():
    with pytest.warns(RuntimeWarning, match="widen the grid"):
        assert solve_backward(replace(square(), horizon=1.5), Grid.uniform(-0.5, 0.5, 41), steps=20).report.leak > 0.5
    assert solve_backward(replace(square(Reflecting()), horizon=1.5), Grid.uniform(-0.5, 0.5, 41), steps=20).report.leak is None


@pytest.mark.parametrize("half, told", [(3.0, False), (1.0, True), (0.3, True)])
def test_a_density_that_meets_its_box_says_so(half, told):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        density = solve_forward(MOTION, [[0.0]], Grid.uniform(-half, half, 81), 1.0, steps=20)
    assert bool(found) == told and abs(density.mass() - 1) < 1e-12


@pytest.mark.parametrize("half, told", [(4.0, False), (0.6, True)])
def test_a_chain_that_leaves_its_box_says_so(half, told):
    process = LayeredProcess(lambda n, x, xi: x + 0.25 * xi, Normal(1), 1, np.arange(5.0))
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        value = solve_chain(process, lambda x: x[:, 0], Grid.uniform(-half, half, 41))
    assert bool(found) == told and (value.report["leak"] > 0.05) == told


@pytest.mark.parametrize("box", [1.0, 1.5, 2.5])
def test_the_bar_covers_a_box_that_was_too_small_at_first(box, monkeypatch):
    monkeypatch.setattr(Diffusion, "extent", lambda *a, **k: (np.array([-box]), np.array([box])))
    value = solve_backward(square(), tolerance=1e-2, at=[[0.2]])
    assert abs(value([[0.2]])[0] - 0.29) <= value.error.bar
    assert value.grid.upper[0] > box or value.error.box > 1e-4 or box > 2      # widened, or the rest of its effect admitted


def test_points_outside_a_box_are_told_once_a_call_and_rounding_is_not():
    value = solve_backward(square(Reflecting()), Grid.uniform(-2, 2, 41), steps=10, keep=5)
    for call in (value, value.gradient, value.hessian):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            call([[0.1], [2.5], [-3.0]], 0.33)                  # a time between kept ones, of four splines
        assert len(told) == 1 and "2 of 3 points" in str(told[0].message) and told[0].filename == __file__
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            call([[2.0 + 1e-9], [-2.0 - 1e-9]])


def test_a_point_outside_the_box_that_was_given_is_refused():
    with pytest.raises(ValueError, match=r"at\[1\] = \[2.0\] lies outside box"):
        solve_backward(square(Absorbing()), tolerance=1e-2, at=[[0.5], [2.0]], box=([0], [1]))


@pytest.mark.parametrize("length", [1e-150, 1e-9, 1e-3, 1.0, 1e12])
def test_a_box_scales_with_what_it_holds(length):
    lower, upper = Diffusion(lambda t, x: 0 * x, [[0.5 * length]], 1).extent([[0.1 * length]])
    assert np.allclose([lower, upper], np.array(Diffusion(lambda t, x: 0 * x, [[0.5]], 1).extent([[0.1]])) * length, rtol=1e-9, atol=0)


def test_a_box_around_one_point_far_from_0_holds_distinct_nodes():
    assert (np.diff(np.linspace(*[side[0] for side in Diffusion(lambda t, x: 0 * x, [[0.0]], 1).extent([[1e15]])], 101)) > 0).all()
