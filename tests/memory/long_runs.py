"""Calls that take long enough to be interrupted, one for each kind of work; and what must be true of the library after an interrupt."""

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

from ocnet import (
    Diffusion,
    Grid,
    KolmogorovProblem,
    LabelledPoints,
    ResidualNetwork,
    Setting,
    StochasticResNetClassifier,
    compare,
    estimate,
    estimate_gradient,
    estimate_multilevel,
    landscape,
    lyapunov_exponent,
    pgd,
    propagate,
    solve_backward,
    solve_chain,
    solve_forward,
    top_eigenvalue,
    train,
    train_on_grid,
    weak_order,
)
from ocnet.analysis import LInfinityBall
from ocnet.kernels import threads
from ocnet.kolmogorov import gradient
from ocnet.kolmogorov.schemes import SemiLagrangian
from ocnet.networks.blocks import Perceptron, Sine
from ocnet.networks.noise import Gaussian, HiddenDropout
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import Logistic
from ocnet.training.objectives import GridObjective, LikelihoodRatioObjective, ParticleObjective
from ocnet.training.optimisers import LBFGS, Adam, SequentialHamiltonian
from ocnet.training.regularisers import Tikhonov

LONG = 10**6                         # steps or iterations, never done
MANY = np.tile(np.linspace(-2, 2, 20_000), (1000, 1)).reshape(-1, 2)


def drift(t, x):
    return np.sin(x + t)


def terminal(x):
    return np.tanh(x[:, 0])


def problem(dim):
    return KolmogorovProblem(Diffusion(drift, 0.5 * np.eye(dim), dim), terminal, 1.0)


def box(dim, nodes):
    return Grid.uniform([-2.0] * dim, [2.0] * dim, [nodes] * dim)


def network(layers=8, width=16, dim=2, noise=Gaussian(0.2)):
    return ResidualNetwork(Perceptron(width), noise, layers, dim=dim)


def setting(points, **options):
    x = np.random.default_rng(0).normal(size=(points, 2))
    return Setting(network(**options), LabelledPoints(x, np.where(x[:, 0] > 0, 1, -1)), ExpectedLoss(Logistic()), (Tikhonov(1e-3),))


def _quiet(iteration, value):
    """No bar."""


def _train(objective, optimiser):
    return train(objective, objective.setting.network.initialise(0), optimiser, progress=_quiet)


def _chain():
    wide = network(64, 64)
    return solve_chain(wide.layered(wide.initialise(0)), terminal, box(2, 1001))


def _estimate_with(workers):
    with ThreadPoolExecutor(workers) as pool:
        return estimate(problem(2), [[0.0, 0.0]], 10**8, executor=pool)


def _layered(layers=8, width=16, noise=Gaussian(0.2), **options):
    net = network(layers, width, noise=noise)
    return estimate(KolmogorovProblem(net.diffusion(net.initialise(0)), terminal, net.horizon), [[0.0, 0.0]], 10**8,
                    layered=net.layered(net.initialise(0)), **options)


def _sum_of_squares(ends, rows):
    return float((ends**2).mean()), 2 * ends / ends.size, np.zeros(0)


def _pathwise():
    net = network(64)
    return estimate_gradient(net.layered(net.initialise(0)), np.zeros((10, 2)), 16 * 10**5, _sum_of_squares)


def _classifier(jobs=2):
    rng = np.random.default_rng(0)
    return StochasticResNetClassifier(max_iter=LONG, random_state=0, n_jobs=jobs).fit(rng.normal(size=(20_000, 5)), np.arange(20_000) % 3)


def _predict():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 5))
    model = StochasticResNetClassifier(max_iter=1, random_state=0, prediction_paths=100_000).fit(x, np.arange(2000) % 3)
    return model.predict_proba(x)


def _on_particles(function, **options):
    of = setting(1000)
    return function(ParticleObjective(of, 256), of.network.initialise(0), **options)


