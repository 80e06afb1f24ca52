"""ResidualNetwork, and the two processes it gives out: its own layers, and the Itô diffusion they approximate."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ocnet.process import Diffusion, LayeredProcess, Transition

from .control import Control
from .readouts import Linear

__all__ = ["ResidualNetwork"]

_HERMITE = 7                         # Gauss–Hermite nodes a channel, where normal noise depends on the state


@dataclass(frozen=True)
class ResidualNetwork:
    """X_{n+1} = X_n + dt mean(X_n, θ_n) + scale Σ_j g_j(X_n, θ_n) ξ_nj, n = 0 … layers − 1, dt = horizon/layers.

    block, noise, readout : members of `networks.blocks`, `.noise`, `.readouts`
    layers  : N ≥ 1;  horizon : T > 0;  dim : d ≥ 1
    """

    block: object
    noise: object
    layers: int
    horizon: float = 1.0
    dim: int = 2
    readout: object = field(default_factory=Linear)

    def __post_init__(self):
        for name in ("layers", "dim"):
            value = getattr(self, name)
            if int(value) != value or value < 1:
                raise ValueError(f"{name}={value} is not a positive whole number")
        if not (np.isfinite(self.horizon) and self.horizon > 0):
            raise ValueError(f"horizon={self.horizon} is not a finite positive time")

    @property
    def dt(self):
        return self.horizon / self.layers

    @cached_property
    def control(self):
        """The layout of θ."""
        return Control(self.block.layout(self.dim), int(self.layers), self.readout.layout(self.dim))

    @cached_property
    def times(self):
        """(layers + 1,) times of the layers."""
        return np.linspace(0.0, self.horizon, self.layers + 1)

    def initialise(self, seed):
        """Return random start parameters θ (P,)."""
        rng = np.random.Generator(np.random.PCG64(seed))
        depth = [self.block.initial(self.dim, rng) for _ in range(self.layers)]
        return np.concatenate([*depth, self.readout.initial(self.dim, rng)])

    def layered(self, theta):
        """Return the network's own law: a LayeredProcess with gradients."""
        return _Layers(self, self.control.check(theta))

    def diffusion(self, theta):
        """Return the Itô equation dX = f dt + G dB, G = g or √dt g, that the layers approximate to weak order 1."""
        return _Limit(self, self.control.check(theta))

    def score(self, x, theta):
        """h at the last states x (d, n): (n,)."""
        return self.readout.value(x, self.control.tail_views(theta))

    def score_transposed(self, x, theta, cotangent):
        """The cotangents of x (d, n) and of the tail (r,) for a cotangent (n,) of the scores."""
        return self.readout.vector_jacobian(x, self.control.tail_views(theta), cotangent)

    def describe(self):
        """A dict that identifies the architecture (for checkpoints and summaries)."""
        return {"block": repr(self.block), "noise": repr(self.noise), "readout": repr(self.readout),
                "layers": int(self.layers), "horizon": float(self.horizon), "dim": int(self.dim)}


def _features(block, x, layer, axes):
    """The features of a block at x (d, points), faster where x are the nodes of the tensor grid of `axes` and the block knows how."""
    if axes is None or not hasattr(block, "features_on_axes"):
        return block.features(x, layer)
    return block.features_on_axes(axes, layer)


def _weights_vjp(block, x, layer, cotangent, axes):
    """(∂f/∂θ)ᵀ c summed over the points (p,), in the same way."""
    if axes is None or not hasattr(block, "weights_vjp_on_axes"):
        return block.vector_jacobian(x, layer, cotangent)[1]
    return block.weights_vjp_on_axes(axes, layer, cotangent)


