"""What data are to the experiments: samples to train and to test on, the map from raw features to points, and principal directions."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import eigsh
from threadpoolctl import threadpool_limits

__all__ = ["AffineMap", "DataError", "Dataset", "Sample", "principal_directions"]

_FEW, _SHARE = 1000, 30              # features up to which all directions are computed; above, only where more than a thirtieth is asked for
_RANK = 1e-10                        # share of the first principal variance below which a second direction is rounding


class DataError(ValueError):
    """Data that cannot be used; one line: what, where, and what to do."""


@dataclass(frozen=True, eq=False)
class Sample:
    """points (n, d) float64; labels (n,) −1 or +1 (of K > 2 classes: 0 … K − 1); weights (n,) with sum 1."""

    points: np.ndarray
    labels: np.ndarray
    weights: np.ndarray

    def __len__(self):
        return len(self.points)


@dataclass(frozen=True, eq=False)
class AffineMap:
    """points = (raw − offset) matrixᵀ: raw (n, features), offset (features,), matrix (d, features).

    A feature that is constant on the training part has a column of zeros: it is not used.
    """

    offset: np.ndarray
    matrix: np.ndarray

    def __call__(self, raw):
        # einsum never calls BLAS, so these bits do not depend on its threads
        return np.einsum("nf,df->nd", np.asarray(raw, dtype=np.float64) - self.offset, self.matrix)

    @property
    def unused(self):
        """Indices of the features that were dropped."""
        return np.flatnonzero(~self.matrix.any(axis=0)).tolist()


@dataclass(frozen=True, eq=False)
class Dataset:
    """name; train and test Samples; scale, the AffineMap from raw features to points; classes, raw labels of −1 and +1; files, their digests."""

    name: str
    train: Sample
    test: Sample
    scale: AffineMap
    classes: tuple = ("-1", "+1")
    files: dict = None

    @property
    def dim(self):
        return self.train.points.shape[1]

    def __repr__(self):
        return f"Dataset({self.name}: {len(self.train)} training and {len(self.test)} test points in {self.dim}-D)"


def principal_directions(covariance, components):
    """Return (components, f) directions of largest variance of a covariance (f, f), each divided by its deviation.

    The largest entry of a direction is positive.  Directions without variance are left out.
    """
    size = len(covariance)
    with threadpool_limits(limits=1, user_api="blas"):                     # the bits of both depend on the threads of BLAS
        if components * _SHARE < size > _FEW:
            start = np.random.RandomState(0).normal(size=size)             # Lanczos's method, to rounding
            variances, vectors = eigsh(covariance, components, v0=start)
        else:
            variances, vectors = np.linalg.eigh(covariance)
    order = np.argsort(variances)[::-1][:components]
    order = order[variances[order] > _RANK * variances.max()]
    chosen = vectors[:, order].T
    largest = chosen[np.arange(len(chosen)), np.abs(chosen).argmax(axis=1)]
    return chosen * np.sign(largest)[:, None] / np.sqrt(variances[order])[:, None]
