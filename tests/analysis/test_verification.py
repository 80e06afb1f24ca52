"""Taylor and duality tests: what they pass, what they must fail, and what they say of kinks."""

from dataclasses import dataclass

import numpy as np
import pytest

from ocnet.analysis.verification import duality_test, taylor_test
from ocnet.grid import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks import noise as family
from ocnet.networks.blocks import Branches, Perceptron
from ocnet.training.criteria import ExpectedLoss, LossOfExpectation
from ocnet.training.losses import Logistic, Squared
from ocnet.training.objectives import ChainView, DiffusionView, GridObjective, ParticleObjective
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from ocnet.training.objectives.likelihood_ratio import LikelihoodRatioObjective

MEMBERS = [getattr(family, name).example() for name in family.__all__]


def _problem(noise, dim, seed=0, criterion=ExpectedLoss(Logistic())):
    rng = np.random.default_rng([seed, dim])
    x = rng.normal(size=(20, dim))
    block = Branches(Perceptron(3), noise.copies) if hasattr(noise, "copies") else Perceptron(3)
    network = ResidualNetwork(block, noise, 3, dim=dim)
    theta = network.initialise(seed)
    setting = Setting(network, LabelledPoints(x, np.where(x[:, 0] > 0, 1, -1)), criterion)
    return setting, theta + 0.1 * rng.normal(size=theta.size)           # b₂ ≠ 0: dropped branches do not end on nodes


def _objectives(setting):
    """Every exact discrete gradient that there is: grids of both laws, particles of both laws."""
    grid = Grid.uniform([-4] * setting.network.dim, [4] * setting.network.dim, 33)
    views = [ChainView()] + [DiffusionView(2)] * bool(setting.network.noise.weak_order["itô"])
    return [GridObjective(setting, grid, view) for view in views] + [ParticleObjective(setting, 4, 1, view=view) for view in views]


@pytest.mark.parametrize("dim", [1, 2])
@pytest.mark.parametrize("noise", MEMBERS, ids=repr)
def test_every_gradient_that_is_a_derivative_passes(noise, dim):
    setting, theta = _problem(noise, dim, criterion=LossOfExpectation(Squared()) if dim == 1 else ExpectedLoss(Logistic()))
    for objective in _objectives(setting):
        result = taylor_test(objective, theta, directions=1, steps=(1e-3, 1e-4, 1e-5))
        # rate 2 + O(h): the cubic term is a relative 1e-4 of the square at h = 1e-4, rounding 1e-14/(1e-10 J''/J) a relative 1e-3
        assert result.passed and result.rate > 1.99, result


@dataclass(frozen=True)
class Spoilt:
    """An objective whose gradient is wrong by a relative `error` in its largest component."""

    objective: object
    error: float

    def value_and_gradient(self, theta):
        value, gradient = self.objective.value_and_gradient(theta)
        gradient[np.abs(gradient).argmax()] *= 1 + self.error
        return value, gradient


def test_an_error_of_1e_4_in_one_component_is_caught():
    """Its remainder 1e-4 |∂J| |v_k| h exceeds h² |J''| for h below 1e-4 |v_k|: the last rates tend to 1."""
    setting, theta = _problem(family.OutputDropout(0.7), 2)
    for objective in _objectives(setting):
        assert taylor_test(objective, theta).passed
        result = taylor_test(Spoilt(objective, 1e-4), theta)
        assert not result.passed and result.rate < 1.5 and "not that of J" in result.status and "FAILED" in repr(result)


def test_what_is_no_derivative_of_its_own_sample_fails():
    """The likelihood ratio is unbiased for that of the expectation, and shake-shake as published for nothing."""
    setting, theta = _problem(family.Gaussian(0.3), 2)
    assert not taylor_test(LikelihoodRatioObjective(setting, 8), theta).passed
    setting, theta = _problem(family.ShakeShake("independent"), 2)
    assert not taylor_test(ParticleObjective(setting, 8), theta).passed
    assert taylor_test(ParticleObjective(_problem(family.ShakeShake("same"), 2)[0], 8), theta).passed


