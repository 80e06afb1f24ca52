"""Centred, standardised masks."""

from dataclasses import dataclass

import numpy as np

from ocnet.inputs import as_number
from ocnet.typing import Array

from .law import Law, checked_channels, tensor

__all__ = ["Bernoulli"]

_LEAST = np.finfo(float).tiny            # below it (1 − q)/q is not finite


@dataclass(frozen=True)
class Bernoulli(Law):
    """ξ = (γ − q)/√(q(1 − q)) with P(γ = 1) = q = keep: the centred, standardised dropout mask.

    keep : q in (0, 1), else ValueError;  channels : independent masks
    """

    keep: float
    channels: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", checked_channels(self.channels))
        object.__setattr__(self, "keep", as_number(self.keep, "keep", at_least=_LEAST, below=1,
                                                   remedy="it is a probability in (0, 1); a mask that drops nothing is Silent()"))

    @classmethod
    def example(cls) -> "Bernoulli":
        return cls(keep=0.7, channels=3)

    @property
    def skewness(self) -> float:
        """E ξ³ = (1 − 2q)/√(q(1 − q))."""
        return (1 - 2 * self.keep) / np.sqrt(self.keep * (1 - self.keep))

    @property
    def two_values(self) -> tuple[float, float, float]:
        """P(kept), and the values of a kept and of a dropped unit."""
        q = self.keep
        return q, np.sqrt((1 - q) / q), -np.sqrt(q / (1 - q))

    def from_uniforms(self, u: Array) -> Array:
        """(channels, n) values of kept units where u (channels, n) < keep, else of dropped ones."""
        _, kept, dropped = self.two_values
        return np.where(u < self.keep, kept, dropped)

    def quadrature(self, order: int | None = None) -> tuple[Array, Array]:
        """All 2^channels masks with their probabilities: exact, whatever `order`."""
        return tensor(self.two_values[1:], (self.keep, 1 - self.keep), self.channels)
