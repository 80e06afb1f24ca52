"""X⁺ = x + dt f + scale · s f ξ with one normal ξ for the whole block."""

from dataclasses import dataclass
from typing import Any

from ocnet.laws import Normal
from ocnet.typing import Law

from .multiplicative_gaussian import MultiplicativeGaussian

__all__ = ["BlockGaussian"]


@dataclass(frozen=True)
class BlockGaussian(MultiplicativeGaussian):
    """The branch f times 1 + `level` ξ ("natural"): S = level² f fᵀ, one channel."""

    def law(self, block: Any, dim: int) -> Law:
        return Normal(1)
