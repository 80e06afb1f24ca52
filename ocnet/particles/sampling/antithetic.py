"""Antithetic pairs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet.particles.moments import Moments
from ocnet.particles.partition import chunk_of
from ocnet.typing import Array

from .drawn import Drawn, require_drawable
from .independent import checked_paths

__all__ = ["Antithetic"]


@dataclass(frozen=True)
class Antithetic:
    """Paths 2k and 2k + 1 are a pair, one with the mirrored noise of the other: −ξ for a symmetric law, 1 − u for its uniforms.

    The standard error is that of the pairs' means, so it is honest whether the pairs help (payoffs odd in the noise: exact) or
    harm (even ones: twice the variance).  Paths must be even in number.
    Source   Hammersley & Morton (1956)
    """

    replicates = 1

    @classmethod
    def example(cls) -> "Antithetic":
        return cls()

    def checked(self, paths: int) -> int:
        paths = checked_paths(paths, least=4)
        if paths % 2:
            raise ValueError(f"paths={paths} is odd, but antithetic paths come in pairs; use paths={paths + 1}")
        return paths

    def samples(self, paths: int) -> int:
        return paths // 2

    def batch_size(self, process: Any) -> int:
        return chunk_of(process.dim)

    def noises(self, process: Any, seed: int, batches: Any) -> Iterator[Any]:
        require_drawable(process, self)
        for batch in batches:
            yield Drawn(_Pairs(process, seed, batch.first // 2, batch.count // 2))

    def moments(self, payoffs: Array) -> Any:
        return Moments.of(payoffs.reshape(*payoffs.shape[:-1], -1, 2).mean(axis=-1))


@dataclass(frozen=True)
class _Pairs:
    """The noise (channels, 2 · pairs) of a layer: a draw and its mirror image, in turn."""

    process: Any
    seed: int
    first: int
    pairs: int

    def __call__(self, n):
        law = self.process.law_at(n)
        xi = np.empty((law.channels, 2 * self.pairs))
        for mirrored in (False, True):
            xi[:, int(mirrored)::2] = law.draw(self.seed, self.first, self.pairs, n, mirrored)
        return xi
