"""What happens at the sides of the box: one (low, high) pair per axis.

Reflecting sides send nothing out: the missing neighbour is folded into the diagonal, which stays stable when the drift
points outwards.  Dirichlet sides hold the value on the boundary nodes at a number; Absorbing ones at 0.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Absorbing", "Dirichlet", "Reflecting"]


@dataclass(frozen=True)
class Reflecting:
    """No flow through the side (Neumann): u = its own mirror image half a cell outside the last node."""

    fixed = None

    @classmethod
    def example(cls):
        return cls()


@dataclass(frozen=True)
class Dirichlet:
    """u = value on the side, for all times and all q problems of a pass.  Mass that reaches the side stays there."""

    value: float

    def __post_init__(self):
        if callable(self.value) or not np.isscalar(self.value) or not np.isfinite(self.value):
            raise ValueError(f"Dirichlet value {self.value!r} is not a finite number; sides that vary in t or x are not "
                             "offered: widen the box and use Reflecting()")

    @property
    def fixed(self):
        return float(self.value)

    @classmethod
    def example(cls):
        return cls(0.25)


@dataclass(frozen=True)
class Absorbing:
    """u = 0 on the side: paths that reach it are lost."""

    fixed = 0.0

    @classmethod
    def example(cls):
        return cls()


def checked_sides(boundary, dim):
    """Return `boundary` as a tuple of `dim` (low, high) pairs; None means Reflecting(), one object means all sides."""
    sides = Reflecting() if boundary is None else boundary
    if hasattr(sides, "fixed"):
        sides = ((sides, sides),) * dim
    sides = tuple(tuple(pair) if isinstance(pair, (tuple, list)) else (pair, pair) for pair in sides)
    if len(sides) != dim or not all(len(pair) == 2 and all(hasattr(s, "fixed") for s in pair) for pair in sides):
        raise ValueError(f"boundary={boundary!r} is not one (low, high) pair per axis ({dim} of them) of "
                         "Reflecting(), Dirichlet(number) or Absorbing()")
    return sides


def fixed_nodes(grid, sides):
    """Return the nodes that Dirichlet and absorbing sides hold, and their values: (k,) indices and (k,) numbers.

    Where two such sides meet, the later axis decides.
    """
    held = np.full(grid.shape, np.nan)
    for axis, pair in enumerate(sides):
        for end, side in zip((0, -1), pair):
            if side.fixed is not None:
                np.moveaxis(held, axis, 0)[end] = side.fixed
    nodes = np.flatnonzero(~np.isnan(held.ravel()))
    return nodes, held.ravel()[nodes]
