"""JAX: one jitted program; chunks of paths in columns by lax.map, layers by lax.scan, normals by its default generator.

Tried and slower on a CPU: one path at a time under vmap (by 1.4), and the generators "rbg" and "unsafe_rbg" (by 2 to 4).
"""

from functools import partial
from itertools import count

import jax
import jax.numpy as jnp
import numpy as np

from .workers import mean_and_error, sums_by_workers

__all__ = ["layered_mean", "value_and_gradient"]

jax.config.update("jax_enable_x64", True)


def _values(theta, key, chunk, dt, deviation):
    """sigmoid(3 x_N[0]) of a chunk of paths (chunk,)."""
    w1 = theta[0]
    shape = w1.shape[2], chunk

    @jax.checkpoint                          # gradients draw and compute a layer again: 1.3 times as fast as storing it
    def layer(x, given):
        w1, b1, w2, key = given
        drift = w2 @ jnp.tanh(w1 @ x + b1[:, None])
        return x + dt * drift + deviation * jax.random.normal(key, shape, x.dtype), None

    x, _ = jax.lax.scan(layer, jnp.zeros(shape, w1.dtype), (*theta, jax.random.split(key, len(w1))))
    return jax.nn.sigmoid(3 * x[0])


@partial(jax.jit, static_argnames=("chunk", "chunks", "dt", "deviation"))
def _sums(theta, seed, chunk, chunks, dt, deviation):
    def sums(key):
        values = _values(theta, key, chunk, dt, deviation).astype(jnp.float64)
        return jnp.stack([values.sum(), (values**2).sum()])

    return jax.lax.map(sums, jax.random.split(jax.random.key(seed), chunks)).sum(axis=0)


@partial(jax.jit, static_argnames=("chunk", "chunks", "dt", "deviation"))
def _gradient(theta, seed, chunk, chunks, dt, deviation):
    def add(total, key):
        part = jax.value_and_grad(lambda th: _values(th, key, chunk, dt, deviation).sum())(theta)
        return jax.tree.map(jnp.add, total, part), None

    zero = jnp.zeros(()), jax.tree.map(jnp.zeros_like, theta)
    return jax.lax.scan(add, zero, jax.random.split(jax.random.key(seed), chunks))[0]


def layered_mean(walk, chunk, workers):
    """A callable () -> (mean, standard error); every call draws fresh normals."""
    theta, seeds = tuple(jnp.asarray(w) for w in walk.weights), count()

    def work(worker, chunks):
        return np.asarray(_sums(theta, next(seeds), chunk, chunks, walk.dt, walk.deviation))

    return lambda: mean_and_error(sums_by_workers(work, walk.paths // chunk, workers), walk.paths)


def value_and_gradient(walk, chunk, workers):
    """A callable () -> (mean, gradient in (W1, b1, W2)) by jax.value_and_grad of each chunk, added in a scan."""
    theta, seeds = tuple(jnp.asarray(w) for w in walk.weights), count()

    def work(worker, chunks):
        value, gradient = _gradient(theta, next(seeds), chunk, chunks, walk.dt, walk.deviation)
        return np.array([float(value), *(np.asarray(g) for g in gradient)], dtype=object) / walk.paths

    def run():
        value, *gradient = sums_by_workers(work, walk.paths // chunk, workers)
        return value, gradient

    return run
