"""States of a march in the order in which its transpose needs them, within a bounded memory.

The values run from T down to 0, the transposed sweep runs up again and asks for u(t_1), u(t_2), …, u(t_N): the last one
made first.  With room for all, all are kept; with less, checkpoints are laid out binomially and the rest is computed again
(Griewank & Walther 2000, Algorithm 799: with s checkpoints and at most r sweeps over each step, C(s + r, s) steps are served).
"""

from collections.abc import Callable, Iterator
from math import comb

from ocnet.typing import Array

__all__ = ["states_upward"]


def states_upward(advance: Callable[[int, Array], Array], terminal: Array, steps: int, slots: int,
                  ends: bool = True) -> Iterator[tuple[int, Array, Array | None]]:
    """Yield (k, u at times[k + 1], and u at times[0] with the first, if `ends`) for k = 0 … steps − 1, keeping at most `slots` states.

    advance  : callable (k, u at times[k + 1]) -> u at times[k]
    terminal : u at times[steps];  slots : states kept besides the terminal one and the one at hand, ≥ 0
    """
    first = None
    for k, u in _upward(advance, terminal, 0, steps, max(0, int(slots))):
        if k == 0 and ends:
            first = advance(0, u)
        yield k, u, first
        first = None


def _upward(advance, top, low, high, slots):
    """(k, u at k + 1) for k = low … high − 1 from `top`, the state at `high`."""
    if high - low <= slots + 1:
        states = [top]
        for k in range(high - 1, low, -1):
            states.append(advance(k, states[-1]))
        for k in range(low, high):
            yield k, states.pop()
        return
    middle = low + _lower_part(high - low, slots) if slots else low + 1
    u = top
    for k in range(high - 1, middle - 1, -1):
        u = advance(k, u)
    if slots:
        yield from _upward(advance, u, low, middle, slots - 1)
    else:
        yield low, u
    del u
    yield from _upward(advance, top, middle, high, slots)


def _lower_part(steps, slots):
    """How many of `steps` lie below the next checkpoint, so that no step is run more often than need be."""
    sweeps = 1
    while comb(slots + sweeps, slots) < steps:
        sweeps += 1
    return min(max(steps - comb(slots + sweeps - 1, slots), 1), steps - 1)
