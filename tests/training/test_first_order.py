"""First-order methods: each step is its formula, each average is a mean, each corner is met exactly."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from ocnet.grid import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian
from ocnet.training import CheckpointError, train
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import Logistic
from ocnet.training.objectives import GridObjective
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from ocnet.training.optimisers import Adam, AveragedSGD, GradientDescent, Momentum, ProximalGradient
from ocnet.training.regularisers import L1, Tikhonov
from tests.training.problems import CENTRE, START, Valley, bits


def quiet(iteration, value):
    """No bar."""


def path_of(objective, start, optimiser):
    """The result, and θ after every iteration (k, P), the start first."""
    states = []
    result = train(objective, start, optimiser, progress=quiet, callback=states.append)
    return result, states, np.stack([start, *(state.theta for state in states)])


@dataclass(frozen=True)
class Bowl:
    """J = ½ Σ w_i (θ_i − c_i)² + the penalties of a setting that knows two layers of two numbers and a tail of one."""

    weights: tuple = (4.0, 0.04, 1.0, 0.5, 2.0)
    centre: tuple = (1.0, -20.0, 0.1, 2.0, -0.01)
    setting: object = field(default_factory=lambda: Flat())  # noqa: PLW0108 — defined below

    def value(self, theta):
        r = theta - np.array(self.centre)
        return float(0.5 * (self.weights * r * r).sum()) + self.setting.penalty(theta)[0]

    def value_and_gradient(self, theta):
        return self.value(theta), self.weights * (theta - np.array(self.centre)) + self.setting.penalty(theta)[1]

    def draw(self, iteration):
        return self


@dataclass(frozen=True)
class Flat:
    """The penalties of a `Setting`, on the control of a network without the network."""

    penalties: tuple = ()

    @property
    def network(self):
        return ResidualNetwork(Offsets(), Gaussian(0.1), layers=2, horizon=0.5, dim=1, readout=Offset())

    penalty = Setting.penalty


class Offsets:
    """A block with two numbers a layer, as far as a layout goes."""

    shows = ("output",)

    def layout(self, dim):
        return (("a", (2,)),)


class Offset:
    """A readout with one number, as far as a layout goes."""

    def layout(self, dim):
        return (("b", (1,)),)


def test_gradient_descent_contracts_each_component_by_one_minus_rate_times_curvature():
    bowl = Bowl()
    _, _, path = path_of(bowl, np.zeros(5), GradientDescent(iterations=30, rate=0.3, final=1))
    exact = np.array(bowl.centre) * (1 - (1 - 0.3 * np.array(bowl.weights))[None] ** np.arange(31)[:, None])
    assert np.abs(path - exact).max() < 31 * 4 * 20 * 2.0**-53               # 31 steps of four roundings, numbers up to 20


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_is_the_two_step_recurrence_of_its_author(nesterov):
    bowl, rate, mu, theta = Bowl(), 0.2, 0.8, [np.zeros(5), np.zeros(5)]
    _, _, path = path_of(bowl, theta[0], Momentum(iterations=40, rate=rate, final=1, mu=mu, nesterov=nesterov))
    x = [theta[0]]
    for _ in range(40):
        here = theta[-1]
        gradient = bowl.value_and_gradient(here)[1]
        if nesterov:                                         # x⁺ = y − rate ∇J(y),  y⁺ = x⁺ + μ (x⁺ − x);  θ is y
            x.append(here - rate * gradient)
            theta.append(x[-1] + mu * (x[-1] - x[-2]))
        else:                                                # θ⁺ = θ − rate ∇J(θ) + μ (θ − θ⁻)
            theta.append(here - rate * gradient + mu * (here - theta[-2]))
    # 40 steps of about eight roundings of numbers up to 40, each remembered for 1/(1 − μ) = 5 steps
    assert np.abs(path - np.stack(theta[1:])).max() < 40 * 8 * 5 * 40 * 2.0**-53


@pytest.mark.parametrize("burn_in", [0, 7])
def test_the_average_is_the_mean_of_the_points_after_the_burn_in_and_is_what_is_judged(burn_in):
    optimiser = AveragedSGD(iterations=40, rate=0.2, decay=0.75, burn_in=burn_in, check_every=1)
    result, states, path = path_of(Valley(0.5), START, optimiser)
    for state in states[burn_in:]:
        mean = path[burn_in + 1:state.iteration + 1].mean(axis=0)
        assert np.abs(state.average - mean).max() < 40 * 3 * 2 * 2.0**-53    # each update rounds thrice, numbers up to 3
        assert state.history[-1, 1] == Valley().value(state.average)
    judged = np.stack([START, *(state.average for state in states)])
    assert (result.x == judged[np.argmin(result.history["value"])]).all() and (result.last == path[-1]).all()
    assert (states[6].average == path[7]).all() == (burn_in == 7)


def test_steps_of_averaged_sgd_fall_by_their_power():
    steps = np.array([AveragedSGD(rate=3.0, decay=0.75).step_size(k) for k in range(100)])
    assert np.abs(steps * np.arange(1, 101) ** 0.75 - 3).max() < 3 * 4 * 2.0**-53        # a power and two products
    assert AveragedSGD(iterations=100, rate=3.0, final=0.2).step_size(99) < 0.3 * 0.21   # the cosine besides, where it is asked for


SHARE = 0.25                                                 # dt of a control of two layers on a horizon of ½
THRESHOLD = 0.6 * np.array([SHARE, SHARE, SHARE, SHARE, 1.0])           # of L1(0.6): w dt in the layers, w in the tail


def lasso(*more):
    return Bowl(setting=Flat((L1(0.6), *more)))


def test_proximal_gradient_finds_the_soft_threshold_with_exact_zeros_where_a_plain_gradient_only_comes_near():
    bowl = lasso()
    weights, centre = np.array(bowl.weights), np.array(bowl.centre)
    exact = np.sign(centre) * np.maximum(np.abs(centre) - THRESHOLD / weights, 0)
    zero = exact == 0
    assert zero.tolist() == [False, False, True, False, True]                # the premise
    result = train(bowl, np.ones(5), ProximalGradient(iterations=1500, rate=0.25), progress=quiet)
    # J − J* falls by e² every e √(8/(0.04 rate)) = 77 iterations: to rounding of J ≈ 9, whence √(2·9·2⁻⁵³·10/0.04) = 7e-7
    assert (result.x[zero] == 0).all() and np.abs(result.x - exact).max() < 1e-6
    plain = train(bowl, np.ones(5), GradientDescent(iterations=1500, rate=0.25), progress=quiet)
    assert (plain.x[zero] != 0).all()


def test_smooth_penalties_stay_in_the_smooth_part():
    bowl = lasso(Tikhonov(0.8))
    weights, centre = np.array(bowl.weights), np.array(bowl.centre)
    total = weights + 0.8 * np.array([SHARE] * 4 + [1.0])
    exact = np.sign(centre) * np.maximum(weights * np.abs(centre) - THRESHOLD, 0) / total
    result = train(bowl, np.ones(5), ProximalGradient(iterations=1500, rate=0.2), progress=quiet)
    assert (result.x[exact == 0] == 0).all() and np.abs(result.x - exact).max() < 1e-6   # as above, curvatures ≥ 0.2


def test_a_corner_inside_a_box_is_solved_exactly():
    bowl, bounds = lasso(), ([-1, -4, -1, -1, -1], [0.5, 4, 0.05, 9, 9])
    weights, centre = np.array(bowl.weights), np.array(bowl.centre)
    exact = np.clip(np.sign(centre) * np.maximum(np.abs(centre) - THRESHOLD / weights, 0), *bounds)
    result = train(bowl, np.zeros(5), ProximalGradient(iterations=1500, rate=0.25, bounds=bounds), progress=quiet)
    assert np.abs(result.x - exact).max() < 1e-6 and (result.x[exact == 0] == 0).all()


def test_both_forms_keep_their_rates_and_the_fast_one_is_faster():
    bowl, rate = Bowl(setting=Flat((L1(0.6),))), 0.25       # the rate is 1/L
    best = train(bowl, np.ones(5), ProximalGradient(iterations=2000, rate=rate), progress=quiet)
    squared = ((np.ones(5) - best.x) ** 2).sum()
    k, values = np.arange(1, 61), {}
    for accelerated in (True, False):
        _, states, path = path_of(bowl, np.ones(5), ProximalGradient(iterations=60, rate=rate, accelerated=accelerated))
        values[accelerated] = np.array([bowl.value(theta) for theta in path[1:]]) - best.fun
        assert [state.value for state in states] == [bowl.value(point) for point in (np.ones(5), *(s.ahead for s in states[:-1]))]
    # Beck & Teboulle (2009), theorems 3.1 and 4.4: J_k − J* ≤ |θ₀ − θ*|²/(2 s k), and ≤ 2 |θ₀ − θ*|²/(s (k + 1)²)
    assert (values[False] <= squared / (2 * rate * k)).all() and (values[True] <= 2 * squared / (rate * (k + 1) ** 2)).all()
    assert values[True][-1] < 0.1 * values[False][-1]        # (1 − 0.01)¹²⁰ = 0.3 of it is left to the slow one


def test_accelerated_steps_are_the_published_recurrence():
    """FISTA's θ, y and t from the first step on, which extrapolates nothing, with t anew where a step turns against the extrapolation."""
    bowl, rate, theta = lasso(), 0.25, np.ones(5)
    _, states, path = path_of(bowl, theta, ProximalGradient(iterations=40, rate=rate))
    ahead, t, restarts = theta, 1.0, 0
    for state, found in zip(states, path[1:], strict=True):
        forward = ahead - rate * np.array(bowl.weights) * (ahead - np.array(bowl.centre))
        after = np.sign(forward) * np.maximum(np.abs(forward) - rate * THRESHOLD, 0)
        turned = (ahead - after) @ (after - theta) > 0
        t, restarts = 1.0 if turned else t, restarts + turned
        following = (1 + np.sqrt(1 + 4 * t * t)) / 2
        ahead, theta, t = after + (t - 1) / following * (after - theta), after, following
        # 40 steps of some ten roundings of numbers up to 20, none of which the recurrence magnifies more than 40 times
        assert max(np.abs(found - theta).max(), np.abs(state.ahead - ahead).max()) < 40 * 40 * 10 * 20 * 2.0**-53
        assert state.momentum == pytest.approx(t, rel=1e-13)
    assert restarts


