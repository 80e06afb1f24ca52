"""f(x) = W₂ tanh(W₁ x + b₁) + b₂ on a batch of points, and its vector–Jacobian product.

Points are worked through in tiles that stay in the first-level cache; hidden activations are never stored.
"""

import numpy as np
from numba import prange

from .compile import kernel, parallel, reduction
from .elementary import tanh

__all__ = ["forward", "forward_tiles", "vector_jacobian"]

_TILE = 256


@reduction
def _dot(a, b):
    total = 0.0
    for k in range(a.size):
        total += a[k] * b[k]
    return total


@reduction
def _sum(a):
    total = 0.0
    for k in range(a.size):
        total += a[k]
    return total


@kernel
def _activate(x, w1, b1, j, start, stop, a):   # a[:stop − start] = tanh(w₁ⱼ · x + b₁ⱼ)
    bias = b1[j]
    for k in range(stop - start):
        a[k] = bias
    for i in range(x.shape[0]):
        row = x[i, start:stop]
        w = w1[j, i]
        for k in range(stop - start):
            a[k] += w * row[k]
    for k in range(stop - start):
        a[k] = tanh(a[k])


@kernel
def forward(x, w1, b1, w2, b2, lo, hi, out):
    """Write f(x) into out[:, lo:hi].  x, out (d, n); w1 (H, d), b1 (H,), w2 (d, H), b2 (d,)."""
    a = np.empty(_TILE)
    total = np.empty((x.shape[0], _TILE))
    for start in range(lo, hi, _TILE):
        stop = min(start + _TILE, hi)
        for i in range(x.shape[0]):
            row = total[i]
            for k in range(_TILE):
                row[k] = b2[i]
        for j in range(b1.size):
            _activate(x, w1, b1, j, start, stop, a)
            for i in range(x.shape[0]):
                row = total[i]
                w = w2[i, j]
                for k in range(_TILE):
                    row[k] += w * a[k]
        for i in range(x.shape[0]):
            row = out[i, start:stop]
            for k in range(stop - start):
                row[k] = total[i, k]


@kernel
def vector_jacobian(x, w1, b1, w2, b2, cotangent, lo, hi, x_cotangent, g_w1, g_b1, g_w2, g_b2):
    """Write (∂f/∂x)ᵀ c into x_cotangent[:, lo:hi] and add the weights' cotangents summed over the range to g_*."""
    dim = x.shape[0]
    a, s = np.empty(_TILE), np.empty(_TILE)
    back = np.empty((dim, _TILE))
    for start in range(lo, hi, _TILE):
        stop = min(start + _TILE, hi)
        size = stop - start
        for i in range(dim):
            g_b2[i] += _sum(cotangent[i, start:stop])
            row = back[i]
            for k in range(_TILE):
                row[k] = 0.0
        for j in range(b1.size):
            _activate(x, w1, b1, j, start, stop, a)
            for k in range(_TILE):
                s[k] = 0.0
            for i in range(dim):
                row = cotangent[i, start:stop]
                g_w2[i, j] += _dot(row, a[:size])
                w = w2[i, j]
                for k in range(size):
                    s[k] += w * row[k]
            for k in range(size):
                s[k] *= 1.0 - a[k] * a[k]
            g_b1[j] += _sum(s[:size])
            for i in range(dim):
                g_w1[j, i] += _dot(s[:size], x[i, start:stop])
                row = back[i]
                w = w1[j, i]
                for k in range(_TILE):
                    row[k] += w * s[k]
        for i in range(dim):
            row = x_cotangent[i, start:stop]
            for k in range(size):
                row[k] = back[i, k]


@parallel
def forward_tiles(x, w1, b1, w2, b2, size, chunk, out):
    for tile in prange((size + chunk - 1) // chunk):
        forward(x, w1, b1, w2, b2, tile * chunk, min((tile + 1) * chunk, size), out)
