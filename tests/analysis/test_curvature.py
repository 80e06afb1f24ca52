"""The largest curvature: against dense Hessians, with bars that hold."""

import numpy as np
import pytest

from ocnet.analysis import landscape, regularisation_ledger, top_eigenvalue, variance_ledger
from ocnet.grid import Grid
from ocnet.kernels.threads import set_threads
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian, HiddenDropout
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import Logistic
from ocnet.training.objectives import GridObjective, LabelledPoints, ParticleObjective, Setting
from ocnet.training.regularisers import Tikhonov


class Quadratic:
    """½ θᵀ H θ."""

    def __init__(self, matrix):
        self.matrix = matrix

    def value_and_gradient(self, theta):
        return 0.5 * theta @ self.matrix @ theta, self.matrix @ theta


def with_eigenvalues(values, seed=0):
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values), len(values))))
    return (q * values) @ q.T, q


def test_the_most_positive_eigenvalue_of_a_quadratic_is_found_though_others_are_larger_in_size():
    """Gradients of a quadratic are linear: differences err by rounding alone, some P eps |H| |θ|/δ = 40 · 2e-16 · 9/9e-6 = 8e-9."""
    values = np.r_[np.linspace(-9, 1, 39), 2.5]
    matrix, vectors = with_eigenvalues(values)
    found = top_eigenvalue(Quadratic(matrix), np.ones(40), tolerance=1e-7)
    assert abs(found.value - 2.5) < found.bar + 1e-8 and found.converged and found.bar < 1e-5
    assert abs(abs(found.vector @ vectors[:, -1]) - 1) < 1e-9           # 1 − (residual/gap)²/2 with a residual of 3e-6 at most and a gap of 1.5
    assert found.products <= 42 and "NOT CONVERGED" not in repr(found)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_rounding_is_in_the_bar(size):
    """In so few dimensions the residual ends at rounding, and so does what a doubled step changes."""
    for seed in range(20):
        values = np.random.default_rng(seed).normal(size=size)
        matrix, _ = with_eigenvalues(values, seed)
        found = top_eigenvalue(Quadratic(matrix), np.random.default_rng(seed + 100).normal(size=size), tolerance=1e-12)
        assert abs(found.value - values.max()) <= found.bar < 1e-8


def test_multiple_and_single_eigenvalues_end_the_iteration_early():
    """The Krylov space of the identity has one dimension; that of a matrix of rank 1 two."""
    assert top_eigenvalue(Quadratic(3 * np.eye(30)), np.zeros(30)).products <= 4
    direction = np.ones(30) / np.sqrt(30)
    found = top_eigenvalue(Quadratic(7 * np.outer(direction, direction)), np.zeros(30))
    assert abs(found.value - 7) < 1e-6 and found.products <= 5
    assert abs(top_eigenvalue(Quadratic(-2 * np.eye(5)), np.zeros(5)).value + 2) < 1e-8


def objectives():
    rng = np.random.default_rng(3)
    data = LabelledPoints(rng.normal(size=(30, 2)), rng.choice([-1, 1], 30))
    dropout = Setting(ResidualNetwork(Perceptron(3), HiddenDropout(0.7), 2), data, ExpectedLoss(Logistic()), (Tikhonov(0.01),))
    smooth = Setting(ResidualNetwork(Perceptron(2), Gaussian(0.5), 2), data, ExpectedLoss(Logistic()), (Tikhonov(0.01),))
    return {"particles": ParticleObjective(dropout, 16), "grid": GridObjective(smooth, Grid.uniform([-6, -6], [6, 6], 31))}


@pytest.mark.parametrize("view", ["particles", "grid"])
def test_the_eigenvalue_is_that_of_the_dense_hessian_within_its_bar(view):
    """The dense Hessian is by the same differences of all unit vectors; made symmetric, its eigenvalues are off by 2 times their error (Weyl), which at 1e-5
    of the weights is 1e-9 for particles; the grid's limiter can switch within a difference, which the found bar must show."""
    objective = objectives()[view]
    theta = objective.setting.network.initialise(1)
    step = 1e-5
    rows = [(objective.value_and_gradient(theta + step * e)[1] - objective.value_and_gradient(theta - step * e)[1]) / (2 * step) for e in np.eye(theta.size)]
    hessian = 0.5 * (np.array(rows) + np.array(rows).T)
    exact = np.linalg.eigvalsh(hessian)[-1]
    found = top_eigenvalue(objective, theta)
    rough = np.linalg.norm(np.array(rows) - np.array(rows).T)            # 0 for a smooth objective
    assert found.converged and abs(found.value - exact) < found.bar + rough + 1e-8
    assert found.bar + rough < (1e-3 if view == "particles" else 0.05) * exact


def test_the_result_is_the_same_every_time_and_too_few_steps_are_told():
    objective = objectives()["particles"]
    theta = objective.setting.network.initialise(1)
    first, second = (top_eigenvalue(objective, theta) for _ in range(2))
    assert first.value == second.value and np.array_equal(first.vector, second.vector)
    short = top_eigenvalue(objective, theta, iterations=2)
    assert not short.converged and "NOT CONVERGED" in repr(short) and short.value <= first.value + first.bar
    # what a short run says is still within its bar of some eigenvalue: the whole point of the residual
    assert short.residual > 1e-3 * abs(short.value) and short.to_dict()["products"] == 4


def test_numbers_do_not_depend_on_threads():
    """Ledgers, slices and eigenvalues of 3000 points and 40 000 paths, which threads share: the same bits."""
    rng = np.random.default_rng(0)
    data = LabelledPoints(rng.normal(size=(3000, 2)), rng.choice([-1, 1], 3000))
    objective = ParticleObjective(Setting(ResidualNetwork(Perceptron(8), HiddenDropout(0.7), 3), data, ExpectedLoss(Logistic())), 14)
    network = objective.setting.network
    theta, found = network.initialise(1), []
    for count in (1, 2):
        set_threads(count)
        ledger, variances = regularisation_ledger(network, theta, data), variance_ledger(network, theta, data, 4)
        found.append((top_eigenvalue(objective, theta, iterations=4).vector.tobytes(), landscape(objective, theta, points=3).values.tobytes(),
                      ledger.gauss_newton.tobytes(), ledger.bending.tobytes(), variances.parts.tobytes(), variances.gap))
    assert found[0] == found[1]


def test_a_gradient_that_jumps_is_seen_in_the_bar():
    """J = |θ₀| + ½|θ|²: at 0 the difference over δ sees a curvature of 1 + 1/δ, over 2δ of 1 + 1/(2δ)."""
    class Kink:
        def value_and_gradient(self, theta):
            gradient = theta.copy()
            gradient[0] += np.sign(theta[0])
            return abs(theta[0]) + 0.5 * theta @ theta, gradient

    found = top_eigenvalue(Kink(), np.zeros(4))
    assert found.difference_error > 0.4 * found.value


@pytest.mark.parametrize("change, message", [({"iterations": 0}, "iterations=0"), ({"tolerance": 0}, "tolerance=0"), ({"theta": [1.0, np.nan]}, "theta")])
def test_wrong_input_is_refused(change, message):
    arguments = {"theta": np.zeros(3), **change}
    with pytest.raises(ValueError, match=message):
        top_eigenvalue(Quadratic(np.eye(3)), **arguments)
