"""Products of a matrix with points, each point by itself."""

from ocnet.typing import Array

__all__ = ["times"]


def times(matrix: Array, rows: Array) -> Array:
    """matrix (m, k) times rows (k, n): (m, n), summed in the order of k, so that a point's bits do not depend on the others.

    (Those of a BLAS, or of einsum, may: they choose their order by the shape.)
    """
    out = matrix[:, :1] * rows[0]
    for k in range(1, len(rows)):
        out += matrix[:, k:k + 1] * rows[k]
    return out
