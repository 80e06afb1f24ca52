"""The largest eigenvalue of an objective's Hessian, by Lanczos's method on Hessian-vector products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import eigh_tridiagonal

from ocnet.archive import Saved
from ocnet.inputs import as_array, as_number, as_seed, as_whole
from ocnet.kernels import philox
from ocnet.training.trainer import checked_objective

from .scores import finite_result

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["Eigenvalue", "top_eigenvalue"]

_STEP = (3 * np.finfo(float).eps) ** (1 / 3)         # of max(1, |θ|∞): where a central difference's rounding eps/δ meets its truncation δ²/6
_START = 13                          # word that keeps the start vector apart from other random numbers
_SPENT = 1e-10                       # of the largest Ritz value: what is left of a vector that lies in the space already


@dataclass(frozen=True, eq=False)
class Eigenvalue(Saved):
    """An eigenvalue λ of a Hessian H with its unit vector v (P,).

    residual         : |H v − λ v| of the computed H v: the Hessian has an eigenvalue no farther than that from λ (Weinstein)
    difference_error : |change of H v when the step of the differences is doubled|, three times what order 2 leaves; large where the gradient
                       jumps, as that of a coarse grid does.  And eps (8 |∇J| + |λ| |θ|)/δ: gradients of a few ulp, and θ ± δ v to one
    products         : Hessian-vector products taken, of two gradients each;  converged : whether the residual met the tolerance
    """

    value: float
    vector: np.ndarray
    residual: float
    difference_error: float
    products: int
    converged: bool

    @property
    def bar(self) -> float:
        """residual + difference_error: an eigenvalue is within it of `value`.  That it is the largest is Lanczos's promise, not a bound."""
        return self.residual + self.difference_error

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name; without the vector."""
        return {"value": self.value, "bar": self.bar, "residual": self.residual, "difference_error": self.difference_error,
                "products": self.products, "converged": self.converged}

    def __repr__(self) -> str:
        return (f"Eigenvalue({self.value:.6g} ± {self.bar:.1g}, {self.products} Hessian-vector products"
                f"{'' if self.converged else ', NOT CONVERGED: allow more iterations'})")


def top_eigenvalue(objective: Any, theta: ArrayLike, tolerance: float = 1e-4, iterations: int = 100, seed: int = 0) -> Eigenvalue:
    """Return the largest (most positive) `Eigenvalue` of ∇²J at θ.

    objective  : anything with `value_and_gradient(theta) -> (float, (P,))`: a GridObjective, a ParticleObjective, whose noise is frozen, …
    tolerance  : of the residual, relative to |λ|;  iterations : Lanczos steps at most, and vectors (P,) held
    seed       : of the start vector, so that the result is the same every time
    Accuracy     H v by central differences of the gradient, ∇J(θ ± δ v), δ = (3 eps)^⅓ max(1, |θ|∞); both errors are in `bar`.
    Source       Lanczos (1950) with full reorthogonalisation; the residual bound: Parlett, The Symmetric Eigenvalue Problem, sec. 4.5 and 13.2.
    """
    checked_objective(objective, "value_and_gradient")
    theta, iterations, seed = np.array(as_array(theta, "theta", (None,))), as_whole(iterations, "iterations"), as_seed(seed)
    if not theta.size:
        raise ValueError("theta is empty; give a finite (P,) vector")
    tolerance = as_number(tolerance, "tolerance", above=0, remedy="give the residual wanted relative to the eigenvalue, such as 1e-4")
    step = _STEP * max(1.0, float(np.abs(theta).max(initial=0.0)))

    def product(v: np.ndarray, length: float = step) -> np.ndarray:
        after, before = (np.asarray(objective.value_and_gradient(theta + s * length * v)[1]) for s in (1.0, -1.0))
        return (after - before) / (2 * length)

    start = philox.normals(philox.derived_seed(seed, _START), 0, theta.size, 0, 1)[0]
    vector, taken = _lanczos(product, start, tolerance, min(iterations, theta.size))
    found, doubled = product(vector), product(vector, 2 * step)
    value = _dot(vector, found)
    ulps = 8 * _length(np.asarray(objective.value_and_gradient(theta)[1])) + abs(value) * _length(theta)
    residual, error = _length(found - value * vector), _length(doubled - found) + float(np.finfo(float).eps / step) * ulps
    result = Eigenvalue(value, vector, residual, error, taken + 2, residual <= 10 * tolerance * abs(value) + error)
    return finite_result(result, "theta", "value", "vector", "residual", "difference_error")


def _lanczos(product: Callable[[np.ndarray], np.ndarray], start: np.ndarray, tolerance: float, most: int) -> tuple[np.ndarray, int]:
    """The Ritz vector (P,) of the largest Ritz value, once β_k |last entry| ≤ tolerance · |value|, and how many products it took."""
    basis, diagonal, beside = [start / _length(start)], list[float](), list[float]()
    while True:
        w = product(basis[-1])
        diagonal.append(_dot(basis[-1], w))
        for _ in range(2):                                             # twice is enough (Parlett, sec. 6.9)
            for q in basis:
                w = w - _dot(q, w) * q
        values, vectors = eigh_tridiagonal(diagonal, beside)
        rest = _length(w)
        small = rest * abs(vectors[-1, -1]) <= tolerance * abs(values[-1]) or rest <= _SPENT * np.abs(values).max()
        if small or len(basis) >= most:
            ritz = np.einsum("kp,k->p", np.stack(basis), vectors[:, -1])
            return ritz / _length(ritz), len(basis)
        beside.append(rest)
        basis.append(w / rest)


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    """Σ a b, not by BLAS, whose sums depend on its threads."""
    return float(np.einsum("p,p->", a, b))


def _length(a: np.ndarray) -> float:
    return float(np.sqrt(_dot(a, a)))
