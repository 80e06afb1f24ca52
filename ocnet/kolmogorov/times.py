"""Step boundaries of a march, and the times at which its states are kept."""

from typing import Any

import numpy as np

from ocnet.inputs import as_array, as_whole
from ocnet.typing import Array

__all__ = ["Keeper", "step_times"]

_MOST = 10**8                        # steps of a march, or kept times


def step_times(horizon: float, breaks: Any, steps: int) -> Array:
    """Return increasing times from 0 to horizon: every break inside is a step boundary, steps are spread by length.

    Each interval between breaks gets its share of `steps` (at least one, by largest remainder), so the total exceeds
    `steps` only when there are more intervals than steps.
    """
    steps = as_whole(steps, "steps", at_most=_MOST)
    slack = 1e-12 * horizon
    inside = sorted({float(b) for b in breaks if slack < b < horizon - slack})
    ends = np.array([0.0, *inside, horizon])
    share = np.diff(ends) / horizon * steps
    counts = np.maximum(1, np.floor(share + 1e-9).astype(int))
    while counts.sum() < steps:
        counts[np.argmax(share - counts)] += 1
    pieces = [np.linspace(a, b, n + 1)[:-1] for a, b, n in zip(ends[:-1], ends[1:], counts)]
    return np.append(np.concatenate(pieces), horizon)


class Keeper:
    """Keeps copies of the states at chosen times: called as keeper(k, u), u (q, size) at times[k].

    keep : number of kept times, evenly spread, or the times themselves; each is moved to the nearest step boundary
    """

    def __init__(self, times: Array, keep: Any) -> None:
        if not isinstance(keep, (list, tuple, range)) and np.ndim(keep) == 0:
            wanted = np.linspace(times[0], times[-1], as_whole(keep, "keep", 1, "it is how many times are kept, or a sequence of times", _MOST))
        else:
            wanted = as_array(keep, "keep")
            if wanted.ndim != 1 or not wanted.size:
                raise ValueError(f"keep has shape {wanted.shape}; give how many times are kept, or a sequence of one time or more")
            if ((wanted < times[0]) | (wanted > times[-1])).any():
                raise ValueError(f"keep has times outside [{times[0]:g}, {times[-1]:g}]")
        self.indices = sorted({int(np.abs(times - t).argmin()) for t in wanted})
        self.kept: dict[int, Array] = {}
        self.times = times[self.indices]

    def __call__(self, k: int, u: Array) -> None:
        if k in self.indices:
            self.kept[k] = u.copy()

    def stacked(self) -> Any:
        """(K, q, size), increasing in time."""
        return np.stack([self.kept[k] for k in self.indices])
