"""Monte Carlo estimates against closed forms of the Euler–Maruyama steps themselves (MATH.md R3, R4), and of the limit."""

import numpy as np
import pytest
from scipy.special import ndtr

from ocnet.boundary import Dirichlet
from ocnet.kernels import threads
from ocnet.particles import estimate, euler_maruyama, propagate
from ocnet.particles.schemes import Platen
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion
from tests.chance import random
from tests.particles.processes import toy

# R3, Ornstein–Uhlenbeck: dX = −λ X dt + σ dB, h = Φ(x/s), T = 1
LAMBDA, SIGMA, SCALE, X0, R3 = 1.2, 0.6, 0.5, 0.5, 0.595715116
R3_WEAK_ERRORS = {8: -1.0447e-2, 16: -5.1056e-3, 32: -2.5244e-3, 64: -1.2553e-3, 128: -6.259e-4}
OU = Diffusion(lambda t, x: -LAMBDA * x, [[SIGMA]], 1)
R3_PROBLEM = KolmogorovProblem(OU, lambda x: ndtr(x[:, 0] / SCALE), 1.0)


def same(chance, result, exact, detects):
    """The check of this file, which `tests/test_negative_controls.py` holds against faults too."""
    chance.mean(result.value, exact, result.standard_error, detects)


def probit_of_steps(steps):
    """E Φ(X_T/s) of the Euler–Maruyama steps of R3."""
    r = 1 - LAMBDA / steps
    mean, variance = r**steps * X0, SIGMA**2 / steps * (1 - r ** (2 * steps)) / (1 - r**2)
    return ndtr(mean / np.sqrt(SCALE**2 + variance))


@pytest.mark.parametrize("steps", R3_WEAK_ERRORS)
@random()
def test_steps_of_the_ornstein_uhlenbeck_process_have_their_closed_weak_error(steps, chance, paths=300_000):
    """The standard error is 4e-4; 3.5e-3 is found, a third of the stated error of 8 steps."""
    exact = probit_of_steps(steps)
    assert abs(exact - R3 - R3_WEAK_ERRORS[steps]) < 6e-7                   # the table has five digits of at most 1e-2
    result = estimate(R3_PROBLEM, [[X0]], paths, steps, seed=1)
    same(chance, result, exact, detects=3.5e-3)
    assert 2e-4 < result.standard_error[0] < 6e-4


@random()
def test_a_step_that_is_too_long_is_seen_against_the_limit(chance):
    """What must fail: 8 steps against the solution of the equation, off by 25 standard errors."""
    result = estimate(R3_PROBLEM, [[X0]], 300_000, 8, seed=1)
    same(chance, result, probit_of_steps(8), detects=3.5e-3)
    chance.finds(result.value, probit_of_steps(8), R3, result.standard_error)


@random(comparisons=2)
def test_mean_and_variance_of_the_ends_are_those_of_the_steps(chance, steps=8, paths=200_000):
    """Finds 0.008 in the mean, 3 % in the variance."""
    ends = propagate(euler_maruyama(OU, 1.0, steps), [[X0]], paths, seed=2).ends[0, :, 0]
    r = 1 - LAMBDA / steps
    mean, variance = r**steps * X0, SIGMA**2 / steps * (1 - r ** (2 * steps)) / (1 - r**2)
    chance.mean(ends.mean(), mean, np.sqrt(variance / paths), detects=0.008)
    chance.variance(ends.var(ddof=1), variance, paths - 1, detects=1.03)


# R4, a rotating radial problem: dX = (−λ + ωJ) X dt + σ dB in the plane, h = exp(−|x|²/(2s²)), T = 1
TURN, R4_START, R4 = np.array([[-0.5, -2.0], [2.0, -0.5]]), np.array([[0.6, -0.2]]), 0.577378743
R4_PROBLEM = KolmogorovProblem(Diffusion(lambda t, x: x @ TURN.T, 0.4 * np.eye(2), 2),
                               lambda x: np.exp(-(x**2).sum(axis=1) / (2 * 0.5**2)), 1.0)


