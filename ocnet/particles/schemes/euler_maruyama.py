"""The Euler–Maruyama scheme."""

from dataclasses import dataclass
from math import sqrt
from typing import Any

from ocnet.particles.schemes.stepping import SteppedDiffusion
from ocnet.typing import Array

from .stepping import Scheme, check_columns

__all__ = ["EulerMaruyama", "euler_maruyama"]


@dataclass(frozen=True)
class EulerMaruyama(Scheme):
    """X + dt f(t, X) + √dt Σ_j G_j(t, X) ξ_j.  Kloeden & Platen (1992), (10.2.4)."""

    weak_order = {"additive": 1, "commutative": 1, "general": 1}
    strong_order = {"additive": 1, "commutative": 0.5, "general": 0.5}

    @classmethod
    def example(cls) -> "EulerMaruyama":
        return cls()

    def step(self, diffusion: Any, t: float, dt: float, x: Array, xi: Array) -> Array:
        G = diffusion.factor_rows(t, x)
        check_columns(G, len(xi), t)
        out = x + dt * diffusion.drift_rows(t, x)
        for j in range(len(xi)):
            out += G[:, j] * (sqrt(dt) * xi[j])
        return out


def euler_maruyama(diffusion: Any, horizon: float, steps: int, channels: int | None = None) -> SteppedDiffusion:
    """Return the LayeredProcess X + dt f(t_n, X) + √dt G(t_n, X) ξ_n of an Itô diffusion, of weak order 1 in dt.

    horizon  : T > 0;  steps : at least; each interval between `diffusion.breaks` gets its share of equal steps, rounded up
    channels : m, columns of G; may be left out where the factor is constant
    """
    return EulerMaruyama().layered(diffusion, horizon, steps, channels)