def test_two_penalties_with_corners_are_refused():
    with pytest.raises(ValueError, match="sum of the weights"):
        train(lasso(L1(0.1)), np.ones(5), ProximalGradient(), progress=quiet)


def test_a_network_trained_with_l1_loses_weights_altogether():
    rng = np.random.default_rng(3)
    points = rng.normal(size=(40, 1))
    network = ResidualNetwork(Perceptron(width=3), Gaussian(0.3), layers=3, horizon=1.0, dim=1)
    setting = Setting(network, LabelledPoints(points, np.where(points[:, 0] > 0.2, 1, -1)), ExpectedLoss(Logistic()), (L1(0.05),))
    objective = GridObjective(setting, Grid.uniform(-6, 6, 61))
    start = network.initialise(0) + 0.1
    result = train(objective, start, ProximalGradient(iterations=100, rate=0.2), progress=quiet)
    assert (start != 0).all() and (result.x == 0).sum() > 5 and result.fun < 0.8 * objective.value(start)


def test_the_kind_of_drawn_objective_is_rebuilt_with_its_noise():
    @dataclass(frozen=True)
    class Drawn(Bowl):
        number: int = 0

        def draw(self, iteration):
            return replace(self, number=iteration + 1)

        def value_and_gradient(self, theta):
            seen.append((self.number, self.setting.penalties))
            return super().value_and_gradient(theta)

    seen = []
    train(Drawn(setting=Flat((L1(0.6), Tikhonov(1.0)))), np.ones(5), ProximalGradient(iterations=3), progress=quiet)
    assert seen[:3] == [(k, (Tikhonov(1.0),)) for k in (1, 2, 3)]
    assert seen[3] == (0, (L1(0.6), Tikhonov(1.0)))          # the gradient of the result is that of J as it was given


