"""All layers of a network at once, for paths: which pairs of block and noise the fused kernels serve, and how they are called.

The layers themselves (`NetworkLayers.step`) are the oracle: tests hold the two together to rounding.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ocnet.kernels import memory
from ocnet.kernels import perceptron_paths as kernels
from ocnet.kernels.threads import heed
from ocnet.laws import Bernoulli, Normal, Rademacher, Silent
from ocnet.typing import Array

__all__ = ["FusedPaths"]

_WORK, _TILES = 1 << 26, 256         # products of paths and numbers of θ in one call, some 50 ms; paths of a call are a multiple of this
_PLACES = {"additive": kernels.ADDITIVE, "output": kernels.OUTPUT, "state": kernels.STATE, "hidden": kernels.HIDDEN, "input": kernels.INPUT}


@dataclass(frozen=True, eq=False)
class FusedPaths:
    """What `kernels.perceptron_paths` reads: theta (layers, p), numbers (layers, 4), where the noise acts, its law and channels."""

    theta: np.ndarray
    numbers: np.ndarray
    place: int
    law: int
    channels: int

    @classmethod
    def of(cls, network: Any, theta: Array, models: Any, laws: Any) -> "FusedPaths | None":
        """Return the plan for a network at θ, or None where its block or noise has no fused kernel."""
        if not getattr(network.block, "fused", False):
            return None
        rows = [_numbers(model, law, network.dt) for model, law in zip(models, laws)]
        if any(row is None for row in rows):
            return None
        kinds = {row[0] for row in rows if row[0] != kernels.NONE}
        codes = {row[1] for row in rows if row[0] != kernels.NONE}
        if len(kinds) > 1 or len(codes) > 1:
            return None
        return cls(np.array(network.control.depth(theta)), np.array([row[2] for row in rows]), (kinds or {kernels.NONE}).pop(),
                   (codes or {kernels.NORMAL}).pop(), max(law.channels for law in laws))

    def single(self) -> "FusedPaths":
        """The same in single precision."""
        return FusedPaths(self.theta.astype(np.float32), self.numbers.astype(np.float32), self.place, self.law, self.channels)

    def at(self, depth: Array) -> "FusedPaths":
        """The same plan with other numbers (layers, p), in its precision."""
        return replace(self, theta=np.array(depth, dtype=self.theta.dtype))

    def carry(self, x: Array, seed: int, first: int, begin: int, end: int, out: Array, states: Array | None = None) -> None:
        """Carry the paths x (d, n), number first, first + 1, …, through the layers begin … end − 1 into out (d, n).

        states : (layers, d, n) to be filled with the states after each layer
        """
        states = np.empty((0, *x.shape), x.dtype) if states is None else states
        for lo, hi in self._pieces(x.shape[1], end - begin):
            kernels.carry(x, self.theta, self.numbers, self.place, self.law, self.channels, np.uint64(seed), np.uint64(first), begin, end,
                          lo, hi, out, states)

    def carried(self, x: Array, seed: int, first: int, begin: int, end: int) -> Array:
        """The paths as a new float64 array (d, n), in the precision of the plan."""
        if self.theta.dtype == np.float64:
            out = memory.empty_like(x)
            self.carry(x, seed, first, begin, end, out)
            return out
        narrow = x.astype(self.theta.dtype)
        self.carry(narrow, seed, first, begin, end, narrow)
        return narrow.astype(np.float64)

    def carry_back(self, states: Array, seed: int, first: int, cotangent: Array) -> Array:
        """(layers, p) cotangents of θ for one (d, n) of the last of the states (layers + 1, d, n); cotangent becomes that of the first."""
        gradient = np.zeros(self.theta.shape)
        for lo, hi in self._pieces(cotangent.shape[1], len(self.theta)):
            kernels.carry_back(states, self.theta, self.numbers, self.place, self.law, self.channels, np.uint64(seed), np.uint64(first),
                               lo, hi, cotangent, gradient)
        return gradient

    def _pieces(self, paths, layers):
        """(lo, hi) of whole tiles, so that the bits are those of one call, few enough for Ctrl-C to be heard between them in deep and wide networks."""
        step = max(1, _WORK // (layers * self.theta.shape[1] * _TILES)) * _TILES
        for lo in range(0, paths, step):
            heed()
            yield lo, min(lo + step, paths)

    @property
    def silent_backwards(self) -> bool:
        """Whether a reverse sweep reads no noise: cotangents do not feel what is added."""
        return self.place in (kernels.NONE, kernels.ADDITIVE)

    def layer_back(self, n: int, x: Array, cotangent: Array) -> tuple[Array, Array]:
        """The cotangents of the states x (d, n) before layer n and of θ_n (p,), for one (d, n) of those after it; where `silent_backwards`."""
        back, gradient, alone = cotangent.copy(), np.zeros((1, self.theta.shape[1])), slice(n, n + 1)
        kernels.carry_back(np.ascontiguousarray(x)[None], self.theta[alone], self.numbers[alone], self.place, self.law, self.channels, np.uint64(0),
                           np.uint64(0), 0, x.shape[1], back, gradient)
        return back, gradient[0]


def _numbers(model, law, dt):
    """(place, law, (dt, three numbers of the law)) of one layer, or None."""
    if model.place is None:
        return None
    place, scale = _PLACES[model.place], model.scale(dt)
    centre, factor = {kernels.ADDITIVE: (0.0, scale), kernels.OUTPUT: (dt * model.mean_share, scale), kernels.STATE: (0.0, scale),
                      kernels.HIDDEN: (1.0, scale / dt), kernels.INPUT: (1.0, 1.0)}[place]
    if isinstance(law, Silent):
        return kernels.NONE, None, (dt, 1.0, centre, centre)           # beside layers of masks: a mask that drops nothing
    size = factor * model.unit_size
    if isinstance(law, Normal):
        return place, kernels.NORMAL, (dt, centre, size, 0.0)
    if isinstance(law, (Bernoulli, Rademacher)):
        probability, kept, dropped = law.two_values
        return place, kernels.TWO, (dt, probability, centre + size * kept, centre + size * dropped)
    return None
