"""Means of a functional over sampled paths, in memory that does not grow with the number of paths."""

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.kernels.threads import heed
from ocnet.typing import Array, Sampling

from .executors import in_order
from .moments import Moments
from .partition import Partition, groups

__all__ = ["sampled"]


@dataclass(frozen=True, eq=False)
class _Task:
    """Carries a range of batches through the functional; the moments of what belongs together, in order."""

    functional: Any
    x0: np.ndarray
    sampling: Sampling
    partition: Partition
    seed: int

    def __call__(self, numbers):
        """{(first start point, replicate): Moments (q, points)}."""
        batches, found = [self.partition[k] for k in numbers], {}
        noises = self.sampling.noises(self.functional.process, self.seed, batches)
        for batch, noise in zip(batches, noises):
            heed()
            _add(found, (batch.rows.start, batch.replicate), self._moments(batch, noise))
        return found

    def _moments(self, batch, noise):
        payoffs = self.functional.payoffs(batch.starts(self.x0), noise)
        return self.sampling.moments(payoffs.reshape(len(payoffs), batch.points, -1))


def _add(found, key, moments):
    found[key] = found[key] + moments if key in found else moments


def sampled(functional: Any, x0: Array, sampling: Sampling, paths: int, seed: int, executor: Executor | None, progress: bool) -> tuple[Array, Array]:
    """(means, standard errors), both (q, n), of a functional's payoffs over `paths` paths from each of x0 (n, d).

    Moments of a task's batches are merged in the task, those of the tasks in their order.
    """
    partition = Partition(len(x0), paths, sampling.replicates, sampling.batch_size(functional.process))
    found: dict[tuple[int, int], Any] = {}
    task = _Task(functional, x0, sampling, partition, seed)
    for part in in_order(task, groups(len(partition)), executor, progress):
        for key, moments in part.items():
            _add(found, key, moments)
    if sampling.replicates > 1:
        found = _over_replicates(found, sampling.replicates)
    chunks = [found[key] for key in sorted(found)]
    mean, error = (np.concatenate([getattr(m, name) for m in chunks], axis=1) for name in ("mean", "standard_error"))
    return mean, error


def _over_replicates(found, replicates):
    """The same with the means of the replicates as samples."""
    firsts = sorted({first for first, _ in found})
    return {(first, 0): Moments.of(np.stack([found[first, r].mean for r in range(replicates)], axis=-1)) for first in firsts}
