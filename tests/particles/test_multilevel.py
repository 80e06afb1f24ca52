"""Multilevel estimates: errors within the tolerance, costs that grow as its square, and couplings that are couplings."""

from functools import cache

import numpy as np
import pytest
from scipy.stats import binom, chi2, norm

from ocnet.boundary import Dirichlet
from ocnet.kernels import threads
from ocnet.kernels.philox import derived_seed, normals
from ocnet.particles import estimate_multilevel
from ocnet.particles.coupling import Coupling, LevelSampler
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion
from tests.chance import random, seed
from tests.particles.exact_laws import X0, T, linear, second_moments


def second(x):
    return np.stack([x[:, 0] ** 2, x[:, 0] * x[:, 1], x[:, 1] ** 2], axis=1)


GENERAL = KolmogorovProblem(linear(0.5), second, T)                          # noise that does not commute, and depends on time
EXACT = second_moments(0.5)[[0, 1, 3]]
OU = KolmogorovProblem(Diffusion(lambda t, x: -1.2 * x, [[0.6]], 1), lambda x: np.stack([x[:, 0], x[:, 0] ** 2], axis=1), 1.0)
OU_START = np.array([[0.5], [-1.0]])
OU_EXACT = np.concatenate([OU_START * np.exp(-1.2), OU_START**2 * np.exp(-2.4) + 0.36 * (1 - np.exp(-2.4)) / 2.4], axis=1)
CASES = {"general": (GENERAL, X0[None], EXACT[None], 0.03), "constant factor": (OU, OU_START, OU_EXACT, 0.01)}
SEEDS = 40


@cache
def runs(case):
    problem, start, _, tolerance = CASES[case]
    return [estimate_multilevel(problem, start, tolerance, k) for k in range(SEEDS)]


@pytest.mark.parametrize("case", CASES)
@random(comparisons=4)
def test_root_mean_square_errors_are_within_the_tolerance(case, chance):
    """Were each entry's mean square error all that is allowed, and all variance, 40 errors over the tolerance would sum to a
    chi-square of 40 degrees of freedom, which exceeds its quantile by chance in what is spent; bias in its place only narrows that.

    Errors 2.3 times the tolerance are found with 99 %.
    """
    _, _, exact, tolerance = CASES[case]
    assert all(result.converged and result.value.shape == exact.shape for result in runs(case))
    errors = np.array([result.value - exact for result in runs(case)])
    chance.spends(chance.level, errors[0].size)
    allowed = chi2.isf(chance.level, SEEDS)
    assert ((errors**2).sum(axis=0) < allowed * tolerance**2).all() and chi2.sf(allowed / 2.3**2, SEEDS) > 0.99


@pytest.mark.parametrize("case", CASES)
@random(comparisons=4)
def test_intervals_hold_the_truth_as_often_as_they_say(case, chance):
    """Of 40 intervals of 99.9 % per entry, widened by the bias, five misses come by chance in 7e-10; intervals of 70 % are found with 99 %."""
    _, _, exact, _ = CASES[case]
    bounds = [result.interval(0.999) for result in runs(case)]
    misses = sum((exact < low) | (exact > high) for low, high in bounds)
    chance.spends(binom.sf(4, SEEDS, 0.001), misses.size)
    assert misses.max() < 5 and binom.sf(4, SEEDS, 0.3) > 0.99


@random(comparisons=3)
def test_cost_in_path_steps_grows_as_the_square_of_the_accuracy_also_where_noise_does_not_commute(chance):
    """Costs over a factor of 4 in tolerance; the finest level jumps by whole ones, which moves the exponent by less than 0.2.

    Errors are six tolerances at most, by chance in 2e-9 were all the tolerance a standard error.
    """
    chance.spends(2 * norm.sf(6), 3)
    coarse, fine = (estimate_multilevel(GENERAL, X0[None], tolerance, seed=1) for tolerance in (0.014, 0.0035))
    assert -2.3 < np.log(fine.cost / coarse.cost) / np.log(0.0035 / 0.014) < -1.7
    assert fine.converged and np.abs(fine.value - EXACT).max() < 6 * 0.0035


# Clark & Cameron: dX = dB₁, dY = X dB₂, whose steps miss the Lévy area and nothing else
AREA = KolmogorovProblem(Diffusion(lambda t, x: 0 * x, lambda t, x: np.eye(2) * np.stack([np.ones(len(x)), x[:, 0]], 1)[:, None], 2),
                         lambda x: np.sin(x[:, 1]), T)


def decay(coupling, paths=10_000):
    """log₂ of the ratio of variances from level 2 to level 4, per level: β."""
    sampler = LevelSampler(coupling, X0[None], seed(7))
    variance = [sampler.more(level, 0, paths).variance.max() for level in (2, 4)]
    return np.log2(variance[0] / variance[1]) / 2


@random(comparisons=2)
def test_variances_of_levels_fall_by_four_and_by_two_only_without_antithetic_pairs(chance):
    """β = 2 and 1 to 0.4.  Variances deviate by 5 % (kurtosis 29), β by 0.06: false alarm 3e-11; orders ½ apart are found."""
    chance.spends(2 * norm.sf(0.4 / 0.06), 2)
    class Single(Coupling):
        antithetic = False

    assert 1.6 < decay(Coupling.of(AREA, 2, 4)) < 2.4
    assert 0.6 < decay(Single.of(AREA, 2, 4)) < 1.4


