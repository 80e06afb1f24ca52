"""Penalties R(θ) on the control: integrals over depth, t_n = n dt with dt = horizon / layers.

A regulariser has `value(layers, tail, horizon)` and `gradient(layers, tail, horizon)`, which returns the derivatives
with respect to layers (N, p) and tail (r,): the numbers of the residual layers, and those outside them (the readout).
Both are quadratic: R(θ) = ½ θ·∇R(θ).
"""

from .depth_smoothness import DepthSmoothness
from .tikhonov import Tikhonov

__all__ = ["DepthSmoothness", "Tikhonov"]
