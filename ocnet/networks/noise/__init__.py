"""Noise models: X⁺ = x + dt · mean(x) + scale · Σ_j g_j(x) ξ_j with E ξ = 0, E ξξᵀ = 1 (or, before a nonlinearity, its own increment).

scaling  "natural": scale = dt, the noise sits inside the branch, as dropout does.  As dt → 0 the limit is the ODE X' = mean; at finite
         depth the layers are those of dX = mean dt + √dt g dB to weak order 1, and to order 2 with the drift corrected by
         −(dt/2)(D mean) mean.
         "diffusive": scale = √dt; the limit is dX = mean dt + g dB, of weak order 1, or ½ where ξ is skewed.
A model is a law, a mean and a spread Σ_j g_j ξ_j; sampler, chain quadrature, covariance S = g gᵀ, factor, modified equation, reverse sweeps
and weak orders are derived.  What is simulated is the discrete law itself, never its Gaussian limit.  Where in the branch the noise
acts decides on g: equal drifts may have different g (Sun, Tao, Du; derived for each model in its docstring).
"""

from .block_gaussian import BlockGaussian
from .centred_bernoulli import CentredBernoulli
from .centred_dropout import CentredDropout
from .dirichlet_shake import DirichletShake
from .drop_connect import DropConnect
from .gaussian import Gaussian
from .hidden_dropout import HiddenDropout
from .input_dropout import InputDropout
from .multiplicative_gaussian import MultiplicativeGaussian
from .noiseless import Noiseless
from .output_dropout import OutputDropout
from .rademacher_noise import RademacherNoise
from .shake_shake import ShakeShake
from .state_gaussian import StateGaussian
from .stochastic_depth import StochasticDepth
from .strong_dropout import StrongDropout

__all__ = ["BlockGaussian", "CentredBernoulli", "CentredDropout", "DirichletShake", "DropConnect", "Gaussian", "HiddenDropout", "InputDropout",
           "MultiplicativeGaussian", "Noiseless", "OutputDropout", "RademacherNoise", "ShakeShake", "StateGaussian", "StochasticDepth",
           "StrongDropout"]
