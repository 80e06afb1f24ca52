"""Noise that a sampling drew itself, for processes that are Markov chains of their `step`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ocnet.process import LayeredProcess
from ocnet.typing import Array

__all__ = ["Drawn", "require_drawable"]


def require_drawable(process: Any, sampling: Any) -> None:
    """Raise ValueError where a process draws its noise in a way of its own, which `sampling` would not follow."""
    if type(process).draw is not LayeredProcess.draw:
        raise ValueError(f"sampling={sampling!r} draws from the laws of the layers, but process={process!r} draws its noise in a way "
                         "of its own; use sampling=Independent()")


@dataclass(frozen=True)
class Drawn:
    """`draw(n)` is the noise (channels, count) of layer n."""

    draw: Callable[[int], Array]

    def states(self, process: Any, x: Array) -> Iterator[Array]:
        yield x
        for n in range(process.layers):
            x = process.step(n, x, self.draw(n))
            yield x

    def ends(self, process: Any, x: Array) -> Array:
        for x in self.states(process, x):  # noqa: B007
            pass
        return x
