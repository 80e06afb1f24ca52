"""What `regularisation.py` measures: R1 of MATH 5 and a trained plane network, their ledgers, and the losses that ledgers foretell."""

from dataclasses import dataclass

import numpy as np

from datasets import load
from ocnet.analysis import diffusion_ledger, diffusion_variance_ledger, regularisation_ledger, variance_ledger
from ocnet.grid import Grid
from ocnet.kolmogorov import solve_backward
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian, HiddenDropout, OutputDropout
from ocnet.networks.readouts import Tanh
from ocnet.particles import over_ends
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion, LayeredProcess
from ocnet.training import train
from ocnet.training.criteria import EnsembleLoss, ExpectedLoss, LossOfExpectation
from ocnet.training.losses import Squared
from ocnet.training.objectives import GridObjective, LabelledPoints, ParticleObjective, Setting
from ocnet.training.optimisers import LBFGS
from ocnet.training.regularisers import Tikhonov

__all__ = ["KEEP", "LEVELS", "MEMBERS", "PRINTED", "RATIO_LEVELS", "SIGMAS", "SMALL_LEVELS", "ensembles", "fading", "levels", "plane_network", "r1", "remainders", "skewed_remainders"]

KEEP = 0.8
SIGMAS, RATIO_LEVELS = (0.05, 0.1, 0.2, 0.4), (0.1, 0.2, 0.3, 0.4)
LEVELS, MEMBERS, SMALL_LEVELS, MANY = (0.25, 0.5, 0.75, 1.0, 1.25), (1, 2, 4, 8), (0.125, 0.25, 0.5), 16      # MANY times the paths for the small ones
PRINTED = {"J_0": 0.222529, "C1": 0.190838, "PEN": 0.052166, "ratios": (1.0019, 1.0125, 1.0273, 1.0442), "J_M": (0.27302, 0.22347, 0.19869, 0.18630),
           "fading": {8: 1.305, 16: 1.174, 32: 1.093, 64: 1.048, 128: 1.023}}      # MATH 1.6 and 5
FIELD = (2.0, 0.3, 1.5, 0.0)                         # W₁, b₁, W₂, b₂ of f = 1.5 tanh(2x + 0.3)
REACH = 3.3                                          # of R2's normal densities; 1e-12 of their mass is beyond
EXACT = Squared()


def interval_data(nodes):
    """R2's two normal densities as weighted points."""
    def density(label):
        return lambda x: np.exp(-0.5 * ((x[:, 0] - 0.5 * label) / 0.4) ** 2) / (np.sqrt(2 * np.pi) * 0.4)

    return LabelledPoints.from_densities({y: density(y) for y in (-1, 1)}, Grid.uniform(-REACH, REACH, nodes))


def drift(t, x):
    return 1.5 * np.tanh(2 * x + 0.3)


def score(x):
    return np.tanh(2 * x[:, 0])


def field_network(noise, layers):
    """R1's field as a network, and its θ."""
    return ResidualNetwork(Perceptron(1), noise, layers, dim=1, readout=Tanh(2.0)), np.tile(FIELD, layers)


@dataclass(frozen=True)
class Extrapolated:
    """A number of order `order` in the mesh from two meshes, one twice as fine; the bar is what refining has changed."""

    value: float
    bar: float

    @classmethod
    def of(cls, coarse, fine, order):
        return cls(float(fine + (fine - coarse) / (2**order - 1)), float(abs(fine - coarse)))


def diffusion_losses(data, sigma, nodes, steps):
    """J_EL and J_LE of R1 as `Extrapolated`, from the backward equation of h and h²."""
    def losses(k):
        problem = KolmogorovProblem(Diffusion(drift, sigma * np.eye(1), 1), lambda x: np.stack([score(x), score(x) ** 2], axis=1), 1.0)
        mean, square = solve_backward(problem, Grid.uniform(-4, 4, k * (nodes - 1) + 1), k * steps)(data.points).T
        y = data.labels
        return np.array([data.weights @ (0.5 * (square - 2 * y * mean + 1)), data.weights @ (0.5 * (mean - y) ** 2)])

    coarse, fine = losses(1), losses(2)
    return [Extrapolated.of(a, b, 2) for a, b in zip(coarse, fine)]


