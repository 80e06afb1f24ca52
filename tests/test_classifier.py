"""The scikit-learn face: its contract, and what a stochastic network adds to it."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from ocnet.classifier import StochasticResNetClassifier


@parametrize_with_checks([StochasticResNetClassifier()])
def test_it_is_an_estimator_of_scikit_learn(estimator, check):
    check(estimator)


def test_a_parameter_without_meaning_is_named():
    with pytest.raises(ValueError, match="width=0: expected a whole number ≥ 1"):
        StochasticResNetClassifier(width=0).fit([[0.0], [1.0]], [0, 1])
