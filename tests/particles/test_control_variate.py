"""Control variates: far less variance where the grid's solution is near, never a bias where it is not."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from ocnet.chain import solve_chain
from ocnet.grid import Grid
from ocnet.kolmogorov import solve_backward
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import HiddenDropout
from ocnet.particles import estimate, estimate_difference
from ocnet.particles.control_variate import ControlVariate
from ocnet.particles.sampling import Antithetic
from ocnet.particles.schemes import Milstein, Platen
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion
from ocnet.value_function import ValueFunction
from tests.chance import Chance, random

STEPS, PATHS = 50, 20_000
LEAST = 20                           # times less variance; both are estimated from 20 000 paths, to a few per cent
TURN = np.array([[-0.5, -2.0], [2.0, -0.5]])
START = np.array([[0.6, -0.2], [0.0, 0.4]])
GRID = Grid.uniform([-2.5, -2.5], [2.5, 2.5], 51)


def bump(x):
    return np.exp(-((x - [0.2, 0.1]) ** 2).sum(axis=1))


def wavy(t, x):
    """A full factor that depends on the state."""
    a, b = x.T
    return 0.4 * np.stack([np.stack([1 + 0.3 * np.sin(b), 0.2 * a], 1), np.stack([0 * a, 1 + 0.3 * np.cos(a)], 1)], 1)


ADDITIVE = KolmogorovProblem(Diffusion(lambda t, x: x @ TURN.T, 0.4 * np.eye(2), 2), bump, 1.0)
WAVY = KolmogorovProblem(Diffusion(lambda t, x: np.sin(x[:, ::-1]) - x, wavy, 2), bump, 1.0)
DISCOUNTED = replace(WAVY, potential=lambda t, x: 0.5 + 0.3 * np.sin(x[:, 0]), source=lambda t, x: np.cos(x[:, 1]))
PROBLEMS = {"additive": ADDITIVE, "state-dependent": WAVY, "discounted": DISCOUNTED}


def solved(problem, grid=GRID):
    return solve_backward(problem, grid, steps=STEPS, keep=STEPS + 1)


def gain(plain, controlled):
    """How many times less variance, at the worst point."""
    return ((plain.standard_error / controlled.standard_error) ** 2).min()


def agree(chance, a, b, detects=0.03, slack=0.0):
    """Independent means of one law; what is found is a tenth of the bump's values of 0.3, or of the other functionals'."""
    chance.mean(a.value, b.value, np.hypot(a.standard_error, b.standard_error), detects, slack)


@pytest.mark.parametrize("case", PROBLEMS)
@random(comparisons=2)
def test_variance_is_a_twentieth_or_less_and_the_mean_the_same(case, chance):
    problem = PROBLEMS[case]
    plain = estimate(problem, START, PATHS, STEPS, seed=1)
    controlled = estimate(problem, START, PATHS, STEPS, seed=2, control=solved(problem))
    agree(chance, plain, controlled)
    assert gain(plain, controlled) > LEAST


@pytest.mark.parametrize("options", [{"scheme": Milstein()}, {"sampling": Antithetic()}], ids=["Milstein", "Antithetic"])
@random(comparisons=2)
def test_other_schemes_and_samplings_take_a_control_too(options, chance):
    plain = estimate(WAVY, START, PATHS, STEPS, seed=1)
    controlled = estimate(WAVY, START, PATHS, STEPS, seed=2, control=solved(WAVY), **options)
    agree(chance, plain, controlled, slack=0.5 / STEPS)                 # other steps, both of order 1
    assert gain(plain, controlled) > LEAST


@random(comparisons=4)
def test_a_network_is_controlled_by_its_chain_and_by_its_diffusion(chance):
    network = ResidualNetwork(Perceptron(4), HiddenDropout(keep=0.8), layers=20, horizon=1.0)
    theta = 0.7 * np.random.default_rng(3).normal(size=network.control.size)
    layered, grid = network.layered(theta), Grid.covering(network.layered(theta), START, 61)
    problem = KolmogorovProblem(network.diffusion(theta), bump, 1.0)
    plain = estimate(problem, START, PATHS, seed=1, layered=layered)
    for control in (solve_chain(layered, bump, grid), solve_backward(problem, grid, steps=40, keep=21)):
        controlled = estimate(problem, START, PATHS, seed=2, layered=layered, control=control)
        agree(chance, plain, controlled)
        assert gain(plain, controlled) > LEAST


@random(comparisons=6)
def test_columns_have_controls_of_their_own(chance):
    problem = replace(WAVY, terminal=lambda x: np.stack([bump(x), np.sin(x[:, 0]), x[:, 1] ** 2], axis=1))
    plain = estimate(problem, START, PATHS, STEPS, seed=1)
    controlled = estimate(problem, START, PATHS, STEPS, seed=2, control=solved(problem))
    agree(chance, plain, controlled)
    assert controlled.value.shape == (2, 3) and gain(plain, controlled) > LEAST


@pytest.mark.parametrize("grid", [Grid.concentrated([-2.5, -2.5], [2.5, 2.5], 51, around=(0.2, None)),
                                  Grid.uniform([-2.5, -2.5], [2.5, 2.5], 52)], ids=["concentrated", "uniform"])
@random(comparisons=2)
def test_any_grid_serves(grid, chance):
    plain = estimate(ADDITIVE, START, PATHS, STEPS, seed=1)
    controlled = estimate(ADDITIVE, START, PATHS, STEPS, seed=2, control=solved(ADDITIVE, grid))
    agree(chance, plain, controlled)
    assert gain(plain, controlled) > LEAST


def on_a_line(x):
    return 1 / (1 + np.exp(-4 * x[:, 0]))


@random()
def test_one_axis_and_few_kept_times_serve_too(chance):
    problem = KolmogorovProblem(Diffusion(lambda t, x: -x, [[0.6]], 1), on_a_line, 1.0)
    control = solve_backward(problem, Grid.uniform(-4, 4, 161), steps=50, keep=11)
    plain, controlled = (estimate(problem, [[0.3]], PATHS, STEPS, seed=k, control=c) for k, c in ((1, None), (2, control)))
    agree(chance, plain, controlled)
    assert gain(plain, controlled) > LEAST


@random()
def test_what_is_left_of_the_variance_is_of_the_order_of_the_step(chance):
    """Four times the steps, a quarter of the variance: 3 to 5, each variance being known to 2 % or so (20 000 paths, kurtosis 10).

    The logarithm of a ratio of two deviates by 0.03, and by 0.22 (5/4) with probability 2e-13; order ½ or 2 would be a ratio of 2 or 16.
    """
    chance.spends(2 * norm.sf(np.log(5 / 4) / 0.03))
    problem = KolmogorovProblem(Diffusion(lambda t, x: -x, [[0.6]], 1), on_a_line, 1.0)
    control = solve_backward(problem, Grid.uniform(-4, 4, 401), steps=80, keep=81)
    few, many = (estimate(problem, [[0.3]], PATHS, steps, control=control).standard_error for steps in (20, 80))
    assert 3 < (few / many) ** 2 < 5


def test_values_between_kept_times_that_are_run_again_serve_as_well():
    kept, again = solved(ADDITIVE), solve_backward(ADDITIVE, GRID, steps=STEPS, max_memory=10 * GRID.size * 8)
    assert again.between is not None
    a, b = (estimate(ADDITIVE, START, 1000, STEPS, control=control) for control in (kept, again))
    # the same values but for rounding, which the gradient divides by a spacing of 0.1
    assert np.abs(a.value - b.value).max() < 1e-11


@random(comparisons=2)
def test_paths_that_leave_a_small_box_are_not_biased(chance):
    small = solved(ADDITIVE, Grid.uniform([-0.5, -0.5], [0.5, 0.5], 21))
    plain, controlled = (estimate(ADDITIVE, START, PATHS, STEPS, seed=k, control=c) for k, c in ((1, None), (2, small)))
    agree(chance, plain, controlled)
    assert gain(plain, controlled) > 1


@random(comparisons=2)
def test_a_difference_takes_a_control_for_each(chance):
    other = replace(ADDITIVE, terminal=lambda x: 0.9 * bump(x))
    plain = estimate_difference(ADDITIVE, other, START, PATHS, STEPS, seed=1)
    controlled = estimate_difference(ADDITIVE, other, START, PATHS, STEPS, seed=2, control=(solved(ADDITIVE), solved(other)))
    agree(chance, plain, controlled, detects=0.003)
    assert gain(plain, controlled) > LEAST


def nonsense(columns=1, times=(0.0, 1.0)):
    """Values that have nothing to do with any problem, as steep as a solution."""
    values = np.random.default_rng(4).normal(size=(len(times), columns, GRID.size))
    return ValueFunction(GRID, np.array(times), values)


@pytest.mark.parametrize("case", PROBLEMS)
@random(comparisons=2)
def test_a_wrong_solution_costs_variance_and_never_bias(case, chance):
    plain = estimate(PROBLEMS[case], START, PATHS, STEPS, seed=1)
    wrong = estimate(PROBLEMS[case], START, PATHS, STEPS, seed=2, control=nonsense())
    agree(chance, plain, wrong, detects=0.2)
    assert (wrong.standard_error > plain.standard_error).all()


def test_a_gradient_that_looks_ahead_would_be_caught(monkeypatch):
    """What must fail: ∇u at X_{n+1} instead of its mean is no martingale; it is off by half of ∫ E a:∇²u."""
    def ahead(self, n, x, after):
        gradient = self.gradients[n](after).reshape(-1, *x.shape)
        return np.einsum("qdn,dn->qn", gradient, after - self.process.mean_step(n, x))

    plain = estimate(ADDITIVE, START, PATHS, STEPS, seed=1)
    monkeypatch.setattr(ControlVariate, "increments", ahead)
    with pytest.raises(AssertionError, match="beyond .* standard errors"):
        agree(Chance("a gradient ahead", 2), plain, estimate(ADDITIVE, START, PATHS, STEPS, seed=2, control=solved(ADDITIVE)))


@pytest.mark.parametrize("options, message", [
    ({"control": nonsense(), "scheme": Platen()}, "mean_step is None.*EulerMaruyama"),
    ({"control": nonsense(columns=2)}, "2 axes and 2 columns.*dim=2 and 1"),
    ({"control": nonsense(times=(0.0,))}, "outside the kept times.*keep=11"),
    ({"control": nonsense(times=(0.0, 0.9))}, "outside the kept times")])
def test_controls_that_cannot_serve_are_refused_with_the_reason(options, message):
    with pytest.raises(ValueError, match=message):
        estimate(ADDITIVE, START, 100, 10, **options)
