"""Philox against the published vectors, and its draws as random numbers."""

import itertools
import platform

import numba
import numpy as np
import pytest
from scipy.special import ndtr

from ocnet.kernels import compile, philox, threads
from tests.chance import Chance, random, seed

PATHS = 1 << 18
# Random123, tests/kat_vectors, "philox4x32 10": counter, key, output
KNOWN = [((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
         ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
         ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
          (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1))]


def words(counter, key):
    return tuple(int(w) for w in philox.philox_block(*np.array(counter + key, dtype=np.uint64)))


@pytest.mark.parametrize("counter, key, output", KNOWN)
def test_blocks_are_the_published_ones(counter, key, output):
    assert words(counter, key) == output


@pytest.mark.parametrize("counter, key, output", KNOWN)
def test_uniforms_are_made_of_the_published_words(counter, key, output):
    """The rounds written out in the filling loop, addressed as path, layer, pair and seed, at 52 bits exactly."""
    path, seed, pair = counter[0] | counter[1] << 32, key[0] | key[1] << 32, counter[3]
    if pair > 3:                                           # a pair that is out of reach of `uniforms`: the kernel itself
        out = np.empty((2, 1))
        philox.fill_pair(*(np.uint64(v) for v in (seed, path, counter[2], pair)), False, 0, 1, out[0], out[1])
    else:
        out = philox.uniforms(seed, path, 1, counter[2], 2)
    for u, high, low in zip(out[:, 0], output[::2], output[1::2]):
        assert u == (2 * ((high << 32 | low) >> 12) + 1) / 2**53


def test_the_full_address_reaches_the_counter(path=3 << 32 | 5, seed=7 << 32 | 9):
    u = philox.uniforms(seed, path, 4, 11, 6)
    for j, pair in itertools.product(range(4), range(3)):
        w = words((5 + j, 3, 11, pair), (9, 7))
        assert u[2 * pair, j] == (2 * ((w[0] << 32 | w[1]) >> 12) + 1) / 2**53
        assert u[2 * pair + 1, j] == (2 * ((w[2] << 32 | w[3]) >> 12) + 1) / 2**53


def test_paths_beyond_2_to_32_carry_into_the_high_word():
    across = philox.uniforms(1, 2**32 - 2, 4, 0, 2)
    assert across[0, 2] == philox.uniforms(1, 2**32, 1, 0, 2)[0, 0]
    assert across[0, 2] != philox.uniforms(1, 0, 1, 0, 2)[0, 0]


@pytest.mark.parametrize("draw", [philox.uniforms, philox.normals])
def test_draws_depend_neither_on_threads_nor_on_how_paths_are_cut(draw, paths=70_001):
    results = []
    for count in (1, 2, 3):
        threads.set_threads(count)
        results.append(draw(9, 5, paths, 2, 3))
    assert len({r.tobytes() for r in results}) == 1
    for cut in (1, 1024, 30_001):
        parts = draw(9, 5, cut, 2, 3), draw(9, 5 + cut, paths - cut, 2, 3)
        assert np.concatenate(parts, axis=1).tobytes() == results[0].tobytes()


@pytest.mark.parametrize("draw", [philox.uniforms, philox.normals])
def test_a_channel_does_not_depend_on_how_many_there_are(draw):
    few, many = draw(9, 0, 100, 2, 1), draw(9, 0, 100, 2, 7)
    assert few.shape == (1, 100) and few.tobytes() == many[:1].tobytes()


def test_normals_are_box_muller_of_the_uniforms():
    u, v = philox.uniforms(4, 0, 10_000, 1, 2)
    z = philox.normals(4, 0, 10_000, 1, 2)
    radius = np.sqrt(-2 * np.log(u))
    # radius ≤ 8.6, each factor right to about 2 ulps; 2πv is rounded at up to 6.3: 8.6 · (2·2.2e-16 + 6.3·1.1e-16) = 1e-14
    assert np.abs(z - radius * np.array([np.cos(2 * np.pi * v), np.sin(2 * np.pi * v)])).max() < 1e-14


def test_uniforms_stay_inside_the_open_interval_at_the_extreme_words():
    extremes = np.array([0, 0xFFFFFFFF], dtype=np.uint64)
    low, high = (philox._open_unit(w, w) for w in extremes)
    assert low == 2.0**-53 and high == 1 - 2.0**-53


def chi_square(sample, bins):
    """Pearson's statistic of uniforms in equal bins."""
    expected = sample.size / bins
    counts = np.bincount((sample * bins).astype(int), minlength=bins)
    return ((counts - expected) ** 2).sum() / expected


@random(comparisons=17)
def test_uniforms_fill_the_interval_the_square_and_the_last_bits_evenly(chance):
    """χ² with 1023 degrees, both tails; finds a bin of 1024 that is 75 % too full, or all of them by 2.4 % up or down: PATHS r²/1024 each."""
    u = philox.uniforms(seed(2024), 0, PATHS, 0, 4)
    samples = [*u, *((u * 2**20) % 1), *((u * 2**42) % 1)]                  # top, middle and last ten bits
    samples += [(np.floor(32 * a) + b) / 32 for a, b in itertools.combinations([*u[:3]], 2)]      # channels of one path
    samples += [(np.floor(32 * u[0, :-1]) + u[0, 1:]) / 32]                                       # neighbouring paths
    samples += [(np.floor(32 * u[0]) + philox.uniforms(seed(2024), 0, PATHS, 1, 1)[0]) / 32]      # neighbouring layers
    chance.squares([chi_square(sample, 1024) for sample in samples], 1023, detects=450)


@random(comparisons=3)
def test_normals_have_the_normal_distribution_function(chance):
    """Kolmogorov–Smirnov; finds an error of 0.01 in Φ anywhere."""
    for z in philox.normals(seed(77), 0, PATHS, 3, 3):
        chance.distribution(z, ndtr, detects=0.01)


@random()
def test_a_repeated_seed_repeats_and_is_seen_as_dependent(chance):
    """What must fail: the correlation test, when two streams are the same; it finds a correlation of 0.02."""
    a, b, c = (philox.normals(seed(k), 0, PATHS, 0, 1)[0] for k in (1, 1, 2))
    chance.sample(a * c, 0.0, detects=0.02)
    with pytest.raises(AssertionError, match="beyond .* standard errors"):
        Chance("the same seed twice").sample(a * b, 0.0, detects=0.02)


def test_derived_seeds_differ_by_seed_word_order_and_number_of_words():
    calls = [(0,), (1,), (0, 0), (0, 1), (1, 0), (0, 0, 0), (5, 1, 2), (5, 2, 1), (6, 1, 2), (5, 1), (2**64 - 1, 1)]
    seeds = [philox.derived_seed(*call) for call in calls]
    assert len(set(seeds)) == len(calls) and all(0 <= s < 2**64 for s in seeds)
    assert philox.derived_seed(5) == 5                     # no words, no purpose: the seed itself
    assert seeds == [philox.derived_seed(*call) for call in calls]


@pytest.mark.parametrize("call, message", [
    (lambda: philox.normals(-1, 0, 4, 0, 1), "seed=-1"),
    (lambda: philox.uniforms(2**64, 0, 4, 0, 1), "seed=18446744073709551616"),
    (lambda: philox.normals(1.5, 0, 4, 0, 1), "seed=1.5"),
    (lambda: philox.derived_seed(0, 1, 2**32), r"words\[1\]=4294967296"),
    (lambda: philox.derived_seed(0, -1), r"words\[0\]=-1")])
def test_seeds_and_words_out_of_range_are_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_one_compilation_serves_all_draws():
    philox.normals(1, 0, 10, 0, 3), philox.uniforms(np.uint64(1), np.int32(0), 10, np.int64(2), 2)
    assert len(philox.fill_pair.signatures) <= 2 and len(philox.philox_block.signatures) <= 1


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the instructions named are those of x86")
def test_both_passes_are_compiled_to_packed_arithmetic():
    """No timed test: rounds that the compiler left as a call, or one at a time, show no packed 32-bit multiplication."""
    fresh = numba.njit(**compile._OPTIONS, fastmath=compile._CONTRACTED)(philox.fill_pair.py_func)   # a cached one shows no code
    zero, out = np.uint64(0), np.empty((2, 8))
    fresh(zero, zero, zero, zero, True, 0, 8, out[0], out[1])
    code = "".join(fresh.inspect_asm().values())
    assert "pmuludq" in code and "sqrtpd" in code
