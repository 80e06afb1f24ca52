"""Paths through all layers of a perceptron network while they are in the first-level cache, and the reverse sweep.

    x ← x + dt f(x) + noise,   f(x) = W₂ tanh(W₁ x + b₁) + b₂

Noise is one random factor or term r a channel, by `place` and `law`; `numbers` (layers, 4) are dt and three of the law's:

    place  ADDITIVE x + dt f + r        OUTPUT x + r f        STATE x + dt f + r x       (one channel a component, or one for all)
           HIDDEN   hidden unit times r     INPUT  f at r x       NONE
    law    NORMAL r = c + s ξ, numbers (c, s, –)      TWO r = k with probability p, else j, numbers (p, k, j)

theta (layers, p) holds W₁, b₁, W₂, b₂ of each layer, row after row.  The draws are those of `philox` at (seed; first + position, layer,
channel).  All arrays but the addresses are float64, or all float32 (then a block of Philox serves four channels).
"""

import numpy as np

from .compile import kernel, reduction
from .dense import add_dots, add_products, add_sums, fill_rows
from .draws import draw_rows
from .elementary_rows import tanh_rows

__all__ = ["ADDITIVE", "HIDDEN", "INPUT", "NONE", "NORMAL", "OUTPUT", "STATE", "TWO", "carry", "carry_back"]

NONE, ADDITIVE, OUTPUT, STATE, HIDDEN, INPUT = range(6)
NORMAL, TWO = range(2)
_TILE = 256
_UNITS = 8


@kernel
def _draw(law, numbers, seed, number, layer, channel, channels, r):
    """r[:channels]: the random factors of the channels channel, channel + 1, … for the paths number … number + 255."""
    draw_rows(seed, number, layer, channel, channels, law == NORMAL, r)
    if law == NORMAL:
        centre, size = numbers[1], numbers[2]
        for i in range(np.uintp(channels)):
            for p in range(np.uintp(_TILE)):
                r[i, p] = centre + size * r[i, p]
    else:
        probability, kept, dropped = numbers[1], numbers[2], numbers[3]
        for i in range(np.uintp(channels)):
            for p in range(np.uintp(_TILE)):
                r[i, p] = kept if r[i, p] < probability else dropped


@kernel
def _share(r, rows, channels):                 # one channel for all rows
    if channels == 1:
        for i in range(1, rows):
            for p in range(np.uintp(_TILE)):
                r[np.uintp(i), p] = r[0, p]


@kernel
def _times(a, b, rows, out):                   # out = a ∗ b
    for i in range(np.uintp(rows)):
        for p in range(np.uintp(_TILE)):
            out[i, p] = a[i, p] * b[i, p]


@kernel
def _scaled(a, factor, rows, out):             # out = factor · a
    for i in range(np.uintp(rows)):
        for p in range(np.uintp(_TILE)):
            out[i, p] = factor * a[i, p]


@kernel
def _move(place, dt, f, r, rows, x):           # the step, given f and the factors
    for i in range(np.uintp(rows)):
        if place == OUTPUT:
            for p in range(np.uintp(_TILE)):
                x[i, p] += r[i, p] * f[i, p]
        elif place == STATE:
            for p in range(np.uintp(_TILE)):
                x[i, p] += dt * f[i, p] + r[i, p] * x[i, p]
        elif place == ADDITIVE:
            for p in range(np.uintp(_TILE)):
                x[i, p] += dt * f[i, p] + r[i, p]
        else:
            for p in range(np.uintp(_TILE)):
                x[i, p] += dt * f[i, p]


@kernel
def _hidden(w, z, dim, width, unit, units, a):  # a[:units] = tanh of units unit, unit + 1, … at z
    fill_rows(w, width * dim + unit, units, a, _TILE)
    add_products(w, unit * dim, dim, 1, units, dim, z, a, _TILE)
    tanh_rows(a, units, _TILE)


@reduction
def _through_tanh(s, a, u, n):                 # s[u] ← (1 − a²) s[u], and its sum, over p < n
    one, total = a.dtype.type(1), a.dtype.type(0)
    for p in range(np.uintp(n)):
        back = (one - a[u, p] * a[u, p]) * s[u, p]
        s[u, p] = back
        total += back
    return total


