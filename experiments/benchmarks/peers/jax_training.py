"""JAX and optax: a training run; iterations by lax.scan inside one jitted call, so that a launch costs nothing, paths in columns.

Layers by lax.scan with a checkpoint each, or unrolled and stored; chunks of columns by lax.scan.  Tried and slower on a CPU: paths in rows
(by 1.1 to 1.6), products written out as sums (by 2 to 6), layers by lax.scan without checkpoints (by 1.3 to 3), the generators "rbg" and
"unsafe_rbg" (by 3 to 5), Box and Muller's normals (by 1.7).
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

__all__ = ["LAYERS", "NORMALS", "trainer", "value_and_gradient"]

jax.config.update("jax_enable_x64", True)

NORMALS = {"double": jnp.float64, "single": jnp.float32}
LAYERS = {"layers unrolled": (lambda layer: layer, True), "layers by scan with checkpoints": (jax.checkpoint, 1)}


def _data_term(parts, x, labels, normals, dt, deviation, layers):
    """Sum over the columns of x (d, m) of the logistic loss with labels (m,), for normals (N, d, m)."""
    kept, unroll = LAYERS[layers]

    @kept
    def layer(x, given):
        w1, b1, w2, b2, z = given
        return x + dt * (w2 @ jnp.tanh(w1 @ x + b1[:, None]) + b2[:, None]) + deviation * z, None

    x, _ = jax.lax.scan(layer, x, (*parts[:4], normals), unroll=unroll)
    w, b = parts[4:]
    return jax.nn.softplus(-labels * (w @ x + b)).sum()


def _penalty(parts, dt, tikhonov, smoothness):
    layers, tail = parts[:4], parts[4:]
    squares = dt * sum(jnp.square(part).sum() for part in layers) + sum(jnp.square(part).sum() for part in tail)
    jumps = sum(jnp.square(jnp.diff(part, axis=0)).sum() for part in layers)
    return 0.5 * tikhonov * squares + 0.5 * smoothness / dt * jumps


def _gradient_of(problem, layers):
    """A function (parts, chunks, normals_of) -> (J, gradient); chunks : (x (c, d, m), labels (c, m), whatever normals_of takes (c, …))."""
    dt, deviation, weights = problem.network.dt, problem.deviation, problem.weights

    def gradient(parts, chunks, normals_of):
        def add(total, chunk):
            x, labels, source = chunk
            part = jax.value_and_grad(_data_term)(parts, x, labels, normals_of(source), dt, deviation, layers)
            return jax.tree.map(jnp.add, total, part), None

        zero = jnp.zeros((), parts[0].dtype), jax.tree.map(jnp.zeros_like, parts)
        count = len(chunks[0])
        total = add(zero, jax.tree.map(lambda a: a[0], chunks))[0] if count == 1 else jax.lax.scan(add, zero, chunks)[0]
        penalty = jax.value_and_grad(_penalty)(parts, dt, *weights)
        return jax.tree.map(lambda a, b: a / problem.columns + b, total, penalty)

    return gradient


def value_and_gradient(problem, parts, x, labels, normals, precision="double", layers="layers unrolled"):
    """J and its gradient in the parts for given start columns, labels and normals (arrays)."""
    given = [jnp.asarray(array, NORMALS[precision])[None] for array in (x, labels, normals)]
    parts = tuple(jnp.asarray(part, NORMALS[precision]) for part in parts)
    value, gradient = jax.jit(partial(_gradient_of(problem, layers), normals_of=lambda z: z))(parts, given)
    return float(value), [np.asarray(part, np.float64) for part in gradient]


def _columns(problem, dtype):
    """(data as arrays, a function (data, key) -> start points (d, m) and labels (m,) of one iteration)."""
    points, labels = (jnp.asarray(array, dtype) for array in (problem.setting.data.points.T, problem.setting.data.labels))
    paths, batch = problem.scale.paths, problem.scale.batch
    if batch is None:
        return (jnp.tile(points, paths), jnp.tile(labels, paths)), lambda data, key: data

    def draw(data, key):                                          # one point of each of `batch` slices of the data, as ocnet draws them
        points, labels = data
        rows = ((jnp.arange(batch) + jax.random.uniform(key, (batch,), jnp.float64)) * (len(labels) / batch)).astype(int)
        return jnp.tile(points[:, rows], paths), jnp.tile(labels[rows], paths)

    return (points, labels), draw


def trainer(problem, precision, layers, chunk, normals):
    """A callable (parts, seed, iterations, record) that trains and calls record(iteration, parts) every so many iterations.

    precision, normals : of NORMALS;  layers : of LAYERS;  chunk : columns at a time, which divides all
    """
    dtype, scale, dim = NORMALS[precision], problem.scale, problem.network.dim
    optimiser = optax.adam(optax.cosine_decay_schedule(problem.rate, scale.iterations, problem.final))
    (data, columns), gradient, count = _columns(problem, dtype), _gradient_of(problem, layers), problem.columns // chunk

    def normals_of(key):
        return jax.random.normal(key, (problem.network.layers, dim, chunk), NORMALS[normals]).astype(dtype)

    @jax.jit
    def advance(state, keys, data):
        def step(state, key):
            parts, moments = state
            of_points, of_noise = jax.random.split(key)
            x, labels = columns(data, of_points)
            chunks = x.reshape(dim, count, chunk).swapaxes(0, 1), labels.reshape(count, chunk), jax.random.split(of_noise, count)
            value, slope = gradient(parts, chunks, normals_of)
            change, moments = optimiser.update(slope, moments)
            return (optax.apply_updates(parts, change), moments), value

        return jax.lax.scan(step, state, keys)[0]

    def run(parts, seed, iterations, record):
        parts = tuple(jnp.asarray(part, dtype) for part in parts)
        state, key = (parts, optimiser.init(parts)), jax.random.key(seed)
        record(0, [np.asarray(part, np.float64) for part in state[0]])
        for k in range(scale.every, iterations + 1, scale.every):
            key, now = jax.random.split(key)
            state = advance(state, jax.random.split(now, scale.every), data)
            record(k, [np.asarray(part, np.float64) for part in state[0]])

    return run
