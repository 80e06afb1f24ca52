"""Milstein's scheme without derivatives and without Lévy areas."""

from dataclasses import dataclass
from math import sqrt
from typing import Any

from ocnet.typing import Array

from .stepping import Scheme, check_columns

__all__ = ["Milstein"]


@dataclass(frozen=True)
class Milstein(Scheme):
    """X + dt f + Σ_j G_j ΔB_j + dt^{−½} Σ_{j,k} (G_k(X + √dt G_j) − G_k(X)) · ½(ΔB_j ΔB_k − δ_jk dt), all at time t.

    The double integrals are symmetrised, which is exact where the noise commutes.  Where it does not, this is the truncated
    Milstein scheme of Giles & Szpruch (2014): strong order ½ only, as Euler–Maruyama, but what is left of the error changes
    sign with the order of two increments, so that antithetic pairs cancel it (see `estimate_multilevel`).
    For a constant factor it is the Euler–Maruyama step.  Cost: 1 + m evaluations of G.
    Source   Kloeden & Platen (1992), (11.1.3) and (10.3.16); Giles & Szpruch (2014), (2.3).
    """

    weak_order = {"additive": 1, "commutative": 1, "general": 1}
    strong_order = {"additive": 1, "commutative": 1, "general": 0.5}

    @classmethod
    def example(cls) -> "Milstein":
        return cls()

    def step(self, diffusion: Any, t: float, dt: float, x: Array, xi: Array) -> Array:
        G, root = diffusion.factor_rows(t, x), sqrt(dt)
        check_columns(G, len(xi), t)
        out = x + dt * diffusion.drift_rows(t, x)
        for j in range(len(xi)):
            out += G[:, j] * (root * xi[j])
        if diffusion.constant_factor is None:
            for j in range(len(xi)):
                change = diffusion.factor_rows(t, x + root * G[:, j]) - G
                for k in range(len(xi)):
                    out += change[:, k] * (0.5 * root * (xi[j] * xi[k] - (j == k)))
        return out
