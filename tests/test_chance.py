"""The budget of false alarms: its sum, that no random test is outside of it, and that its bars have the levels and the power that they state."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from ocnet import Diffusion, KolmogorovProblem, estimate, propagate
from ocnet.kernels import philox
from ocnet.particles import euler_maruyama
from tests.chance import BUDGET, POWER, SHARE, Chance, other_streams, random, rng, seed

TESTS = Path(__file__).parent
# what is sampled, and what bars are made of; the words stand for bars written out by hand
SAMPLED = {"standard_error", "standard_errors", "gradient_error", "point_errors", "increase_error", "std", "sem"}
QUANTILES = {"isf", "ppf", "stdtrit", "kstest", "ks_2samp", "chisquare", "chi2"}
WORDS = re.compile(r"false.alarm|(standard|sampling) errors? (of|each|at)|\bs\.e\.|deviations of (it|them)\b", re.IGNORECASE)

# Tests that look as if they had bars of their own and have none, and why.  An entry whose test is gone, or looks so no more, is refused.
EXACT = "compares numbers that are equal but for rounding, or zero"
ONE_DRAW = "follows from what a result says of one draw, for every draw"
TELLS = "looks for words that a result is to say"
THEOREM = "a theorem holds for every draw"
OF_NO_CHANCE = {
    "analysis/test_attacks.py::test_a_linear_score_loses_the_dual_norm_of_its_weights": EXACT,
    "analysis/test_comparison.py::test_a_network_without_noise_has_no_sampling_error": EXACT,
    "analysis/test_comparison.py::test_a_sample_that_misses_a_rare_loss_borrows_its_error_from_the_grid":
        "two paths' errors are the grid's, and 40 000 tell theirs",
    "analysis/test_linear_limit.py::test_what_the_proof_says_of_the_gradient_holds_for_weights_of_any_kind": THEOREM,
    "analysis/test_lyapunov.py::test_without_noise_exponents_are_those_of_the_matrix": EXACT,
    "analysis/test_lyapunov.py::test_what_a_result_says_and_shows": ONE_DRAW,
    "analysis/test_network_ode.py::test_bounds_are_never_violated_on_200_random_networks": THEOREM,
    "bad_input/test_hand_made.py::test_no_noise_is_the_same_network_whatever_model_says_so": EXACT,
    "bad_input/test_by_hand.py::test_without_noise_paths_have_no_error_bar": EXACT,
    "particles/test_moments.py::test_moments_of_parts_are_those_of_all_samples_and_the_variance_is_unbiased": EXACT,
    "particles/test_multilevel_sums.py::test_the_variance_takes_half_of_the_tolerance_s_square_and_no_more": THEOREM,
    "particles/test_multilevel_sums.py::test_value_error_and_bias_are_those_of_the_levels": EXACT,
    "particles/test_sampling.py::test_intervals_have_the_freedom_of_what_is_independent_in_64_paths": EXACT,
    "stress/test_small_noise.py::test_particles_without_noise_walk_their_characteristics_and_say_no_more": EXACT,
    "experiments/test_cifar10.py::test_whole_number_sums_are_exact_at_the_largest_pixels": EXACT,
    "experiments/test_cifar10.py::test_a_share_is_chosen_by_the_seed_evenly_and_alone_fitted_on": EXACT,
    "experiments/test_datasets.py::test_components_are_those_of_a_pipeline_fitted_on_the_training_part_only": EXACT,
    "experiments/test_generalisation.py::test_differences_are_paired_and_what_is_said_is_what_was_measured": ONE_DRAW,
    "experiments/test_particle_benchmark.py::test_mean_and_error_are_those_of_the_sample": EXACT,
    "experiments/test_robustness.py::test_the_noise_of_a_layer_is_so_many_deviations_of_its_states": EXACT,
    "networks/test_block_bounds.py::test_no_point_and_no_numbers_between_exceed_the_bounds": THEOREM,
    "particles/test_estimate.py::test_constant_potential_and_source_are_integrated_exactly": EXACT,
    "particles/test_estimate.py::test_the_same_functional_of_a_layered_process_is_the_mean_over_its_ends": ONE_DRAW,
    "particles/test_estimate.py::test_a_process_that_gets_to_its_ends_faster_is_asked_for_them": EXACT,
    "particles/test_multilevel.py::test_potential_and_source_are_those_of_estimate": EXACT,
    "particles/test_sampling.py::test_a_process_that_draws_in_a_way_of_its_own_is_refused": EXACT,
    "experiments/test_trained_benchmark.py::test_it_says_value_distance_and_seconds_of_every_grid": TELLS,
    "particles/test_gradient_estimate.py::test_bits_do_not_depend_on_the_executor_and_an_interval_holds_the_estimate": TELLS,
    "plotting/test_contents.py::test_a_slope_needs_three_positive_points_and_positive_bars": TELLS,
    "plotting/test_results.py::test_views_and_their_agreement_are_drawn": TELLS,
    "training/test_successive_approximations.py::test_the_extended_method_trains_on_drawn_noise_where_the_basic_one_runs_to_the_walls":
        "J is halved, or rises: fifty standard errors",
    "test_classifier_parts.py::test_all_rows_see_the_same_draws": "rows share their draws, and what an error must exceed is a hundredth of it",
    "test_classifier_parts.py::test_constants_and_offsets_are_told_apart_in_many_rows": EXACT,
}


def names(node):
    """All names and attributes below a node."""
    return {n.id if isinstance(n, ast.Name) else n.attr for n in ast.walk(node) if isinstance(n, (ast.Name, ast.Attribute))}


def bars_of_its_own(function, lines):
    """Why a test looks as if it had bars outside the budget; '' if it does not."""
    compared = set().union(set(), *(names(node) for node in ast.walk(function) if isinstance(node, ast.Compare)))
    if found := (compared & SAMPLED) or (names(function) & QUANTILES):
        return f"it compares {', '.join(sorted(found))}"
    found = WORDS.search("\n".join(lines[function.lineno - 1:function.end_lineno]))
    return f"it says {found.group()!r}" if found else ""


def suspects(source):
    """{name: why} of the tests in a file that take no share of the budget and look as if they had bars."""
    lines = source.splitlines()
    tests = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name.startswith("test")]
    every = {test.name: bars_of_its_own(test, lines) for test in tests if "chance" not in {argument.arg for argument in test.args.args}}
    return {name: why for name, why in every.items() if why}


def test_the_shares_of_all_random_tests_are_within_the_budget(request):
    """Of what has been collected; in a full run that is all.  Whoever is marked takes bars from `chance`, and whoever takes them is marked."""
    marked = [item for item in request.session.items if item.get_closest_marker("random")]
    assert sum(item.get_closest_marker("random").kwargs["share"] for item in marked) <= BUDGET
    for item in request.session.items:
        assert (item in marked) == ("chance" in getattr(item, "fixturenames", ())), f"{item.nodeid}: @random(…) and the fixture `chance` go together"


def test_no_test_has_bars_of_its_own():
    found = {f"{path.relative_to(TESTS).as_posix()}::{name}": why for path in sorted(TESTS.rglob("test_*.py")) if path != Path(__file__)
             for name, why in suspects(path.read_text()).items()}
    own = [f"{name}: {why}" for name, why in found.items() if name not in OF_NO_CHANCE]
    assert not own, ("these look as if they had a bar of their own: mark them @random(comparisons=…) and take bars from the fixture `chance` "
                     "(tests/chance.py); or, if nothing sampled is compared with a truth, say why in OF_NO_CHANCE:\n" + "\n".join(own))
    assert not OF_NO_CHANCE.keys() - found.keys(), "these look as if they had a bar no more: take them out of OF_NO_CHANCE"


@pytest.mark.parametrize("body", ["assert abs(r.value - exact) < 4 * r.standard_error", "assert x.mean() < 3 * x.std() / n**0.5",
                                  "# 4.5 standard errors each\n    assert abs(a - b) < 0.02", "assert s < chi2.isf(1e-6, 19)"])
def test_a_bar_by_hand_is_seen(body):
    assert suspects(f"def test_something(r):\n    {body}\n") and not suspects(f"def test_something(r, chance):\n    {body}\n")


# ---- levels and power, by the laws themselves: no sampling ----------------------------------------------------------------------------------

def passes(check):
    """Whether a comparison lets something pass."""
    try:
        check()
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("comparisons, freedom", [(1, None), (7, None), (3, 11)])
def test_a_mean_passes_up_to_its_bar_and_a_bias_of_what_is_detected_fails_with_its_power(comparisons, freedom):
    share = Chance("", comparisons)
    law = stats.norm if freedom is None else stats.t(freedom)
    assert comparisons * 2 * law.sf(share.bar(freedom)) == pytest.approx(SHARE, rel=1e-6)
    bar, reach = share.bar(freedom) * 0.1, share.reach(0.1, freedom=freedom)
    for sign in (-1, 1):
        assert passes(lambda: Chance("", comparisons).mean(sign * bar * (1 - 1e-9), 0.0, 0.1, reach, freedom=freedom))
        assert not passes(lambda: Chance("", comparisons).mean(sign * bar * (1 + 1e-9), 0.0, 0.1, reach, freedom=freedom))
    assert not passes(lambda: Chance("", comparisons).mean(np.nan, 0.0, 0.1, reach, freedom=freedom))
    assert not passes(lambda: Chance("", comparisons).mean(0.0, 0.0, 0.1, 0.999 * reach / share.lucky(freedom), freedom=freedom))   # power that is not there
    assert stats.norm.sf((bar - reach) / 0.1) == pytest.approx(POWER)                                             # of a normal estimate that is off by `reach`


@pytest.mark.parametrize("trials, probability, detects", [(1000, 0.9, 0.085), (400, 0.25, 0.2), (600, 0.99, 0.055)])
def test_a_frequency_has_exact_tails_and_the_power_that_it_states(trials, probability, detects):
    let = np.array([passes(lambda k=k: Chance("").frequency(k, trials, probability, detects)) for k in range(trials + 1)])
    hits = np.arange(trials + 1)
    assert stats.binom.pmf(hits[~let], trials, probability).sum() <= SHARE
    for off in (probability - detects, min(probability + detects, 1 - 1e-15)):
        assert stats.binom.pmf(hits[let], trials, off).sum() <= 1 - POWER or off > 1 - 1e-9
    assert not any(passes(lambda k=k: Chance("").frequency(k, trials, probability, 0.5 * detects)) for k in range(trials + 1))


def test_variances_and_squares_have_both_tails_and_the_power_that_they_state():
    low, high = (f(SHARE / 2, 50) / 50 for f in (stats.chi2.ppf, stats.chi2.isf))
    for ratio, right in ((low * 1.0001, True), (low * 0.9999, False), (high * 0.9999, True), (high * 1.0001, False)):
        assert passes(lambda r=ratio: Chance("").variance(r, 1.0, 50, detects=7)) == right
        assert passes(lambda r=ratio: Chance("").squares(50 * r, 50, detects=130)) == right
    assert min(stats.chi2.sf(high / 7 * 50, 50), stats.chi2.cdf(low * 7 * 50, 50)) > POWER and stats.ncx2.sf(50 * high, 50, 130) > POWER
    assert not passes(lambda: Chance("").variance(1.0, 1.0, 50, detects=3)) and not passes(lambda: Chance("").squares(50.0, 50, detects=30))


@random(comparisons=2)
def test_a_distribution_that_is_off_by_what_is_detected_fails_and_the_right_one_passes(chance):
    """A shift s moves Φ by s/√(2π) at 0; 20 000 draws find 0.04 with 99 % each, and 30 samples of it fail by exact binomial tails."""
    draws = rng(0).normal(size=(30, 20_000))
    chance.distribution(draws[0], stats.norm.cdf, detects=0.04)
    caught = sum(not passes(lambda d=d: Chance("").distribution(d + 0.04 * np.sqrt(2 * np.pi), stats.norm.cdf, detects=0.04)) for d in draws)
    fewest = int(stats.binom.ppf(chance.level, 30, POWER))
    chance.spends(stats.binom.cdf(fewest - 1, 30, POWER))
    assert caught >= fewest > 20


def test_the_bar_of_a_skewed_sample_is_as_wide_as_its_tail_is_heavy(n=2000, level=1e-5):
    """Exponential draws have skewness 2: a tail e^{2 z³/(3 √n)} times the normal one, which the bar makes up for; where that factor is beyond all
    expansions the sample is refused."""
    from tests.chance import _skewed
    z = _skewed(level, 2.0, n)
    assert stats.norm.sf(z) * np.exp(2.0 * z**3 / (3 * np.sqrt(n))) == pytest.approx(level / 2, rel=1e-6)
    assert z > stats.norm.isf(level / 2) == pytest.approx(_skewed(level, 0.0, n))
    with pytest.raises(AssertionError, match="take more of them"):
        _skewed(1e-9, 5.0, 100)


def test_shares_are_counted_and_idle_ones_refused():
    share = Chance("", comparisons=2)
    share.mean([0.0, 0.0], 0.0, 1.0, detects=10)
    with pytest.raises(AssertionError, match="3 comparisons are made where 2 are announced"):
        share.mean(0.0, 0.0, 1.0, detects=10)
    with pytest.raises(AssertionError, match="makes no comparison"):
        Chance("").settle()
    with pytest.raises(AssertionError, match="takes more than its share"):
        Chance("").spends(1e-6)
    assert passes(lambda: Chance("").spends(0.9 * SHARE))


def test_a_wrong_truth_must_be_two_bars_away_and_fail():
    assert passes(lambda: Chance("").finds(0.0, 0.0, 20.0, 1.0))
    with pytest.raises(AssertionError, match="no control"):
        Chance("").finds(0.0, 0.0, 9.0, 1.0)
    with pytest.raises(AssertionError, match="a wrong truth passes"):
        Chance("").finds(18.0, 0.0, 20.0, 1.0)
    with pytest.raises(AssertionError, match="4.00 standard errors"):
        Chance("").exceeds(4.0, 0.0, 1.0)
    with pytest.raises(AssertionError, match="below"):
        Chance("").least(-6.0, 0.0, 1.0, detects=10)


def test_other_seeds_are_other_seeds_and_derived_ones_stay(monkeypatch):
    monkeypatch.setattr("tests.chance.SHIFT", 3)
    assert seed(5) == 5 + 3 * 2**32 and seed(seed(5)) == seed(5) and rng(1).random() != np.random.default_rng(1).random()
    problem = KolmogorovProblem(Diffusion(lambda t, x: -x, [[1.0]], 1), lambda x: x[:, 0], 1.0)

    def drawn():
        return (estimate(problem, [[0.0]], 16, 4).value[0], propagate(euler_maruyama(problem.process, 1.0, 4), [[0.0]], 16).ends[0, 0, 0],
                philox.normals(0, 0, 1, 0, 1)[0, 0], philox.derived_seed(0, 1))

    before = drawn()
    other_streams(monkeypatch.setattr)                       # of all doors, whether a seed is given or left out
    assert all(a != b for a, b in zip(before, drawn()))
    monkeypatch.setattr("tests.chance.SHIFT", 0)
    assert drawn() == before
    assert seed(5) == 5 and rng(1).random() == np.random.default_rng(1).random()
