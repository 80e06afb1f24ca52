"""Particle task: the gradient of the mean in all weights."""

import numpy as np

from ocnet.kernels.threads import threads
from ocnet.particles import sampled_value_and_gradient

from .peers import load
from .problems import LAYERS
from .protocol import Contender, Row, race, with_peers
from .walk import UNIT, Walk, chunked, tuned, walk_problem
from .walks import own_run

__all__ = ["gradient_of_mean"]

_SEEDS = 8                           # independent gradients from which the reference and its standard errors come
_PARTS = "W1", "b1", "W2"


def _own_gradient(walk, seed):
    """A callable () -> (mean, gradient in (W1, b1, W2)) by the public face."""
    _, net, theta = walk_problem(walk)

    def terminal(ends, rows):
        values = 1 / (1 + np.exp(-3 * ends[..., 0]))
        cotangent = np.zeros_like(ends)
        cotangent[..., 0] = 3 / walk.paths * values * (1 - values)
        return values.sum() / walk.paths, cotangent, np.zeros(0)

    def run():
        value, gradient, _ = sampled_value_and_gradient(net.layered(theta), np.zeros((1, walk.dim)), walk.paths, terminal, seed)
        whole = net.control.zeros()
        net.control.depth(whole)[:] = gradient
        layers = [net.control.layer(whole, n) for n in range(LAYERS)]
        return value, [np.stack([getattr(layer, name) for layer in layers]) for name in _PARTS]

    return run


def _error(walk):
    """A callable (mean, gradient) -> distance from the mean of ocnet's gradients of other seeds, in standard errors of both.

    √(Σ (g − g̅)² / Σ s² (1 + 1/seeds)) over all weights: about 1 for the same gradient, whatever the noise.
    """
    others = np.stack([np.concatenate([part.ravel() for part in _own_gradient(walk, seed)()[1]])
                       for seed in range(2, 2 + _SEEDS)])
    centre, variance = others.mean(axis=0), others.var(axis=0, ddof=1) * (1 + 1 / _SEEDS)

    def error(result):
        flat = np.concatenate([part.ravel() for part in result[1]])
        return float(np.sqrt(((flat - centre)**2).sum() / variance.sum()))

    return error


def gradient_of_mean(task, setting, paths, dim, width):
    """The gradient of the mean of sigmoid(3 x_N[0]) in all weights, and its time over the mean's by as many paths."""
    walk = Walk(dim, width, paths)
    error, run = _error(walk), _own_gradient(walk, 1)
    own = Contender("ocnet", run, error, walk.steps, "value and gradient, b2 included, which the peers lack; error: distance "
                    "from 8 other seeds in standard errors, about 1", compiles=True)

    def torch():
        peer = load("torch_particles")
        return tuned("PyTorch", peer.value_and_gradient, walk, chunked(setting, layer=peer.DIFFERENTIABLE), error, ", autograd")

    def jax():
        peer = load("jax_particles")
        return tuned("JAX", lambda walk, chunk, team: peer.value_and_gradient(walk, chunk, team[0]), walk, chunked(setting),
                     error, ", value_and_grad")

    rows = with_peers(task, own, [("PyTorch", torch), ("JAX", jax)], UNIT, setting.repetitions)
    gradients, values = race([own, Contender("ocnet", own_run(walk))], setting.repetitions)
    return [*rows, Row(f"{task} over value", "ocnet", threads(), values.median, gradients.median / values.median,
                       "gradient s / value s", ratio=1.0, note="seconds: of the value alone", best=min(values.seconds),
                       runs=len(values.seconds), clock=rows[0].clock)]
