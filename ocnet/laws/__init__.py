"""Standardised laws of the noise ξ: mean 0, covariance 1, draws independent from path to path and layer to layer.

A law knows how to be drawn (addressed by seed, path, layer and channel), how it comes from uniforms (for antithetic and
quasi-random draws) and how to be integrated exactly or by quadrature.  Draws are (channels, paths), quadrature nodes
(branches, channels).  Channels are independent too, but for those of `DirichletShares`.
"""

from .bernoulli import Bernoulli
from .dirichlet_shares import DirichletShares
from .joint import Joint
from .normal import Normal
from .rademacher import Rademacher
from .silent import Silent
from .uniform import Uniform

__all__ = ["Bernoulli", "DirichletShares", "Joint", "Normal", "Rademacher", "Silent", "Uniform"]
