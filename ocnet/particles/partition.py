"""Paths cut into batches: a function of the numbers of points, paths and dimensions alone, never of threads or executors."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.typing import Array

__all__ = ["CHUNK", "TASKS", "Batch", "Partition", "chunk_among", "chunk_of", "groups"]

CHUNK = 1 << 13                      # paths that go through all layers together, in the second-level cache
_NUMBERS, _LEAST = 1 << 18, 256      # of the states of a chunk at most; its paths, if fewer than CHUNK, are a multiple of this
_SHARES, _SMALL = 8, 2048            # chunks into which small work is cut, and paths of a chunk of it at least
TASKS = 64                           # into which the batches are grouped: enough for many workers, few enough to send


def chunk_of(dim: int) -> int:
    """How many paths of that dimension go through all layers together: fewer where states are large, so that all threads have some."""
    return min(CHUNK, max(_LEAST, _NUMBERS // dim // _LEAST * _LEAST))


def chunk_among(total: Any, dim: int) -> int:
    """The same where there are so many paths in all: an eighth of them, if that is 2048 or more, so that a few threads share small work."""
    return min(chunk_of(dim), max(_SMALL, -(-total // _SHARES // _LEAST) * _LEAST))


@dataclass(frozen=True)
class Batch:
    """The paths number lo … hi − 1 of each of the start points `rows`: some paths of one point, or all of several.

    paths : of each point in all;  replicate : to which of the sampling's replicates they belong
    """

    rows: slice
    lo: int
    hi: int
    paths: int
    replicate: int = 0

    @property
    def points(self) -> int:
        return self.rows.stop - self.rows.start

    @property
    def count(self) -> int:
        return self.points * (self.hi - self.lo)

    @property
    def first(self) -> int:
        """The number of the first path where path k of point i has the number i · paths + k."""
        return self.rows.start * self.paths + self.lo

    def starts(self, x0: Array) -> Array:
        """(d, count) start states, those of one point side by side."""
        return np.repeat(x0[self.rows].T, self.hi - self.lo, axis=1)


@dataclass(frozen=True)
class Partition:
    """`paths` from each of `points`, in equal replicates, cut into batches of at most `size` paths of a point."""

    points: int
    paths: int
    replicates: int = 1
    size: int = CHUNK

    @property
    def _counts(self):
        """Chunks of points, replicates, blocks of a replicate; points a chunk."""
        share = self.paths // self.replicates
        step = max(1, self.size // share)
        return -(-self.points // step), self.replicates, -(-share // self.size), step

    def __len__(self) -> int:
        chunks, replicates, blocks, _ = self._counts
        return chunks * replicates * blocks

    def __getitem__(self, k: int) -> "Batch":
        """Batch k: those of a point lie side by side, replicate after replicate."""
        _, replicates, blocks, step = self._counts
        share, (rest, block) = self.paths // self.replicates, divmod(k, blocks)
        chunk, replicate = divmod(rest, replicates)
        rows = slice(chunk * step, min((chunk + 1) * step, self.points))
        lo, end = replicate * share + block * self.size, (replicate + 1) * share
        return Batch(rows, lo, min(lo + self.size, end), self.paths, replicate)


def groups(count: int, most: int = TASKS) -> list[range]:
    """range(count) as at most `most` ranges of nearly equal length, in order."""
    number = min(count, most)
    return [range(count * k // number, count * (k + 1) // number) for k in range(number)]
