"""A process on a grid at one time: drift and variance rate at the nodes."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ocnet.boundary import fixed_nodes

__all__ = ["Coefficients"]


@dataclass(frozen=True, eq=False)
class Coefficients:
    """f and a = G Gᵀ at the nodes, 0 where a Dirichlet or absorbing side holds the value (so nothing moves there).

    grid : Grid;  drift (d, size);  variance_rate (d, d, size), symmetric
    """

    grid: object
    drift: np.ndarray
    variance_rate: np.ndarray
    held: np.ndarray                    # (k,) nodes held by the sides

    @classmethod
    def at(cls, process, grid, t, sides, previous=None):
        """Evaluate the process at time t; `previous` lends its variance rate where the factor is constant."""
        held = previous.held if previous is not None else fixed_nodes(grid, sides)[0]
        drift = np.require(process.drift_rows(t, grid.nodes), np.float64, ["C", "W"])
        if previous is not None and getattr(process, "constant_factor", None) is not None:
            variance_rate = previous.variance_rate
        else:
            variance_rate = _variance_rate(process, grid, t)
            variance_rate[:, :, held] = 0.0
        if held.size:
            drift = drift.copy()
            drift[:, held] = 0.0
        coefficients = cls(grid, drift, variance_rate, held)
        if previous is not None and variance_rate is previous.variance_rate:
            vars(coefficients)["split"] = previous.split
        return coefficients

    @cached_property
    def split(self):
        """Diagonal (d, size) and, in the order (0,1), (0,2), (1,2), upper (pairs, size) entries of a; no pairs if all are 0."""
        d, a = len(self.drift), self.variance_rate
        diagonal = np.stack([a[i, i] for i in range(d)])
        upper = [a[p, k] for p in range(d) for k in range(p + 1, d)]
        return diagonal, np.stack(upper) if any(row.any() for row in upper) else np.empty((0, diagonal.shape[1]))

    def released(self, drift_cotangent, variance_cotangent):
        """Return the cotangents with the held nodes, where the coefficients do not act, set to 0 (in place)."""
        drift_cotangent[:, self.held] = 0.0
        variance_cotangent[:, :, self.held] = 0.0
        return drift_cotangent, variance_cotangent


def _variance_rate(process, grid, t):
    constant = getattr(process, "constant_factor", None)
    if constant is not None:
        return np.repeat((constant @ constant.T)[:, :, None], grid.size, axis=2)
    factor = process.factor_rows(t, grid.nodes)
    d, m, n = factor.shape
    a = np.empty((d, d, n))
    for i in range(d):
        for k in range(i, d):
            a[i, k] = a[k, i] = np.einsum("jn,jn->n", factor[i], factor[k]) if m else 0.0
    return a
