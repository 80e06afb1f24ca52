"""Attacks: gradients in the input against differences, closed forms for linear scores, the first order, and the ball."""

from dataclasses import replace

import numpy as np
import pytest

from ocnet import L2Ball, LabelledPoints, LInfinityBall, ResidualNetwork, Setting, fgsm, input_gradient, pgd
from ocnet.kernels.threads import set_threads
from ocnet.networks.architectures import HeunNet, LMResNet
from ocnet.networks.blocks import Affine, Perceptron
from ocnet.networks.noise import Gaussian, HiddenDropout, InputDropout, Noiseless, OutputDropout, StochasticDepth
from ocnet.networks.readouts import Linear, LinearClasses
from ocnet.training.criteria import EnsembleLoss, ExpectedLoss, LossOfExpectation
from ocnet.training.losses import CrossEntropy, Logistic, Squared
from ocnet.training.objectives import DiffusionView, ParticleObjective
from tests.chance import random, rng

BALLS = (LInfinityBall(0.1), L2Ball(0.1))
every_ball = pytest.mark.parametrize("ball", BALLS, ids=repr)


def _objective(noise=Gaussian(0.3), criterion=ExpectedLoss(Logistic()), block=Perceptron(6), paths=8, points=30, **more):
    """A random network of four layers and random labels."""
    rng, loss = np.random.default_rng(0), criterion.loss
    readout = Linear() if loss.scores == 1 else LinearClasses(loss.scores)
    network = ResidualNetwork(block, noise, 4, horizon=2.0, readout=readout, **more)
    data = LabelledPoints(rng.normal(size=(points, 2)), np.array(loss.labels)[rng.integers(len(loss.labels), size=points)])
    return ParticleObjective(Setting(network, data, criterion), paths, seed=7), network.initialise(1)


def _straight(w, b=0.2, noise=Noiseless()):
    """A network whose branches are 0: the score is w · x + b, less the noise."""
    rng = np.random.default_rng(2)
    network = ResidualNetwork(Perceptron(3), noise, 2, readout=Linear())
    theta = network.control.zeros()
    network.control.rest(theta)[:] = [*w, b]
    data = LabelledPoints(rng.normal(size=(25, 2)), rng.choice([-1, 1], size=25))
    return ParticleObjective(Setting(network, data, ExpectedLoss(Logistic())), 4), theta


CASES = [{"noise": noise, "criterion": criterion} for noise in (OutputDropout(0.7), HiddenDropout(0.6), InputDropout(0.7), StochasticDepth(0.6))
         for criterion in (ExpectedLoss(Logistic()), LossOfExpectation(CrossEntropy(3)), EnsembleLoss(Squared(), 4))]
CASES += [{"block": Affine()}, {"architecture": HeunNet(), "noise": OutputDropout(0.7)}]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_the_gradient_in_the_points_is_the_derivative_of_the_sampled_loss(case, h=1e-4):
    objective, theta = _objective(**case)
    data, found = objective.setting.data, input_gradient(objective, theta)
    sides = [[input_gradient(objective, theta, data.points + s * e, data.labels).losses for s in (h, -h)] for e in np.eye(2)]
    by_difference = np.stack([(up - down) / (2 * h) for up, down in sides], axis=1)
    # h²/6 times a third derivative, which is below 100 for slopes of 2 through four layers; rounding 1e-16/h is far below
    assert np.abs(by_difference - found.gradient).max() < 100 * h * h / 6
    assert np.abs(found.gradient).max() > 0.1


def test_the_gradient_follows_the_objectives_view():
    objective, theta = _objective()
    other = replace(objective, view=DiffusionView(2))
    assert not np.allclose(input_gradient(other, theta).losses, input_gradient(objective, theta).losses, atol=1e-6)
    a, b = (fgsm(o, theta, BALLS[1]) for o in (objective, other))
    assert abs(a.increase - b.increase) < 0.5 * a.increase            # one law and its limit


@every_ball
def test_a_linear_score_loses_the_dual_norm_of_its_weights(ball):
    """l(y (w·x + b) − r ‖w‖_*) is the largest loss within the ball: both attacks find it exactly, whatever the data."""
    w = np.array([0.8, -1.7])
    objective, theta = _straight(w)
    data = objective.setting.data
    dual = np.abs(w).sum() if isinstance(ball, LInfinityBall) else np.linalg.norm(w)
    exact = np.logaddexp(0, -(data.labels * (data.points @ w + 0.2) - ball.radius * dual)).mean()
    for attack in (fgsm(objective, theta, ball), pgd(objective, theta, ball, iterations=5)):
        assert attack.after.value == pytest.approx(exact, rel=1e-13)  # sums of 25 numbers of order 1
        assert attack.after.standard_error == 0.0                    # no noise
        assert ball.size(attack.points - attack.starts) == pytest.approx(ball.radius, rel=1e-12)


