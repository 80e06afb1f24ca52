"""Ways to sample: their means, the honesty of their errors, and what their noise does not depend on."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import f, norm
from scipy.stats import t as student

from ocnet.kernels import threads
from ocnet.laws import Bernoulli, Joint, Normal, Silent
from ocnet.particles import estimate, estimate_difference, sampling
from ocnet.particles.partition import Batch
from ocnet.particles.sampling import Antithetic, Independent, Sobol
from ocnet.particles.sampling.coordinates import BrownianBridge, Coordinates
from ocnet.particles.schemes import EulerMaruyama, Platen
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion, LayeredProcess
from tests.chance import Chance, random, rng
from tests.particles.exact_laws import X0, T, linear, second_moments_of_steps
from tests.particles.processes import toy

MEMBERS = [getattr(sampling, name).example() for name in sampling.__all__]
every_sampling = pytest.mark.parametrize("ways", MEMBERS, ids=repr)


def ornstein_uhlenbeck(rate=1.2):
    return Diffusion(lambda t, x: -rate * x, [[0.6]], 1)


def probit(x):
    return ndtr(x[:, 0] / 0.5)


def exact_steps(x0, steps, rate=1.2):
    """E probit of the Euler–Maruyama steps, horizon 1 (MATH.md R3)."""
    r = 1 - rate / steps
    variance = 0.36 / steps * (1 - r ** (2 * steps)) / (1 - r**2)
    return ndtr(np.asarray(x0)[:, 0] * r**steps / np.sqrt(0.25 + variance))


PROBIT, START = KolmogorovProblem(ornstein_uhlenbeck(), probit, 1.0), [[0.5], [-1.0]]


def holds(chance, result, exact, detects):
    """The truth within Student's bar, also of few replicates; a bias of `detects` is found."""
    chance.mean(result.value, exact, result.standard_error, detects, freedom=result.freedom)


@every_sampling
@pytest.mark.parametrize("paths", [1024, 65536])
@random(comparisons=2)
def test_means_are_those_of_the_steps(ways, paths, chance):
    """The standard error at 65 536 paths is at most 1.3e-3: 0.011 is found; at 1024 paths 0.09."""
    result = estimate(PROBIT, START, paths, 8, seed=1, sampling=ways)
    assert result.value.shape == (2,)
    holds(chance, result, exact_steps(START, 8), detects=0.09 * np.sqrt(1024 / paths))
    assert result.freedom == ways.samples(paths) - 1


@every_sampling
@random(comparisons=3)
def test_means_over_other_laws_are_those_of_the_steps(ways, chance):
    """Second moments by Platen's steps, whose law joins normals and signs; finds 0.25, where they are of size 1 to 3."""
    problem = KolmogorovProblem(linear(), lambda x: np.stack([x[:, 0] ** 2, x[:, 0] * x[:, 1], x[:, 1] ** 2], axis=1), T)
    result = estimate(problem, X0[None], 32768, 4, seed=2, scheme=Platen(), sampling=ways)
    holds(chance, result, second_moments_of_steps(Platen().layered(linear(), T, 4, 2))[[0, 1, 3]], detects=0.25)


@pytest.mark.parametrize("ways, samples", [(Independent(), 64), (Antithetic(), 32), (Sobol(replicates=4), 4)], ids=["Independent", "Antithetic", "Sobol"])
def test_intervals_have_the_freedom_of_what_is_independent_in_64_paths(ways, samples):
    """Paths, pairs of them, or replicates: Student's quantile of one fewer is what an interval is wide."""
    result = estimate(PROBIT, [[0.5]], 64, 4, seed=1, sampling=ways)
    low, high = result.interval(0.99)
    assert result.freedom == samples - 1
    # two roundings of the ends, which are below 1, over a width of at least 1e-3
    assert np.abs((high - low) / 2 / result.standard_error - student.ppf(0.995, samples - 1)).max() < 1e-11


@pytest.mark.parametrize("ways, paths", [(Antithetic(), 2048), (Sobol(replicates=4), 64)], ids=["Antithetic", "Sobol"])
@random()
def test_intervals_hold_the_truth_as_often_as_they_say(ways, paths, chance, runs=600):
    """Intervals of 99 %, by exact binomial tails; finds that they hold 93.5 % of the time.

    Means of 1024 pairs are normal enough; for the four replicates of Sobol' points normal quantiles in place of Student's with
    three degrees of freedom would hold 92 % of the time.
    """
    held = [low < exact < high for low, high, exact in (
        (*estimate(PROBIT, [[0.5]], paths, 4, seed=k, sampling=ways).interval(0.99), exact_steps([[0.5]], 4)) for k in range(runs))]
    chance.frequency(np.sum(held), runs, 0.99, detects=0.055)


