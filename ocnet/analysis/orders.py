"""Errors by number of layers, and the orders between them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ocnet.inputs import as_array, as_whole
from ocnet.typing import Array
from ocnet.xarrays import dataset, labelled

__all__ = ["Orders", "checked_layers"]


def checked_layers(layers: Any) -> tuple[int, ...]:
    """Two or more increasing whole numbers ≥ 1 as a tuple, or ValueError, TypeError."""
    counts = tuple(as_whole(count, "layers") for count in as_array(layers, "layers", (None,)))
    if len(counts) < 2 or not (np.diff(counts) > 0).all():
        raise ValueError(f"layers={counts} shows no order; give two or more increasing numbers")
    return counts


class Orders:
    """Base of results with `layers` (k,), increasing, and `errors` (k,)."""

    layers: Any
    errors: Any
    to_dict: Callable[[], dict[str, Any]]

    @property
    def orders(self) -> Array:
        """(k − 1,) logarithms of ratios of neighbouring errors over those of their layers."""
        return np.log(self.errors[:-1] / self.errors[1:]) / np.log(self.layers[1:] / self.layers[:-1])

    @property
    def order(self) -> float:
        """The last of the orders, for which the layers are shortest."""
        return float(self.orders[-1])

    def to_xarray(self) -> Any:
        """Return an xarray.Dataset over layers: error, and order since the layers before (NaN at the first)."""
        orders = np.append(np.nan, self.orders)
        plain = {name: value for name, value in self.to_dict().items() if not isinstance(value, (list, dict))}
        return dataset({"error": labelled("layers", self.errors, "error"), "order": labelled("layers", orders, "order since the layers before")},
                       {"layers": labelled("layers", self.layers, "number of layers N")}, plain)