@every_ball
@random()
def test_noise_on_a_linear_score_does_not_turn_the_attack(ball, chance):
    """The gradient is a positive multiple of −y w for every draw, so the direction is exact and the loss rises for each point under any noise."""
    objective, theta = _straight(np.array([0.8, -1.7]), noise=Gaussian(0.5))
    one, many = fgsm(objective, theta, ball, judges=64), pgd(objective, theta, ball, iterations=5)
    assert one.points == pytest.approx(many.points, abs=1e-14)
    assert (one.gains > 0).all()
    chance.exceeds(one.increase, 0.0, one.increase_error)


@every_ball
@pytest.mark.parametrize("noise", [Noiseless(), OutputDropout(0.7), InputDropout(0.7)], ids=repr)
def test_the_loss_rises_by_radius_times_dual_norm_to_first_order(ball, noise):
    """gain = r ‖g‖_* + O(r²): the remainder over r² tends to a constant; halving r changes it by O(r), here 1e-3 times third derivatives below 100."""
    objective, theta = _objective(noise)
    over = []
    for radius in (1e-3, 5e-4):
        attack = fgsm(objective, theta, replace(ball, radius=radius))
        assert attack.first_order == pytest.approx(radius * attack.slopes.mean())
        over.append((attack.gains - radius * attack.slopes) / radius**2)
    assert np.abs(over[0] - over[1]).max() < 100 * 1e-3
    assert (attack.gains > 0).all()


@every_ball
@random()
def test_attacks_stay_in_the_ball_and_pgd_does_no_harm_to_itself(ball, chance):
    objective, theta = _objective(OutputDropout(0.6))
    wide = replace(ball, radius=0.8)
    one, climbed = fgsm(objective, theta, wide), pgd(objective, theta, wide, iterations=10)
    more = pgd(objective, theta, wide, iterations=10, random_starts=3)
    for attack in (one, climbed, more):
        assert (wide.size(attack.points - attack.starts) <= 0.8 * (1 + 1e-12)).all()
    assert (climbed.gains >= 0).all() and (more.gains >= climbed.gains).all()
    assert climbed.gains.mean() > one.gains.mean() - 1e-3            # many small steps against one, on a curved loss
    chance.exceeds(climbed.increase, 0.0, climbed.increase_error)
    assert climbed.error_after >= climbed.error_before
    assert (climbed.iterations, more.iterations) == (11, 44)


@every_ball
def test_pgd_nears_the_largest_loss_that_a_search_of_the_ball_finds(ball):
    """No noise, two dimensions, 61² shifts for each point: a search misses the top by at most slope · spacing/√2."""
    objective, theta = _objective(Noiseless(), points=12)
    ball = replace(ball, radius=0.5)
    data = objective.setting.data
    side = np.linspace(-0.5, 0.5, 61)
    shifts = ball.projected(np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2))
    every = LabelledPoints(np.repeat(data.points, len(shifts), axis=0) + np.tile(shifts, (12, 1)), np.repeat(data.labels, len(shifts)))
    searched = input_gradient(objective, theta, every.points, every.labels)
    top = searched.losses.reshape(12, -1).max(axis=1) - input_gradient(objective, theta).losses
    spacing = np.linalg.norm(searched.gradient, axis=1).reshape(12, -1).max(axis=1) * (side[1] - side[0]) / np.sqrt(2)
    found = pgd(objective, theta, ball, iterations=40, random_starts=2)
    assert (found.gains <= top + spacing).all()
    assert (found.gains >= top - spacing).mean() > 0.9               # climbs end in local maxima at worst


