"""The scalar equation de = L e dt + s e dB step by step: exponents of its schemes' chains by quadrature, and along paths by the library (MATH 4)."""

from math import sqrt

import numpy as np
from scipy.integrate import quad

from ocnet import Diffusion, lyapunov_exponent
from ocnet.particles.schemes import EulerMaruyama, Milstein

__all__ = ["NOISE", "RATE", "SCHEMES", "along_paths", "by_quadrature", "exponent", "mean_square", "second_moment"]

RATE, NOISE = 1.0, 2.0
SCHEMES = {"Euler–Maruyama": EulerMaruyama(), "Milstein": Milstein()}
_REACH = 12.0                        # of the normal density: beyond it there is 1e-32 of it
_SHORT, _FINE = 0.1, 0.001           # horizon and step of the second moment: exp(p² s² T) = 5 paths for one there


def exponent():
    """L − s²/2 = −1, of the equation."""
    return RATE - NOISE**2 / 2


def mean_square():
    """2 L + s² = 6: the rate at which E|e|² grows."""
    return 2 * RATE + NOISE**2


def _coefficients(name, dt):
    """The step's factor as a polynomial in ξ, highest power first."""
    curved = 0.5 * NOISE**2 * dt if name == "Milstein" else 0.0
    return np.array([curved, NOISE * sqrt(dt), 1 + RATE * dt - curved])


def by_quadrature(name, dt):
    """E log|factor|/dt of one step, ξ normal; the intervals end at the zeros of the factor, where the logarithm is infinite.

    Accuracy: 1e-10/dt, asked of the adaptive rule.
    """
    polynomial = np.poly1d(_coefficients(name, dt))
    zeros = polynomial.roots
    ends = [-_REACH, *sorted(float(z.real) for z in zeros if abs(z.imag) < 1e-12 and abs(z.real) < _REACH), _REACH]
    parts = [quad(lambda xi: np.log(abs(polynomial(xi))) * np.exp(-0.5 * xi * xi) / sqrt(2 * np.pi), a, b, epsabs=1e-11, epsrel=1e-11, limit=400)[0]
             for a, b in zip(ends, ends[1:])]
    return sum(parts) / dt


def along_paths(name, dt, paths, horizon=1.0, seed=0):
    """The library's `Lyapunov` of the same chain, along sampled paths."""
    return lyapunov_exponent(_equation(), [[1.0]], paths, horizon=horizon, steps=round(horizon / dt), scheme=SCHEMES[name], seed=seed)


def second_moment(paths, seed=0):
    """(rate of E|e|² of the Euler–Maruyama chain in closed form, the library's `MomentExponent`) over a short time."""
    found = lyapunov_exponent(_equation(), [[1.0]], paths, horizon=_SHORT, steps=round(_SHORT / _FINE), seed=seed)
    return float(np.log((1 + RATE * _FINE) ** 2 + NOISE**2 * _FINE) / _FINE), found.moment(2)


def _equation():
    return Diffusion(lambda t, x: RATE * x, lambda t, x: NOISE * x[:, :, None], 1)
