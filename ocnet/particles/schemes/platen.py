"""Platen's explicit scheme of weak order 2."""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from ocnet.laws import Joint, Normal, Rademacher
from ocnet.typing import Array, Law

from .stepping import Scheme, check_columns

__all__ = ["Platen"]

_END = 1 - 1e-9                      # of a step: there a coefficient that jumps at its end has still its value within


def _columns(channels, constant):
    """m of the channels drawn: m for a constant factor, else m + m(m − 1)/2."""
    return channels if constant else int((np.sqrt(8 * channels + 1) - 1) / 2)


@dataclass(frozen=True)
class Platen(Scheme):
    """Weak order 2 for any noise.  With ΔB_j = √dt ξ_j, Y = X + dt f + Σ_j G_j ΔB_j,
    R±^j = X + dt f ± √dt G_j and U±^r = X ± √dt G_r,

        X + ½ dt (f(Y) + f) + ¼ Σ_j [ (G_j(R₊^j) + G_j(R₋^j) + 2 G_j) ΔB_j + (G_j(R₊^j) − G_j(R₋^j)) (ΔB_j² − dt)/√dt ]
          + ¼ Σ_{j ≠ r} [ (G_j(U₊^r) + G_j(U₋^r) − 2 G_j) ΔB_j + (G_j(U₊^r) − G_j(U₋^r)) (ΔB_j ΔB_r + V_rj)/√dt ],

    V_rj = ±dt with probability ½ for r > j and V_jr = −V_rj: signs that stand for Lévy areas.  Time is a component of the
    state, so Y and R are at t + dt (just before it, for coefficients that jump there) and U at t.
    For a constant factor it is X + ½ dt (f(Y) + f) + Σ_j G_j ΔB_j.
    Cost: 2 evaluations of f and 1 + 4m of G (1 + 2 for m = 1, one if constant).
    Its mean has no closed form: f is evaluated at the random Y.
    Source   Kloeden & Platen (1992), (15.1.3).
    """

    weak_order = {"additive": 2, "commutative": 2, "general": 2}
    strong_order = {"additive": 1, "commutative": 1, "general": 0.5}

    @classmethod
    def example(cls) -> "Platen":
        return cls()

    def law(self, channels: int, constant: bool) -> Law:
        signs = channels * (channels - 1) // 2
        if constant or not signs:
            return super().law(channels, constant)
        return Joint((Normal(channels), Rademacher(signs)))

    def mean(self, diffusion: Any, t: float, dt: float, x: Array) -> Array | None:
        return None

    def step(self, diffusion: Any, t: float, dt: float, x: Array, xi: Array) -> Array:
        G, f, end = diffusion.factor_rows(t, x), diffusion.drift_rows(t, x), t + _END * dt
        m = G.shape[1]
        check_columns(G, _columns(len(xi), diffusion.constant_factor is not None), t)
        dB, base = sqrt(dt) * xi[:m], x + dt * f
        noise = np.einsum("ijp,jp->ip", G, dB)
        if diffusion.constant_factor is None:
            noise = 0.5 * noise
            self._own(noise, diffusion, end, dt, base, G, dB)
            if m > 1:
                self._mixed(noise, diffusion, t, dt, x, G, dB, self._areas(dt * xi[m:], m))
            Y = base + np.einsum("ijp,jp->ip", G, dB)
        else:
            Y = base + noise
        return x + 0.5 * dt * (diffusion.drift_rows(end, Y) + f) + noise

    @staticmethod
    def _own(noise, diffusion, t, dt, base, G, dB):
        """Add the terms of each channel at its own supporting values R±, at the end of the step."""
        for j in range(len(dB)):
            plus, minus = (diffusion.factor_rows(t, base + sign * G[:, j])[:, j] for sign in (sqrt(dt), -sqrt(dt)))
            noise += 0.25 * (plus + minus) * dB[j] + 0.25 * (plus - minus) * ((dB[j] ** 2 - dt) / sqrt(dt))

    @staticmethod
    def _mixed(noise, diffusion, t, dt, x, G, dB, V):
        """Add the terms of pairs of channels at the supporting values U±, at the start of the step."""
        for r in range(len(dB)):
            plus, minus = (diffusion.factor_rows(t, x + sign * G[:, r]) for sign in (sqrt(dt), -sqrt(dt)))
            for j in range(len(dB)):
                if j != r:
                    noise += 0.25 * (plus[:, j] + minus[:, j] - 2 * G[:, j]) * dB[j]
                    noise += 0.25 * (plus[:, j] - minus[:, j]) * ((dB[j] * dB[r] + V[r, j]) / sqrt(dt))

    @staticmethod
    def _areas(signs, m):
        """Antisymmetric V (m, m, n) of its entries below the diagonal, row by row."""
        V = np.zeros((m, m, signs.shape[1]))
        V[np.tril_indices(m, -1)] = signs
        return V - V.swapaxes(0, 1)
