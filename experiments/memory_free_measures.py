"""What `memory_free_adjoint.py` measures: errors of reconstructed gradients, peak memory, trained networks."""

import gc
import tracemalloc
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from datasets import ten_classes
from ocnet.kernels import memory, threads
from ocnet.networks import ResidualNetwork
from ocnet.networks.architectures import HeunNet, ResNet
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Noiseless
from ocnet.networks.readouts import LinearClasses
from ocnet.particles import Reconstructed, Stored
from ocnet.particles.reconstructed import swept_back
from ocnet.training import train
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import CrossEntropy
from ocnet.training.objectives import LabelledPoints, ParticleObjective, Setting
from ocnet.training.optimisers import Adam

__all__ = ["SCHEMES", "SWEEPS", "Errors", "Tied", "Trained", "accuracies", "errors_of", "fine_tuning", "memory_of"]

SCHEMES = {"Euler": ResNet(), "Heun": HeunNet()}
SWEEPS = {"stored": Stored(), "reconstructed": Reconstructed(bar=np.inf)}       # too few layers on purpose: no warning is wanted
CLASSES, NETWORKS, ERROR_DIM = 10, 6, 3              # networks averaged in the error's plot, and their dimension (that of MATH 3.3)
MEMORY_DIM, MEMORY_PATHS = 8, 3072                   # 192 KiB a layer: 1024 of them are below what `Stored` walks twice to save


def network_of(scheme, steps, horizon=1.0, **more):
    """A network of so many steps that reach the horizon: as many layers for Euler, one more for Heun, whose last has no step of its own."""
    architecture = SCHEMES[scheme]
    layers = steps + architecture.span - 1
    return ResidualNetwork(noise=Noiseless(), layers=layers, horizon=horizon * layers / steps, architecture=architecture, **more)




@dataclass(frozen=True)
class Errors:
    """Relative errors of reconstructed gradients against depth, geometric means over networks; what the sweeps estimate; the fitted slope."""

    scheme: str
    weights: str
    depths: list
    errors: list
    estimates: list
    slope: float


def gradient_error(process, x):
    """The relative error of the reconstructed gradient of ½ |x_N|², and its estimate."""
    states = process.trajectory(x, 0, 0)
    exact, found = process.reverse(states, 0, 0, states[-1].copy()), swept_back(process, x, states[-1].copy(), 0, 0, states[-1].copy())
    return np.linalg.norm(found.gradient - exact) / np.linalg.norm(exact), found.relative_error


def random_weights(weights, layers, size, seed):
    """(layers, size): a cos 2t + b sin 3t, or a ± b by turns, which is as rough as can be; a, b normal, of deviation 0.7."""
    a, b, t = *np.random.default_rng(seed).normal(0, 0.7, (2, size)), np.arange(layers)[:, None] / layers
    return a * np.cos(2 * t) + b * np.sin(3 * t) if weights == "smooth" else a + b * (-1.0) ** np.arange(layers)[:, None]


def errors_of(scheme, weights, depths):
    """The `Errors` of tanh networks of width 4."""
    found, x = np.empty((len(depths), NETWORKS, 2)), np.random.default_rng(0).normal(size=(ERROR_DIM, 40))
    for steps, row in zip(depths, found):
        network = network_of(scheme, steps, block=Perceptron(4), dim=ERROR_DIM)
        for k in range(NETWORKS):
            theta = network.control.zeros()
            network.control.depth(theta)[:] = random_weights(weights, network.layers, network.control.layer_size, k)
            row[k] = gradient_error(network.layered(theta), x)
    errors, estimates = np.exp(np.log(found).mean(axis=1)).T
    half = len(depths) // 2                                              # the deeper half, where the leading term rules
    return Errors(scheme, weights, list(depths), errors.tolist(), estimates.tolist(),
                  float(np.polyfit(np.log(depths[half - 1:]), np.log(errors[half - 1:]), 1)[0]))


# ---- memory --------------------------------------------------------------------------------------------------------------------------

