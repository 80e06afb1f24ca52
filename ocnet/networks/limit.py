"""The Itô equation behind a network's layers: dX = mean dt + G dB, G = g or √dt g."""

from typing import Any

import numpy as np

from ocnet.process import Diffusion
from ocnet.typing import Array, TensorGrid

from .blocks import BlockAt

__all__ = ["NetworkDiffusion"]


class NetworkDiffusion(Diffusion):
    """Coefficients of layer n on [t_n, t_{n+1})."""

    steady_between_breaks = True

    def __init__(self, network: Any, theta: Array) -> None:
        self.network, self.theta = network, theta
        self._views = [network.control.layer(theta, n) for n in range(network.layers)]
        self.models = [network.noise.at(n, network.layers, network.dt) for n in range(network.layers)]
        super().__init__(self._drift, self._constant_or_callable_factor(), network.dim, breaks=network.times[1:-1])

    def _constant_or_callable_factor(self):
        size = self.network.noise.additive
        if size is None:
            return self._factor
        return self.network.noise.diffusive_scale(self.network.dt) * size * np.eye(self.network.dim)

    def layer_at(self, t: float) -> int:
        """The layer whose coefficients hold at time t (the later one at a layer time; rounding errors forgiven)."""
        return min(max(int(t / self.network.dt * (1 + 1e-12)), 0), self.network.layers - 1)

    def _at(self, t, x, axes=None):
        """The noise model and the block at x (d, n) at time t."""
        n = self.layer_at(t)
        return self.models[n], BlockAt(self.network.block, self._views[n], np.ascontiguousarray(x), self.models[n].needs, axes)

    def drift_rows(self, t: float, x: Array) -> Array:
        """f at x (d, n): (d, n)."""
        model, at = self._at(t, x)
        return model.mean(at)

    def drift_on_grid(self, t: float, grid: TensorGrid) -> Array:
        """f at the nodes of a grid: (d, size)."""
        model, at = self._at(t, grid.nodes, grid.axes)
        return model.mean(at)

    def factor_rows(self, t: float, x: Array) -> Array:
        """G at x (d, n): (d, m, n)."""
        if self.constant_factor is not None:
            return super().factor_rows(t, x)
        model, at = self._at(t, x)
        return model.diffusive_scale(self.network.dt) * model.factor(at)

    def _drift(self, t, x):
        return self.drift_rows(t, np.ascontiguousarray(x.T)).T

    def _factor(self, t, x):
        return np.moveaxis(self.factor_rows(t, np.ascontiguousarray(x.T)), 2, 0)

    def coefficients_vjp(self, t: float, x: Array, drift_cotangent: Array, factor_cotangent: Array | None = None) -> tuple[Array, Array]:
        """The cotangents of x (d, n) and of the layer's θ_n (p,) for cotangents of f (d, n) and of G (d, m, n)."""
        model, at = self._at(t, x)
        return self._coefficients_vjp(model, at, drift_cotangent, factor_cotangent)

    def coefficients_vjp_on_grid(self, t: float, grid: TensorGrid, drift_cotangent: Array, factor_cotangent: Array | None = None) -> Array:
        """The cotangent of the layer's θ_n (p,) for cotangents of f (d, size) and of G (d, m, size) at the nodes."""
        model, at = self._at(t, grid.nodes, grid.axes)
        return self._coefficients_vjp(model, at, drift_cotangent, factor_cotangent)[1]

    def _coefficients_vjp(self, model, at, drift_cotangent, factor_cotangent):
        if model.additive is not None:
            factor_cotangent = None
        elif factor_cotangent is not None:
            factor_cotangent = model.diffusive_scale(self.network.dt) * factor_cotangent
        return model.coefficients_vjp(at, drift_cotangent, factor_cotangent)
