"""Manufactured solutions on the unit box: u is given, the source g = −(u_t + f·∇u + ½ a:∇∇u − c u) makes it exact.

u(t, x) = (2 + sin(2t)) Σ of products of one function per axis; each kind of side has a function that fulfils its condition
without being special otherwise:

    mirror  cos(πx)           u' = 0 at both ends
    held    e^{0.7x} sin(2x + 0.3)   any values, Dirichlet data by the exact solution
    outflow x + sin(πx)/π²    u'' = 0 at both ends
"""

import numpy as np

from ocnet.boundary import Dirichlet, Outflow, Reflecting
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion

__all__ = ["KINDS", "exact", "manufactured"]

KINDS = ("mirror", "held", "outflow")
_FUNCTIONS = {                       # value, first and second derivative
    "mirror": (lambda x: np.cos(np.pi * x), lambda x: -np.pi * np.sin(np.pi * x), lambda x: -np.pi**2 * np.cos(np.pi * x)),
    "held": (lambda x: np.exp(0.7 * x) * np.sin(2 * x + 0.3),
             lambda x: np.exp(0.7 * x) * (0.7 * np.sin(2 * x + 0.3) + 2 * np.cos(2 * x + 0.3)),
             lambda x: np.exp(0.7 * x) * ((0.49 - 4) * np.sin(2 * x + 0.3) + 2.8 * np.cos(2 * x + 0.3))),
    "outflow": (lambda x: x + np.sin(np.pi * x) / np.pi**2, lambda x: 1 + np.cos(np.pi * x) / np.pi, lambda x: -np.sin(np.pi * x)),
}


def exact(kind, t, x):
    """u at points x (n, d): (n,)."""
    return (2 + np.sin(2 * t)) * _FUNCTIONS[kind][0](x).prod(axis=1)


def _derivatives(kind, t, x):
    """u_t (n,), ∇u (n, d), ∇∇u (n, d, d)."""
    value, slope, bend = (function(x) for function in _FUNCTIONS[kind])
    n, d = x.shape
    gradient, hessian = np.empty((n, d)), np.empty((n, d, d))
    for i in range(d):
        rest = np.delete(value, i, axis=1).prod(axis=1)
        gradient[:, i], hessian[:, i, i] = slope[:, i] * rest, bend[:, i] * rest
        for k in range(i):
            others = np.delete(value, [i, k], axis=1).prod(axis=1)
            hessian[:, i, k] = hessian[:, k, i] = slope[:, i] * slope[:, k] * others
    size = 2 + np.sin(2 * t)
    return 2 * np.cos(2 * t) * value.prod(axis=1), size * gradient, size * hessian


def manufactured(kind, dim, mixed=False, additive=False, strength=1.0, noise=1.0, horizon=0.5):
    """The problem on [0, 1]^dim whose solution is `exact(kind, …)`, with coefficients that vary in t and x."""
    def drift(t, x):
        return strength * np.stack([0.6 * np.sin(2 * x[:, i] + x[:, (i + 1) % dim] + t) - 0.2 for i in range(dim)], axis=1)

    def factor(t, x):
        G = np.zeros((len(x), dim, dim))
        for i in range(dim):
            G[:, i, i] = noise * (0.6 + 0.15 * np.cos(3 * x[:, i] + t))
            if mixed:
                G[:, i, (i + 1) % dim] = noise * 0.25 * (1 + x[:, i])
        return G

    process = Diffusion(drift, noise * 0.6 * np.eye(dim) if additive else factor, dim)
    potential = lambda t, x: 0.5 + 0.3 * np.sin(x.sum(axis=1) + t)

    def source(t, x):
        u_t, gradient, hessian = _derivatives(kind, t, x)
        rows = np.ascontiguousarray(x.T)
        f, a = process.drift_rows(t, rows), process.variance_rows(t, rows)
        return -(u_t + np.einsum("in,ni->n", f, gradient) + 0.5 * np.einsum("ikn,nik->n", a, hessian) - potential(t, x) * exact(kind, t, x))

    side = {"mirror": Reflecting(), "held": Dirichlet(lambda t, x: exact(kind, t, x)), "outflow": Outflow()}[kind]
    return KolmogorovProblem(process, lambda x: exact(kind, horizon, x), horizon, potential, source, side)
