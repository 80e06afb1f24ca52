"""What a stochastic network's noise makes of a probability: its mean, its standard deviation, and the standard error of the mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit, stdtrit

from ocnet.inputs import as_number
from ocnet.typing import Array

__all__ = ["ProbabilitySpread", "moments"]


@dataclass(frozen=True, eq=False)
class ProbabilitySpread:
    """Probabilities of the classes under the network's noise; all arrays (n, K), columns in the order of `classes`.

    mean               : of `paths` draws, what `predict_proba` gives
    standard_deviation : of one draw over the noise: how far the members of the ensemble are from each other.  It does not fall with `paths`
    standard_error     : of the mean, standard_deviation/√paths: how far `mean` may be from its limit of infinitely many draws
    degrees_of_freedom : of the standard deviation, as `interval` takes them: fewer where few draws make most of it
    All rows see the same draws, so their errors are not independent of each other.
    """

    mean: Array
    standard_deviation: Array
    standard_error: Array
    classes: Any
    paths: int
    degrees_of_freedom: Array

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """Return (low, high) in [0, 1] between which the limit of infinitely many draws lies with a probability of about `level`.

        Student's interval for the log-odds of the mean, logit(mean) ± t · standard_error/(mean (1 − mean)), taken back to probabilities: the delta method.
        Of 256 draws whose log-odds are normal with a deviation of 1, 95 % intervals cover 0.94 to 0.96; of 64 with a deviation of 2, 0.92 or more.
        Not covered: what no draw has seen.  Where rare draws flip a confident row, and none or one of them is among `paths`, the interval lies
        near 0 or 1 and misses more often than 1 − level; more `prediction_paths` are the remedy.  Each entry is covered for itself, not all at once.
        """
        level = as_number(level, "level", above=0, below=1, remedy="use 0.95 for a 95 % interval")
        reach, mean = stdtrit(self.degrees_of_freedom, 0.5 + 0.5 * level) * self.standard_error, np.clip(self.mean, 0.0, 1.0)
        slope = mean * (1 - mean)
        inside = slope > 0                                   # a mean that rounds to 0 or 1 has no log-odds
        steps = np.divide(reach, slope, out=np.zeros_like(reach), where=inside)
        low = np.where(inside, expit(logit(mean) - steps), mean - reach)
        high = np.where(inside, expit(logit(mean) + steps), mean + reach)
        return np.clip(low, 0.0, mean), np.clip(high, mean, 1.0)              # a step of 0 ends at the mean, for all rounding

    def to_dict(self) -> dict[str, object]:
        """Plain numbers, by name."""
        return {"mean": self.mean.tolist(), "standard_deviation": self.standard_deviation.tolist(),
                "standard_error": self.standard_error.tolist(), "classes": np.asarray(self.classes).tolist(), "paths": self.paths,
                "degrees_of_freedom": self.degrees_of_freedom.tolist()}

    def __repr__(self) -> str:
        n, classes = self.mean.shape
        return (f"ProbabilitySpread({n} rows × {classes} classes, {self.paths} draws: standard deviation up to {self.standard_deviation.max(initial=0.0):.2g}, "
                f"standard error up to {self.standard_error.max(initial=0.0):.2g})")


def moments(probabilities: Array) -> Array:
    """Mean, standard deviation, and degrees of freedom of the latter, (3, …) over the last axis of draws (…, M).

    The variance s² of M draws of kurtosis κ has the relative variance (κ − 1)/M, that of a χ² with 2M/(κ − 1) degrees of freedom, M for a normal law;
    M − 1 at most and 1 at least are taken.
    """
    paths = probabilities.shape[-1]
    mean, deviation = probabilities.mean(axis=-1), probabilities.std(axis=-1, ddof=1)
    scaled = (probabilities - mean[..., None]) / np.where(deviation > 0, deviation, 1.0)[..., None]
    kurtosis = (scaled**4).mean(axis=-1)
    return np.stack([mean, deviation, np.clip(2 * paths / np.maximum(kurtosis - 1, 2 / paths), 1, paths - 1)])
