"""Paths of an Itô diffusion with parameters, and the reverse sweep through their steps: Euler–Maruyama, several steps a layer."""

from typing import Any

import numpy as np

from ocnet.typing import Array, ArrayLike

from .schemes.euler_maruyama import EulerMaruyama
from .schemes.stepping import SteppedDiffusion

__all__ = ["DiffusionSteps"]


class DiffusionSteps(SteppedDiffusion):
    """X + h f(t, X) + √h G(t, X) ξ with `substeps` equal steps on each of the layers between `times`.

    diffusion : Diffusion with `coefficients_vjp(t, x, drift_cotangent, factor_cotangent)` -> cotangents of x and of its layer's numbers
    times     : (N + 1,) increasing; coefficients are steady between them (a network's layer times)
    finest    : a multiple of `substeps`: the noise is that of a Brownian path drawn on so many steps a layer, so that processes of
                different `substeps` and one `finest` follow the same path (for extrapolation); None: substeps
    Accuracy    weak order 1 in h for value and gradient; `reverse` is the exact derivative of the steps taken.
    Raises      ValueError for a diffusion without `coefficients_vjp`, substeps below 1, or finest that is no multiple of it.
    """

    def __init__(self, diffusion: Any, times: ArrayLike, substeps: int, finest: int | None = None) -> None:
        if not hasattr(diffusion, "coefficients_vjp"):
            raise ValueError(f"diffusion={diffusion!r} has no coefficients_vjp; give one with gradients, such as network.diffusion(theta)")
        if int(substeps) != substeps or substeps < 1:
            raise ValueError(f"substeps={substeps} is not a whole number ≥ 1")
        finest = substeps if finest is None else finest
        if finest < substeps or finest % substeps:
            raise ValueError(f"finest={finest} is not a multiple of substeps={substeps}; steps of both must end at common times")
        self.substeps, self._joined = int(substeps), int(finest) // int(substeps)
        scheme, times = EulerMaruyama(), np.asarray(times, dtype=float)
        channels = diffusion.factor_rows(times[0], np.zeros((diffusion.dim, 1))).shape[1]
        inner = times[:-1, None] + np.diff(times)[:, None] * np.arange(self.substeps) / self.substeps
        law = scheme.law(channels, diffusion.constant_factor is not None)
        super().__init__(scheme, diffusion, law, np.append(inner.ravel(), times[-1]))

    def draw(self, seed: int, first: int, paths: int, n: int) -> Array:
        """ξ_n (channels, paths): the increment over step n of a path drawn on the finest steps, over the root of its variance."""
        fine = range(n * self._joined, (n + 1) * self._joined)
        return sum(self.law.draw(seed, first, paths, k) for k in fine) / np.sqrt(self._joined)

    def step_vjp(self, n: int, x: Array, xi: Array, cotangent: Array) -> tuple[Array, Array]:
        """The cotangents of x (d, points), and of the layer's numbers (p,) summed over the points."""
        t, h = self._interval(n)
        back, gradient = self.diffusion.coefficients_vjp(t, x, h * cotangent, np.sqrt(h) * cotangent[:, None] * xi[None])
        return cotangent + back, gradient

    def reverse(self, states: Array, seed: int, first: int, cotangent: Array) -> Array:
        """(N, p) cotangents of the layers' numbers, those of a layer's steps added, for one (d, m) of the last of the states."""
        gradient: list[Any] = [0.0] * (self.layers // self.substeps)
        for n in reversed(range(self.layers)):
            xi = self.draw_backward(seed, first, cotangent.shape[1], n)
            cotangent, part = self.step_vjp(n, states[n], xi, cotangent)
            gradient[n // self.substeps] = gradient[n // self.substeps] + part
        return np.stack(gradient)
