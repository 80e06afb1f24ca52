"""Losses l(u, y) of a score u under a label y in {−1, +1}.

A loss has `value(u, y)`, `derivative(u, y)` = ∂l/∂u, `second_derivative(u, y)` = ∂²l/∂u², all elementwise with
broadcasting, and says whether it is `convex` in u.  It is ≥ 0, finite for every finite score, and smallest where
the score agrees with the label.
"""

from .logistic import Logistic
from .squared import Squared

__all__ = ["Logistic", "Squared"]
