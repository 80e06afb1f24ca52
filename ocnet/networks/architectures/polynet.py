"""PolyNet: two branches in line, an approximate backward Euler step (Zhang et al., 2017; MATH 2.1)."""

from dataclasses import dataclass
from typing import Any

from .architecture import Architecture, ModifiedEquation

__all__ = ["PolyNet", "checked_choice"]


def checked_choice(value: str, name: str, choices: dict[str, Any]) -> str:
    """Return `value` if it is one of the choices {value: what it means}, or raise ValueError."""
    if value not in choices:
        raise ValueError(f"{name}={value!r}; choose {' or '.join(f'{choice!r} ({meaning})' for choice, meaning in choices.items())}")
    return value


@dataclass(frozen=True)
class PolyNet(Architecture):
    """Poly-2 and mPoly-2: I + F + F∘F truncates (I − F)⁻¹ = I + F + F² + …, which for linear F is the backward Euler step.

    form    : "picard"   x⁺ = x + G(x + F(x)), two fixed-point iterations of backward Euler: the same for linear F = G, consistent for any
              "literal"  x⁺ = x + F(x) + G(F(x)) as published.  Unless G(0) = 0 its limit is not u' = f: G is asked near 0, not near the state,
                         and adds g(0) to the drift, an error of order 0 (MATH 2.1, measured; a negative control)
    weights : "shared" G = F (Poly-2), or "own": F and G have numbers of their own (mPoly-2).  Of linear branches ("picard", "own") is I + G + GF,
              whose drift is g, not the published I + F + GF
    Stable on u' = λu where |1 + z + z²| ≤ 1: −1 ≤ z ≤ 0, and |y| ≤ 1 on the imaginary axis, where Euler is not.
    """

    form: str = "picard"
    weights: str = "shared"
    order = 1

    def __post_init__(self) -> None:
        checked_choice(self.form, "form", {"picard": "consistent", "literal": "as published"})
        checked_choice(self.weights, "weights", {"shared": "Poly-2", "own": "mPoly-2"})

    @classmethod
    def example(cls) -> "PolyNet":
        return cls()

    @property
    def branches(self) -> int:
        return 1 if self.weights == "shared" else 2

    def step(self, branch: Any, state: tuple[Any, ...], n: int, own: Any) -> tuple[Any, ...]:
        (x,), last = state, self.branches - 1
        f = branch(n, x)
        return (x + branch(n, x + f, last),) if self.form == "picard" else (x + f + branch(n, f, last),)

    def modified(self) -> ModifiedEquation | None:
        """None for the literal form: it adds the branch at 0 to the drift, which is no equation of the branch at the state."""
        return ModifiedEquation(1.0, 0.5) if self.form == "picard" else None

    def real_stability(self) -> float | None:
        return 1.0

    def imaginary_stability(self) -> float | None:
        return 1.0
