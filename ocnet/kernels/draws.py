"""Rows of draws for a tile of paths, in the precision of the rows."""

import numpy as np

from .compile import by_precision, kernel
from .philox import fill_pair
from .philox_single import fill_four

__all__ = ["draw_rows"]


@kernel
def _double(seed, number, layer, channel, channels, normal, rows):
    n = rows.shape[1]
    for k in range(0, channels, 2):
        fill_pair(seed, number, layer, np.uint64((channel + k) // 2), normal, 0, n, rows[k], rows[k + 1])


@kernel
def _single(seed, number, layer, channel, channels, normal, rows):
    n = rows.shape[1]
    for k in range(0, channels, 4):
        fill_four(seed, number, layer, np.uint64((channel + k) // 4), normal, n, rows[k], rows[k + 1], rows[k + 2], rows[k + 3])


# rows[:channels] (with up to three rows more overwritten): normals or uniforms of the channels channel, channel + 1, … (a multiple of 4) for
# the paths number, number + 1, …, as many as rows has columns
draw_rows = by_precision(_double, _single)
