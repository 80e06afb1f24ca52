"""The product of N near-identities as a linear residual network: loss, N-scaled gradient, and when training it is sure to stay smooth.

    Π = (I + θ_N/N) … (I + θ_1/N),     L = ½ tr((Π − B) Σ (Π − B)ᵀ)                                   (MATH 3.2; Sander, Ablin, Peyré)
    N ∇_n = Π_{:n}ᵀ (Π − B) Σ Π_{n:}ᵀ,    Π_{:n} the factors after n, Π_{n:} those before
    N ∇_{n+1} − N ∇_n = (D θ_nᵀ − θ_{n+1}ᵀ D)/N,    D = Π_{:n+1}ᵀ (Π − B) Σ Π_{n:}ᵀ: neighbours are pulled alike, so smooth weights stay smooth

θ is (N, d, d), θ_n = θ[n − 1]; as a function of depth s it is piecewise affine through θ_n at s = n/N, and constant before 1/N.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq

from ocnet.inputs import as_array, as_number, as_object
from ocnet.typing import Array, ArrayLike

__all__ = ["LinearProblem", "SufficientCondition", "checked_problem", "depth_maps", "interpolated", "running_products"]

_STEPS = 256                         # Runge–Kutta steps of the unit of depth, times the size of θ where that exceeds 1


def _times(a, b):
    """The products of stacks of matrices (n, d, d), summed without a BLAS."""
    return np.einsum("nij,njk->nik", a, b)


def running_products(factors: Array) -> Array:
    """A_n … A_1 for n = 1 … N, (N, d, d), from A (N, d, d): the products of pairs first, so O(N) products in 2 log₂ N stacks."""
    if len(factors) == 1:
        return np.array(factors)
    out, odd = np.empty_like(factors), running_products(_times(factors[1::2], factors[:-1:2]))
    out[0], out[1::2] = factors[0], odd
    out[2::2] = _times(factors[2::2], odd[:(len(factors) - 1) // 2])
    return out


def _swapped(stack):
    return stack.transpose(0, 2, 1)


def interpolated(theta: Array, s: ArrayLike) -> Array:
    """θ at depths s (m,): (…, m, d, d) from (…, N, d, d)."""
    layers = theta.shape[-3]
    at = np.clip(np.asarray(s) * layers - 1, 0, layers - 1)
    n = np.minimum(at.astype(int), max(layers - 2, 0))
    share = (at - n)[:, None, None]
    return (1 - share) * theta[..., n, :, :] + share * theta[..., np.minimum(n + 1, layers - 1), :, :]


def depth_maps(theta: Array) -> Array:
    """X(n/N) for n = 1 … N, (N, d, d), of X' = θ(s) X, X(0) = I, with the interpolated weights; the last is the time-1 map.

    Accuracy   Runge–Kutta of order 4, all cells at once, steps ≤ 1/(256 max(1, |θ|)): about 2e-12 |θ| e^|θ|.
    """
    theta = np.asarray(theta, dtype=np.float64)
    layers, dim, _ = theta.shape
    right, left = theta, np.concatenate([theta[:1], theta[:-1]])
    count = int(np.ceil(_STEPS * max(1.0, _sizes(theta).max()) / layers))
    step, cell = 1 / (layers * count), np.broadcast_to(np.eye(dim), theta.shape)
    for k in range(count):
        first, middle, last = (left + (k + c) / count * (right - left) for c in (0, 0.5, 1))
        k1 = _times(first, cell)
        k2 = _times(middle, cell + 0.5 * step * k1)
        k3 = _times(middle, cell + 0.5 * step * k2)
        cell = cell + step / 6 * (k1 + 2 * k2 + 2 * k3 + _times(last, cell + step * k3))
    return running_products(cell)


def _sizes(theta):
    """Largest singular values (…,) of matrices (…, d, d)."""
    return np.linalg.norm(theta, 2, axis=(-2, -1))


@dataclass(frozen=True, eq=False)
class LinearProblem:
    """The least squares of Π x against B x where E x xᵀ = Σ: L = ½ tr((Π − B) Σ (Π − B)ᵀ).

    target : B (d, d);  covariance : Σ (d, d), symmetric positive definite; None: I
    Raises ValueError for any other B or Σ.
    """

    target: Any
    covariance: Any = None

    def __post_init__(self) -> None:
        target = np.array(as_array(self.target, "target"))
        if target.ndim != 2 or target.shape[0] != target.shape[1] or not np.isfinite(target).all():
            raise ValueError(f"target has shape {target.shape}; give B as a finite square matrix")
        covariance = np.eye(len(target)) if self.covariance is None else np.array(as_array(self.covariance, "covariance"))
        if covariance.shape != target.shape or not np.isfinite(covariance).all() or not np.allclose(covariance, covariance.T, atol=0):
            raise ValueError(f"covariance has shape {covariance.shape}; give a finite symmetric matrix of shape {target.shape}")
        if not np.linalg.eigvalsh(covariance)[0] > 0:
            raise ValueError("covariance is not positive definite: no data tells some directions of Π from those of B; leave those out")
        object.__setattr__(self, "target", target)
        object.__setattr__(self, "covariance", covariance)

    @classmethod
    def example(cls) -> "LinearProblem":
        """MATH R8: B is not normal on purpose, for a normal one keeps all θ_n equal from a zero start."""
        return cls([[1.2, 0.6], [-0.1, 0.8]])

    @property
    def dim(self) -> int:
        """d."""
        return len(self.target)

    def checked(self, theta: ArrayLike, name: str = "theta") -> Array:
        """θ as a finite (N, d, d) float64 array, or ValueError that names it."""
        theta = as_array(theta, name)
        if theta.ndim != 3 or theta.shape[1:] != self.target.shape or not len(theta):
            raise ValueError(f"{name} has shape {theta.shape}; expected a finite (layers, {self.dim}, {self.dim}), a matrix a layer")
        return theta

    def products(self, theta: Array) -> Any:
        """Π_n = (I + θ_n/N) … (I + θ_1/N) for n = 1 … N, (N, d, d); the last is Π."""
        return running_products(np.eye(self.dim) + theta / len(theta))

    def loss(self, theta: Array) -> float:
        """L of θ (N, d, d)."""
        theta = self.checked(theta)
        with np.errstate(over="ignore", invalid="ignore"):
            loss = self._of_residual(self.products(theta)[-1] - self.target)
        return as_number(loss, "theta or target is too large: the loss")

    def _of_residual(self, residual):
        return 0.5 * float(np.einsum("ij,jk,ik", residual, self.covariance, residual))

    def loss_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """L and N ∇ (N, d, d): N times the derivative of L, which is the one of a function of depth; not finite where these leave the floats."""
        theta = self.checked(theta)
        eye = np.eye(self.dim)
        before = self.products(theta)
        after = _swapped(running_products(_swapped(eye + theta[::-1] / len(theta))))[::-1]        # (I + θ_N/N) … (I + θ_n/N)
        residual = before[-1] - self.target
        pulled = np.einsum("ij,jk->ik", residual, self.covariance)
        before, after = np.concatenate([eye[None], before[:-1]]), np.concatenate([after[1:], eye[None]])
        return self._of_residual(residual), _times(_swapped(after), _times(np.broadcast_to(pulled, theta.shape), _swapped(before)))

    def condition(self, theta: Array) -> "SufficientCondition":
        """The `SufficientCondition` at the start θ (N, d, d)."""
        theta = self.checked(theta)
        eigenvalues = np.linalg.eigvalsh(self.covariance)
        least, most = float(eigenvalues[0]), float(eigenvalues[-1])
        need = float(np.sqrt(2 * most * self.loss(theta)) / least)
        start = float(_sizes(theta).max())
        radius, allowed = _radius(len(theta), start, need)
        return SufficientCondition(len(theta), least, start, need, allowed, radius)


def checked_problem(problem: Any) -> LinearProblem:
    """Return a `LinearProblem` as it is; ValueError for a class and anything else."""
    found: LinearProblem = as_object(problem, "problem", ("checked", "loss_and_gradient"), "a linear problem", "give LinearProblem(target, covariance)")
    return found


@dataclass(frozen=True)
class SufficientCondition:
    """Whether the flow θ' = −N ∇ is sure to stay in a ball and to reach loss 0 (derived for this project, MATH 3.2, at finite depth).

    While |θ_n| ≤ R, the products of up to N − 1 factors are at most g = (1 + R/N)^(N−1) and at least s = (1 − R/N)^(N−1) in size.  Hence
    |N ∇_n| ≤ g √(2 M l), l' ≤ −2 m s² l (m, M the extreme eigenvalues of Σ), and no θ_n moves further than g √(2 M l(0))/(m s²).  So

        |θ_n(0)| ≤ R/2  and  √(2 M l(0))/m ≤ s² R/(2 g)   imply   |θ_n(t)| ≤ R  and  l(t) ≤ l(0) exp(−2 m s² t)  for all t.

    start : max |θ_n(0)|;  need : √(2 M l(0))/m;  allowed : the largest s² R/(2 g) with R ≥ 2 start (0.061 at great depth, for R = 1/3)
    radius : the least R for which both hold, or None.  Only sufficient: training that does not meet it may behave all the same.
    """

    layers: int
    least: float
    start: float
    need: float
    allowed: float
    radius: Any = None

    @property
    def holds(self) -> bool:
        """Whether there is a radius for which both inequalities hold."""
        return self.radius is not None

    @property
    def decay(self) -> float | None:
        """2 m s², the rate at which the loss is sure to fall, or None."""
        return 2 * self.least * (1 - self.radius / self.layers) ** (2 * (self.layers - 1)) if self.holds else None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name."""
        return {"holds": self.holds, "start": self.start, "need": self.need, "allowed": self.allowed, "radius": self.radius, "decay": self.decay}

    def __repr__(self) -> str:
        said = f"holds with R = {self.radius:.4g}, decay {self.decay:.3g}" if self.holds else "does not hold"
        return f"SufficientCondition({said}: √(2 M l)/m = {self.need:.3g}, {self.allowed:.3g} allowed, |θ(0)| = {self.start:.3g})"


def _radius(layers, start, need):
    """The least R that meets the condition (or None), and the largest right side of it: s² R/(2 g) has one maximum in R."""
    def right(radius):
        return 0.5 * radius * (1 - radius / layers) ** (2 * (layers - 1)) / (1 + radius / layers) ** (layers - 1)

    def slope(radius):                                                    # of log right, times R
        return 1 - (layers - 1) * radius * (2 / (layers - radius) + 1 / (layers + radius))

    lowest = 2 * start
    if not lowest < layers:
        return None, 0.0
    best = max(lowest, brentq(slope, 0, layers * (1 - 1e-12)) if layers > 1 else 2 * max(need, start))
    allowed = right(best)
    if need > allowed:
        return None, allowed
    return (lowest if right(lowest) >= need else brentq(lambda radius: right(radius) - need, lowest, best)), allowed
