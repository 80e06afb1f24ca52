"""Randomised quasi-Monte Carlo."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.inputs import as_whole
from ocnet.kernels.philox import derived_seed
from ocnet.particles.moments import Moments
from ocnet.particles.partition import CHUNK
from ocnet.typing import Array

from .coordinates import Coordinates
from .drawn import Drawn, require_drawable
from .independent import checked_paths

__all__ = ["Sobol"]

_BITS = 30                           # of a coordinate, so that a replicate has at most 2³⁰ points
_MAKING = threading.Lock()           # SciPy 1.11 reads its tables for the first generator, and those begun meanwhile have wrong points
_NUMBERS = 1 << 23                   # of a batch: 64 MB of coordinates


@dataclass(frozen=True)
class Sobol:
    """Scrambled Sobol' points: `replicates` independent scramblings, whose means are the samples of the standard error.

    Coordinates in the order of their importance: those of normal channels make a Brownian bridge over the layers (its end first,
    then middles), which Sobol' points fill best; then come the other channels, layer by layer, by inversion of their
    distribution functions.  All start points share the points, so their errors are alike.
    Paths must be replicates times a power of two.  Error nearly O(1/paths) for smooth payoffs of few effective dimensions.
    Intervals use Student's law of replicates − 1 degrees of freedom.
    Source   Owen (1995); Caflisch, Morokoff & Owen (1997) for the bridge; points: scipy.stats.qmc.Sobol.
    """

    replicates: int = 16

    def __post_init__(self) -> None:
        object.__setattr__(self, "replicates", as_whole(self.replicates, "replicates", 2, "the spread of replicates is the error"))

    @classmethod
    def example(cls) -> "Sobol":
        return cls(replicates=8)

    def checked(self, paths: int) -> int:
        paths = checked_paths(paths)
        share = paths / self.replicates               # 2^round(log₂) is the nearest power in ratio
        nearest = 2 ** min(max(round(np.log2(share)), 0), _BITS)
        if share != nearest:
            raise ValueError(f"paths={paths} is not replicates={self.replicates} times a power of two up to 2^{_BITS}; "
                             f"use paths={self.replicates * nearest}")
        return paths

    def samples(self, paths: int) -> int:
        return self.replicates

    def batch_size(self, process: Any) -> int:
        return min(CHUNK, 1 << (_NUMBERS // max(Coordinates(process).number, 1)).bit_length() - 1)

    def noises(self, process: Any, seed: int, batches: Any) -> Iterator[Any]:
        """Points are made one after the other, so a task jumps to its first one and then goes on."""
        require_drawable(process, self)
        coordinates, at, engine = Coordinates(process), None, None
        for batch in batches:
            lo, count = batch.lo - batch.replicate * (batch.paths // self.replicates), batch.hi - batch.lo
            if (batch.replicate, lo) != at:
                engine = _engine(coordinates.number, derived_seed(seed, batch.replicate), lo)
            at = batch.replicate, lo + count
            yield Drawn(_Tiled(coordinates.noise(_points(engine, count)), batch.points))

    def moments(self, payoffs: Array) -> Any:
        return Moments.of(payoffs)


def _engine(dimensions, seed, skipped):
    if dimensions == 0:
        return None
    from scipy.stats import qmc  # on first use: scipy.stats takes half a second to load

    if dimensions > qmc.Sobol.MAXDIM:
        raise ValueError(f"the layers need {dimensions} uniforms a path, but Sobol' points have at most {qmc.Sobol.MAXDIM} coordinates; "
                         "use fewer steps (a scheme of higher order needs fewer), or sampling=Antithetic()")
    with _MAKING:
        engine = qmc.Sobol(dimensions, scramble=True, bits=_BITS, seed=np.random.Generator(np.random.PCG64(seed)))
    return engine.fast_forward(skipped) if skipped else engine


def _points(engine, count):
    """(dimensions, count) next points, in the middle of their cells of 2^−30, so never 0."""
    if engine is None:
        return np.empty((0, count))
    return np.ascontiguousarray(engine.random(count).T) + 0.5**(_BITS + 1)


@dataclass(frozen=True)
class _Tiled:
    """The noise (channels, points · count) of a layer, the same for every start point."""

    noise: list
    points: int

    def __call__(self, n):
        return np.tile(self.noise[n], (1, self.points))
