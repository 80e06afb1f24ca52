"""Elementary functions and draws in single precision: against double precision, and against the published vectors of Philox."""

import itertools
import platform

import numba
import numpy as np
import pytest
from scipy.special import ndtr

from ocnet.kernels import compile, philox, philox_single
from ocnet.kernels.compile import kernel
from ocnet.kernels.draws import draw_rows
from ocnet.kernels.elementary_rows import tanh_rows
from ocnet.kernels.elementary_single import log_single, sine_cosine_of_turn_single, tanh_single
from tests.chance import random, seed
from tests.kernels.test_philox import KNOWN, chi_square

PATHS = 1 << 18
rng = np.random.default_rng(4)
SPREAD = np.concatenate([s * rng.uniform(-1, 1, 20_000) for s in (1e-30, 1e-6, 1e-2, 0.3, 3, 12)]).astype(np.float32)
OPEN = np.concatenate([rng.random(20_000), 1 - 2.0**-24 * rng.integers(1, 1000, 2000), 2.0**-24 * rng.integers(1, 1000, 2000)]).astype(np.float32)
TURNS = np.concatenate([rng.random(50_000), rng.integers(0, 65, 400) / 64]).astype(np.float32)


@kernel
def tanhs(x, out):
    for j in range(x.size):
        out[j] = tanh_single(x[j])


@kernel
def logs(x, out):
    for j in range(x.size):
        out[j] = log_single(x[j])


@kernel
def sines(x, out):
    for j in range(x.size):
        out[j], _ = sine_cosine_of_turn_single(x[j])


@kernel
def cosines(x, out):
    for j in range(x.size):
        _, out[j] = sine_cosine_of_turn_single(x[j])


@kernel
def rows_of(seed, number, layer, channel, channels, normal, like):
    rows = np.empty((channels + 3, like.size), like.dtype)
    draw_rows(seed, number, layer, channel, channels, normal, rows)
    return rows[:channels]


@kernel
def tanh_of(x):
    rows = x.copy()
    tanh_rows(rows, rows.shape[0], rows.shape[1])
    return rows


def filled(loop, x):
    out = np.empty_like(x)
    loop(x, out)
    return out.astype(np.float64)


def draws(paths, channel, channels, normal, key=2024, number=0, layer=0):
    return rows_of(*(np.uint64(v) for v in (seed(key), number, layer, channel)), channels, normal, np.empty(paths, np.float32))


def test_errors_are_below_four_units_of_the_last_place():
    """The docstrings promise 4e-7; single precision rounds at 6e-8."""
    exact = np.tanh(SPREAD.astype(float))
    assert np.abs(filled(tanhs, SPREAD) / exact - 1).max() < 4e-7
    exact = np.log(OPEN.astype(float))
    assert np.abs(filled(logs, OPEN) / np.where(exact == 0, 1, exact) - (exact != 0)).max() < 4e-7
    for loop, function in ((sines, np.sin), (cosines, np.cos)):
        assert np.abs(filled(loop, TURNS) - function(2 * np.pi * TURNS.astype(float))).max() < 4e-7


def test_tanh_saturates_and_nan_stays_nan():
    assert filled(tanhs, np.array([-np.inf, -30, 30, np.inf], np.float32)).tolist() == [-1, -1, 1, 1]
    assert np.isnan(filled(tanhs, np.full(9, np.nan, np.float32))).all()


def test_the_precision_of_the_rows_decides_on_the_function():
    x = rng.normal(size=(2, 40))
    for dtype, bound in ((np.float64, 5e-16), (np.float32, 4e-7)):
        out = tanh_of(x.astype(dtype))
        assert out.dtype == dtype and np.abs(out / np.tanh(x.astype(dtype).astype(float)) - 1).max() < bound
    u = rows_of(*(np.uint64(v) for v in (9, 5, 3, 0)), 4, False, np.empty(50))
    assert u.tobytes() == philox.uniforms(9, 5, 50, 3, 4).tobytes()                # double: the very draws of `philox`


@pytest.mark.parametrize("counter, key, output", KNOWN)
def test_uniforms_are_made_of_the_published_words(counter, key, output):
    out = np.empty((4, 1), np.float32)
    number, seed = counter[0] | counter[1] << 32, key[0] | key[1] << 32
    philox_single.fill_four(*(np.uint64(v) for v in (seed, number, counter[2], counter[3])), False, 1, *out)
    for u, word in zip(out[:, 0], output):
        assert float(u) == (2 * (word >> 9) + 1) / 2**24


def test_draws_do_not_depend_on_how_paths_and_channels_are_cut():
    for normal in (False, True):
        whole = draws(700, 0, 12, normal)
        assert draws(100, 0, 12, normal, number=350).tobytes() == np.ascontiguousarray(whole[:, 350:450]).tobytes()
        assert draws(700, 8, 4, normal).tobytes() == whole[8:].tobytes() and draws(700, 0, 5, normal).tobytes() == whole[:5].tobytes()


@random(comparisons=20)
def test_uniforms_fill_the_interval_and_the_square_evenly(chance):
    """χ² with 1023 degrees, both tails; top ten bits, the next ten, pairs of channels; finds a non-centrality of 450 (see test_philox)."""
    u = draws(PATHS, 0, 4, False).astype(float)
    samples = [*u, *((u * 2**10) % 1), *[(np.floor(32 * a) + b) / 32 for a, b in itertools.combinations(u, 2)],
               *[(np.floor(32 * a) + b) / 32 for a, b in zip(u, draws(PATHS, 0, 4, False, layer=1).astype(float))],
               (np.floor(32 * u[0, :-1]) + u[0, 1:]) / 32, (np.floor(32 * u[0]) + draws(PATHS, 4, 4, False)[0].astype(float)) / 32]
    chance.squares([chi_square(sample, 1024) for sample in samples], 1023, detects=450)


@random(comparisons=24)
def test_normals_have_the_normal_distribution_function_and_are_uncorrelated(chance):
    """Kolmogorov–Smirnov finds an error of 0.011 in Φ anywhere; ten pairs of rows, themselves and squared, a correlation of 0.05."""
    z = draws(PATHS, 0, 4, True).astype(float)
    for row in z:
        chance.distribution(row, ndtr, detects=0.011)
        assert np.abs(row).max() < 5.8                     # √(−2 log 2⁻²⁴) = 5.77: no draw is beyond, whatever the seed
    for a, b in itertools.combinations([*z, draws(PATHS, 0, 1, True, layer=1)[0].astype(float)], 2):
        for first, second in ((a, b), (a**2 - 1, b**2 - 1)):
            chance.sample(first * second, 0.0, detects=0.05)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the instructions named are those of x86")
@pytest.mark.parametrize("loop", [tanhs, sines, cosines, logs])
def test_loops_are_compiled_to_packed_single_precision(loop):
    fresh = numba.njit(**compile._OPTIONS, fastmath=compile._CONTRACTED)(loop.py_func)
    fresh(np.full(8, 0.5, np.float32), np.empty(8, np.float32))
    code = "".join(fresh.inspect_asm().values())
    assert ("mulps" in code or "fmadd213ps" in code or "fmadd231ps" in code) and "cvtps2pd" not in code
