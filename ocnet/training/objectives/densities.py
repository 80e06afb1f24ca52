"""Class densities as weighted points: quadrature on the nodes of a grid."""

import warnings
from collections.abc import Mapping
from reprlib import repr as short
from typing import Any

import numpy as np

from ocnet.inputs import answer_of, as_array
from ocnet.typing import PointFunction

__all__ = ["quadrature"]

_REFUSED, _WARNED = 1e-3, 1e-6       # missing mass of a class beyond which its quadrature is refused, or doubted


def quadrature(densities: Mapping[int, PointFunction], grid: Any, shares: Mapping[int, float] | None = None) -> Any:
    """Return points (n, d), labels (n,), weights (n,) = π_y ρ_y(x) dx, and the leak 1 − Σ weights.

    densities : {label y: callable, (n, d) -> (n,) ≥ 0}, each of mass 1 over all space
    grid      : Grid; its trapezoidal weights are dx.  Nodes where a density is 0 are left out
    shares    : {label: π_y ≥ 0} with sum 1; default: equal
    Raises     ValueError where a class lacks, or has too much of, more than 1e-3 of its mass; beyond 1e-6 a UserWarning says so.
    Accuracy   order 2 in the spacing; on uniform axes, beyond every order for smooth densities that vanish at the sides (Euler–Maclaurin).
               Nothing is renormalised: mass outside the box, or missed between the nodes, stays visible as the leak.
    """
    labels, nodes = _labels_of(densities), grid.nodes.T
    shares = _checked_shares(shares, labels)
    mass = np.empty((len(labels), grid.size))
    for k, y in enumerate(labels):
        mass[k] = shares[y] * grid.weights * _checked(y, answer_of(densities[y], f"densities[{y}]", nodes), grid)
    row, node = np.nonzero(mass)
    weights = mass[row, node]
    return nodes[node], np.asarray(labels)[row], weights, 1 - float(weights.sum())


def _labels_of(densities):
    """The labels in ascending order, where each has a function."""
    if not isinstance(densities, Mapping) or not densities or not all(map(callable, densities.values())):
        raise ValueError(f"densities={short(densities)} is no dictionary of functions; give {{-1: rho_lower, 1: rho_upper}}")
    return sorted(densities)


def _checked_shares(shares, labels):
    if shares is None:
        return dict.fromkeys(labels, 1 / len(labels))
    if not isinstance(shares, Mapping):
        raise ValueError(f"shares={short(shares)} is no dictionary; give each of the labels {labels} a number ≥ 0, with sum 1")
    numbers = as_array(list(shares.values()), "shares")
    if set(shares) != set(labels) or not (numbers >= 0).all() or not abs(numbers.sum() - 1) < 1e-9:
        raise ValueError(f"shares={shares}; give each of the labels {labels} a number ≥ 0, with sum 1")
    return shares


def _checked(y, values, grid):
    """The values (size,) of a density on the nodes, if they are ones and their mass is near 1."""
    if values.shape != (grid.size,) or not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(f"densities[{y}] gave an array of shape {values.shape} from {float(np.min(values)):.3g}; expected ({grid.size},), "
                         "finite and ≥ 0: one number for each of the points (n, d)")
    missing = 1 - float((grid.weights * values).sum())
    if abs(missing) > _WARNED:
        told = (f"densities[{y}] has mass {1 - missing:.7g} on {grid!r}: widen the box (grid.widened(1.4)) if it reaches beyond, refine "
                "(grid.refined(2)) if it is sharp, or divide it by its mass; nothing is renormalised here")
        if abs(missing) > _REFUSED:
            raise ValueError(told)
        warnings.warn(told, UserWarning, stacklevel=4)
    return values
