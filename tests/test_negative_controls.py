"""What must fail: faults of the library, each of the size that a random test says it finds, against that very test, under twenty seeds.

A check is a test function of the suite, called with a share of the budget and the fault in its place.  Under every seed it refuses the fault with 99 %, so
that all but a few of twenty refusals are lost by chance with less than the share of the case; and without the fault it passes.
"""

import importlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from ocnet import Diffusion, KolmogorovProblem, laws
from ocnet.networks.readouts import Linear
from ocnet.particles.moments import Moments
from ocnet.particles.sampling import Antithetic
from ocnet.training.losses import Squared
from tests import test_laws
from tests.chance import POWER, SHARE, Chance, other_streams, random
from tests.particles import test_estimate, test_gradient_estimate, test_sampling
from tests.training import test_ensemble

SHIFTS, HONEST = 20, 3               # seeds with the fault and without
SAMPLED = Squared(), 2, Linear()     # loss, members and readout of the gradient that a fault biases


# ---- checks that the suite has, or makes of its own parts -----------------------------------------------------------------------------------

@random(comparisons=1)
def discounted_means(chance):
    """A constant potential c kills paths at this rate: E e^{−cT} h(X_T), not the mean over those that are left."""
    problem = replace(test_estimate.R3_PROBLEM, potential=0.2)
    result = test_estimate.estimate(problem, [[test_estimate.X0]], 50_000, 8, seed=1)
    test_estimate.same(chance, result, np.exp(-0.2) * test_estimate.probit_of_steps(8), detects=0.01)


@random(comparisons=1)
def intervals_of_even_payoffs(chance, points=1000):
    """Of X² from 0, the same for both paths of an antithetic pair."""
    problem = KolmogorovProblem(test_estimate.OU, lambda x: x[:, 0] ** 2, 1.0)
    low, high = test_sampling.estimate(problem, np.zeros((points, 1)), 500, 4, seed=8, sampling=Antithetic()).interval(0.9)
    r = 1 - test_estimate.LAMBDA / 4
    truth = test_estimate.SIGMA**2 / 4 * (1 - r**8) / (1 - r**2)
    # squares are skewed: of 250 pairs' means the 90 % hold 0.89
    chance.frequency(((low < truth) & (truth < high)).sum(), points, 0.89, detects=0.11, slack=0.01)


def ends(chance):
    test_estimate.test_mean_and_variance_of_the_ends_are_those_of_the_steps(chance)


# ---- faults ---------------------------------------------------------------------------------------------------------------------------------

def another_process(**changed):
    """The Ornstein–Uhlenbeck process of the tests with another drift or factor."""
    honest = {"drift": lambda t, x: -test_estimate.LAMBDA * x, "factor": [[test_estimate.SIGMA]]}

    def put(monkeypatch):
        monkeypatch.setattr(test_estimate, "OU", Diffusion(**{**honest, **changed}, dim=1))

    return put


def one_stream(monkeypatch):
    """Whatever seed and layer are asked for, the draws are those of the first."""
    honest = laws.Normal.draw
    monkeypatch.setattr(laws.Normal, "draw", lambda self, key, first, paths, layer, mirrored=False: honest(self, 1, first, paths, 4, mirrored))


def one_batch(monkeypatch):
    """Every batch of a gradient takes the seed of the first: no spread between batches is left."""
    from ocnet.particles import gradient_estimate
    monkeypatch.setattr(gradient_estimate, "derived_seed", lambda key, *words: key)


def normalised(monkeypatch):
    """The mean over what has not been killed: its density brought back to mass one."""
    honest = test_estimate.estimate

    def of_survivors(problem, *rest, **more):
        alive = np.exp(problem.potential * problem.horizon)
        found = honest(problem, *rest, **more)
        return replace(found, value=found.value * alive, standard_error=found.standard_error * alive)

    monkeypatch.setattr(test_estimate, "estimate", of_survivors)


def biased(monkeypatch):
    """One component of a sampled gradient is off by what its test says it finds."""
    truth, _ = test_ensemble._exact(*test_ensemble._still(*SAMPLED))

    class Biased(test_ensemble.ParticleObjective):
        def value_and_gradient(self, theta):
            value, gradient = super().value_and_gradient(theta)
            self.setting.network.control.rest(gradient)[0] += 0.12 * truth
            return value, gradient

    monkeypatch.setattr(test_ensemble, "ParticleObjective", Biased)


