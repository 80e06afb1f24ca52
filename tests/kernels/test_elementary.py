"""Elementary functions, as inlined in a loop, against 40-digit decimal arithmetic."""

import platform
from decimal import Decimal, localcontext
from fractions import Fraction

import numba
import numpy as np
import pytest

from ocnet.kernels import compile, elementary
from ocnet.kernels.compile import kernel

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494")
rng = np.random.default_rng(3)
SPREAD = np.concatenate([s * rng.uniform(-1, 1, 150) for s in (1e-300, 1e-12, 1e-4, 0.3, 3, 20)])
RANGE = np.concatenate([SPREAD, rng.uniform(-708, 709, 300), [-708.0, 0.0, 709.0]])
POSITIVE = np.concatenate([np.exp(rng.uniform(-708, 709, 300)), 1 + SPREAD[300:600], 2.0 ** rng.integers(-1022, 1023, 50),
                           [np.sqrt(0.5), 1.0, 1 - 2**-53, 1 + 2**-52, 2.0**-53, 2.3e-308, 1.7e308]])
TURNS = np.concatenate([rng.random(600), rng.integers(0, 65, 40) / 64, 0.25 * rng.integers(0, 5, 40) + 1e-12 * rng.random(40)])
TURNS = np.minimum(TURNS, 1.0)


@kernel
def exps(x, out):
    for j in range(x.size):
        out[j] = elementary.exp(x[j])


@kernel
def tanhs(x, out):
    for j in range(x.size):
        out[j] = elementary.tanh(x[j])


@kernel
def logs(x, out):
    for j in range(x.size):
        out[j] = elementary.log(x[j])


@kernel
def sines(x, out):
    for j in range(x.size):
        out[j], _ = elementary.sine_cosine_of_turn(x[j])


@kernel
def cosines(x, out):
    for j in range(x.size):
        _, out[j] = elementary.sine_cosine_of_turn(x[j])


def filled(loop, x):
    out = np.empty_like(x)
    loop(x, out)
    return out


def decimal_tanh(x):
    if abs(x) < Decimal("1e-8"):                           # the series: (e²ˣ − 1) would lose what 60 digits hold
        return x - x**3 / 3
    e = (2 * x).exp()
    return (e - 1) / (e + 1)


def decimal_sine(turn, quarters=0):
    """sin of an exact turn + quarters/4, by its Taylor series about the nearest whole turn."""
    part = Fraction(turn) + Fraction(quarters, 4)
    part -= round(part)
    angle = 2 * PI * Decimal(part.numerator) / Decimal(part.denominator)
    term = total = angle
    for k in range(2, 60, 2):
        term *= -angle * angle / (k * (k + 1))
        total += term
    return total


def errors(loop, exact, x, relative):
    with localcontext() as context:
        context.prec = 60
        truth = [exact(Decimal(float(v))) for v in x]
        off = [abs(Decimal(float(v)) - t) for v, t in zip(filled(loop, x), truth)]
        return max(float(o / abs(t)) if relative and t != 0 else float(o) for o, t in zip(off, truth))


@pytest.mark.parametrize("loop, exact, x, bound", [
    (exps, Decimal.exp, RANGE, 2.0**-52),                  # the bounds are those that the docstrings promise
    (tanhs, decimal_tanh, SPREAD, 5e-16),
    (logs, Decimal.ln, POSITIVE, 4e-16)], ids=["exp", "tanh", "log"])
def test_relative_error_is_as_promised(loop, exact, x, bound):
    assert errors(loop, exact, x, relative=True) < bound


@pytest.mark.parametrize("loop, quarters", [(sines, 0), (cosines, 1)], ids=["sine", "cosine"])
def test_sine_and_cosine_of_a_turn_err_by_less_than_4e_16(loop, quarters):
    assert errors(loop, lambda u: decimal_sine(u, quarters), TURNS, relative=False) < 4e-16


def test_quarter_turns_are_exact():
    turns = np.arange(5) / 4
    assert filled(sines, turns).tolist() == [0, 1, 0, -1, 0]
    assert filled(cosines, turns).tolist() == [1, 0, -1, 0, 1]


def test_exp_saturates_without_overflow_and_tanh_at_one():
    far = np.array([-1e308, -709.0, 710.0, 1e308, np.inf, -np.inf])
    assert np.isfinite(filled(exps, far)).all() and (filled(exps, far) > 0).all()
    assert filled(tanhs, far).tolist() == [-1, -1, 1, 1, 1, -1]


def test_nan_stays_nan():
    nan = np.full(9, np.nan)                               # nine: a SIMD body and a scalar rest
    assert np.isnan(filled(exps, nan)).all() and np.isnan(filled(tanhs, nan)).all()


@pytest.mark.parametrize("loop", [exps, tanhs, sines, cosines])
def test_simd_body_and_scalar_rest_give_the_same_bits(loop, size=64):
    x = rng.random(size)
    whole = filled(loop, x)
    assert all(filled(loop, x[j:j + 1].copy())[0] == whole[j] for j in range(size))


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the instructions named are those of x86")
@pytest.mark.parametrize("loop", [exps, tanhs, sines, cosines, logs])
def test_loops_over_the_functions_are_compiled_to_packed_arithmetic(loop):
    """No timed test: a loop that fell back to one number at a time shows no packed multiplication or FMA."""
    fresh = numba.njit(**compile._OPTIONS, fastmath=compile._CONTRACTED)(loop.py_func)      # a cached kernel shows no code
    filled(fresh, np.full(8, 0.5))
    code = "".join(fresh.inspect_asm().values())
    assert "mulpd" in code or "fmadd213pd" in code or "fmadd231pd" in code
