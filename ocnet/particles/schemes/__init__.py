"""Steps in time for an Itô diffusion dX = f(t, X) dt + Σ_j G_j(t, X) dB_j, j = 1 … m: one file a scheme.

A scheme is `step(diffusion, t, dt, x, xi)`, its formula; `law(channels, constant)`, the standardised noise ξ of a step, with
ΔB_j = √dt ξ_j; and `mean(diffusion, t, dt, x)`, E[X_{n+1} | X_n = x], or None where no closed form exists.
`layered(diffusion, horizon, steps, channels)` is its LayeredProcess; the times at which coefficients may jump are step times.

Orders are data, by the class of the noise:
    additive     G depends on t alone
    commutative  G_j·∇G_k = G_k·∇G_j for all j, k: one channel, diagonal noise G_j = g_j(t, x_j) e_j
    general      neither
weak_order: of E φ(X_T) for smooth φ;  strong_order: of (E |X_N − X(T)|²)^½ on the same Brownian path.
Source: Kloeden & Platen (1992), chapters 10, 11 and 15.
"""

from .euler_maruyama import EulerMaruyama, euler_maruyama
from .milstein import Milstein
from .platen import Platen

__all__ = ["EulerMaruyama", "Milstein", "Platen", "euler_maruyama"]
