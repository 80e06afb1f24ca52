"""Small processes with known answers, in plain NumPy."""

import numpy as np

from ocnet.laws import Normal
from ocnet.process import LayeredProcess


class Toy(LayeredProcess):
    """x + dt tanh(W_n x) + √dt s_n cos(x) ξ in two dimensions; θ_n = (W_n row by row, s_n), analytic in all of them."""

    def __init__(self, theta):
        self.theta = theta                                 # (N, 6)
        super().__init__(self.step, Normal(2), 2, np.linspace(0, 1, len(theta) + 1))

    def _at(self, n):
        return 1 / self.layers, self.theta[n, :4].reshape(2, 2, 1), self.theta[n, 4:, None]

    def step(self, n, x, xi):
        dt, w, s = self._at(n)
        return x + dt * np.tanh((w * x).sum(axis=1)) + np.sqrt(dt) * s * np.cos(x) * xi

    def step_vjp(self, n, x, xi, cotangent):
        dt, w, s = self._at(n)
        inner = dt * (1 - np.tanh((w * x).sum(axis=1)) ** 2) * cotangent
        noise = np.sqrt(dt) * xi * cotangent
        gradient = np.concatenate([(inner[:, None] * x).sum(axis=2).ravel(), (np.cos(x) * noise).sum(axis=1)])
        return cotangent + (w * inner[:, None]).sum(axis=0) - s * np.sin(x) * noise, gradient


def toy(layers=4, seed=0):
    return Toy(np.random.default_rng(seed).normal(size=(layers, 6)))


def all_at_once(process, x0, paths, seed):
    """End states (n, paths, d) in one batch, path k of point i drawn as number i · paths + k: the meaning of `propagate`."""
    x = np.repeat(np.asarray(x0, dtype=float).T, paths, axis=1)
    for n in range(process.layers):
        x = process.step(n, x, process.law.draw(seed, 0, x.shape[1], n))
    return x.T.reshape(len(x0), paths, -1)
