"""f(x) = W₂ tanh(W₁ x + b₁) + b₂ on a batch of points, and its vector–Jacobian product, in any dimension and width.

Points are worked through in tiles, hidden units in groups, that stay in the first-level cache; hidden activations are never stored.
Matrices come flat, row after row.
"""

import numpy as np
from numba import prange

from .compile import kernel, parallel
from .dense import add_dots, add_products, add_sums, fill_rows
from .elementary_rows import tanh_rows

__all__ = ["forward", "forward_tiles", "hidden", "vector_jacobian"]

_TILE = 256
_UNITS = 8


@kernel
def _read(x, rows, start, n, tile):            # tile[:rows, :n] = x[:rows, start:start + n]
    start = np.uintp(start)
    for i in range(np.uintp(rows)):
        for p in range(np.uintp(n)):
            tile[i, p] = x[i, start + p]


@kernel
def _clear(tile, rows, n):                     # 0 beyond n: sums are over whole tiles, so that their order is that of the main loop alone
    for i in range(np.uintp(rows)):
        for p in range(np.uintp(n), np.uintp(_TILE)):
            tile[i, p] = 0.0


@kernel
def _write(tile, rows, start, n, out):
    start = np.uintp(start)
    for i in range(np.uintp(rows)):
        for p in range(np.uintp(n)):
            out[i, start + p] = tile[i, p]


@kernel
def forward(x, w1, b1, w2, b2, lo, hi, out):
    """Write f(x) into out[:, lo:hi].  x, out (d, n); w1 (H·d,), b1 (H,), w2 (d·H,), b2 (d,)."""
    dim, width = x.shape[0], b1.size
    tile, a, total = np.zeros((dim, _TILE)), np.empty((_UNITS, _TILE)), np.empty((dim, _TILE))
    for start in range(lo, hi, _TILE):
        n = min(_TILE, hi - start)
        _read(x, dim, start, n, tile)
        fill_rows(b2, 0, dim, total, _TILE)
        for unit in range(0, width, _UNITS):
            units = min(_UNITS, width - unit)
            fill_rows(b1, unit, units, a, _TILE)
            add_products(w1, unit * dim, dim, 1, units, dim, tile, a, _TILE)
            tanh_rows(a, units, _TILE)
            add_products(w2, unit, width, 1, dim, units, a, total, _TILE)
        _write(total, dim, start, n, out)


@kernel
def hidden(x, w1, b1, lo, hi, out):
    """Write tanh(W₁ x + b₁) into out[:, lo:hi].  x (d, n), out (H, n)."""
    dim, width = x.shape[0], b1.size
    tile, a = np.zeros((dim, _TILE)), np.empty((_UNITS, _TILE))
    for start in range(lo, hi, _TILE):
        n = min(_TILE, hi - start)
        _read(x, dim, start, n, tile)
        for unit in range(0, width, _UNITS):
            units = min(_UNITS, width - unit)
            fill_rows(b1, unit, units, a, _TILE)
            add_products(w1, unit * dim, dim, 1, units, dim, tile, a, _TILE)
            tanh_rows(a, units, _TILE)
            _write(a, units, start, n, out[unit:])


@kernel
def vector_jacobian(x, w1, b1, w2, b2, cotangent, hidden_cotangent, lo, hi, x_cotangent, g_w1, g_b1, g_w2, g_b2):
    """Write (∂f/∂x)ᵀ c into x_cotangent[:, lo:hi] and add the numbers' cotangents summed over the range to g_*.

    hidden_cotangent (H, n) is that of the hidden units besides the one by way of f; (0, n) where there is none.
    """
    dim, width = x.shape[0], b1.size
    tile, c, back = np.zeros((dim, _TILE)), np.zeros((dim, _TILE)), np.empty((dim, _TILE))
    a, s = np.empty((_UNITS, _TILE)), np.zeros((_UNITS, _TILE))
    for start in range(lo, hi, _TILE):
        n = min(_TILE, hi - start)
        _read(x, dim, start, n, tile)
        _read(cotangent, dim, start, n, c)
        _clear(c, dim, n)
        add_sums(c, dim, _TILE, g_b2, 0)
        for i in range(np.uintp(dim)):
            for p in range(np.uintp(_TILE)):
                back[i, p] = 0.0
        for unit in range(0, width, _UNITS):
            units = min(_UNITS, width - unit)
            fill_rows(b1, unit, units, a, _TILE)
            add_products(w1, unit * dim, dim, 1, units, dim, tile, a, _TILE)
            tanh_rows(a, units, _TILE)
            if hidden_cotangent.shape[0]:
                _read(hidden_cotangent[unit:], units, start, n, s)
                _clear(s, units, n)
            else:
                for u in range(units):
                    for p in range(np.uintp(_TILE)):
                        s[u, p] = 0.0
            add_products(w2, unit, 1, width, units, dim, c, s, _TILE)
            for u in range(np.uintp(units)):
                for p in range(np.uintp(_TILE)):
                    s[u, p] *= 1.0 - a[u, p] * a[u, p]
            add_sums(s, units, _TILE, g_b1, unit)
            add_dots(s, units, tile, dim, _TILE, g_w1, unit * dim, dim, 1)
            add_dots(c, dim, a, units, _TILE, g_w2, unit, width, 1)
            add_products(w1, unit * dim, 1, dim, dim, units, s, back, _TILE)
        _write(back, dim, start, n, x_cotangent)


@parallel
def forward_tiles(x, w1, b1, w2, b2, size, chunk, out):
    for tile in prange((size + chunk - 1) // chunk):
        forward(x, w1, b1, w2, b2, tile * chunk, min((tile + 1) * chunk, size), out)
