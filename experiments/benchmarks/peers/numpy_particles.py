"""NumPy: chunks of paths in columns, in place, normals by SFC64, the quickest of its generators; a generator a worker."""

import numpy as np

from .workers import mean_and_error, sums_by_workers

__all__ = ["layered_mean", "stepped_mean"]


def _generators(seed, workers):
    return [np.random.Generator(np.random.SFC64(child)) for child in np.random.SeedSequence(seed).spawn(workers)]


def _sums(first):
    """(Σ f, Σ f²) of f = sigmoid(3 x_0)."""
    values = 1 / (1 + np.exp(-3 * first))
    return np.array([values.sum(dtype=np.float64), np.square(values).sum(dtype=np.float64)])


def _mean(walk, chunk, workers, seed, ends):
    """A callable () -> (mean, standard error) from `ends(generator)` (d, chunk)."""
    generators = _generators(seed, workers)

    def work(worker, chunks):
        return sum((_sums(ends(generators[worker])[0]) for _ in range(chunks)), np.zeros(2))

    return lambda: mean_and_error(sums_by_workers(work, walk.paths // chunk, workers), walk.paths)


def layered_mean(walk, chunk, workers, seed=0):
    """A callable () -> (mean, standard error); every call draws fresh normals."""
    w1, b1, w2 = walk.weights
    b1, w2 = b1[:, :, None], walk.dt * w2

    def ends(generator):
        x, z = np.zeros((walk.dim, chunk)), np.empty((walk.dim, chunk))
        hidden, change = np.empty((walk.width, chunk)), np.empty((walk.dim, chunk))
        for n in range(len(w1)):
            np.matmul(w1[n], x, out=hidden)
            hidden += b1[n]
            x += np.matmul(w2[n], np.tanh(hidden, out=hidden), out=change)
            generator.standard_normal(out=z)
            z *= walk.deviation
            x += z
        return x

    return _mean(walk, chunk, workers, seed, ends)


def stepped_mean(walk, drift, chunk, workers, seed=0):
    """The same by a loop around a user's drift (t, x (n, d)) -> (n, d)."""
    def ends(generator):
        x = np.zeros((chunk, walk.dim))
        for n in range(walk.layers):
            x = x + walk.dt * drift(n * walk.dt, x) + walk.deviation * generator.standard_normal(x.shape)
        return x.T

    return _mean(walk, chunk, workers, seed, ends)
