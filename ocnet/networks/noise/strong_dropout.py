"""X⁺ = x + dt f ∗ γ/q with q = dt/(dt + s²): dropout of constant noise s per √time, whose limit jumps."""

from dataclasses import dataclass
from typing import Any

from ocnet.typing import Law

from .affine_noise import AffineNoise
from .noise_model import settle_level
from .output_dropout import OutputDropout

__all__ = ["StrongDropout"]


@dataclass(frozen=True)
class StrongDropout(AffineNoise):
    """Rescaled output dropout whose variance a layer is dt s² diag(f²) at any depth: q → 0 as dt → 0.

    Its limit is no diffusion but a compound Poisson process: component i jumps by s² f_i(x) at rate 1/s², generator
    Σ_i (φ(x + s² f_i e_i) − φ(x))/s²; see `network.jump_process(theta)`.
    level : s > 0, in proportion to f, per √time; scaling must be "natural", else ValueError
    """

    level: float
    scaling: str = "natural"

    def __post_init__(self) -> None:
        super().__post_init__()
        settle_level(self, above=0, remedy="give a standard deviation > 0, or Noiseless()")
        if self.scaling != "natural":
            raise ValueError(f"scaling={self.scaling!r}; the mask's keep probability already depends on dt: use 'natural', or CentredDropout")

    @classmethod
    def example(cls) -> "StrongDropout":
        return cls(level=0.8)

    def at(self, n: int, layers: int, dt: float) -> OutputDropout:
        return OutputDropout(dt / (dt + self.level**2))

    @property
    def jump_rate(self) -> float:
        """1/s²: jumps of a component per time."""
        return 1 / self.level**2

    def law(self, block: Any, dim: int) -> Law:
        raise TypeError("the law of StrongDropout depends on the layer's step; ask at(n, layers, dt)")

    @property
    def weak_order(self) -> dict[str, float | None]:
        """Order 1 to the jump process ("jump"); none to any diffusion."""
        return {"ode": None, "itô": None, "modified": None, "jump": 1.0}
