"""What the parameters of the estimator may be, and what noise they mean."""

from __future__ import annotations

from dataclasses import fields, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from ocnet.networks.noise import HiddenDropout, Noiseless
from ocnet.typing import Array

__all__ = ["DROPPED", "checked", "class_factors", "noise_of"]

DROPPED = 0.4                        # share of hidden units that the default noise drops


def _whole(least: int, remedy: str) -> tuple[Any, str]:
    return (lambda v: isinstance(v, Integral) and not isinstance(v, bool) and int(v) >= least), f"a whole number ≥ {least}: {remedy}"


def _is_whole(v: Any) -> bool:
    return isinstance(v, Integral) and not isinstance(v, bool)


def _number(good: Any, said: str) -> tuple[Any, str]:
    return (lambda v: isinstance(v, Real) and not isinstance(v, bool) and np.isfinite(float(v)) and good(float(v))), said


def _or(special: Any, rule: tuple[Any, str]) -> tuple[Any, str]:
    return (lambda v: (v is None if special is None else isinstance(v, type(special)) and v == special) or rule[0](v)), f"{special!r}, or {rule[1]}"


_RULES = {
    "layers": _whole(1, "5 to 20 for most data"),
    "width": _whole(1, "the hidden units of each layer, such as 16"),
    "horizon": _number(lambda v: v > 0, "a finite number > 0: the time that all layers together reach, such as 1.0"),
    "alpha": _number(lambda v: v >= 0, "a finite number ≥ 0: the weight of the Tikhonov penalty, 0 for none"),
    "smoothness": _number(lambda v: v >= 0, "a finite number ≥ 0: the weight of the penalty on differences in depth, 0 for none"),
    "learning_rate": _number(lambda v: v > 0, "a finite number > 0, such as 0.02"),
    "max_iter": _whole(1, "epochs, such as 200"),
    "batch_size": _or("auto", _whole(1, "the rows of a batch, such as 100")),
    "paths": _whole(1, "draws of the noise for each row of a batch"),
    "prediction_paths": _whole(2, "draws of the noise that predictions average (one has no standard error)"),
    "components": _or(None, _whole(1, "how many principal components are the state")),
    "spare_dimensions": _whole(0, "dimensions of the state beside those of the features, such as 1"),
    "validation_fraction": _number(lambda v: 0 < v < 1, "a share in (0, 1), such as 0.1"),
    "n_iter_no_change": _whole(1, "epochs without a better validation loss before stopping"),
    "tol": _number(lambda v: v >= 0, "a finite number ≥ 0: by how much a validation loss must be lower to count"),
    "early_stopping": ((lambda v: isinstance(v, (bool, np.bool_))), "True or False"),
    "warm_start": ((lambda v: isinstance(v, (bool, np.bool_))), "True or False"),
    "random_state": ((lambda v: v is None or v is np.random or isinstance(v, np.random.RandomState) or (_is_whole(v) and 0 <= v < 2**32)),
                     "None, a whole number from 0 to 2³² − 1, or a numpy RandomState"),
    "n_jobs": ((lambda v: v is None or (_is_whole(v) and v != 0)), "None, or a number of threads; −1 is all cores"),
    "callback": ((lambda v: v is None or callable(v)), "None, or a function of an Epoch that returns a true value to stop"),
}


def checked(parameters: dict[str, Any]) -> None:
    """Raise ValueError that names the first parameter without meaning, its value and what it may be."""
    for name, (good, said) in _RULES.items():
        if not good(parameters[name]):
            raise ValueError(f"{name}={parameters[name]!r}: expected {said}")


def noise_of(noise: Any, level: float | None) -> Any:
    """Return the noise model at a strength; HiddenDropout(0.6) where it is None.

    level : None leaves the model's own strength.  Else the `level` of Gaussian and other models that have one, or the share that masks drop, 1 − `keep` (or
            1 − `survival`): 0 is no noise for every model
    Raises ValueError for what is no noise model, or a level that the model cannot have.
    """
    model = HiddenDropout(1 - DROPPED) if noise is None else noise
    if isinstance(model, type) or not hasattr(model, "law"):
        raise ValueError(f"noise={model!r}: expected None or an object of ocnet.networks.noise, such as Gaussian(0.2)")
    if level is None:
        return model
    if not isinstance(level, Real) or isinstance(level, bool) or not (np.isfinite(level) and level >= 0):
        raise ValueError(f"level={level!r}: expected None, or a finite number ≥ 0; 0 is no noise")
    if level == 0:
        return Noiseless()
    has = {field.name for field in fields(model)}
    if "level" in has:
        return replace(model, level=float(level))
    share = next((name for name in ("keep", "survival") if name in has), None)
    if share is None:
        raise ValueError(f"level={level!r}: noise={model!r} has no strength to be set; leave level=None")
    if not level < 1:
        raise ValueError(f"level={level!r}: noise={model!r} drops this share, which is a number in [0, 1); use 0.3, say")
    return replace(model, **{share: 1 - float(level)})


def class_factors(class_weight: Any, classes: Array, weights: Array) -> Array:
    """Return the factors (K,) ≥ 0 of the classes from None, "balanced" or a dictionary; `weights` (K,) > 0 are the sums of their rows' weights.

    "balanced" is Σ_j weights_j / (K weights_k): as with scikit-learn, but a row of weight 2 counts as two rows.
    Raises ValueError for other words, factors that are no finite numbers ≥ 0, and where all are 0.
    """
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str) and class_weight == "balanced":
        return weights.sum() / (len(classes) * weights)
    if not isinstance(class_weight, dict):
        raise ValueError(f"class_weight={class_weight!r}: expected None, 'balanced', or a dictionary of a factor for each class")
    for name, factor in class_weight.items():
        if not (isinstance(factor, Real) and 0 <= float(factor) < np.inf):
            raise ValueError(f"class_weight={class_weight!r}: {factor!r} of class {name!r} is not a finite number ≥ 0; use 0 to leave a class out")
    factors = compute_class_weight(class_weight, classes=classes, y=classes)
    if not factors.any():
        raise ValueError(f"class_weight={class_weight!r} is zero for all classes {classes.tolist()} with rows of positive weight; two need factors > 0")
    return np.ldexp(factors, -int(np.frexp(factors.max())[1]))               # nothing overflows, and no digit is lost
