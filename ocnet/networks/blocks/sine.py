"""f(x) = W₂ sin(W₁ x + b₁) + b₂: periodic where W₁ is whole, so that laws can be compared without a box (MATH R5)."""

from dataclasses import dataclass

import numpy as np

from ocnet.inputs import as_whole
from ocnet.products import times
from ocnet.typing import Array, Layout, Views

from .features import Features
from .saturating import Saturating

__all__ = ["Sine"]


@dataclass(frozen=True)
class Sine(Saturating):
    """One hidden layer of `width` sine units, in plain NumPy; of period 2π in each component for whole numbers W₁."""

    width: int
    shows = ("output", "hidden", "last_weights", "state")
    period = 2 * np.pi

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", as_whole(self.width, "width", remedy="the number of hidden units"))

    @classmethod
    def example(cls) -> "Sine":
        return cls(width=3)

    def layout(self, dim: int) -> Layout:
        """Names and shapes of one layer's numbers, in the order they are stored."""
        return (("W1", (self.width, dim)), ("b1", (self.width,)), ("W2", (dim, self.width)), ("b2", (dim,)))

    def initial(self, dim: int, rng: np.random.Generator) -> Array:
        """(p,) start values: whole frequencies −2 … 2, phases, a branch of about 0.5 in size."""
        return np.concatenate([rng.integers(-2, 3, self.width * dim), rng.uniform(0, 2 * np.pi, self.width),
                               rng.normal(0, 0.7 / np.sqrt(self.width), dim * self.width), np.zeros(dim)]).astype(np.float64)

    @staticmethod
    def _phase(x, layer):
        return times(layer.W1, x) + layer.b1[:, None]

    def features(self, x: Array, layer: Views, needs: tuple[str, ...] = ("output",)) -> Features:
        """f and the hidden units at the points x (d, n)."""
        hidden = np.sin(self._phase(x, layer))
        return Features(times(layer.W2, hidden) + layer.b2[:, None], hidden, layer.W2, state=x)

    def vector_jacobian(self, x: Array, layer: Views, cotangent: Features) -> tuple[Array, Array]:
        """The cotangents of x (d, n), and of the numbers summed over the points (p,), for one of the features."""
        phase = self._phase(x, layer)
        c = np.zeros_like(x) if cotangent.output is None else cotangent.output
        inner = times(layer.W2.T, c) + (0.0 if cotangent.hidden is None else cotangent.hidden)
        inner = inner * np.cos(phase)
        last = np.einsum("in,jn->ij", c, np.sin(phase)) + (0.0 if cotangent.last_weights is None else cotangent.last_weights)
        gradient = np.einsum("jn,kn->jk", inner, x).ravel(), inner.sum(axis=1), last.ravel(), c.sum(axis=1)
        return times(layer.W1.T, inner), np.concatenate(gradient)

    def jacobian_product(self, x: Array, layer: Views, direction: Array) -> Array:
        """Df v (d, n) for v (d, n)."""
        return times(layer.W2, np.cos(self._phase(x, layer)) * times(layer.W1, direction))

    def jacobian(self, x: Array, layer: Views) -> Array:
        """Df (d, d, n)."""
        return np.einsum("ij,jn,jk->ikn", layer.W2, np.cos(self._phase(x, layer)), layer.W1)

    def laplacian(self, x: Array, layer: Views) -> Array:
        """Σ_k ∂²f/∂x_k² (d, n)."""
        return -times(layer.W2, np.sin(self._phase(x, layer)) * (layer.W1**2).sum(axis=1)[:, None])
