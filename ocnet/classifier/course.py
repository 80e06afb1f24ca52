"""The course of a training: epochs of stratified batches, pathwise gradients with fresh noise, Adam with a rate that falls by a cosine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, sqrt
from typing import Any

import numpy as np

from ocnet.kernels.philox import derived_seed
from ocnet.kernels.threads import over_chunks
from ocnet.networks import ResidualNetwork
from ocnet.typing import Array, Integers

from .members import layered, log_mean_exp, log_probabilities, readout
from .weighted_points import WeightedPoints

__all__ = ["Course", "Epoch", "Patience"]

_NOISE, _BATCHES, _VALIDATION = 1, 2, 3        # words that keep the random streams apart
_CHUNK = 1 << 11                     # paths that go through all layers together: a function of nothing, so that threads change no bit
_BETAS, _EPSILON, _FINAL = (0.9, 0.999), 1e-8, 0.01        # Kingma & Ba (2015); the rate falls to this share
_JUDGES = 16                         # draws of the noise by which validation points are judged, the same in every epoch


@dataclass(frozen=True, eq=False)
class Epoch:
    """What a callback sees after each epoch: its number from 1, the mean sampled objective, the validation loss (None without), and θ, read-only."""

    number: int
    loss: float
    validation_loss: float | None
    theta: Array


@dataclass(frozen=True, eq=False)
class Patience:
    """Early stopping: validation points, and how many epochs may pass without a loss lower by `tolerance` than the last that counted."""

    points: WeightedPoints
    epochs: int
    tolerance: float


@dataclass(frozen=True, eq=False)
class Course:
    """Training of a network from θ on weighted states.

    J(θ) = Σ_i w_i E l(h(X_N^i), y_i) + Σ R(θ), sampled with `paths` draws a point of a batch, l the negative log-likelihood
    points    : WeightedPoints of states;  batch : points of a batch; all, with their weights, where there are no more
    penalties : members of `training.regularisers`;  rate : of Adam at the start;  epochs : of the whole course
    done      : epochs made by courses before, so that this one has draws of its own
    """

    network: ResidualNetwork
    points: WeightedPoints
    penalties: tuple[Any, ...]
    batch: int
    paths: int
    rate: float
    epochs: int
    seed: int
    done: int = 0

    def run(self, theta: Array, patience: Patience | None = None, callback: Callable[[Epoch], object] | None = None) -> Outcome:
        """Return the `Outcome` from a start θ (P,), which is not changed.

        With patience, θ of the lowest validation loss is kept, by however little it is lower; its tolerance decides only when to stop.  Where courses
        were made before, the start θ is judged too, and kept unless an epoch is better.
        Raises ValueError where the loss is not finite, naming the epoch.
        """
        theta, process, batches = theta.copy(), layered(self.network, theta), -(-len(self.points) // self.batch)
        moments, columns = (np.zeros_like(theta), np.zeros_like(theta)), np.ascontiguousarray(self.points.points.T)
        losses, judged, best, counted = [], [], (np.inf, theta), (np.inf, -1)
        if patience is not None and self.done:
            start = self._validation_loss(process, patience.points)
            best, counted = (start, theta.copy()), (start, -1)
        for k in range(self.epochs):
            total, seed = 0.0, derived_seed(self.seed, _NOISE, self.done + k)
            for number, (rows, weights) in enumerate(self._batches(k, batches)):
                first, process = number * self.batch * self.paths, process.at(theta)
                loss, gradient = self._value_and_gradient(process, columns, rows, weights, seed, first)
                self._adam(theta, gradient, moments, k * batches + number, self.epochs * batches)
                total += loss
            losses.append(total / batches)
            if not np.isfinite(losses[-1]):
                raise ValueError(f"learning_rate={self.rate}: the training loss is {losses[-1]} in epoch {k + 1}; use a smaller learning_rate, "
                                 "or a larger alpha")
            if patience is not None:
                judged.append(self._validation_loss(process.at(theta), patience.points))
                if judged[-1] < best[0]:
                    best = judged[-1], theta.copy()
                if judged[-1] < counted[0] - patience.tolerance:
                    counted = judged[-1], k
            seen = theta.view()
            seen.flags.writeable = False
            stopped = callback is not None and callback(Epoch(self.done + k + 1, losses[-1], judged[-1] if judged else None, seen))
            if stopped or (patience is not None and k - counted[1] >= patience.epochs):
                break
        if patience is None:
            return Outcome(theta, losses, judged)
        if not np.isfinite(best[0]):
            raise ValueError(f"learning_rate={self.rate}: no epoch has a finite validation loss; use a smaller learning_rate, or a larger alpha")
        return Outcome(best[1], losses, judged, best[0])

    def _batches(self, k: int, batches: int) -> list[tuple[Integers, Array]]:
        """Rows and weights of the batches of an epoch."""
        if batches == 1:
            return [(np.arange(len(self.points)), self.points.weights)]
        equal = np.full(self.batch, 1 / self.batch)
        return [(rows, equal) for rows in self.points.epoch(derived_seed(self.seed, _BATCHES, self.done + k), batches, self.batch)]

    def _value_and_gradient(self, process: Any, columns: Array, rows: Integers, weights: Array, seed: int, first: int) -> tuple[float, Array]:
        """The sampled objective at the process's θ, and its exact derivative (P,) with the noise held; columns (d, n) are all states.

        Paths are numbered from `first` on: the batches of an epoch share a seed.
        """
        theta, count = process.theta, len(rows) * self.paths
        control, parts = self.network.control, [(0.0, theta)] * -(-count // _CHUNK)

        def one(lo: int, hi: int) -> None:
            of = np.arange(lo, hi) // self.paths
            states = process.trajectory(np.take(columns, rows[of], axis=1), seed, first + lo)
            ends = states[-1].astype(np.float64)
            value, back, tail = self._readout(control.rest(theta), ends, self.points.classes[rows[of]], weights[of] / self.paths)
            parts[lo // _CHUNK] = value, np.concatenate([process.reverse(states, seed, first + lo, back).ravel(), tail])

        over_chunks(one, count, _CHUNK)
        loss, gradient = parts[0]
        for value, part in parts[1:]:
            loss, gradient = loss + value, gradient + part
        for penalty in self.penalties:
            depth, rest, horizon = control.depth(theta), control.rest(theta), self.network.horizon
            loss += penalty.value(depth, rest, horizon)
            in_depth, in_rest = penalty.gradient(depth, rest, horizon)
            control.depth(gradient)[:] += in_depth
            control.rest(gradient)[:] += in_rest
        return loss, gradient

    def _readout(self, tail: Array, ends: Array, classes: Integers, weights: Array) -> tuple[float, Array, Array]:
        """Σ w l(h(x), y), its cotangent of the ends x (d, n) and that of the readout's numbers, for h(x) = W x + b.

        The log-odds of the second class have the slope p − 1{y = 1}, K scores the slopes p_k − 1{y = k}.
        """
        (matrix, offset), own = readout(tail, len(ends)), np.arange(ends.shape[1])
        logs = log_probabilities(matrix @ ends + offset)
        slope = np.exp(logs)
        slope[classes, own] -= 1.0
        slope = slope[-len(matrix):] * weights
        value = -float((weights * logs[classes, own]).sum())
        return value, matrix.T @ slope, np.concatenate([(slope @ ends.T).ravel(), slope.sum(axis=1)])

    def _adam(self, theta: Array, gradient: Array, moments: tuple[Array, Array], step: int, steps: int) -> None:
        """Move θ by one step, in place; the gradient's memory is used up.  Kingma & Ba (2015), algorithm 1, with ε as at the end of their section 2."""
        (b1, b2), (m, v), g = _BETAS, moments, gradient
        rate = self.rate * (_FINAL + (1 - _FINAL) * 0.5 * (1 + cos(pi * step / steps)))
        m *= b1
        m += (1 - b1) * g
        v *= b2
        g *= g
        g *= 1 - b2
        v += g
        np.sqrt(v, out=g)
        g += _EPSILON
        np.divide(m, g, out=g)
        g *= rate * sqrt(1 - b2 ** (step + 1)) / (1 - b1 ** (step + 1))
        theta -= g

    def _validation_loss(self, process: Any, points: WeightedPoints) -> float:
        """Σ_i w_i l of the mean probabilities of a few draws a point, the same in every epoch."""
        x = np.repeat(points.points.T, _JUDGES, axis=1)
        scores = np.atleast_2d(self.network.score(process.ends(x, derived_seed(self.seed, _VALIDATION), 0), process.theta))
        logs = log_probabilities(scores).reshape(-1, len(points), _JUDGES)[points.classes, np.arange(len(points))]
        return -float((points.weights * log_mean_exp(logs)).sum())


@dataclass(frozen=True, eq=False)
class Outcome:
    """θ (P,), that of the lowest validation loss where there was one, else the last; the losses of all epochs, their validation losses, and that of θ."""

    theta: Array
    losses: list[float]
    validation_losses: list[float]
    best: float | None = None
