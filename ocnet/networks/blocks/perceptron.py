"""f(x) = W₂ tanh(W₁ x + b₁) + b₂."""

from dataclasses import dataclass

import numpy as np

from ocnet.kernels import perceptron, perceptron_on_axes
from ocnet.kernels.threads import over_chunks, over_tiles

from .features import Features

__all__ = ["Perceptron"]

_STEEP = 340.0                       # exponents up to which a product of two stays in range
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
        over_tiles(perceptron.forward_tiles, perceptron.forward, (x, layer.W1, layer.b1, layer.W2, layer.b2), x.shape[1], _CHUNK, (out,))
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

    def features_on_axes(self, axes, layer):
        """f at the nodes of the tensor grid of `axes` (n_i,): as `features` at all nodes, without exponentials there."""
        tables = _Tables(axes, layer)
        out = np.empty((len(axes), tables.rows, axes[-1].size))
        over_tiles(perceptron_on_axes.forward_tiles, perceptron_on_axes.forward,
                   (*tables.arguments, tables.smooth, tables.w2, layer.b2), tables.rows, tables.chunk, (out,))
        return Features(out.reshape(len(axes), -1))

    def weights_vjp_on_axes(self, axes, layer, cotangent):
        """(∂f/∂θ)ᵀ c summed over the nodes of the tensor grid of `axes` (p,), for c = cotangent.output (d, size)."""
        tables = _Tables(axes, layer)
        c = np.ascontiguousarray(cotangent.output).reshape(len(axes), tables.rows, -1)
        chunks, units = -(-tables.rows // tables.chunk), tables.w2.shape[1]
        parts = [np.zeros((chunks, *shape)) for shape in ((units, len(axes)), (units,), (len(axes), units), (len(axes),))]

        def one(*arguments):
            *before, lo, hi = arguments[:-4]
            perceptron_on_axes.weights_vjp(*before, lo, hi, *(part[lo // tables.chunk] for part in parts))

        over_tiles(perceptron_on_axes.weights_vjp_tiles, one,
                   (*tables.arguments, tables.leading_x, tables.smooth, tables.w2, c), tables.rows, tables.chunk, parts)
        w1, b1, w2, b2 = (part.sum(axis=0) for part in parts)
        back = tables.back
        return np.concatenate([w1[back].ravel(), b1[back], w2[:, back].ravel(), b2])

    def _size(self, dim):
        return sum(int(np.prod(shape)) for _, shape in self.layout(dim))


class _Tables:
    """What `kernels.perceptron_on_axes` reads: exponentials along the axes, units with moderate exponents first, in pairs."""

    def __init__(self, axes, layer):
        if len(axes) == 1:
            self.leading_x = np.empty((0, 1))
        elif len(axes) == 2:
            self.leading_x = np.array(axes[0][None])
        else:
            self.leading_x = np.stack([c.ravel() for c in np.meshgrid(*axes[:-1], indexing="ij")])
        self.rows, x_last = self.leading_x.shape[1], np.array(axes[-1])          # writable: one compilation
        self.chunk = max(1, _CHUNK // (2 * x_last.size))
        z_lead, w_last = layer.W1[:, :-1] @ self.leading_x + layer.b1[:, None], layer.W1[:, -1]
        along = np.abs(w_last) * np.abs(x_last).max()
        steep = 2 * (np.abs(z_lead).max(axis=1) + along) > _STEEP
        order = np.concatenate([np.flatnonzero(~steep), np.flatnonzero(steep)])
        smooth = int((~steep).sum())
        places = np.append(np.arange(smooth), np.arange(smooth, order.size) + smooth % 2)    # a pair of nothing if need be
        self.back, self.smooth = np.empty(order.size, dtype=int), smooth + smooth % 2
        self.back[order] = places
        units = order.size + smooth % 2
        z, w = np.zeros((units, self.rows)), np.zeros(units)
        self.w2 = np.zeros((len(layer.W2), units))
        z[places], w[places], self.w2[:, places] = z_lead[order], w_last[order], layer.W2[:, order]
        lead, last = (np.zeros_like(z), np.zeros((units, x_last.size)))
        perceptron_on_axes.exponentials(z[:self.smooth], lead[:self.smooth])
        perceptron_on_axes.exponentials(w[:self.smooth, None] * x_last, last[:self.smooth])
        self.arguments = lead, last, z, w, x_last
