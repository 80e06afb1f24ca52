"""Carry paths through every layer."""

from dataclasses import dataclass

import numpy as np

from ocnet.kernels.philox import checked_seed
from ocnet.kernels.threads import over_chunks, run_all
from ocnet.process import checked_points

__all__ = ["CHUNK", "Propagation", "checked_paths", "chunks_of_points", "over_ends", "propagate", "starts"]

CHUNK = 1 << 13                      # paths that go through all layers together, in the second-level cache


@dataclass(frozen=True, eq=False)
class Propagation:
    """Paths of a layered process, read-only.

    ends   : (n, paths, d) end states of `paths` draws from each start point
    seed   : reproduces them bit for bit
    layers : (N + 1, n, paths, d) states at all layers, where they were asked for, else None
    """

    ends: np.ndarray
    seed: int
    layers: np.ndarray = None

    def __post_init__(self):
        for array in (self.ends, self.layers):
            if array is not None:
                array.flags.writeable = False

    def __repr__(self):
        n, paths, d = self.ends.shape
        return f"Propagation({n} points × {paths} paths in dimension {d}, seed {self.seed})"


def chunks_of_points(points, paths):
    """Slices of whole start points, of about 8192 paths each: a function of the two counts alone."""
    step = max(1, CHUNK // paths)
    return [slice(lo, min(lo + step, points)) for lo in range(0, points, step)]


def checked_paths(paths, least=1):
    """Return `paths` as an int ≥ `least`, or raise ValueError."""
    if int(paths) != paths or paths < least:
        raise ValueError(f"paths={paths} is not a whole number ≥ {least}")
    return int(paths)


def starts(x0, paths, lo, hi):
    """(d, hi − lo) start states of the paths number lo … hi − 1, `paths` of them from each point of x0 (n, d)."""
    return np.ascontiguousarray(x0[np.arange(lo, hi) // paths].T)


def over_ends(process, x0, paths, consume, seed=0):
    """Call `consume(ends (points, paths, d), rows)` for slices `rows` of the start points x0 (n, d).

    A slice holds all paths of its points, so memory is that of a few chunks or of one point's paths, however many
    points there are.  `consume` runs on several threads at once and must write to places of its own.
    Raises ValueError if x0 is not finite, naming its first bad row.
    """
    x0, paths, seed = checked_points(x0, process.dim, "x0"), checked_paths(paths), checked_seed(seed)

    def task(rows):
        begin, count = rows.start * paths, (rows.stop - rows.start) * paths
        ends = np.empty((count, process.dim))

        def piece(lo, hi):
            ends[lo:hi] = process.ends(starts(x0, paths, begin + lo, begin + hi), seed, begin + lo).T

        over_chunks(piece, count, CHUNK)
        consume(ends.reshape(-1, paths, process.dim), rows)

    run_all([lambda rows=rows: task(rows) for rows in chunks_of_points(len(x0), paths)])


def propagate(process, x0, paths, seed=0, keep_layers=False):
    """Carry `paths` draws from each start point through every layer of a LayeredProcess, drawing its own noise.

    x0          : (n, d) start points, not changed
    keep_layers : whether to return the states at all layers too, N + 1 times the memory
    Returns Propagation: the law is that of the layers themselves, no limit is taken.
    Raises ValueError if x0 is not finite, naming its first bad row.  Cost: n · paths · N block evaluations.
    """
    x0, paths, seed = checked_points(x0, process.dim, "x0"), checked_paths(paths), checked_seed(seed)
    kept = process.layers + 1 if keep_layers else 1
    states = np.empty((kept, len(x0) * paths, process.dim))

    def piece(lo, hi):
        x = starts(x0, paths, lo, hi)
        if not keep_layers:
            states[0, lo:hi] = process.ends(x, seed, lo).T
            return
        for n, x in enumerate(process.states(x, seed, lo)):
            states[n, lo:hi] = x.T

    over_chunks(piece, len(x0) * paths, CHUNK)
    states = states.reshape(kept, len(x0), paths, process.dim)
    return Propagation(states[-1], seed, states if keep_layers else None)
