"""Expectations of periodic processes to rounding: the chain and the generator on trigonometric polynomials.

On [0, 2π)^d with n odd points an axis, values are trigonometric polynomials of degree (n − 1)/2.  The layered process moves them by
u ↦ Σ_k w_k u(feet_k), its feet being evaluated exactly; a diffusion by exp(dt L) with L = f·∇ + ½ a:∇² in Fourier space.  Both are exact but
for what the polynomial cannot hold, so weak orders are seen without any sampling (derived for this project; MATH 1.4).
"""

from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import expm

from ocnet.typing import Array, ArrayLike

__all__ = ["PeriodicGrid"]


class PeriodicGrid:
    """`nodes` equally spaced points an axis (odd), in `dim` dimensions of period 2π."""

    def __init__(self, nodes: int, dim: int) -> None:
        if nodes % 2 == 0:
            raise ValueError(f"nodes={nodes} is even; use an odd number, which leaves no mode without its conjugate")
        axis, modes = 2 * np.pi * np.arange(nodes) / nodes, np.arange(nodes) - nodes // 2
        self.dim = dim
        self.points = np.stack([c.ravel() for c in np.meshgrid(*[axis] * dim, indexing="ij")])         # (d, size)
        self.modes = np.stack([c.ravel() for c in np.meshgrid(*[modes] * dim, indexing="ij")])         # (d, size)

    @cached_property
    def _analysis(self):
        """(size, size): coefficients of the values at the nodes."""
        return np.exp(-1j * self.modes.T @ self.points) / self.points.shape[1]

    def at(self, points: Array, multiplier: ArrayLike = 1.0) -> Array:
        """(n, size) matrix: values at the nodes to values at the points (d, n), modes times `multiplier` (size,)."""
        return ((np.exp(1j * points.T @ self.modes) * multiplier) @ self._analysis).real

    def expectation(self, process: Any, n: int, order: int) -> Array:
        """(size, size) matrix of u ↦ E[u(X_{n+1}) | X_n = node] of a LayeredProcess, `order` quadrature nodes a channel."""
        transition = process.transition(n, self.points, order)
        smooth = np.exp(-0.5 * (self.modes**2 * transition.smoothing[:, None] ** 2).sum(axis=0))
        return sum(w * self.at(feet, smooth) for w, feet in zip(transition.weights, transition.feet))

    @cached_property
    def _derivatives(self):
        """Matrices ∂_i (d, size, size) and ∂_i ∂_j (d, d, size, size)."""
        first = np.stack([self.at(self.points, 1j * k) for k in self.modes])
        return first, np.stack([[self.at(self.points, -k * m) for m in self.modes] for k in self.modes])

    def generator(self, diffusion: Any, t: float) -> Array:
        """(size, size) matrix of L = f·∇ + ½ a:∇² at time t."""
        first, second = self._derivatives
        f, a = diffusion.drift_rows(t, self.points), diffusion.variance_rows(t, self.points)
        return np.einsum("in,inm->nm", f, first) + 0.5 * np.einsum("ijn,ijnm->nm", a, second)

    def by_layers(self, process: Any, values: Array, order: int) -> Array:
        """E[φ(X_N)] at the nodes for the values (size,) of φ there."""
        return self._composed(lambda n: self.expectation(process, n, order), process, values)

    def by_generator(self, diffusion: Any, times: Array, values: Array) -> Array:
        """E[φ(X_T)] of a diffusion whose coefficients are constant between `times`."""
        return self._composed(lambda n: expm((times[n + 1] - times[n]) * self.generator(diffusion, 0.5 * (times[n] + times[n + 1]))), diffusion,
                              values, times)

    def by_jumps(self, process: Any, values: Array) -> Array:
        """E[φ(X_T)] of a JumpProcess: generator Σ_i (φ(x + jump_i e_i) − φ(x)) rate."""
        def matrix(n):
            jump, total = process.jump(n, self.points), 0.0
            for i in range(self.dim):
                feet = self.points + np.eye(self.dim)[i][:, None] * jump[i]
                total = total + (self.at(feet) - np.eye(self.points.shape[1])) / process.size
            return expm((process.times[n + 1] - process.times[n]) * total)

        return self._composed(matrix, process, values)

    @staticmethod
    def _composed(matrix, process, values, times=None):
        """matrix(0) … matrix(N − 1) φ; a matrix of a network's equal layers is made once."""
        layers = len(process.times if times is None else times) - 1
        made = {}
        for n in reversed(range(layers)):
            key = _layer_key(process, n)
            if key not in made:
                made = {key: matrix(n)}
            values = made[key] @ values
        return values


def _layer_key(process, n):
    """What tells a layer of a network from another: its numbers and its noise model; for any other process its number."""
    if not hasattr(process, "network"):
        return n
    network = process.network
    numbers = network.control.depth(process.theta)[n].tobytes()
    return numbers, repr(network.noise.at(n, network.layers, network.dt))
