"""Weighted, labelled points, and the part of an objective that no view changes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.inputs import as_array, as_number, as_object, as_plain
from ocnet.networks import ResidualNetwork
from ocnet.process import checked_points
from ocnet.typing import Array, Criterion, Loss, PointFunction, Regulariser

from .densities import quadrature

__all__ = ["LabelledPoints", "Setting", "check_labels", "checked_setting"]

_LARGEST_LABEL = 2**53               # beyond, whole numbers have gaps in float64


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
        labels = np.asarray(self.labels)
        points = np.atleast_2d(_upright(as_array(self.points, "points"), labels))
        points = as_plain(checked_points(points, points.shape[1]))
        if not points.size:
            raise ValueError(f"points has shape {np.shape(self.points)}: there are none; give one row of one column at least")
        _refuse_texts(labels)
        if labels.shape != (len(points),) or labels.dtype.kind not in "iuf" or not ((labels == np.rint(labels)) & (np.abs(labels) <= _LARGEST_LABEL)).all():
            raise ValueError(f"labels has shape {labels.shape} and dtype {labels.dtype}; expected ({len(points)},) of whole numbers, such as −1 "
                             "and +1 or 0 … K − 1, one for each row of points")
        object.__setattr__(self, "leak", as_number(self.leak, "leak", below=1, remedy="it is the mass that no point carries, 0 for a sample"))
        weights = np.full(len(points), (1 - self.leak) / len(points)) if self.weights is None else np.array(as_array(self.weights, "weights"))
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

    @classmethod
    def of(cls, data: Any) -> "LabelledPoints":
        """Return labelled points as they are, and a pair (points (n, d), labels (n,)) as LabelledPoints; ValueError for anything else."""
        if all(hasattr(data, name) for name in ("points", "labels", "weights")):
            return data
        if not isinstance(data, (tuple, list)) or len(data) != 2:
            raise ValueError(f"data={_short(data)} is neither labelled points nor a pair; give LabelledPoints(points (n, d), labels (n,))")
        return cls(*data)

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        labels = np.unique(self.labels)
        said = ", ".join(map(str, labels)) if len(labels) <= 4 else f"{labels[0]} … {labels[-1]}"
        return f"LabelledPoints({len(self)} points in R^{self.points.shape[1]}, labels {said})"


def checked_setting(setting: Any) -> Any:
    """Return a setting as it is; ValueError for a class and anything else without network, data and criterion."""
    remedy = "give Setting(network, LabelledPoints(points, labels), ExpectedLoss(Logistic()))"
    return as_object(setting, "setting", ("network", "data", "criterion", "penalty"), "a setting", remedy)


def check_labels(labels: Any, loss: Loss) -> None:
    """Raise ValueError for the first of the labels (n,) that is none of the loss's."""
    foreign = ~np.isin(labels, loss.labels)
    if foreign.any():
        i = int(np.argmax(foreign))
        raise ValueError(f"data.labels[{i}]={labels[i]} is none of the labels {loss.labels} of loss={loss!r}; "
                         "rename the labels, or choose another loss")


def _upright(points: Array, labels: Any) -> Array:
    """The points, or ValueError with the remedy where the labels tell that they lie on their side."""
    n = labels.size
    if points.shape == (n,) and n > 1:
        raise ValueError(f"points has shape ({n},) and there are {n} labels: points are rows, so give points[:, None]")
    if points.ndim == 2 and labels.ndim == 1 and points.shape[1] == n != len(points):
        raise ValueError(f"points has shape {points.shape} and there are {n} labels: points are rows, so give points.T")
    return points


def _refuse_texts(labels: Any) -> None:
    """Raise ValueError with a recipe for labels that are words, or true and false."""
    if labels.dtype.kind == "b":
        raise ValueError("labels are true and false; give np.where(labels, 1, -1), or labels.astype(int) for a loss of classes 0 and 1")
    if labels.dtype.kind in "USO" and labels.size and all(isinstance(label, (str, bytes)) for label in labels.flat):
        names = [str(name) for name in np.unique(labels)]
        recipe = f"np.where(labels == {names[-1]!r}, 1, -1)" if len(names) <= 2 else "np.unique(labels, return_inverse=True)[1], for 0 … K − 1"
        raise ValueError(f"labels are texts, such as {names[0]!r}; give whole numbers: {recipe}")


def _short(thing: Any) -> str:
    """A class by its name, anything else by the first 60 letters of its repr."""
    told = thing.__name__ if isinstance(thing, type) else " ".join(repr(thing).split())
    return told if len(told) <= 60 else f"{told[:59]}…"


@dataclass(frozen=True)
class Setting:
    """What every view of one training problem shares.

    network : ResidualNetwork;  data : LabelledPoints, or a pair (points (n, d), labels (n,));  criterion : member of `training.criteria`
    penalties : tuple of members of `training.regularisers`
    Raises ValueError for a class or a loss where an object or a criterion belongs, points of another dimension than the network's, a readout with
    another number of scores than the criterion's loss takes, and a label that is none of the loss's.
    """

    network: ResidualNetwork
    data: LabelledPoints
    criterion: Criterion
    penalties: tuple[Regulariser, ...] = ()

    def __post_init__(self) -> None:
        self._check_parts()
        object.__setattr__(self, "data", LabelledPoints.of(self.data))
        columns, dim = self.data.points.shape[1], self.network.dim
        if columns != dim:
            raise ValueError(f"data has {columns} columns, network.dim={dim}; give ResidualNetwork(…, dim={columns})")
        loss, readout = self.criterion.loss, self.network.readout
        if readout.scores != loss.scores:
            raise ValueError(f"readout={readout!r} gives {readout.scores} score(s), but loss={loss!r} takes {loss.scores}; "
                             f"use {f'LinearClasses({loss.scores})' if loss.scores > 1 else 'Linear()'}, or another loss")
        check_labels(self.data.labels, loss)

    def _check_parts(self):
        """Raise ValueError for what is of another kind than its name says."""
        network, criterion, penalties = self.network, self.criterion, self.penalties
        if isinstance(network, type) or not hasattr(network, "readout"):
            raise ValueError(f"network={_short(network)} is no network; give a ResidualNetwork")
        if isinstance(criterion, type):
            raise ValueError(f"criterion={criterion.__name__} is a class; give an object, such as {criterion.__name__}(Logistic())")
        if not hasattr(criterion, "loss"):
            what = f"is a loss; give ExpectedLoss({criterion!r})" if hasattr(criterion, "derivative") else "is no criterion; give ExpectedLoss(Logistic())"
            raise ValueError(f"criterion={_short(criterion)} {what}, or another of ocnet.training.criteria")
        if not isinstance(penalties, (tuple, list)):
            raise ValueError(f"penalties={_short(penalties)} is no tuple; give a tuple, ({_short(penalties)},)")
        for i, term in enumerate(penalties):
            if isinstance(term, type) or not hasattr(term, "gradient"):
                raise ValueError(f"penalties[{i}]={_short(term)} is no penalty; give objects of ocnet.training.regularisers, such as Tikhonov(1e-3)")

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
