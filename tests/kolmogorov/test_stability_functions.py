"""One step of u' = (λ_0 + λ_1 + … ) u, λ_0 of the mixed part: each scheme multiplies u by its published stability function."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from ocnet.kolmogorov.schemes import TRBDF2, CraigSneyd, CrankNicolson, Douglas, Explicit, HundsdorferVerwer, ModifiedCraigSneyd, Monotone

ROUNDING = 1e-12              # some thirty operations on numbers below 1e2, divided by differences 1 − θz of at least ½


@dataclass
class Numbers:
    """An operator of numbers: `mixed_rate` for A_0, `rates` for A_1, A_2, …"""

    mixed_rate: complex
    rates: tuple

    @property
    def axes(self):
        return len(self.rates)

    def apply(self, u):
        return (self.mixed_rate + sum(self.rates)) * u

    rate = apply

    def mixed(self, u):
        return self.mixed_rate * u

    def stage(self, i, y, u, s):
        return (y - s * self.rates[i] * (0.0 if u is None else u)) / (1 - s * self.rates[i])


def _split(scheme, z0, z):
    return z0 + sum(z), np.prod([1 - scheme.theta * part for part in z])


def douglas(scheme, z0, z):                            # this and the next three: In 't Hout & Welfert (2007, 2009)
    total, p = _split(scheme, z0, z)
    return 1 + total / p


def craig_sneyd(scheme, z0, z):
    total, p = _split(scheme, z0, z)
    return 1 + total / p + 0.5 * z0 * total / p**2


def modified_craig_sneyd(scheme, z0, z):
    total, p = _split(scheme, z0, z)
    return 1 + total / p + (scheme.theta * z0 + (0.5 - scheme.theta) * total) * total / p**2


def hundsdorfer_verwer(scheme, z0, z):
    total, p = _split(scheme, z0, z)
    return 1 + 2 * total / p - total / p**2 + 0.5 * total**2 / p**2


def crank_nicolson(scheme, z0, z):
    return (1 + (1 - scheme.theta) * z[0]) / (1 - scheme.theta * z[0])


def tr_bdf2(scheme, z0, z):                            # Bank et al. (1985): the trapezoidal rule to γ, then BDF2 on the uneven steps γ, 1 − γ
    g, (z,) = 2 - np.sqrt(2), z
    trapezoidal = (1 + 0.5 * g * z) / (1 - 0.5 * g * z)
    return (trapezoidal / (g * (2 - g)) - (1 - g) ** 2 / (g * (2 - g))) / (1 - (1 - g) / (2 - g) * z)


CASES = [(Douglas(), douglas, 2), (Douglas(theta=0.8), douglas, 3), (CraigSneyd(), craig_sneyd, 2), (CraigSneyd(theta=0.7), craig_sneyd, 3),
         (ModifiedCraigSneyd(), modified_craig_sneyd, 2), (ModifiedCraigSneyd(theta=0.4), modified_craig_sneyd, 3),
         (HundsdorferVerwer(), hundsdorfer_verwer, 2), (HundsdorferVerwer(theta=0.6), hundsdorfer_verwer, 3),
         (CrankNicolson(), crank_nicolson, 1), (CrankNicolson(theta=1.0), crank_nicolson, 1), (TRBDF2(), tr_bdf2, 1),
         (Explicit(), lambda scheme, z0, z: sum((z0 + sum(z)) ** k / [1, 1, 2, 6, 24][k] for k in range(5)), 2),
         (Monotone(), lambda scheme, z0, z: 1 + (z0 + sum(z)) + 0.5 * (z0 + sum(z)) ** 2, 2)]


def _numbers(axes, seed):
    """Left half-plane for the axes, anything for the mixed part, none of it in one dimension."""
    rng = np.random.default_rng(seed)
    z = tuple(-rng.uniform(0, 3, axes) + 1j * rng.normal(size=axes))
    return (rng.normal() + 1j * rng.normal() if axes > 1 else 0.0), z


@pytest.mark.parametrize("scheme, published, axes", CASES, ids=[repr(scheme) for scheme, _, _ in CASES])
def test_a_step_is_the_published_stability_function(scheme, published, axes, dt=0.37):
    for seed in range(5):
        z0, z = _numbers(axes, seed)
        stepped = scheme.step(Numbers(z0 / dt, tuple(part / dt for part in z)), 1.0 + 0.0j, dt)
        assert abs(stepped - published(scheme, z0, z)) < ROUNDING


@pytest.mark.parametrize("scheme, published, axes", CASES, ids=[repr(scheme) for scheme, _, _ in CASES])
def test_published_functions_have_the_order_that_schemes_state(scheme, published, axes, h=1e-3):
    """R(z) = e^z + O(h^{order + 1}), in exact arithmetic 1 h³ at most for these numbers; where θ or the mixed part lowers it, by h only."""
    z0, z = _numbers(axes, 9)
    plain = scheme in (type(scheme)(), Explicit(), Monotone())
    order = 2 if plain and (z0 == 0 or not isinstance(scheme, Douglas)) else 1
    gap = abs(published(scheme, h * z0, tuple(h * part for part in z)) - np.exp(h * (z0 + sum(z))))
    size = (abs(z0) + np.abs(z).sum()) ** (order + 1)
    assert gap < size * h ** (order + 1)


@pytest.mark.parametrize("scheme", [HundsdorferVerwer(damped=2), CrankNicolson()], ids=repr)
def test_damped_steps_are_two_half_steps_of_implicit_euler_with_the_mixed_part_explicit(scheme, dt=0.37):
    z0, z = _numbers(2 if isinstance(scheme, HundsdorferVerwer) else 1, 3)
    half = (1 + 0.5 * z0) / np.prod([1 - 0.5 * part for part in z])
    assert abs(scheme.start(Numbers(z0 / dt, tuple(part / dt for part in z)), 1.0 + 0.0j, dt) - half**2) < ROUNDING


def test_a_scheme_with_another_constant_would_be_caught(dt=0.37):
    z0, z = _numbers(2, 0)
    numbers = Numbers(z0 / dt, tuple(part / dt for part in z))
    for scheme, published, axes in CASES:
        if axes == 2 and hasattr(scheme, "theta"):
            assert abs(replace(scheme, theta=scheme.theta + 1e-6).step(numbers, 1.0 + 0.0j, dt) - published(scheme, z0, z)) > 1e3 * ROUNDING
