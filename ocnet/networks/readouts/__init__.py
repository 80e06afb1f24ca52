"""Readouts: the scores h(x) of the last state, whose parameters are the tail of θ.

A readout declares `scores`, how many it gives: 1, seen as (n,), or K > 1, seen as (K, n).  It has `layout(dim)`, `initial(dim, rng)`,
`value(x (d, n), tail) -> scores` and `vector_jacobian(x, tail, cotangent of the scores) -> ((d, n), (r,))`.
One score decides between the labels −1 and +1 by its sign; of K scores the largest names the class 0 … K − 1.
"""

from .linear import Linear
from .linear_classes import LinearClasses
from .tanh import Tanh

__all__ = ["Linear", "LinearClasses", "Tanh"]
