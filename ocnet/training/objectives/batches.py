"""Points drawn from many: an unbiased, stratified batch."""

from typing import Any

import numpy as np

from ocnet.inputs import as_whole
from ocnet.kernels.philox import uniforms

from .labelled import LabelledPoints

__all__ = ["Batches"]


class Batches:
    """Batches of `size` points out of weighted data: the k-th is drawn from the k-th of `size` slices of equal weight, in the data's order.

    Each batch has equal weights of the data's sum W, and its sums are unbiased: E Σ_batch φ W/size = Σ_i w_i φ(x_i).  Slices spare the
    variance between stretches of the data (sorted labels are always in proportion); a point may come twice.
    Raises ValueError for a size that is not a whole number ≥ 1.
    """

    def __init__(self, data: Any, size: int) -> None:
        self.data, self.size = data, as_whole(size, "batch", remedy="it counts points; use None for all points")
        self._cumulative = np.cumsum(data.weights)

    def draw(self, seed: int) -> Any:
        """Return the LabelledPoints of one batch.  Cost O(size · log n)."""
        share = (np.arange(self.size) + uniforms(seed, 0, self.size, 0, 1)[0]) / self.size
        rows = np.searchsorted(self._cumulative, share * self._cumulative[-1], side="right")
        rows = np.minimum(rows, len(self.data) - 1)
        return LabelledPoints(self.data.points[rows], self.data.labels[rows], leak=self.data.leak)
