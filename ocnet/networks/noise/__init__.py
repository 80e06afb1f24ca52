"""Noise models: X⁺ = x + dt · mean(x) + scale · Σ_j g_j(x) ξ_j with E ξ = 0, E ξξᵀ = 1.

`scale` is dt in the natural scaling (noise inside the branch) and √dt in the diffusive one.  A model is a law and its
directions; sampler, chain quadrature, diffusion factor and reverse sweeps are derived from these.
"""

from .affine_noise import AffineNoise
from .gaussian import Gaussian
from .noiseless import Noiseless
from .output_dropout import OutputDropout

__all__ = ["AffineNoise", "Gaussian", "Noiseless", "OutputDropout"]
