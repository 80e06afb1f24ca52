"""Successive approximations and the sequential quadratic Hamiltonian scheme: known sequences, exact optima, descent."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import make_moons

from ocnet.grid import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Affine, Perceptron
from ocnet.networks.noise import Gaussian, Noiseless
from ocnet.training import train
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import Logistic, Squared
from ocnet.training.objectives import ChainView, DiffusionView, GridObjective, ParticleObjective
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from ocnet.training.optimisers import LBFGS
from ocnet.training.optimisers.sequential_hamiltonian import SequentialHamiltonian
from ocnet.training.optimisers.successive_approximations import SuccessiveApproximations
from ocnet.training.regularisers import DepthSmoothness, Tikhonov
from tests.training.problems import START, Valley, ValleyHamiltonian

LAYERS = 4


def quiet(iteration, value):
    """No bar."""


def r9(start=0.3):
    """R9 of the reference problems as a network: x' = θ, x(0) = 1, J = ½ x(1)² + ½ ∫θ² (+ 1, the penalty of the fixed readout).

    Blocks W x + b with W held at 0; readout x + 1 and label 1, so the squared loss is ½ x².  Returns objective, start, bounds.
    """
    network = ResidualNetwork(Affine(), Noiseless(), LAYERS, dim=1)
    objective = ParticleObjective(Setting(network, LabelledPoints([[1.0]], [1]), ExpectedLoss(Squared()), (Tikhonov(1.0),)), 2)
    theta, lower, upper = network.control.zeros(), network.control.zeros(), network.control.zeros()
    network.control.rest(theta)[:] = network.control.rest(lower)[:] = network.control.rest(upper)[:] = 1.0
    for n in range(LAYERS):
        network.control.layer(theta, n).b[:] = start
        network.control.layer(lower, n).b[:], network.control.layer(upper, n).b[:] = -30, 30
    return objective, theta, (lower, upper)


def offsets(objective, optimiser, theta):
    """What layers have as θ after each iteration (k, N), and the result."""
    path = [objective.setting.network.control.depth(theta)[:, 1].copy()]
    result = train(objective, theta, optimiser, progress=quiet,
                   callback=lambda state: path.append(objective.setting.network.control.depth(state.theta)[:, 1].copy()))
    return np.array(path), result


# L-BFGS-B on the quadratic of one number ends at a slope of 1e-7 or where the value falls by less than 1e-14: √(2e-14) = 1.4e-7 in θ,
# and a step later that error is multiplied by less than 2
EXACT = 5e-7


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("rho, sequence", [(1.0, [0.3, -0.5]), (3.0, [0.3, -0.1, -0.3, -0.4, -0.45])])
def test_r9_the_proximal_and_the_extended_method_contract_by_rho_minus_one_over_rho_plus_one(rho, sequence, extended):
    objective, theta, bounds = r9()                          # costates do not depend on an offset: the two methods are one here
    iterations = len(sequence) - 1
    path, _ = offsets(objective, SuccessiveApproximations(iterations=iterations, rho=rho, extended=extended, bounds=bounds), theta)
    assert np.abs(path - np.array(sequence)[:, None]).max() < EXACT
    assert np.abs((path[1:] + 0.5) - (rho - 1) / (rho + 1) * (path[:-1] + 0.5)).max() < EXACT


def test_r9_the_basic_method_cycles_for_ever_and_its_best_point_is_returned():
    objective, theta, bounds = r9()
    path, result = offsets(objective, SuccessiveApproximations(iterations=6, rho=0.0, bounds=bounds), theta)
    assert np.abs(path - np.array([0.3, -1.3] * 3 + [0.3])[:, None]).max() < 3 * EXACT       # the cycle does not damp: errors add
    assert result.fun <= result.history["value"].min() and abs(result.fun - 1 - (0.5 * 0.3**2 + 0.5 * 1.3**2)) < 1e-6


@pytest.mark.parametrize("optimiser", [SuccessiveApproximations(iterations=40), SequentialHamiltonian(iterations=40, rho=0.01)],
                         ids=lambda o: type(o).__name__)
def test_r9_the_optimum_is_a_quarter(optimiser):
    objective, theta, bounds = r9()
    result = train(objective, theta, replace(optimiser, bounds=bounds), progress=quiet)
    assert result.success and ("no part of θ moves" in result.message or "lowers J" in result.message)
    assert abs(result.fun - 1 - 0.25) < 1e-11                # J − ¼ is the square of the error below
    # ‖Δθ‖ ≤ 1e-6 at a contraction c ≤ ½: 1e-6/(1 − c)
    assert np.abs(objective.setting.network.control.depth(result.x)[:, 1] + 0.5).max() < 3e-6


def test_r9_acceptance_by_the_square_of_the_step_alone_nearly_cycles():
    objective, theta, bounds = r9()
    published = SequentialHamiltonian(iterations=40, rho=0.01, decay=0.5, share=0.0, bounds=bounds)
    result = train(objective, theta, published, progress=quiet)
    # J − ¼ is multiplied by ((1 − ρ)/(1 + ρ))² = e^(−4ρ), with ρ = 0.01 · 2^−k while ρ > η = 1e-4, then 33 times with ρ < 3e-4:
    # by more than e^(−0.12) in all
    assert (np.diff(result.history["value"]) < 0).all() and result.fun - 1 - 0.25 > 0.85 * (0.3 + 0.5) ** 2


def linear_quadratic():
    """J = mean ½ (w · x_N + c − y)² + ½ dt Σ |b_n|² with x_{n+1} = x_n + dt (W x_n + b_n): objective, start, bounds, optimum (θ, J).

    The score is s_i + Σ_n a_n · b_n with a_n = dt (1 + dt W)ᵀ^{N−1−n} w; so (a aᵀ + dt) b = −a mean(s − y).
    """
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(6, 2)), np.array([1, -1, 1, 1, -1, 1])
    network = ResidualNetwork(Affine(), Noiseless(), LAYERS)
    objective = ParticleObjective(Setting(network, LabelledPoints(x, y), ExpectedLoss(Squared()), (Tikhonov(1.0),)), 2)
    W, w, c, dt = np.array([[0.4, -1.0], [0.9, 0.3]]), np.array([1.2, -0.7]), 0.8, network.dt
    theta, bounds = network.control.zeros(), (network.control.zeros(), network.control.zeros())
    for n in range(LAYERS):
        for vector, free in ((theta, 0.0), (bounds[0], -30.0), (bounds[1], 30.0)):
            network.control.layer(vector, n).W[:], network.control.layer(vector, n).b[:] = W, free
    for vector in (theta, *bounds):
        network.control.rest(vector)[:] = *w, c
    step = np.eye(2) + dt * W
    a = np.concatenate([dt * np.linalg.matrix_power(step, LAYERS - 1 - n).T @ w for n in range(LAYERS)])
    s = (x @ np.linalg.matrix_power(step, LAYERS).T) @ w + c
    b = np.linalg.solve(np.outer(a, a) + dt * np.eye(a.size), -a * (s - y).mean())
    value = 0.5 * ((s + a @ b - y) ** 2).mean() + 0.5 * dt * (b @ b + LAYERS * (W * W).sum()) + 0.5 * (w @ w + c * c)
    best = theta.copy()
    for n in range(LAYERS):
        network.control.layer(best, n).b[:] = b[2 * n:2 * n + 2]
    return objective, theta, bounds, best, value


@pytest.mark.parametrize("optimiser", [SuccessiveApproximations(rho=2.0), SuccessiveApproximations(rho=2.0, extended=True),
                                       SequentialHamiltonian(rho=0.01)], ids=["proximal", "extended", "sequential"])
def test_a_linear_quadratic_problem_ends_at_its_exact_optimum(optimiser):
    objective, theta, bounds, best, value = linear_quadratic()
    result = train(objective, theta, replace(optimiser, bounds=bounds), progress=quiet)
    assert result.success
    # proximal steps contract by at most ρ/(1 + ρ) with ρ ≤ 6, so a step of 1e-6 leaves 7e-6 in ‖·‖, over √dt = ½ in a component;
    # J is quadratic with curvature below 10 there
    assert np.abs(result.x - best).max() < 2e-5 and abs(result.fun - value) < 1e-8
    assert abs(objective.value(theta) - value) > 1e-2        # the start was not there


def moons(view, layers=5, points=200, penalties=(Tikhonov(1e-2), DepthSmoothness(1e-3)), seed=0):
    """A small network on two moons and its start."""
    x, label = make_moons(points, noise=0.15, random_state=0)
    x = (x - x.mean(axis=0)) * 1.25
    network = ResidualNetwork(Perceptron(6), Gaussian(0.3), layers)
    setting = Setting(network, LabelledPoints(x, 2 * label - 1), ExpectedLoss(Logistic()), penalties)
    return view(setting), setting.network.initialise(seed)


GRID = Grid.uniform([-4, -4], [4, 4], 25)
CHAIN, SDE, PATHS = (lambda s: GridObjective(s, GRID, ChainView()), lambda s: GridObjective(s, GRID, DiffusionView(2)),
                     lambda s: ParticleObjective(s, 4, seed=3))


@pytest.mark.parametrize("view", [CHAIN, SDE, PATHS], ids=["chain", "sde", "particles"])
def test_j_falls_in_every_step_of_the_sequential_scheme_by_eta_times_the_square_of_the_step(view):
    objective, theta = moons(view, layers=3, points=100)
    optimiser = SequentialHamiltonian(iterations=4, rho=1e-3, decrease=0.05, inner=5)       # a ρ that is much too small at first
    points, rejected = [theta], []
    train(objective, theta, optimiser, progress=quiet, callback=lambda s: points.append(s.theta.copy()) or rejected.append(s.rejected))
    values = [objective.value_and_gradient(point)[0] for point in points]
    squares = [optimiser.change(objective.hamiltonian(a), b) for a, b in zip(points, points[1:])]
    assert len(squares) == 4 and min(squares) > 1e-6
    # J from a second evaluation: rounding of sums of 1e3 terms below 10
    assert (np.diff(values) <= -0.05 * np.array(squares) + 1e-12).all()
    assert rejected[-1] > 0                                  # the premise: some trials were not good enough


def test_on_moons_the_sequential_scheme_gets_as_low_as_lbfgs():
    objective, theta = moons(CHAIN, penalties=(Tikhonov(2e-2), DepthSmoothness(1e-2)), seed=3)
    reference = train(objective, theta, LBFGS(iterations=80, bounds=(-10, 10)), progress=quiet)
    result = train(objective, theta, SequentialHamiltonian(iterations=32, inner=3, bounds=(-10, 10)), progress=quiet)
    assert (np.diff(result.history["value"]) < 0).all()
    # a claim and no error bound: both are local searches, and the first is linear in its convergence
    assert result.fun < 1.05 * reference.fun < 0.1 * result.history["value"][0]
    assert (np.abs(result.x) <= 10).all()


def test_the_extended_method_trains_on_drawn_noise_where_the_basic_one_runs_to_the_walls():
    objective, theta = moons(PATHS)
    start = objective.value(theta)
    method = SuccessiveApproximations(iterations=12, rho=2.0, extended=True, inner=5, bounds=(-10, 10))
    extended = train(objective, theta, method, progress=quiet)
    basic = train(objective, theta, replace(method, iterations=3, rho=0.0, extended=False), progress=quiet)
    # the judge has 6400 paths, a standard error of about 1 % of J; the one more than halves J, the other ends above its start
    assert extended.fun < 0.5 * start
    assert basic.history["value"][-1] > start


def test_a_killed_run_on_a_grid_goes_on_with_the_same_bits(tmp_path):
    objective, theta = moons(CHAIN, layers=3, points=60)
    optimiser = SequentialHamiltonian(iterations=5, rho=1e-3, inner=3, save_every=0.0)
    whole = train(objective, theta, optimiser, progress=quiet)
    stopped = train(objective, theta, optimiser, tmp_path / "run", quiet, callback=lambda state: state.iteration == 2)
    again = train(objective, theta, optimiser, tmp_path / "run", quiet)
    assert stopped.nit == 2 and again.x.tobytes() == whole.x.tobytes() and again.nfev == whole.nfev
    assert again.history["value"].tobytes() == whole.history["value"].tobytes()


class BreakingSearch(ValleyHamiltonian):
    """Not finite where the third component exceeds 0.1, on the way to its minimum."""

    def value_and_gradient(self, n, numbers):
        value, slope = super().value_and_gradient(n, numbers)
        return (np.nan if n == 2 and numbers[0] > 0.1 else value), slope


class BreakingJ(ValleyHamiltonian):
    """J not finite there."""

    @property
    def total(self):
        return np.inf if self.theta[2] > 0.1 else super().total


@pytest.mark.parametrize("optimiser", [SuccessiveApproximations(), SequentialHamiltonian()], ids=lambda o: type(o).__name__)
@pytest.mark.parametrize("broken, what", [(BreakingSearch, "the Hamiltonian of a part of theta is"), (BreakingJ, "J or its gradient is")])
def test_what_is_not_finite_ends_the_run_at_the_last_good_point(optimiser, broken, what):
    class Breaking(Valley):
        def hamiltonian(self, theta):
            return broken(self, theta)

        def draw(self, iteration):
            return self

    result = train(Breaking(), START, optimiser, progress=quiet)
    # J breaks where the first step leads: as a trial, or as the next iteration's start, which Valley.value has then judged
    first = broken is BreakingSearch or isinstance(optimiser, SequentialHamiltonian)
    assert not result.success and f"{what} not finite in iteration {1 if first else 2}" in result.message
    assert result.fun == Valley().value(result.x) and ((result.x == START).all() if first else result.fun < Valley().value(START))


class WithoutHamiltonian:
    """An objective with a value only."""

    def value(self, theta):
        return 1.0

    def draw(self, iteration):
        return self


def test_what_cannot_be_done_is_refused_by_name():
    grid, theta = moons(CHAIN, layers=2, points=20)
    with pytest.raises(ValueError, match="extended=True needs states and costates of paths, which GridHamiltonian has not"):
        train(grid, theta, SuccessiveApproximations(extended=True), progress=quiet)
    for optimiser in (SuccessiveApproximations(), SequentialHamiltonian()):
        with pytest.raises(ValueError, match="has no hamiltonian"):
            train(WithoutHamiltonian(), theta, optimiser, progress=quiet)


@pytest.mark.parametrize("build, named", [
    (lambda: SuccessiveApproximations(rho=-1), "rho=-1"),
    (lambda: SuccessiveApproximations(rho=0, extended=True), "extended=True with rho=0"),
    (lambda: SuccessiveApproximations(inner=0), "inner=0"), (lambda: SequentialHamiltonian(tolerance=-1.0), "tolerance=-1"),
    (lambda: SequentialHamiltonian(rho=0), "rho=0"), (lambda: SequentialHamiltonian(growth=1), "growth=1"),
    (lambda: SequentialHamiltonian(decay=1), "decay=1"), (lambda: SequentialHamiltonian(decrease=0), "decrease=0"),
    (lambda: SequentialHamiltonian(share=1), "share=1")])
def test_settings_without_meaning_are_refused_by_name(build, named):
    with pytest.raises(ValueError, match=named):
        build()
