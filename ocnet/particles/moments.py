"""Means and squared deviations of samples, merged without loss of digits."""

from dataclasses import dataclass

import numpy as np

from ocnet.typing import Array

__all__ = ["Moments"]


@dataclass(frozen=True, eq=False)
class Moments:
    """Of `count` samples: their mean, and the sum of the squares of their deviations from it.  a + b is of all samples.

    Source   Chan, Golub & LeVeque (1983): no square of a mean is subtracted, so digits survive a mean far from 0.
    """

    count: int
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, samples: Array) -> "Moments":
        """The moments along the last axis of `samples` (…, count)."""
        mean = samples.mean(axis=-1)
        return cls(samples.shape[-1], mean, ((samples - mean[..., None]) ** 2).sum(axis=-1))

    def __add__(self, other: "Moments") -> "Moments":
        count = self.count + other.count
        apart = other.mean - self.mean
        return Moments(count, self.mean + apart * (other.count / count),
                       self.squares + other.squares + apart**2 * (self.count * other.count / count))

    @property
    def variance(self) -> Array:
        """Of one sample, unbiased."""
        return self.squares / (self.count - 1)

    @property
    def standard_error(self) -> Array:
        """Of the mean."""
        return np.sqrt(self.variance / self.count)