def test_judges_see_noise_that_the_attack_did_not():
    """Gains are of the attack's seed, samples of another; both kinds are found again from what the attack says.  Without noise they agree."""
    objective, theta = _objective(Gaussian(1.0), paths=2)
    attack, data = pgd(objective, theta, LInfinityBall(0.5), iterations=4, judges=64), objective.setting.data
    own = [input_gradient(objective, theta, x, data.labels).losses for x in (attack.starts, attack.points)]
    assert own[1] - own[0] == pytest.approx(attack.gains, abs=1e-13)
    assert attack.before.seed == attack.after.seed != objective.seed
    judge = replace(objective, seed=attack.before.seed, paths=128)
    losses = [input_gradient(judge, theta, x, data.labels).losses.mean() for x in (attack.starts, attack.points)]
    assert [attack.before.value, attack.after.value] == pytest.approx(losses, abs=1e-13)
    assert abs(own[0].mean() - attack.before.value) > 1e-6            # other noise is another number
    calm, theta = _objective(Noiseless())
    attack = pgd(calm, theta, LInfinityBall(0.5), iterations=4)
    assert attack.gains.mean() == pytest.approx(attack.increase, abs=1e-13)


def test_attacks_have_the_same_bits_on_any_number_of_threads():
    objective, theta = _objective(OutputDropout(0.7), paths=64, points=400)
    found = []
    for count in (1, 3):
        set_threads(count)
        found.append(pgd(objective, theta, LInfinityBall(0.2), iterations=2, random_starts=1).points)
    assert np.array_equal(*found)


def test_what_an_attack_says_and_shows():
    objective, theta = _objective()
    attack = fgsm(objective, theta, LInfinityBall(0.1))
    assert "LInfinityBall(radius=0.1)" in repr(attack) and attack.to_dict()["points"] == 30
    assert attack.plot().get_ylabel() and "30 points" in repr(input_gradient(objective, theta))
    assert set(input_gradient(objective, theta).to_dict()) == {"losses", "gradient"}
    still = fgsm(objective, theta, L2Ball(0.0))
    assert still.increase == 0.0 and np.array_equal(still.points, still.starts)
    with pytest.raises(ValueError, match=r"points\[3\] is .* outside of LInfinityBall"):
        replace(attack, points=attack.points + 0.2 * (np.arange(30) == 3)[:, None])


@pytest.mark.parametrize("ball", [LInfinityBall(0.3), L2Ball(0.3)], ids=repr)
@random()
def test_balls_project_and_draw_within_themselves(ball, chance):
    draws = rng(3)
    shift = draws.normal(size=(500, 3))
    near, inside = ball.projected(shift), ball.random(draws, (2000, 3))
    assert (ball.size(near) <= 0.3 * (1 + 1e-15)).all() and (ball.size(inside) <= 0.3 * (1 + 1e-15)).all()
    assert np.array_equal(ball.projected(0.01 * shift / ball.size(shift)[:, None]), 0.01 * shift / ball.size(shift)[:, None])
    # the nearest point y of a convex set: (s − y)·(z − y) ≤ 0 for all z of it
    assert (np.einsum("ij,kj->ik", shift - near, inside) <= ((shift - near) * near).sum(axis=1)[:, None] + 1e-12).all()
    # uniform in the ball: P(‖s‖ < r/2) = 2⁻³; uniform in its radius it would be ½
    chance.frequency((ball.size(inside) < 0.15).sum(), 2000, 0.125, detects=0.07)
    gradient = draws.normal(size=(50, 3))
    assert (gradient * ball.steepest(gradient)).sum(axis=1) == pytest.approx(ball.dual(gradient))
    assert ball.size(ball.steepest(gradient)) == pytest.approx(1.0)


@pytest.mark.parametrize("wrong, told", [({"points": [[0.0, 0.0]]}, "labels=None"), ({"labels": [1]}, "points=None"),
                                         ({"points": [[0.0, np.nan]], "labels": [1]}, "not finite"), ({"judges": 0}, "judges=0"),
                                         ({"points": [[0.0, 0.0]], "labels": [2]}, "none of the labels")])
def test_what_cannot_be_attacked_is_refused(wrong, told):
    objective, theta = _objective()
    with pytest.raises(ValueError, match=told):
        fgsm(objective, theta, L2Ball(0.1), **wrong)


def test_counts_and_architectures_that_make_no_sense_are_refused():
    objective, theta = _objective()
    for wrong, told in (({"iterations": 0}, "iterations=0"), ({"random_starts": -1}, "random_starts=-1")):
        with pytest.raises(ValueError, match=told):
            pgd(objective, theta, L2Ball(0.1), **wrong)
    with pytest.raises(ValueError, match="radius=-1"):
        L2Ball(-1)
    pairs, theta = _objective(architecture=LMResNet())
    with pytest.raises(ValueError, match="pair"):
        input_gradient(pairs, theta)
