"""Second-order modified equations: the diffusions that the layers approximate to weak order 2 (derived from Sun, Tao, Du, section 1.2).

Natural scaling    dX = (m − (dt/2)(∂_t m + Dm m)) dt + √dt g dB, m the mean branch, whatever the law of ξ: third moments are O(dt³).
Diffusive scaling  additive normal noise s only: drift f − (dt/2)(Df f + ½ s² Δf), factor s (1 − (dt/2) Df).
"""

from typing import Any

import numpy as np

from ocnet.typing import Array

from .limit import NetworkDiffusion

__all__ = ["modified_equation"]


def modified_equation(network: Any, theta: Array) -> Any:
    """Return the second-order Diffusion of a network, or raise ValueError with the reason why there is none."""
    noise = network.noise
    if noise.scaling == "natural":
        return _Natural(network, theta)
    if noise.deviation is not None:
        return _Additive(network, theta)
    if noise.skewed:
        why = "the noise is skewed: the layers' third moment is a third-order operator of size √dt"
    elif noise.additive is not None:
        why = "E ξ⁴ ≠ 3 adds a fourth-order operator of size dt"
    else:
        why = "noise that depends on the state adds a third-order operator of size dt"
    raise ValueError(f"order=2: no second-order modified equation exists for {noise!r} in the diffusive scaling; {why}. "
                     "Use order=1, or the network's own chain")


class _Modified(NetworkDiffusion):
    """Base of the two: coefficients without derivatives in θ."""

    def drift_on_grid(self, t, grid):
        return self.drift_rows(t, grid.nodes)

    def _coefficients_vjp(self, model, at, drift_cotangent, factor_cotangent):
        raise ValueError("order=2: derivatives of the modified equation in θ are not offered; train with order=1, or on the network's own chain")


class _Natural(_Modified):
    """θ is constant on each layer, so that ∂_t m = 0 there and each layer is matched by itself, however rough θ is in depth."""

    def drift_rows(self, t, x):
        model, at = self._at(t, x)
        mean = model.mean(at)
        return mean - 0.5 * self.network.dt * model.mean_jacobian_product(at, mean)


class _Additive(_Modified):
    """For X + dt f + √dt s ξ with normal ξ."""

    def _constant_or_callable_factor(self):
        return self._factor

    def drift_rows(self, t, x):
        model, at = self._at(t, x)
        f = model.mean(at)
        bent = model.mean_jacobian_product(at, f) + 0.5 * model.deviation**2 * at.block.laplacian(at.x, at.layer)
        return f - 0.5 * self.network.dt * bent

    def factor_rows(self, t, x):
        model, at = self._at(t, x)
        return model.deviation * (np.eye(self.dim)[:, :, None] - 0.5 * self.network.dt * at.block.jacobian(at.x, at.layer))
