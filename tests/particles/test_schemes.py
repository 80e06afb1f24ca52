"""Schemes against the laws of the equations they approximate: weak orders without sampling noise, strong ones on coupled paths."""

import numpy as np
import pytest
from scipy.stats import norm

from ocnet.kernels import philox
from ocnet.particles import estimate, euler_maruyama, schemes
from ocnet.particles.schemes import EulerMaruyama, Milstein, Platen
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion
from tests.chance import random, seed
from tests.particles.exact_laws import (
    T,
    expectation_of_steps_on_the_circle,
    expectation_on_the_circle,
    linear,
    observed_orders,
    on_the_circle,
    second_moments,
    second_moments_of_steps,
)

MEMBERS = [getattr(schemes, name).example() for name in schemes.__all__ if name[0].isupper()]
every_scheme = pytest.mark.parametrize("scheme", MEMBERS, ids=repr)
NOISES = {"additive": 0.6, "commutative": lambda x: 0.6 + 0.4 * np.sin(x)}
SMALL = 0.2                          # the next term of an error c dt^r (1 + b dt) at the last of five doublings: order off by b dt/ln 2


def errors_in_moments(scheme, wave, change=lambda xi: xi, steps=(8, 16, 32, 64)):
    exact = second_moments(wave)
    return [np.abs(second_moments_of_steps(scheme.layered(linear(wave), T, n, 2), change) - exact).max() for n in steps]


@every_scheme
@pytest.mark.parametrize("wave", [0.0, 0.5])
def test_second_moments_of_a_linear_equation_with_non_commuting_noise_have_the_stated_weak_order(scheme, wave):
    assert abs(observed_orders(errors_in_moments(scheme, wave))[-1] - scheme.weak_order["general"]) < SMALL


@every_scheme
@pytest.mark.parametrize("noise", NOISES)
def test_expectations_on_the_circle_have_the_stated_weak_order(scheme, noise):
    diffusion = on_the_circle(NOISES[noise])
    exact = expectation_on_the_circle(diffusion)
    errors = [np.abs(expectation_of_steps_on_the_circle(scheme.layered(diffusion, T, n, 1)) - exact).max() for n in (8, 16, 32, 64)]
    assert abs(observed_orders(errors)[-1] - scheme.weak_order[noise]) < SMALL


def test_platens_scheme_without_the_signs_or_with_time_stood_still_would_be_caught():
    """What must fail: V = 0, and V of one sign, lose order 2 where noise does not commute; coefficients frozen in time do too."""
    for sign in (0.0, 1.0):
        errors = errors_in_moments(Platen(), 0.0, lambda xi: np.concatenate([xi[:2], np.full_like(xi[2:], sign)]))
        assert observed_orders(errors)[-1] < 1.3

    class Still(Platen):
        def step(self, diffusion, t, dt, x, xi):
            still = Diffusion(lambda s, y: diffusion.drift(t, y), lambda s, y: diffusion.factor(t, y), 2)
            return super().step(still, t, dt, x, xi)

    assert observed_orders(errors_in_moments(Still(), 0.5))[-1] < 1.3


def ends_on_one_path(scheme, diffusion, steps, channels, paths=10_000, finest=128):
    """Ends from (1, …, 1) on Brownian paths drawn in `finest` increments; a scheme's other channels are drawn apart."""
    process = scheme.layered(diffusion, T, steps, channels)
    x, share = np.ones((diffusion.dim, paths)), finest // steps
    for n in range(steps):
        xi = sum(philox.normals(seed(5), 0, paths, n * share + k, channels) for k in range(share)) / np.sqrt(share)
        x = process.step(n, x, np.concatenate([xi, process.law_at(n).draw(seed(6 + steps), 0, paths, n)[channels:]]))
    return x


STRONG = {
    "additive": (Diffusion(lambda t, x: np.sin(2 * x), np.diag([0.8, 0.5]), 2), 2),
    "commutative": (Diffusion(lambda t, x: -x, lambda t, x: np.einsum("ni,ij->nij", 0.7 * x, np.eye(2)), 2), 2),
    "general": (linear(), 2),
}


