"""The likelihood-ratio gradient: its weights by brute force, its mean against the pathwise one, what it refuses, its variance."""

import numpy as np
import pytest

from ocnet.kernels.threads import set_threads
from ocnet.networks import ResidualNetwork
from ocnet.networks import noise as family
from ocnet.networks.blocks import Branches, Perceptron
from ocnet.networks.noise import Gaussian
from ocnet.networks.readouts import Linear
from ocnet.training.criteria import EnsembleLoss, ExpectedLoss, LossOfExpectation
from ocnet.training.losses import Logistic, Squared
from ocnet.training.objectives import DiffusionView, ParticleObjective
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from ocnet.training.objectives.likelihood_ratio import LikelihoodRatioObjective, _payoffs, _slopes
from ocnet.training.regularisers import Tikhonov
from tests.chance import random, rng

EL, LE = ExpectedLoss(Logistic()), LossOfExpectation(Squared())


def _setting(noise, criterion=EL, layers=3, points=30, dim=2, penalties=(), equal=False):
    rng = np.random.default_rng(11)
    x = rng.normal(size=(points, dim))
    block = Branches(Perceptron(3), noise.copies) if hasattr(noise, "copies") else Perceptron(3)
    network = ResidualNetwork(block, noise, layers, dim=dim, readout=Linear())
    theta = network.initialise(3)
    if equal:                                                           # the same numbers at any depth: first layer, readout of one component
        theta = np.append(np.tile(network.control.depth(theta)[0], layers), [2.0] + [0.0] * dim)
    return Setting(network, LabelledPoints(x, np.where(x[:, 0] > 0, 1, -1)), criterion, penalties), theta


def _gradients(objective, setting, theta, count, paths, **more):
    return np.stack([objective(setting, paths, seed, **more).value_and_gradient(theta)[1] for seed in range(count)])


@pytest.mark.parametrize("criterion", [EL, LE, EnsembleLoss(Squared(), 2)], ids=lambda c: c.name)
def test_a_path_weighs_its_payoff_less_the_mean_of_the_others_by_the_slope_of_the_other_half(criterion):
    scores, labels, weights = np.random.default_rng(0).normal(size=(3, 8)), np.array([1, -1, 1]), np.array([0.5, 0.3, 0.2])
    terminal = np.stack([criterion.terminal(row) for row in scores], axis=1)
    found = _payoffs(criterion, terminal, labels, weights)
    halves = np.arange(4), np.arange(4, 8)
    for i in range(3):
        for own, other in (halves, halves[::-1]):
            mean = terminal[:, i, other].mean(axis=1)[:, None]           # all three criteria are quadratic or linear in it
            c = criterion.total(mean, labels[i:i + 1], np.ones(1))[1][:, 0] * weights[i]
            for k in own:
                others = [j for j in own if j != k]
                expected = c @ (terminal[:, i, k] - terminal[:, i, others].mean(axis=1)) / 8
                # sums of 8 terms of size 10: 80 ulp = 2e-14
                assert abs(found[i, k] - expected) < 2e-14


@pytest.mark.parametrize("noise, criterion", [(Gaussian(0.4), EL), (Gaussian(1.0, "natural"), EL), (Gaussian(0.4), LE),
                                              (Gaussian(0.4), EnsembleLoss(Squared(), 2))], ids=str)
@random(comparisons=80)
def test_both_gradients_estimate_the_same_derivative(noise, criterion, chance):
    """Simultaneously over all components; finds 6 % of the gradient's norm in one of them.  What must fail: a score of noise 10 % too large."""
    setting, theta = _setting(noise, criterion, penalties=(Tikhonov(1e-3),))
    count, paths = 150, 64
    ratio, pathwise = (_gradients(o, setting, theta, count, paths) for o in (LikelihoodRatioObjective, ParticleObjective))
    error = np.sqrt((ratio.var(axis=0, ddof=1) + pathwise.var(axis=0, ddof=1)) / count)
    depth = slice(0, setting.network.control.depth(theta).size)         # the readout's numbers are the same estimate of the same paths
    found, exact = ratio.mean(axis=0)[depth], pathwise.mean(axis=0)[depth]
    chance.mean(found, exact, error[depth], detects=0.06 * np.linalg.norm(exact), freedom=count - 1)
    assert np.array_equal(ratio[:, depth.stop:], pathwise[:, depth.stop:])
    largest = np.abs(exact / error[depth]).argmax()
    chance.finds(1.1 * found[largest], 1.1 * exact[largest], exact[largest], 1.1 * error[depth][largest], freedom=count - 1)


