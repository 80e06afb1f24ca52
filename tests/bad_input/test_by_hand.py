"""Bad input that cannot be drawn: no noise, no time, rates that are no covariance, functions that answer wrongly, rows of a million columns."""

import tracemalloc

import numpy as np
import pytest

from ocnet import Diffusion, Grid, KolmogorovProblem, LayeredProcess, estimate, laws, propagate, set_threads, solve_backward, solve_forward
from ocnet.kolmogorov import schemes
from ocnet.particles import sampled_value_and_gradient

from .subjects_particles import Steps, _odd, functional
from .subjects_processes import POINTS, drift, terminal

LINE = Grid.uniform(-3.0, 3.0, 41)


def line(factor, drift=lambda t, x: -x, terminal=lambda x: x[:, 0], **more):
    return KolmogorovProblem(Diffusion(drift, factor, 1), terminal, 1.0, **more)


@pytest.mark.parametrize("factor", [np.zeros((1, 1)), np.zeros((1, 0)), lambda t, x: np.zeros((len(x), 1, 1))])
@pytest.mark.parametrize("scheme", ["auto", schemes.SemiLagrangian(), schemes.Monotone(), schemes.TRBDF2(drift="upwind")])
def test_without_noise_the_value_is_that_of_the_characteristic(factor, scheme):
    """u(0, x) = x/e for dX = −X dt and terminal x.  Bar 0.04: upwind's added variance h|f|/2 ≤ 0.075 moves no linear function, its sides do: e^−1 · 0.1."""
    value = solve_backward(line(factor), LINE, 64, scheme)
    assert np.isfinite(value.values).all()
    assert np.abs(value([[0.5], [-1.0]]) - np.exp(-1) * np.array([0.5, -1.0])).max() < 0.04


@pytest.mark.parametrize("factor", [np.zeros((1, 1)), np.zeros((1, 0))])
def test_without_noise_paths_have_no_error_bar(factor):
    found = estimate(line(factor), [[0.5]], 8, 64)
    assert found.standard_error == 0.0
    assert abs(found.value[0] - 0.5 * (1 - 1 / 64) ** 64) < 1e-14           # the steps' own product, 64 roundings


def test_mass_without_noise_stays_where_it_is():
    density = solve_forward(Diffusion(lambda t, x: 0 * x, np.zeros((1, 1)), 1), [[0.0]], LINE, 1.0, 4)
    assert density.masses[-1, 20] == 1.0 and density.mass() == 1.0          # the point is a node, and nothing moves


@pytest.mark.parametrize("horizon", [0, 0.0, -1.0, np.nan, np.inf, "1", None])
def test_no_time_is_no_problem(horizon):
    with pytest.raises((ValueError, TypeError), match="horizon"):
        KolmogorovProblem(Diffusion(drift, np.eye(2), 2), terminal, horizon)


@pytest.mark.parametrize("call, name", [
    (lambda: Grid.uniform(1.0, -1.0, 9), "lower"), (lambda: Grid.uniform(1.0, 1.0, 9), "lower"), (lambda: Grid.uniform(0.0, 1.0, 1), "shape"),
    (lambda: Grid((np.array([0.0]),)), r"axes\[0\]"), (lambda: Grid((np.array([0.0, 1.0, 1.0, 2.0]),)), r"axes\[0\]"),
    (lambda: Grid((np.array([3.0, 2.0, 1.0, 0.0]),)), r"axes\[0\]"), (lambda: Grid(()), "axes"),
    (lambda: Grid.uniform(0.0, 1.0, 10**12), "shape"),
])
def test_boxes_that_are_none_are_named(call, name):
    with pytest.raises(ValueError, match=name):
        call()


@pytest.mark.parametrize("rate, said", [([[1.0, 2.0], [2.0, 1.0]], "semidefinite.*eigenvalue is -1"), ([[1.0, 0.5], [0.0, 1.0]], "symmetric"),
                                        ([[-1.0, 0.0], [0.0, 1.0]], "semidefinite")])
