"""Laws of every loss."""

import numpy as np
import pytest

from ocnet.training import losses
from ocnet.training.losses import CrossEntropy, Logistic, Squared, SquaredClasses
from ocnet.training.losses.loss import Loss


def _one_hot(u, y):
    return np.stack([y == k for k in range(len(u))])


def _chosen(u, y):
    return (u * _one_hot(u, y)).sum(axis=0)


# The textbook form, right for moderate scores and analytic in u.  A new loss without an entry fails the collection.
FORMULA = {Logistic: lambda u, y: np.log(1 + np.exp(-y * u)), Squared: lambda u, y: (u - y) ** 2 / 2,
           CrossEntropy: lambda u, y: np.log(np.exp(u).sum(axis=0)) - _chosen(u, y),
           SquaredClasses: lambda u, y: ((u - _one_hot(u, y)) ** 2).sum(axis=0) / 2}
MEMBERS = [getattr(losses, name).example() for name in losses.__all__]
FORMULAS = [FORMULA[type(loss)] for loss in MEMBERS]
every_loss = pytest.mark.parametrize("loss", MEMBERS, ids=repr)
every_formula = pytest.mark.parametrize("loss, formula", list(zip(MEMBERS, FORMULAS)), ids=map(repr, MEMBERS))


def pairs(loss, count=41):
    """Scores (…) or (K, …) within ±6 and labels (…): every label with the same `count` scores."""
    one = np.linspace(-6, 6, count)
    u = one if loss.scores == 1 else np.random.default_rng(0).uniform(-6, 6, (loss.scores, count))
    labels = np.array(loss.labels)
    return np.repeat(u[..., None, :], len(labels), axis=-2), np.repeat(labels[:, None], count, axis=1)


def units(loss):
    """The directions of the single scores: 1, or (K, 1, 1) unit vectors."""
    return [1.0] if loss.scores == 1 else list(np.eye(loss.scores)[:, :, None, None])


def rows(loss, derivative):
    """A derivative with an axis for the scores in any case."""
    return derivative[None] if loss.scores == 1 else derivative


@every_formula
def test_value_is_the_textbook_formula(loss, formula):
    # values up to 100; the textbook form loses some ulps of 1 in 1 + exp, and of scores up to 6 (1e-15) in sums of 4 terms
    u, y = pairs(loss)
    assert np.abs(loss.value(u, y) - formula(u, y)).max() < 1e-14


@every_formula
def test_derivative_is_that_of_the_formula_by_a_complex_step(loss, formula):
    u, y = pairs(loss)
    for unit, slope in zip(units(loss), rows(loss, loss.derivative(u, y))):
        exact = formula(u + 1e-30j * unit, y).imag / 1e-30            # no cancellation: right to some ulps of at most 7
        assert np.abs(slope - exact).max() < 1e-14


@every_loss
def test_second_derivative_integrates_to_the_derivative(loss):
    nodes, weights = np.polynomial.legendre.leggauss(20)
    u, y = pairs(loss)
    start, way = u[..., :-1], np.diff(u)                               # straight ways of up to √K · 12 between neighbours, cut into panels
    curvature, panels = 0.0, 48                                        # of at most 0.45: poles at ±πi or none, so 20 nodes err by
    for k in range(panels):                                            # less than (2π/0.22)^−40
        for node, weight in zip((nodes + 1) / 2, weights / 2):
            there = loss.second_derivative(start + (k + node) / panels * way, y[:, :-1])
            along = there * way if loss.scores == 1 else np.einsum("ij...,j...->i...", there, way)
            curvature = curvature + weight / panels * along
    # 960 terms: rounding 960 · 1e-16 · |u'' way| ≤ 12
    assert np.abs(curvature - np.diff(loss.derivative(u, y))).max() < 1e-12


@every_loss
def test_labels_and_scores_broadcast_and_results_are_float64(loss):
    K, labels = loss.scores, np.array(loss.labels)
    u = np.zeros((5,) if K == 1 else (K, 5))
    in_front = () if K == 1 else (K,)
    for function, leading in ((loss.value, ()), (loss.derivative, in_front), (loss.second_derivative, 2 * in_front)):
        result = function(u, labels[:, None])
        assert result.shape == (*leading, len(labels), 5) and result.dtype == np.float64
        assert function(u.astype(int), labels[0]).dtype == np.float64
        y = labels[np.arange(4) % len(labels)]
        scores = np.random.default_rng(1).normal(size=(*in_front, 4, 6))
        together = function(scores, y[:, None])
        for i in range(4):
            assert np.array_equal(together[..., i, :], function(scores[..., i, :], y[i]))


@every_loss
def test_arguments_are_left_alone(loss):
    u, y = pairs(loss)
    before = u.copy(), y.copy()
    for function in (loss.value, loss.derivative, loss.second_derivative):
        function(u, y)[...] = 7.0                                      # would show if a result were a view of an argument
        function(u.copy(), loss.labels[0])[...] = 7.0
    assert (u == before[0]).all() and (y == before[1]).all()


