"""Networks, training, analysis and the classifier: cases that no draw makes, each refused by name or answered rightly."""

import re
import tracemalloc

import numpy as np
import pytest

from ocnet import LabelledPoints, ResidualNetwork, Setting, StochasticResNetClassifier, analysis, train, train_in_depth, train_on_grid
from ocnet.networks.blocks import Branches, Perceptron
from ocnet.networks.neural_ode import NeuralODE
from ocnet.networks.noise import Gaussian, HiddenDropout, Noiseless
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.finite import BeyondNumbers
from ocnet.training.losses import Logistic
from ocnet.training.objectives import EllipticControl, GridObjective, ParticleObjective
from ocnet.training.optimisers import LBFGS, Adam

from .subjects_networks import NETWORK, POINTS, QUIET, THETA
from .subjects_objectives import ON_GRID, PARTICLES
from .subjects_training import LABELS, SETTING

HUGE = np.full(THETA.shape, 1.7e308)


def told(message, call, kind=ValueError):
    with np.errstate(all="ignore"), pytest.raises(kind, match=re.escape(message)):
        call()


@pytest.mark.parametrize("verb", [analysis.landscape, analysis.top_eigenvalue, analysis.taylor_test, analysis.duality_test, analysis.input_gradient,
                                  lambda objective, theta: analysis.fgsm(objective, theta, analysis.L2Ball(0.1)),
                                  lambda objective, theta: analysis.pgd(objective, theta, analysis.L2Ball(0.1)),
                                  lambda objective, theta: train(objective, theta, Adam(1))])
@pytest.mark.parametrize("other", [SETTING, NETWORK, ParticleObjective, "particles", 3.0])
def test_an_objective_of_another_kind_is_named(verb, other):
    with pytest.raises(ValueError, match=r"^objective=.*; give (ParticleObjective|GridObjective)\("):
        verb(other, THETA)


@pytest.mark.parametrize("verb", [lambda setting: train_on_grid(setting, THETA, LBFGS(1), 7), lambda setting: GridObjective(setting, ON_GRID.grid),
                                  lambda setting: ParticleObjective(setting, 4), lambda setting: analysis.compare_views(setting, THETA, 7),
                                  lambda setting: analysis.compare_gradients(setting, THETA, ON_GRID.grid),
                                  lambda setting: train_in_depth(setting, THETA, lambda s, t: PARTICLES, Adam(1), 1)])
@pytest.mark.parametrize("other", [PARTICLES, NETWORK, Setting, None])
def test_a_setting_of_another_kind_is_named(verb, other):
    if other is PARTICLES:                                    # has a setting, and is none
        told("setting=", lambda: verb(other))
    else:
        with pytest.raises(ValueError, match="^setting=.*; give Setting"):
            verb(other)


def test_no_noise_is_the_same_network_whatever_model_says_so():
    silent = [ResidualNetwork(Perceptron(2), noise, 2) for noise in (Noiseless(), Gaussian(0.0), HiddenDropout(1.0))]
    data = LabelledPoints(POINTS, LABELS)
    for network in silent:
        objective = ParticleObjective(Setting(network, data, ExpectedLoss(Logistic())), 2)
        sample = objective.sample(THETA)
        exact = Logistic().value(network.score(network.layered(THETA).end_of_means(np.ascontiguousarray(POINTS.T)), THETA), LABELS).mean()
        assert sample.standard_error == 0.0
        assert abs(sample.value - exact) < 1e-14 * max(1.0, exact)           # three terms of one rounding each, 20 layers' sums at most


@pytest.mark.parametrize("objective", [ON_GRID, PARTICLES], ids=lambda objective: type(objective).__name__)
def test_a_j_beyond_the_numbers_is_refused_and_the_training_told_where(objective):
    with np.errstate(all="ignore"):
        for verb in (objective.value, objective.value_and_gradient):
            with pytest.raises(BeyondNumbers, match="^theta: .* is not finite; give smaller numbers"):
                verb(HUGE)
        with pytest.raises(ValueError, match="not finite at the start, first in "):
            train(objective, HUGE, Adam(2, bounds=(-np.inf, np.inf)))


def test_an_ode_that_is_too_stiff_ends_with_its_layer_and_not_never():
    theta = THETA.copy()
    QUIET.control.layer(theta, 1).W1[...] = 4e3
    QUIET.control.layer(theta, 1).W2[...] = -4e3
    told("takes more than 20000 evaluations of the branch", lambda: NeuralODE(QUIET, theta).states(np.ascontiguousarray(POINTS.T), 1e-10))