def pairs_as_paths(monkeypatch):
    """Both paths of an antithetic pair are counted as independent."""
    monkeypatch.setattr(Antithetic, "moments", lambda self, payoffs: Moments.of(payoffs))
    monkeypatch.setattr(Antithetic, "samples", lambda self, paths: paths)


@dataclass(frozen=True)
class Control:
    """A fault, the check that is to refuse it, and the check's other arguments."""

    fault: object
    check: object
    arguments: tuple = ()


RATE = (1 - (1 - test_estimate.LAMBDA / 8) ** 8) / test_estimate.LAMBDA          # how far a constant drift of 1 moves the mean
CONTROLS = {
    "a wrong G: variance 3 % too large": Control(another_process(factor=[[test_estimate.SIGMA * 1.03**0.5]]), ends),
    "a shifted drift": Control(another_process(drift=lambda t, x: 0.008 / RATE - test_estimate.LAMBDA * x), ends),
    "noise by dt where √dt belongs": Control(another_process(factor=[[test_estimate.SIGMA * 8**-0.5]]), ends),
    "a repeated seed": Control(one_stream, test_laws.test_channels_layers_and_seeds_are_uncorrelated, (laws.Normal(1),)),
    "a repeated seed in batches": Control(one_batch, test_gradient_estimate.test_errors_are_those_of_independent_repetitions),
    "a normalised density": Control(normalised, discounted_means),
    "a biased component of a gradient": Control(biased, test_ensemble.test_value_and_gradient_by_few_paths_are_unbiased_for_every_loss,
                                                (SAMPLED[0], SAMPLED[2], SAMPLED[1])),
    "pairs counted as independent": Control(pairs_as_paths, intervals_of_even_payoffs),
}


def refused(control, monkeypatch, shift):
    """Whether the check refuses, by a comparison and not for want of power, under one seed."""
    monkeypatch.setattr("tests.chance.SHIFT", shift)
    marks = [mark.kwargs for mark in getattr(control.check, "pytestmark", ()) if mark.name == "random"] or [{"comparisons": 2, "share": SHARE}]
    try:
        control.check(*control.arguments, chance=Chance("control", **marks[0]))
    except AssertionError as error:
        reason = str(error)
    else:
        return False
    assert "by chance with probability" in reason, f"refused, but not by a comparison: {reason}"
    return True


@pytest.mark.parametrize("name", CONTROLS)
@random(comparisons=1, share=(HONEST + 1) * SHARE)
def test_a_fault_is_refused_under_all_seeds_and_none_without_it(name, monkeypatch, chance):
    control = CONTROLS[name]
    other_streams(monkeypatch.setattr)
    assert not any(refused(control, monkeypatch, shift) for shift in range(1, HONEST + 1))
    control.fault(monkeypatch)
    fewest = int(binom.ppf(SHARE, SHIFTS, POWER))
    chance.spends(binom.cdf(fewest - 1, SHIFTS, POWER))
    count = sum(refused(control, monkeypatch, shift) for shift in range(1, SHIFTS + 1))
    assert count >= fewest > 0.6 * SHIFTS, f"refused under {count} of {SHIFTS} seeds"


def test_the_density_of_killed_paths_brought_back_to_mass_one_is_refused(monkeypatch):
    """By the test of what is left inside absorbing sides, which takes no chance: the series of the killed motion."""
    monkeypatch.syspath_prepend(Path(__file__).parent / "kolmogorov")
    boundaries = importlib.import_module("test_boundaries")
    check = boundaries.test_first_passage_density_of_brownian_motion_leaves_through_absorbing_sides
    honest = boundaries.solve_forward

    def normalised_density(*given, **more):
        found = honest(*given, **more)
        masses = found.masses.copy()
        masses[:, 1:-1] /= masses[:, 1:-1].sum(axis=1, keepdims=True)
        masses[:, [0, -1]] = 0.0
        return replace(found, masses=masses)

    check()
    monkeypatch.setattr(boundaries, "solve_forward", normalised_density)
    with pytest.raises(AssertionError):
        check()
