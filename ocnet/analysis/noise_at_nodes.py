"""The noise-free flow of a diffusion with noise at quadrature nodes: what small noise does to an integral over time, to order 4."""

import numpy as np

from ocnet.laws import Normal, Silent
from ocnet.process import Diffusion, LayeredProcess
from ocnet.typing import Array, ArrayLike

__all__ = ["NoiseAtNodes"]

_GAUSS = (0.5 - 3**-0.5 / 2, 0.5 + 3**-0.5 / 2)      # Gauss's two nodes on [0, 1], each of weight ½
_INSIDE = 1e-9                       # of a piece: how far stages stay away from its ends, where coefficients may jump


class NoiseAtNodes(LayeredProcess):
    """Steps of dX = f dt + G dB: the flow of f by RK4, and √(h/2) G ξ at each of Gauss's two nodes of a step of length h.

    For noise of size ε → 0 the mean of any smooth functional has the ε² term of the diffusion but for O(h⁴) (Gauss's rule of Itô's integral);
    for noise that is not small it is no scheme of known order.
    times : (N + 1,) between which coefficients are smooth;  steps : of each piece;  point (d,) : where the number of channels is read off
    """

    def __init__(self, diffusion: Diffusion, times: ArrayLike, steps: int, point: Array) -> None:
        if int(steps) != steps or steps < 1:
            raise ValueError(f"substeps={steps} is not a whole number ≥ 1 of steps a piece of time")
        self.diffusion, self.pieces, self.steps = diffusion, np.asarray(times, dtype=float), int(steps)
        self._channels = diffusion.factor_rows(self.pieces[0], np.asarray(point, dtype=float)[:, None]).shape[1]
        inner = self.pieces[:-1, None] + np.diff(self.pieces)[:, None] * np.arange(self.steps) / self.steps
        law = Normal(2 * self._channels) if self._channels else Silent()
        super().__init__(self.step, law, diffusion.dim, np.append(inner.ravel(), self.pieces[-1]))

    def step(self, n: int, x: Array, xi: Array) -> Array:
        """The state (d, points) after step n from x (d, points) and ξ (2 channels, points)."""
        start, h = self.times[n], self.times[n + 1] - self.times[n]
        at = start
        for node, part in zip(_GAUSS, np.split(xi, 2)):
            x = self._flow(n, x, at, start + node * h)
            at = start + node * h
            if len(part):
                x = x + np.sqrt(0.5 * h) * np.einsum("ijp,jp->ip", self.diffusion.factor_rows(at, x), part)
        return self._flow(n, x, at, self.times[n + 1])

    def _flow(self, n, x, start, end):
        """The flow of f from time `start` to `end` within step n, by one step of RK4."""
        piece = n // self.steps
        low, high = self.pieces[piece], self.pieces[piece + 1]
        h, margin = end - start, _INSIDE * (high - low)

        def f(t, x):
            return self.diffusion.drift_rows(float(np.clip(t, low + margin, high - margin)), x)

        k1 = f(start, x)
        k2 = f(start + 0.5 * h, x + 0.5 * h * k1)
        k3 = f(start + 0.5 * h, x + 0.5 * h * k2)
        return x + h / 6 * (k1 + 2 * (k2 + k3) + f(end, x + h * k3))
