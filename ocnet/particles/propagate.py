"""Carry paths through every layer."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.inputs import as_flag, as_object, as_seed_or_fresh
from ocnet.kernels.threads import over_chunks, run_all
from ocnet.process import checked_starts
from ocnet.typing import Array, ArrayLike
from ocnet.xarrays import dataset, labelled

from . import partition
from .executors import in_order
from .partition import groups
from .sampling.independent import checked_paths

__all__ = ["Propagation", "chunks_of_points", "over_ends", "propagate", "starts"]

_AHEAD, _SLICES = 16, 32             # tasks that an executor holds for over_ends, and slices of points in one


@dataclass(frozen=True, eq=False)
class Propagation(Saved):
    """Paths of a layered process, read-only.

    ends   : (n, paths, d) end states of `paths` draws from each start point
    seed   : reproduces them bit for bit
    layers : (N + 1, n, paths, d) states at all layers, where they were asked for, else None
    """

    ends: np.ndarray
    seed: int
    layers: Array | None = None

    def __post_init__(self) -> None:
        for array in (self.ends, self.layers):
            if array is not None:
                array.flags.writeable = False

    def plot(self, ax: Any = None, component: int = 0) -> Any:
        """Draw one component of the paths over the layers as bands between quantiles, all start points together; returns the axes.

        Raises ValueError where only the ends were kept.
        """
        states = self._kept()
        return plotting.paths(np.arange(len(states)), states[..., component].reshape(len(states), -1),
                              labels=("layer n", f"$x_{component + 1}$" if states.shape[-1] > 1 else "$x$"), ax=ax)

    def animate(self, labels: Any = None, pace: float = 5.0) -> plotting.Animation:
        """Return the film of the paths, all start points together; labels : (n,) −1 or 1 of the start points, or None.  Raises as `plot`."""
        states = self._kept()
        marks = None if labels is None else np.repeat(np.asarray(labels), states.shape[2])
        return plotting.animate_paths(np.arange(len(states)), states.reshape(len(states), -1, states.shape[-1]), marks, pace=pace)

    def _kept(self) -> np.ndarray:
        if self.layers is None:
            raise ValueError("layers=None: only the ends of the paths were kept; propagate with keep_layers=True to see them on their way")
        return self.layers

    def to_dict(self) -> dict[str, Any]:
        """Plain values: ends and layers as arrays, as there may be many, and the seed."""
        return {"ends": self.ends, "layers": self.layers, "seed": self.seed}

    def to_xarray(self) -> Any:
        """Return an xarray.Dataset of ends over point, path and component, and of layers, where they were kept, over layer too."""
        dims = ("point", "path", "component")
        variables = {"ends": labelled(dims, self.ends, "end states of the paths", "state")}
        if self.layers is not None:
            variables["layers"] = labelled(("layer", *dims), self.layers, "states at all layers", "state")
        return dataset(variables, {"component": labelled("component", range(1, self.ends.shape[-1] + 1), "component of the state")}, {"seed": self.seed})

    def __repr__(self) -> str:
        n, paths, d = self.ends.shape
        return f"Propagation({n} points × {paths} paths in dimension {d}, seed {self.seed})"


def chunks_of_points(points: int, paths: int, dim: int = 1) -> list[slice]:
    """Slices of whole start points, of about `chunk_of(dim)` paths each, fewer where there are few in all: a function of the counts alone."""
    step = max(1, partition.chunk_among(points * paths, dim) // paths)
    return [slice(lo, min(lo + step, points)) for lo in range(0, points, step)]


def starts(x0: Array, paths: int, lo: int, hi: int) -> Array:
    """(d, hi − lo) start states of the paths number lo … hi − 1, `paths` of them from each point of x0 (n, d)."""
    return np.ascontiguousarray(x0[np.arange(lo, hi) // paths].T)


@dataclass(frozen=True, eq=False)
class _Walk:
    """Paths of a process from x0, path k of point i being number i · paths + k."""

    process: Any
    x0: np.ndarray
    paths: int
    seed: int
    keep_layers: bool = False

    def into(self, states, lo, hi):
        """Write the states (kept, hi − lo, d) of the paths number lo … hi − 1, batch by batch."""
        over_chunks(lambda a, b: self._batch(states[:, a:b], lo + a, lo + b), hi - lo, partition.chunk_of(self.process.dim))

    def _batch(self, states, lo, hi):
        x = starts(self.x0, self.paths, lo, hi)
        if not self.keep_layers:
            states[0] = self.process.ends(x, self.seed, lo).T
            return
        for n, x in enumerate(self.process.states(x, self.seed, lo)):
            states[n] = x.T

    def __call__(self, number_range):
        """The same as a new array, for a range of numbers."""
        states = np.empty((self.kept, len(number_range), self.process.dim))
        self.into(states, number_range.start, number_range.stop)
        return states

    @property
    def kept(self):
        return self.process.layers + 1 if self.keep_layers else 1


def _checked(process: Any, x0: ArrayLike, paths: int, seed: int | None) -> tuple[Array, int, int]:
    as_object(process, "process", ("ends", "states", "layers", "dim"), "a LayeredProcess", "give one, such as network.layered(theta)")
    return checked_starts(x0, process.dim), checked_paths(paths), as_seed_or_fresh(seed)


def over_ends(process: Any, x0: ArrayLike, paths: int, consume: Callable[[Array, slice], object], seed: int | None = 0,
              executor: Executor | None = None) -> None:
    """Call `consume(ends (points, paths, d), rows)` for slices `rows` of the start points x0 (n, d).

    A slice holds all paths of its points, so memory is that of a few chunks or of one point's paths, however many
    points there are.  `consume` runs on several threads at once and must write to places of its own; with an `executor`
    (a `concurrent.futures.Executor`, which walks the paths) it is called here, slice after slice.
    Raises ValueError if x0 is not finite, naming its first bad row.
    """
    x0, paths, seed = _checked(process, x0, paths, seed)
    walk, slices = _Walk(process, x0, paths, seed), chunks_of_points(len(x0), paths, process.dim)

    def shown(ends, rows):
        consume(ends.reshape(-1, paths, process.dim), rows)

    def numbers(rows):
        return range(rows.start * paths, rows.stop * paths)

    if executor is None:
        run_all([lambda rows=rows: shown(walk(numbers(rows)), rows) for rows in slices])
        return
    bundles = [slices[g.start:g.stop] for g in groups(len(slices), max(partition.TASKS, -(-len(slices) // _SLICES)))]
    tasks = [numbers(slice(bundle[0].start, bundle[-1].stop)) for bundle in bundles]
    for bundle, ends in zip(bundles, in_order(walk, tasks, executor, ahead=_AHEAD)):
        for rows in bundle:
            first = bundle[0].start
            shown(ends[0, (rows.start - first) * paths:(rows.stop - first) * paths], rows)


def propagate(process: Any, x0: ArrayLike, paths: int, seed: int | None = 0, keep_layers: bool = False, executor: Executor | None = None) -> "Propagation":
    """Carry `paths` draws from each start point through every layer of a LayeredProcess, drawing its own noise.

    x0          : (n, d) start points, not changed;  seed : as for `estimate`
    keep_layers : whether to return the states at all layers too, N + 1 times the memory
    executor    : `concurrent.futures.Executor` that walks the paths; None: threads of this process.  The same bits
    Returns Propagation: the law is that of the layers themselves, no limit is taken.
    Raises ValueError if x0 is not finite, naming its first bad row; FloatingPointError where a path leaves the range of numbers.
    Cost: n · paths · N block evaluations.
    """
    x0, paths, seed = _checked(process, x0, paths, seed)
    walk, total = _Walk(process, x0, paths, seed, as_flag(keep_layers, "keep_layers")), len(x0) * paths
    states = np.empty((walk.kept, total, process.dim))
    if executor is None:
        walk.into(states, 0, total)
    else:
        chunk = partition.chunk_of(process.dim)
        tasks = [range(g.start * chunk, min(g.stop * chunk, total)) for g in groups(-(-total // chunk))]
        for numbers, part in zip(tasks, in_order(walk, tasks, executor)):
            states[:, numbers.start:numbers.stop] = part
    if not np.isfinite(states[-1]).all():
        k = int(np.argmin(np.isfinite(states[-1]).all(axis=1)))
        raise FloatingPointError(f"a path from x0[{k // paths}] = {x0[k // paths].tolist()} leaves the range of floating-point numbers; process takes it there")
    states = states.reshape(walk.kept, len(x0), paths, process.dim)
    return Propagation(states[-1], seed, states if keep_layers else None)
