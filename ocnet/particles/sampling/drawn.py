"""Noise that a sampling drew itself, for processes that are Markov chains of their `step`."""

from dataclasses import dataclass

from ocnet.process import LayeredProcess

__all__ = ["Drawn", "require_drawable"]


def require_drawable(process, sampling):
    """Raise ValueError where a process draws its noise in a way of its own, which `sampling` would not follow."""
    if type(process).draw is not LayeredProcess.draw:
        raise ValueError(f"sampling={sampling!r} draws from the laws of the layers, but process={process!r} draws its noise in a way "
                         "of its own; use sampling=Independent()")


@dataclass(frozen=True)
class Drawn:
    """`draw(n)` is the noise (channels, count) of layer n."""

    draw: object

    def states(self, process, x):
        yield x
        for n in range(process.layers):
            x = process.step(n, x, self.draw(n))
            yield x

    def ends(self, process, x):
        for x in self.states(process, x):  # noqa: B007
            pass
        return x
