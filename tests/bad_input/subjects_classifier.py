"""The classifier: every parameter, what it is fitted to, and what it predicts from."""

import numpy as np

from ocnet import StochasticResNetClassifier
from ocnet.networks.noise import Gaussian

from .verdict import Subject

X = np.array([[0.5, -1.0], [0.25, 2.0], [-0.5, 0.75], [1.5, -0.25], [-1.0, 1.0], [2.0, 0.5], [0.0, -2.0], [-1.5, 1.25]])
Y = np.array([0, 1, 1, 0, 1, 0, 0, 1])
WEIGHTS = np.array([1.0, 2.0, 0.5, 1.0, 1.0, 0.25, 1.0, 1.0])
PARAMETERS = {"noise": Gaussian(0.25), "level": 0.5, "layers": 2, "width": 2, "horizon": 1.0, "alpha": 1e-3, "smoothness": 1e-3, "learning_rate": 0.0625,
              "max_iter": 2, "batch_size": 4, "paths": 1, "prediction_paths": 3, "components": 1, "spare_dimensions": 1, "class_weight": "balanced",
              "early_stopping": True, "validation_fraction": 0.25, "n_iter_no_change": 2, "tol": 1e-4, "warm_start": False, "random_state": 0, "n_jobs": 1,
              "callback": lambda epoch: None}


def fitted(X=X, y=Y, sample_weight=None, **parameters):
    """A classifier of tiny size."""
    with np.errstate(all="ignore"):
        return StochasticResNetClassifier(**{**PARAMETERS, **parameters}).fit(X, y, sample_weight)


MODEL = fitted()


def _predicted(**arguments):
    model = fitted(**arguments)
    return model.predict_proba(X), model.theta_, model.loss_


def _probabilities(result, arguments):
    """In [0, 1], with rows of sum 1 to rounding."""
    p = result[0] if isinstance(result, tuple) else result
    assert (p >= 0).all() and (p <= 1).all() and np.abs(p.sum(axis=1) - 1).max(initial=0.0) < 1e-12


def _covers(result, arguments):
    (low, high), mean = result
    assert (0 <= low).all() and (low <= mean).all() and (mean <= high).all() and (high <= 1).all()


def _interval(level):
    spread = MODEL.predict_proba_spread(X)
    return spread.interval(level), spread.mean


# what scikit-learn's own checks say, in the words that its `check_estimator` asks for, and what a training of odd data tells
_SAID = ("Complex", "convert", "dtype", "strings", "inhomogeneous", "sequence", "dim", "scalar", "Reshape", "infinity", "NaN", "shape")
_KNOWN = {"X": (*_SAID, "Input", "input", "rows", "feature", "sample", "samples", "learning_rate", "Expected", "array", "X", "components", "validation_fraction"),
          "y": (*_SAID, "Unknown", "target", "targets", "y", "labels", "classes", "Input", "array", "inconsistent", "validation_fraction", "label"),
          "sample_weight": ("sample_weight", "y", "validation_fraction"), "alpha": ("learning_rate", "weight"), "smoothness": ("learning_rate", "weight"),
          "horizon": ("learning_rate",), "level": ("learning_rate",), "n_jobs": ("n_jobs",), "learning_rate": ("learning_rate",),
          "validation_fraction": ("early_stopping",), "width": ("learning_rate",)}
_WHOLE = dict.fromkeys(PARAMETERS, ("whole float",))

SUBJECTS = [
    Subject("StochasticResNetClassifier.fit", _predicted, {"X": X, "y": Y, "sample_weight": WEIGHTS}, known_as=_KNOWN, optional=("sample_weight",),
            also={"X": ("float32",), "y": ("fractions", "words")}, check=_probabilities),
    Subject("StochasticResNetClassifier", _predicted, PARAMETERS, known_as=_KNOWN, check=_probabilities,
            optional=("noise", "level", "components", "class_weight", "random_state", "n_jobs", "callback"), also={**_WHOLE, "callback": ("answers", "changes")}),
    Subject("StochasticResNetClassifier.predict_proba", MODEL.predict_proba, {"X": X}, known_as=_KNOWN, check=_probabilities),
    Subject("StochasticResNetClassifier.predict_log_proba", lambda X: np.exp(MODEL.predict_log_proba(X)), {"X": X}, known_as=_KNOWN, check=_probabilities),
    Subject("StochasticResNetClassifier.decision_function", MODEL.decision_function, {"X": X}, known_as=_KNOWN),
    Subject("StochasticResNetClassifier.predict", MODEL.predict, {"X": X}, known_as=_KNOWN),
    Subject("StochasticResNetClassifier.score", MODEL.score, {"X": X, "y": Y}, known_as=_KNOWN),
    Subject("StochasticResNetClassifier.labelled_points", lambda X, y: MODEL.labelled_points(X, y).points, {"X": X, "y": Y}, known_as=_KNOWN),
    Subject("ProbabilitySpread.interval", _interval, {"level": 0.9}, check=_covers),
]
