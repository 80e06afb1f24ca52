"""Where the reverse sweep of a gradient takes the states from: memory that grows with depth, or the states that come after.

    Stored          states are kept as the paths are walked (or walked again where they take too much): the gradient to rounding
    Reconstructed   x̃_n = the step's `inverse` at x̃_{n+1}, with the same noise drawn again, from the ends alone: memory does not grow with depth
"""

import warnings
from dataclasses import dataclass
from typing import Any

from ocnet.inputs import as_number
from ocnet.typing import Array

__all__ = ["Reconstructed", "Stored"]


@dataclass(frozen=True)
class Stored:
    """Keep the states of all layers, layers + 1 of them a path; beyond 256 MiB a chunk of paths is walked twice instead."""

    stores = True

    @classmethod
    def example(cls) -> "Stored":
        return cls()

    def check(self, process: Any) -> None:
        """Every process with `step_vjp` will do."""

    def numbers(self, process: Any) -> int:
        """How many numbers of a path a sweep holds at a time."""
        return (process.layers + 1) * process.dim

    def gradient(self, total: Array) -> Array:
        """(N, p) from the sum over all paths of what the process's `reverse` returned."""
        return total


@dataclass(frozen=True)
class Reconstructed:
    """Make the states again from the ends, backwards: the memory-free adjoint (Sander, Ablin & Peyré, 2022; MATH 3.3).

    Exact for RevNet; else the gradient's relative error is O(1/layers) for ResNet (whatever the weights do in depth), O(1/layers³) for HeunNet with
    weights smooth in depth, O(1/layers) with rough ones; with noise that depends on the state and does not shrink with dt there is no such order.
    Costs 9/7 of the products of a stored sweep.

    bar : a UserWarning is given where the gradient's relative error, as estimated at the first layer (`reconstructed.Swept`), is above it; > 0, else ValueError
    """

    bar: float = 0.1
    stores = False

    def __post_init__(self) -> None:
        if self.bar != float("inf"):
            object.__setattr__(self, "bar", as_number(self.bar, "bar", above=0, remedy="it is a relative error above 0; use float('inf') for no warning"))

    @classmethod
    def example(cls) -> "Reconstructed":
        return cls()

    def check(self, process: Any) -> None:
        """Raise ValueError unless the process has an inverse."""
        if getattr(process, "exact_inverse", None) is None:
            told = getattr(getattr(process, "network", None), "architecture", process)
            raise ValueError(f"activations={self!r} need the inverse of a layer, which {told!r} does not give; use ResNet, HeunNet or RevNet, or "
                             "activations=Stored()")

    def numbers(self, process: Any) -> int:
        """How many numbers of a path a sweep holds at a time."""
        return 2 * process.dim

    def gradient(self, total: Any) -> Array:
        """(N, p) from the `Swept` of all paths; warns of an estimate above the bar."""
        error = total.relative_error
        if not error <= self.bar:
            # one digit, so that a filter that shows a text once shows few
            warnings.warn(f"activations={self!r}: with {len(total.gradient)} layers the reconstructed gradient is off by about {error:.0e} of its "
                          "size; use more layers, HeunNet, RevNet, or activations=Stored()", UserWarning, stacklevel=4)
        return total.gradient
