"""What happens at the sides of the box: one (low, high) pair per axis.

A side decides the rows of the generator on its nodes (`row`), or holds the value there (`value_at`):

    mirror     ∂_n u = 0: the neighbour outside equals the one inside, so the drift across the side and mixed
               derivatives drop out.  Normal reflection of the paths; stable wherever the drift points.
    one_sided  ∂_nn u = 0: first derivatives from inside.  Exact where the noise across the side vanishes and the drift points
               inwards, and for values linear across the side.  See `Outflow` for a drift that points outwards.
    held       u is given; paths end where they reach the side.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ocnet.inputs import answer_of, as_number
from ocnet.typing import Array, Sides, TensorGrid

__all__ = ["Absorbing", "Dirichlet", "HeldNodes", "Outflow", "Reflecting", "checked_sides", "chosen"]


@dataclass(frozen=True)
class Reflecting:
    """∂_n u = 0: paths are reflected, no mass leaves.  Of order 2 at the node on the side."""

    row: ClassVar[str] = "mirror"

    @classmethod
    def example(cls) -> "Reflecting":
        return cls()


@dataclass(frozen=True)
class Outflow:
    """∂_nn u = 0: the value goes on in a straight line beyond the side.

    A drift f that points outwards carries values in from beyond the side, and the straight line amplifies errors like
    exp(2 f² t/a) (a: variance rate across the side; derived from λ u = f u_x, λ u = ½ a u_xx).  So an outward drift is cut to
    √(2a/T), T the horizon, which bounds the factor by e⁴; where nothing is cut the row is consistent.
    """

    row: ClassVar[str] = "one_sided"

    @classmethod
    def example(cls) -> "Outflow":
        return cls()


@dataclass(frozen=True)
class Dirichlet:
    """u = value on the side.  Mass that reaches the side stays on its nodes.

    value : a number, or a callable (t, x (n, d)) -> (n,) or (n, q)
    Raises ValueError for anything else, and on evaluation for a shape that does not fit or values that are not finite.
    """

    value: Any
    row: ClassVar[str] = "held"

    def __post_init__(self) -> None:
        if not callable(self.value):
            object.__setattr__(self, "value", as_number(self.value, "value", remedy="give a finite number or a callable of (t, x)"))

    @property
    def constant(self) -> bool:
        """Whether the value is a number."""
        return not callable(self.value)

    def value_at(self, t: float, x: Array) -> Array:
        """The value at the points x (n, d) as rows (1 or q, n); ValueError where a callable's are not finite or do not fit."""
        if self.constant:
            return np.full((1, len(x)), float(self.value))
        value = answer_of(self.value, "value", t, x)
        if value.ndim not in (1, 2) or len(value) != len(x) or not all(value.shape) or not np.isfinite(value).all():
            raise ValueError(f"the callable value of a Dirichlet side returned shape {value.shape} or values that are not finite at "
                             f"t={t:g}; expected ({len(x)},) or ({len(x)}, q)")
        return value.reshape(len(x), -1).T

    @classmethod
    def example(cls) -> "Dirichlet":
        return cls(0.25)


@dataclass(frozen=True)
class Absorbing:
    """u = 0 on the side: paths that reach it are lost.  Mass that reaches the side stays on its nodes."""

    row: ClassVar[str] = "held"
    constant: ClassVar[bool] = True

    def value_at(self, t: float, x: Array) -> Array:
        """Zeros (1, n)."""
        return np.zeros((1, len(x)))

    @classmethod
    def example(cls) -> "Absorbing":
        return cls()


_LEFT = Reflecting()


def checked_sides(boundary: Any, dim: int) -> Sides:
    """Return `boundary` as a tuple of `dim` (low, high) pairs; None means Reflecting() that nobody chose (`chosen`), one object all sides; else ValueError."""
    sides: Any = _LEFT if boundary is None else boundary
    if _is_side(sides):
        sides = ((sides, sides),) * dim
    try:
        sides = tuple(tuple(pair) if isinstance(pair, (tuple, list)) else (pair, pair) for pair in sides)
    except TypeError:
        sides = ()
    if len(sides) != dim or not all(len(pair) == 2 and all(map(_is_side, pair)) for pair in sides):
        raise ValueError(f"boundary={boundary!r} is not one (low, high) pair per axis ({dim} of them) of "
                         "Reflecting(), Absorbing(), Dirichlet(value) or Outflow()")
    return sides


def chosen(sides: Sides) -> bool:
    """Whether any of the sides was given, not left where the grid happens to end."""
    return any(side is not _LEFT for pair in sides for side in pair)


def _is_side(thing):
    return hasattr(thing, "row") and not isinstance(thing, type)


def rows_of(sides: Sides) -> tuple[tuple[str, str], ...]:
    """The names of the rows on all sides, one (low, high) pair per axis."""
    return tuple(tuple(side.row for side in pair) for pair in sides)


class HeldNodes:
    """The nodes that Dirichlet and absorbing sides hold; where two such sides meet, the later axis decides.

    nodes : (k,) indices, increasing
    """

    def __init__(self, grid: TensorGrid, sides: Sides) -> None:
        owner = np.full(grid.shape, -1)
        self._sides = [side for pair in sides for side in pair]
        for axis, pair in enumerate(sides):
            for end, side in enumerate(pair):
                if side.row == "held":
                    np.moveaxis(owner, axis, 0)[-end] = 2 * axis + end
        self.nodes = np.flatnonzero(owner >= 0)
        self._owner = owner.ravel()[self.nodes]
        self._points = np.ascontiguousarray(grid.nodes[:, self.nodes].T)
        self.constant = all(self._sides[k].constant for k in set(self._owner))

    def values(self, t: float) -> Array:
        """What the sides hold at time t: (1 or q, k)."""
        parts = {int(k): self._sides[k].value_at(t, self._points[self._owner == k]) for k in np.unique(self._owner)}
        out = np.zeros((max((len(part) for part in parts.values()), default=1), self.nodes.size))
        for k, part in parts.items():
            out[:, self._owner == k] = part
        return out