@every_scheme
@pytest.mark.parametrize("noise", STRONG)
@random()
def test_paths_converge_with_the_stated_strong_order(scheme, noise, chance):
    """Two levels on one Brownian path differ by c dt^r in mean square.

    Mean squares over 10 000 paths have a relative deviation below 5 % (kurtosis below 25), an order over three doublings one of
    0.024: six of them, 0.144; the rest is for the next term.  Orders ½ and 1 are told apart.
    """
    chance.spends(2 * norm.sf(6))
    diffusion, channels = STRONG[noise]
    ends = [ends_on_one_path(scheme, diffusion, n, channels) for n in (8, 16, 64, 128)]
    apart = [np.sqrt(((a - b) ** 2).mean()) for a, b in (ends[:2], ends[2:])]
    assert abs(np.log2(apart[0] / apart[1]) / 3 - scheme.strong_order[noise]) < 0.2


def test_milsteins_step_is_the_euler_maruyama_step_where_the_factor_does_not_depend_on_the_state():
    for factor in (np.array([[0.5, 0.1], [0.0, 0.3]]), lambda t, x: np.full((len(x), 2, 2), 0.3 + t)):
        diffusion = Diffusion(lambda t, x: np.sin(x), factor, 2)
        x, xi = philox.normals(1, 0, 100, 0, 2), philox.normals(2, 0, 100, 0, 2)
        steps = [s.layered(diffusion, T, 3, 2).step(1, x, xi) for s in (EulerMaruyama(), Milstein())]
        assert (steps[0] == steps[1]).all()


@every_scheme
@pytest.mark.parametrize("diffusion", [linear(0.5), STRONG["additive"][0]], ids=["linear", "additive"])
def test_the_mean_of_a_step_is_what_it_says_or_none(scheme, diffusion):
    process, x = scheme.layered(diffusion, T, 4, 2), np.array([[0.3, -1.0], [0.7, 0.2]])
    transition, mean = process.transition(1, x, order=5), process.mean_step(1, x)
    if isinstance(scheme, Platen):
        assert mean is None
    else:                                                    # 25 weights, each product rounded: ulps of 1
        assert np.abs(np.tensordot(transition.weights, transition.feet, 1) - mean).max() < 1e-14


@every_scheme
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_coefficients_that_jump_at_a_break_are_not_seen_before_it(scheme, steps):
    process = Diffusion(lambda t, x: np.full_like(x, 1.0 if t < 0.3 else -4.0), np.zeros((1, 0)), 1, breaks=(0.3,))
    layers = scheme.layered(process, 1.0, steps)
    assert 0.3 in layers.times and layers.layers >= steps
    result = estimate(KolmogorovProblem(process, lambda x: x[:, 0], 1.0), [[2.0]], 2, steps, scheme=scheme)
    assert abs(result.value[0] - (2 + 0.3 - 4 * 0.7)) < 4e-15               # at most eight roundings of numbers up to 2.3


def test_the_function_and_the_class_are_one_scheme():
    process = linear()
    a, b = euler_maruyama(process, T, 5, 2), EulerMaruyama().layered(process, T, 5, 2)
    x = np.ones((2, 3))
    assert (a.step(2, x, x) == b.step(2, x, x)).all() and (a.times == b.times).all()


@every_scheme
@pytest.mark.parametrize("wrong, message", [
    ({"drift": lambda t, x: x[:, :1]}, r"drift returned shape \(1, 1\).*expected \(1, 2\)"),
    ({"drift": lambda t, x: np.where(x > 3, np.nan, x)}, r"drift is not finite at t=0.*x=\[5.0, 5.0\]"),
    ({"factor": lambda t, x: x}, "factor returned shape"),
    ({"factor": lambda t, x: np.full((len(x), 2, 2), np.inf)}, r"factor is not finite at t=0, x=\[5.0, 5.0\]")])
def test_coefficients_of_a_wrong_shape_or_value_are_reported_with_the_point(scheme, wrong, message):
    parts = {"drift": lambda t, x: x, "factor": lambda t, x: np.stack([x, x], axis=2), **wrong}
    process = scheme.layered(Diffusion(parts["drift"], parts["factor"], 2), T, 4, 2)
    with pytest.raises(ValueError, match=message):
        process.step(0, np.full((2, 1), 5.0), np.zeros((process.law.channels, 1)))


@every_scheme
def test_wrong_steps_and_channels_are_refused_by_name(scheme):
    with pytest.raises(ValueError, match="steps=0"):
        scheme.layered(linear(), T, 0, 2)
    with pytest.raises(ValueError, match="channels=None"):
        scheme.layered(linear(), T, 4)
