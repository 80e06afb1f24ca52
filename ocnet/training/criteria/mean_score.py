"""What the criteria share whose first values are mean scores: LE and the ensembles."""

from typing import Any

import numpy as np

from ocnet.typing import Array, Integers, Loss

from .decision import highest, lead

__all__ = ["MeanScore", "mean_and_error"]


def mean_and_error(samples: Array) -> tuple[Array, Array]:
    """Means (q, n) of samples (q, n, paths), and their standard errors."""
    return samples.mean(axis=-1), samples.std(axis=-1, ddof=1) / np.sqrt(samples.shape[-1])


class MeanScore:
    """Predictions by the mean scores, the first `loss.scores` of the values (q, n)."""

    loss: Loss

    def rows(self, scores: Array) -> Array:
        """Scores (…) or (K, …) with an axis for the scores in any case: (1, …) or (K, …)."""
        return scores[None] if self.loss.scores == 1 else scores

    def mean_score(self, values: Array) -> Array:
        """The mean scores among the values (q, n), as the loss takes them: (n,) or (K, n)."""
        return values[0] if self.loss.scores == 1 else values[:self.loss.scores]

    def column(self, labels: Any) -> Any:
        """(n,) which of the values tells most of a point with this label: the only mean score, or that of its label."""
        if self.loss.scores == 1:
            return np.zeros(len(labels), dtype=np.intp)
        return np.searchsorted(self.loss.labels, labels)

    def predict(self, values: Array) -> Integers:
        """(n,) labels: the sign of the only mean score (+1 at 0), or the label of the largest (the last where some are equal)."""
        scores = self.mean_score(values)
        if self.loss.scores == 1:
            return np.where(scores >= 0, 1, -1)
        return np.asarray(self.loss.labels)[highest(scores)]

    def boundary(self, values: Array) -> Array:
        """(n,) zero on the decision boundary: the only mean score, or by how much one leads (`decision.lead`)."""
        scores = self.mean_score(values)
        return scores if self.loss.scores == 1 else lead(scores)
