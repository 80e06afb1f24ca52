"""The noise alone, u ↦ E u(x + ∫ G dB) over a time h, by maps that never leave the range of u.

Which map is taken depends on the factor, the grid and the sides (`noise_maps`):

    Gaussian    constant factor with independent components, uniform grid, reflecting sides: lattice weights, order ∞ in h
    Branches    one channel: a three-point weak step of order 2; several channels that no monotone stencil can carry: order 1
    on nodes    anything else that is dominated by its diagonal: the monotone operator in explicit steps, order 2
"""

from typing import Any

import numpy as np

from ocnet.laws import Normal
from ocnet.problem import KolmogorovProblem
from ocnet.spline import Smoothing
from ocnet.typing import Array

from ..coefficients import Coefficients, held_nodes
from ..monotone_operator import MonotoneOperator
from ..transport import IndexSpline
from .monotone import Monotone

__all__ = ["Branches", "Gaussian", "noise_maps"]

_BRANCHES = 3                        # Gauss–Hermite nodes a channel: moments to order 5
_SHORT = 1e-3                        # share of nodes at which the monotone stencil may have to add variance


def noise_maps(problem: KolmogorovProblem, grid: Any, t: float, h: float, limited: bool) -> Any:
    """The maps, in the order of their application, that make E u(x + ∫ G dB) over the time h, factor frozen at t."""
    process, sides = problem.process, [side.row for pair in problem.boundary for side in pair]
    constant = getattr(process, "constant_factor", None)
    if constant is not None:
        rate = constant @ constant.T
        if not rate.any():
            return []
        if grid.is_uniform and set(sides) == {"mirror"} and (grid.dim <= 2 or np.array_equal(rate, np.diag(np.diag(rate)))):
            return _constant(grid, rate, h, limited, problem.boundary)
    held = held_nodes(grid, problem.boundary)
    factor = process.factor_rows(t, grid.nodes) if constant is None else constant[:, :, None]
    if factor.shape[1] == 0:
        return []
    if factor.shape[1] > 1 or grid.dim == 1 or held.nodes.size:
        a = np.array(process.variance_rows(t, grid.nodes))
        a[:, :, held.nodes] = 0.0
        operator = MonotoneOperator(Coefficients(grid, _rows(problem), np.zeros((grid.dim, grid.size)), a, held.nodes))
        if (operator.short.mean() <= _SHORT) or held.nodes.size:
            return [Monotone().stepper(operator, h)]
    feet, weights = _platen(process, grid.nodes, t, h) if factor.shape[1] == 1 else _euler(process, grid.nodes, t, h)
    feet[:, :, held.nodes] = grid.nodes[:, held.nodes]
    return [Branches(grid, _folded(feet, grid, problem.boundary), weights, limited, problem.boundary)]


def _rows(problem):
    return tuple(tuple(side.row for side in pair) for pair in problem.boundary)


def _constant(grid, rate, h, limited, sides):
    """Independent components on the nodes; in two dimensions a correlation ρ as |ρ| of the noise along one direction."""
    if np.array_equal(rate, np.diag(np.diag(rate))):
        return [Gaussian(grid, np.sqrt(h * np.diag(rate)))]
    correlation = min(abs(rate[0, 1]) / np.sqrt(rate[0, 0] * rate[1, 1]), 1.0)
    direction = np.sqrt(correlation * h * np.diag(rate)) * np.array([1.0, np.sign(rate[0, 1])])
    nodes, weights = Normal(1).quadrature(_BRANCHES)
    feet = _mirrored(grid.nodes + direction[None, :, None] * nodes[:, :, None], grid)
    return [Gaussian(grid, np.sqrt(h * (1 - correlation) * np.diag(rate))), Branches(grid, feet, weights, limited, sides)]


def _platen(process, x, t, h):
    """dX = b(X) dB, one channel: the derivative-free weak step of order 2.  Kloeden & Platen (1992), eq. (15.1.1), a = 0."""
    b = process.factor_rows(t, x)[:, 0]
    above, below = (process.factor_rows(t, np.ascontiguousarray(x + s * np.sqrt(h) * b))[:, 0] for s in (1, -1))
    nodes, weights = Normal(1).quadrature(_BRANCHES)
    even, odd = 0.25 * np.sqrt(h) * (above + below + 2 * b), 0.25 * np.sqrt(h) * (above - below)
    return np.stack([x + even * xi + odd * (xi * xi - 1) for (xi,) in nodes]), weights


def _euler(process, x, t, h):
    """X = x + √h G ξ with three Gauss–Hermite nodes a channel: order 1.  More channels than axes are first reduced."""
    G = process.factor_rows(t, x)
    if G.shape[1] > len(x):
        G = _lower_root(process.variance_rows(t, x))
    nodes, weights = Normal(G.shape[1]).quadrature(_BRANCHES)
    return x + np.sqrt(h) * np.einsum("ijp,kj->kip", G, nodes), weights


def _lower_root(a):
    """(d, d, n) lower triangular G with G Gᵀ = a (d, d, n), columns 0 where nothing is left (semidefinite a)."""
    G, left = np.zeros_like(a), a.copy()
    for j in range(len(a)):
        pivot = np.sqrt(np.maximum(left[j, j], 0.0))
        G[j:, j] = np.divide(left[j:, j], pivot, out=np.zeros_like(left[j:, j]), where=pivot > 1e-12 * np.sqrt(a[j, j] + 1e-300))
        left -= G[:, None, j] * G[None, :, j]
    return G


def _mirrored(feet, grid):
    """Feet (branches, d, n) folded back at the sides."""
    lower, upper = grid.lower[:, None], grid.upper[:, None]
    width = upper - lower
    s = np.mod(feet - lower, 2 * width)
    return lower + np.minimum(s, 2 * width - s)


def _folded(feet, grid, sides):
    """Feet folded back at reflecting sides, stopped at others."""
    folded = _mirrored(feet, grid)
    for axis, pair in enumerate(sides):
        for end, side in enumerate(pair):
            if side.row != "mirror":
                beyond = feet[:, axis] > grid.upper[axis] if end else feet[:, axis] < grid.lower[axis]
                folded[:, axis][beyond] = (grid.upper if end else grid.lower)[axis]
    return folded


class Gaussian:
    """Independent normals of standard deviations (d,), by non-negative weights on the nodes."""

    def __init__(self, grid: Any, deviation: Any) -> None:
        self._smoothing = Smoothing(grid, deviation)

    def step(self, u: Any) -> Array:
        return self._smoothing(u)

    def transposed(self, p: Array, u: Any = None) -> Array:
        return self._smoothing.transposed(p)


class Branches:
    """Σ_k weights[k] · u(feet[k]) by the limited spline; feet (branches, d, size) in the box."""

    def __init__(self, grid: Any, feet: Array, weights: Array, limited: bool, sides: Any) -> None:
        self.grid, self.feet, self.weights, self.limited, self.sides = grid, np.ascontiguousarray(feet), weights, limited, sides

    def step(self, u: Any) -> Array:
        return IndexSpline(self.grid, u, self.sides, self.limited).mean(self.feet, self.weights)

    def transposed(self, p: Array, u: Any = None) -> Array:
        u = np.zeros_like(p) if u is None else u
        return IndexSpline(self.grid, u, self.sides, self.limited).mean_transposed(self.feet, self.weights, np.ascontiguousarray(p))[0]
