"""Expectations that need no solver of ours: normal laws in closed form, mixtures of them, characteristics by SciPy."""

from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import ndtr

__all__ = ["Data", "beneš", "carried", "linear_law"]


def _density(z):
    return np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


@dataclass(frozen=True)
class Data:
    """Terminal data of one coordinate y = direction · x by name, and their mean under N(m, v), v ≥ 0.

    kind : "probit" Φ((y − c)/w), "peak" exp(−(y − c)²/2w²), "wave" cos((y − c)/w), "step" 1{y > c}, "kink" |y − c|;  size : factor
    """

    kind: str
    centre: float
    width: float = 1.0
    size: float = 1.0

    def __call__(self, y):
        z = (y - self.centre) / self.width
        form = {"probit": lambda: ndtr(z), "peak": lambda: np.exp(-0.5 * z * z), "wave": lambda: np.cos(z), "step": lambda: 1.0 * (z > 0),
                "kink": lambda: np.abs(y - self.centre)}
        return self.size * form[self.kind]()

    def mean(self, m, v):
        m, v, w = np.asarray(m, float) - self.centre, np.asarray(v, float), self.width
        if self.kind == "probit":
            out = ndtr(m / np.sqrt(w * w + v))
        elif self.kind == "peak":
            out = w / np.sqrt(w * w + v) * np.exp(-0.5 * m * m / (w * w + v))
        elif self.kind == "wave":
            out = np.exp(-0.5 * v / w**2) * np.cos(m / w)
        else:
            s = np.sqrt(v)
            z = np.divide(m, s, out=np.sign(m) * np.inf, where=s > 0 * m)
            out = ndtr(z) if self.kind == "step" else np.where(s > 0 * m, m * (2 * ndtr(z) - 1) + 2 * s * _density(np.clip(z, -40, 40)), np.abs(m))
        return self.size * out


def linear_law(x, rate, shift, sigma, T):
    """Mean (n,) and variance of dX = rate (X − shift) dt + σ dB at T from x (n,)."""
    spread = sigma**2 * (T if rate == 0 else np.expm1(2 * rate * T) / (2 * rate))
    return shift + (x - shift) * np.exp(rate * T), spread


def beneš(x, slope, sigma, T):
    """dX = slope σ² tanh(slope X) dt + σ dB: the weights (n,) of the upper of two normals, their means (n,) twice and their variance.

    Source   Beneš (1981): the density is that of σB times cosh(slope X_T)/cosh(slope x) e^{−slope² σ² T/2}, a mixture of N(x ± slope σ² T, σ² T).
    """
    upper = 1 / (1 + np.exp(-2 * slope * x))
    return upper, x + slope * sigma**2 * T, x - slope * sigma**2 * T, sigma**2 * T


def carried(x, drift, T):
    """Where characteristics of an autonomous drift end, from each of x (n,): SciPy's LSODA at 1e-12."""
    return np.array([solve_ivp(lambda t, y: drift(y), (0, T), [start], method="LSODA", rtol=1e-12, atol=1e-13).y[0, -1] for start in x])