@every_loss
def test_far_scores_of_both_signs_give_finite_numbers_without_a_warning(loss):
    with np.errstate(all="raise", under="ignore"):
        for far in (-1e5, -800.0, 0.0, 800.0, 1e5):
            for unit in units(loss):
                for y in loss.labels:
                    u = far * np.squeeze(unit)
                    for numbers in (loss.value(u, y), loss.derivative(u, y), loss.second_derivative(u, y)):
                        assert np.isfinite(numbers).all()
                    assert loss.value(u, y) >= 0


@every_loss
def test_loss_never_grows_as_the_prediction_moves_to_the_label(loss):
    towards = np.linspace(-5, 1, 25)
    for y in loss.labels:
        if loss.scores == 1:
            assert (np.diff(loss.value(y * towards, y)) <= 0).all()
        else:
            u = np.repeat(np.random.default_rng(2).uniform(-1, 1, loss.scores)[:, None], 25, axis=1)
            u[y] = towards
            assert (np.diff(loss.value(u, y)) <= 0).all()


@every_loss
def test_the_prediction_has_the_smallest_loss_of_all_labels(loss):
    u, _ = pairs(loss)
    u = u[..., 0, :]
    best = np.array(loss.labels)[loss.value(u, np.array(loss.labels)[:, None]).argmin(axis=0)]
    predicted = np.where(u > 0, 1, -1) if loss.scores == 1 else np.array(loss.labels)[u.argmax(axis=0)]
    decided = np.abs(u) > 1e-9 if loss.scores == 1 else np.ones(u.shape[1], dtype=bool)     # u = 0 is undecided
    assert (best == predicted)[decided].all()


@every_loss
def test_convex_and_quadratic_are_what_the_second_derivative_says(loss):
    u, y = pairs(loss)
    curvature = loss.second_derivative(u, y)
    matrices = curvature.reshape(loss.scores, loss.scores, -1).transpose(2, 0, 1)
    assert np.abs(matrices - matrices.transpose(0, 2, 1)).max() < 1e-16
    lowest = np.linalg.eigvalsh(matrices)[:, 0].min()                  # semidefinite ones come out at some ulps of 1 below 0
    assert loss.convex == bool(lowest >= -1e-15)
    assert loss.quadratic == bool((matrices == np.eye(loss.scores)).all())


@every_loss
def test_labels_increase_and_fit_the_number_of_scores(loss):
    assert list(loss.labels) == ([-1, 1] if loss.scores == 1 else list(range(loss.scores)))


def test_logistic_tails_keep_their_relative_accuracy():
    # l(u, 1) = e^{−u} − e^{−2u}/2 + …; at u = 40 the second term is 2e-18 of the first
    assert Logistic().value(40.0, 1) == pytest.approx(np.exp(-40.0), rel=1e-15, abs=0)
    assert Logistic().derivative(40.0, 1) == pytest.approx(-np.exp(-40.0), rel=1e-15, abs=0)
    assert Logistic().value(-800.0, 1) == 800.0


def test_cross_entropy_tails_keep_their_relative_accuracy():
    # l = log(1 + 2 e^{−40}), slope of the label −2 e^{−40} to 8e-18 relative, of the others e^{−40}
    loss, u = CrossEntropy(3), np.array([0.0, 40.0, 0.0])
    assert loss.value(u, 1) == pytest.approx(2 * np.exp(-40.0), rel=1e-15, abs=0)
    assert loss.derivative(u, 1) == pytest.approx(np.exp(-40.0) * np.array([1, -2, 1]), rel=1e-15, abs=0)
    assert loss.second_derivative(u, 1)[1] == pytest.approx(np.exp(-40.0) * np.array([-1, 2, -1]), rel=1e-15, abs=0)
    assert loss.value(np.array([0.0, -800.0, 800.0]), 1) == 1600.0


def test_cross_entropy_of_two_opposite_scores_is_the_logistic_loss():
    u = np.linspace(-50, 50, 401)
    pair, two, one = np.stack([-u / 2, u / 2]), CrossEntropy(2), Logistic()
    for label, y in ((0, -1), (1, 1)):
        # the same formula in other words: some ulps of the result
        assert two.value(pair, label) == pytest.approx(one.value(u, y), rel=1e-14, abs=0)
        slope = two.derivative(pair, label)
        assert (slope[1] - slope[0]) / 2 == pytest.approx(one.derivative(u, y), rel=1e-14, abs=0)
        curvature = two.second_derivative(pair, label)
        assert np.einsum("ij...,i,j->...", curvature, [-0.5, 0.5], [-0.5, 0.5]) == pytest.approx(one.second_derivative(u, y), rel=1e-14, abs=0)


@pytest.mark.parametrize("family", [CrossEntropy, SquaredClasses])
def test_classes_scores_and_labels_without_meaning_are_refused(family):
    for classes in (1, 2.5):
        with pytest.raises(ValueError, match="classes="):
            family(classes)
    with pytest.raises(ValueError, match=r"u has shape \(2, 5\)"):
        family(3).value(np.zeros((2, 5)), 0)
    for y in (-1, 3, 0.5):
        with pytest.raises(ValueError, match=f"y={y} is no label"):
            family(3).derivative(np.zeros((3, 5)), np.array([0, 1, 2, 0, y]))


def test_a_loss_that_declares_too_little_is_refused_when_its_class_is_made():
    with pytest.raises(TypeError, match="Hinge declares no scores"):
        type("Hinge", (Loss,), {"labels": (-1, 1)})
