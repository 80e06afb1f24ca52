"""Weak orders of the layers against ODE, Itô limit, modified equation and jump process, on periodic problems without sampling noise."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import expm

from ocnet.analysis import weak_order
from ocnet.analysis.periodic import PeriodicGrid
from ocnet.networks import ResidualNetwork
from ocnet.networks import noise as family
from ocnet.networks.blocks import Affine, Perceptron, Sine
from ocnet.process import Diffusion

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import weak_order as experiment

DEEP = (64, 128, 256)
NATURAL = [case for case in experiment.PANELS["natural scaling"] if case[3] == ("ode", "itô", "modified")]
DIFFUSIVE = experiment.PANELS["diffusive scaling"]


def order_of(case, against, layers=DEEP, nodes=65):
    _, network, numbers, _ = case
    return weak_order(network, numbers, against, layers, nodes)


@pytest.mark.parametrize("case", NATURAL, ids=lambda case: case[0])
def test_natural_scaling_has_order_1_to_ode_and_itô_and_2_to_the_modified_equation(case):
    """Orders approach 1 and 2 from below like 1 − c/N: 0.97 and 1.95 at 256 layers where c is at most 8 and 13."""
    for against in ("ode", "itô"):
        assert 0.97 < order_of(case, against).order < 1.02
    assert 1.95 < order_of(case, "modified").order < 2.05


@pytest.mark.parametrize("case", [case for case in DIFFUSIVE if not callable(case[1])], ids=lambda case: case[0])
def test_diffusive_scaling_has_the_stated_order(case):
    """1 without skewness, ½ with it, and what must fail: a skewed model taken for an unskewed one."""
    stated = case[1].noise.weak_order["itô"]
    measured = order_of(case, "itô").order
    assert abs(measured - stated) < (0.03 if stated == 1 else 0.06)


def test_skewness_that_falls_with_the_root_of_dt_restores_order_1():
    assert abs(order_of(DIFFUSIVE[-1], "itô").order - 1) < 0.03


def test_additive_normal_noise_has_order_2_to_its_modified_equation():
    assert 1.98 < order_of(DIFFUSIVE[0], "modified").order < 2.02


@pytest.mark.parametrize("noise", [family.OutputDropout(0.5), family.StochasticDepth(0.5, schedule="linear")], ids=repr)
def test_numbers_that_change_from_layer_to_layer_keep_order_2(noise):
    """Even at random: each layer is matched by itself, so no smoothness in depth is needed.  (Orders are 2 − c/N: 1.93 for c up to 9.)"""
    network = ResidualNetwork(Sine(2), noise, 1, dim=1)

    def rough(n, layers):
        numbers = experiment.LINE.copy()
        numbers[4:] *= np.random.default_rng(n + 1000 * layers).uniform(0.5, 1.5, 3)
        return numbers

    smooth = weak_order(network, experiment.moving, "modified", (64, 128), 49)
    assert smooth.order > 1.93
    errors = weak_order(network, rough, "modified", (16, 64), 49).errors
    assert errors[1] < errors[0] / 10                                   # 16 for order 2 but for luck, 4 for order 1


@pytest.mark.parametrize("case", experiment.PANELS["in the plane"], ids=lambda case: case[0])
def test_only_the_right_correlation_of_the_noise_has_order_2_in_the_plane(case):
    measured = order_of(case, case[3][0], (32, 64), 21).order
    assert measured > 1.85 if case[3] == ("modified",) else 0.8 < measured < 1.1


def test_a_mask_before_the_nonlinearity_changes_the_drift_at_any_depth():
    case = experiment.PANELS["natural scaling"][-1]
    errors = order_of(case, experiment.without_masks, (32, 64)).errors
    assert errors.min() > 0.1 and abs(np.log2(errors[0] / errors[1])) < 0.05


def test_layers_need_not_double_and_an_equation_of_ones_own_need_not_know_the_network():
    case = DIFFUSIVE[0]
    assert 0.95 < weak_order(case[1], case[2], "itô", (20, 60, 180)).order < 1.05
    plain = weak_order(case[1], case[2], lambda network, theta: Diffusion(network.diffusion(theta).drift, [[0.5]], 1), (20, 40))
    assert np.abs(plain.errors / weak_order(case[1], case[2], "itô", (20, 40)).errors - 1).max() < 1e-6


def test_strong_dropout_jumps():
    """Order 1 to the compound Poisson process; to the diffusion of the same variance the error stays."""
    case, = experiment.PANELS["strong dropout"]
    jump, stalled = order_of(case, "jump"), order_of(case, experiment.diffusion_of_size_s)
    assert abs(jump.order - 1) < 0.02
    assert stalled.errors[-1] > 0.9 * stalled.errors[-2] > 1e-2


@pytest.mark.parametrize("noise, per_layer, rate", [
    (family.StateGaussian(0.5), lambda dt: (1 - 0.8 * dt) ** 2 + 0.25 * dt, -1.6 + 0.25),
    (family.OutputDropout(0.7), lambda dt: (1 - 0.8 * dt) ** 2 + 0.64 * dt**2 * 3 / 7, None),
    (family.StateGaussian(0.5, "natural"), lambda dt: (1 - 0.8 * dt) ** 2 + 0.25 * dt**2, None)], ids=["state", "dropout", "state, natural"])
def test_second_moments_of_linear_layers_and_equations_are_known(noise, per_layer, rate):
    """MATH R6: E X_N² = x² (E(1 + increment)²)^N and of dX = aX dt + bX dB: exp((2a + b²) T), by the coefficients given out."""
    network = ResidualNetwork(Affine(), noise, 64, dim=1)
    theta = network.control.zeros()
    network.control.depth(theta)[:, 0] = -0.8
    process, x = network.layered(theta), np.array([[1.0]])
    nodes, weights = process.law.quadrature(5)
    steps = np.array([process.step(0, x, node[:, None])[0, 0] for node in nodes])
    assert abs(weights @ steps**2 - per_layer(network.dt)) < 1e-15
    layers = per_layer(network.dt) ** 64

    def moment(order):
        diffusion = network.diffusion(theta, order)
        return np.exp(2 * diffusion.drift_rows(0.0, x)[0, 0] + (diffusion.factor_rows(0.0, x)[0] ** 2).sum())

    if rate is not None:
        assert abs(moment(1) - np.exp(rate)) < 1e-14
    assert 1e-4 < abs(moment(1) / layers - 1) < 0.03                    # order 1: terms of size dt
    if noise.weak_order["modified"]:
        assert abs(moment(2) / layers - 1) < 1e-4                       # order 2: dt² = 2.4e-4 times a third


def test_periodic_grid_differentiates_shifts_and_smooths_exactly():
    """On trigonometric polynomials it holds: rounding of sums of 15² terms."""
    grid = PeriodicGrid(15, 2)
    x, y = grid.points

    def values(x, y):
        return np.sin(2 * x - y) + np.cos(3 * y)

    assert np.abs(grid.at(grid.points + np.array([[0.3], [1.1]])) @ values(x, y) - values(x + 0.3, y + 1.1)).max() < 1e-12
    first, second = grid._derivatives
    assert np.abs(first[1] @ values(x, y) + np.cos(2 * x - y) + 3 * np.sin(3 * y)).max() < 1e-12
    assert np.abs(second[0, 1] @ values(x, y) - 2 * np.sin(2 * x - y)).max() < 1e-12
    with pytest.raises(ValueError, match="nodes=16 is even"):
        PeriodicGrid(16, 1)


def test_the_generator_of_a_constant_equation_is_the_heat_equation_moving():
    network = ResidualNetwork(Sine(1), family.Gaussian(0.7), 2, dim=1)
    numbers = np.array([1.0, 0.0, 0.0, 0.4])
    theta = network.control.zeros()
    network.control.depth(theta)[:] = numbers
    grid = PeriodicGrid(15, 1)
    u = expm(grid.generator(network.diffusion(theta), 0.1)) @ np.sin(2 * grid.points[0])
    assert np.abs(u - np.exp(-0.5 * 0.49 * 4) * np.sin(2 * (grid.points[0] + 0.4))).max() < 1e-12


@pytest.mark.parametrize("call, words", [
    (lambda: weak_order(ResidualNetwork(Perceptron(2), family.Gaussian(0.1), 2), np.zeros(12)), "not periodic; use Sine"),
    (lambda: weak_order(ResidualNetwork(Sine(2), family.StateGaussian(0.3), 2, dim=1), experiment.LINE), "not of period"),
    (lambda: weak_order(ResidualNetwork(Sine(2), family.InputDropout(0.6), 2, dim=1), experiment.LINE), "not of period"),
    (lambda: weak_order(DIFFUSIVE[0][1], 1.1 * experiment.LINE), "whole frequencies"),
    (lambda: weak_order(DIFFUSIVE[0][1], [0.5]), "has 7 numbers"),
    (lambda: weak_order(DIFFUSIVE[0][1], experiment.LINE, functional=lambda x: x[0] ** 2), "functional is not of period"),
    (lambda: weak_order(DIFFUSIVE[0][1], experiment.LINE, functional=lambda x: 1.0), "functional returned shape"),
    (lambda: weak_order(DIFFUSIVE[0][1], experiment.LINE, layers=(8,)), "shows no order"),
    (lambda: weak_order(DIFFUSIVE[0][1], experiment.LINE, "ito", (2, 4)), "against='ito'"),
    (lambda: weak_order(DIFFUSIVE[1][1], experiment.LINE, "modified", (2, 4)), "no second-order")])
def test_what_cannot_be_measured_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_experiment_writes_table_json_and_figure(tmp_path):
    summary = experiment.main(["--doublings", "2", "--nodes", "33", "--out", str(tmp_path)])
    assert {p.name for p in tmp_path.iterdir()} == {"weak_order.json", "weak_order.png"}
    assert len(summary["lines"]) > 50 and set(summary["cases"]) == set(experiment.PANELS)
    with pytest.raises(ValueError, match="--doublings 1"):
        experiment.main(["--doublings", "1", "--out", str(tmp_path)])