def rotating_steps(steps):
    """The steps have a closed form too, for |x + dt(−λ + iω)x|² = ρ|x|²."""
    dt = 1 / steps
    rho = (1 - 0.5 * dt) ** 2 + (2.0 * dt) ** 2
    spread = 0.5**2 + 0.4**2 * dt * (1 - rho**steps) / (1 - rho)
    return 0.5**2 / spread * np.exp(-(R4_START**2).sum() * rho**steps / (2 * spread))


@pytest.mark.parametrize("steps", [10, 100])
@random()
def test_steps_of_a_rotating_radial_problem_have_their_closed_form(steps, chance):
    """Finds 0.008, a tenth of the error of 10 steps against the limit."""
    same(chance, estimate(R4_PROBLEM, R4_START, 100_000, steps, seed=3), rotating_steps(steps), detects=0.008)


def test_the_closed_form_of_the_rotating_steps_has_weak_order_1_and_the_known_limit():
    """Errors 1.8e-3 and 9e-4 at 400 and 800 steps; extrapolated, their second order is left: (1.8e-3)² times a few."""
    coarse, fine = rotating_steps(400) - R4, rotating_steps(800) - R4
    assert abs(coarse / fine - 2) < 0.02
    assert abs(2 * fine - coarse) < 2e-5


@random(comparisons=6)
def test_state_dependent_noise_and_several_columns_share_one_pass(chance, mu=0.3, sigma=0.5, steps=12):
    """Geometric Brownian motion: E X and E X² of the steps are products; two noise channels of σ/√2 are one of σ.

    Finds 4 % of a mean and 11 % of a square; E X² would be 40 % less without the noise of one channel.
    """
    process = Diffusion(lambda t, x: mu * x, lambda t, x: sigma / np.sqrt(2) * np.repeat(x[:, :, None], 2, axis=2), 1)
    problem = KolmogorovProblem(process, lambda x: np.concatenate([x, x**2], axis=1), 2.0)
    start, dt = np.array([[0.5], [1.0], [-2.0]]), 2.0 / steps
    result = estimate(problem, start, 100_000, steps, seed=4)
    exact = np.concatenate([start * (1 + mu * dt) ** steps, start**2 * ((1 + mu * dt) ** 2 + sigma**2 * dt) ** steps], axis=1)
    assert result.value.shape == (3, 2)
    same(chance, result, exact, detects=np.abs(exact) * [0.04, 0.11])


def still(drift=0.0, breaks=()):
    """Motion without noise: every path is the same, so results are exact to rounding."""
    return Diffusion(lambda t, x: np.full_like(x, drift(t) if callable(drift) else drift), np.zeros((1, 0)), 1, breaks)


def test_constant_potential_and_source_are_integrated_exactly(c=0.7, g=-2.0):
    problem = KolmogorovProblem(R3_PROBLEM.process, lambda x: np.ones(len(x)), 1.5, potential=c, source=g)
    result = estimate(problem, [[0.0], [3.0]], 1000, 7)
    # 7 factors and terms near 1, each rounded a few times
    assert np.abs(result.value - (np.exp(-1.5 * c) + g / c * (1 - np.exp(-1.5 * c)))).max() < 2e-14
    assert result.standard_error.max() < 1e-15


def test_a_potential_that_depends_on_the_state_discounts_each_path_at_its_own_rate():
    problem = KolmogorovProblem(still(), lambda x: x[:, 0], 1.0, potential=lambda t, x: x[:, 0] ** 2)
    start = np.array([0.0, 0.5, 2.0])
    assert np.abs(estimate(problem, start[:, None], 2, 5).value - start * np.exp(-start**2)).max() < 1e-15


