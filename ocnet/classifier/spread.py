"""What a stochastic network's noise makes of a probability: its mean, its standard deviation, and the standard error of the mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from ocnet.typing import Array

__all__ = ["ProbabilitySpread"]


@dataclass(frozen=True, eq=False)
class ProbabilitySpread:
    """Probabilities of the classes under the network's noise; all arrays (n, K), columns in the order of `classes`.

    mean               : of `paths` draws, what `predict_proba` gives
    standard_deviation : of one draw over the noise: how far the members of the ensemble are from each other.  It does not fall with `paths`
    standard_error     : of the mean, standard_deviation/√paths: how far `mean` may be from its limit of infinitely many draws
    All rows see the same draws, so their errors are not independent of each other.
    """

    mean: Array
    standard_deviation: Array
    standard_error: Array
    classes: Any
    paths: int

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """(low, high) between which the limit of infinitely many draws lies with probability `level`, by Student's t."""
        if not 0 < level < 1:
            raise ValueError(f"level={level} is not a probability in (0, 1); use 0.95 for a 95 % interval")
        reach = stdtrit(self.paths - 1, 0.5 + 0.5 * level) * self.standard_error
        return self.mean - reach, self.mean + reach

    def to_dict(self) -> dict[str, object]:
        """Plain numbers, by name."""
        return {"mean": self.mean.tolist(), "standard_deviation": self.standard_deviation.tolist(),
                "standard_error": self.standard_error.tolist(), "classes": np.asarray(self.classes).tolist(), "paths": self.paths}

    def __repr__(self) -> str:
        n, classes = self.mean.shape
        return (f"ProbabilitySpread({n} rows × {classes} classes, {self.paths} draws: standard deviation up to {self.standard_deviation.max(initial=0.0):.2g}, "
                f"standard error up to {self.standard_error.max(initial=0.0):.2g})")
