"""Particle tasks: the mean of a functional of a network's paths in double and single precision; a user's diffusion."""

from dataclasses import replace

import numpy as np

import ocnet
from ocnet.kernels.threads import threads
from ocnet.networks.noise import Noiseless
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion

from .peers import load
from .problems import LAYERS, network
from .protocol import Contender, Row, with_peers
from .walk import UNIT, Walk, chunked, error_of, sigmoid, tuned, walk_problem

__all__ = ["in_double", "in_single", "own_run", "user_diffusion"]


def own_run(walk, seed=1, precision="double"):
    """A callable () -> (mean, standard error) by the public face."""
    problem, net, theta = walk_problem(walk)
    x0 = np.zeros((1, walk.dim))

    def run():
        found = ocnet.estimate(problem, x0, walk.paths, layered=net.layered(theta, precision), seed=seed)
        return float(found.value[0]), float(found.standard_error[0])

    return run


def _numpy(walk, setting, error):
    peer = load("numpy_particles")
    return tuned("NumPy", lambda walk, chunk, team: peer.layered_mean(walk, chunk, team[0]), walk,
                 _without_threads_inside(chunked(setting)), error)


def _torch(walk, setting, error):
    peer = load("torch_particles")
    return tuned("PyTorch", peer.layered_mean, walk, chunked(setting, layer=peer.LAYERS), error)


def _jax(walk, setting, error):
    peer = load("jax_particles")
    return tuned("JAX", lambda walk, chunk, team: peer.layered_mean(walk, chunk, team[0]), walk, chunked(setting), error)


def _diffrax(walk, setting, error):
    peer = load("diffrax_particles")
    return tuned("diffrax", lambda walk, team, **chosen: peer.layered_mean(walk, workers=team[0], **chosen), walk,
                 chunked(setting, solve=peer.SOLVES, path=("UnsafeBrownianPath",)), error)


def _torchsde(walk, setting, error):
    peer = load("torchsde_particles")
    return tuned("torchsde", peer.layered_mean, walk, chunked(setting, motion=peer.MOTIONS), error)


def _without_threads_inside(settings):
    return [chosen for chosen in settings if not chosen["team"].endswith("inside")]


_PEERS = {"NumPy": _numpy, "PyTorch": _torch, "JAX": _jax, "diffrax": _diffrax, "torchsde": _torchsde}


def _builders(names, walk, setting, error):
    return [(name, lambda name=name: _PEERS[name](walk, setting, error)) for name in names]


def in_double(task, setting, paths, dim, width):
    """The mean in float64, draws included.  Error: distance from the reference in standard errors of both."""
    walk = Walk(dim, width, paths)
    error = error_of(walk, setting)
    own = Contender("ocnet", own_run(walk), error, walk.steps, "ocnet.estimate; error: |mean − reference| in standard errors",
                    compiles=True)
    return with_peers(task, own, _builders(_PEERS, walk, setting, error), UNIT, setting.repetitions)


def in_single(task, setting, paths, dim, width):
    """The mean in float32, and its bias by rounding."""
    walk = Walk(dim, width, paths, "float32")
    error = error_of(walk, setting)
    own = Contender("ocnet", own_run(walk, precision="single"), error, walk.steps,
                    "ocnet.estimate(…, layered=network.layered(theta, precision=\"single\"))", compiles=True)
    rows = with_peers(task, own, _builders(("PyTorch", "JAX"), walk, setting, error), UNIT, setting.repetitions)
    mean, largest = _rounding(walk)
    return [*rows, Row(f"{task} bias", "ocnet", threads(), error=mean, ratio=1.0,
                       note=f"mean over 1e5 starts of sigmoid in float32 less that in float64, without noise; the largest of one is {largest:.1g}")]


def _rounding(walk):
    """Mean and largest difference that single precision makes to the functional, path by path, without noise."""
    net, theta = network(walk.dim, walk.width)
    net = replace(net, noise=Noiseless())
    x = np.random.default_rng(0).normal(size=(walk.dim, 100_000))
    double, single = (sigmoid(net.layered(theta, precision).ends(x, 0, 0).T) for precision in ("double", "single"))
    return float((single - double).mean()), float(np.abs(single - double).max())


def _user_drift(walk):
    """The network's drift as a user would write it: (t, x (n, d)) -> (n, d)."""
    w1, b1, w2 = walk.weights

    def drift(t, x):
        n = min(int(t / walk.dt + 0.5), LAYERS - 1)
        return np.tanh(x @ w1[n].T + b1[n]) @ w2[n].T

    return drift


def user_diffusion(task, setting, paths, dim, width):
    """A Diffusion with a Python drift, a step a layer, against a loop around the same drift and two SDE libraries."""
    walk = Walk(dim, width, paths)
    error, drift = error_of(walk, setting), _user_drift(walk)
    breaks = tuple(walk.dt * n for n in range(1, LAYERS))
    problem = KolmogorovProblem(Diffusion(drift, walk.epsilon * np.eye(dim), dim, breaks), sigmoid, 1.0)

    def run():
        found = ocnet.estimate(problem, np.zeros((1, dim)), paths, steps=LAYERS, seed=1)
        return float(found.value[0]), float(found.standard_error[0])

    def loop():
        peer = load("numpy_particles")
        return tuned("NumPy", lambda walk, chunk, team: peer.stepped_mean(walk, drift, chunk, team[0]), walk,
                     _without_threads_inside(chunked(setting)), error, ", a loop around the same drift")

    own = Contender("ocnet", run, error, walk.steps, "ocnet.estimate of a Diffusion with a Python drift", compiles=True)
    peers = [("NumPy", loop), *_builders(("diffrax", "torchsde"), walk, setting, error)]
    return with_peers(task, own, peers, UNIT, setting.repetitions)
