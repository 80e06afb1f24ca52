"""Readouts: the score h(x) of the last state, whose parameters are the tail of θ.

A readout has `layout(dim)`, `initial(dim, rng)`, `value(x (d, n), tail) -> (n,)` and
`vector_jacobian(x, tail, cotangent (n,)) -> ((d, n), (r,))`.  Labels are −1 and +1; the decision boundary is h = 0.
"""

from .linear import Linear
from .tanh import Tanh

__all__ = ["Linear", "Tanh"]
