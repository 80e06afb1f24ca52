"""Architectures: how a network's layers are made of its branches; each is a scheme for the ODE u' = f of its branch (Lu et al., 2018).

    ResNet       x + F(x)                                  forward Euler               order 1
    PolyNet      x + G(x + F(x)), or x + F(x) + G(F(x))    nearly backward Euler       order 1 (literal form: none)
    WayNet       x + F(x) + G(x)                           forward Euler of the sum    order 1
    FractalNet   φ_{c+1} = ½ (φ_c ∘ φ_c + I)               Heun for two columns        order 2, else 1
    RevNet       X + F(Y), then Y + G(X⁺)                  symplectic Euler            order 1, exact inverse
    LMResNet     (1 − k_n) x_n + k_n x_{n−1} + F(x_n)      linear two-step             order 1 to (1 + k) u' = f
    KineticLM    the same near k = −1                      linear two-step             order 1 to x'' = γ x' + f
    HeunNet      x + ½ (F(x, θ_n) + F(x + F, θ_{n+1}))     Heun                        order 2

F is dt times the noisy branch, each evaluation with noise of its own.  A member is its formula; the reverse sweep, the chain's transitions,
the stability function and the Itô limit are derived from it.  Order, stability and modified equation are stated as data, and measured by
`ocnet.order_of` and `ocnet.stability_region`.  `Architecture` says what a member is; any block serves: over `LinearMap` they are the linear networks,
over `Aggregated` ResNeXt and LM-ResNeXt.
"""

from .architecture import Architecture, ModifiedEquation
from .fractalnet import FractalNet
from .heunnet import HeunNet
from .kinetic_lm import KineticLM
from .lm_resnet import LMResNet
from .polynet import PolyNet
from .resnet import ResNet
from .revnet import RevNet
from .waynet import WayNet

__all__ = ["Architecture", "FractalNet", "HeunNet", "KineticLM", "LMResNet", "ModifiedEquation", "PolyNet", "ResNet", "RevNet", "WayNet"]
