"""What is repeated to see whether memory grows: subject(k) is repetition number k, with objects of its own and, where sizes matter, sizes of its own."""

import io
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ocnet
from ocnet import Diffusion, Grid, KolmogorovProblem, LabelledPoints, ResidualNetwork, Setting, StochasticResNetClassifier
from ocnet.kolmogorov import gradient
from ocnet.kolmogorov.schemes import SemiLagrangian
from ocnet.networks.architectures import HeunNet
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian, HiddenDropout
from ocnet.particles import Reconstructed, Stored
from ocnet.particles.pathwise import sampled_value_and_gradient
from ocnet.particles.sampling import Antithetic, Sobol
from ocnet.training import optimisers
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import Logistic
from ocnet.training.objectives import GridObjective, ParticleObjective
from ocnet.training.optimisers import LBFGS, SequentialHamiltonian, SuccessiveApproximations
from ocnet.training.regularisers import Tikhonov

SIZES = 16                           # as many sizes come by turns


def _problem(dim, k):
    return KolmogorovProblem(Diffusion(lambda t, x: np.sin(x + t + k), 0.5 * np.eye(dim), dim), lambda x: np.tanh(x[:, 0] - k), 0.1)


def _coupled(k):
    """A full factor that depends on x, which the fused passes do not serve with a potential."""
    factor = lambda t, x: (0.5 + 0.1 * np.cos(x[:, :1] + t))[:, :, None] * (np.eye(2) + 0.3)
    return KolmogorovProblem(Diffusion(lambda t, x: np.sin(x + t + k), factor, 2), lambda x: np.tanh(x[:, 0]), 0.1, potential=lambda t, x: x[:, 0] ** 2)


def _box(dim, nodes):
    return Grid.uniform([-2.0] * dim, [2.0] * dim, [nodes] * dim)


def _nodes(base, k):
    return base + 2 * (k % SIZES)


def _setting(k, points=200, layers=4, noise=Gaussian(0.2), **options):
    x = np.random.default_rng(k).normal(size=(points, 2))
    network = ResidualNetwork(Perceptron(8), noise, layers, dim=2, **options)
    return Setting(network, LabelledPoints(x, np.where(x[:, 0] > 0, 1, -1)), ExpectedLoss(Logistic()), (Tikhonov(1e-3),))


def _quiet(iteration, value):
    """No bar."""


def _train(objective, optimiser, **options):
    return ocnet.train(objective, objective.setting.network.initialise(0), optimiser, progress=_quiet, **options)


def _squares(ends, rows):
    return float((ends**2).mean()), 2 * ends / ends.size, np.zeros(0)


def _pathwise(k, activations, **options):
    network = _setting(k, layers=16, **options).network
    return sampled_value_and_gradient(network.layered(network.initialise(k)), np.zeros((5, 2)), 2000 + 200 * (k % SIZES), _squares, activations=activations)


def _figures(k):
    value = ocnet.solve_backward(_problem(2, k), _box(2, 41), 2)
    ax = value.plot()
    ax.figure.savefig(io.BytesIO(), format="png")
    plt.close(ax.figure)


def _saved(k):
    with tempfile.TemporaryDirectory() as folder:
        value = ocnet.solve_backward(_problem(2, k), _box(2, _nodes(101, k)), 2, keep=3)
        ocnet.save(Path(folder) / "value.npz", value)
        return ocnet.load(Path(folder) / "value.npz")


def _journalled(k):
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):                                      # written, then replayed
            found = _train(ParticleObjective(_setting(k), 8), LBFGS(iterations=3), journal=Path(folder) / "journal")
        return found


def _classified(k):
    rng = np.random.default_rng(k)
    x, y = rng.normal(size=(300, 4)), np.arange(300) % 3
    return StochasticResNetClassifier(max_iter=2, layers=4, width=8, random_state=k).fit(x, y).predict_proba(x)