@random(comparisons=2)
def test_quarters_take_the_bias_of_the_slopes_from_order_1_to_order_2(chance):
    """The mean of m normal scores is N(0.4, 4/m), so that E c(m) is an integral; 2 E c(m) − E c(m/2) is what the freed slope must have."""
    criterion, points = LossOfExpectation(Logistic()), 400_000
    labels, weights = np.ones(points, dtype=int), np.ones(points)
    nodes, share = np.polynomial.hermite_e.hermegauss(60)

    def expected(m):
        return share @ Logistic().derivative(0.4 + 2 / np.sqrt(m) * nodes, 1.0) / share.sum()

    exact = Logistic().derivative(0.4, 1.0)
    for m in (8, 16):
        found = _slopes(criterion, 0.4 + 2 * rng(m).normal(size=(1, points, m)), labels, weights)[0]
        # finds 0.3 of the bias that is taken away
        chance.sample(found.ravel(), 2 * expected(m) - expected(m // 2), detects=0.3 * abs(expected(m) - exact))
    plain, freed = ([abs(f(m) - exact) for m in (32, 64)] for f in (expected, lambda m: 2 * expected(m) - expected(m // 2)))
    assert abs(np.log2(plain[0] / plain[1]) - 1) < 0.1 and abs(np.log2(freed[0] / freed[1]) - 2) < 0.2      # 1 and 2 + O(1/m)


def test_its_value_is_that_of_the_pathwise_objective_and_so_are_its_judgement_and_its_draws():
    setting, theta = _setting(Gaussian(0.3), LE)
    ours, theirs = LikelihoodRatioObjective(setting, 8, 5), ParticleObjective(setting, 8, 5)
    assert ours.value_and_gradient(theta)[0] == theirs.value_and_gradient(theta)[0]
    assert ours.value(theta) == theirs.value(theta)
    assert ours.draw(3).value_and_gradient(theta)[0] == theirs.draw(3).value_and_gradient(theta)[0] != theirs.value_and_gradient(theta)[0]
    assert ours.fingerprint() != theirs.fingerprint()


def test_bits_do_not_depend_on_threads():
    setting, theta = _setting(Gaussian(0.3), points=3000)
    objective, bits = LikelihoodRatioObjective(setting, 8), []
    for count in (1, 2):
        set_threads(count)
        bits.append(objective.value_and_gradient(theta)[1].tobytes())
    assert bits[0] == bits[1]


@pytest.mark.parametrize("name", [n for n in family.__all__ if n != "Gaussian"])
def test_noise_without_a_density_in_θ_is_refused_with_the_reason(name):
    with pytest.raises(ValueError, match=f"noise={name}.*no density.*Use ParticleObjective"):
        LikelihoodRatioObjective(_setting(getattr(family, name).example())[0], 8)


def test_silent_noise_odd_paths_and_another_law_are_refused():
    setting, theta = _setting(Gaussian(0.3))
    with pytest.raises(ValueError, match="own layers"):
        ParticleObjective(setting, 8, view=DiffusionView(2)).hamiltonian(theta)
    with pytest.raises(ValueError, match="without noise"):
        LikelihoodRatioObjective(_setting(Gaussian(0.0))[0], 8)
    for paths in (2, 7):
        with pytest.raises(ValueError, match=f"paths={paths}"):
            LikelihoodRatioObjective(setting, paths)
    with pytest.raises(ValueError, match="own layers"):
        LikelihoodRatioObjective(setting, 8, view=DiffusionView(2))


def test_its_variance_over_the_pathwise_one_grows_like_layers_over_s_squared():
    """To leading order ×4 as s is halved from 0.1 and ×2 as layers are doubled.  The next order in s is a relative 3 s² · O(1) (3 %), in 1/N an
    O(1) multiple of it (½ at 4 layers); a variance from 60 replicates errs by √(2/60) = 18 % a component, far less over all of them."""
    def ratio(level, layers):
        setting, theta = _setting(Gaussian(level), layers=layers, equal=True)
        depth = slice(0, setting.network.control.depth(theta).size)
        return np.divide(*(_gradients(o, setting, theta, 60, 16)[:, depth].var(axis=0, ddof=1).sum()
                           for o in (LikelihoodRatioObjective, ParticleObjective)))

    base = ratio(0.1, 4)
    assert 3 < ratio(0.05, 4) / base < 5
    assert 1.4 < ratio(0.1, 8) / base < 3
    assert base > 100                                                    # why the pathwise gradient is the default
