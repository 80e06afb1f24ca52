"""From rows of features to states of the network: standardised features, or their principal components, and spare dimensions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import eigh

from ocnet.typing import Array, Integers

__all__ = ["FeatureMap"]

_CONSTANT = 1e-12                    # deviation, as a share of half the range, of a feature that varies only in rows of a 1e-24th of the weight
_LEAST = np.nextafter(0.0, 1.0)      # half a range of one step of the smallest numbers would round to 0
_MOST_FEATURES = 30_000              # of which principal components are sought: a covariance of 7 GiB
_RANK = 1e-10                        # share of the first principal variance below which a direction is rounding


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """States (n, d) = (((x − origin)/unit − centre)[kept]/deviation) directionsᵀ of rows x (n, features), then `spare` zeros.

    origin, unit (features,) : the middle and half the length of the range, so that an offset costs no digits, a constant is exactly 0, and nothing
        overflows;  centre, deviation : of (x − origin)/unit, weighted
    kept : the features that vary; one that is constant in training says nothing, and what it is later changes nothing
    directions (c, kept), or None : principal directions, each divided by the deviation along it
    spare : dimensions that start at 0, where layers may move points past each other: a flow in the features' own space cannot take what is inside a
        ring out of it (Dupont, Doucet, Teh: Augmented neural ODEs, 2019)
    """

    origin: Array
    unit: Array
    centre: Array
    kept: Integers
    deviation: Array
    directions: Array | None = None
    spare: int = 0

    @classmethod
    def fitted(cls, points: Array, weights: Array, components: int | None = None, spare: int = 0) -> FeatureMap:
        """Return the map of weighted points (n, features), weights of sum 1, to mean 0 and variance 1.

        components : how many principal components make the state; None takes the features themselves
        Raises ValueError where fewer components have a variance, and for components of more than 30 000 features that vary.
        Cost O(n f) and with components O(n f² + f³).
        """
        points, weights = points[weights > 0], weights[weights > 0]
        low, high = points.min(axis=0), points.max(axis=0)
        origin, unit = 0.5 * low + 0.5 * high, np.where(high > low, np.maximum(0.5 * high - 0.5 * low, _LEAST), 1.0)
        scaled = (points - origin) / unit
        centre = (weights[:, None] * scaled).sum(axis=0)
        deviation = np.sqrt((weights[:, None] * (scaled - centre) ** 2).sum(axis=0))
        kept = np.flatnonzero((high > low) & (deviation > _CONSTANT))
        if not kept.size:                # nothing tells the classes apart: a state that is always 0, and their shares
            kept, deviation = np.zeros(1, dtype=np.intp), np.full_like(deviation, np.inf)
        plain = cls(origin, unit, centre, kept, deviation[kept], spare=spare)
        if components is None:
            return plain
        if kept.size > _MOST_FEATURES:
            raise ValueError(f"components={components}: the covariance of {kept.size} features that vary would take {8 * kept.size**2 / 2**30:.0f} GiB; choose "
                             f"{_MOST_FEATURES} of them or fewer first, or use components=None, whose states are the features themselves")
        states = replace(plain, spare=0)(points)
        variances, vectors = eigh(np.einsum("ni,nj->ij", weights[:, None] * states, states))
        variances, vectors = variances[::-1], vectors[:, ::-1].T
        rank = int(np.count_nonzero(variances > _RANK * max(variances[0], 0.0)))
        if components > rank:
            raise ValueError(f"components={components}, but the training rows vary along {rank} direction{'s' * (rank != 1)} only; "
                             f"use components={max(rank, 1)} or fewer, or None for the features themselves")
        largest_part = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=1)[:, None], axis=1)
        directions = np.sign(largest_part) * vectors / np.sqrt(np.maximum(variances, 0.0))[:, None].clip(min=np.finfo(float).tiny)
        return replace(plain, directions=directions[:components])

    @property
    def dim(self) -> int:
        """d, how many numbers a state has."""
        return (self.kept.size if self.directions is None else len(self.directions)) + self.spare

    def __call__(self, rows: Array) -> Array:
        """Return the states (n, d) of rows (n, features); ValueError where one is too far away for a number."""
        with np.errstate(over="ignore", invalid="ignore"):
            states = (((rows - self.origin) / self.unit - self.centre)[:, self.kept]) / self.deviation
            if self.directions is not None:
                states = np.einsum("nf,df->nd", states, self.directions)       # never BLAS, whose bits depend on its threads
        good = np.isfinite(states).all(axis=1)
        if not good.all():
            raise ValueError(f"X[{int(np.argmin(good))}] overflows when standardised: it is too far from the rows of the training; leave it out or rescale")
        return np.pad(states, ((0, 0), (0, self.spare)))