@random()
def test_a_source_is_collected_along_the_path(chance, steps=10):
    """E Σ dt X_n of the Ornstein–Uhlenbeck steps is a geometric sum; finds 2 % of it."""
    problem = KolmogorovProblem(OU, lambda x: np.zeros(len(x)), 1.0, source=lambda t, x: x[:, 0])
    r = 1 - LAMBDA / steps
    exact = X0 / steps * (1 - r**steps) / (1 - r)
    same(chance, estimate(problem, [[X0]], 100_000, steps, seed=5), exact, detects=0.02 * exact)


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_steps_end_on_the_breaks_of_the_coefficients(steps):
    process = still(lambda t: 1.0 if t < 0.3 else -4.0, breaks=(0.3,))
    layers = euler_maruyama(process, 1.0, steps)
    assert 0.3 in layers.times and layers.layers >= steps and np.diff(layers.times).max() <= 1 / steps + 1e-15
    result = estimate(KolmogorovProblem(process, lambda x: x[:, 0], 1.0), [[2.0]], 2, steps)
    assert abs(result.value[0] - (2 + 0.3 - 4 * 0.7)) < 4e-15               # at most eight roundings of numbers up to 2.3


def test_the_same_functional_of_a_layered_process_is_the_mean_over_its_ends(paths=20_000):
    """And the standard error is the textbook one, though moments are combined from blocks of 8192 paths."""
    plane = Diffusion(lambda t, x: -x, np.eye(2), 2)
    problem = KolmogorovProblem(plane, lambda x: np.stack([x[:, 0], np.sin(x[:, 1])], axis=1), 1.0)
    start = [[0.3, 0.2], [-1.0, 0.5]]
    result = estimate(problem, start, paths, seed=6, layered=toy())
    ends = propagate(toy(), start, paths, seed=6).ends
    values = np.stack([ends[..., 0], np.sin(ends[..., 1])], axis=2)
    assert np.abs(result.value - values.mean(axis=1)).max() < 1e-14         # pairwise sums of numbers up to 5
    textbook = values.std(axis=1, ddof=1) / np.sqrt(paths)
    assert np.abs(result.standard_error / textbook - 1).max() < 1e-12


def test_bits_do_not_depend_on_the_number_of_threads():
    bits = set()
    for count in (1, 2, 3):
        threads.set_threads(count)
        for start, paths in (([[X0]], 20_000), ([[X0]] * 9, 3000)):
            result = estimate(R3_PROBLEM, start, paths, 4, seed=7)
            bits.add((paths, result.value.tobytes(), result.standard_error.tobytes()))
    assert len(bits) == 2


@random()
def test_intervals_hold_the_truth_as_often_as_they_say(chance, points=1000, steps=4):
    """Of 90 %, by exact binomial tails; finds 0.085: intervals of 81.5 %, whose bars are a fifth too short."""
    problem = KolmogorovProblem(OU, lambda x: x[:, 0], 1.0)
    low, high = estimate(problem, np.full((points, 1), X0), 500, steps, seed=8).interval(0.9)
    truth = X0 * (1 - LAMBDA / steps) ** steps
    chance.frequency(((low < truth) & (truth < high)).sum(), points, 0.9, detects=0.085)


def test_estimates_are_read_only_and_speak_in_one_line():
    one, two = estimate(R3_PROBLEM, [[X0]], 1000, 4), estimate(R3_PROBLEM, [[X0], [0.0]], 1000, 4)
    assert "±" in repr(one) and "1000 paths, seed 0" in repr(one) and "2 values" in repr(two)
    assert "\n" not in repr(one) + repr(two)
    with pytest.raises(ValueError, match="read-only"):
        two.value[0] = 0


@pytest.mark.parametrize("change, message", [
    ({"paths": 1}, "paths=1"), ({"steps": 0}, "steps=0"), ({"seed": -3}, "seed=-3"), ({"x0": [[0.0], [np.inf]]}, r"x0\[1\]")])
def test_wrong_input_is_refused_by_name(change, message):
    with pytest.raises(ValueError, match=message):
        estimate(R3_PROBLEM, **{"x0": [[X0]], "paths": 10, "steps": 2, **change})


