"""R = (w/2) ∫ |θ'(t)|² dt: the H¹ penalty in depth, by which the limit of many layers exists (MATH 1.4)."""

from dataclasses import dataclass

import numpy as np

from ocnet.typing import Array

from .regulariser import Regulariser

__all__ = ["DepthSmoothness"]


@dataclass(frozen=True)
class DepthSmoothness(Regulariser):
    """(w / 2dt) Σ_n |θ_{n+1} − θ_n|²; the tail is free.

    weight : w, finite and ≥ 0
    """

    weight: float
    degree = 2

    @classmethod
    def example(cls) -> "DepthSmoothness":
        return cls(weight=1e-3)

    def value(self, layers: Array, tail: Array, horizon: float) -> float:
        """R, a float."""
        jumps = np.diff(layers, axis=0)
        return 0.5 * self.weight * len(layers) / horizon * float((jumps * jumps).sum())

    def gradient(self, layers: Array, tail: Array, horizon: float) -> tuple[Array, Array]:
        """∂R/∂layers (N, p) and ∂R/∂tail (r,), which is zero."""
        flux = np.zeros((len(layers) + 1,) + layers.shape[1:])       # zero at both ends: nothing beyond the first and last layer
        flux[1:-1] = np.diff(layers, axis=0)
        return -self.weight * len(layers) / horizon * np.diff(flux, axis=0), np.zeros_like(tail)
