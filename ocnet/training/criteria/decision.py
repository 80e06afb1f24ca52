"""The decision between labels by their merits (q, n), one row a label."""

import numpy as np

from ocnet.typing import Array, Integers

__all__ = ["highest", "lead"]


def highest(merits: Array) -> Integers:
    """(n,) the row of the largest merit; the last of them where some are equal."""
    return len(merits) - 1 - np.argmax(merits[::-1], axis=0)


def lead(merits: Array) -> Array:
    """(n,) a number that is 0 on the decision boundary.

    Two rows: the second merit less the first, positive where the second label is chosen.  More: the best less the second best, nowhere
    negative; its zero set is where two labels share the first place, which is the boundary.
    """
    if len(merits) == 2:
        return merits[1] - merits[0]
    best = np.partition(merits, len(merits) - 2, axis=0)[-2:]
    return best[1] - best[0]
