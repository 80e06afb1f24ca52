"""f(x) = W₂ tanh(W₁ x + b₁) + b₂."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ocnet.inputs import as_whole
from ocnet.kernels import memory, perceptron, perceptron_on_axes
from ocnet.kernels.threads import over_chunks, over_tiles
from ocnet.products import times
from ocnet.typing import Array, Layout, Views

from .features import Features
from .saturating import Saturating

__all__ = ["Perceptron"]

_CHUNK = 1 << 13                     # points per task: one chunk's rows stay in the second-level cache
_FEW = 1 << 10                       # nodes that one task takes
_NODES = 1 << 14                     # nodes per task on a tensor grid, of which no more than a row is looked at at a time


@dataclass(frozen=True)
class Perceptron(Saturating):
    """One hidden layer of `width` tanh units."""

    width: int
    fused = True                     # kernels.perceptron_paths knows it
    shows = ("output", "hidden", "last_weights", "state")

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", as_whole(self.width, "width", remedy="the number of hidden units"))

    @classmethod
    def example(cls) -> "Perceptron":
        return cls(width=5)

    def layout(self, dim: int) -> Layout:
        """Names and shapes of one layer's numbers, in the order they are stored."""
        return (("W1", (self.width, dim)), ("b1", (self.width,)), ("W2", (dim, self.width)), ("b2", (dim,)))

    def initial(self, dim: int, rng: np.random.Generator) -> Array:
        """(p,) start values: hidden planes spread over the data (std 1), a branch of about 0.3 in size."""
        return np.concatenate([rng.normal(0, 1.5 / np.sqrt(dim), self.width * dim), rng.normal(0, 1, self.width),
                               rng.normal(0, 0.3 / np.sqrt(self.width), dim * self.width), np.zeros(dim)])

    def features(self, x: Array, layer: Views, needs: tuple[str, ...] = ("output",)) -> Features:
        """f at the points x (d, n), and the hidden units where they are needed."""
        out, numbers = memory.empty_like(x), _flat(layer)
        over_tiles(perceptron.forward_tiles, perceptron.forward, (x, *numbers), x.shape[1], _CHUNK, (out,))
        return Features(out, self._hidden(x, layer) if "hidden" in needs else None, layer.W2, state=x)

    def _hidden(self, x, layer):
        """tanh(W₁ x + b₁) at the points x (d, n): (H, n)."""
        out, numbers = memory.empty((self.width, x.shape[1])), _flat(layer)
        over_chunks(lambda lo, hi: perceptron.hidden(x, *numbers[:2], lo, hi, out), x.shape[1], _CHUNK)
        return out

    def vector_jacobian(self, x: Array, layer: Views, cotangent: Features) -> tuple[Array, Array]:
        """The cotangents of x (d, n), and of θ_n summed over the points (p,), for one of the features."""
        x_cotangent, numbers = memory.empty_like(x), _flat(layer)
        chunks = range(0, x.shape[1], _CHUNK)
        parts = [[np.zeros(w.size) for w in numbers] for _ in chunks]
        c = np.zeros_like(x) if cotangent.output is None else np.ascontiguousarray(cotangent.output)
        more = np.empty((0, x.shape[1])) if cotangent.hidden is None else np.ascontiguousarray(cotangent.hidden)
        over_chunks(lambda lo, hi: perceptron.vector_jacobian(x, *numbers, c, more, lo, hi, x_cotangent, *parts[lo // _CHUNK]),
                    x.shape[1], _CHUNK)
        total = np.zeros(self._size(len(x)))
        for part in parts:
            total += np.concatenate(part)
        if cotangent.last_weights is not None:
            at = layer.W1.size + layer.b1.size
            total[at:at + layer.W2.size] += cotangent.last_weights.ravel()
        return x_cotangent, total

    def jacobian_product(self, x: Array, layer: Views, direction: Array) -> Array:
        """Df v (d, n) = W₂ ((1 − a²) ∗ W₁ v) for v (d, n)."""
        a = self._hidden(x, layer)
        return times(layer.W2, (1 - a * a) * times(layer.W1, direction))

    def jacobian(self, x: Array, layer: Views) -> Array:
        """Df (d, d, n)."""
        return np.stack([self.jacobian_product(x, layer, np.repeat(e[:, None], x.shape[1], axis=1)) for e in np.eye(len(x))], axis=1)

    def laplacian(self, x: Array, layer: Views) -> Array:
        """Σ_k ∂²f/∂x_k² (d, n) = W₂ (−2 a (1 − a²) |W₁|²)."""
        a = self._hidden(x, layer)
        return times(layer.W2, -2 * a * (1 - a * a) * (layer.W1**2).sum(axis=1)[:, None])

    def features_on_axes(self, axes: Sequence[Array], layer: Views) -> Features:
        """f at the nodes of the tensor grid of `axes` (n_i,): as `features` at all nodes, without exponentials there."""
        tables = _Tables(axes, layer)
        out = memory.empty((len(axes), tables.rows, axes[-1].size))
        over_tiles(perceptron_on_axes.forward_tiles, perceptron_on_axes.forward,
                   (*tables.arguments, *tables.counts, tables.w2, layer.b2), tables.rows, tables.chunk, (out,))
        return Features(out.reshape(len(axes), -1))

    def weights_vjp_on_axes(self, axes: Sequence[Array], layer: Views, cotangent: Features) -> Array:
        """(∂f/∂θ)ᵀ c summed over the nodes of the tensor grid of `axes` (p,), for c = cotangent.output (d, size)."""
        tables = _Tables(axes, layer)
        c = np.ascontiguousarray(cotangent.output).reshape(len(axes), tables.rows, -1)
        chunks, units = -(-tables.rows // tables.chunk), tables.w2.shape[1]
        parts = [np.zeros((chunks, *shape)) for shape in ((units, len(axes)), (units,), (len(axes), units), (len(axes),))]

        def one(*arguments):
            *before, lo, hi = arguments[:-4]
            perceptron_on_axes.weights_vjp(*before, lo, hi, *(part[lo // tables.chunk] for part in parts))

        over_tiles(perceptron_on_axes.weights_vjp_tiles, one,
                   (*tables.arguments, tables.leading_x, *tables.counts, tables.w2, c), tables.rows, tables.chunk, parts)
        w1, b1, w2, b2 = (part.sum(axis=0) for part in parts)
        places = tables.places
        return np.concatenate([w1[places].ravel(), b1[places], w2[:, places].ravel(), b2])

    def _size(self, dim):
        return sum(int(np.prod(shape)) for _, shape in self.layout(dim))


def _flat(layer):
    """W₁, b₁, W₂, b₂ as flat arrays."""
    return tuple(np.ascontiguousarray(w).ravel() for w in (layer.W1, layer.b1, layer.W2, layer.b2))


class _Tables:
    """What `kernels.perceptron_on_axes` reads: exponentials along the axes, units with moderate exponents first, in fours."""

    def __init__(self, axes, layer):
        if len(axes) == 1:
            self.leading_x = np.empty((0, 1))
        elif len(axes) == 2:
            self.leading_x = np.array(axes[0][None])
        else:
            self.leading_x = np.stack([c.ravel() for c in np.meshgrid(*axes[:-1], indexing="ij")])
        self.rows, x_last = self.leading_x.shape[1], np.array(axes[-1])          # writable: one compilation
        nodes = self.rows * x_last.size
        tasks = 1 if nodes <= _FEW else 2 * -(-nodes // (2 * _NODES))             # an even number, for two threads
        self.chunk = -(-self.rows // tasks)
        hidden, dim = layer.W1.shape
        lead, z_lead = np.empty((2, hidden + 3, self.rows))
        last, w_last, self.w2 = np.empty((hidden + 3, x_last.size)), np.empty(hidden + 3), np.empty((dim, hidden + 3))
        self.places = np.empty(hidden, dtype=np.int64)
        self.counts = perceptron_on_axes.arrange(self.leading_x, x_last, layer.W1, layer.b1, layer.W2, lead, last, z_lead, w_last,
                                                 self.w2, self.places)
        self.arguments = lead, last, z_lead, w_last, x_last
