"""Resident memory over repetitions."""

import os
from dataclasses import dataclass

import numpy as np

from .subjects import SIZES

_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident():
    """Bytes of this process in memory."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * _PAGE


@dataclass(frozen=True)
class Flatness:
    """Resident memory (bytes), the most of each round of sizes, those of the warm-up left out."""

    sizes: np.ndarray

    @property
    def spread(self):
        """Half of largest less smallest, relative to their middle: 0.02 is ±2 %."""
        return float(np.ptp(self.sizes) / (self.sizes.max() + self.sizes.min()))

    @property
    def growth(self):
        """Bytes a repetition, from the median of the first third of the rounds to that of the last."""
        third = len(self.sizes) // 3
        return float((np.median(self.sizes[-third:]) - np.median(self.sizes[:third])) / (len(self.sizes) - third) / SIZES)

    def __repr__(self):
        return f"±{self.spread:.2%} of {np.median(self.sizes) / 1e6:.0f} MB, {self.growth / 1e3:+.2f} kB a repetition"


def flatness(subject, repetitions=208, warm=32):
    """The Flatness of `subject(k)`, k = 0, 1, …, repetitions − 1 after `warm` more; results are thrown away.

    Sizes come round after SIZES repetitions, of which both numbers are multiples.
    """
    sizes = np.empty(repetitions)
    for k in range(-warm, repetitions):
        subject(k + warm)
        if k >= 0:
            sizes[k] = resident()
    return Flatness(sizes.reshape(-1, SIZES).max(axis=1))
