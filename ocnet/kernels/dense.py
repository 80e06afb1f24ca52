"""Small dense products on tiles of points: rows of numbers against rows of points, blocked for registers.

A tile is (rows, points) in the first-level cache.  Weights come as one flat array with an offset and two strides, so that a matrix, its
transpose and a part of it are the same call.  Tiles must be arrays that the calling kernel made itself (then the compiler knows that they
do not overlap).  Each element is summed in the order of the terms, wherever the tile starts.
"""

import numpy as np

from .compile import inlined, kernel, reduction

__all__ = ["add_dots", "add_products", "add_sums", "fill_rows"]


@kernel
def fill_rows(numbers, at, rows, y, n):        # y[i, :n] = numbers[at + i]
    for i in range(np.uintp(rows)):
        value = numbers[np.uintp(at) + i]
        for p in range(np.uintp(n)):
            y[i, p] = value


@kernel
def add_products(w, at, across, along, rows, terms, x, y, n):
    """y[i, :n] += Σ_j w[at + i·across + j·along] x[j, :n] for i < rows, j < terms: two rows by four terms at a time."""
    one, two, three, four = np.uintp(1), np.uintp(2), np.uintp(3), np.uintp(4)
    rows, terms, n, along = np.uintp(rows), np.uintp(terms), np.uintp(n), np.uintp(along)
    i = np.uintp(0)
    while i + two <= rows:
        first = np.uintp(at) + i * np.uintp(across)
        second = first + np.uintp(across)
        j = np.uintp(0)
        while j + four <= terms:
            k = j * along
            a0, a1, a2, a3 = w[first + k], w[first + k + along], w[first + k + two * along], w[first + k + three * along]
            b0, b1, b2, b3 = w[second + k], w[second + k + along], w[second + k + two * along], w[second + k + three * along]
            for p in range(n):
                x0, x1, x2, x3 = x[j, p], x[j + one, p], x[j + two, p], x[j + three, p]
                y[i, p] = y[i, p] + a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3
                y[i + one, p] = y[i + one, p] + b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3
            j += four
        while j + two <= terms:
            k = j * along
            a0, a1, b0, b1 = w[first + k], w[first + k + along], w[second + k], w[second + k + along]
            for p in range(n):
                x0, x1 = x[j, p], x[j + one, p]
                y[i, p] = y[i, p] + a0 * x0 + a1 * x1
                y[i + one, p] = y[i + one, p] + b0 * x0 + b1 * x1
            j += two
        if j < terms:
            a0, b0 = w[first + j * along], w[second + j * along]
            for p in range(n):
                y[i, p] += a0 * x[j, p]
                y[i + one, p] += b0 * x[j, p]
        i += two
    if i < rows:
        for j in range(terms):
            a0 = w[np.uintp(at) + i * np.uintp(across) + j * along]
            for p in range(n):
                y[i, p] += a0 * x[j, p]


@reduction
def _dot_2_by_4(a, i, b, j, n):
    one, two, three = np.uintp(1), np.uintp(2), np.uintp(3)
    s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = a.dtype.type(0)
    for p in range(np.uintp(n)):
        a0, a1, b0, b1, b2, b3 = a[i, p], a[i + one, p], b[j, p], b[j + one, p], b[j + two, p], b[j + three, p]
        s00 += a0 * b0
        s01 += a0 * b1
        s02 += a0 * b2
        s03 += a0 * b3
        s10 += a1 * b0
        s11 += a1 * b1
        s12 += a1 * b2
        s13 += a1 * b3
    return s00, s01, s02, s03, s10, s11, s12, s13


@reduction
def _dot_2_by_2(a, i, b, j, n):
    one = np.uintp(1)
    s00 = s01 = s10 = s11 = a.dtype.type(0)
    for p in range(np.uintp(n)):
        a0, a1, b0, b1 = a[i, p], a[i + one, p], b[j, p], b[j + one, p]
        s00 += a0 * b0
        s01 += a0 * b1
        s10 += a1 * b0
        s11 += a1 * b1
    return s00, s01, s10, s11


@reduction
def _dot(a, i, b, j, n):
    total = a.dtype.type(0)
    for p in range(np.uintp(n)):
        total += a[i, p] * b[j, p]
    return total


@reduction
def _sum(a, i, n):
    total = a.dtype.type(0)
    for p in range(np.uintp(n)):
        total += a[i, p]
    return total


@inlined
def add_sums(a, rows, n, out, at):             # out[at + i] += Σ_p a[i, p] over p < n
    for i in range(np.uintp(rows)):
        out[np.uintp(at) + i] += _sum(a, i, n)


@inlined
def add_dots(a, a_rows, b, b_rows, n, out, at, across, along):
    """out[at + i·across + j·along] += Σ_p a[i, p] b[j, p] over p < n, for i < a_rows, j < b_rows."""
    one, two, three, four = np.uintp(1), np.uintp(2), np.uintp(3), np.uintp(4)
    a_rows, b_rows, at, across, along = np.uintp(a_rows), np.uintp(b_rows), np.uintp(at), np.uintp(across), np.uintp(along)
    i = np.uintp(0)
    while i < a_rows:
        j = np.uintp(0)
        pair = i + two <= a_rows
        while pair and j + four <= b_rows:
            s00, s01, s02, s03, s10, s11, s12, s13 = _dot_2_by_4(a, i, b, j, n)
            k = at + i * across + j * along
            out[k] += s00
            out[k + along] += s01
            out[k + two * along] += s02
            out[k + three * along] += s03
            k += across
            out[k] += s10
            out[k + along] += s11
            out[k + two * along] += s12
            out[k + three * along] += s13
            j += four
        while pair and j + two <= b_rows:
            s00, s01, s10, s11 = _dot_2_by_2(a, i, b, j, n)
            k = at + i * across + j * along
            out[k] += s00
            out[k + along] += s01
            out[k + across] += s10
            out[k + across + along] += s11
            j += two
        while j < b_rows:
            out[at + i * across + j * along] += _dot(a, i, b, j, n)
            if pair:
                out[at + (i + one) * across + j * along] += _dot(a, i + one, b, j, n)
            j += one
        i += two
