"""f(x) = W₂ tanh(W₁ x + b₁) + b₂."""

from dataclasses import dataclass

import numpy as np

from ocnet.kernels import perceptron
from ocnet.kernels.threads import over_chunks

from .features import Features

__all__ = ["Perceptron"]

_CHUNK = 1 << 13                     # points per task: one chunk's rows stay in the second-level cache


@dataclass(frozen=True)
class Perceptron:
    """One hidden layer of `width` tanh units."""

    width: int

    def __post_init__(self):
        if int(self.width) != self.width or self.width < 1:
            raise ValueError(f"width={self.width} is not a positive whole number of hidden units")

    @classmethod
    def example(cls):
        return cls(width=5)

    def layout(self, dim):
        """Names and shapes of one layer's numbers, in the order they are stored."""
        return (("W1", (self.width, dim)), ("b1", (self.width,)), ("W2", (dim, self.width)), ("b2", (dim,)))

    def initial(self, dim, rng):
        """(p,) start values: hidden planes spread over the data (std 1), a branch of about 0.3 in size."""
        return np.concatenate([rng.normal(0, 1.5 / np.sqrt(dim), self.width * dim), rng.normal(0, 1, self.width),
                               rng.normal(0, 0.3 / np.sqrt(self.width), dim * self.width), np.zeros(dim)])

    def features(self, x, layer):
        """f at the points x (d, n)."""
        out = np.empty_like(x)
        over_chunks(lambda lo, hi: perceptron.forward(x, layer.W1, layer.b1, layer.W2, layer.b2, lo, hi, out),
                    x.shape[1], _CHUNK)
        return Features(out)

    def vector_jacobian(self, x, layer, cotangent):
        """(∂f/∂x)ᵀ c (d, n), and (∂f/∂θ)ᵀ c summed over the points (p,), for c = cotangent.output (d, n)."""
        x_cotangent = np.empty_like(x)
        chunks = range(0, x.shape[1], _CHUNK)
        parts = [[np.zeros_like(w) for w in (layer.W1, layer.b1, layer.W2, layer.b2)] for _ in chunks]
        c = np.ascontiguousarray(cotangent.output)
        over_chunks(lambda lo, hi: perceptron.vector_jacobian(
            x, layer.W1, layer.b1, layer.W2, layer.b2, c, lo, hi, x_cotangent, *parts[lo // _CHUNK]),
            x.shape[1], _CHUNK)
        total = np.zeros(sum(w.size for w in parts[0])) if parts else np.zeros(self._size(len(x)))
        for part in parts:
            total += np.concatenate([w.ravel() for w in part])
        return x_cotangent, total

    def _size(self, dim):
        return sum(int(np.prod(shape)) for _, shape in self.layout(dim))
