"""Step boundaries of a march, and the times at which its states are kept."""

from typing import Any

import numpy as np

from ocnet.typing import Array

__all__ = ["Keeper", "step_times"]


def step_times(horizon: float, breaks: Any, steps: int) -> Array:
    """Return increasing times from 0 to horizon: every break inside is a step boundary, steps are spread by length.

    Each interval between breaks gets its share of `steps` (at least one, by largest remainder), so the total exceeds
    `steps` only when there are more intervals than steps.
    """
    if int(steps) != steps or steps < 1:
        raise ValueError(f"steps={steps} is not a positive whole number")
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
        if np.ndim(keep) == 0:
            if int(keep) != keep or keep < 1:
                raise ValueError(f"keep={keep} is not a count ≥ 1 of kept times, nor a sequence of times")
            wanted = np.linspace(times[0], times[-1], int(keep))
        else:
            wanted = np.asarray(keep, dtype=float)
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
