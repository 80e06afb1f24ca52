"""Errors by number of layers, and the orders between them."""

import numpy as np

__all__ = ["Orders"]


class Orders:
    """Base of results with `layers` (k,), increasing, and `errors` (k,)."""

    @property
    def orders(self):
        """(k − 1,) logarithms of ratios of neighbouring errors over those of their layers."""
        return np.log(self.errors[:-1] / self.errors[1:]) / np.log(self.layers[1:] / self.layers[:-1])

    @property
    def order(self):
        """The last of the orders, for which the layers are shortest."""
        return float(self.orders[-1])
