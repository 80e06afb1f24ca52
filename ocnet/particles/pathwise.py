"""The pathwise gradient: the derivative of a sampled functional with the noise frozen, by one reverse sweep."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from reprlib import repr as short
from typing import Any

import numpy as np

from ocnet.inputs import as_object, as_seed_or_fresh
from ocnet.kernels.threads import over_chunks
from ocnet.process import checked_starts
from ocnet.typing import Array, ArrayLike

from . import partition
from .activations import Stored
from .executors import in_order
from .partition import groups
from .propagate import chunks_of_points, starts
from .reconstructed import swept_back
from .sampling.independent import checked_paths

__all__ = ["sampled_value_and_gradient"]

_KEPT = 1 << 25                      # numbers of trajectories that one chunk stores: 256 MiB
_PIECE, _LEAST = 1 << 22, 256        # numbers of a piece's trajectory, and its fewest paths
_TOGETHER = 1 << 14                  # paths whose functional is asked for at once, and which threads share piece by piece


def sampled_value_and_gradient(process: Any, x0: ArrayLike, paths: int, terminal: Callable[..., tuple[float, Array, Array]], seed: int | None = 0,
                               executor: Executor | None = None, activations: Any = Stored()) -> tuple[float, Array, Array]:
    """Return a sampled functional and its derivatives in the layers' parameters and in the functional's own.

    process  : LayeredProcess with `step_vjp(n, x (d, m), xi (channels, m), cotangent (d, m))`, which returns the
               cotangent of x (d, m) and that of θ_n (p,), summed over the m paths
    x0       : (n, d) start points, `paths` draws from each
    terminal : the functional, (ends (points, paths, d), rows) -> (contribution, cotangent of the ends (points, paths, d),
               cotangent of parameters of its own (r,)) for the slice `rows` of the start points, all draws of a point
               together; called on several threads at once
    executor : `concurrent.futures.Executor` that carries out the work; None: threads of this process.  The same bits
    activations : where the reverse sweep takes its states from: `Stored`, or `Reconstructed` in memory that does not grow with depth, with an error
               that shrinks with it, and a UserWarning where that is large
    Returns    (sum of the contributions, (N, p), (r,)), added over the chunks of start points in their order.
    Cost       three block evaluations a path and layer: states are stored, activations and noise made again; four where the states of
               a point's paths would take more than 256 MiB, which then are walked again piece by piece.
    Accuracy   of stored states: the exact derivative of the sum that was sampled, to rounding; unbiased for its expectation.
    Raises     ValueError for a process without `step_vjp`, for one without an inverse where states are to be reconstructed, and when the
               cotangent of the ends has another shape.
    """
    if isinstance(process, type) or not hasattr(process, "step_vjp"):
        raise ValueError(f"process={process!r} has no step_vjp; give one with gradients, such as network.layered(theta)")
    as_object(activations, "activations", ("check", "numbers", "stores"), "a way to keep activations", "give Stored() or Reconstructed()")
    activations.check(process)
    x0, paths, seed = checked_starts(x0, process.dim), checked_paths(paths), as_seed_or_fresh(seed)
    sweep = _Sweep(process, x0, paths, terminal, seed, activations)
    chunks = [slice(0, len(x0))] if sweep.few else chunks_of_points(len(x0), paths, process.dim)
    tasks = [chunks[g.start:g.stop] for g in groups(len(chunks))]
    value, total, rest = _added(list(in_order(sweep, tasks, executor)))
    return value, activations.gradient(total), rest


@dataclass(frozen=True, eq=False)
class _Sweep:
    """The three results, added over some slices of the start points."""

    process: Any
    x0: np.ndarray
    paths: int
    terminal: Any
    seed: int
    activations: Any

    @property
    def few(self):
        """Whether all paths are one chunk."""
        count = len(self.x0) * self.paths
        return count <= _TOGETHER and count * self.activations.numbers(self.process) <= _KEPT

    def __call__(self, chunks):
        total = None
        for rows in chunks:
            part = self._chunk(rows)
            total = part if total is None else _added([total, part])
        return total

    def _chunk(self, rows):
        """The three results for some whole start points; a single point's many paths are cut into pieces in their turn."""
        begin, count = rows.start * self.paths, (rows.stop - rows.start) * self.paths
        dim, each = self.process.dim, self.activations.numbers(self.process)
        size = partition.chunk_among(count, dim) if self.few else partition.chunk_of(dim)
        piece, keep = min(size, max(_LEAST, _PIECE // each)), self.activations.stores and count * each <= _KEPT
        kept, ends, total = [None] * -(-count // piece), np.empty((count, dim)), _Ordered()

        def started(lo, hi):
            return starts(self.x0, self.paths, begin + lo, begin + hi)

        def forward(lo, hi):
            if keep:
                kept[lo // piece] = self.process.trajectory(started(lo, hi), self.seed, begin + lo)
                ends[lo:hi] = kept[lo // piece][-1].T
            else:
                ends[lo:hi] = self.process.ends(started(lo, hi), self.seed, begin + lo).T

        over_chunks(forward, count, piece)
        contribution, back, rest = self._terminal(ends, rows)

        def backward(lo, hi):
            k, first, cotangent = lo // piece, begin + lo, np.ascontiguousarray(back[lo:hi].T)
            if self.activations.stores:
                states = self.process.trajectory(started(lo, hi), self.seed, first) if kept[k] is None else kept[k]
                kept[k] = None
                total.add(k, self.process.reverse(states, self.seed, first, cotangent))
            else:
                total.add(k, swept_back(self.process, started(lo, hi), np.ascontiguousarray(ends[lo:hi].T), self.seed, first, cotangent))

        over_chunks(backward, count, piece)
        return contribution, total.sum, rest

    def _terminal(self, ends, rows):
        """The functional at the ends (count, d), its cotangent of them (count, d) and of its own parameters."""
        expected = (rows.stop - rows.start, self.paths, self.process.dim)
        answer = self.terminal(ends.reshape(expected), rows)
        if not isinstance(answer, tuple) or len(answer) != 3 or any(np.asarray(part).dtype.kind not in "biuf" for part in (answer[0], answer[2])):
            raise ValueError(f"terminal returned {short(answer)}; expected three: its contribution, the cotangent of the ends, and that of its own parameters")
        contribution, back, rest = answer
        if np.shape(back) != expected:
            raise ValueError(f"terminal returned a cotangent of shape {np.shape(back)}; expected that of the ends, {expected}")
        if not np.isfinite(back).all():
            bad = np.unravel_index(int(np.argmin(np.isfinite(back))), expected)
            raise ValueError(f"terminal returned a cotangent that is not finite for the end {ends.reshape(expected)[bad[:2]].tolist()}")
        return contribution, np.reshape(back, ends.shape), rest


def _added(parts):
    return tuple(_in_order([part[i] for part in parts]) for i in range(3))


def _in_order(terms):
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


class _Ordered:
    """A sum of terms that come in any order, from any thread, added in the order of their numbers: few wait at a time."""

    def __init__(self):
        self.sum, self._next, self._waiting, self._lock = None, 0, {}, threading.Lock()

    def add(self, number, term):
        with self._lock:
            self._waiting[number] = term
            while self._next in self._waiting:
                term = self._waiting.pop(self._next)
                self.sum, self._next = term if self.sum is None else self.sum + term, self._next + 1
