"""A block at given points and numbers, and what noise models ask of it there."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ocnet.networks.blocks.features import Features
from ocnet.typing import Array, Views

__all__ = ["BlockAt"]


@dataclass(frozen=True, eq=False)
class BlockAt:
    """A block with one layer's numbers at points x (d, n).

    needs : which of the `Features` are asked for
    axes  : of the tensor grid whose nodes x are, if they are: blocks may be faster there
    """

    block: Any
    layer: Views
    x: np.ndarray
    needs: tuple = ("output",)
    axes: tuple[Array, ...] | None = None

    def moved(self, x: Array) -> "BlockAt":
        """The same at other points."""
        return replace(self, x=x, axes=None)

    @cached_property
    def features(self) -> Features:
        """The features at the points."""
        if self._on_axes("features_on_axes"):
            return self.block.features_on_axes(self.axes, self.layer)
        return self.block.features(self.x, self.layer, self.needs)

    def vector_jacobian(self, cotangent: Features) -> tuple[Any, Array]:
        """The cotangents of the points (d, n), and of the layer's numbers (p,) summed over the points, for one of the features.

        On the nodes of a tensor grid, which do not move, that of the points may be None.
        """
        if self._on_axes("weights_vjp_on_axes"):
            return None, self.block.weights_vjp_on_axes(self.axes, self.layer, cotangent)
        back, gradient = self.block.vector_jacobian(self.x, self.layer, cotangent)
        return back if cotangent.state is None else back + cotangent.state, gradient

    def jacobian_product(self, direction: Array) -> Array:
        """Df v (d, n) for v (d, n)."""
        return self.block.jacobian_product(self.x, self.layer, direction)

    def _on_axes(self, name):
        return self.axes is not None and self.needs == ("output",) and hasattr(self.block, name)
