"""R = w ∫ |θ(t)|₁ dt + w |tail|₁: numbers that do not pay for themselves become exactly 0."""

from dataclasses import dataclass

import numpy as np

from ocnet.inputs import LARGEST, as_number
from ocnet.typing import Array

from .regulariser import Regulariser

__all__ = ["L1"]


def _shrunk(numbers, threshold):
    """Soft threshold: nearer to 0 by `threshold`, and 0 where they were nearer already."""
    return np.sign(numbers) * np.maximum(np.abs(numbers) - threshold, 0.0)


@dataclass(frozen=True)
class L1(Regulariser):
    """w dt Σ_n Σ_i |θ_ni| over the layers, and w Σ_i |tail_i| for the readout.

    weight : w, finite and ≥ 0
    """

    weight: float
    degree = 1

    @classmethod
    def example(cls) -> "L1":
        return cls(weight=1e-3)

    def value(self, layers: Array, tail: Array, horizon: float) -> float:
        """R, a float."""
        return self.weight * float(horizon / len(layers) * np.abs(layers).sum() + np.abs(tail).sum())

    def gradient(self, layers: Array, tail: Array, horizon: float) -> tuple[Array, Array]:
        """The subgradient with 0 at 0, in layers (N, p) and tail (r,): the derivative wherever no number is 0."""
        return self.weight * horizon / len(layers) * np.sign(layers), self.weight * np.sign(tail)

    def prox(self, layers: Array, tail: Array, horizon: float, step: float) -> tuple[Array, Array]:
        """argmin over z of ½|z − θ|² + step R(z): θ shrunk by step w dt in the layers and step w in the tail.

        step ≥ 0, in units of θ over those of ∂R/∂θ; else ValueError
        """
        step = as_number(step, "step", at_least=0, at_most=LARGEST, remedy="give the step size ≥ 0 of the gradient step before the proximal map")
        return _shrunk(layers, step * self.weight * horizon / len(layers)), _shrunk(tail, step * self.weight)