@kernel
def carry(x, theta, numbers, place, law, channels, seed, first, begin, end, lo, hi, out, states):
    """Carry the paths x[:, lo:hi] through the layers begin … end − 1 into out[:, lo:hi].  x, out (d, n); may be the same array.

    states (layers, d, n) : filled with the states after each layer too, or (0, d, n)
    """
    dim = x.shape[0]
    width = (theta.shape[1] - dim) // (2 * dim + 1)
    after = width * dim + width
    z, f, r = np.zeros((dim, _TILE), x.dtype), np.empty((dim, _TILE), x.dtype), np.empty((max(dim, _UNITS) + 3, _TILE), x.dtype)
    masked, a = np.empty((dim, _TILE), x.dtype), np.empty((_UNITS, _TILE), x.dtype)
    for start in range(lo, hi, _TILE):
        n = min(_TILE, hi - start)
        number = first + np.uint64(start)
        for i in range(np.uintp(dim)):
            for p in range(np.uintp(n)):
                z[i, p] = x[i, np.uintp(start) + p]
        for layer in range(begin, end):
            w, of_law = theta[layer], numbers[layer]
            if place != NONE and place != HIDDEN:
                _draw(law, of_law, seed, number, np.uint64(layer), 0, channels, r)
                _share(r, dim, channels)
            if place == INPUT:
                _times(z, r, dim, masked)
            fill_rows(w, after + dim * width, dim, f, _TILE)
            for unit in range(0, width, _UNITS):
                units = min(_UNITS, width - unit)
                if place == INPUT:
                    _hidden(w, masked, dim, width, unit, units, a)
                else:
                    _hidden(w, z, dim, width, unit, units, a)
                if place == HIDDEN:
                    _draw(law, of_law, seed, number, np.uint64(layer), unit, units, r)
                    _times(a, r, units, a)
                add_products(w, after + unit, width, 1, dim, units, a, f, _TILE)
            _move(place, of_law[0], f, r, dim, z)
            if states.shape[0]:
                for i in range(np.uintp(dim)):
                    for p in range(np.uintp(n)):
                        states[layer, i, np.uintp(start) + p] = z[i, p]
        for i in range(np.uintp(dim)):
            for p in range(np.uintp(n)):
                out[i, np.uintp(start) + p] = z[i, p]


@kernel
def carry_back(states, theta, numbers, place, law, channels, seed, first, lo, hi, cotangent, gradient):
    """Carry cotangents (d, n) of the last states back to the first, in place on lo:hi; add those of theta to gradient (layers, p).

    states (layers + 1, d, n) of the same paths, as `carry` gives them; draws and activations are made again.
    """
    layers, dim = theta.shape[0], states.shape[1]
    width = (theta.shape[1] - dim) // (2 * dim + 1)
    b1, w2 = width * dim, width * dim + width
    b2 = w2 + dim * width
    of, zero = states.dtype, states.dtype.type(0)
    x, c, f_bar, back = np.zeros((dim, _TILE), of), np.zeros((dim, _TILE), of), np.empty((dim, _TILE), of), np.empty((dim, _TILE), of)
    a, s, m = np.empty((_UNITS, _TILE), of), np.empty((_UNITS, _TILE), of), np.empty((_UNITS, _TILE), of)
    r = np.empty((max(dim, _UNITS) + 3, _TILE), of)
    for start in range(lo, hi, _TILE):
        n = min(_TILE, hi - start)
        number = first + np.uint64(start)
        for i in range(np.uintp(dim)):
            for p in range(np.uintp(n)):
                c[i, p] = cotangent[i, np.uintp(start) + p]
            for p in range(np.uintp(n), np.uintp(_TILE)):       # sums are over whole tiles: their order is then that of the main loop alone
                c[i, p] = zero
        for layer in range(layers - 1, -1, -1):
            w, g, of_law, dt = theta[layer], gradient[layer], numbers[layer], numbers[layer, 0]
            for i in range(np.uintp(dim)):
                for p in range(np.uintp(n)):
                    x[i, p] = states[layer, i, np.uintp(start) + p]
            if place == OUTPUT or place == STATE or place == INPUT:
                _draw(law, of_law, seed, number, np.uint64(layer), 0, channels, r)
                _share(r, dim, channels)
            if place == OUTPUT:
                _times(c, r, dim, f_bar)
            else:
                _scaled(c, dt, dim, f_bar)
            if place == INPUT:
                _times(x, r, dim, x)
            _scaled(c, zero, dim, back)
            add_sums(f_bar, dim, _TILE, g, b2)
            for unit in range(0, width, _UNITS):
                units = min(_UNITS, width - unit)
                _hidden(w, x, dim, width, unit, units, a)
                _scaled(a, zero, units, s)
                add_products(w, w2 + unit, 1, width, units, dim, f_bar, s, _TILE)
                if place == HIDDEN:
                    _draw(law, of_law, seed, number, np.uint64(layer), unit, units, r)
                    _times(s, r, units, s)
                    _times(a, r, units, m)
                    add_dots(f_bar, dim, m, units, _TILE, g, w2 + unit, width, 1)
                else:
                    add_dots(f_bar, dim, a, units, _TILE, g, w2 + unit, width, 1)
                for u in range(np.uintp(units)):
                    g[np.uintp(b1 + unit) + u] += _through_tanh(s, a, u, _TILE)
                add_dots(s, units, x, dim, _TILE, g, unit * dim, dim, 1)
                add_products(w, unit * dim, 1, dim, dim, units, s, back, _TILE)
            if place == INPUT:
                _times(back, r, dim, back)
            if place == STATE:
                for i in range(np.uintp(dim)):
                    for p in range(np.uintp(_TILE)):
                        c[i, p] += r[i, p] * c[i, p]
            for i in range(np.uintp(dim)):
                for p in range(np.uintp(_TILE)):
                    c[i, p] += back[i, p]
        for i in range(np.uintp(dim)):
            for p in range(np.uintp(n)):
                cotangent[i, np.uintp(start) + p] = c[i, p]
