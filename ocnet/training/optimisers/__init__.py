"""Optimisers: θ ← θ − step, with everything written down that a killed run needs to end with the same bits.

An optimiser has `iterations`, `bounds` and `minimise(objective, theta, path=None, report=None, callback=None) -> TrainingResult`.
SciPy's methods (`scipy_methods`, for deterministic objectives) keep a journal of evaluations and replay it.  All others (`descent`) keep
their state, which is made of arrays, and draw the noise of iteration k from the seed and k, never from what was drawn before.
The point returned is the best met, not the last; a J or ∇J that is not finite ends the run there.

A new method is one file: `update` for a step along a drawn gradient (`first_order`), `search` for one of SciPy's, `advance` for any other
iteration (`descent`), such as those in which each layer minimises its own Hamiltonian (`layerwise`).
"""

from .adam import Adam
from .averaged_sgd import AveragedSGD
from .gradient_descent import GradientDescent
from .lbfgs import LBFGS
from .momentum import Momentum
from .proximal_gradient import ProximalGradient
from .sequential_hamiltonian import SequentialHamiltonian
from .successive_approximations import SuccessiveApproximations
from .trust_constr import TrustConstr

__all__ = ["Adam", "AveragedSGD", "GradientDescent", "LBFGS", "Momentum", "ProximalGradient", "SequentialHamiltonian",
           "SuccessiveApproximations", "TrustConstr"]
