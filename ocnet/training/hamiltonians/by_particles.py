"""The Hamiltonian by particles: states and costates of every path, under the path's own frozen noise."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ocnet.kernels.threads import over_chunks, run_all
from ocnet.particles.partition import chunk_of
from ocnet.particles.propagate import starts
from ocnet.typing import Array

from .hamiltonian import Hamiltonian

__all__ = ["ParticleHamiltonian"]

_MOST_NUMBERS = 1 << 28              # of all states and costates together: 2 GiB
_STEP = 2e-3                         # of a fourth-order difference along a direction of length 1: errors 2e-3⁴/30 = 5e-13, ulp/2e-3 = 1e-13


@dataclass(eq=False)
class _Paths:
    """The paths number first … first + m − 1: states and costates (N + 1, d, m) and weights (m,) in the data term."""

    first: int
    states: np.ndarray
    weights: np.ndarray
    costates: Any = None


class ParticleHamiltonian(Hamiltonian):
    """H_n(ϑ) = J(θ) + Σ p_{n+1} · (Φ_n(X_n, ϑ, ξ_n) − X_{n+1}) + penalties, over all paths; for the tail, J with another readout.

    Costates are pathwise (Li & Hao, 2018): p_N = ∂(data term)/∂X_N, p_n = (∂Φ_n/∂x)ᵀ p_{n+1}, with the noise of the states (shake-shake's
    independent shares of the reverse sweep belong to no Hamiltonian and are not used).
    Cost    one walk for J, one reverse sweep when costates are first needed; three block evaluations a path for H_n and its derivative.
            Memory 2 (N + 1) d numbers a path.
    Raises  ValueError when states and costates would take more than 2 GiB.
    """

    def __init__(self, setting: Any, paths: int, seed: int, terminal: Any, theta: Array) -> None:
        """terminal : θ -> functional of the ends as `sampled_value_and_gradient` takes it."""
        super().__init__(setting, theta)
        points, dim = setting.data.points, self.network.dim
        self._count, self._size = len(points) * paths, chunk_of(dim)
        if 2 * (self.layers + 1) * dim * self._count > _MOST_NUMBERS:
            raise ValueError(f"paths={paths} of {len(points)} points through {self.layers} layers: states and costates would take more "
                             "than 2 GiB; use fewer paths, or fewer points at a time")
        self._seed, self._terminal_at = seed, terminal
        self._process = self.network.layered(self.theta)
        weights = np.repeat(setting.data.weights / paths, paths)
        self._chunks: list[Any] = [None] * -(-self._count // self._size)

        def walk(lo, hi):
            states = self._process.trajectory(starts(points, paths, lo, hi), seed, lo)
            self._chunks[lo // self._size] = _Paths(lo, states, weights[lo:hi])

        over_chunks(walk, self._count, self._size)
        self._ends = np.concatenate([c.states[-1].T for c in self._chunks]).reshape(len(points), paths, dim)
        self._data, self._last, self._rest = self._judged(self.theta)

    def _judged(self, theta):
        """Data term at the held ends with the readout of θ, its cotangents of the ends (points, paths, d) and of the tail (r,)."""
        return self._terminal_at(theta)(self._ends, slice(0, len(self._ends)))

    @cached_property
    def _depth(self):
        """(N, p) gradient of the data term; on the way every chunk gets its costates."""
        last = self._last.reshape(self._count, -1)

        def back(chunk):
            states = chunk.states
            costates, gradient = np.empty_like(states), [None] * self.layers
            costates[-1] = last[chunk.first:chunk.first + states.shape[2]].T
            for n in reversed(range(self.layers)):
                costates[n], gradient[n] = self._process.step_vjp(n, states[n], self._noise(n, chunk), costates[n + 1])
            chunk.costates = costates
            return np.stack(gradient)

        return self._over_chunks(back)

    @property
    def _data_gradient(self):
        return np.concatenate([self._depth.ravel(), self._rest])

    def _noise(self, n, chunk):
        return self._process.draw(self._seed, chunk.first, chunk.states.shape[2], n)

    def _over_chunks(self, function):
        """Σ function(chunk), side by side, added in the order of the chunks."""
        results = [None] * len(self._chunks)

        def task(k):
            results[k] = function(self._chunks[k])

        run_all([lambda k=k: task(k) for k in range(len(self._chunks))])
        return sum(results[1:], results[0])

    def _layer(self, n, numbers, gradient):
        self._depth                                        # the costates
        network, theta = self._one_layer(n, numbers)
        process = network.layered(theta)

        def change(chunk):
            x, xi, costate = chunk.states[n], self._noise(n, chunk), chunk.costates[n + 1]
            value = (costate * (process.step(0, x, xi) - chunk.states[n + 1])).sum()
            return np.append(process.step_vjp(0, x, xi, costate)[1], value) if gradient else np.array([value])

        total = self._over_chunks(change)
        return float(total[-1]), (total[:-1] if gradient else None)

    def _tail(self, rest, gradient):
        theta = np.concatenate([self.control.depth(self.theta).ravel(), rest])
        value, _, slope = self._judged(theta)
        return value - self._data, slope

    def defect_and_gradient(self, n: int, numbers: Array) -> tuple[float, Array]:
        """How far layer n with these numbers is from the held states and costates, and the derivative (p,):

            1/(2dt) Σ w_k (|Φ_n(X_n, ϑ, ξ_n) − X_{n+1}|² + |(p_n − (∂Φ_n/∂x)ᵀ p_{n+1})/w_k|²),   w_k the weight of path k in the data term

        which is ½ ∫ E(|δẋ|² + |δλ̇|²) dt over the layer, λ = p/w the costate of one path: the augmentation of the extended method of
        successive approximations (Li, Chen, Tai & E, 2018; MATH 4).  0 at θ_n.
        Accuracy  the value to rounding; in the derivative the mixed term ∂_ϑ∂_x, along one direction, is a fourth-order difference of
                  exact derivatives, of relative error about 1e-12.
        """
        self._depth
        network, theta = self._one_layer(n, numbers)
        process = network.layered(theta)

        def defect(chunk):
            xi, w = self._noise(n, chunk), chunk.weights
            return _defect(process, chunk.states[n:n + 2], chunk.costates[n:n + 2], xi, w)

        total = self._over_chunks(defect) / self.network.dt
        return float(total[-1]), total[:-1]


def _defect(process, states, costates, xi, weights):
    """(p + 1,): derivative and value of ½ Σ w (|Φ − X⁺|² + |(p − Φ_xᵀ p⁺)/w|²) for a process of one layer."""
    (x, after), (before, costate) = states, costates
    drift = process.step(0, x, xi) - after
    back, _ = process.step_vjp(0, x, xi, costate)
    inverse = np.divide(1.0, weights, out=np.zeros_like(weights), where=weights > 0)
    value = 0.5 * ((weights * drift * drift).sum() + (inverse * (before - back) ** 2).sum())
    slope = process.step_vjp(0, x, xi, weights * drift)[1]
    direction = inverse * (before - back)
    length = np.abs(direction).max()
    if length > 0:                                         # −∂_ϑ ⟨p⁺, ∂Φ/∂x r⟩ with r = (p − Φ_xᵀ p⁺)/w held
        unit = direction / length

        def moved(step):
            return process.step_vjp(0, x + step * unit, xi, costate)[1]

        along = (8 * (moved(_STEP) - moved(-_STEP)) - (moved(2 * _STEP) - moved(-2 * _STEP))) / (12 * _STEP)
        slope = slope - length * along
    return np.append(slope, value)
