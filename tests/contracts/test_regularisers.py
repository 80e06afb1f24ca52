"""Laws of every regulariser."""

import numpy as np
import pytest

from ocnet.training import regularisers
from ocnet.training.regularisers import DepthSmoothness, Tikhonov

MEMBERS = [getattr(regularisers, name).example() for name in regularisers.__all__]
every_regulariser = pytest.mark.parametrize("penalty", MEMBERS, ids=repr)


def theta(rng, layers=7, width=5, tail=3):
    return rng.normal(size=(layers, width)), rng.normal(size=tail)


def along(penalty, point, direction, step, horizon=1.7):
    return penalty.value(*(p + step * d for p, d in zip(point, direction)), horizon)


@every_regulariser
def test_taylor_remainder_is_the_quadratic_form_itself(penalty):
    # R is quadratic: R(θ + h δ) − R(θ) − h ∇R·δ = h² R(δ) for every h; rounding: 40 terms × ulp of numbers below 100
    rng = np.random.default_rng(0)
    point, direction = theta(rng), theta(rng)
    slope = sum((g * d).sum() for g, d in zip(penalty.gradient(*point, 1.7), direction))
    for h in (1.0, 0.1, 0.01):
        remainder = along(penalty, point, direction, h) - along(penalty, point, direction, 0) - h * slope
        assert remainder == pytest.approx(h * h * penalty.value(*direction, 1.7), abs=1e-13 * penalty.weight * 100)


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

    # a Riemann sum of a smooth integrand: the change halves with the step; ratios 2 ± O(1/64)
    first, second = value(64) - value(128), value(128) - value(256)
    assert first / second == pytest.approx(2, abs=4 / 64)


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


@pytest.mark.parametrize("family", [Tikhonov, DepthSmoothness])
@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_a_weight_that_is_no_weight_is_refused(family, weight):
    with pytest.raises(ValueError, match="weight="):
        family(weight)
