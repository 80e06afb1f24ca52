"""Labelled, weighted points as a measure: equal rows are one point, and the order is the measure's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ocnet.kernels.philox import uniforms
from ocnet.typing import Array, Integers

__all__ = ["WeightedPoints"]


@dataclass(frozen=True, eq=False)
class WeightedPoints:
    """points (n, d), no two with one class equal; classes (n,) whole numbers 0 … K − 1; weights (n,) > 0 with sum 1."""

    points: Array
    classes: Integers
    weights: Array

    @classmethod
    def of(cls, rows: Array, classes: Integers, weights: Array, factors: Array | None = None) -> WeightedPoints:
        """Return the measure Σ_i factors[classes_i] weights_i δ(rows_i, classes_i), normalised.

        It is sorted by class and then by the bytes of the row.  rows (n, d), classes (n,), weights (n,) > 0, factors (K,) > 0 or None for 1.
        Weights of equal rows are added in their order, which only rounding can tell.
        """
        keyed = np.ascontiguousarray(np.column_stack([classes, rows]), dtype=np.float64) + 0.0           # −0 is 0
        order = np.argsort(keyed.view(f"V{keyed.shape[1] * keyed.itemsize}").ravel(), kind="stable")
        order = order[np.argsort(classes[order], kind="stable")]
        keyed = keyed[order]
        first = np.flatnonzero(np.append(True, (keyed[1:] != keyed[:-1]).any(axis=1)))
        total = np.add.reduceat(weights[order], first)
        numbers = classes[order[first]]
        if factors is not None:
            total = total * factors[numbers]
        return cls(keyed[first, 1:], numbers, total / total.sum())

    def __len__(self) -> int:
        return len(self.classes)

    def part(self, rows: Integers) -> WeightedPoints:
        """The measure of some of the points, normalised."""
        weights = self.weights[rows]
        return WeightedPoints(self.points[rows], self.classes[rows], weights / weights.sum())

    def epoch(self, seed: int, batches: int, size: int) -> Integers:
        """Return the rows (batches, size) of one epoch: a sample of batches · size points, each batch unbiased and stratified.

        The weights, in the order of the points, are cut into `size` slices of equal sum, one for each place of a batch, and each slice into
        `batches` pieces, which go to the batches in a random order; a point is drawn from each piece by its weight.  So a batch has the
        classes in proportion to within a point, and an epoch of n equal weights meets every point once, but for rounding.
        """
        place, order = uniforms(seed, 0, batches * size, 0, 2)
        pieces = np.arange(size)[:, None] * batches + np.argsort(order.reshape(size, batches), axis=1)
        share = (pieces + place.reshape(size, batches)) / (batches * size)
        cumulative = np.cumsum(self.weights)
        rows = np.searchsorted(cumulative, share * cumulative[-1], side="right")
        return np.minimum(rows, len(self) - 1).T
