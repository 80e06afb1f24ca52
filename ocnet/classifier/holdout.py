"""Which points are held out for early stopping: whole rows, a share of the weight, the classes in proportion."""

from __future__ import annotations

import numpy as np

from ocnet.kernels.philox import uniforms
from ocnet.typing import Array, Integers, Mask

from .weighted_points import WeightedPoints

__all__ = ["held_out"]


def held_out(data: WeightedPoints, share: float, seed: int) -> Mask:
    """Return which points (n,) are held out: about `share` of the weight, in rows that training never sees.

    Points of one row are held out together, whatever their classes: training on (x, 1) while (x, 0) is held out would learn wrong odds at x.  Rows go
    through class by class, each row under the class that has most of its weight, in a random order; one is held out where that brings the held weight
    nearer to the share of the classes so far.  So the share is kept to within half of a row's weight, unless that needs more than share · (2 − share) of
    the number of rows: a row heavier than twice the share is never held out, and must not drive all light ones out of the training.  Each class keeps
    a row to train on.
    A function of the measure and the seed alone, so a weight is how often a row comes here too.
    Raises ValueError, naming early_stopping and validation_fraction, where no row can be held out.  Cost O(n log n).
    """
    rows, row_of = _rows(data.points)
    content = np.zeros((rows, int(data.classes.max()) + 1))               # weight of each class in each row
    np.add.at(content, (row_of, data.classes), data.weights)
    weights, left = content.sum(axis=1), (content > 0).sum(axis=0)
    strata, chance = content.argmax(axis=1), uniforms(seed, 0, rows, 0, 1)[0]
    held, target, total, number, count = np.zeros(rows, dtype=bool), 0.0, 0.0, 0.0, 0
    for stratum in range(content.shape[1]):
        own = np.flatnonzero(strata == stratum)
        own = own[np.argsort(chance[own], kind="stable")]
        target, number = target + share * float(weights[own].sum()), number + share * (2 - share) * len(own)
        for row, weight in zip(own.tolist(), weights[own].tolist()):
            if 2 * (number - count) <= 1:
                break
            if weight < 2 * (target - total) and (left[content[row] > 0] > 1).all():
                held[row], total, count = True, total + weight, count + 1
                left -= content[row] > 0
    if not held.any():
        raise ValueError(f"early_stopping=True with validation_fraction={share}: of {rows} rows that differ none can be held out, as each class must keep one, "
                         "and one of them may be no more than twice the share; use a larger validation_fraction, more rows, or early_stopping=False")
    return held[row_of]


def _rows(points: Array) -> tuple[int, Integers]:
    """How many rows differ, and which one (n,) each point has."""
    keyed = np.ascontiguousarray(points)
    found, row_of = np.unique(keyed.view(f"V{keyed.shape[1] * keyed.itemsize}").ravel(), return_inverse=True)
    return len(found), row_of.ravel()
