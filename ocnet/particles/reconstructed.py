"""The reverse sweep that makes the states again on its way, and what it can tell of its own error.

    x̃_N = x_N,   x̃_n = inverse of step n at x̃_{n+1},   a_n, ∂θ_n = the cotangents of step n at x̃_n for a_{n+1}            (MATH 3.3)

The states drift off backwards, x̃_n − x_n growing about linearly from 0 at the end to the start, where x_0 is known.  So at the first step
both are at hand, and one more product there, at x_0 with the same a_1, shows what the drift does to it:

    δ = |∂θ_0(x_0) − ∂θ_0(x̃_0)| / |∂θ_0|        γ = |a_0(x_0) − a_0(x̃_0)| / |a_0|

With u = 1 − n/N, row n of the gradient is off by δ u through its own state, and by N γ u²/2 through a_{n+1}, which the N u steps behind
it have turned by γ times their own u each.  If all rows weigh the same and nothing cancels, the gradient is off by the root of ∫₀¹ (δ u + η u²)² du, η = N γ/2:

    relative error ≈ √(δ²/3 + δ η/2 + η²/5)

An estimate, not a bound: rows whose errors do not add up (rough weights) make it too large, a first layer that feels its state less than others do,
too small.  On 400 random networks (ResNet and HeunNet of 4 to 64 layers; weights smooth, alternating and independent; noise of three kinds) it was
0.85 to 4.9 times the error for nine in ten, 0.25 to 9.8 times for all.  It is 0 to rounding where the inverse is exact.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.typing import Array

__all__ = ["Swept", "swept_back"]


@dataclass(frozen=True, eq=False)
class Swept:
    """A reverse sweep over reconstructed states, of some paths; sweeps add up.

    gradient (N, p) : the cotangents of the layers' numbers
    first, moved (rows of the first step,) : its part of them, and the change of that from x̃_0 to x_0
    carried, turned : sums over paths of |a_0|² and of the square of its change;  steps : how many
    """

    gradient: np.ndarray
    first: np.ndarray
    moved: np.ndarray
    carried: float
    turned: float
    steps: int

    def __add__(self, other: "Swept") -> "Swept":
        return Swept(self.gradient + other.gradient, self.first + other.first, self.moved + other.moved, self.carried + other.carried,
                     self.turned + other.turned, self.steps)

    @property
    def relative_error(self) -> float:
        """Of the gradient, as estimated at the first step; inf where that is not finite, 0 where there is no gradient."""
        delta = _ratio(np.linalg.norm(self.moved), np.linalg.norm(self.first))
        eta = 0.5 * self.steps * _ratio(np.sqrt(self.turned), np.sqrt(self.carried))
        return float(np.sqrt(delta**2 / 3 + delta * eta / 2 + eta**2 / 5))


def _ratio(part, whole):
    if not np.isfinite(part + whole):
        return np.inf
    return part / whole if whole > 0 else 0.0


def swept_back(process: Any, starts: Array, ends: Array, seed: int, first: int, cotangent: Array) -> "Swept":
    """Return the `Swept` of the paths number first, first + 1, … of a process from their starts and ends (d, m), for a cotangent (d, m) of the ends.

    process : LayeredProcess with `step_vjp` and `inverse(n, x, xi)`, the state before step n from that after it; and, where a step reads the numbers
              of more layers than one, their number as `span`
    Memory    a few states and the gradient, whatever the depth.
    """
    gradient: Any = None
    x, span = ends, getattr(process, "span", 1)
    for n in reversed(range(process.layers)):
        x, after = process.reconstructed(n, x, seed, first), cotangent
        cotangent, row = process.reverse_step(n, x, seed, first, after)
        if gradient is None:
            gradient = np.zeros((process.layers + span - 1, row.size // span))
        gradient[n:n + span] += row.reshape(span, -1)
    true, row_there = process.reverse_step(0, starts, seed, first, after)
    return Swept(gradient, row, row_there - row, float((true**2).sum()), float(((true - cotangent) ** 2).sum()), process.layers)