RUNS = {
    "solve_backward, 1-D": lambda: solve_backward(problem(1), box(1, 200_001), LONG),
    "solve_backward, fused plane": lambda: solve_backward(problem(2), box(2, 2001), LONG),
    "solve_backward, small plane": lambda: solve_backward(problem(2), box(2, 61), LONG),
    "solve_backward, 3-D": lambda: solve_backward(problem(3), box(3, 161), LONG),
    "solve_backward, semi-Lagrangian": lambda: solve_backward(problem(2), box(2, 1001), LONG, SemiLagrangian()),
    "solve_backward, semi-Lagrangian 3-D": lambda: solve_backward(problem(3), box(3, 101), LONG, SemiLagrangian()),
    "solve_backward, tolerance": lambda: solve_backward(problem(2), tolerance=1e-10, at=[[0.0, 0.0]]),
    "solve_forward, 3-D": lambda: solve_forward(problem(3).process, [[0.0] * 3], box(3, 121), 1.0, LONG),
    "gradient of a solve": lambda: gradient(problem(2), box(2, 501), np.ones((1, 501**2)), 2000),
    "gradient of a solve, bounded memory": lambda: gradient(problem(2), box(2, 501), np.ones((1, 501**2)), LONG, max_memory=1e8),
    "solve_chain": _chain,
    "value at many points": lambda: solve_backward(problem(2), box(2, 101), 2)(MANY),
    "estimate": lambda: estimate(problem(2), [[0.0, 0.0]], 10**9),
    "estimate, executor": lambda: _estimate_with(2),
    "estimate, layered": _layered,
    "estimate, deep and wide": lambda: _layered(4096, 64, HiddenDropout(0.9)),
    "estimate_multilevel": lambda: estimate_multilevel(problem(2), [[0.0, 0.0]], 1e-7),
    "estimate_gradient": _pathwise,
    "propagate": lambda: propagate(network(1000).layered(network(1000).initialise(0)), np.zeros((10, 2)), 10**6),
    "train, Adam": lambda: _train(ParticleObjective(setting(1000), 64), Adam(iterations=LONG)),
    "train, one long gradient": lambda: _train(ParticleObjective(setting(1000, layers=64), 4096), Adam(iterations=LONG)),
    "train, L-BFGS, one long gradient": lambda: _train(ParticleObjective(setting(1000, layers=64), 4096), LBFGS(iterations=LONG)),
    "train, grid": lambda: _train(GridObjective(setting(100), box(2, 401)), LBFGS(iterations=LONG)),
    "train, sequential Hamiltonian": lambda: _train(ParticleObjective(setting(1000), 64), SequentialHamiltonian(iterations=LONG)),
    "likelihood ratio": lambda: _train(LikelihoodRatioObjective(setting(1000), 1024), LBFGS(iterations=LONG)),
    "train_on_grid": lambda: train_on_grid(setting(100), setting(100).network.initialise(0), LBFGS(iterations=LONG), 121, progress=_quiet),
    "classifier, fit": _classifier,
    "classifier, predict": _predict,
    "compare": lambda: compare(network(64), network(64).initialise(0), setting(1000).data, nodes=401, paths=10**5),
    "landscape": lambda: _on_particles(landscape, directions=2),
    "top_eigenvalue": lambda: _on_particles(top_eigenvalue, tolerance=1e-15, iterations=LONG),
    "lyapunov_exponent": lambda: lyapunov_exponent(network(64).layered(network(64).initialise(0)), np.zeros((100, 2)), 10**4),
    "pgd": lambda: _on_particles(pgd, ball=LInfinityBall(0.1), iterations=LONG),
    "weak_order": lambda: weak_order(ResidualNetwork(Sine(16), Gaussian(0.2), 8, dim=1), lambda net: net.initialise(0), nodes=40_001),
}


def reference():
    """The bits of a solve on a plane, of an estimate and of a block on a grid, which together use every way to threads."""
    value = solve_backward(problem(2), box(2, 301), 4)
    means = estimate(problem(2), [[0.1, 0.2]], 40_000, 5)
    net = network(4)
    chain = solve_chain(net.layered(net.initialise(0)), terminal, box(2, 201))
    return value.values.tobytes(), means.value.tobytes(), chain.values.tobytes()


def trouble(expected, mask):
    """What an interrupt has left behind, in words; nothing should be."""
    left = {"callers at work": threads._at_work, "a loop under way": threads._launching,
            "this thread marked as a helper": getattr(threads._here, "inside", False) or getattr(threads._here, "part_of", None),
            "Numba's number of threads changed": numba.get_num_threads() != mask, "other bits": reference() != expected}
    return [words for words, found in left.items() if found]
