"""What the classifier is made of: the law of its predictions, its gradient, its batches, its standardisation."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.datasets import load_iris, make_moons

from ocnet import networks
from ocnet.classifier import StochasticResNetClassifier
from ocnet.classifier.course import Course
from ocnet.classifier.feature_map import FeatureMap
from ocnet.classifier.members import log_mean_exp, log_probabilities
from ocnet.classifier.parameters import noise_of
from ocnet.classifier.spread import ProbabilitySpread, moments
from ocnet.classifier.weighted_points import WeightedPoints
from ocnet.networks import ResidualNetwork, noise
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian, HiddenDropout, ShakeShake, StochasticDepth
from ocnet.networks.readouts import Linear, LinearClasses
from ocnet.particles import propagate
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import CrossEntropy, Logistic
from ocnet.training.objectives import LabelledPoints, ParticleObjective, Setting
from ocnet.training.regularisers import DepthSmoothness, Tikhonov
from tests.chance import SHIFT, random, rng

IRIS = load_iris(return_X_y=True)
BRANCHED = {"ShakeShake", "DirichletShake"}                  # they share branches, and the classifier's block has one
MODELS = [getattr(noise, name).example() for name in noise.__all__ if name not in BRANCHED and hasattr(getattr(noise, name), "example")]


# ---- predictions ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("classes", [2, 3])
@random(comparisons=48)
def test_the_spread_has_the_law_of_the_network(classes, chance, draws=4096):
    """E p and E p² of 8 rows by the classifier's draws and by `propagate`'s; finds 0.06.  A keep of 0.62 for 0.6 moves some of them by 10 errors."""
    X, y = IRIS[0][IRIS[1] < classes], IRIS[1][IRIS[1] < classes]
    fitted = StochasticResNetClassifier(noise=HiddenDropout(0.6), max_iter=10, random_state=1, prediction_paths=draws).fit(X, y)
    rows = X[::len(X) // 8][:8]
    spread = fitted.predict_proba_spread(rows)
    states = fitted.labelled_points(rows, np.full(8, y[0])).points
    ends = propagate(fitted.trained_.layered(), states, draws, seed=99).ends
    scores = fitted.trained_.score(ends.reshape(8 * draws, -1))
    logs = log_probabilities(np.atleast_2d(scores.T)).reshape(classes, 8, draws)
    for moment, told in ((1, spread.mean), (2, spread.mean**2 + spread.standard_deviation**2 * (draws - 1) / draws)):
        powers = np.exp(moment * logs)
        error = np.sqrt(2 / draws) * powers.std(axis=-1)
        chance.mean(powers.mean(axis=-1), told.T, error, detects=0.06)
    assert (spread.standard_deviation > 0.005).any()                     # there is a spread to be told
    assert np.abs(spread.mean - fitted.predict_proba(rows)).max() < 1e-12             # roundings of means of numbers below 1
    assert (spread.standard_error == spread.standard_deviation / np.sqrt(draws)).all()


@random(comparisons=2)
def test_the_standard_error_is_that_of_the_mean_over_other_draws(chance, repetitions=60, draws=32):
    """Variance of 60 means over the stated one: χ² of 59 degrees; finds a factor of 6.  A standard deviation for a standard error is 32 in variance."""
    fitted = StochasticResNetClassifier(noise=Gaussian(0.5), max_iter=10, random_state=1, prediction_paths=draws).fit(*IRIS)
    row, spreads = IRIS[0][75:76], []
    for k in range(repetitions):
        fitted.seed_ = k + 1000 * SHIFT
        spreads.append(fitted.predict_proba_spread(row))
    means, told = (np.array([getattr(s, name)[0, 1] for s in spreads]) for name in ("mean", "standard_error"))
    chance.variance(means.var(ddof=1), (told**2).mean(), repetitions - 1, detects=6)
    inside = np.sum([(s.interval(0.5)[0][0, 1] < means.mean()) & (means.mean() < s.interval(0.5)[1][0, 1]) for s in spreads])
    chance.frequency(inside, repetitions, 0.5, detects=0.45)             # half of the intervals of level ½


@pytest.mark.parametrize("centre, scale, draws, promised", [(0.0, 1.0, 256, 0.01), (-3.0, 1.0, 256, 0.01), (-6.0, 1.0, 256, 0.01), (5.0, 2.0, 64, 0.03)])
@random()
def test_intervals_of_95_percent_cover_the_limit(centre, scale, draws, promised, chance, repetitions=20_000):
    """Log-odds of the normal law: the share of intervals that hold E p is 0.95 to within what is promised; finds 1.7 % more than that.

    Student's interval for p itself covers 0.88 in the last, and leaves [0, 1].
    """
    drawn, (nodes, weights) = rng(5), np.polynomial.hermite_e.hermegauss(120)
    limit = weights @ expit(centre + scale * nodes) / weights.sum()
    mean, deviation, degrees = moments(expit(centre + scale * drawn.standard_normal((repetitions, 1, draws))))
    low, high = ProbabilitySpread(mean, deviation, deviation / np.sqrt(draws), [0], draws, degrees).interval()
    assert (low > 0).all() and (low < mean).all() and (mean < high).all() and (high < 1).all()
    chance.frequency(((low <= limit) & (limit <= high)).sum(), repetitions, 0.95, detects=promised + 0.017, slack=promised)


@random()
def test_intervals_of_a_network_cover_a_long_run(chance, repetitions=60, long=50_000):
    """Rows of 0.01 < E p < 0.99: the mean share that is covered is above 0.92, by its error over the seeds (rows share draws, seeds do not); finds 0.15
    less than that."""
    X, y = make_moons(60, noise=0.2, random_state=0)
    fitted = StochasticResNetClassifier(random_state=0, prediction_paths=long).fit(X, y)
    limit = fitted.predict_proba(X)
    X, limit = (a[(limit.min(axis=1) > 0.01)] for a in (X, limit))
    fitted.set_params(prediction_paths=256)
    covered = []
    for k in range(10, 10 + repetitions):
        fitted.seed_ = k + 1000 * SHIFT
        low, high = fitted.predict_proba_spread(X).interval()
        assert low.min() >= 0 and high.max() <= 1
        covered.append(np.mean((low <= limit) & (limit <= high)))
    error = np.std(covered, ddof=1) / np.sqrt(repetitions)
    assert len(X) > 15
    chance.least(np.mean(covered), 0.92, error, detects=0.15)


def test_intervals_of_certain_rows_stay_in_their_place():
    draws = np.stack([np.zeros(8), np.ones(8), np.full(8, 0.3), np.r_[np.full(7, 1.0), 1 - 1e-16], np.r_[np.zeros(7), 1e-310]])
    mean, deviation, degrees = moments(draws[:, None])
    with np.errstate(under="ignore"):
        low, high = ProbabilitySpread(mean, deviation, deviation / np.sqrt(8), [0], 8, degrees).interval()
    assert (low >= 0).all() and (low <= mean).all() and (mean <= high).all() and (high <= 1).all()
    assert np.abs(high - low).max() < 1e-15                              # roundings of numbers below 1


def test_a_row_is_predicted_with_the_same_bits_in_any_company():
    X, y = IRIS
    fitted = StochasticResNetClassifier(max_iter=5, random_state=0).fit(X, y)
    whole, order = fitted.predict_log_proba(X), np.random.default_rng(0).permutation(150)
    assert (fitted.predict_log_proba(X[order]) == whole[order]).all()
    assert all((fitted.predict_log_proba(X[i:i + 1]) == whole[i]).all() for i in range(0, 150, 29))


def test_all_rows_see_the_same_draws():
    """Rows 1e-9 apart differ by less than 1e-6 (slopes are far below 1000); by draws of their own they would by some standard errors, 0.002 and more."""
    X, y = IRIS
    fitted = StochasticResNetClassifier(max_iter=20, random_state=0, prediction_paths=64).fit(X, y)
    assert np.abs(fitted.predict_proba(X + 1e-9) - fitted.predict_proba(X)).max() < 1e-6
    assert fitted.predict_proba_spread(X).standard_error.max() > 0.002


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_every_noise_model_can_be_fitted_and_its_level_0_has_no_spread(model):
    X, y = make_moons(60, noise=0.1, random_state=0)
    noisy = StochasticResNetClassifier(noise=model, max_iter=3, random_state=0, prediction_paths=8).fit(X, y)
    assert noisy.network_.noise == model and (noisy.predict_proba_spread(X).standard_deviation.max() > 1e-3 or model == noise.Noiseless())
    silent = StochasticResNetClassifier(noise=model, level=0.0, max_iter=3, random_state=0, prediction_paths=8).fit(X, y)
    assert silent.predict_proba_spread(X).standard_deviation.max() < 1e-15            # of eight equal numbers below 1
    assert repr(silent.predict_proba_spread(X)).startswith("ProbabilitySpread(60 rows × 2 classes, 8 draws: standard deviation up to ")


def test_a_level_is_a_strength_in_the_models_own_words():
    assert noise_of(None, None) == HiddenDropout(0.6) and noise_of(None, 0.25) == HiddenDropout(0.75)
    assert noise_of(Gaussian(0.2), 0.5) == Gaussian(0.5) and noise_of(Gaussian(0.2), None) == Gaussian(0.2)
    assert noise_of(StochasticDepth(0.9, schedule="linear"), 0.5) == StochasticDepth(0.5, schedule="linear")
    with pytest.raises(ValueError, match=r"level=0.5: noise=ShakeShake.* has no strength"):
        noise_of(ShakeShake.example(), 0.5)


def test_log_probabilities_lose_nothing_where_they_are_small():
    u = np.array([[0.3, 800.0, -800.0]])
    two, classes = log_probabilities(u), log_probabilities(np.vstack([np.zeros(3), u]))
    # log σ(±u): −log(1 + e^{∓u}) = ∓u where e^{−800} is nothing; one rounding of 800 is 1.1e-13
    exact = np.array([[-np.log1p(np.exp(0.3)), -800.0, 0.0], [-np.log1p(np.exp(-0.3)), 0.0, -800.0]])
    assert np.abs(two - exact).max() < 5e-13 and np.abs(classes - exact).max() < 5e-13
    assert log_mean_exp(np.array([-2000.0, -2000.0])) == -2000.0


# ---- training -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("model", [HiddenDropout(0.6), Gaussian(0.3)], ids=repr)
@pytest.mark.parametrize("classes, rows", [(2, 40), (3, 40), (3, 1100)])                # 2200 paths are two chunks
def test_the_gradient_of_a_batch_is_that_of_the_particle_objective(classes, rows, model):
    """The same draws, in single precision: sums of a thousand terms with errors of 6e-8 a layer and product are off by less than 1e-5 of their size."""
    rng = np.random.default_rng(7)
    points, labels, weights = rng.normal(size=(rows, 4)), rng.integers(0, classes, rows), rng.uniform(0.5, 1.5, rows)
    data = WeightedPoints.of(points, labels, weights)
    readout, loss = (Linear(), Logistic()) if classes == 2 else (LinearClasses(3), CrossEntropy(3))
    network = ResidualNetwork(Perceptron(6), model, 3, 1.0, 4, readout)
    theta, penalties = network.initialise(2), (Tikhonov(1e-2), DepthSmoothness(1e-2))
    known = 2 * data.classes - 1 if classes == 2 else data.classes
    setting = Setting(network, LabelledPoints(data.points, known, data.weights), ExpectedLoss(loss), penalties)
    value, gradient = ParticleObjective(setting, 2, seed=11, precision="single").value_and_gradient(theta)
    course = Course(network, data, penalties, rows, 2, 0.1, 1, 0)
    own = course._value_and_gradient(network.layered(theta, "single"), np.ascontiguousarray(data.points.T), np.arange(rows), data.weights, 11, 0)
    assert abs(own[0] - value) < 1e-5 * abs(value) and np.abs(own[1] - gradient).max() < 1e-5 * np.abs(gradient).max()


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("model", [HiddenDropout(0.6), noise.DropConnect(0.8)], ids=repr)
def test_a_process_given_out_at_another_theta_is_that_of_the_network_there(model, precision):
    network = networks.ResidualNetwork(Perceptron(5), model, 3, dim=2)
    one, two = network.initialise(0), network.initialise(1)
    if precision == "single" and network.layered(one).fused is None:
        precision = "double"
    x, cotangent = np.random.default_rng(3).normal(size=(2, 2, 300))
    process, fresh = network.layered(one, precision).at(two), network.layered(two, precision)
    states = fresh.trajectory(x, 5, 0)
    assert (process.trajectory(x, 5, 0) == states).all() and (process.reverse(states, 5, 0, cotangent) == fresh.reverse(states, 5, 0, cotangent)).all()
    assert (process.mean_step(1, x) == fresh.mean_step(1, x)).all() and (process.reconstructed(1, x, 5, 0) == fresh.reconstructed(1, x, 5, 0)).all()
    assert process.theta is not two and (process.theta == two).all()


def test_no_draw_of_the_noise_is_used_twice_in_a_fit(monkeypatch):
    addresses, real = [], Course._value_and_gradient

    def noted(self, process, columns, rows, weights, seed, first):
        addresses.extend((seed, first + k) for k in range(len(rows) * self.paths))
        return real(self, process, columns, rows, weights, seed, first)

    monkeypatch.setattr(Course, "_value_and_gradient", noted)
    fitted = StochasticResNetClassifier(max_iter=3, batch_size=40, paths=2, warm_start=True, random_state=0).fit(*IRIS)
    fitted.fit(*IRIS)
    assert len(addresses) == len({*addresses}) == 2 * 3 * 4 * 40 * 2                  # 4 batches hold the 149 rows that differ


def test_an_epoch_meets_equal_weights_once_and_its_batches_have_the_classes_in_proportion():
    classes = np.repeat([0, 1, 2], [40, 60, 20])
    data = WeightedPoints.of(np.arange(120.0)[:, None], classes, np.ones(120))
    rows = data.epoch(seed=3, batches=4, size=30)
    assert (np.sort(rows.ravel()) == np.arange(120)).all()
    for batch in rows:                                       # a class is a run of slices: whole ones in it, and one at each end that it shares
        assert (np.abs(np.bincount(data.classes[batch], minlength=3) - [10, 15, 5]) < 2).all()
    assert (rows != data.epoch(seed=4, batches=4, size=30)).any()


def test_an_epoch_is_a_sample_by_weight(epochs=400):
    """Counts of a point with a share w are within 2 of w · 96 in each epoch, and unbiased: their mean within 5 · 1/√400, as they vary by less than 1."""
    weights = np.random.default_rng(0).exponential(size=50)
    data = WeightedPoints.of(np.arange(50.0)[:, None], np.zeros(50, dtype=int), weights)
    counts = np.array([np.bincount(data.epoch(seed, batches=3, size=32).ravel(), minlength=50) for seed in range(epochs)])
    assert (np.abs(counts - 96 * data.weights) < 2).all()
    assert np.abs(counts.mean(axis=0) - 96 * data.weights).max() < 5 / np.sqrt(epochs)


def test_equal_rows_become_one_point():
    points = np.array([[1.0, -0.0], [2.0, 5.0], [1.0, 0.0], [1.0, 0.0]])
    data = WeightedPoints.of(points, np.array([0, 1, 0, 1]), np.array([1.0, 2.0, 3.0, 4.0]))
    told = {(int(k), *x): w for k, x, w in zip(data.classes, data.points.tolist(), data.weights)}
    assert told == {(0, 1.0, 0.0): 0.4, (1, 2.0, 5.0): 0.2, (1, 1.0, 0.0): 0.4} and (np.diff(data.classes) >= 0).all()


# ---- standardisation ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("components", [None, 2])
def test_states_have_mean_0_and_variance_1_under_the_weights(components):
    X, weights = IRIS[0], np.random.default_rng(0).uniform(0.1, 1, 150)
    weights /= weights.sum()
    states = FeatureMap.fitted(X, weights, components, spare=2)(X)
    assert (states[:, -2:] == 0).all()
    covariance = np.einsum("n,ni,nj->ij", weights, states[:, :-2], states[:, :-2])
    assert np.abs(weights @ states).max() < 1e-13                        # 150 roundings of numbers of size 1
    assert np.abs((np.diag(covariance) if components is None else covariance - np.eye(2) + 1) - 1).max() < 1e-10      # of eigh, over a condition of 20


def test_units_of_features_are_nothing_however_large():
    X, y = IRIS
    units = 2.0 ** np.array([1000, -1000, 0, 3])                         # powers of two: no rounding
    one, two = (StochasticResNetClassifier(max_iter=3, random_state=0).fit(Z, y) for Z in (X, X * units))
    order = np.argsort(one.predict_proba(X)[:, 0])
    assert np.isfinite(two.predict_proba(X * units)).all() and order.size == 150
    assert (FeatureMap.fitted(X * units, np.full(150, 1 / 150))(X * units) == FeatureMap.fitted(X, np.full(150, 1 / 150))(X)).all()
    with pytest.raises(ValueError, match=r"X\[1\] overflows when standardised"):
        two.predict(np.array([[0.0] * 4, [0.0, 1e300, 0.0, 0.0]]))


def test_a_feature_that_is_constant_in_training_is_not_read():
    X, y = IRIS
    constant = np.column_stack([X[:, :2], np.full(150, 0.1), X[:, 2:]])
    fitted = StochasticResNetClassifier(max_iter=3, random_state=0).fit(constant, y)
    other = constant.copy()
    other[:, 2] = np.linspace(-9, 9, 150)
    assert fitted.network_.dim == 5 and (fitted.predict_proba(other) == fitted.predict_proba(constant)).all()


def test_constants_and_offsets_are_told_apart_in_many_rows(rows=200_000):
    """Sums of 2·10⁵ numbers leave more of a constant than one rounding; an offset of 10¹² leaves features 1.2e-4 to be rounded to: 1e-3 of a deviation."""
    values = np.random.default_rng(0).normal(size=rows)
    points = np.column_stack([np.full(rows, 0.1), values, np.full(rows, 3e7), np.full(rows, -1e-12), 1e12 + values / 2, np.full(rows, 5e-324)])
    fitted = FeatureMap.fitted(points, np.full(rows, 1 / rows))
    assert fitted.kept.tolist() == [1, 4]
    states = fitted(points)
    assert np.abs(states.mean(axis=0)).max() < 1e-10 and np.abs(states.std(axis=0) - 1).max() < 1e-10     # 2·10⁵ roundings of numbers of size 5 at most
    assert np.abs(states[:, 1] - states[:, 0]).max() < 1e-3


def test_what_varies_in_rows_of_weight_0_only_is_constant_and_the_largest_numbers_do_not_overflow():
    points = np.array([[1.0, -1.7e308], [1.0, 1.7e308], [2.0, 0.0]])
    fitted = FeatureMap.fitted(points, np.array([0.5, 0.5, 0.0]))
    assert fitted.kept.tolist() == [1] and fitted(points)[:, 0].tolist() == [-1, 1, 0]
    one, two = (FeatureMap.fitted(np.array([[0.0], [least]]), np.array([0.5, 0.5])) for least in (5e-324, 1.0))
    assert (one(np.array([[0.0], [5e-324]])) == two(np.array([[0.0], [1.0]]))).all()


def test_where_no_feature_varies_the_shares_of_the_classes_are_learnt():
    """A network of one state is fitted by its readout: within 0.02 after 400 small steps of Adam, whose last have a rate of 2e-4."""
    y = np.repeat([0, 1, 2], [10, 30, 60])
    fitted = StochasticResNetClassifier(level=0.0, alpha=0.0, max_iter=200, random_state=0).fit(np.ones((100, 3)), y)
    assert np.abs(fitted.predict_proba(np.ones((1, 3)))[0] - [0.1, 0.3, 0.6]).max() < 0.02
