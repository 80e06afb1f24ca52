"""What blocks f = W₂ a(x) + b₂ with |a_j| ≤ 1 share: their size is bounded by their numbers, whatever x."""

from typing import Any

import numpy as np

from ocnet.typing import Views

from .block_bounds import BlockBounds

__all__ = ["Saturating"]


class Saturating:
    """Base of blocks W2 a(W1 x + b1) + b2 with `width` hidden units of at most 1 in size and in slope; W1 (width, d), W2 (d, width)."""

    width: int

    @property
    def gain(self) -> float:
        """|f(x, θ_n)|² ≤ gain |θ_n|² for all x, by Cauchy–Schwarz: f_i is a product of (W2_i, b2_i) and (a, 1).

        It is attained where all hidden units are 1, so no smaller number does.
        """
        return self.width + 1

    def reach(self, sizes: Any) -> Any:
        """(d,) what |f_i(x)| cannot exceed at any x for numbers of at most these sizes (named views of (p,) numbers ≥ 0)."""
        return sizes.W2.sum(axis=1) + sizes.b2

    def bounds(self, first: Views, second: Views) -> BlockBounds:
        """The `BlockBounds` between two layers' numbers (named views): |a_j| ≤ 1 and |a_j'| ≤ 1; norms are convex, so largest at an end."""
        inner, outer = (max(np.linalg.norm(getattr(layer, name), 2) for layer in (first, second)) for name in ("W1", "W2"))
        size = max(np.linalg.norm(np.abs(layer.W2).sum(axis=1) + np.abs(layer.b2)) for layer in (first, second))
        last = np.linalg.norm(np.abs(second.W2 - first.W2).sum(axis=1) + np.abs(second.b2 - first.b2))
        return BlockBounds(float(size), 0.0, float(inner * outer), float(last + outer * np.linalg.norm(second.b1 - first.b1)),
                           float(outer * np.linalg.norm(second.W1 - first.W1, 2)))
