"""`StochasticResNetClassifier`: fit, predict, and how far the noise spreads the predictions."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, cast

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ocnet.blas import one_thread
from ocnet.inputs import as_array
from ocnet.kernels import cores
from ocnet.kernels.philox import derived_seed
from ocnet.networks import ResidualNetwork, TrainedNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.readouts import Linear, LinearClasses
from ocnet.training import LabelledPoints
from ocnet.training.regularisers import DepthSmoothness, Tikhonov
from ocnet.typing import Array, ArrayLike

from .course import Course, Patience
from .feature_map import FeatureMap
from .holdout import held_out
from .members import Members, log_mean_exp
from .parameters import checked, class_factors, noise_of
from .spread import ProbabilitySpread, moments
from .weighted_points import WeightedPoints

__all__ = ["StochasticResNetClassifier"]

_START, _PREDICTION, _HELD = 4, 5, 6           # words of the streams of start, prediction and holding out, beside those of `course`
_READOUT = 0.25                      # of the readout's usual start: log-odds of a row are then about ½ in size, nearly undecided
_BATCH, _LEAST_BATCH = 200, 32       # rows of a batch at most; and at least, where there are as many


class StochasticResNetClassifier(ClassifierMixin, BaseEstimator):
    """Classify rows of features by a residual network with noise: X_{n+1} = X_n + dt f(X_n, θ_n, ξ_n), f(x) = W₂ tanh(W₁ x + b₁) + b₂.

    X_0 are the features, standardised inside; the last state is read out by log-odds w · X_N + b (two classes) or scores W X_N + b (more).
    Probabilities are means over the noise.  What training does to the noise is `ocnet.classifier`'s primer.

    noise, level : a model of `ocnet.networks.noise`, None for HiddenDropout(0.6); `level` sets its strength: the standard deviation of Gaussian models, the
        share that masks drop, 0 for the same network without noise; None leaves the model's own
    layers, width, horizon : N ≥ 1, hidden units of each layer, and the time N dt that all layers reach
    alpha, smoothness : weights of the penalties (alpha/2)(∫|θ|² dt + |readout|²) and (smoothness/2) ∫|θ'|² dt, in units of the mean loss
    learning_rate, max_iter : Adam's first step size, which falls to 1 % by a cosine over `max_iter` epochs
    batch_size : rows of a batch; "auto" is half the rows, but 32 at least and 200 at most
    paths, prediction_paths : draws of the noise for a row of a batch, and for every row that is predicted (the same draws for all)
    components : state of so many principal components of the features, each of variance 1; None: the features themselves
    spare_dimensions : of the state beside those of the features; they start at 0 and let layers carry points past each other
    class_weight : None, {class: factor ≥ 0 of its rows' weights}, or "balanced": factors by which all classes weigh the same, rows by their sample_weight
    early_stopping, validation_fraction, n_iter_no_change, tol : whether to hold out a share of the weight, the classes in proportion, and stop once
        the loss there has not fallen by `tol` for so many epochs; the θ of the lowest validation loss is kept then, by however little it is lower.
        Equal rows are held out together, whatever their classes: what is held out is never trained on
    warm_start : go on from θ of the fit before, with its standardisation and seed, instead of a random start; features, classes, layers, width,
        components and spare_dimensions must be those of that fit.  With early stopping θ is replaced only by one with a lower validation loss
    random_state : seed of start, batches and noise; None draws one.  n_jobs : threads, None for those of `ocnet.set_threads`, −1 for all cores;
        results have the same bits for any number.  callback : function of a `classifier.Epoch`, called after each; a true answer stops

    Attributes: classes_, n_features_in_, feature_names_in_, network_, theta_ (P,), n_iter_ (epochs, those of warm starts included), loss_curve_,
    loss_ (the last of it), validation_losses_ and best_validation_loss_ (None without early stopping), seed_, feature_map_, trained_.
    Raises ValueError for parameters without meaning when they are used, in `fit`.
    Cost of a fit: max_iter · rows · paths · layers · O(features · width), of a prediction rows · prediction_paths · layers of the same.
    Source: Sun, Tao, Du (arXiv 1812.00174) for the network and its noise.
    """

    classes_: Any
    network_: ResidualNetwork
    theta_: Array
    feature_map_: FeatureMap
    seed_: int
    n_iter_: int
    loss_: float
    loss_curve_: list[float]
    validation_losses_: list[float] | None
    best_validation_loss_: float | None

    def __init__(self, *, noise: Any = None, level: float | None = None, layers: int = 5, width: int = 16, horizon: float = 1.0, alpha: float = 1e-4,
                 smoothness: float = 0.0, learning_rate: float = 0.02, max_iter: int = 200, batch_size: int | str = "auto", paths: int = 1,
                 prediction_paths: int = 256, components: int | None = None, spare_dimensions: int = 1, class_weight: Any = None, early_stopping: bool = False,
                 validation_fraction: float = 0.1, n_iter_no_change: int = 20, tol: float = 1e-4, warm_start: bool = False, random_state: Any = None,
                 n_jobs: int | None = None, callback: Any = None) -> None:
        self.noise = noise
        self.level = level
        self.layers = layers
        self.width = width
        self.horizon = horizon
        self.alpha = alpha
        self.smoothness = smoothness
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.paths = paths
        self.prediction_paths = prediction_paths
        self.components = components
        self.spare_dimensions = spare_dimensions
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.callback = callback

    # ---- fitting ----------------------------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> StochasticResNetClassifier:
        """Train on rows X (n, features) with classes y (n,); `sample_weight` (n,) ≥ 0 counts rows, 0 leaves one out.  Returns itself.

        Raises ValueError unless two classes or more have rows of positive weight.
        """
        checked(self.get_params(deep=False))
        model = noise_of(self.noise, self.level)
        again = bool(self.warm_start) and hasattr(self, "theta_")
        rows, labels = validate_data(self, X, y, reset=not again, dtype=np.float64)
        check_classification_targets(labels)
        weights = _weights(rows, sample_weight)
        rows, labels, weights = rows[weights > 0], labels[weights > 0], weights[weights > 0]
        classes, numbers = np.unique(labels, return_inverse=True)
        factors = class_factors(self.class_weight, classes, np.bincount(numbers, weights).astype(np.float64))
        meant = factors[numbers] > 0
        classes, factors = classes[factors > 0], factors[factors > 0]
        if len(classes) < 2:
            raise ValueError(f"y has 1 class of positive weight (sample_weight times class_weight), {classes[0]!r}; two classes or more are needed")
        if again:
            self._goes_on(classes)
        data = WeightedPoints.of(rows[meant], np.searchsorted(classes, labels[meant]), weights[meant], factors)
        with one_thread(), self._threads():
            self._trained(data, classes, model, again)
        return self

    def _goes_on(self, classes: Array) -> None:
        """Raise ValueError where a warm start has other classes, or another shape of θ or of the states, than the fit before."""
        if not np.array_equal(classes, self.classes_):
            raise ValueError(f"y has the classes {classes.tolist()}, but warm_start=True goes on from a fit to {self.classes_.tolist()}; "
                             "use warm_start=False, or rows of all these classes")
        directions, block = self.feature_map_.directions, cast(Perceptron, self.network_.block)
        before = {"layers": self.network_.layers, "width": block.width, "components": None if directions is None else len(directions),
                  "spare_dimensions": self.feature_map_.spare}
        for name, value in before.items():
            if getattr(self, name) != value:
                raise ValueError(f"{name}={getattr(self, name)!r}, but warm_start=True goes on from a fit with {name}={value!r}; "
                                 f"use warm_start=False, or {name}={value!r}")

    def _threads(self) -> AbstractContextManager[None]:
        """`n_jobs` threads for this fit or prediction, whatever others do meanwhile."""
        return cores.limited(None if self.n_jobs is None else effective_n_jobs(self.n_jobs))

    def _trained(self, data: WeightedPoints, classes: Array, model: Any, again: bool) -> None:
        """Set the fitted attributes, at the end; `again` goes on from those of the fit before."""
        seed = self.seed_ if again else int(check_random_state(self.random_state).randint(2**31))
        train, held = self._parted(data, seed)
        feature_map = self.feature_map_ if again else FeatureMap.fitted(train.points, train.weights, self.components, self.spare_dimensions)
        network = ResidualNetwork(Perceptron(self.width), model, self.layers, self.horizon, feature_map.dim,
                                  Linear() if len(classes) == 2 else LinearClasses(len(classes)))
        theta = self.theta_ if again else _start(network, derived_seed(seed, _START))
        done = self.n_iter_ if again else 0
        course = Course(network, WeightedPoints(feature_map(train.points), train.classes, train.weights), self._penalties(), self._batch(len(train)),
                        self.paths, self.learning_rate, self.max_iter, seed, done)
        patience = None if held is None else Patience(WeightedPoints(feature_map(held.points), held.classes, held.weights), self.n_iter_no_change, self.tol)
        found = course.run(network.control.check(theta), patience, self.callback)
        self.classes_, self.seed_, self.feature_map_, self.network_, self.theta_ = classes, seed, feature_map, network, found.theta
        self.loss_curve_ = [*(self.loss_curve_ if again else []), *found.losses]
        self.n_iter_, self.loss_ = len(self.loss_curve_), found.losses[-1]
        self.validation_losses_ = None if patience is None else found.validation_losses
        self.best_validation_loss_ = None if patience is None else found.best

    def _parted(self, data: WeightedPoints, seed: int) -> tuple[WeightedPoints, WeightedPoints | None]:
        """The points to train on, and those held out, if any."""
        if not self.early_stopping:
            return data, None
        held = held_out(data, float(self.validation_fraction), derived_seed(seed, _HELD))
        return data.part(np.flatnonzero(~held)), data.part(np.flatnonzero(held))

    def _penalties(self) -> tuple[Any, ...]:
        terms = Tikhonov(float(self.alpha)), DepthSmoothness(float(self.smoothness))
        return tuple(term for term in terms if term.weight > 0)

    def _batch(self, count: int) -> int:
        wanted = max(_LEAST_BATCH, min(_BATCH, -(-count // 2))) if self.batch_size == "auto" else int(self.batch_size)
        return min(wanted, count)

    # ---- prediction -------------------------------------------------------------------------------------------------

    def predict(self, X: ArrayLike) -> Any:
        """Return the most probable class of each row (n,); the first in `classes_` where some are equal."""
        decision = self.decision_function(X)
        return self.classes_[(decision > 0).astype(np.intp) if decision.ndim == 1 else decision.argmax(axis=1)]

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return the mean probabilities (n, K) of the classes over `prediction_paths` draws of the noise."""
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: ArrayLike) -> Array:
        """Return the logarithms (n, K) of `predict_proba`, accurate however small a probability is."""
        states = self._states(X)
        out = np.empty((len(states), len(self.classes_)))

        def consume(logs: Array, rows: slice) -> None:
            out[rows] = log_mean_exp(logs).T

        self._over_members(states, consume)
        return out

    def decision_function(self, X: ArrayLike) -> Array:
        """Return the log-odds (n,) of the mean probability of `classes_[1]`, or of more classes the logarithms (n, K) of the mean probabilities."""
        logs = self.predict_log_proba(X)
        return logs[:, 1] - logs[:, 0] if len(self.classes_) == 2 else logs

    def predict_proba_spread(self, X: ArrayLike) -> ProbabilitySpread:
        """Return the `ProbabilitySpread` of the rows: mean, standard deviation over the noise, and standard error of the mean, each (n, K)."""
        states = self._states(X)
        found = np.empty((3, len(states), len(self.classes_)))

        def consume(logs: Array, rows: slice) -> None:
            found[:, rows] = np.swapaxes(moments(np.exp(logs)), 1, 2)

        self._over_members(states, consume)
        mean, deviation, degrees = found
        return ProbabilitySpread(mean, deviation, deviation / np.sqrt(self.prediction_paths), self.classes_, self.prediction_paths, degrees)

    def labelled_points(self, X: ArrayLike, y: ArrayLike) -> LabelledPoints:
        """Return rows and classes as the network sees them: for `compare`, objectives and all else of ocnet, with `network_` and `theta_`.

        Points are the states X_0 (n, d); labels −1 and +1 of two classes, else 0 … K − 1.  ValueError for a class that the fit has not seen.
        """
        check_is_fitted(self)
        rows, labels = validate_data(self, X, y, reset=False, dtype=np.float64)
        foreign = ~np.isin(labels, self.classes_)
        if foreign.any():
            i = int(np.argmax(foreign))
            raise ValueError(f"y[{i}]={labels[i]!r} is none of the classes {self.classes_.tolist()} of the fit; leave its row out")
        numbers = np.searchsorted(self.classes_, labels)
        return LabelledPoints(self.feature_map_(rows), 2 * numbers - 1 if len(self.classes_) == 2 else numbers)

    @property
    def trained_(self) -> TrainedNetwork:
        """The fitted network with its numbers, which can be saved."""
        check_is_fitted(self)
        return TrainedNetwork(self.network_, self.theta_)

    def _states(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        return self.feature_map_(validate_data(self, X, reset=False, dtype=np.float64))

    def _over_members(self, states: Array, consume: Any) -> None:
        checked(self.get_params(deep=False))
        with one_thread(), self._threads():
            Members(self.network_, self.theta_, self.prediction_paths, derived_seed(self.seed_, _PREDICTION)).over(states, consume)


def _start(network: ResidualNetwork, seed: int) -> Array:
    """Random start parameters θ (P,), the readout's small."""
    theta = network.initialise(seed)
    network.control.rest(theta)[:] *= _READOUT
    return theta


def _weights(rows: Array, sample_weight: ArrayLike | None) -> Array:
    """(n,) weights of the rows ≥ 0, not all 0, the largest in [½, 1)."""
    weights = np.ones(len(rows)) if sample_weight is None else as_array(sample_weight, "sample_weight", finite=False)
    if weights.shape != (len(rows),):
        raise ValueError(f"sample_weight has shape {weights.shape}; expected ({len(rows)},): a number for each row of X")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        worst = int(np.argmin(np.where(np.isfinite(weights), weights, -np.inf)))
        raise ValueError(f"sample_weight[{worst}]={weights[worst]} is not a finite number ≥ 0; use 0 to leave a row out")
    if not weights.any():
        raise ValueError("sample_weight is zero for all rows; at least two classes need rows of positive weight")
    return np.ldexp(weights, -int(np.frexp(weights.max())[1]))            # a power of two, so that sums of whole weights stay exact