@dataclass(frozen=True)
class Bent:
    """J = θ₀² + |θ₀ − place|, with its derivative: a kink at a distance `place` from 0."""

    place: float

    def value_and_gradient(self, theta):
        r = theta[0] - self.place
        return float(theta[0] ** 2 + abs(r)), np.array([2 * theta[0] + np.sign(r)])


def test_kinks_are_seen_where_they_are_and_linear_objectives_are_said_to_be():
    far, near = (taylor_test(Bent(place), np.zeros(1), directions=[[1.0]]) for place in (5e-4, 1e-9))
    assert far.passed and far.uneven and "kink" in far.status           # the step 1e-3 crosses it, those below 5e-4 do not
    assert not near.passed and "kink" in near.status and near.rate == pytest.approx(1, abs=0.2)

    class Linear:
        def value_and_gradient(self, theta):
            return 1 + 2 * theta[0], np.array([2.0])

    result = taylor_test(Linear(), np.zeros(1))
    assert result.passed and "linear" in result.status


def test_short_steps_decide_where_a_large_cubic_term_bends_the_long_ones():
    """|h² − 500 h³|: rates 2 + log₁₀ of (1 − 500 h)/(1 − 158 h) a half decade, 1.55 from h = 1e-3 and 1.99 to 1e-5."""
    class Bending:
        def value_and_gradient(self, theta):
            t = theta[0]
            return float(t**2 - 500 * t**3), np.array([2 * t - 1500 * t**2])

    result = taylor_test(Bending(), np.zeros(1), directions=[[1.0]])
    assert result.passed and result.uneven and result.rates[0, 0] < 1.7 and result.rate > 1.98


def test_rates_are_those_of_known_remainders():
    class Cubic:
        def value_and_gradient(self, theta):
            return theta[0] ** 3, np.array([3 * theta[0] ** 2])

    result = taylor_test(Cubic(), np.zeros(1), directions=[[1.0]], steps=(1e-1, 1e-2, 1e-3))
    assert np.allclose(result.rates, 3, rtol=0, atol=1e-9) and result.remainders[0, 0] == pytest.approx(1e-3)
    assert result.to_dict()["passed"] and result.floor < 1e-15


def test_wrong_steps_and_directions_are_refused():
    setting, theta = _problem(family.Noiseless(), 1)
    objective = ParticleObjective(setting, 2)
    for steps in ((1e-3, 1e-2), (1e-3,), (1e-3, 0.0)):
        with pytest.raises(ValueError, match="steps="):
            taylor_test(objective, theta, steps=steps)
    broken = Bent(np.nan)
    with pytest.raises(ValueError, match="not finite"):
        taylor_test(broken, np.zeros(1))
    with pytest.raises(ValueError, match="directions has shape"):
        taylor_test(objective, theta, directions=np.ones((1, 3)))


@pytest.mark.parametrize("dim", [1, 2])
@pytest.mark.parametrize("noise", MEMBERS, ids=repr)
def test_masses_and_values_keep_their_product_in_every_sweep(noise, dim):
    """Sums of 33² products by ≤ 81 branches and 16 nodes, three layers: √(3 · 10⁶) ulp ≈ 4e-13 relative to Σ |masses| |values| at most."""
    setting, theta = _problem(noise, dim)
    for objective in _objectives(setting):
        if isinstance(objective, GridObjective):
            result = duality_test(objective, theta)
            assert result.passed and max(result.spread, result.mass_spread) < 4e-13, result


def test_a_sweep_that_is_not_the_transpose_fails():
    setting, theta = _problem(family.OutputDropout(0.7), 2)

    @dataclass(frozen=True)
    class Wrong:
        """Masses that move by layers a thousandth away."""

        name = "chain"

        def sweep(self, network, theta, grid):
            right, other = (ChainView().sweep(network, theta + shift, grid) for shift in (0, 1e-3))
            object.__setattr__(right, "forward", other.forward)
            return right

    grid = Grid.uniform([-4, -4], [4, 4], 33)
    assert duality_test(GridObjective(setting, grid), theta).passed
    result = duality_test(GridObjective(setting, grid, Wrong()), theta)
    # 1e-3 of u_x f_θ, over the root of some 10³ nodes whose random masses cancel: above 1e-6
    assert not result.passed and result.spread > 1e-6 > 1e3 * result.mass_spread and "FAILED" in repr(result)
