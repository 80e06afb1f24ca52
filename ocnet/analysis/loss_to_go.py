"""Derivatives of the noise-free loss-to-go along the noise of one layer, by pushing shifted points through the layers that are left."""

from functools import cached_property
from typing import Any

import numpy as np

from ocnet.kernels import philox
from ocnet.typing import Array, Labelled, Loss

from .scores import scores_at

__all__ = ["LossToGo"]

# of the data's spread, or of what a unit of noise moves a state if that is more: sixth order leaves (step/length)⁶, rounding some 8 ulp/(step/2)²
_STEP = 2.5e-3
_OFFSETS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
_FIRST_ROUNDING, _SECOND_ROUNDING = 3.4, 24.7      # Σ |weights| of the values in `_extrapolated` over steps ½, 1, 2, for first and second derivatives
_COLUMNS = 1 << 17                   # points pushed through the layers at once
_SIGNS = 11                          # word that keeps the random directions apart from other random numbers


class LossToGo:
    """u(ξ) = h(x_N) of a LayeredProcess, as a function of the noise ξ_n of one layer while that of all others is 0.

    data : LabelledPoints;  score : (n, d) -> (n,) or (n, K);  loss : member of `training.losses`;  directions, seed : see `regularisation_ledger`
    """

    def __init__(self, process: Any, data: Labelled, score: Any, loss: Loss, directions: int | None = None, seed: int = 0) -> None:
        self.process, self.data, self.score, self.loss = process, data, score, loss
        self.directions, self.seed = directions, seed
        self.step = _STEP * _spread(data)

    def quiet(self, n: int, x: Array) -> Array:
        """The states (d, points) after layer n without noise."""
        return self.process.step(n, x, np.zeros((self.process.law_at(n).channels, x.shape[1])))

    def _scores(self, n, x):
        """h (K, points) at the end of the noise-free path from the states x (d, points) before layer n."""
        for layer in range(n, self.process.layers):
            x = self.quiet(layer, x)
        return np.ascontiguousarray(scores_at(self.score, x.T).T)

    @cached_property
    def _ends(self):
        """Scores (K, points) of the data, and the loss's slopes (K, points) and curvatures (K, K, points) there."""
        u, y = self._scores(0, np.ascontiguousarray(self.data.points.T)), self.data.labels.astype(float)
        as_taken = u[0] if self.loss.scores == 1 else u
        slope, curvature = self.loss.derivative(as_taken, y), self.loss.second_derivative(as_taken, y)
        noise_free = float((self.data.weights * self.loss.value(as_taken, y)).sum())
        return u, slope.reshape(u.shape), curvature.reshape(len(u), *u.shape), noise_free

    @property
    def noise_free(self) -> float:
        """J_0."""
        return self._ends[3]

    def layer(self, n: int, x: Array) -> tuple[float, float, float, float]:
        """Gauss–Newton part, bending, bar of differences and standard error of layer n, from its noise-free states x (d, points)."""
        channels, weights = self.process.law_at(n).channels, self.data.weights
        parts = [self._halves(n, x, direction) for direction in self._directions(n, channels, x.shape[1])] if channels else []
        if not parts:
            return 0.0, 0.0, 0.0, 0.0
        sums = np.array(parts)                                             # (directions, 3, points)
        if self.directions is None:
            return *(sums.sum(axis=0) * weights).sum(axis=-1), 0.0
        each = sums[:, 0] + sums[:, 1]
        return *(sums.mean(axis=0) * weights).sum(axis=-1), float(np.sqrt((weights**2 * each.var(axis=0, ddof=1)).sum() / len(each)))

    def _directions(self, n, channels, points):
        """Yield directions (channels, points) in the noise of layer n: its channels, or random signs."""
        if self.directions is None:
            for unit in np.eye(channels):
                yield np.repeat(unit[:, None], points, axis=1)
            return
        for k in range(self.directions):
            yield np.where(philox.uniforms(philox.derived_seed(self.seed, _SIGNS, k), 0, points, n, channels) < 0.5, -1.0, 1.0)

    def _halves(self, n, x, direction):
        """(3, points): ½ Dᵀ l'' D and ½ l' · S for the derivatives D, S of u along the direction, and what their two orders differ by."""
        _, slope, curvature, _ = self._ends
        first, second, first_error, second_error = self._derivatives(n, x, direction)
        bend = np.einsum("kp,kp->p", slope, second)
        newton = np.einsum("kp,klp,lp->p", first, curvature, first)
        bar = np.einsum("kp,kp->p", np.abs(slope), second_error) + 2 * np.einsum("kp,klp,lp->p", np.abs(first), np.abs(curvature), first_error)
        return 0.5 * np.stack([newton, bend, bar])

    def _derivatives(self, n, x, direction):
        """First and second derivative (K, points) of u along the direction at ξ_n = 0, of order 6; their differences from order 4, and rounding."""
        reach = np.linalg.norm(self.process.step(n, x, direction) - self.quiet(n, x), axis=0)
        step = np.maximum(self.step, _STEP * reach)
        size = np.where(reach > step, step / np.maximum(reach, np.finfo(float).tiny), 1.0)     # of ξ; 1 where the noise hardly moves the state
        below2, below1, below, above, above1, above2 = self._shifted(n, x, direction, size)
        u = self._ends[0]
        odd = [(a - b) / (2 * s * size) for a, b, s in ((above, below, 0.5), (above1, below1, 1.0), (above2, below2, 2.0))]
        even = [(a - 2 * u + b) / (s * size) ** 2 for a, b, s in ((above, below, 0.5), (above1, below1, 1.0), (above2, below2, 2.0))]
        first, first_error = _extrapolated(*odd)
        second, second_error = _extrapolated(*even)
        rounding = self._rounding(n, x, np.abs(first) / np.maximum(reach, np.finfo(float).tiny))
        return first, second, first_error + _FIRST_ROUNDING * rounding / size, second_error + _SECOND_ROUNDING * rounding / size**2

    def _rounding(self, n, x, slope):
        """(K, points) to which u is rounded: each layer and the readout round their state and their sum; slope (K, points): |du/dx|."""
        size = np.abs(self._ends[0]).max() + slope * np.linalg.norm(x, axis=0)
        return np.finfo(float).eps * (self.process.layers - n + 2) * size

    def _shifted(self, n, x, direction, size):
        """Scores (K, points) for ξ_n = offset · size · direction, offset by offset."""
        out, most = np.empty((len(_OFFSETS), len(self._ends[0]), x.shape[1])), max(1, _COLUMNS // len(_OFFSETS))
        for low in range(0, x.shape[1], most):
            rows = slice(low, low + most)
            xi = np.concatenate([offset * size[rows] * direction[:, rows] for offset in _OFFSETS], axis=1)
            moved = self.process.step(n, np.tile(x[:, rows], len(_OFFSETS)), xi)
            scores = self._scores(n + 1, moved)
            out[:, :, rows] = np.moveaxis(scores.reshape(len(scores), len(_OFFSETS), -1), 1, 0)
        return out


def _extrapolated(fine, middle, coarse):
    """Richardson's value of order 6 from values of order 2 at steps ½, 1, 2, and by how much it differs from that of order 4."""
    fourth, fourth_coarse = (4 * fine - middle) / 3, (4 * middle - coarse) / 3
    return (16 * fourth - fourth_coarse) / 15, np.abs(fourth - fourth_coarse) / 15


def _spread(data):
    """Root mean square distance of the points from their mean."""
    share = data.weights / data.weights.sum()
    centre = (share[:, None] * data.points).sum(axis=0)
    return float(np.sqrt((share * ((data.points - centre) ** 2).sum(axis=1)).sum()))
