"""Blocks: the deterministic branch f(x, θ_n) of a residual layer, and what it shows to a noise model.

A block has `layout(dim)`, `initial(dim, rng)`, `features(x, layer)` and `vector_jacobian(x, layer, cotangent)`, for
points x (d, n) and `layer` the named views of its numbers.  `Features.output` is f (d, n).
"""

from .features import Features
from .perceptron import Perceptron

__all__ = ["Features", "Perceptron"]
