"""Penalties R(θ) on the control: integrals over depth, t_n = n dt with dt = horizon / layers.

A regulariser has `value(layers, tail, horizon)` and `gradient(layers, tail, horizon)`, which returns the derivatives
with respect to layers (N, p) and tail (r,): the numbers of the residual layers, and those outside them (the readout).
It is convex, and declares its `degree`: R(sθ) = s^degree R(θ) for s ≥ 0, so that θ·∇R = degree · R.
    2 : quadratic and smooth        1 : with kinks, where `gradient` is a subgradient; it then has a `prox` too:
`prox(layers, tail, horizon, step)` = argmin over z of ½|z − θ|² + step R(z), as (layers (N, p), tail (r,)).
"""

from .depth_smoothness import DepthSmoothness
from .l1 import L1
from .tikhonov import Tikhonov

__all__ = ["DepthSmoothness", "L1", "Tikhonov"]