@random()
def test_antithetic_pairs_cancel_what_is_odd_and_confess_what_is_even(chance):
    """X_T is affine in the noise, so a pair's mean is exact; X_T² from 0 is the same for both, which doubles the variance."""
    def moments(x):
        return np.stack([x[:, 0], x[:, 0] ** 2], axis=1)

    problem = KolmogorovProblem(ornstein_uhlenbeck(), moments, 1.0)
    paired, plain = (estimate(problem, [[0.0]], 40_000, 8, seed=3, sampling=way) for way in (Antithetic(), Independent()))
    assert abs(paired.value[0, 0]) < 1e-15 and paired.standard_error[0, 0] < 1e-15
    # squares of normals have kurtosis 15: a standard error of n of them deviates by √(14/4n), 1.3 % for 20 000 pairs and 0.9 % for 40 000 paths, the
    # ratio by 1.6 % of √2; six of them, 0.136; a ratio of 1 is three times that away
    chance.spends(2 * norm.sf(6))
    assert abs(paired.standard_error[0, 1] / plain.standard_error[0, 1] - np.sqrt(2)) < 6 * 0.016 * np.sqrt(2)


@random()
def test_sobol_points_beat_monte_carlo_by_far_on_a_smooth_payoff(chance):
    """16 times the paths reduce the error 16 times or more and not 4, which is Monte Carlo's and would be found with 99 %.

    A ratio of variances of 64 and 64 replicates is Snedecor's F: 16² is above its quantile at the level times the bar 7.3² (4² is below it).
    """
    few, many = (estimate(PROBIT, [[0.5]], paths, 16, seed=4, sampling=Sobol(64)) for paths in (64 * 64, 64 * 1024))
    plain = estimate(PROBIT, [[0.5]], 64 * 1024, 16, seed=4)
    least = np.sqrt(16**2 / f.isf(chance.level, 63, 63))
    chance.spends(chance.level)
    assert f.cdf((least / 4) ** 2, 63, 63) > 0.99
    assert few.standard_error > least * many.standard_error and many.standard_error < plain.standard_error / 20


@pytest.mark.parametrize("times", [np.linspace(0, 1, 9), np.array([0.0, 0.1, 0.15, 0.9, 2.0]), np.array([1.0, 3.0])])
def test_a_brownian_bridge_is_an_orthogonal_map_whose_first_coordinate_is_the_end(times):
    layers = times.size - 1
    bridge = BrownianBridge(times)(np.eye(layers)[:, None, :])[:, 0]         # column k: ξ of the k-th unit vector
    # entries are differences of W's rounded at 1, over √dt ≥ 0.2: some 10 ulps
    assert np.abs(bridge @ bridge.T - np.eye(layers)).max() < 1e-14
    ends = np.sqrt(np.diff(times)) @ bridge
    assert np.abs(ends - np.sqrt(times[-1] - times[0]) * np.eye(layers)[0]).max() < 1e-14


@random(comparisons=65)
def test_coordinates_are_standardised_noise_for_any_law(chance):
    """Normals, masks and signs of two layers of unequal length, from random uniforms, each where its channel is."""
    def identity(n, x, xi):
        return x

    law = Joint((Bernoulli(0.7, 1), Normal(2), Bernoulli(0.5, 2)))
    coordinates = Coordinates(LayeredProcess(identity, law, 1, [0, 1, 3]))
    assert coordinates.number == 10
    u = rng(1).random((10, 100_000))
    noise = coordinates.noise(u)
    xi = np.concatenate(noise)
    # ten means and 55 products over 1e5 uniform points; finds a correlation or an error of a variance of 0.045
    chance.sample(xi, 0.0, detects=0.045)
    first, second = np.triu_indices(10)
    chance.sample(xi[first] * xi[second], (first == second) * 1.0, detects=0.045)
    assert [set(np.unique(part[0] > 0)) for part in noise] == [{False, True}] * 2
    assert all((np.abs(part[3:]) == 1).all() for part in noise)
    silent = Coordinates(LayeredProcess(identity, Silent(), 1, [0, 1]))
    assert silent.number == 0 and silent.noise(np.empty((0, 7)))[0].shape == (0, 7)


def drawn(ways, process, batches, paths):
    """Ends of all batches, path after path."""
    start = np.zeros((process.dim, 1))
    noises = ways.noises(process, 9, batches)
    return np.concatenate([noise.ends(process, np.repeat(start, batch.count, axis=1)) for batch, noise in zip(batches, noises)], axis=1)