def r1(data, given):
    """The constants of R1: its ledger, that of f dB (whose Gauss–Newton part is ½ PEN), J_EL and J_LE by noise, the identity both ways."""
    plain = diffusion_ledger(Diffusion(drift, np.eye(1), 1), data, score, EXACT, layers=8, substeps=given.substeps)
    own = diffusion_ledger(Diffusion(drift, lambda t, x: drift(t, x)[:, :, None], 1), data, score, EXACT, layers=8, substeps=given.substeps)
    losses = {sigma: diffusion_losses(data, sigma, given.nodes, given.steps) for sigma in (*RATIO_LEVELS, 0.5)}
    variance = diffusion_variance_ledger(Diffusion(drift, 0.5 * np.eye(1), 1), data, score, Grid.uniform(-4, 4, given.nodes // 2 + 1), steps=given.steps // 2)
    return {"ledger": plain, "pen": 2 * float(own.gauss_newton.sum()), "pen_bar": 2 * own.penalty_bar, "losses": losses, "variance": variance}


def chain_loss(network, theta, data, criterion, grid):
    """The data term by the chain as `Extrapolated`: order 4 in the spacing where the grid resolves the flow."""
    values = [GridObjective(Setting(network, data, criterion), g).data_term(theta) for g in (grid, grid.refined(2))]
    return Extrapolated.of(*values, 4)


def remainders(data, given):
    """J_EL(σ) − J_0 and what the ledger leaves of it, of R1's field in 8 layers with additive noise: {σ: (penalty, rest, bar)}."""
    unit, theta = field_network(Gaussian(1.0), 8)
    ledger, found = regularisation_ledger(unit, theta, data, EXACT), {}
    for sigma in SIGMAS:
        J = chain_loss(field_network(Gaussian(sigma), 8)[0], theta, data, ExpectedLoss(EXACT), Grid.uniform(-5, 5, given.nodes))
        found[sigma] = (J.value - ledger.noise_free, J.value - ledger.expected_loss(sigma), J.bar + sigma**2 * ledger.penalty_bar)
    return found


def fading(data, given, pen):
    """J_EL − J_LE of dropout in R1's field, over ½ (c/N) PEN, by the chain: {N: (gap, ratio, bar of the ratio, Gauss–Newton part over the same)}."""
    found, c = {}, (1 - KEEP) / KEEP
    for layers in (8 * 2**k for k in range(given.doublings + 1)):
        network, theta = field_network(OutputDropout(KEEP), layers)
        grid, unit = Grid.uniform(-4, 4, 2 * given.nodes - 1), 0.5 * c / layers * pen
        expected, of_mean = (chain_loss(network, theta, data, criterion(EXACT), grid) for criterion in (ExpectedLoss, LossOfExpectation))
        newton = regularisation_ledger(network, theta, data, EXACT).gauss_newton.sum()
        gap = expected.value - of_mean.value
        found[layers] = (gap, gap / unit, (expected.bar + of_mean.bar) / unit, float(newton) / unit)
    return found


def plane_network(given):
    """A network with hidden dropout, trained on moons by frozen noise; its θ and data."""
    sample = load("moons", seed=given.seed, size=2 * given.points).train
    data = LabelledPoints(sample.points, sample.labels, sample.weights)
    network = ResidualNetwork(Perceptron(8), HiddenDropout(KEEP), given.layers)
    setting = Setting(network, data, ExpectedLoss(EXACT), (Tikhonov(1e-3),))
    result = train(ParticleObjective(setting, 8, seed=given.seed), network.initialise(given.seed), LBFGS(iterations=given.iterations))
    return network, result.x, data


class _AtLevel(LayeredProcess):
    """A layered process with ξ replaced by ε ξ."""

    def __init__(self, process, level):
        self._whole, self._level = process, level
        super().__init__(process.step, process.law, process.dim, process.times)

    def law_at(self, n):
        return self._whole.law_at(n)

    def draw(self, seed, first, paths, n):
        return self._level * self._whole.draw(seed, first, paths, n)


def _sampled(network, theta, data, criteria, level, paths, seed):
    """(value, standard error) of each of the criteria, all from the same paths, with noise of a level."""
    values, variances = np.zeros((2, len(criteria), len(data)))

    def consume(ends, rows):
        x = np.ascontiguousarray(ends.reshape(-1, network.dim).T)
        scores = network.score(x, theta).reshape(ends.shape[:2])
        for k, criterion in enumerate(criteria):
            values[k, rows], variances[k, rows], _ = criterion.sampled(scores, data.labels[rows])

    over_ends(_AtLevel(network.layered(theta), level), data.points, paths, consume, seed)
    return [(float(data.weights @ value), float(np.sqrt(data.weights**2 @ variance))) for value, variance in zip(values, variances)]


def levels(network, theta, data, given):
    """J_EL and J_LE of the trained network by particles, for noise of several levels: {ε: [(value, s.e.), (value, s.e.)]}; and its two ledgers."""
    criteria = ExpectedLoss(EXACT), LossOfExpectation(EXACT)
    sampled = {level: _sampled(network, theta, data, criteria, level, given.paths, given.seed + 1) for level in LEVELS}
    return sampled, regularisation_ledger(network, theta, data, EXACT), variance_ledger(network, theta, data, max(2, given.paths // 4), given.seed + 2)


def skewed_remainders(network, theta, data, ledger, given):
    """J_EL(ε) − J_0 and what the ledger leaves of it for the trained network, whose masks are skewed: {ε: (penalty, rest, three standard errors)}."""
    found = {}
    for k, level in enumerate(SMALL_LEVELS):
        ((value, error),) = _sampled(network, theta, data, [ExpectedLoss(EXACT)], level, MANY * given.paths, given.seed + 30 + k)
        found[level] = (value - ledger.noise_free, value - ledger.expected_loss(level), 3 * error)
    return found


def ensembles(network, theta, data, given):
    """J_M of the trained network by particles, one seed a member count, so that they are independent: {M: (value, s.e.)}."""
    return {M: _sampled(network, theta, data, [EnsembleLoss(EXACT, M)], 1.0, given.paths, given.seed + 10 + M)[0] for M in MEMBERS}
