"""A grid for each layer: boxes that follow the paths, all of one shape.

Early layers spread the data and later ones bend them, so that a box that holds all layers is mostly empty in each, and emptiest where
the value function, pulled back through what is still to come, varies fastest.  Values of layer n live on grid n; the feet of its nodes are
points of grid n + 1.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.grid import Grid
from ocnet.inputs import as_object
from ocnet.typing import Array, ArrayLike

__all__ = ["MovingGrid"]

_THINNEST = 0.02                     # width of a box, in widths of the widest along that axis


@dataclass(frozen=True, eq=False)
class MovingGrid:
    """Uniform grids of one shape, one for each layer 0 … N (a tuple).

    `at(n)` and `step(n)` are what sweeps ask of a grid; a plain `Grid` answers with itself.
    """

    grids: tuple

    def __post_init__(self) -> None:
        shapes = {as_object(grid, "grids[…]", ("axes", "refined", "shape"), "a Grid", "give a tuple of Grids, one for each layer").shape
                  for grid in (self.grids if isinstance(self.grids, (tuple, list)) else (self.grids,))}
        if len(shapes) != 1 or not isinstance(self.grids, (tuple, list)):
            raise ValueError(f"grids have the shapes {sorted(shapes)}; give a tuple of one Grid or more, all of one shape")
        object.__setattr__(self, "grids", tuple(self.grids))

    @classmethod
    def covering(cls, process: Any, points: ArrayLike, shape: ArrayLike, leak: float = 1e-6) -> "MovingGrid":
        """Return grids whose boxes hold the states of a LayeredProcess from `points` (n, d), each but for a mass of about `leak`.

        The box of a layer holds the next layer's states too, for time steps within a layer.  shape : nodes per axis
        """
        as_object(process, "process", ("extents",), "a LayeredProcess", "give one, such as network.layered(theta)")
        lower, upper = process.extents(points, leak)
        lower[:-1], upper[:-1] = np.minimum(lower[:-1], lower[1:]), np.maximum(upper[:-1], upper[1:])
        lacking = np.maximum(_THINNEST * (upper - lower).max(axis=0) - (upper - lower), 0.0)
        return cls(tuple(Grid.uniform(a, b, shape) for a, b in zip(lower - 0.5 * lacking, upper + 0.5 * lacking)))

    def at(self, n: int) -> Grid:
        """The grid of layer n."""
        return self.grids[n]

    def step(self, n: int) -> "MovingGrid":
        """The grids of layers n and n + 1."""
        return MovingGrid(self.grids[n:n + 2])

    @property
    def dim(self) -> int:
        """d, the number of axes."""
        return self.grids[0].dim

    @property
    def shape(self) -> tuple[int, ...]:
        """(d,) nodes of each axis, the same for all layers."""
        return self.grids[0].shape

    @property
    def size(self) -> int:
        """Nodes of a layer."""
        return self.grids[0].size

    @property
    def axes(self) -> tuple[Array, ...]:
        """All axes, layer after layer."""
        return tuple(axis for grid in self.grids for axis in grid.axes)

    @property
    def lower(self) -> Array:
        """(d,) lower side of the box that holds all boxes."""
        return np.min([grid.lower for grid in self.grids], axis=0)

    @property
    def upper(self) -> Array:
        """(d,) upper side of that box."""
        return np.max([grid.upper for grid in self.grids], axis=0)

    def refined(self, factor: float) -> "MovingGrid":
        """The same boxes with `factor` times as many intervals per axis."""
        return MovingGrid(tuple(grid.refined(factor) for grid in self.grids))

    def widened(self, factor: float) -> "MovingGrid":
        """Boxes about `factor` times as wide, of the same spacing, the old nodes among the new."""
        return MovingGrid(tuple(grid.widened(factor) for grid in self.grids))

    def __repr__(self) -> str:
        box = " × ".join(f"[{a:.4g}, {b:.4g}]" for a, b in zip(self.lower, self.upper))
        return f"MovingGrid({' × '.join(map(str, self.shape))} nodes on {len(self.grids)} boxes within {box})"