@every_sampling
def test_the_noise_of_a_path_depends_on_its_number_only(ways, paths=512):
    """One batch a replicate, or many, or the last ones alone: the same paths."""
    process, share = toy(), paths // ways.replicates
    cut = [[Batch(slice(0, 1), lo, lo + size, paths, lo // share) for lo in range(0, paths, size)] for size in (share, 8)]
    whole, pieces = (drawn(ways, process, batches, paths) for batches in cut)
    assert whole.tobytes() == pieces.tobytes()
    assert drawn(ways, process, cut[1][-3:], paths).tobytes() == whole[:, -24:].tobytes()


@every_sampling
def test_bits_do_not_depend_on_the_number_of_threads(ways):
    bits = set()
    for count in (1, 2, 3):
        threads.set_threads(count)
        result = estimate(PROBIT, START, 32768, 4, seed=7, sampling=ways)
        bits.add((result.value.tobytes(), result.standard_error.tobytes()))
    assert len(bits) == 1


@pytest.mark.parametrize("ways, paths, message", [
    (Independent(), 1, "paths=1"), (Antithetic(), 1001, "use paths=1002"), (Antithetic(), 2, "paths=2"),
    (Sobol(16), 100_000, "use paths=131072"), (Sobol(16), 3, "use paths=16"), (Sobol(8), 0, "paths=0")])
def test_numbers_of_paths_that_cannot_be_are_refused_with_one_that_can(ways, paths, message):
    with pytest.raises(ValueError, match=message):
        estimate(PROBIT, START, paths, 4, sampling=ways)


def test_more_coordinates_than_sobol_points_have_are_refused_with_a_remedy():
    with pytest.raises(ValueError, match="30000 uniforms.*21201.*fewer steps"):
        estimate(PROBIT, START, 64, 30_000, sampling=Sobol(16))
    with pytest.raises(ValueError, match="replicates=1 "):
        Sobol(1)


@pytest.mark.parametrize("ways", [Antithetic(), Sobol(4)], ids=repr)
def test_a_process_that_draws_in_a_way_of_its_own_is_refused(ways):
    class Own(LayeredProcess):
        def draw(self, seed, first, paths, n):
            return np.zeros((2, paths))

    problem = KolmogorovProblem(linear(), lambda x: x[:, 0], T)
    process = EulerMaruyama().layered(linear(), T, 2, 2)
    own = Own(process.step, process.law, 2, process.times)
    with pytest.raises(ValueError, match="of its own.*Independent"):
        estimate(problem, X0[None], 64, layered=own, sampling=ways)
    assert estimate(problem, X0[None], 64, layered=own).standard_error < 1e-15


@every_sampling
@random(comparisons=2)
def test_a_difference_on_the_same_noise_has_the_error_of_the_difference(ways, chance, paths=16384):
    """Rates 1.2 and 1.21: the difference is 60 times less than the values, and so is its error; finds 4e-4, a fifth of it."""
    other = KolmogorovProblem(ornstein_uhlenbeck(1.21), probit, 1.0)
    result = estimate_difference(PROBIT, other, START, paths, 8, seed=5, sampling=ways)
    holds(chance, result, exact_steps(START, 8) - exact_steps(START, 8, 1.21), detects=4e-4)
    assert (result.standard_error < 0.05 * estimate(PROBIT, START, paths, 8, seed=5).standard_error).all()
    own = [estimate(problem, START, paths, 8, seed=5, sampling=ways).value for problem in (PROBIT, other)]
    assert np.abs(result.value - (own[0] - own[1])).max() < 1e-14            # the same paths: sums of numbers below 1


def test_a_difference_has_the_columns_of_either():
    columns = KolmogorovProblem(ornstein_uhlenbeck(), lambda x: np.stack([probit(x), x[:, 0]], axis=1), 1.0)
    result = estimate_difference(PROBIT, columns, START, 100, 4)
    assert result.value.shape == (2, 2) and np.abs(result.value[:, 0]).max() == 0 and np.abs(result.value[:, 1]).min() > 0.1


def test_a_difference_on_other_noise_would_be_caught():
    """What must fail: two seeds have a difference a hundred times the common-noise error from the truth's."""
    other = KolmogorovProblem(ornstein_uhlenbeck(1.21), probit, 1.0)
    apart = estimate(PROBIT, START, 16384, 8, seed=5).value - estimate(other, START, 16384, 8, seed=6).value
    with pytest.raises(AssertionError, match="beyond .* standard errors"):
        holds(Chance("other noise", 2), estimate_difference(PROBIT, other, START, 16384, 8, seed=5), apart, detects=4e-4)


@pytest.mark.parametrize("other, message", [
    (KolmogorovProblem(Diffusion(lambda t, x: x, [[1.0]], 1, breaks=(0.3,)), probit, 1.0), "different steps, 8 and 9"),
    (KolmogorovProblem(Diffusion(lambda t, x: x, [[1.0, 2.0]], 1), probit, 1.0), "different laws in layer 0.*columns")])
def test_problems_without_common_noise_are_refused(other, message):
    with pytest.raises(ValueError, match=message):
        estimate_difference(PROBIT, other, START, 64, 8)


def test_a_law_that_is_not_made_of_uniforms_is_refused_by_sobol_points():
    class Own:
        channels = 1

    process = LayeredProcess(toy().step, Own(), 2, [0, 1])
    with pytest.raises(ValueError, match="layer 0.*not made of uniforms.*Independent"):
        estimate(KolmogorovProblem(linear(), lambda x: x[:, 0], T), X0[None], 64, layered=process, sampling=Sobol(4))


@pytest.mark.parametrize("steps", [1, 300, 20_000])
def test_batches_of_sobol_points_shrink_as_their_coordinates_grow(steps):
    """At most 2²³ numbers, 64 MB, in powers of two."""
    process = EulerMaruyama().layered(linear(), T, steps, 2)
    size = Sobol().batch_size(process)
    assert size & (size - 1) == 0 and (size == 8192 or 2**22 < size * 2 * steps <= 2**23)
