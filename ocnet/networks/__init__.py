"""Stochastic residual networks: X_{n+1} = X_n + dt · mean(X_n) + scale · Σ_j g_j(X_n) ξ_j, dt = horizon / layers.

A *block* is the deterministic branch f(x, θ_n); a *noise* model turns what the block shows (its features) into a mean
and directions g_j; a *readout* h maps the last state to a score.  `scale` is dt in the natural scaling (the noise
sits inside the branch: dropout) and √dt in the diffusive one (a true Itô term in the limit of many layers).
An *architecture* makes a layer of such branches: this one is ResNet; others are evaluations of noisy branches put together (`architectures`).
Parameters are one vector θ laid out by `Control`: all layers, then the tail (the readout's).  A `TrainedNetwork` is a network and its θ.
"""

from .control import Control
from .network import ResidualNetwork
from .trained import TrainedNetwork

__all__ = ["Control", "ResidualNetwork", "TrainedNetwork"]
