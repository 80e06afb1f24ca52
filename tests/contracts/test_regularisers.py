"""Laws of every regulariser."""

import numpy as np
import pytest

from ocnet.training import regularisers
from ocnet.training.regularisers import L1, DepthSmoothness, Tikhonov
from ocnet.training.regularisers.regulariser import Regulariser

MEMBERS = [getattr(regularisers, name).example() for name in regularisers.__all__]
every_regulariser = pytest.mark.parametrize("penalty", MEMBERS, ids=repr)


def theta(rng, layers=7, width=5, tail=3):
    return rng.normal(size=(layers, width)), rng.normal(size=tail)


def along(penalty, point, direction, step, horizon=1.7):
    return penalty.value(*(p + step * d for p, d in zip(point, direction)), horizon)


def dot(one, other):
    return sum((a * b).sum() for a, b in zip(one, other))


@every_regulariser
def test_penalty_is_homogeneous_of_its_degree(penalty):
    rng = np.random.default_rng(3)
    point = theta(rng)
    value = penalty.value(*point, 1.7)
    assert penalty.degree in (1, 2) and value > 0
    for s in (0.0, 0.3, 2.0):
        assert along(penalty, point, point, s - 1) == pytest.approx(s**penalty.degree * value, rel=1e-13, abs=1e-16 * value)
    # Euler: θ·∇R = degree · R; sums of 40 terms of one sign, or (differences in depth) of some ten times their sum
    assert dot(point, penalty.gradient(*point, 1.7)) == pytest.approx(penalty.degree * value, rel=1e-12)


@every_regulariser
def test_gradient_is_the_derivative_where_no_number_is_zero(penalty):
    rng = np.random.default_rng(4)
    point, direction, h = theta(rng), theta(rng), 1e-5                # no entry of θ is within 4e-5 of a kink at 0 along the way
    assert min(np.abs(p).min() for p in point) > 4 * h
    slope = (along(penalty, point, direction, h) - along(penalty, point, direction, -h)) / (2 * h)
    # R is quadratic or linear within ±h, so only rounding is left: five ulp of R over h
    assert slope == pytest.approx(dot(penalty.gradient(*point, 1.7), direction), abs=5 * np.finfo(float).eps * penalty.value(*point, 1.7) / h)


@every_regulariser
def test_gradient_is_a_subgradient_everywhere(penalty):
    # R(z) ≥ R(θ) + ∇R(θ)·(z − θ), for θ and z with zeros among their numbers
    rng = np.random.default_rng(5)
    for _ in range(20):
        point, other = (tuple(p * (rng.uniform(size=p.shape) < 0.6) for p in theta(rng)) for _ in range(2))
        support = penalty.value(*point, 1.7) + dot(penalty.gradient(*point, 1.7), [b - a for a, b in zip(point, other)])
        assert penalty.value(*other, 1.7) >= support - 1e-13 * penalty.weight * 100       # rounding: 40 terms below 100


@pytest.mark.parametrize("penalty", [m for m in MEMBERS if m.degree == 2], ids=repr)
def test_taylor_remainder_is_the_quadratic_form_itself(penalty):
    # R is quadratic: R(θ + h δ) − R(θ) − h ∇R·δ = h² R(δ) for every h; rounding: 40 terms × ulp of numbers below 100
    rng = np.random.default_rng(0)
    point, direction = theta(rng), theta(rng)
    slope = dot(penalty.gradient(*point, 1.7), direction)
    for h in (1.0, 0.1, 0.01):
        remainder = along(penalty, point, direction, h) - along(penalty, point, direction, 0) - h * slope
        assert remainder == pytest.approx(h * h * penalty.value(*direction, 1.7), abs=1e-13 * penalty.weight * 100)


@pytest.mark.parametrize("penalty", [m for m in MEMBERS if m.degree == 1], ids=repr)
def test_prox_is_the_minimum_it_says(penalty):
    # z minimises ½|z − θ|² + step R(z) just if (θ − z)/step is a subgradient at z: R(w) ≥ R(z) + (θ − z)·(w − z)/step for all w
    rng, step, horizon = np.random.default_rng(6), 900.0, 1.7             # thresholds 0.9 · 1.7/7 in depth and 0.9 in the tail
    point = theta(rng)
    nearest = penalty.prox(*point, horizon, step)
    force = [(p - z) / step for p, z in zip(point, nearest)]
    assert any((z == 0).any() for z in nearest) and any((z != 0).any() for z in nearest)
    trials = [theta(rng) for _ in range(20)] + [tuple(z + 1e-3 * d for z, d in zip(nearest, theta(rng))) for _ in range(20)]
    for other in trials:
        support = penalty.value(*nearest, horizon) + dot(force, [w - z for w, z in zip(other, nearest)])
        assert penalty.value(*other, horizon) >= support - 1e-15        # sums below 0.1: some ulps of 1e-17


