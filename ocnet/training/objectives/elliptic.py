"""Control of an elliptic equation with a random coefficient: a convex problem with a known solution, to measure optimisers by.

    minimise over u   ½ E |y − y_d|² + ½ α |u|²   where   −(a y')' = u on (0, 1),  y(0) = y(1) = 0,  a log-normal

over a fixed sample of coefficients a.  Sun & Du, averaged stochastic gradient descent for distributed control (MATH 4).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ocnet.blas import one_thread
from ocnet.inputs import LARGEST, as_array, as_number, as_seed, as_whole
from ocnet.kernels import philox
from ocnet.training.finite import finite, finite_pair
from ocnet.typing import Array, Integers

__all__ = ["EllipticControl", "Tracking"]

_MOST_DEVIATION = 50.0               # of log a: beyond, fields of the sample may leave the floats
_FIELDS, _PICKS = 3, 4               # words that keep the sample of coefficients and the draws from it apart


@dataclass(frozen=True, eq=False)
class Tracking:
    """J(u) = mean over f of ½ |K_f u − y_d|² + ½ α |u|², sums over nodes: h J is the integral.

    inverses (fields, n, n) : K_f = A_f⁻¹, symmetric;  target (n,) : y_d;  alpha : α > 0
    """

    inverses: np.ndarray
    target: np.ndarray
    alpha: float

    def value_and_gradient(self, u: Array) -> tuple[float, Array]:
        """J and α u + mean of A⁻ᵀ (A⁻¹ u − y_d), (n,)."""
        u = as_array(u, "u", self.target.shape)
        misfit = np.einsum("fij,j->fi", self.inverses, u) - self.target
        gradient = self.alpha * u + np.einsum("fij,fj->i", self.inverses, misfit) / len(misfit)
        return finite_pair(0.5 * float((misfit * misfit).sum() / len(misfit) + self.alpha * (u * u).sum()), gradient)

    def value(self, u: Array) -> float:
        u = as_array(u, "u", self.target.shape)
        misfit = np.einsum("fij,j->fi", self.inverses, u) - self.target
        return finite(0.5 * float((misfit * misfit).sum() / len(misfit) + self.alpha * (u * u).sum()))

    def exact(self) -> Array:
        """The minimiser (n,), by a dense solve of (α + mean K²) u = mean K y_d."""
        matrix = np.einsum("fij,fjk->ik", self.inverses, self.inverses) / len(self.inverses) + self.alpha * np.eye(self.target.size)
        with one_thread():
            return np.linalg.solve(matrix, self.inverses.mean(axis=0) @ self.target)


@dataclass(frozen=True)
class EllipticControl:
    """`Tracking` over a sample of coefficients, of which `draw` takes a few.

    nodes : n inner nodes, spacing h = 1/(n + 1); a at the midpoints between them: second order in h
    fields, deviation, modes : log a = deviation · B, B the first terms of a Brownian path's Karhunen–Loève series; so many of them
    alpha : α;  batch : coefficients in a draw, independent, with replacement
    sample : seed of the coefficients;  seed : of the draws
    The target is y_d = sin πx.
    """

    nodes: int = 31
    fields: int = 40
    alpha: float = 1e-2
    deviation: float = 0.5
    modes: int = 8
    batch: int = 1
    sample: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("nodes", "fields", "modes", "batch"):
            object.__setattr__(self, name, as_whole(getattr(self, name), name))
        object.__setattr__(self, "alpha", as_number(self.alpha, "alpha", above=0, at_most=LARGEST))
        object.__setattr__(self, "deviation", as_number(self.deviation, "deviation", at_least=0, at_most=_MOST_DEVIATION,
                                                        remedy=f"log a has this size, and a is no number beyond exp({_MOST_DEVIATION:g} · 5)"))
        for name in ("sample", "seed"):
            object.__setattr__(self, name, as_seed(getattr(self, name), name))

    @property
    def size(self) -> int:
        """P, the number of components of u."""
        return self.nodes

    @property
    def x(self) -> Array:
        """The inner nodes (n,)."""
        return np.arange(1, self.nodes + 1) / (self.nodes + 1)

    @cached_property
    def coefficients(self) -> Array:
        """a at the midpoints, (fields, n + 1)."""
        midpoints = (np.arange(self.nodes + 1) + 0.5) / (self.nodes + 1)
        frequencies = (np.arange(self.modes) + 0.5) * np.pi
        xi = philox.normals(philox.derived_seed(self.sample, _FIELDS), 0, self.fields, 0, self.modes)
        brownian = np.einsum("kf,ki->fi", xi, np.sqrt(2) * np.sin(np.outer(frequencies, midpoints)) / frequencies[:, None])
        return np.exp(self.deviation * brownian)

    @cached_property
    def inverses(self) -> Array:
        """A_f⁻¹ (fields, n, n) of −(a y')' by differences: h R_min(i,j) (R − R_max(i,j)) / R.

        R_i is the resistance h Σ 1/a from 0 to node i, R that of the whole: the Green's function, which differences have exactly.
        """
        h = 1 / (self.nodes + 1)
        resistance = np.cumsum(h / self.coefficients, axis=1)
        total, r = resistance[:, -1, None, None], resistance[:, :-1]
        return h * np.minimum(r[:, :, None], r[:, None, :]) * (total - np.maximum(r[:, :, None], r[:, None, :])) / total

    @cached_property
    def tracking(self) -> "Tracking":
        """`Tracking` of all fields."""
        return Tracking(self.inverses, np.sin(np.pi * self.x), self.alpha)

    @cached_property
    def _stream(self):
        return philox.derived_seed(self.seed, _PICKS)

    def picks(self, iteration: int) -> Integers:
        """The numbers (batch,) of the coefficients drawn for one iteration."""
        iteration = as_whole(iteration, "iteration", 0, at_most=2**32 - 1)
        return (self.fields * philox.uniforms(self._stream, 0, self.batch, iteration, 1)[0]).astype(np.int64)

    def draw(self, iteration: int) -> "Tracking":
        """`Tracking` of a batch of fields: its gradient is an unbiased estimate of that of all."""
        return Tracking(self.tracking.inverses[self.picks(iteration)], self.tracking.target, self.alpha)

    def value(self, u: Array) -> float:
        return self.tracking.value(u)

    def value_and_gradient(self, u: Array) -> tuple[float, Array]:
        return self.tracking.value_and_gradient(u)

    def exact(self) -> Array:
        """The minimiser (n,) over all fields, by a direct solve."""
        return self.tracking.exact()

    def fingerprint(self) -> str:
        return repr(self)