class _Layers(LayeredProcess):
    """The layers of a network at θ, with the transposes that gradients need."""

    def __init__(self, network, theta):
        self.network, self.theta = network, theta
        super().__init__(self.step, network.noise.law(network.dim), network.dim, network.times)
        self._views = [network.control.layer(theta, n) for n in range(network.layers)]

    def step(self, n, x, xi):
        """X_{n+1} (d, points) from x (d, points) and ξ (channels, points)."""
        noise, dt = self.network.noise, self.network.dt
        features = self.network.block.features(x, self._views[n])
        out = x + dt * noise.mean(features)
        if len(xi):
            scale = noise.scale(dt)
            if noise.deviation is not None:
                return out + (scale * noise.deviation) * xi
            out += scale * np.einsum("ijp,jp->ip", noise.directions(features), xi)
        return out

    def step_vjp(self, n, x, xi, cotangent):
        """The cotangents of x (d, points), and of θ_n (p,) summed over the points."""
        noise, dt = self.network.noise, self.network.dt
        features, directions_cotangent = None, np.zeros((len(x), 0, x.shape[1]))
        if len(xi) and noise.deviation is None:
            features = self.network.block.features(x, self._views[n])
            directions_cotangent = noise.scale(dt) * cotangent[:, None] * xi
        back = noise.cotangent(features, dt * cotangent, directions_cotangent)
        x_cotangent, gradient = self.network.block.vector_jacobian(x, self._views[n], back)
        return cotangent + x_cotangent, gradient

    def transition(self, n, x, order=_HERMITE, axes=None):
        """The law of X_{n+1} from x (d, points): additive noise as smoothing, any other by its quadrature branches.

        axes : of the tensor grid whose nodes x are, if they are: blocks may be faster there
        """
        noise, dt = self.network.noise, self.network.dt
        features = _features(self.network.block, x, self._views[n], axes)
        base = x + dt * noise.mean(features)
        if noise.deviation is not None:
            return Transition(base[None], np.ones(1), np.full(self.dim, noise.scale(dt) * noise.deviation))
        nodes, weights = self.law.quadrature(order)
        feet = base + noise.scale(dt) * np.einsum("ijp,kj->kip", noise.directions(features), nodes)
        return Transition(feet, weights, np.zeros(self.dim))

    def transition_vjp(self, n, x, feet_cotangent, order=_HERMITE, axes=None):
        """The cotangent of θ_n (p,) for a cotangent (branches, d, points) of the feet of `transition`."""
        noise, dt = self.network.noise, self.network.dt
        total = feet_cotangent.sum(axis=0)
        features, directions_cotangent = None, np.zeros((len(x), 0, x.shape[1]))
        if noise.deviation is None:
            nodes, _ = self.law.quadrature(order)
            features = _features(self.network.block, x, self._views[n], axes)
            directions_cotangent = noise.scale(dt) * np.einsum("kip,kj->ijp", feet_cotangent, nodes)
        back = noise.cotangent(features, dt * total, directions_cotangent)
        return _weights_vjp(self.network.block, x, self._views[n], back, axes)


class _Limit(Diffusion):
    """dX = f dt + G dB with the coefficients of layer n on [t_n, t_{n+1})."""

    steady_between_breaks = True

    def __init__(self, network, theta):
        self.network, self.theta = network, theta
        noise = network.noise
        constant = noise.deviation is not None
        factor = noise.diffusive_scale(network.dt) * noise.deviation * np.eye(network.dim) if constant else self._factor
        super().__init__(self._drift, factor, network.dim, breaks=network.times[1:-1])
        self._views = [network.control.layer(theta, n) for n in range(network.layers)]

    def layer_at(self, t):
        """The layer whose coefficients hold at time t (the later one at a layer time; rounding errors forgiven)."""
        return int(np.clip(np.floor(t / self.network.dt * (1 + 1e-12)), 0, self.network.layers - 1))

    def _features(self, t, x):
        return self.network.block.features(np.ascontiguousarray(x), self._views[self.layer_at(t)])

    def drift_rows(self, t, x):
        """f at x (d, n): (d, n)."""
        return self.network.noise.mean(self._features(t, x))

    def drift_on_grid(self, t, grid):
        """f at the nodes of a grid: (d, size)."""
        view = self._views[self.layer_at(t)]
        return self.network.noise.mean(_features(self.network.block, grid.nodes, view, grid.axes))

    def coefficients_vjp_on_grid(self, t, grid, drift_cotangent, factor_cotangent=None):
        """The cotangent of the layer's θ_n (p,) for cotangents of f (d, size) and of G (d, m, size) at the nodes."""
        noise, view = self.network.noise, self._views[self.layer_at(t)]
        features, g = None, np.zeros((grid.dim, 0, grid.size))
        if noise.deviation is None and factor_cotangent is not None:
            features = _features(self.network.block, grid.nodes, view, grid.axes)
            g = noise.diffusive_scale(self.network.dt) * factor_cotangent
        return _weights_vjp(self.network.block, grid.nodes, view, noise.cotangent(features, drift_cotangent, g), grid.axes)

    def factor_rows(self, t, x):
        """G at x (d, n): (d, m, n)."""
        if self.constant_factor is not None:
            return super().factor_rows(t, x)
        noise = self.network.noise
        return noise.diffusive_scale(self.network.dt) * noise.directions(self._features(t, x))

    def _drift(self, t, x):
        return self.drift_rows(t, np.ascontiguousarray(x.T)).T

    def _factor(self, t, x):
        return np.moveaxis(self.factor_rows(t, np.ascontiguousarray(x.T)), 2, 0)

    def coefficients_vjp(self, t, x, drift_cotangent, factor_cotangent=None):
        """The cotangents of x (d, n) and of the layer's θ_n (p,) for cotangents of f (d, n) and of G (d, m, n)."""
        noise, n = self.network.noise, self.layer_at(t)
        features, g = None, np.zeros((len(x), 0, x.shape[1]))
        if noise.deviation is None and factor_cotangent is not None:
            features = self.network.block.features(x, self._views[n])
            g = noise.diffusive_scale(self.network.dt) * factor_cotangent
        return self.network.block.vector_jacobian(x, self._views[n], noise.cotangent(features, drift_cotangent, g))
