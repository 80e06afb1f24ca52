"""Weighted, labelled points, and the part of an objective that no view changes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.networks import ResidualNetwork
from ocnet.process import checked_points
from ocnet.typing import Array, Criterion, PointFunction, Regulariser

from .densities import quadrature

__all__ = ["LabelledPoints", "Setting"]


@dataclass(frozen=True, eq=False)
class LabelledPoints:
    """points (n, d); labels (n,) whole numbers, those of the loss they are to meet; weights (n,) ≥ 0 with sum 1 − leak (default: equal).

    leak : mass of the data that no point carries (see `from_densities`); 0 for a sample.  Nothing is renormalised
    Raises ValueError for shapes that do not fit, labels that are no whole numbers, weights that are negative or of another sum.
    """

    points: Any
    labels: Any
    weights: Any = None
    leak: float = 0.0

    def __post_init__(self) -> None:
        points = np.atleast_2d(np.asarray(self.points, dtype=np.float64))
        points = checked_points(points, points.shape[1])
        labels = np.asarray(self.labels)
        if labels.shape != (len(points),) or labels.dtype.kind not in "iuf" or not (labels == np.rint(labels)).all():
            raise ValueError(f"labels has shape {labels.shape} and dtype {labels.dtype}; expected ({len(points)},) of whole numbers, such as −1 "
                             "and +1 or 0 … K − 1")
        weights = np.full(len(points), (1 - self.leak) / len(points)) if self.weights is None else np.array(self.weights, dtype=float)
        if weights.shape != labels.shape or not (weights >= 0).all() or not abs(weights.sum() + self.leak - 1) < 1e-9:
            raise ValueError(f"weights has shape {weights.shape} and sum {weights.sum():.6g}; expected ({len(points)},), "
                             f"each ≥ 0, with sum {1 - self.leak:.6g} (1 less the leak)")
        for name, value in (("points", points), ("labels", labels.astype(np.int64)), ("weights", weights)):
            object.__setattr__(self, name, value)

    @classmethod
    def from_densities(cls, densities: Mapping[int, PointFunction], grid: Any, shares: Mapping[int, float] | None = None) -> "LabelledPoints":
        """Return the data Σ_y π_y ρ_y as weighted points on the nodes of a grid, for every view alike.

        densities {label: callable (n, d) -> (n,)}, shares {label: π_y}: see `densities.quadrature`, which says what is refused and how
        accurate the sums are.  `leak` of the result is the mass they lack (negative: have too much of).
        """
        return cls(*quadrature(densities, grid, shares))

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        labels = np.unique(self.labels)
        said = ", ".join(map(str, labels)) if len(labels) <= 4 else f"{labels[0]} … {labels[-1]}"
        return f"LabelledPoints({len(self)} points in R^{self.points.shape[1]}, labels {said})"


@dataclass(frozen=True)
class Setting:
    """What every view of one training problem shares.

    network : ResidualNetwork;  data : LabelledPoints;  criterion : member of `training.criteria`
    penalties : members of `training.regularisers`
    Raises ValueError where the readout has another number of scores than the criterion's loss takes, or a label is none of the loss's.
    """

    network: ResidualNetwork
    data: LabelledPoints
    criterion: Criterion
    penalties: tuple[Regulariser, ...] = ()

    def __post_init__(self) -> None:
        loss, readout = self.criterion.loss, self.network.readout
        if readout.scores != loss.scores:
            raise ValueError(f"readout={readout!r} gives {readout.scores} score(s), but loss={loss!r} takes {loss.scores}; "
                             f"use {f'LinearClasses({loss.scores})' if loss.scores > 1 else 'Linear()'}, or another loss")
        foreign = ~np.isin(self.data.labels, loss.labels)
        if foreign.any():
            i = int(np.argmax(foreign))
            raise ValueError(f"data.labels[{i}]={self.data.labels[i]} is none of the labels {loss.labels} of loss={loss!r}; "
                             "rename the labels, or choose another loss")

    def penalty(self, theta: Array) -> tuple[float, Array]:
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

    def fingerprint(self, *more: object) -> str:
        """A hash of network, data, criterion, penalties and whatever else the view adds (`more`, by their str)."""
        digest = hashlib.sha256(json.dumps([self.network.describe(), repr(self.criterion), repr(self.penalties),
                                            *map(str, more)]).encode())
        for array in (self.data.points, self.data.labels, self.data.weights):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()
