"""The objective by particles: Monte Carlo through the layers, gradient by the pathwise reverse sweep."""

from dataclasses import dataclass, replace

import numpy as np

from ocnet.kernels.philox import derived_seed
from ocnet.particles import sampled_value_and_gradient

__all__ = ["ParticleObjective"]

_TRAINING, _JUDGING = 1, 2           # words that keep the random streams of training and of judging apart


@dataclass(frozen=True)
class ParticleObjective:
    """J(θ) sampled with `paths` paths a data point; the noise is frozen by `seed`, so J is a plain function of θ."""

    setting: object
    paths: int
    seed: int = 0

    def __post_init__(self):
        if int(self.paths) != self.paths or self.paths < 2:
            raise ValueError(f"paths={self.paths}: give a whole number ≥ 2 (one path has no standard error)")

    def _terminal(self, theta, contributions, variances):
        network, criterion, data = self.setting.network, self.setting.criterion, self.setting.data

        def terminal(ends, rows):
            x = np.ascontiguousarray(ends.reshape(-1, network.dim).T)
            scores = network.score(x, theta).reshape(ends.shape[:2])
            value, variance, slope = criterion.sampled(scores, data.labels[rows])
            contributions[rows], variances[rows] = value, variance
            cotangent = (data.weights[rows][:, None] * slope).ravel()
            back, rest = network.score_transposed(x, theta, cotangent)
            return float((data.weights[rows] * value).sum()), back.T.reshape(ends.shape), rest

        return terminal

    def value_and_gradient(self, theta):
        """J(θ) with this noise, and its exact derivative (P,)."""
        theta = self.setting.network.control.check(theta)
        n = len(self.setting.data)
        terminal = self._terminal(theta, np.empty(n), np.empty(n))
        total, depth, rest = sampled_value_and_gradient(
            self.setting.network.layered(theta), self.setting.data.points, self.paths, terminal, self.seed)
        penalty, gradient = self.setting.penalty(theta)
        self.setting.network.control.depth(gradient)[:] += depth
        self.setting.network.control.rest(gradient)[:] += rest
        return total + penalty, gradient

    def draw(self, iteration):
        """The same objective with the noise of one training iteration."""
        return replace(self, seed=derived_seed(self.seed, _TRAINING, iteration))

    def fingerprint(self):
        return self.setting.fingerprint("particles", self.paths, self.seed)
