"""What a block shows to a noise model."""

from dataclasses import dataclass, fields
from typing import Any

__all__ = ["Features"]


@dataclass
class Features:
    """What a block computes on its way at n points; the same type carries cotangents backwards, None being 0.

    output (d, n)       : the branch f
    hidden (H, n)       : the last hidden units a, where the branch is W₂ a + b₂
    last_weights (d, H) : W₂
    branches (K, d, n)  : the branches whose mean f is
    state (d, n)        : the points themselves
    """

    output: Any = None
    hidden: Any = None
    last_weights: Any = None
    branches: Any = None
    state: Any = None

    def __add__(self, other: "Features") -> "Features":
        """The sum, field by field."""
        pairs = [(getattr(self, field.name), getattr(other, field.name)) for field in fields(self)]
        return Features(*[b if a is None else a if b is None else a + b for a, b in pairs])
