"""The compound Poisson limit of strong dropout: X jumps by s² f_i(X) e_i at rate 1/s² for each component i (derived, MATH 1.3 note 3).

    generator  Σ_i (φ(x + s² f_i(x) e_i) − φ(x))/s²
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ocnet.kernels import philox
from ocnet.process import LayeredProcess
from ocnet.typing import Array

__all__ = ["JumpProcess"]

_BEYOND = 1e-17                      # probability of more jumps in a layer than are drawn


@dataclass(frozen=True)
class _Jumps:
    """ξ of one layer: how many jumps, `mean` on average, and a uniform for each that says which of `dim` components jumps.  Not standardised."""

    mean: float
    dim: int

    @cached_property
    def _table(self):
        """P(at most k jumps) for k = 0 … most − 1."""
        counts = np.arange(int(self.mean + 40 + 10 * np.sqrt(self.mean)))
        from scipy.stats import poisson  # on first use: scipy.stats takes half a second to load

        return poisson.cdf(counts[:int((poisson.sf(counts, self.mean) > _BEYOND).sum()) + 1], self.mean)

    @property
    def most(self):
        return len(self._table)

    @property
    def channels(self):
        return 1 + self.most

    def draw(self, seed, first_path, paths, layer, mirrored=False):
        """(1 + most, paths): the number of jumps, then the component of each."""
        u = philox.uniforms(seed, first_path, paths, layer, self.channels)
        u = 1 - u if mirrored else u
        return np.concatenate([np.searchsorted(self._table, u[:1]).astype(float), np.floor(u[1:] * self.dim)])

    def quadrature(self, order=None):
        raise ValueError("the number of jumps of a layer has no quadrature here; walk the process by particles, or solve the layers themselves")


class JumpProcess(LayeredProcess):
    """The jump process of a network with StrongDropout at the layers' times, drawn exactly: no step is too long.

    Coefficients are those of layer n on [t_n, t_{n+1}).
    """

    def __init__(self, network: Any, theta: Array) -> None:
        if not hasattr(network.noise, "jump_rate"):
            raise ValueError(f"noise={network.noise!r} has no jump limit; use network.diffusion(theta), or StrongDropout")
        self.network, self.theta, self.size = network, theta, 1 / network.noise.jump_rate
        self._views = [network.control.layer(theta, n) for n in range(network.layers)]
        jumps = _Jumps(network.dim * network.dt * network.noise.jump_rate, network.dim)
        super().__init__(self.step, jumps, network.dim, network.times)  # type: ignore[arg-type]  # drawn, never from uniforms

    def jump(self, n: int, x: Array) -> Array:
        """s² f (d, points) at x: what component i jumps by, at rate 1/s²."""
        return self.size * self.network.block.features(x, self._views[n]).output

    def step(self, n: int, x: Array, xi: Array) -> Array:
        """X_{n+1} (d, points) after the jumps that ξ says."""
        count, x = xi[0], np.array(x)
        for k in range(int(count.max(initial=0))):
            moving = np.flatnonzero(count > k)
            component = xi[1 + k, moving].astype(np.intp)
            x[component, moving] += self.jump(n, np.ascontiguousarray(x[:, moving]))[component, np.arange(moving.size)]
        return x
