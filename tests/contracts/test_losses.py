"""Laws of every loss."""

import numpy as np
import pytest

from ocnet.training import losses
from ocnet.training.losses import Logistic, Squared

# The textbook form, right for moderate scores and analytic in u.  A new loss without an entry fails the collection.
FORMULA = {Logistic: lambda u, y: np.log(1 + np.exp(-y * u)), Squared: lambda u, y: (u - y) ** 2 / 2}
MEMBERS = [getattr(losses, name).example() for name in losses.__all__]
FORMULAS = [FORMULA[type(loss)] for loss in MEMBERS]
every_loss = pytest.mark.parametrize("loss", MEMBERS, ids=repr)
every_formula = pytest.mark.parametrize("loss, formula", list(zip(MEMBERS, FORMULAS)), ids=map(repr, MEMBERS))

U = np.linspace(-6, 6, 41)
Y = np.array([[-1.0], [1.0]])


@every_formula
def test_value_is_the_textbook_formula(loss, formula):
    # values up to 25; the textbook form loses some ulps of 1 in 1 + exp
    assert np.abs(loss.value(U, Y) - formula(U, Y)).max() < 1e-14


@every_formula
def test_derivative_is_that_of_the_formula_by_a_complex_step(loss, formula):
    exact = formula(U + 1e-30j, Y).imag / 1e-30            # no cancellation: right to some ulps of at most 7
    assert np.abs(loss.derivative(U, Y) - exact).max() < 1e-14


@every_loss
def test_second_derivative_integrates_to_the_derivative(loss):
    nodes, weights = np.polynomial.legendre.leggauss(20)
    u = U[:-1, None] + (nodes + 1) / 2 * np.diff(U)[:, None]                # panels of 0.3; poles at ±πi or none,
    for y in (-1, 1):                                                       # so 20 nodes err by less than (2·π/0.15)^−40
        integral = (loss.second_derivative(u, y) * weights).sum(axis=1) * np.diff(U) / 2
        assert np.abs(integral - np.diff(loss.derivative(U, y))).max() < 1e-14


@every_loss
def test_all_results_have_the_broadcast_shape_and_are_float64(loss):
    for function in (loss.value, loss.derivative, loss.second_derivative):
        result = function(np.zeros((2, 1, 5)), np.array([-1, 1])[:, None, None])
        assert result.shape == (2, 1, 5) and result.dtype == np.float64
        assert function(np.zeros(3, dtype=int), 1).dtype == np.float64


@every_loss
def test_far_scores_of_both_signs_give_finite_numbers_without_a_warning(loss):
    with np.errstate(all="raise", under="ignore"):
        for u in (-1e5, -800.0, 0.0, 800.0, 1e5):
            for y in (-1, 1):
                numbers = loss.value(u, y), loss.derivative(u, y), loss.second_derivative(u, y)
                assert np.isfinite(numbers).all() and numbers[0] >= 0


@every_loss
def test_loss_never_grows_as_the_score_moves_to_the_label(loss):
    towards = np.linspace(-5, 1, 25)
    for y in (-1, 1):
        assert (np.diff(loss.value(y * towards, y)) <= 0).all()


@every_loss
def test_convex_means_a_second_derivative_that_is_nowhere_negative(loss):
    assert loss.convex == bool((loss.second_derivative(U, Y) >= 0).all())


def test_logistic_tails_keep_their_relative_accuracy():
    # l(u, 1) = e^{−u} − e^{−2u}/2 + …; at u = 40 the second term is 2e-18 of the first
    assert Logistic().value(40.0, 1) == pytest.approx(np.exp(-40.0), rel=1e-15, abs=0)
    assert Logistic().derivative(40.0, 1) == pytest.approx(-np.exp(-40.0), rel=1e-15, abs=0)
    assert Logistic().value(-800.0, 1) == 800.0