def peak_of(layers, activations, paths):
    """Bytes at most held by one value and gradient of an Euler network of width 2, beyond θ and the data."""
    network = network_of("Euler", layers, block=Perceptron(2), dim=MEMORY_DIM)
    x = np.random.default_rng(0).normal(size=(paths // 2, MEMORY_DIM))
    data = LabelledPoints(np.concatenate([x, -x]), np.repeat([0, 1], paths // 2))
    network = replace(network, readout=LinearClasses(2))
    objective = ParticleObjective(Setting(network, data, ExpectedLoss(CrossEntropy(2))), 2, activations=activations)
    theta = network.initialise(0)
    gc.collect()
    memory._waiting.clear()                          # or arrays that wait from before would not be counted
    tracemalloc.start()
    objective.value_and_gradient(theta)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def memory_of(depths):
    """{"depths", "stored", "reconstructed", "parameters": what arrays as long as θ take, measured with two points}, bytes.

    On one thread: how much of their arrays two threads hold at the same time is a matter of chance.
    """
    before = threads.threads()
    threads.set_threads(1)
    try:
        peak_of(2, Stored(), 2), peak_of(2, SWEEPS["reconstructed"], 2)      # what is loaded on first use is not theirs
        found = {name: [peak_of(n, sweep, MEMORY_PATHS // 2) for n in depths] for name, sweep in SWEEPS.items()}
        return {"depths": list(depths), **found, "parameters": [peak_of(n, SWEEPS["reconstructed"], 2) for n in depths]}
    finally:
        threads.set_threads(before)


# ---- training ------------------------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Trained:
    """One trained network: the data term on what it was trained on, the share of test points it gets wrong, the relative error of the
    reconstructed gradient there; history {iteration, value}."""

    scheme: str
    activations: str
    steps: int
    seed: int
    value: float
    test_error: float
    gradient_error: float
    history: dict


@dataclass(frozen=True)
class Tied:
    """An objective of one layer's numbers and the tail, all layers being equal: θ is expanded, gradients are collected."""

    objective: object

    def expanded(self, theta):
        """(P,) of the network from (p + r,)."""
        control = self.objective.setting.network.control
        return np.concatenate([np.tile(theta[:control.layer_size], control.layers), theta[control.layer_size:]])

    def value(self, theta):
        return self.objective.value(self.expanded(theta))

    def value_and_gradient(self, theta):
        value, gradient = self.objective.value_and_gradient(self.expanded(theta))
        control = self.objective.setting.network.control
        return value, np.concatenate([control.depth(gradient).sum(axis=0), control.rest(gradient)])

    def draw(self, iteration):
        return Tied(self.objective.draw(iteration))


def problem(scheme, activations, steps, data, given):
    """The objective on the ten digits, and a start whose layers are equal: smooth in depth, as the theory wants it."""
    network = network_of(scheme, steps, given.horizon, block=Perceptron(given.width), dim=data.dim, readout=LinearClasses(CLASSES))
    points = LabelledPoints(data.train.points, data.train.labels, data.train.weights)
    objective = ParticleObjective(Setting(network, points, ExpectedLoss(CrossEntropy(CLASSES))), 2, batch=min(128, len(points)),
                                  activations=SWEEPS[activations])
    return objective, Tied(objective)


def trained(objective, theta, optimiser):
    """θ reached last, and the history of the values judged on the way."""
    found = train(objective, theta, optimiser)
    return found.last, {name: found.history[name].tolist() for name in ("iteration", "value")}


def judged(objective, theta, data, history, scheme, activations, steps, seed):
    """The `Trained` network at θ."""
    network = objective.setting.network
    process, x = network.layered(theta), np.ascontiguousarray(data.test.points.T)
    wrong = network.score(process.ends(x, 0, 0), theta).argmax(axis=0) != data.test.labels
    value, error = objective.sample(theta).value, gradient_error(process, x)[0]
    return Trained(scheme, activations, steps, seed, value, float(wrong.mean()), float(error), history)


def accuracies(given, part):
    """[Trained, …] for all schemes, activations, depths and seeds, each a part of the run."""
    def fitted(data, scheme, activations, steps, seed):
        objective, tied = problem(scheme, activations, steps, data, given)
        start = tied.expanded(tied_start(objective, seed))
        theta, history = trained(objective, start, Adam(iterations=given.iterations, rate=given.rate, check_every=given.iterations))
        return judged(objective, theta, data, history, scheme, activations, steps, seed)

    found = []
    for seed in range(given.seeds):
        data = ten_classes(given.images, seed)
        found += [part(f"{scheme}, {activations}, {steps} steps, {seed}", partial(fitted, data, scheme, activations, steps, seed))
                  for scheme in SCHEMES for activations in SWEEPS for steps in given.trained_depths]
    return found


def tied_start(objective, seed):
    """(p + r,): one random layer, and the tail."""
    network = objective.setting.network
    theta = network.initialise(seed)
    return np.concatenate([network.control.depth(theta)[0], network.control.rest(theta)])


def fine_tuning(given, part):
    """{scheme: [Trained tied, untied with stored, untied with reconstructed activations]} of the first split, each scheme a part of the run."""
    data, every = ten_classes(given.images, 0), max(1, given.iterations // 10)

    def tuned(scheme):
        objective, tied = problem(scheme, "stored", given.tuned_depth, data, given)
        theta, history = trained(tied, tied_start(objective, 0), Adam(iterations=given.iterations, rate=given.rate, check_every=every))
        start = tied.expanded(theta)
        rows = [judged(objective, start, data, history, scheme, "tied", given.tuned_depth, 0)]
        for activations, sweep in SWEEPS.items():
            untied = replace(objective, activations=sweep)
            theta, history = trained(untied, start, Adam(iterations=max(1, given.iterations // 2), rate=given.rate / 3, check_every=every))
            rows.append(judged(untied, theta, data, history, scheme, activations, given.tuned_depth, 0))
        return rows

    return {scheme: part(f"fine-tuning of {scheme}", partial(tuned, scheme)) for scheme in SCHEMES}