@every_regulariser
def test_gradient_has_the_shapes_of_its_arguments_and_leaves_them_alone(penalty):
    layers, tail = theta(np.random.default_rng(1))
    before = layers.copy(), tail.copy()
    in_layers, in_tail = penalty.gradient(layers, tail, 1.0)
    assert in_layers.shape == layers.shape and in_tail.shape == tail.shape
    in_layers += 1                                           # would show if a gradient were a view of its argument
    in_tail += 1
    assert (layers == before[0]).all() and (tail == before[1]).all()


@every_regulariser
@pytest.mark.parametrize("layers, tail", [(1, 3), (4, 0)])
def test_one_layer_and_an_empty_tail_are_allowed(penalty, layers, tail):
    point = theta(np.random.default_rng(2), layers=layers, tail=tail)
    assert penalty.value(*point, 1.0) >= 0
    assert all(np.isfinite(g).all() for g in penalty.gradient(*point, 1.0))


@every_regulariser
def test_halving_the_layer_step_of_a_smooth_control_changes_the_penalty_by_the_order_of_the_step(penalty):
    def value(layers):
        t = np.arange(layers) / layers
        return penalty.value(np.sin(2 * t + 1)[:, None], np.zeros(0), 1.0) / penalty.weight

    # a Riemann sum of a smooth integrand is a series in 1/N: ratios of changes are 2 + c/N + O(1/N²) with any c, so 2 r(2N) − r(N) is 2 but for the
    # square of the first deviation and the next term, for which each derivative of sin 2t is twice the last: 2³/64²
    changes = [value(n) - value(2 * n) for n in (64, 128, 256)]
    ratio, finer = changes[0] / changes[1], changes[1] / changes[2]
    assert abs(ratio - 2) < 0.25                                          # no other whole order
    assert 2 * finer - ratio == pytest.approx(2, abs=(ratio - 2) ** 2 + 8 / 64**2)


@pytest.mark.parametrize("horizon", [1.0, 2.5])
def test_tikhonov_is_the_integral_of_the_square_and_depth_smoothness_that_of_the_slope(horizon):
    layers, tail = 20, np.array([3.0, 4.0])
    t = np.arange(layers) * horizon / layers
    ramp = np.stack([2 * t, np.full(layers, 0.5)], axis=1)
    # ∫ |θ|² = dt Σ (4 t² + ¼), and |tail|² = 25
    assert Tikhonov(0.3).value(ramp, tail, horizon) == pytest.approx(
        0.15 * (horizon * np.mean(4 * t**2 + 0.25) + 25), rel=1e-14)
    # θ' = (2, 0) on the layers − 1 intervals between layers
    assert DepthSmoothness(0.3).value(ramp, tail, horizon) == pytest.approx(
        0.15 * 4 * horizon * (layers - 1) / layers, rel=1e-13)


@pytest.mark.parametrize("family", [type(m) for m in MEMBERS])
@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_a_weight_that_is_no_weight_is_refused(family, weight):
    with pytest.raises(ValueError, match=f"weight=.* of {family.__name__}"):
        family(weight)


def test_l1_is_the_integral_of_the_absolute_values_and_its_prox_the_soft_threshold():
    layers, tail, horizon = np.array([[1.0, -2.0], [0.0, 0.25]]), np.array([-3.0, 0.5]), 4.0
    penalty = L1(0.5)
    assert penalty.value(layers, tail, horizon) == 0.5 * (2 * 3.25 + 3.5)            # dt = 2
    in_layers, in_tail = penalty.gradient(layers, tail, horizon)
    assert np.array_equal(in_layers, [[1, -1], [0, 1]]) and np.array_equal(in_tail, [-0.5, 0.5])
    # step 1: thresholds 1 · 0.5 · 2 in the layers, 0.5 in the tail
    in_layers, in_tail = penalty.prox(layers, tail, horizon, 1.0)
    assert np.array_equal(in_layers, [[0, -1], [0, 0]]) and np.array_equal(in_tail, [-2.5, 0])
    assert all(np.array_equal(a, b) for a, b in zip(penalty.prox(layers, tail, horizon, 0.0), (layers, tail)))
    with pytest.raises(ValueError, match="step=-1"):
        penalty.prox(layers, tail, horizon, -1)


def test_a_regulariser_without_a_degree_is_refused_when_its_class_is_made():
    with pytest.raises(TypeError, match="Ridge declares no degree"):
        type("Ridge", (Regulariser,), {})
