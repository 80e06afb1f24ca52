"""R = (w/2) ∫ |θ(t)|² dt + (w/2) |tail|²."""

from dataclasses import dataclass

from ocnet.typing import Array

from .regulariser import Regulariser

__all__ = ["Tikhonov"]


@dataclass(frozen=True)
class Tikhonov(Regulariser):
    """(w/2) dt Σ_n |θ_n|² over the layers (their mean for horizon 1), and (w/2) |tail|² for the readout.

    weight : w, finite and ≥ 0
    """

    weight: float
    degree = 2

    @classmethod
    def example(cls) -> "Tikhonov":
        return cls(weight=1e-4)

    def value(self, layers: Array, tail: Array, horizon: float) -> float:
        """R, a float."""
        dt = horizon / len(layers)
        return 0.5 * self.weight * float(dt * (layers * layers).sum() + (tail * tail).sum())

    def gradient(self, layers: Array, tail: Array, horizon: float) -> tuple[Array, Array]:
        """∂R/∂layers (N, p) and ∂R/∂tail (r,)."""
        return self.weight * horizon / len(layers) * layers, self.weight * tail
