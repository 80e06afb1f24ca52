"""What is minimised when the network is random.

EL, the expectation of the loss:  J = Σ_i w_i E l(h(X_T^i), y_i); one backward problem per label, linear in its solution.
LE, the loss of the expectation:  J = Σ_i w_i l(E h(X_T^i), y_i); one backward problem, nonlinear in its solution.
EL ≥ LE for convex losses (Jensen).  Labels are −1 and +1, in this order; columns q = 0, 1 of EL belong to them.
"""

from .expected_loss import ExpectedLoss
from .loss_of_expectation import LossOfExpectation

__all__ = ["ExpectedLoss", "LossOfExpectation"]
