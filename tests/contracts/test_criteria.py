"""Laws of every criterion, with every loss."""

from dataclasses import replace

import numpy as np
import pytest

from ocnet.training import criteria, losses
from ocnet.training.criteria import EnsembleLoss, ExpectedLoss, LossOfExpectation
from ocnet.training.losses import CrossEntropy, Logistic, Squared, SquaredClasses
from tests.chance import random, rng

MEMBERS = [getattr(criteria, name).example() for name in criteria.__all__]
ALL = [replace(member, loss=getattr(losses, name).example()) for member in MEMBERS for name in losses.__all__]
ON_GRID = [c for c in ALL if c.loss.quadratic or type(c) is not EnsembleLoss]
every_criterion = pytest.mark.parametrize("criterion", ALL, ids=repr)
every_on_grid = pytest.mark.parametrize("criterion", ON_GRID, ids=repr)


def scores(criterion, *shape, key=0):
    in_front = () if criterion.loss.scores == 1 else (criterion.loss.scores,)
    return rng(key).normal(size=(*in_front, *shape))


def labels(criterion, n):
    return np.array(criterion.loss.labels)[np.random.default_rng(1).integers(len(criterion.loss.labels), size=n)]


def slope(function, h=3e-3):
    """The derivative of function(step) at 0 by seven points: error h⁶ f⁽⁷⁾/140 ≈ 5e-18 · f⁽⁷⁾, and rounding 1e-15 f/h."""
    return (45 * (function(h) - function(-h)) - 9 * (function(2 * h) - function(-2 * h)) + function(3 * h) - function(-3 * h)) / (60 * h)


@every_on_grid
def test_there_are_as_many_values_as_columns(criterion):
    assert criterion.terminal(scores(criterion, 7)).shape == (criterion.columns, 7)
    means, errors = criterion.sampled_values(scores(criterion, 5, 8))
    assert means.shape == errors.shape == (criterion.columns, 5)


@every_on_grid
def test_transposed_terminal_data_are_the_derivative(criterion):
    u, du = scores(criterion, 7), scores(criterion, 7, key=2)
    c = np.random.default_rng(3).normal(size=(criterion.columns, 7))
    exact = (criterion.terminal_transposed(u, c) * du).sum()
    assert slope(lambda h: (c * criterion.terminal(u + h * du)).sum()) == pytest.approx(exact, abs=1e-10)


@every_on_grid
def test_total_is_the_weighted_sum_of_the_contributions_and_its_cotangent_the_derivative(criterion):
    values, y = criterion.terminal(scores(criterion, 9)), labels(criterion, 9)
    values = values + 0.3 * np.random.default_rng(4).normal(size=values.shape)
    direction, weights = np.random.default_rng(5).normal(size=values.shape), np.random.default_rng(6).uniform(size=9)
    total, cotangent = criterion.total(values, y, weights)
    assert total == pytest.approx((weights * criterion.per_point(values, y)).sum(), rel=1e-14)
    moved = slope(lambda h: criterion.total(values + h * direction, y, weights)[0])
    assert moved == pytest.approx((cotangent * direction).sum(), abs=1e-10)


@every_criterion
def test_cotangent_of_the_scores_is_the_derivative_of_the_sampled_contributions(criterion):
    u, du, y = scores(criterion, 5, 8), scores(criterion, 5, 8, key=2), labels(criterion, 5)
    weights = np.random.default_rng(6).uniform(size=5)
    to_scores = criterion.sampled(u, y)[2]
    assert to_scores.shape == u.shape
    moved = slope(lambda h: (weights * criterion.sampled(u + h * du, y)[0]).sum())
    assert moved == pytest.approx((weights[:, None] * to_scores * du).sum(), abs=1e-10)


@every_on_grid
def test_without_noise_the_samples_are_the_values_themselves(criterion):
    u, y = scores(criterion, 6), labels(criterion, 6)
    still = np.repeat(u[..., None], 8, axis=-1)
    contributions, variances, _ = criterion.sampled(still, y)
    values = criterion.terminal(u)
    means, errors = criterion.sampled_values(still)
    # means of 8 equal numbers are exact; LE weighs by 2 − ½ − ½: some ulps of numbers below 20
    assert np.abs(means - values).max() < 1e-14 and np.abs(errors).max() < 1e-14
    assert np.abs(contributions - criterion.per_point(values, y)).max() < 2e-14 and np.abs(variances).max() < 1e-28


