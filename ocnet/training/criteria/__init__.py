"""What is minimised when the network is random.

EL, the expectation of the loss:  J = Σ_i w_i E l(h(X_T^i), y_i); one backward problem per label, linear in its solution.
LE, the loss of the expectation:  J = Σ_i w_i l(E h(X_T^i), y_i); one backward problem per score, nonlinear in its solution.
The ensemble of M paths between them:  J_M = Σ_i w_i E l((1/M) Σ_m h(X_T^{i,m}), y_i), EL for M = 1, LE for M → ∞.
EL ≥ J_M ≥ LE for convex losses (Jensen); for quadratic ones J_M = LE + (EL − LE)/M exactly (MATH 1.4).

Scores are (n,) or (K, n), as the loss takes them (see `losses`).  A criterion has

    columns                            q, how many values it makes of the scores of a state; all q are propagated in one pass
    terminal(scores)                   (q, n) terminal values;  terminal_transposed(scores, cotangent (q, n)): the scores' cotangent
    column(labels)                     (n,) which of the values tells most of a point with this label
    per_point(values, labels)          (n,) contributions of data points from the values (q, n) there
    total(values, labels, weights)     J and its cotangent (q, n)
    predict(values), boundary(values)  (n,) labels; a number that is 0 where the prediction changes (see `decision`)
    sampled(scores, labels)            from scores (n, paths) or (K, n, paths): contributions (n,), their variances (n,), d contribution/d scores
    enough(paths)                      as many paths a point as it can be sampled by, or some more
    sampled_values(scores)             sampled counterparts of the values: means (q, n) and their standard errors (q, n)
"""

from .ensemble_loss import EnsembleLoss
from .expected_loss import ExpectedLoss
from .loss_of_expectation import LossOfExpectation

__all__ = ["EnsembleLoss", "ExpectedLoss", "LossOfExpectation"]
