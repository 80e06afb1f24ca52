"""FractalNet: a recursion that is an explicit Runge–Kutta method (Larsson et al., 2017; Lu et al., 2018; MATH 2.1)."""

from dataclasses import dataclass
from typing import Any

from ocnet.inputs import as_whole

from .architecture import Architecture, ModifiedEquation
from .polynet import checked_choice

__all__ = ["FractalNet"]

_MOST = 8                            # columns: 2^7 evaluations a layer


@dataclass(frozen=True)
class FractalNet(Architecture):
    """φ_1 = I + F, φ_{c+1} = ½ (φ_c ∘ φ_c + join), x⁺ = φ_C(x): of depth 2^{C−1}.

    columns : C.  2 columns are x + ½ F(x) + ½ G(x + F(x)): with equal numbers Heun's method, order 2; any other C is of order 1
    join    : "identity", the linear join k_1 I with k_1 = k_2 = ½, k_3 = 1 of Lu et al., which keeps the drift that of one branch (the mean
              of all); or "branch": I + a branch of its own, a mean of paths of different length, of drift (C + 1)/2 branches
    weights : "own" numbers in all 2^{C−1} branches (2^C − 1 with branch joins) as published, or "shared": the same in all of a layer
    Stable for −2 ≤ z ≤ 0 with identity joins, whatever C: for real z, |½ (1 + R²)| ≤ 1 exactly where |R| ≤ 1.
    Raises ValueError for columns that are no whole number from 1 to 8, and other words.
    """

    columns: int = 2
    join: str = "identity"
    weights: str = "own"

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", as_whole(self.columns, "columns", at_most=_MOST))
        checked_choice(self.join, "join", {"identity": "linear", "branch": "as Larsson et al."})
        checked_choice(self.weights, "weights", {"own": "a branch each", "shared": "one branch a layer"})

    @classmethod
    def example(cls) -> "FractalNet":
        return cls()

    @property
    def _is_heun(self):
        return self.columns == 2 and self.join == "identity"

    @property
    def order(self) -> int:
        return 2 if self._is_heun else 1

    @property
    def branches(self) -> int:
        if self.weights == "shared":
            return 1
        return 2 ** (self.columns - 1) if self.join == "identity" else 2**self.columns - 1

    def step(self, branch: Any, state: tuple[Any, ...], n: int, own: Any) -> tuple[Any, ...]:
        (x,), made = state, iter(range(2**self.columns))

        def residual(y):
            which = next(made)
            return y + branch(n, y, which if self.weights == "own" else 0)

        def column(c, y):
            if c == 1:
                return residual(y)
            inner = column(c - 1, column(c - 1, y))
            return 0.5 * inner + 0.5 * (y if self.join == "identity" else residual(y))

        return (column(self.columns, x),)

    def modified(self) -> ModifiedEquation | None:
        """By R = 1 + r z + s z²: rate r, bend s − r²/2, where R_1 = 1 + z and R_{c+1} = ½ (R_c² + 1) or ½ (R_c² + 1 + z)."""
        r, s = 1.0, 0.0
        for _ in range(self.columns - 1):
            r, s = r + (0.0 if self.join == "identity" else 0.5), s + 0.5 * r * r
        return ModifiedEquation(r, s - 0.5 * r * r)

    def real_stability(self) -> float | None:
        return 2.0 if self.join == "identity" or self.columns == 1 else None

    def imaginary_stability(self) -> float | None:
        return 0.0 if self.columns == 1 or self._is_heun else None