def test_functions_of_the_user_see_points_that_they_cannot_change():
    def meddling(x):
        x[...] = 0.0
        return x[:, 0]

    process = NETWORK.layered(THETA)
    told("score changes the points that it is given", lambda: analysis.process_variance_ledger(process, SETTING.data, meddling, 2))
    assert (SETTING.data.points == POINTS).all()


@pytest.mark.parametrize("make_objective, message", [(3.0, "make_objective=3.0 is no function"), (lambda setting, theta: None, "objective=")])
def test_objectives_that_are_made_wrongly_are_named(make_objective, message):
    told(message, lambda: train_in_depth(SETTING, THETA, make_objective, Adam(1), 1))


@pytest.mark.parametrize("changed, message", [({"points": np.zeros((0, 2)), "labels": []}, "points has shape (0, 2)"),
                                              ({"labels": [1, np.inf, -1]}, "labels has shape"), ({"labels": [1, 1e300, -1]}, "labels has shape"),
                                              ({"weights": [0.5, 0.5]}, "weights has shape (2,)"), ({"weights": [1.5, -0.5, 0.0]}, "weights has shape"),
                                              ({"leak": 1.0}, "leak=1")])
def test_points_without_meaning_are_refused(changed, message):
    told(message, lambda: LabelledPoints(**{"points": POINTS, "labels": LABELS, **changed}))


def test_labels_of_one_class_train_towards_that_class():
    objective = ParticleObjective(Setting(NETWORK, LabelledPoints(POINTS, np.ones(3)), ExpectedLoss(Logistic())), 4)
    result = train(objective, THETA, Adam(3, check_every=1))
    assert result.fun < objective.value(THETA) and np.isfinite(result.x).all()


def test_duplicate_points_weigh_as_one_of_their_weight():
    twice = LabelledPoints(np.concatenate([POINTS[:1], POINTS[:1], POINTS[1:2]]), [1, 1, -1])
    once = LabelledPoints(POINTS[:2], [1, -1], [2 / 3, 1 / 3])
    first, second = (GridObjective(Setting(NETWORK, data, ExpectedLoss(Logistic())), ON_GRID.grid).value(THETA) for data in (twice, once))
    assert abs(first - second) < 1e-14 * max(1.0, first)                     # the same terms in another order


def test_a_branch_of_nothing_is_refused():
    told("block=Perceptron is a class, not a block", lambda: Branches(Perceptron, 2))


def test_a_covariance_that_is_none_is_refused():
    told("not positive definite", lambda: analysis.LinearProblem(np.eye(2), [[1.0, 2.0], [2.0, 1.0]]))
    told("not positive definite", lambda: analysis.LinearProblem(np.eye(2), np.zeros((2, 2))))
    told("symmetric", lambda: analysis.LinearProblem(np.eye(2), [[1.0, 0.5], [0.0, 1.0]]))


def test_one_class_and_constant_features_of_the_classifier():
    x, y = np.column_stack([np.ones(8), np.arange(8.0)]), np.arange(8) % 2
    tiny = {"layers": 1, "width": 2, "max_iter": 2, "prediction_paths": 2, "random_state": 0}
    told("1 class", lambda: StochasticResNetClassifier(**tiny).fit(x, np.zeros(8)))
    model = StochasticResNetClassifier(**tiny).fit(x, y)
    assert model.feature_map_.kept.tolist() == [1]
    shares = StochasticResNetClassifier(**tiny).fit(np.ones((8, 3)), [0, 0, 0, 0, 0, 0, 1, 1]).predict_proba(np.ones((2, 3)))
    assert np.isfinite(shares).all() and np.abs(shares.sum(axis=1) - 1).max() < 1e-12


def test_a_row_of_a_million_columns_takes_memory_in_proportion_to_the_data():
    """Columns that are constant cost nothing but to look at them; principal components of a million that vary would need 10¹² numbers and are refused."""
    x, rng = np.zeros((2, 1_000_000)), np.random.default_rng(0)
    x[1, :2] = 1
    tracemalloc.start()
    try:
        model = StochasticResNetClassifier(layers=1, width=2, max_iter=1, prediction_paths=2, random_state=0).fit(x, [0, 1])
        assert model.feature_map_.kept.tolist() == [0, 1]
        x[...] = rng.normal(size=x.shape)
        told("components=1: the covariance of 1000000 features that vary would take 7451 GiB", lambda: model.set_params(components=1).fit(x, [0, 1]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24 * x.nbytes                                # a dozen copies of the data, twice that allowed; a covariance would be 500 000 of them


def test_a_control_of_the_elliptic_problem_of_another_length_is_named():
    told("u has shape (3,); expected (5,)", lambda: EllipticControl(nodes=5, fields=2).value(np.zeros(3)))