@pytest.mark.parametrize("at", [2, 4, 7])
def test_interrupted_while_it_judges_it_goes_on_with_the_same_bits(at, tmp_path):
    class Impatient(Valley):
        judged = 0

        def value(self, theta):
            Impatient.judged += not self.noise.any()         # the drawn ones have noise and are no judges
            if Impatient.judged == at:
                raise KeyboardInterrupt
            return super().value(theta)

    optimiser = Adam(iterations=25, rate=0.1, check_every=4, save_every=0.0)
    part = train(Impatient(0.1), START, optimiser, tmp_path / "run", quiet)
    assert part.interrupted
    assert bits(train(Valley(0.1), START, optimiser, tmp_path / "run", quiet)) == bits(train(Valley(0.1), START, optimiser, progress=quiet))


def test_adam_refuses_a_checkpoint_of_other_settings(tmp_path):
    train(Valley(0.1), START, Adam(iterations=20), tmp_path / "run", quiet)
    with pytest.raises(CheckpointError, match="settings"):
        train(Valley(0.1), START, Adam(iterations=20, rate=0.03), tmp_path / "run", quiet)


def test_the_first_adam_step_is_the_rate_against_the_sign_of_the_gradient():
    # m̂ = g and v̂ = g² after one step, so the step is rate · g/(|g| + ε): ε/|g| = 1e-8 at most here (|g| ≥ 1)
    result = train(Valley(), START, Adam(iterations=1, rate=0.25), progress=quiet)
    assert np.abs(result.x - 0.25 * np.sign(CENTRE)).max() < 1e-8


