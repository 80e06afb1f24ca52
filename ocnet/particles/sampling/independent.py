"""Independent paths: plain Monte Carlo."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ocnet.inputs import as_whole
from ocnet.particles.moments import Moments
from ocnet.particles.partition import chunk_of
from ocnet.typing import Array

__all__ = ["Independent", "checked_paths"]


def checked_paths(paths: int, least: int = 1) -> int:
    """Return `paths` as an int ≥ `least`, or raise ValueError."""
    return as_whole(paths, "paths", least)


@dataclass(frozen=True)
class _Addressed:
    """The noise that a process draws itself for the paths from number `first` on."""

    seed: int
    first: int

    def states(self, process, x):
        return process.states(x, self.seed, self.first)

    def ends(self, process, x):
        return process.ends(x, self.seed, self.first)


@dataclass(frozen=True)
class Independent:
    """Every path has noise of its own: path k of point i that of number i · paths + k."""

    replicates = 1

    @classmethod
    def example(cls) -> "Independent":
        return cls()

    def checked(self, paths: int) -> int:
        return checked_paths(paths, least=2)

    def samples(self, paths: int) -> int:
        return paths

    def batch_size(self, process: Any) -> int:
        return chunk_of(process.dim)

    def noises(self, process: Any, seed: int, batches: Any) -> Iterator[Any]:
        for batch in batches:
            yield _Addressed(seed, batch.first)

    def moments(self, payoffs: Array) -> Any:
        return Moments.of(payoffs)