def test_a_boundary_that_holds_values_is_refused_with_a_remedy():
    problem = KolmogorovProblem(OU, R3_PROBLEM.terminal, 1.0, boundary=((Dirichlet(0.0), Dirichlet(1.0)),))
    with pytest.raises(ValueError, match="boundary=.*solve_backward"):
        estimate(problem, [[X0]])


def test_levels_and_channels_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="level=1.5"):
        estimate(R3_PROBLEM, [[X0]], 10, 2).interval(1.5)
    with pytest.raises(ValueError, match="channels=None"):
        euler_maruyama(Diffusion(OU.drift, lambda t, x: x[:, :, None], 1), 1.0, 2)


@pytest.mark.parametrize("change, message", [
    ({"terminal": lambda x: np.where(x[:, 0] > 0, np.inf, 0.0)}, r"terminal is not finite at x=\[2.0, -1.0\]"),
    ({"terminal": lambda x: x[:1, 0]}, r"terminal returned shape \(1,\); expected \(2,\) or \(2, q\)"),
    ({"potential": lambda t, x: np.where(x[:, 0] > 0, np.nan, 0.0)}, r"potential is not finite at t=0, x=\[2.0, -1.0\]"),
    ({"source": lambda t, x: np.where(x[:, 1] < 0, np.inf, 0.0)}, r"source is not finite at t=0, x=\[2.0, -1.0\]"),
    ({"source": lambda t, x: np.zeros((2, 1, 1))}, r"source returned shape \(2, 1, 1\) at t=0")])
def test_functions_that_are_wrong_at_a_point_are_reported_with_it(change, message):
    process = Diffusion(lambda t, x: 0 * x, np.zeros((2, 0)), 2)
    problem = KolmogorovProblem(process, **{"terminal": lambda x: x[:, 0], "horizon": 1.0, **change})
    rows = np.array([[-1.0, 2.0], [0.5, -1.0]])                             # the points (−1, ½) and (2, −1)
    with pytest.raises(ValueError, match=message):
        problem.terminal_rows(rows), problem.potential_rows(0.0, rows), problem.source_rows(0.0, rows)


def test_a_process_that_gets_to_its_ends_faster_is_asked_for_them():
    """Unless a potential, a source or a control wants to see the states on the way."""
    class Fast(type(toy())):
        def ends(self, x, seed, first):
            return np.full_like(x, 7.0)

    def sum_of_ends(x):
        return x.sum(axis=1)

    plane, fast = Diffusion(lambda t, x: -x, np.eye(2), 2), Fast(toy().theta)
    result = estimate(KolmogorovProblem(plane, sum_of_ends, 1.0), [[0.0, 0.0]], 100, layered=fast)
    assert result.value == 14 and result.standard_error == 0
    assert estimate(KolmogorovProblem(plane, sum_of_ends, 1.0, potential=0.0), [[0.0, 0.0]], 100, layered=fast).value != 14


@random()
def test_a_scheme_of_order_2_needs_fewer_steps(chance, steps=8):
    """MATH R3: the weak error of 8 Euler–Maruyama steps is 1e-2, that of Platen's 4e-4 or so; 4.5e-3 is found."""
    result = estimate(R3_PROBLEM, [[X0]], 300_000, steps, seed=1, scheme=Platen())
    chance.mean(result.value, R3, result.standard_error, detects=4.5e-3, slack=8e-4)
    assert estimate(R3_PROBLEM, [[X0]], 1000, 4).to_dict()["freedom"] == 999


def test_a_potential_frozen_over_a_step_has_order_1_whatever_the_scheme():
    """Left sums of ∫ t dt over [0, 1] are short by 1/(2N) exactly."""
    problem = KolmogorovProblem(still(), lambda x: np.ones(len(x)), 1.0, potential=lambda t, x: np.full(len(x), t))
    for steps in (4, 8):
        value = estimate(problem, [[0.0]], 2, steps, scheme=Platen()).value[0]
        assert abs(np.log(value) + 0.5 - 0.5 / steps) < 1e-15
