"""Weighted, labelled points, and the part of an objective that no view changes."""

import hashlib
import json
from dataclasses import dataclass

import numpy as np

from ocnet.process import checked_points

__all__ = ["LabelledPoints", "Setting"]


@dataclass(frozen=True, eq=False)
class LabelledPoints:
    """points (n, d); labels (n,) in {−1, +1}; weights (n,) ≥ 0 with sum 1 (default: equal)."""

    points: np.ndarray
    labels: np.ndarray
    weights: np.ndarray = None

    def __post_init__(self):
        points = np.atleast_2d(np.asarray(self.points, dtype=np.float64))
        points = checked_points(points, points.shape[1])
        labels = np.asarray(self.labels)
        if labels.shape != (len(points),) or not np.isin(labels, (-1, 1)).all():
            raise ValueError(f"labels has shape {labels.shape}; expected ({len(points)},) of −1 and +1")
        weights = np.full(len(points), 1 / len(points)) if self.weights is None else np.array(self.weights, dtype=float)
        if weights.shape != labels.shape or not (weights >= 0).all() or not abs(weights.sum() - 1) < 1e-9:
            raise ValueError(f"weights has shape {weights.shape} and sum {weights.sum():.6g}; expected ({len(points)},), "
                             "each ≥ 0, with sum 1")
        for name, value in (("points", points), ("labels", labels.astype(np.int64)), ("weights", weights)):
            object.__setattr__(self, name, value)

    def __len__(self):
        return len(self.points)


@dataclass(frozen=True)
class Setting:
    """What every view of one training problem shares.

    network : ResidualNetwork;  data : LabelledPoints;  criterion : member of `training.criteria`
    penalties : members of `training.regularisers`
    """

    network: object
    data: LabelledPoints
    criterion: object
    penalties: tuple = ()

    def penalty(self, theta):
        """The penalties at θ and their gradient (P,)."""
        control, horizon = self.network.control, self.network.horizon
        gradient, total = control.zeros(), 0.0
        for term in self.penalties:
            depth, rest = control.depth(theta), control.rest(theta)
            total += term.value(depth, rest, horizon)
            in_depth, in_rest = term.gradient(depth, rest, horizon)
            control.depth(gradient)[:] += in_depth
            control.rest(gradient)[:] += in_rest
        return total, gradient

    def fingerprint(self, *more):
        """A hash of network, data, criterion, penalties and whatever else the view adds."""
        digest = hashlib.sha256(json.dumps([self.network.describe(), repr(self.criterion), repr(self.penalties),
                                            *map(str, more)]).encode())
        for array in (self.data.points, self.data.labels, self.data.weights):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()
