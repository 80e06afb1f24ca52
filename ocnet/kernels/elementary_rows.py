"""tanh of rows in place, in the precision of the rows."""

import numpy as np

from .compile import by_precision, kernel
from .elementary import tanh
from .elementary_single import tanh_single

__all__ = ["tanh_rows"]


@kernel
def _double(a, rows, n):                       # a[:rows, :n] = tanh a
    for u in range(np.uintp(rows)):
        for p in range(np.uintp(n)):
            a[u, p] = tanh(a[u, p])


@kernel
def _single(a, rows, n):
    for u in range(np.uintp(rows)):
        for p in range(np.uintp(n)):
            a[u, p] = tanh_single(a[u, p])


tanh_rows = by_precision(_double, _single)
