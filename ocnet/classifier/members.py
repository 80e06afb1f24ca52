"""The members of a noisy network: the same draws of its noise for every state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ocnet.kernels.threads import run_all
from ocnet.networks import ResidualNetwork
from ocnet.typing import Array

__all__ = ["Members", "layered", "log_mean_exp", "log_probabilities", "readout"]

_PATHS = 1 << 12                     # of a slice of states


def log_probabilities(scores: Array) -> Array:
    """log p (K, …) of the classes from scores (K, …), or, of two classes, from the log-odds (…) of the second as (1, …).

    Relative accuracy is kept however small a probability is; nothing overflows.
    """
    if len(scores) == 1:
        return np.concatenate([-np.logaddexp(0.0, scores), -np.logaddexp(0.0, -scores)])
    shifted = scores - scores.max(axis=0)
    return shifted - np.log(np.exp(shifted).sum(axis=0))


def layered(network: ResidualNetwork, theta: Array) -> Any:
    """The network's own process at θ, in single precision where block and noise have a fused kernel: off by some 1e-7 of its size a layer."""
    process: Any = network.layered(theta)
    return process if process.fused is None else network.layered(theta, "single")


def readout(tail: Array, dim: int) -> tuple[Array, Array]:
    """Views W (K, d) and b (K, 1) of the numbers of `Linear` (K = 1) or `LinearClasses`: scores are W x + b."""
    matrix = tail[:tail.size // (dim + 1) * dim].reshape(-1, dim)
    return matrix, tail[matrix.size:, None]


def log_mean_exp(logs: Array) -> Array:
    """log of the mean of e^logs along the last axis; nothing underflows to −inf that is not."""
    top = logs.max(axis=-1)
    return top + np.log(np.exp(logs - top[..., None]).mean(axis=-1))


class Members:
    """A network at θ with `paths` draws of its noise, one a member: member m has the same noise for every state.

    So the mean of the members is a fixed function of the state, to the last bit, whatever other states are asked for at the same time.
    """

    def __init__(self, network: ResidualNetwork, theta: Array, paths: int, seed: int) -> None:
        self.paths, self.seed, self._process = paths, seed, network.layered(theta)
        self._readout = readout(network.control.rest(theta), network.dim)

    def over(self, states: Array, consume: Callable[[Array, slice], None]) -> None:
        """Call consume(log p (K, rows, paths), rows) for slices of the states (n, d), on several threads at once.

        Cost: n · paths · layers block evaluations, in tiles of 256 paths of a state; memory of a few slices.
        """
        step = max(1, _PATHS // self.paths)
        run_all([lambda lo=lo: consume(self._log_probabilities(states[lo:lo + step]), slice(lo, min(lo + step, len(states))))
                 for lo in range(0, len(states), step)])

    def _log_probabilities(self, states: Array) -> Array:
        matrix, offset = self._readout                                # each state by itself: the same shapes, the same bits
        scores = [matrix @ self._process.ends(np.repeat(state[:, None], self.paths, axis=1), self.seed, 0) + offset for state in states]
        return log_probabilities(np.stack(scores, axis=1))
