"""Values at every step time within a bounded memory: some are kept, the others run again from the next kept one."""

from collections import OrderedDict
from typing import Any

import numpy as np

from ocnet.typing import Array

__all__ = ["Recomputed", "slots_within"]


def slots_within(max_memory: float, u: Array, least: int) -> int:
    """How many arrays like u fit into max_memory bytes; ValueError for fewer than `least`."""
    slots = int(max_memory // u.nbytes)
    if slots < least:
        raise ValueError(f"max_memory={max_memory:g} bytes hold {slots} of the values at one time, {u.nbytes} bytes each; at least {least} are needed: give "
                         f"max_memory={least * u.nbytes} or more, or a grid of fewer nodes")
    return slots


class Recomputed:
    """u at any step time of a march, from states kept on its way down.

    march : March;  slots : states in memory at once, at least 3: half of them kept for good, evenly spread and with both ends,
    the others those last run through.  A time not at hand costs at most the steps from the next kept one, about 2 steps/slots.
    """

    def __init__(self, march: Any, slots: int) -> None:
        self.march, self.times = march, march.times
        kept = np.linspace(0, march.steps, min(max(2, slots // 2), march.steps + 1))
        self.kept: dict[int, Any] = dict.fromkeys(int(round(k)) for k in kept)
        self._recent: OrderedDict[int, Array] = OrderedDict()
        self._room = max(1, slots - len(self.kept))

    def __call__(self, k: int, u: Array) -> None:
        """Visit the state u (q, size) at times[k] on the way down."""
        if k in self.kept:
            self.kept[k] = u.copy()

    def stacked(self) -> Any:
        """Times (K,) and values (K, q, size) of the kept states, which from now on are views of the latter."""
        indices = sorted(self.kept)
        values = np.stack([self.kept[k] for k in indices])
        self.kept = dict(zip(indices, values))
        return self.times[indices], values

    def values(self, k: int) -> Array:
        """(q, size) at times[k]."""
        if k in self.kept:
            return self.kept[k]
        if k not in self._recent:
            start = min(j for j in (*self.kept, *self._recent) if j > k)
            u, stepper = self.kept[start] if start in self.kept else self._recent[start], None
            for j in range(start - 1, k - 1, -1):
                stepper = self.march.prepare(j, stepper)
                if j not in self.kept and len(self._recent) >= self._room:
                    self._recent.popitem(last=False)                      # before the next one is made
                u = self.march.step(stepper, j, u)
                if j not in self.kept:
                    self._recent[j] = u
        return self._recent[k]