def _chain(k):
    network = _setting(k).network
    return ocnet.solve_chain(network.layered(network.initialise(k)), lambda x: np.tanh(x[:, 0]), _box(2, _nodes(81, k)))


def _grid_step(k):
    setting = _setting(k)
    return GridObjective(setting, _box(2, _nodes(61, k))).value_and_gradient(setting.network.initialise(k))


def _compared(k):
    setting = _setting(k)
    return ocnet.compare(setting.network, setting.network.initialise(k), setting.data, nodes=31, paths=256)


SUBJECTS = {
    "solve_backward, 1-D": lambda k: ocnet.solve_backward(_problem(1, k), _box(1, 20_001 + 100 * (k % SIZES)), 4),
    "solve_backward, 2-D fused": lambda k: ocnet.solve_backward(_problem(2, k), _box(2, _nodes(201, k)), 4),
    "solve_backward, 2-D split": lambda k: ocnet.solve_backward(_coupled(k), _box(2, _nodes(151, k)), 4),
    "solve_backward, 3-D": lambda k: ocnet.solve_backward(_problem(3, k), _box(3, _nodes(27, k)), 2),
    "solve_backward, semi-Lagrangian": lambda k: ocnet.solve_backward(_problem(2, k), _box(2, _nodes(81, k)), 2, SemiLagrangian()),
    "solve_backward, kept within max_memory": lambda k: ocnet.solve_backward(_problem(2, k), _box(2, 101), 8, max_memory=6 * 8 * 101**2)([[0.1, 0.2]], 0.05),
    "solve_forward, 2-D": lambda k: ocnet.solve_forward(_problem(2, k).process, [[0.0, 0.0]], _box(2, _nodes(151, k)), 0.1, 4),
    "gradient of a solve": lambda k: gradient(_problem(2, k), _box(2, _nodes(101, k)), np.ones((1, _nodes(101, k) ** 2)), 4),
    "solve_chain": _chain,
    "estimate": lambda k: ocnet.estimate(_problem(2, k), [[0.0, 0.0]] * (1 + k % 3), 20_000 + 500 * (k % SIZES), 4),
    "estimate, antithetic and quasi-random": lambda k: [ocnet.estimate(_problem(2, k), [[0.0, 0.0]], 8192, 4, sampling=s) for s in (Antithetic(), Sobol())],
    "estimate_gradient, stored": lambda k: _pathwise(k, Stored()),
    "estimate_gradient, dropout": lambda k: _pathwise(k, Stored(), noise=HiddenDropout(0.9)),
    "estimate_gradient, reconstructed": lambda k: _pathwise(k, Reconstructed(bar=np.inf), architecture=HeunNet()),
    "estimate_multilevel": lambda k: ocnet.estimate_multilevel(_problem(2, k), [[0.0, 0.0]], 0.05),
    "propagate": lambda k: ocnet.propagate(_setting(k).network.layered(_setting(k).network.initialise(k)), np.zeros((3, 2)), 5000 + 100 * (k % SIZES)),
    **{f"train, {name}": (lambda k, name=name: _train(ParticleObjective(_setting(k), 8), getattr(optimisers, name)(iterations=2)))
       for name in ("Adam", "LBFGS", "Momentum", "AveragedSGD", "GradientDescent", "ProximalGradient", "TrustConstr")},
    "train, SequentialHamiltonian": lambda k: _train(ParticleObjective(_setting(k), 8), SequentialHamiltonian(iterations=1)),
    "train, SuccessiveApproximations": lambda k: _train(ParticleObjective(_setting(k), 8), SuccessiveApproximations(iterations=1)),
    "train, journal": _journalled,
    "grid objective and gradient": _grid_step,
    "train_on_grid": lambda k: ocnet.train_on_grid(_setting(k, 40), _setting(k, 40).network.initialise(k), LBFGS(iterations=2), 21, progress=_quiet),
    "classifier": _classified,
    "compare": _compared,
    "figures": _figures,
    "save and load": _saved,
}