def test_clipping_shortens_the_gradient_to_its_length_but_keeps_short_ones():
    long, short = np.array([3.0, 4.0, 0, 0]), np.array([0.3, 0.4, 0, 0])
    assert Adam(clip=1.0).clipped(long) == pytest.approx(long / 5, rel=1e-15)  # roundings of √25 (none), ratio, product
    assert (Adam(clip=1.0).clipped(short) == short).all() and (Adam().clipped(1e9 * long) == 1e9 * long).all()

    class Steep(Valley):
        def value_and_gradient(self, theta):
            return self.value(theta), long

        def draw(self, iteration):
            return self

    momenta = []
    train(Steep(), START, Adam(iterations=1, clip=1.0), progress=quiet, callback=lambda state: momenta.append(state.m))
    assert momenta[0] == pytest.approx(0.1 * long / 5, rel=1e-14)            # 1 − β₁ = 0.1, up to rounding


def test_the_rate_falls_from_the_first_to_the_final_share():
    adam = Adam(iterations=100, rate=0.5, final=0.2)
    steps = [adam.step_size(k) for k in range(101)]
    assert steps[0] == 0.5 and steps[100] == pytest.approx(0.1, rel=1e-14) and (np.diff(steps) < 0).all()
    assert Adam(rate=0.5, final=1).step_size(7) == 0.5


@pytest.mark.parametrize("build, named", [
    (lambda: Adam(iterations=2.5), "iterations=2.5"), (lambda: Adam(rate=-1), "rate=-1"), (lambda: Adam(final=2), "final=2"),
    (lambda: Adam(check_every=0), "check_every=0"), (lambda: Adam(clip=0), "clip=0"), (lambda: Momentum(mu=1.0), "mu=1"),
    (lambda: AveragedSGD(decay=0.4), "decay=0.4"), (lambda: AveragedSGD(decay=1.1), "decay=1.1"),
    (lambda: AveragedSGD(iterations=5, burn_in=5), "burn_in=5"), (lambda: AveragedSGD(burn_in=0.5), "burn_in=0.5")])
def test_settings_without_meaning_are_refused_by_name(build, named):
    with pytest.raises(ValueError, match=named):
        build()
