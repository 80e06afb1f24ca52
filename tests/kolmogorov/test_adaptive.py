"""With a tolerance the truth lies within the stated bar, and the bar within twice the tolerance."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.special import ndtr

from ocnet.boundary import Absorbing, Outflow
from ocnet.grid import Grid
from ocnet.kolmogorov import adaptive
from ocnet.kolmogorov.schemes import TRBDF2
from ocnet.kolmogorov.solver import solve_backward
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion


def digital(rng):
    sigma, drift, strike, T = rng.uniform(0.1, 1), rng.uniform(-1, 1), rng.uniform(-1, 1), rng.uniform(0.2, 1.5)
    x = rng.uniform(-1, 1, (2, 1))
    problem = KolmogorovProblem(Diffusion(lambda t, x: drift + 0 * x, [[sigma]], 1), lambda x: (x[:, 0] > strike) * 1.0, T)
    return problem, x, ndtr((x[:, 0] + drift * T - strike) / (sigma * np.sqrt(T))), {}


def call(rng):
    r, sigma, T = rng.uniform(0, 0.1), rng.uniform(0.1, 0.5), rng.uniform(0.2, 1.5)
    x = rng.uniform(0.6, 1.5, (2, 1))
    process = Diffusion(lambda t, x: r * x, lambda t, x: sigma * x[:, :, None], 1)
    problem = KolmogorovProblem(process, lambda x: np.maximum(x[:, 0] - 1, 0), T, potential=r)
    d1 = (np.log(x[:, 0]) + (r + sigma**2 / 2) * T) / (sigma * np.sqrt(T))
    return problem, x, x[:, 0] * ndtr(d1) - np.exp(-r * T) * ndtr(d1 - sigma * np.sqrt(T)), {}


def survival(rng):
    sigma, T, x = rng.uniform(0.3, 1), rng.uniform(0.2, 1.5), rng.uniform(0.1, 0.9, (2, 1))
    problem = KolmogorovProblem(Diffusion(lambda t, x: 0 * x, [[sigma]], 1), lambda x: np.ones(len(x)), T, boundary=Absorbing())
    n = np.arange(1, 400, 2)
    return problem, x, (4 / (n * np.pi) * np.sin(n * np.pi * x) * np.exp(-0.5 * (n * np.pi * sigma) ** 2 * T)).sum(axis=1), {"box": ([0], [1])}


def rotation(rng):
    lam, omega, sigma, s, T = rng.uniform(0.2, 1), rng.uniform(0, 3), rng.uniform(0.2, 0.8), rng.uniform(0.3, 1), rng.uniform(0.3, 1.5)
    matrix, x = np.array([[-lam, -omega], [omega, -lam]]), rng.uniform(-1, 1, (3, 2))
    problem = KolmogorovProblem(Diffusion(lambda t, x: x @ matrix.T, sigma * np.eye(2), 2), lambda x: np.exp(-(x**2).sum(axis=1) / (2 * s**2)), T)
    v = sigma**2 * (1 - np.exp(-2 * lam * T)) / (2 * lam)
    return problem, x, s**2 / (s**2 + v) * np.exp(-(x**2).sum(axis=1) * np.exp(-2 * lam * T) / (2 * (s**2 + v))), {}


@pytest.mark.parametrize("family, trials, least", [(digital, 25, 1e-4), (call, 25, 1e-4), (survival, 25, 1e-4), (rotation, 8, 1e-3)])
def test_the_truth_lies_within_the_bar(family, trials, least):
    rng = np.random.default_rng(11)
    outside = 0
    for _ in range(trials):
        problem, x, exact, options = family(rng)
        tolerance = least * 10 ** rng.uniform(0, 1.5)
        value = solve_backward(problem, tolerance=tolerance, at=x, **options)
        assert value.error.reached and value.error.bar <= tolerance
        outside += np.abs(value(x) - exact).max() > value.error.bar
    assert outside <= 1                                        # at a true rate of 5 % two or more of 25 would be seen in a third of runs


@dataclass(frozen=True)
class Told:
    """A solution that is off by `space` h² + `time` dt² everywhere: an error of order 2 and nothing else."""

    grid: object
    steps: int
    space: float
    time: float
    error: object = None

    @property
    def values(self):
        return np.ones((1, self.grid.size))

    def __call__(self, x):
        return 1 + self.space * self.grid.spacings.max() ** 2 + self.time / self.steps**2 + 0 * x[:, 0]


@pytest.mark.parametrize("space, time", [(3.0, 0.0), (0.0, 5.0), (2.0, 4.0)])
def test_the_bar_is_twice_an_error_of_order_two(space, time):
    """Grids and steps are halved twice: what is left is a third of the last change, and the bar twice that (1e-11 of values near 1 besides)."""
    problem = KolmogorovProblem(Diffusion(lambda t, x: -x, [[0.5]], 1), lambda x: np.tanh(x[:, 0]), 1.0)
    found = adaptive.solve_to_tolerance(lambda grid, steps, scheme: Told(grid, steps, space, time), lambda grid: TRBDF2(), problem, [[0.1], [0.4]], 0.5,
                                        box=([-2], [2]))
    h, dt = found.grid.spacings.max(), 1 / found.steps
    assert found.error.space == pytest.approx(2 * space * h**2, rel=1e-8, abs=2e-11) and found.error.box == 0
    assert found.error.time == pytest.approx(2 * time * dt**2, rel=1e-8, abs=1e-15)


def test_a_tolerance_out_of_reach_is_admitted(monkeypatch):
    monkeypatch.setattr(adaptive, "_MOST_WORK", 1e7)
    problem, x, exact, _ = rotation(np.random.default_rng(3))
    value = solve_backward(problem, tolerance=1e-13, at=x)
    assert not value.error.reached and "NOT reached" in repr(value.error)
    assert np.abs(value(x) - exact).max() < value.error.bar


def test_arguments_that_contradict_each_other_are_named():
    problem, x, _, _ = survival(np.random.default_rng(0))
    with pytest.raises(ValueError, match="give its place"):
        solve_backward(problem, tolerance=1e-2, at=x)
    with pytest.raises(ValueError, match="no grid"):
        solve_backward(problem, Grid.uniform([0], [1], 11), tolerance=1e-2, at=x)
    with pytest.raises(ValueError, match="grid is missing"):
        solve_backward(problem)
    with pytest.raises(ValueError, match="tolerance=-1"):
        solve_backward(problem, tolerance=-1, at=x, box=([0], [1]))
    with pytest.raises(ValueError, match="box has shape"):
        solve_backward(KolmogorovProblem(problem.process, problem.terminal, 1.0, boundary=Outflow()), tolerance=1e-2, at=x, box=[0, 1])
