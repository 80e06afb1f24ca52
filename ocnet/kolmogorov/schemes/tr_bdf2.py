"""TR-BDF2: half a step by the trapezoidal rule, the rest by the second backward difference formula."""

from dataclasses import dataclass
from typing import Any, ClassVar

from .linear import LinearScheme

__all__ = ["TRBDF2"]

_GAMMA = 2 - 2**0.5                  # both halves then share one matrix


@dataclass(frozen=True)
class TRBDF2(LinearScheme):
    """Order 2 and L-stable: rough terminal data are damped at every step.  One axis only.

    Bank et al. (1985); γ = 2 − √2 as in Hosea & Shampine (1996).
    """

    order: ClassVar[int] = 2
    most_axes: ClassVar[int] = 1

    def step(self, A: Any, u: Any, dt: float) -> Any:
        half = 0.5 * _GAMMA * dt
        y = A.stage(0, u + 2 * half * A.rate(u), u, half)
        weight = 1 / (_GAMMA * (2 - _GAMMA))
        v = weight * y + (1 - weight) * u
        return A.stage(0, v + half * A.rate(v), v, half)

    @classmethod
    def example(cls) -> "TRBDF2":
        return cls()
