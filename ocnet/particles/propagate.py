"""Carry paths through every layer."""

from dataclasses import dataclass

import numpy as np

from ocnet.kernels.threads import run_all
from ocnet.process import checked_points

__all__ = ["Propagation", "chunks_of_points", "over_ends", "propagate"]

_CHUNK = 1 << 13                     # paths that go through all layers together, in the second-level cache


@dataclass(frozen=True, eq=False)
class Propagation:
    """ends (n, paths, d): end states of `paths` draws from each start point; seed: reproduces them bit for bit.

    layers (layers + 1, n, paths, d): states at all layers, where they were asked for, else None
    """

    ends: np.ndarray
    seed: int
    layers: np.ndarray = None

    def __repr__(self):
        n, paths, d = self.ends.shape
        return f"Propagation({n} points × {paths} paths in dimension {d}, seed {self.seed})"


def chunks_of_points(points, paths):
    """Slices of whole start points, of about 8192 paths each: a function of the two counts alone."""
    step = max(1, _CHUNK // paths)
    return [slice(lo, min(lo + step, points)) for lo in range(0, points, step)]


def checked_paths(paths):
    """Return `paths` as an int ≥ 1, or raise ValueError."""
    if int(paths) != paths or paths < 1:
        raise ValueError(f"paths={paths} is not a whole number ≥ 1")
    return int(paths)


def over_ends(process, x0, paths, consume, seed=0, keep=False):
    """Call `consume(ends (points, paths, d), rows, states)` for slices `rows` of the start points x0 (n, d).

    states : (layers + 1) list of (d, points · paths), or None unless `keep`
    Memory is that of a few chunks, however many paths there are.  `consume` runs on several threads at once and
    must write to places of its own.  Law: the layered process itself; no limit is taken.
    """
    x0, paths = checked_points(x0, process.dim, "x0"), checked_paths(paths)

    def task(rows):
        x = np.repeat(x0[rows].T, paths, axis=1)
        states = [x] if keep else None
        for n in range(process.layers):
            x = process.step(n, x, process.law.draw(seed, rows.start * paths, x.shape[1], n))
            if keep:
                states.append(x)
        consume(np.ascontiguousarray(x.T).reshape(-1, paths, process.dim), rows, states)

    run_all([lambda rows=rows: task(rows) for rows in chunks_of_points(len(x0), paths)])


def propagate(process, x0, paths, seed=0, keep_layers=False):
    """Return the end states of `paths` draws from each start point of x0 (n, d) through every layer.

    Raises ValueError if x0 is not finite, naming its first bad row.  Cost: n · paths · layers block evaluations.
    """
    x0, paths = checked_points(x0, process.dim, "x0"), checked_paths(paths)
    ends = np.empty((len(x0), paths, process.dim))
    layers = np.empty((process.layers + 1, *ends.shape)) if keep_layers else None

    def consume(values, rows, states):
        ends[rows] = values
        if keep_layers:
            for n, x in enumerate(states):
                layers[n, rows] = x.T.reshape(-1, paths, process.dim)

    over_ends(process, x0, paths, consume, seed, keep_layers)
    return Propagation(ends, seed, layers)