def test_a_rate_that_is_no_covariance_is_refused_constant_or_not(rate, said):
    with pytest.raises(ValueError, match=f"variance_rate is not .*{said}"):
        Diffusion.with_variance_rate(drift, rate, 2)
    process = Diffusion.with_variance_rate(drift, lambda t, x: np.broadcast_to(rate, (len(x), 2, 2)), 2)
    with pytest.raises(ValueError, match=f"variance_rate is not .*{said}"):
        solve_backward(KolmogorovProblem(process, terminal, 1.0), Grid.uniform([-1, -1], [1, 1], 5), 2)


def test_any_matrix_is_a_factor():
    """G need be neither symmetric nor semidefinite: the same G Gᵀ = 1 gives the same values, to rounding."""
    grid = Grid.uniform([-2, -2], [2, 2], 9)
    one, other = (solve_backward(KolmogorovProblem(Diffusion(drift, factor, 2), terminal, 0.5), grid, 4).values
                  for factor in (np.eye(2), np.array([[0.0, -1.0], [1.0, 0.0]])))
    assert np.abs(one - other).max() < 1e-13


@pytest.mark.parametrize("name, change", [("drift", {"drift": lambda t, x: x.__imul__(2)}), ("terminal", {"terminal": lambda x: x.__imul__(2)[:, 0]}),
                                          ("factor", {"factor": lambda t, x: x.__imul__(2)[:, :, None]}),
                                          ("potential", {"potential": lambda t, x: x.__imul__(2)[:, 0]}),
                                          ("source", {"source": lambda t, x: x.__imul__(2)[:, 0]})])
def test_functions_cannot_change_points_they_share(name, change):
    problem = line(**{"factor": np.array([[0.5]]), **change})
    nodes = LINE.nodes.copy()
    for call in (lambda: solve_backward(problem, LINE, 2), lambda: estimate(problem, [[0.5]], 8, 2)):
        with pytest.raises(ValueError, match=f"{name} changes the points"):
            call()
    assert np.array_equal(LINE.nodes, nodes) and LINE.nodes.flags.writeable


def test_a_function_that_is_wrong_at_one_point_is_told_with_the_point():
    def hole(t, x):
        return np.where(np.abs(x - 0.9) < 1e-9, np.nan, -x)

    with pytest.raises(ValueError, match=r"drift is not finite at t=.*x=\[0\.[89]"):
        solve_backward(line(np.array([[0.5]]), hole), LINE, 2)


@pytest.mark.parametrize("kind", ["NaN cotangent", "wrong shape", "two", "words", "None"])
def test_functionals_that_answer_wrongly_are_named(kind):
    with pytest.raises((ValueError, TypeError), match="terminal"):
        sampled_value_and_gradient(Steps(), POINTS, 4, _odd(kind))


def test_the_inputs_of_a_gradient_stay_as_they_are():
    x0 = POINTS.copy()
    sampled_value_and_gradient(Steps(), x0, 4, functional)
    assert np.array_equal(x0, POINTS)


def test_a_million_columns_take_the_memory_of_a_million_columns():
    """20 paths in a million dimensions are 160 MB; a square matrix of them would be 8 TB.  Bar: the states, the draws and a few copies."""
    def step(n, x, xi):
        return 0.5 * x + 0.1 * xi

    process = LayeredProcess(step, laws.Normal(10**6), 10**6, np.array([0.0, 1.0]))
    tracemalloc.start()
    try:
        ends = propagate(process, np.ones((1, 10**6)), 2).ends
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert ends.shape == (1, 2, 10**6) and np.isfinite(ends).all()
    assert peak < 20 * ends.nbytes


@pytest.mark.parametrize("count", [0, -1, 1.5])
def test_no_threads_are_refused(count):
    with pytest.raises(ValueError, match="threads"):
        set_threads(count)
