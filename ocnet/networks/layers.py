"""The network's own law: its layers as a LayeredProcess, with the transposes that gradients need."""

from collections.abc import Iterator
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np

from ocnet.kernels import memory
from ocnet.process import LayeredProcess, Transition
from ocnet.typing import Array, ArrayLike, Law

from .blocks import BlockAt
from .fused_paths import FusedPaths

__all__ = ["NetworkLayers"]

_HERMITE = 7                         # quadrature nodes a channel, where the noise is not a mask


class NetworkLayers(LayeredProcess):
    """X_{n+1} = X_n + increment_n(X_n, ξ_n) of a network at θ."""

    exact_inverse = False

    def __init__(self, network: Any, theta: Array, precision: str = "double") -> None:
        self.network, self.theta = network, theta
        self.models = [network.noise.at(n, network.layers, network.dt) for n in range(network.layers)]
        self._laws = [model.law(network.block, network.dim) for model in self.models]
        self.fused = FusedPaths.of(network, theta, self.models, self._laws)
        self.precision, self._carrier = precision, self._of_precision(precision)
        super().__init__(self.step, self._laws[-1], network.dim, network.times)

    def at(self, theta: ArrayLike) -> "NetworkLayers":
        """The same process at another θ (P,), of which it takes a copy; what does not depend on θ is kept, so this costs a fraction of `layered`."""
        other = copy(self)
        for bound in ("step", "_views"):                              # of this θ
            other.__dict__.pop(bound, None)
        other.theta = self.network.control.check(theta).copy()
        depth = self.network.control.depth(other.theta)
        other.fused = None if self.fused is None else self.fused.at(depth)
        other._carrier = other.fused if self.precision == "double" else self._carrier.at(depth)
        return other

    @cached_property
    def _views(self):
        return [self.network.control.layer(self.theta, n) for n in range(self.layers)]

    def _of_precision(self, precision):
        """The fused paths that carry particles, or None."""
        if precision not in ("double", "single"):
            raise ValueError(f"precision={precision!r}; choose 'double' or 'single'")
        if precision == "double":
            return self.fused
        if self.fused is None:
            raise ValueError(f"precision='single' needs a fused kernel, which {self.network.block!r} with {self.network.noise!r} has not; "
                             "use 'double'")
        return self.fused.single()

    def law_at(self, n: int) -> Law:
        """The law of ξ_n."""
        return self._laws[n]

    def _at(self, n, x, axes=None):
        return BlockAt(self.network.block, self._views[n], x, self.models[n].needs, axes)

    def step(self, n: int, x: Array, xi: Array) -> Array:
        """X_{n+1} (d, points) from x (d, points) and ξ (channels, points)."""
        return x + self.models[n].increment(self._at(n, x), xi, self.network.dt)

    def mean_step(self, n: int, x: Array) -> Array:
        """E[X_{n+1} | X_n = x] at x (d, points)."""
        return x + self.network.dt * self.models[n].mean(self._at(n, x))

    def step_vjp(self, n: int, x: Array, xi: Array, cotangent: Array) -> tuple[Array, Array]:
        """The cotangents of x (d, points), and of θ_n (p,) summed over the points."""
        back, gradient = self.models[n].increment_vjp(self._at(n, x), xi, self.network.dt, cotangent)
        return cotangent + back, gradient

    def inverse(self, n: int, x: Array, xi: Array) -> Array:
        """X_n (d, points) from X_{n+1} = x, but for dt² Df f: X_{n+1} − increment_n(X_{n+1}, ξ_n) (MATH 3.3)."""
        return x - self.models[n].increment(self._at(n, x), xi, self.network.dt)

    def draw_backward(self, seed: int, first: int, paths: int, n: int) -> Array:
        """ξ_n of the reverse sweep: that of the forward one, but for shake-shake as published."""
        return self.models[n].draw_backward(self._laws[n], seed, first, paths, n)

    def states(self, x: Array, seed: int, first: int) -> Iterator[Array]:
        """Yield the states (d, m) at layers 0 … N of the paths number first … first + m − 1, which start at x (d, m)."""
        if self._carrier is None:
            yield from super().states(x, seed, first)
            return
        yield x
        for n in range(self.layers):
            x = self._carrier.carried(x, seed, first, n, n + 1)
            yield x

    def ends(self, x: Array, seed: int, first: int) -> Array:
        """The last of `states`, with the same bits."""
        return super().ends(x, seed, first) if self._carrier is None else self._carrier.carried(x, seed, first, 0, self.layers)

    def trajectory(self, x: Array, seed: int, first: int) -> Array:
        """All `states` as (layers + 1, d, m), for `reverse`; in the precision of the paths."""
        carrier = self._carrier
        if carrier is None:
            return super().trajectory(x, seed, first)
        out = memory.empty((self.layers + 1, *x.shape), carrier.theta.dtype)
        out[0] = x
        carrier.carry(out[0], seed, first, 0, self.layers, memory.empty(x.shape, out.dtype), out[1:])
        return out

    def reverse(self, states: Array, seed: int, first: int, cotangent: Array) -> Array:
        """(N, p) cotangents of the layers' numbers for one (d, m) of the last of the states."""
        if self._carrier is None:
            return super().reverse(states, seed, first, cotangent)
        return self._carrier.carry_back(states, seed, first, np.array(cotangent, dtype=states.dtype))

    def reconstructed(self, n: int, x: Array, seed: int, first: int) -> Array:
        """`inverse` of the paths number first …: x less its step."""
        if self.fused is None:
            return super().reconstructed(n, x, seed, first)
        after = self.fused.carried(x, seed, first, n, n + 1)
        return x - np.subtract(after, x, out=after)

    def reverse_step(self, n: int, x: Array, seed: int, first: int, cotangent: Array) -> tuple[Array, Array]:
        """The cotangents of the states x (d, m) before layer n, and of θ_n (p,)."""
        if self.fused is None or not self.fused.silent_backwards:
            return super().reverse_step(n, x, seed, first, cotangent)
        return self.fused.layer_back(n, x, cotangent)

    def end_of_means(self, x: Array) -> Array:
        """The last point (d, points) of the path x ← E[X_{n+1} | X_n = x]."""
        for n in range(self.layers):
            x = self.mean_step(n, x)
        return x

    def transition(self, n: int, x: Array, order: int = _HERMITE, axes: tuple[Array, ...] | None = None) -> Transition:
        """The law of X_{n+1} from x (d, points): additive normal noise as smoothing, any other by its quadrature branches.

        axes : of the tensor grid whose nodes x are, if they are: blocks may be faster there
        """
        model, dt, at = self.models[n], self.network.dt, self._at(n, x, axes)
        if model.deviation is not None:
            return Transition((x + dt * model.mean(at))[None], np.ones(1), np.full(self.dim, model.scale(dt) * model.deviation))
        nodes, weights = self._laws[n].quadrature(order)
        return Transition(x + model.branches(at, nodes, dt), weights, np.zeros(self.dim))

    def transition_vjp(self, n: int, x: Array, feet_cotangent: Array, order: int = _HERMITE, axes: tuple[Array, ...] | None = None) -> Array:
        """The cotangent of θ_n (p,) for a cotangent (branches, d, points) of the feet of `transition`."""
        model, dt, at = self.models[n], self.network.dt, self._at(n, x, axes)
        if model.deviation is not None:
            return model.coefficients_vjp(at, dt * feet_cotangent[0])[1]
        nodes, _ = self._laws[n].quadrature(order)
        return model.branches_vjp(at, nodes, dt, feet_cotangent)[1]