def test_a_coupling_with_independent_noise_would_be_caught():
    """What must fail: coarse paths on noise of their own have a difference whose variance does not fall at all."""
    class Uncoupled(Coupling):
        def payoffs(self, level, x, draw):
            fine = super().payoffs(level, x, draw)
            return fine + super().payoffs(0, x, lambda n: draw(1000 + n)) - super().payoffs(0, x, lambda n: draw(2000 + n))

    assert abs(decay(Uncoupled.of(AREA, 2, 4))) < 0.4


@random(comparisons=3)
def test_the_levels_telescope(chance):
    """E of fine less coarse on level 1 is E of level 0 with twice the steps less E of level 0: antithetic paths have one law.

    Difference of means over 50 000 samples each; finds 0.15, where second moments are of size 1.
    """
    coarse, fine = (Coupling.of(GENERAL, 2, steps) for steps in (2, 4))
    a = LevelSampler(coarse, X0[None], seed(1)).more(1, 0, 50_000)
    b, c = LevelSampler(coarse, X0[None], seed(2)).more(0, 0, 50_000), LevelSampler(fine, X0[None], seed(3)).more(0, 0, 50_000)
    error = np.sqrt(sum(m.variance / m.count for m in (a, b, c)))
    chance.mean(a.mean, c.mean - b.mean, error, detects=0.15)


def test_coarse_increments_are_sums_of_the_fine_ones():
    """On X = B, where steps change nothing, every level's sample is 0 to rounding; breaks are steps of all levels."""
    brownian = Diffusion(lambda t, x: 0 * x, [[1.0]], 1, breaks=(0.3,))
    coupling = Coupling.of(KolmogorovProblem(brownian, lambda x: x[:, 0], 1.0), 1, 4)
    payoffs = coupling.payoffs(3, np.zeros((1, 100)), lambda n: normals(1, 0, 100, n, 1))
    assert np.abs(payoffs).max() < 1e-14                                      # 40 roundings of numbers up to 3
    assert all(0.3 in coupling.times(level) for level in range(4))


@pytest.mark.parametrize("level", [0, 2])
def test_each_level_has_the_noise_of_its_own_derived_seed(level, paths=50):
    """Path k of start point i of n is number k · n + i; another level's seed gives other samples, so levels are independent."""
    coupling, start = Coupling.of(GENERAL, 2, 4), np.stack([X0, 2 * X0])
    means = []
    for word in (level, level + 1):
        key = derived_seed(9, word)
        payoffs = coupling.payoffs(level, np.tile(start.T, (1, paths)), lambda n: normals(key, 0, 2 * paths, n, 2))
        means.append(payoffs.reshape(3, paths, 2).mean(axis=1))
    found = LevelSampler(coupling, start, 9).more(level, 0, paths).mean
    assert np.abs(found - means[0]).max() < 1e-13 and np.abs(found - means[1]).min() > 1e-5      # sums of 50 numbers up to 20


def test_potential_and_source_are_those_of_estimate():
    problem = KolmogorovProblem(OU.process, lambda x: np.ones(len(x)), 1.5, potential=0.7, source=-2.0)
    result = estimate_multilevel(problem, [[0.0], [3.0]], 0.01)
    # constants are integrated exactly on every level: a few roundings of numbers near 3 at most
    assert np.abs(result.value - (np.exp(-1.05) - 2 / 0.7 * (1 - np.exp(-1.05)))).max() < 4e-14
    assert result.standard_error.max() < 1e-14 and result.bias.max() < 1e-14


def test_bits_do_not_depend_on_threads():
    bits = set()
    for count in (1, 2, 3):
        threads.set_threads(count)
        result = estimate_multilevel(GENERAL, np.stack([X0, 2 * X0]), 0.05, seed=4)
        bits.add((result.value.tobytes(), result.standard_error.tobytes(), result.cost))
    assert len(bits) == 1


def test_a_tolerance_that_the_levels_do_not_reach_is_said_and_results_speak_in_one_line():
    result = estimate_multilevel(OU, OU_START, 0.005, most_levels=3, steps=1)
    assert not result.converged and "raise most_levels" in result.status
    single = estimate_multilevel(KolmogorovProblem(OU.process, lambda x: x[:, 0], 1.0), [[0.5]], 0.05)
    assert single.value.shape == (1,) and "converged" in repr(single) and "\n" not in repr(single) + repr(result)
    plain = single.to_dict()
    assert plain["levels"]["steps"][:2] == [4, 8] and sum(plain["levels"]["cost"]) == single.cost
    with pytest.raises(ValueError, match="read-only"):
        single.value[0] = 0


@pytest.mark.parametrize("change, message", [
    ({"tolerance": 0.0}, "tolerance=0 is out of range"), ({"tolerance": np.inf}, "tolerance=inf"), ({"most_levels": 2}, "most_levels=2"),
    ({"steps": 0}, "steps=0"), ({"seed": -1}, "seed=-1"), ({"x0": [[np.nan]]}, r"x0\[0\]")])
def test_wrong_input_is_refused_by_name(change, message):
    with pytest.raises(ValueError, match=message):
        estimate_multilevel(OU, **{"x0": [[0.5]], "tolerance": 0.1, **change})


def test_a_boundary_that_holds_values_is_refused():
    problem = KolmogorovProblem(OU.process, OU.terminal, 1.0, boundary=((Dirichlet(0.0), Dirichlet(1.0)),))
    with pytest.raises(ValueError, match="boundary=.*solve_backward"):
        estimate_multilevel(problem, [[0.5]], 0.1)
