"""Linear residual networks: the formulas against plain ones and the package's own gradient, the numbers of MATH R8, the condition, the limit."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from ocnet.analysis.linear_limit import descend, flow, linear_limit
from ocnet.analysis.linear_product import LinearProblem, depth_maps, interpolated, running_products
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Affine
from ocnet.networks.noise import Noiseless
from ocnet.networks.readouts import LinearClasses
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import SquaredClasses
from ocnet.training.objectives import ParticleObjective
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from tests.chance import random

EPS = np.finfo(float).eps
R8 = LinearProblem.example()
DEPTHS = (8, 16, 32, 64, 128)
TURN = np.array([[0.0, 1.0], [-1.0, 0.0]])


def zero(layers):
    return np.zeros((layers, 2, 2))


def smooth(layers):
    return 0.2 * np.cos(np.pi * np.arange(1, layers + 1) / layers)[:, None, None] * TURN


def rough(layers):
    return 0.5 * np.random.default_rng(0).normal(size=(layers, 2, 2))


def general(dim, seed=0):
    """A problem with a full Σ, and weights of size about 1 of 7 layers."""
    rng = np.random.default_rng(seed)
    root = np.eye(dim) + 0.3 * rng.normal(size=(dim, dim))
    return LinearProblem(np.eye(dim) + 0.5 * rng.normal(size=(dim, dim)), root @ root.T), rng.normal(size=(7, dim, dim))


def plain_product(theta):
    product = np.eye(theta.shape[1])
    for layer in theta:
        product = (np.eye(len(layer)) + layer / len(theta)) @ product
    return product


# ---- the formulas --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("layers", [1, 2, 3, 5, 8, 13])
def test_running_products_are_those_of_a_loop(layers):
    factors = np.eye(3) + 0.3 * np.random.default_rng(layers).normal(size=(layers, 3, 3))
    product, size = np.eye(3), 1.0
    for found, factor in zip(running_products(factors), factors):
        product, size = factor @ product, size * np.abs(factor).sum(axis=1).max()
        assert np.abs(found - product).max() <= 2 * 3 * layers * EPS * size      # d roundings a product, both ways, of entries ≤ size


@pytest.mark.parametrize("dim", [1, 2, 4])
def test_the_gradient_is_the_difference_quotient_which_is_exact(dim):
    """Π is affine in each θ_n, so L is quadratic in each entry and central differences of step 1 have no error but rounding."""
    problem, theta = general(dim)
    loss, gradient = problem.loss_and_gradient(theta)
    residual = plain_product(theta) - problem.target
    assert loss == pytest.approx(0.5 * np.trace(residual @ problem.covariance @ residual.T), rel=1e-12)      # some 7 d³ roundings of one
    for place in np.ndindex(theta.shape):
        unit = np.zeros_like(theta)
        unit[place] = 1.0
        above, below = problem.loss(theta + unit), problem.loss(theta - unit)
        # the loss loses some 7 · d² of its ulps, and the quotient N/2 times both
        assert abs(7 * (above - below) / 2 - gradient[place]) < 7 * 7 * dim**2 * EPS * (above + below)


def test_gradients_of_neighbours_differ_by_the_identity():
    problem, theta = general(3)
    count, eye = len(theta), np.eye(3)
    _, gradient = problem.loss_and_gradient(theta)
    pulled = (plain_product(theta) - problem.target) @ problem.covariance
    for n in range(count - 1):                                                 # layers n + 1 and n + 2 of MATH 3.2
        after, before = eye, eye
        for layer in theta[n + 2:]:
            after = (eye + layer / count) @ after
        for layer in theta[:n]:
            before = (eye + layer / count) @ before
        d = after.T @ pulled @ before.T
        difference = (d @ theta[n].T - theta[n + 1].T @ d) / count
        # the gradient loses some 2 N d ulps of its entries (below 50 here), as does the right side
        assert np.abs(gradient[n + 1] - gradient[n] - difference).max() < 4 * count * 3 * 50 * EPS
    assert np.abs(gradient).max() < 50


@pytest.mark.parametrize("dim", [2, 3])
def test_loss_and_gradient_are_those_of_a_residual_network_over_an_affine_block(dim):
    """Points B⁻¹ e_k of class k and scores Π x: ½ |Π x − e_k|² = ½ |(Π − B) x|², and Σ = Σ_k w_k x_k x_kᵀ."""
    rng = np.random.default_rng(5)
    target, theta = np.eye(dim) + 0.2 * rng.normal(size=(dim, dim)), rng.normal(size=(6, dim, dim))
    points, weights = np.linalg.inv(target).T, np.arange(1, dim + 1) / (dim * (dim + 1) / 2)
    network = ResidualNetwork(Affine(), Noiseless(), layers=6, dim=dim, readout=LinearClasses(dim))
    setting = Setting(network, LabelledPoints(points, np.arange(dim), weights), ExpectedLoss(SquaredClasses(dim)))
    numbers = network.control.zeros()
    for n, layer in enumerate(theta):
        network.control.layer(numbers, n).W[:] = layer
    network.control.tail_views(numbers).W[:] = np.eye(dim)
    value, gradient = ParticleObjective(setting, paths=2).value_and_gradient(numbers)
    loss, scaled = LinearProblem(target, np.einsum("k,ki,kj->ij", weights, points, points)).loss_and_gradient(theta)
    own = np.stack([network.control.layer(gradient, n).W for n in range(6)])
    # some 6 layers × d products either way, of entries that condition numbers (below 10) enlarge
    assert abs(value - loss) < 1e-13 * max(1, loss) * 10 and np.abs(6 * own - scaled).max() < 1e-13 * 10 * max(1, np.abs(scaled).max())


def test_interpolated_weights_pass_through_the_layers_and_are_affine_between():
    theta = np.random.default_rng(1).normal(size=(2, 5, 2, 2))                 # two times, five layers
    s = np.arange(1, 6) / 5
    assert np.abs(interpolated(theta, s) - theta).max() < 4 * EPS * np.abs(theta).max() * 5     # n/N · N − 1 is off by 5 ulps
    middle = interpolated(theta, s[:-1] + 0.1)
    assert np.abs(middle - 0.5 * (theta[:, 1:] + theta[:, :-1])).max() < 20 * EPS * np.abs(theta).max()
    assert (interpolated(theta, [0.0, 0.07])[:, 0] == theta[:, 0]).all()
    assert (interpolated(theta[:, :1], [0.0, 0.5, 1.0]) == theta[:, :1]).all()


def test_depth_maps_are_the_equations_own():
    constant = np.array([[0.3, 1.1], [-0.8, 0.2]])
    # stated accuracy: 2e-12 |θ| e^|θ|, |θ| = 1.2
    maps = depth_maps(np.repeat(constant[None], 6, axis=0))
    assert max(np.abs(maps[n] - expm((n + 1) / 6 * constant)).max() for n in range(6)) < 2e-12 * 1.2 * np.exp(1.2)
    theta = np.random.default_rng(2).normal(size=(6, 2, 2))
    size = np.linalg.norm(theta, 2, axis=(1, 2)).max()
    state = np.eye(2)
    for n in range(6):                                                          # piece by piece: the right side has kinks at n/N
        run = solve_ivp(lambda s, x: (interpolated(theta, [s])[0] @ x.reshape(2, 2)).ravel(), (n / 6, (n + 1) / 6), state.ravel(),
                        "DOP853", rtol=1e-12, atol=1e-13)
        state = run.y[:, -1].reshape(2, 2)
        assert np.abs(depth_maps(theta)[n] - state).max() < (2e-12 * size + 1e-11) * np.exp(size)


# ---- MATH R8 -------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def from_zero():
    return linear_limit(R8, zero, DEPTHS)


def test_descent_is_the_plain_loop():
    theta, step = zero(8), 0.25
    for _ in range(60):
        gradient = np.empty_like(theta)
        for n in range(8):
            after, before = np.eye(2), np.eye(2)
            for layer in theta[n + 1:]:
                after = (np.eye(2) + layer / 8) @ after
            for layer in theta[:n]:
                before = (np.eye(2) + layer / 8) @ before
            gradient[n] = after.T @ (plain_product(theta) - R8.target) @ before.T
        theta = theta - step * gradient
    # errors of 60 steps of a contraction, each some 8 · 2 ulps of entries below 1
    assert np.abs(descend(R8, zero(8)).theta - theta).max() < 60 * 16 * EPS


def test_a_zero_start_has_the_numbers_of_r8(from_zero):
    """To half a unit of the last digit that MATH prints."""
    peaks = [run.slopes.max() for run in from_zero.runs]
    assert np.abs(np.array(peaks) - [0.164, 0.168, 0.172, 0.174, 0.174]).max() < 5.5e-4
    stated, digit = np.array([1.16e-2, 5.74e-3, 2.78e-3, 1.30e-3, 5.6e-4]), np.array([1e-4, 1e-5, 1e-5, 1e-5, 1e-5])
    assert (np.abs(from_zero.distances - stated) < 0.5 * digit).all()
    assert from_zero.deep.losses[0] == pytest.approx(0.225, abs=1e-15) and abs(from_zero.deep.losses[-1] - 2e-10) < 0.5e-10
    assert all(run.slopes[0] == 0 and run.losses[-1] < 2e-10 for run in from_zero.runs)


def test_interpolated_weights_converge_with_order_one_and_so_do_layers_to_their_equation(from_zero):
    assert abs(from_zero.order - 1) < 0.1 and abs(from_zero.gap_order - 1) < 0.1
    assert abs(from_zero.growth) < 0.1
    # errors c x + a x², x = 1/N, less those of the reference at y: (x − y)(c + a (x + y)), whose slope in log(x − y) changes by (a/c)² x y when
    # the reference does, below 5e-3 for |a/c| < 4; against 1/N alone it changes by 0.04
    assert abs(linear_limit(R8, zero, DEPTHS, reference=1024).order - from_zero.order) < 5e-3


def test_distances_are_the_largest_over_depth_of_interpolated_entries_at_the_end_and_at_any_step(from_zero):
    run, deep = from_zero.runs[0], from_zero.deep
    s = np.linspace(0, 1, 4097)                                                # holds the nodes of 8 and of 512 layers
    found = np.zeros(61)
    for step in range(61):
        for place in np.ndindex(2, 2):
            a, b = (np.interp(s, np.arange(1, r.layers + 1) / r.layers, r.weights[(step, slice(None), *place)]) for r in (run, deep))
            found[step] = max(found[step], np.abs(a - b).max())
    assert abs(found[-1] - from_zero.distances[0]) < 1e-14 and abs(found.max() - from_zero.at_all_times[0]) < 1e-14     # entries below 1, two roundings
    assert found.max() > 1.1 * found[-1]


def test_a_smooth_start_stays_smooth():
    found = linear_limit(R8, smooth, DEPTHS)
    starts, peaks = (np.array([f(run.slopes) for run in found.runs]) for f in (lambda s: s[0], max))
    assert (np.round(starts, 2) >= 0.61).all() and (np.round(starts, 2) <= 0.63).all() and np.abs(peaks - 0.76).max() < 5e-3
    assert abs(found.order - 1) < 0.1 and abs(found.growth) < 0.1


@random()
def test_a_rough_start_stays_rough(chance):
    """Training moves N Δθ by Σ rate (D θᵀ − θᵀ D), at most rate Σ 2 R g √(2 M l): a constant, while N Δθ itself grows like N."""
    found = linear_limit(R8, rough, DEPTHS)
    for run in found.runs:
        moved = 0.25 * np.sum(2 * run.sizes * (1 + run.sizes / run.layers) ** run.layers * np.sqrt(2 * run.losses))
        assert abs(run.slopes[-1] - run.slopes[0]) < moved < 30 and run.losses[-1] < 1e-9
    assert found.runs[-1].slopes[-1] > 200
    # the largest of 4 (N − 1) differences of normals has a mean that grows by 1.4 from N = 8 to 128 (exponent 0.12) and a deviation of about a
    # sixth (0.07 of the fitted exponent); a start that does not grow is found
    chance.mean(found.growth, 1.12, 0.07, detects=0.6)
    assert found.distances.min() > 1                                                   # and nothing converges


def test_a_normal_target_keeps_all_layers_equal_from_a_zero_start():
    run = descend(LinearProblem([[1.1, 0.4], [-0.4, 1.1]]), zero(16))
    assert run.slopes.max() < 60 * 16 * 16 * EPS and run.losses[-1] < 1e-9      # N times the rounding of the plain loop above


# ---- the condition -------------------------------------------------------------------------------------------------

def near(dim=2):
    """A problem that meets the condition from a zero start."""
    return LinearProblem(np.eye(2) + 0.03 * np.array([[0.5, 1.0], [-0.3, 0.2]]), [[1.2, 0.2], [0.2, 0.9]])


def test_at_great_depth_the_condition_allows_a_sixth_of_exp_minus_one():
    """max of R/2 e^(−3R) is e⁻¹/6 at R = 1/3; (1 ± R/N)^(N − 1) differ from e^(±R) by 2 R/N, thrice in the product."""
    found = R8.condition(np.zeros((10**4, 2, 2)))
    assert found.allowed == pytest.approx(np.exp(-1) / 6, rel=1e-3) and not found.holds
    assert found.need == pytest.approx(0.45**0.5, rel=1e-12) and found.decay is None      # R8: ten times what is allowed


def test_the_radius_is_the_least_that_meets_both_inequalities():
    for layers, start in ((2, 0.0), (8, 0.01), (64, 0.03), (64, 0.08), (64, 0.1)):          # the last: R/2 is the start
        theta = np.zeros((layers, 2, 2))
        theta[0] = start * TURN
        found = near().condition(theta)
        radii = np.linspace(2 * start, 2 * 0.999, 20_001) if layers == 2 else np.linspace(2 * start, 3, 20_001)
        s, g = (1 - radii / layers) ** (layers - 1), (1 + radii / layers) ** (layers - 1)
        met = found.need <= s**2 * radii / (2 * g)
        assert found.holds == met.any() and abs((s**2 * radii / (2 * g)).max() - found.allowed) < 1e-6       # flat at its maximum
        if found.holds:
            assert abs(radii[np.argmax(met)] - found.radius) <= radii[1] - radii[0]
            assert found.decay == pytest.approx(2 * found.least * (1 - found.radius / layers) ** (2 * layers - 2), rel=1e-12)


def test_what_the_proof_says_of_the_gradient_holds_for_weights_of_any_kind():
    """|N ∇_n| ≤ g √(2 M l) and Σ |N ∇_n|²/N ≥ 2 m s² l, on 200 random networks: nothing is random in a theorem, so no false alarm."""
    rng = np.random.default_rng(3)
    for _ in range(200):
        layers, dim = int(rng.integers(2, 12)), int(rng.integers(1, 4))
        problem, _ = general(dim, int(rng.integers(1 << 30)))
        theta = rng.uniform(0.1, 1.0) * rng.normal(size=(layers, dim, dim)) / dim
        radius = np.linalg.norm(theta, 2, axis=(1, 2)).max()
        loss, gradient = problem.loss_and_gradient(theta)
        least, *_, most = np.linalg.eigvalsh(problem.covariance)[[0, -1]]
        squares = (gradient**2).sum(axis=(1, 2))
        assert squares.max() <= (1 + radius / layers) ** (2 * layers - 2) * 2 * most * loss * (1 + 1e-12)
        assert squares.mean() >= max(0.0, 1 - radius / layers) ** (2 * layers - 2) * 2 * least * loss * (1 - 1e-12)


@pytest.mark.parametrize("layers", [4, 32])
def test_where_the_condition_holds_its_bounds_are_kept_along_the_flow(layers):
    run = flow(near(), np.zeros((layers, 2, 2)), np.linspace(0, 12, 49))
    assert run.condition.holds and run.kept and run.largest_size <= run.condition.radius and run.worst_decay <= 1
    assert run.losses[-1] < 1e-7 * run.losses[0] and "bounds are kept" in repr(run)


def test_a_run_that_breaks_the_promise_is_told():
    run = flow(near(), np.zeros((8, 2, 2)), np.linspace(0, 6, 13))
    slow = replace(run, losses=run.losses[0] * np.exp(-0.9 * run.condition.decay * run.times))
    large = replace(run, weights=run.weights + 1.01 * run.condition.radius * TURN * (run.times > 3)[:, None, None, None])
    assert slow.kept is False and slow.worst_decay > 1 and "NOT kept" in repr(slow)
    assert large.kept is False and large.worst_decay <= 1
    assert flow(R8, zero(8), [0.0, 1.0]).kept is None and "does not hold" in repr(flow(R8, zero(8), [0.0, 1.0]))


# ---- the flow ------------------------------------------------------------------------------------------------------

def test_one_layer_of_one_number_decays_like_an_exponential():
    times = np.linspace(0, 5, 11)
    run = flow(LinearProblem([[1.7]], [[0.6]]), np.zeros((1, 1, 1)), times)
    # some 50 steps, each with an error of 1e-10 at most
    assert np.abs(run.weights.ravel() - 0.7 * (1 - np.exp(-0.6 * times))).max() < 5e-9
    assert run.losses == pytest.approx(0.3 * 0.49 * np.exp(-1.2 * times), rel=1e-6)       # relative: 2 · 5e-9/(0.7 e^{-3})
    assert (run.slopes == 0).all()


def test_descent_follows_the_flow_to_order_one_in_its_rate():
    steps = np.array([64, 128, 256])
    end = flow(R8, smooth(8), [0.0, 2.0]).theta
    errors = np.array([np.abs(descend(R8, smooth(8), 2 / k, k).theta - end).max() for k in steps])
    # order 1 + O(rate · 1), the curvature of L being about 1: within 2/64 of 1; the solver's 1e-10 is far below
    assert np.abs(np.log2(errors[:-1] / errors[1:]) - 1).max() < 2 / 64 and errors[-1] > 1e-6


def test_the_flow_loses_what_its_gradient_says():
    """dl/dt = −Σ |N ∇_n|²/N, by central differences of the losses: error h²/6 l''' ~ h²/6 · 2³ l, here below 2e-4 of l."""
    h = 0.01
    run = flow(R8, smooth(8), [0.0, 1.0 - h, 1.0, 1.0 + h])
    _, gradient = R8.loss_and_gradient(run.weights[2])
    assert (run.losses[3] - run.losses[1]) / (2 * h) == pytest.approx(-(gradient**2).sum() / 8, abs=1.5e-4 * 2 * run.losses[2])


# ---- results and refusals ------------------------------------------------------------------------------------------

def test_results_show_themselves(from_zero):
    run = from_zero.runs[0]
    kept = run.to_dict()
    assert kept["layers"] == 8 and kept["steps"] == 60 and kept["loss_end"] == run.losses[-1] and "\n" not in repr(run)
    axes = run.plot()
    assert 2 <= len(axes.lines) <= 5 and axes.lines[-1].get_ydata() == pytest.approx(run.theta[:, 0, 0])
    assert from_zero.to_dict()["distances"] == from_zero.distances.tolist() and "order 1.0" in repr(from_zero)
    assert len(from_zero.plot().lines) == 4


def test_descent_stops_at_its_tolerance():
    run = descend(R8, zero(16), tolerance=1e-5)
    assert run.losses[-1] <= 1e-5 < run.losses[-2] and len(run.times) == len(run.losses) == len(run.weights) < 61
    assert run.times[-1] == pytest.approx(0.25 * (len(run.times) - 1))
    assert R8.loss(run.theta) == run.losses[-1]


@pytest.mark.parametrize("make, message", [
    (lambda: LinearProblem(np.zeros((2, 3))), "target has shape"),
    (lambda: LinearProblem([[np.nan]]), "target"),
    (lambda: LinearProblem(np.eye(2), [[1.0, 0.5], [0.4, 1.0]]), "symmetric"),
    (lambda: LinearProblem(np.eye(2), [[1.0, 1.0], [1.0, 1.0]]), "positive definite"),
    (lambda: R8.loss(np.zeros((4, 3, 3))), "theta has shape"),
    (lambda: R8.loss(np.full((4, 2, 2), np.inf)), "finite"),
    (lambda: descend(R8, zero(8), rate=50.0), "rate=50.0 is too large"),
    (lambda: descend(R8, zero(8), rate=0.0), "rate=0"),
    (lambda: descend(R8, zero(8), steps=0), "steps=0"),
    (lambda: flow(R8, zero(8), [0.0, 0.0]), "increasing"),
    (lambda: linear_limit(R8, zero, (8,)), "two or more"),
    (lambda: linear_limit(R8, zero, (8, 16), reference=16), "larger reference")])
def test_what_has_no_meaning_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