@every_criterion
@random()
def test_stated_variances_are_those_of_the_contributions(criterion, chance):
    n, paths = 20_000, 16
    # one point, the same for all seeds (next to the minimum more is stated), sampled anew in each row; small noise: LE states its variance to second order
    level = np.random.default_rng(7).normal(size=scores(criterion, 1, 1).shape)
    u, y = level + 0.2 * scores(criterion, n, paths), np.full(n, criterion.loss.labels[-1])
    contributions, variances, _ = criterion.sampled(u, y)
    # the remainder of the expansion, (0.2²/16)·|l'''/l'|², is 0.3 %; finds 12 % of the variance, whose sample errs by 1 % for nearly normal numbers
    squares = (contributions - contributions.mean()) ** 2 - variances
    chance.sample(squares, 0.0, detects=0.12 * variances.mean(), slack=0.003 * variances.mean())


@pytest.mark.parametrize("loss", [Squared(), SquaredClasses(3)], ids=repr)
@random(comparisons=3)
def test_double_samples_at_the_minimum_have_the_variance_of_the_second_order(loss, chance):
    # at u = target the slope vanishes: ½ δ_a·δ_b is left, of variance tr C² with C = s²/paths · 1, so K s⁴/paths² (normal noise)
    n, paths, K = 160_000, 4, loss.scores
    criterion, y = LossOfExpectation(loss), np.full(n, loss.labels[-1])
    target = 1.0 if K == 1 else np.eye(K)[-1][:, None, None]
    contributions, variances, _ = criterion.sampled(target + scores(criterion, n, paths), y)
    # products of two normals have kurtosis 9 at most: the sample variance errs by √(8/n) = 0.7 %; finds 7 %
    chance.sample((contributions - contributions.mean()) ** 2, K / paths**2, detects=0.07 * K / paths**2)
    # stated: s·C s with the sampled slope s, K/paths² in the mean, and tr C² of a Wishart matrix of paths − 1 = 3 degrees of freedom,
    # (1 + (K + 1)/3) K/paths²: on the safe side; numbers of a relative spread below 4: finds 20 %
    stated = (2 + (K + 1) / (paths - 1)) * K / paths**2
    chance.sample(variances, stated, detects=0.2 * stated)
    # and nothing is left in the mean: finds 5 % of a deviation
    chance.sample(contributions, 0.0, detects=0.05 * contributions.std())


@every_on_grid
def test_predictions_change_where_the_boundary_is_zero(criterion):
    values = criterion.terminal(scores(criterion, 400))
    predicted, score = criterion.predict(values), criterion.boundary(values)
    assert predicted.shape == score.shape == (400,) and np.isin(predicted, criterion.loss.labels).all()
    assert set(predicted) == set(criterion.loss.labels)
    if len(criterion.loss.labels) == 2:
        assert (predicted == np.where(score > 0, criterion.loss.labels[1], criterion.loss.labels[0])).all()
    else:
        assert (score > 0).all()                                         # a margin; small changes of it change no prediction
        values = values + 0.49 * score * np.sign(np.random.default_rng(8).normal(size=values.shape))
        assert (criterion.predict(values) == predicted).all()


@every_on_grid
def test_equal_merits_go_to_the_last_label(criterion):
    K = criterion.loss.scores
    values = criterion.terminal(np.zeros(1) if K == 1 else np.zeros((K, 1)))
    assert criterion.predict(values)[0] == criterion.loss.labels[-1] and criterion.boundary(values)[0] == 0


@every_on_grid
def test_a_column_names_the_value_of_the_points_own_label(criterion):
    column = criterion.column(labels(criterion, 50))
    own = [0] * 50 if criterion.loss.scores == 1 and not isinstance(criterion, ExpectedLoss) else [
        criterion.loss.labels.index(y) for y in labels(criterion, 50)]
    assert np.array_equal(column, own)


def test_le_of_an_odd_number_of_paths_is_refused():
    with pytest.raises(ValueError, match="paths=5 is odd"):
        LossOfExpectation(CrossEntropy(3)).sampled(np.zeros((3, 2, 5)), np.zeros(2, dtype=int))


def test_ensembles_refuse_what_they_cannot_do():
    with pytest.raises(ValueError, match="members=0"):
        EnsembleLoss(Squared(), 0)
    for paths in (4, 6):
        with pytest.raises(ValueError, match=f"paths={paths} .* members=4; use a multiple of 4 from 8 on"):
            EnsembleLoss(Logistic(), 4).sampled(np.zeros((2, paths)), np.ones(2))
    with pytest.raises(ValueError, match="not quadratic, .* ParticleObjective"):
        EnsembleLoss(Logistic(), 4).terminal(np.zeros(3))
