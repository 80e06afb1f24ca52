"""diffrax: Euler's method, one solve for a chunk of paths in columns or one a path under vmap; chunks by lax.map, jitted whole.

UnsafeBrownianPath draws each increment afresh, as fixed steps allow; VirtualBrownianTree, which answers for any interval, takes 10 times as
long and is not raced.
"""

from functools import partial
from itertools import count

import diffrax
import jax
import jax.numpy as jnp
import lineax
import numpy as np

from .workers import mean_and_error, sums_by_workers

__all__ = ["PATHS", "SOLVES", "layered_mean"]

jax.config.update("jax_enable_x64", True)


def _tree(shape, key, dt):
    return diffrax.VirtualBrownianTree(0.0, 1.0, tol=0.5 * dt, shape=shape, key=key)


def _unsafe(shape, key, dt):
    return diffrax.UnsafeBrownianPath(shape, key)


PATHS = {"UnsafeBrownianPath": _unsafe, "VirtualBrownianTree": _tree}


def _solve(theta, key, x0, brownian, epsilon):
    """End state from x0 (d, chunk) or (d,)."""
    layers, bias_shape = len(theta[0]), (-1,) + (1,) * (x0.ndim - 1)
    dt = 1 / layers

    def drift(t, x, _):
        n = jnp.clip(jnp.round(t / dt).astype(int), 0, layers - 1)
        w1, b1, w2 = (w[n] for w in theta)
        return w2 @ jnp.tanh(w1 @ x + b1.reshape(bias_shape))

    def factor(t, x, _):
        return lineax.DiagonalLinearOperator(jnp.full(x.shape, epsilon, x.dtype))

    path = brownian(jax.ShapeDtypeStruct(x0.shape, x0.dtype), key, dt)
    terms = diffrax.MultiTerm(diffrax.ODETerm(drift), diffrax.ControlTerm(factor, path))
    return diffrax.diffeqsolve(terms, diffrax.Euler(), 0.0, 1.0, dt, x0, max_steps=layers, throw=False,
                               adjoint=diffrax.ForwardMode()).ys[0]


def _chunk_at_once(theta, key, chunk, *law):
    return _solve(theta, key, jnp.zeros((theta[0].shape[2], chunk), theta[0].dtype), *law)[0]


def _path_by_path(theta, key, chunk, *law):
    x0 = jnp.zeros(theta[0].shape[2], theta[0].dtype)
    return jax.vmap(lambda key: _solve(theta, key, x0, *law))(jax.random.split(key, chunk))[:, 0]


SOLVES = {"a solve a chunk": _chunk_at_once, "a solve a path": _path_by_path}


@partial(jax.jit, static_argnames=("chunk", "chunks", "solve", "brownian", "epsilon"))
def _sums(theta, seed, chunk, chunks, solve, brownian, epsilon):
    def sums(key):
        values = jax.nn.sigmoid(3 * solve(theta, key, chunk, brownian, epsilon))
        return jnp.stack([values.sum(), (values**2).sum()])

    return jax.lax.map(sums, jax.random.split(jax.random.key(seed), chunks)).sum(axis=0)


def layered_mean(walk, chunk, solve, path, workers):
    """A callable () -> (mean, standard error); every call draws fresh normals.  solve : of SOLVES;  path : of PATHS"""
    theta, seeds = tuple(jnp.asarray(w) for w in walk.weights), count()

    def work(worker, chunks):
        return np.asarray(_sums(theta, next(seeds), chunk, chunks, SOLVES[solve], PATHS[path], walk.epsilon))

    return lambda: mean_and_error(sums_by_workers(work, walk.paths // chunk, workers), walk.paths)
