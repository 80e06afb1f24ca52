"""Laws of the noise."""

import numpy as np

from ocnet import laws
from ocnet.laws import Joint

from .verdict import Subject


def _is_standardised(result, arguments):
    """Mean 0 and covariance 1 by the law's own rule, to rounding: sums of as many products as there are branches.  One node a channel is the mean alone."""
    nodes, weights = result
    if nodes.shape[1]:
        tolerance = 1e-10 * max(1.0, np.abs(nodes).max() ** 2)        # probabilities below ulp(1) leave rounding of nodes²
        assert abs(weights.sum() - 1) < 1e-12 and (weights >= 0).all(), "probabilities"
        assert np.abs(weights @ nodes).max() < tolerance, "the mean is not 0"
        assert arguments.get("order", 2) == 1 or np.abs(np.einsum("k,ki,kj->ij", weights, nodes, nodes) - np.eye(nodes.shape[1])).max() < tolerance, "the covariance is not 1"


def _rule(cls, *rest):
    return lambda channels, order=3: cls(*rest, channels).quadrature(order)


def _drawn(law):
    return law.draw(3, 0, 8, 1), law.skewness, law.channels, law.uniforms


TOO_MANY = {"channels": ("branches",), "order": ("branches",)}

SUBJECTS = [
    Subject("Normal", _rule(laws.Normal), {"channels": 2, "order": 3}, TOO_MANY, check=_is_standardised),
    Subject("Uniform", _rule(laws.Uniform), {"channels": 2, "order": 3}, TOO_MANY, check=_is_standardised),
    Subject("Rademacher", _rule(laws.Rademacher), {"channels": 2}, check=_is_standardised),
    Subject("Bernoulli", lambda keep, channels: laws.Bernoulli(keep, channels).quadrature(), {"keep": 0.75, "channels": 2}, check=_is_standardised),
    Subject("Bernoulli.draw", lambda keep, channels: _drawn(laws.Bernoulli(keep, channels)), {"keep": 0.75, "channels": 2}),
    Subject("DirichletShares", lambda branches, order: laws.DirichletShares(branches).quadrature(order), {"branches": 3, "order": 3},
            check=_is_standardised),
    Subject("DirichletShares.draw", lambda branches: _drawn(laws.DirichletShares(branches)), {"branches": 3}),
    Subject("Silent", laws.Silent, {"channels": 0}),
    Subject("Joint", lambda laws: _drawn(Joint(laws)), {"laws": (laws.Normal(2), laws.Rademacher(1))}),
    Subject("Joint.quadrature", lambda order: Joint((laws.Normal(1), laws.Uniform(1))).quadrature(order), {"order": 3}, TOO_MANY,
            check=_is_standardised),
]
