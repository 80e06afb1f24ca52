"""The scikit-learn face: its contract, what weights and order of rows mean, and how a fit goes on, stops and is kept."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_iris, make_blobs, make_moons
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from ocnet import networks
from ocnet.classifier import StochasticResNetClassifier
from ocnet.classifier.holdout import held_out
from ocnet.classifier.weighted_points import WeightedPoints
from ocnet.kernels import threads
from ocnet.networks.noise import Gaussian, HiddenDropout, OutputDropout
from ocnet.training import LabelledPoints
from tests.chance import random

MOONS = make_moons(120, noise=0.2, random_state=0)
IRIS = load_iris(return_X_y=True)


def short(**parameters):
    """A classifier that learns for a few epochs, with a seed."""
    return StochasticResNetClassifier(**{"max_iter": 6, "random_state": 3, "prediction_paths": 64, **parameters})


@parametrize_with_checks([StochasticResNetClassifier()])
def test_it_is_an_estimator_of_scikit_learn(estimator, check):
    check(estimator)


def test_the_check_that_needs_scipys_array_interface_passes_too():
    """It is skipped above: SciPy reads SCIPY_ARRAY_API when it is first imported.  scikit-learn 1.6 has it only with a package of its own."""
    if sklearn.__version__.startswith("1.6."):
        pytest.importorskip("array_api_compat")
    code = ("from sklearn.utils.estimator_checks import check_array_api_input\n"
            "from ocnet.classifier import StochasticResNetClassifier\n"
            "from inspect import signature\n"
            "options = {'array_namespace': 'numpy', 'expect_only_array_outputs': False}            # the second since scikit-learn 1.7\n"
            "known = signature(check_array_api_input).parameters\n"
            "check_array_api_input('it', StochasticResNetClassifier(max_iter=3), **{name: options[name] for name in options if name in known})")
    assert subprocess.run([sys.executable, "-c", code], env={**os.environ, "SCIPY_ARRAY_API": "1"}).returncode == 0


# ---- rows, weights, classes -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("parameters", [{}, {"batch_size": 40}, {"components": 2, "paths": 2}, {"early_stopping": True}])
def test_a_weight_is_how_often_a_row_comes_to_the_last_bit(parameters):
    X, y = IRIS
    rng = np.random.default_rng(1)
    weights = rng.integers(0, 4, len(X))
    order = rng.permutation(np.repeat(np.arange(len(X)), weights))
    repeated, weighted = short(**parameters).fit(X[order], y[order]), short(**parameters).fit(X, y, sample_weight=weights)
    assert (repeated.theta_ == weighted.theta_).all() and (repeated.predict_proba(X) == weighted.predict_proba(X)).all()
    assert (short(**parameters).fit(X, y).theta_ != weighted.theta_).any()            # weights are not ignored


def test_class_weights_multiply_those_of_the_rows():
    X, y = IRIS
    X, y = X[:120], y[:120]                                               # 50, 50 and 20 rows
    balanced = 120 / (3 * np.bincount(y))
    one, two = short(class_weight="balanced").fit(X, y), short().fit(X, y, sample_weight=balanced[y])
    three = short(class_weight=dict(enumerate(balanced / 2))).fit(X, y, sample_weight=np.full(120, 2.0))
    assert (one.theta_ == two.theta_).all() and (one.theta_ == three.theta_).all() and (one.theta_ != short().fit(X, y).theta_).any()


def test_balance_counts_a_row_by_its_weight():
    X, y = IRIS[0][:120], IRIS[1][:120]
    weights = np.random.default_rng(4).integers(0, 4, 120)
    order = np.repeat(np.arange(120), weights)
    weighted = short(class_weight="balanced").fit(X, y, sample_weight=weights)
    assert (short(class_weight="balanced").fit(X[order], y[order]).theta_ == weighted.theta_).all()


def test_a_class_of_factor_0_is_left_out():
    X, y = IRIS
    without = short(class_weight={0: 1, 1: 0, 2: 1}).fit(X, y)
    assert without.classes_.tolist() == [0, 2] and (without.theta_ == short().fit(X[y != 1], y[y != 1]).theta_).all()


@pytest.mark.parametrize("names", [("no", "yes"), (False, True), ("a", "b", "c"), (7, -2, 30)])
def test_classes_are_named_as_they_come(names):
    X, numbers = make_blobs(90, centers=len(names), cluster_std=0.5, center_box=(-20, 20), random_state=2)
    y = np.array(names)[numbers]
    fitted = StochasticResNetClassifier(random_state=0, max_iter=60).fit(X, y)
    assert fitted.classes_.tolist() == sorted(names) and fitted.predict(X).dtype == y.dtype
    assert fitted.score(X, y) == 1                                        # blobs many deviations apart
    decision, probability = fitted.decision_function(X), fitted.predict_proba(X)
    assert probability.shape == (90, len(names)) and decision.shape == ((90,) if len(names) == 2 else (90, len(names)))
    assert np.abs(probability.sum(axis=1) - 1).max() < 1e-12             # a handful of roundings of numbers below 1
    assert (fitted.classes_[probability.argmax(axis=1)] == fitted.predict(X)).all()


# ---- the course of a fit --------------------------------------------------------------------------------------------

def test_results_have_the_same_bits_for_any_number_of_threads():
    X, y = make_moons(5000, noise=0.2, random_state=4)                    # three chunks of paths a batch
    before = threads.threads()
    fits = [short(n_jobs=jobs, batch_size=5000, max_iter=3).fit(X, y) for jobs in (1, 2, -1, None)]
    assert threads.threads() == before
    for other in fits[1:]:
        assert (other.theta_ == fits[0].theta_).all() and (other.predict_proba(X[:300]) == fits[0].predict_proba(X[:300])).all()


@random()
def test_the_random_state_is_the_only_chance(chance):
    X, y = MOONS
    one, two, other = short().fit(X, y), short().fit(X, y), short(random_state=4).fit(X, y)
    assert (one.theta_ == two.theta_).all() and (one.theta_ != other.theta_).any()
    free = [short(random_state=None).fit(X, y).seed_ for _ in range(2)]
    chance.spends(2.0**-31)                                              # two of so many seeds are equal
    assert free[0] != free[1]


def test_a_warm_start_goes_on_where_the_fit_before_ended():
    X, y = MOONS
    still = short(learning_rate=1e-30, warm_start=True)                   # a step of Adam is no longer than 10 rates, and there are fewer than 20
    first = still.fit(X, y).theta_.copy()
    again = still.fit(X, y)
    assert np.abs(again.theta_ - first).max() < 2e-28 and again.n_iter_ == 12 == len(again.loss_curve_)
    assert len({*again.loss_curve_}) == 12                               # each epoch has noise of its own, those of the second fit too
    assert np.abs(still.fit(X[::2] + 1, y[::2]).theta_ - first).max() < 2e-28         # whatever the rows
    moving = short(warm_start=True).fit(X, y)
    half = moving.theta_.copy()
    assert (moving.fit(X, y).theta_ != half).any() and moving.loss_curve_[:6] == short().fit(X, y).loss_curve_
    assert (short(warm_start=False).fit(X, y).fit(X, y).theta_ == half).all()         # without it, a fit forgets
    with pytest.raises(ValueError, match="warm_start=True goes on from a fit to"):
        moving.fit(X, y + 1)


@pytest.mark.parametrize("changed", [{"layers": 3}, {"width": 5}, {"components": 1}, {"spare_dimensions": 3}])
def test_a_warm_start_that_cannot_go_on_names_what_changed_and_leaves_the_fit_as_it_was(changed):
    X, y = MOONS
    fitted = short(warm_start=True).fit(X, y)
    before, (name, value) = fitted.predict_proba(X), *changed.items()
    old = fitted.get_params()[name]
    with pytest.raises(ValueError, match=f"{name}={value}, but warm_start=True goes on from a fit with {name}={old}; use warm_start=False"):
        fitted.set_params(**changed).fit(X, y)
    for wrong in (X[:, :1], np.column_stack([X, X])):
        with pytest.raises(ValueError, match=f"X has {wrong.shape[1]} features, but .* expecting 2"):
            fitted.fit(wrong, y)
    assert fitted.n_features_in_ == 2 and (fitted.predict_proba(X) == before).all()
    assert fitted.set_params(**{name: old}).fit(X, y).n_iter_ == 12
    assert fitted.set_params(warm_start=False, **changed).fit(X[:, :1], y).n_features_in_ == 1         # a start of its own may have all others


def test_early_stopping_keeps_the_best_and_stops_when_patience_ends():
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(200, 6)), rng.integers(0, 2, 200)             # nothing to learn: validation losses rise
    seen = []
    fitted = short(early_stopping=True, max_iter=200, n_iter_no_change=5, tol=0.01, level=0.0,
                   callback=lambda epoch: seen.append((epoch.validation_loss, epoch.theta.copy())) and None).fit(X, y)
    losses = [loss for loss, _ in seen]
    assert losses == fitted.validation_losses_ and fitted.n_iter_ == len(losses) < 200
    best, at = losses[0], 0
    for k, loss in enumerate(losses):
        if loss < best - 0.01:
            best, at = loss, k
    assert len(losses) - 1 - at == 5                                     # five epochs after the last that counted
    lowest = int(np.argmin(losses))
    assert lowest != at and losses[lowest] > losses[at] - 0.01           # the tolerance is about when to stop, not about what is best
    assert (fitted.theta_ == seen[lowest][1]).all() and fitted.best_validation_loss_ == min(losses)
    assert short().fit(X, y).validation_losses_ is None


def test_a_worse_continuation_does_not_replace_a_fit_that_was_stopped_early():
    X, y = MOONS
    fitted = short(warm_start=True, early_stopping=True, max_iter=60).fit(X, y)
    theta, best = fitted.theta_.copy(), fitted.best_validation_loss_
    fitted.set_params(max_iter=3, learning_rate=1.0).fit(X, y)            # steps of 1 in every number: a network thrown out
    assert min(fitted.validation_losses_) > best and fitted.best_validation_loss_ == best and (fitted.theta_ == theta).all()
    fitted.set_params(max_iter=30, n_iter_no_change=2).fit(X, y)
    assert len(fitted.validation_losses_) == 2                           # two epochs after the start, which counted


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_rows_are_held_out_whole_and_the_share_in_weight_class_by_class(share):
    """Weights 1 and 2 in classes of 300, 200 and 100 rows, some rows in two or three classes.

    A row is taken for less than twice what is missing, and left for no less: so no more than half of a row is missing in the end, or too much.
    """
    rng = np.random.default_rng(0)
    x, y = np.round(rng.normal(size=(600, 2)), 1), np.repeat([0, 1, 2], [300, 200, 100])
    data = WeightedPoints.of(x, y, rng.integers(1, 3, 600).astype(float))
    held = held_out(data, share, seed=3)
    assert not {*map(tuple, data.points[held])} & {*map(tuple, data.points[~held])}
    twice = {*map(tuple, data.points[data.classes == 0])} & {*map(tuple, data.points[data.classes == 1])}
    assert len(twice) > 20 and twice & {*map(tuple, data.points[held])}  # there are rows in two classes, held out too
    heaviest = np.bincount(np.unique(data.points, axis=0, return_inverse=True)[1].ravel(), data.weights).max()
    assert abs(data.weights[held].sum() - share) <= heaviest / 2 + 1e-15
    in_class = np.array([data.weights[held & (data.classes == k)].sum() / data.weights[data.classes == k].sum() for k in range(3)])
    assert (np.abs(in_class - share) < 0.5 * share).all()                # in proportion but for rows that several classes share
    assert (held != held_out(data, share, seed=4)).any() and {*data.classes[held]} == {0, 1, 2}


def test_what_is_held_out_of_few_rows_leaves_each_class_one():
    X = np.arange(8.0)[:, None]
    for seed in range(20):
        held = held_out(WeightedPoints.of(X, np.array([0, 1, 1, 1, 1, 1, 1, 2]), np.ones(8)), 0.25, seed)
        assert held.sum() == 2 and not held[0] and not held[7]
        single = held_out(WeightedPoints.of(np.arange(23.0)[:, None], np.r_[0, 1, 2, np.full(20, 3)], np.ones(23)), 0.3, seed)
        assert single.sum() == 7 and not single[:3].any()                 # 6.9 of 23, and none of the classes that have one row
        heavy = held_out(WeightedPoints.of(X, np.repeat([0, 1], 4), np.r_[1e4, np.ones(7)]), 0.25, seed)
        assert 2 <= heavy.sum() <= 4 and not heavy[0]                     # a quarter of the weight is not to be had; 0.25 · 1.75 · 8 = 3.5 rows are tried
    for rows, labels in ((MOONS[0][:2], [0, 1]), (np.repeat(np.eye(4), 50, axis=0), np.arange(200) % 2)):
        with pytest.raises(ValueError, match="early_stopping=True with validation_fraction=0.1: of [24] rows that differ none can be held out"):
            short(early_stopping=True).fit(rows, labels)
    assert short(early_stopping=True, validation_fraction=0.25).fit(rows, labels).best_validation_loss_ > 0


def test_a_callback_sees_every_epoch_and_may_end_the_fit():
    numbers, losses = [], []

    def look(epoch):
        assert not epoch.theta.flags.writeable and epoch.validation_loss is None
        numbers.append(epoch.number)
        losses.append(epoch.loss)
        return epoch.number == 4

    fitted = short(callback=look).fit(*MOONS)
    assert numbers == [1, 2, 3, 4] and losses == fitted.loss_curve_ and fitted.n_iter_ == 4 and fitted.loss_ == losses[-1]


def test_training_that_is_thrown_out_says_so():
    with pytest.raises(ValueError, match=r"learning_rate=1e\+300: .* use a smaller learning_rate"), np.errstate(all="ignore"):
        short(learning_rate=1e300, max_iter=20).fit(*MOONS)


# ---- with the tools of scikit-learn ---------------------------------------------------------------------------------

def test_it_is_searched_in_a_pipeline_over_noise_and_level():
    search = GridSearchCV(make_pipeline(StandardScaler(), short()), {"stochasticresnetclassifier__noise": [None, Gaussian(0.1), OutputDropout(0.8)],
                                                                    "stochasticresnetclassifier__level": [0.0, 0.3]}, cv=2, error_score="raise")
    search.fit(*MOONS)
    assert len(search.cv_results_["params"]) == 6
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == scores[2] == scores[4]                            # without noise all models are one network
    best = search.best_estimator_[-1]
    assert best.network_.noise is not None and search.predict(MOONS[0]).shape == (120,)


def test_folds_side_by_side_score_as_one_after_the_other():
    assert (cross_val_score(short(), *IRIS, cv=4, n_jobs=2) == cross_val_score(short(), *IRIS, cv=4)).all()


def test_a_fitted_classifier_can_be_pickled_cloned_and_saved(tmp_path):
    X, y = IRIS
    fitted = short(noise=HiddenDropout(0.6)).fit(X, y)
    again = pickle.loads(pickle.dumps(fitted))
    assert (again.predict_log_proba(X) == fitted.predict_log_proba(X)).all() and again.get_params() == fitted.get_params()
    fresh = clone(fitted)
    assert not hasattr(fresh, "theta_") and fresh.get_params() == fitted.get_params() and (fresh.fit(X, y).theta_ == fitted.theta_).all()
    fitted.trained_.save(tmp_path / "network.npz")
    assert networks.TrainedNetwork.load(tmp_path / "network.npz") == fitted.trained_


def test_labelled_points_are_what_the_network_sees():
    X, y = IRIS
    three, two = short().fit(X, y), short().fit(*MOONS)
    points = three.labelled_points(X, y)
    assert isinstance(points, LabelledPoints) and points.points.shape == (150, three.network_.dim) and (points.labels == y).all()
    scores = three.trained_.score(three.trained_.layered().end_of_means(np.ascontiguousarray(points.points.T)).T)
    assert scores.shape == (150, 3)
    assert set(two.labelled_points(*MOONS).labels) == {-1, 1}
    with pytest.raises(ValueError, match=r"y\[1\]=.*5.* is none of the classes \[0, 1, 2\]"):
        three.labelled_points(X[:2], [0, 5])


# ---- errors ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("wrong, said", [
    ({"layers": 0}, "layers=0: expected a whole number ≥ 1"), ({"width": 2.5}, "width=2.5: expected a whole number"),
    ({"horizon": 0.0}, "horizon=0.0: expected a finite number > 0"), ({"alpha": -1}, "alpha=-1: expected a finite number ≥ 0"),
    ({"smoothness": np.inf}, "smoothness=inf: expected"), ({"learning_rate": "fast"}, "learning_rate='fast': expected a finite number > 0"),
    ({"max_iter": True}, "max_iter=True: expected"), ({"batch_size": "all"}, "batch_size='all': expected 'auto', or a whole number"),
    ({"paths": 0}, "paths=0: expected"), ({"prediction_paths": 1}, r"prediction_paths=1: expected a whole number ≥ 2"),
    ({"components": 0}, "components=0: expected None, or a whole number"),
    ({"components": 3}, "components=3, but .* along 2 directions only; use components=2"),
    ({"spare_dimensions": -1}, "spare_dimensions=-1: expected"), ({"validation_fraction": 1.0}, "validation_fraction=1.0: expected a share"),
    ({"n_iter_no_change": 0}, "n_iter_no_change=0"), ({"tol": np.nan}, "tol=nan: expected"), ({"early_stopping": "yes"}, "early_stopping='yes': expected True"),
    ({"warm_start": 1}, "warm_start=1: expected True or False"), ({"callback": 3}, "callback=3: expected None, or a function"),
    ({"noise": Gaussian}, "noise=.*Gaussian.*: expected None or an object"), ({"noise": "gaussian"}, "noise='gaussian': expected None or an object"),
    ({"level": -0.1}, "level=-0.1: expected None, or a finite number ≥ 0"), ({"level": 1.0}, r"level=1.0: .* drops this share"),
    ({"class_weight": "even"}, "class_weight='even': expected None, 'balanced'"), ({"class_weight": {0: -1, 1: -2}}, "class_weight=.*: -1 of class 0 is not"),
    ({"class_weight": {0: 1, 1: np.nan}}, "class_weight=.*: nan of class 1"), ({"class_weight": {0: np.inf, 1: 1}}, "class_weight=.*: inf of class 0"),
    ({"class_weight": {0: "a", 1: 1}}, "class_weight=.*: 'a' of class 0"), ({"class_weight": {0: 0, 1: 0}}, "class_weight=.* is zero for all classes"),
    ({"class_weight": {0: 0, 1: 1}}, "1 class of positive weight .*class_weight"), ({"class_weight": {5: 1.0}}, "class_weight"),
    ({"n_jobs": 0}, "n_jobs")])
def test_a_parameter_without_meaning_is_named_when_it_is_used(wrong, said):
    with pytest.raises(ValueError, match=said):
        short(**wrong).fit(*MOONS)


@pytest.mark.parametrize("weights, said", [(np.ones(7), r"sample_weight has shape \(7,\); expected \(120,\)"),
                                           (np.zeros(120), "sample_weight is zero for all"),
                                           (np.r_[-1.0, np.ones(119)], r"sample_weight\[0\]=-1.0"),
                                           (np.r_[1.0, np.nan, np.ones(118)], r"sample_weight\[1\]=nan"),
                                           (MOONS[1] * 1.0, r"y has 1 class of positive weight \(sample_weight times class_weight\)")])
def test_weights_without_meaning_are_refused(weights, said):
    with pytest.raises(ValueError, match=said):
        short().fit(*MOONS, sample_weight=weights)
