"""Scouts: paths of a diffusion that find out where a box must lie, in steps that the drift lets be."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import ndtr

from ocnet.kernels import philox
from ocnet.typing import Array

__all__ = ["explored", "leaving", "outside_share", "seen_outside", "wanted_steps"]

_GROWTH, _SIZE = 2.0, 0.05           # dt |Δf| over |Δx| beyond which Euler–Maruyama steps are unstable; of the range, what such a change must be to matter
_MOST, _FASTER = 1 << 14, 64         # steps taken at most, and how many times as many are tried next
_LEAST_SCOUTS = 2000                 # where there are many steps


def explored(process: Any, x: Array, horizon: float, steps: int, seed: int, lowest: Array, highest: Array) -> tuple[Array, Array]:
    """Smallest and largest states (d,) of Euler–Maruyama paths of a Diffusion from x (d, scouts), stopped at lowest and highest.

    Where steps are too long for the drift, as they show by growing, as many more are taken as its Lipschitz constant asks for.
    Raises FloatingPointError for a drift that 2¹⁴ steps do not follow.
    """
    while True:
        lower, upper, wanted = _walked(process, x, horizon, steps, seed, lowest, highest)
        if wanted <= steps:
            return lower, upper
        if steps >= _MOST:
            raise FloatingPointError(f"the drift changes too fast for the paths that look for a box: they would take about {wanted:.2g} steps, and at "
                                     f"most {_MOST} are taken; give the box, by box=(lower, upper) or a Grid of your own")
        more = int(np.clip(wanted / steps, 2, _FASTER))
        x, steps = _fewer(x, more), min(more * steps, _MOST)


def _fewer(x, share):
    """About one in `share` of the columns of x (d, n), but not fewer than 2000, and the outermost along each axis."""
    outermost = np.concatenate([x.argmin(axis=1), x.argmax(axis=1)])
    return np.ascontiguousarray(x[:, np.union1d(np.arange(0, x.shape[1], max(1, min(share, x.shape[1] // _LEAST_SCOUTS))), outermost)])


def _walked(process, x, horizon, steps, seed, lowest, highest):
    """Extremes (d,) twice, and how many steps are wanted: more than `steps` where these were unstable, and then the walk was broken off."""
    lower, upper, dt, before = x.min(axis=1), x.max(axis=1), horizon / steps, None
    for n in range(steps):
        t, root = n * dt, process.factor_rows(n * dt, x)
        xi = philox.normals(seed, 0, x.shape[1], n, max(root.shape[1], 1))[: root.shape[1]]
        drift = process.drift_rows(t, x)
        wanted = 0.0 if before is None else wanted_steps(process, t, horizon, dt, before, (x, drift), _SIZE * (upper - lower))
        if wanted > steps:
            return lower, upper, wanted
        before = x, drift
        x = x + dt * drift + np.sqrt(dt) * np.einsum("ijp,jp->ip", root, xi)
        x = np.ascontiguousarray(np.clip(x, lowest[:, None], highest[:, None]))
        lower, upper = np.minimum(lower, x.min(axis=1)), np.maximum(upper, x.max(axis=1))
    return lower, upper, 0.0


def wanted_steps(process: Any, t: float, horizon: float, dt: float, before: tuple[Array, Array], now: tuple[Array, Array], matters: Array) -> float:
    """Steps for which dt times the drift's Lipschitz constant is 1 between two states of a path, where dt is too long for that, else 0.

    before, now : (states, their drift), each (d, paths), the latter at time t;  matters (d,): changes of a step that do

    A drift that has another form at another time is no reason: a candidate is judged by the drift of one time.
    """
    (x0, f0), (x1, f1) = before, now
    if (dt * np.abs(f1 - f0).max(axis=1) <= matters).all():
        return 0.0
    far, change = np.abs(x1 - x0).max(axis=0), dt * np.abs(f1 - f0)
    if not ((change.max(axis=0) > _GROWTH * far) & (change > matters[:, None]).any(axis=0)).any():
        return 0.0
    change = dt * np.abs(f1 - process.drift_rows(t, x0))
    wild = (change.max(axis=0) > _GROWTH * far) & (change > matters[:, None]).any(axis=0) & (far > 0)
    return float((change.max(axis=0)[wild] / far[wild]).max()) * horizon / dt if wild.any() else 0.0


def seen_outside(x: Array, lower: Array, upper: Array) -> float:
    """Of points x (d, n): the share outside the box."""
    return float(((x < lower[:, None]) | (x > upper[:, None])).any(axis=0).mean())


def outside_share(x: Array, lower: Array, upper: Array) -> float:
    """The same for few points of one bell: `seen_outside`, or that of normals with their means and deviations along an axis, whichever is larger."""
    low, high, seen = lower[:, None], upper[:, None], seen_outside(x, lower, upper)
    mean, deviation = x.mean(axis=1, keepdims=True), np.maximum(x.std(axis=1, keepdims=True), 1e-300)
    return max(seen, float((ndtr((low - mean) / deviation) + ndtr((mean - high) / deviation)).max()))


def leaving(process: Any, x: Array, box: Callable[[int], Any], share_of: Callable[[Array, Array, Array], float] = outside_share) -> float:
    """About the largest share of the paths of a LayeredProcess from x (d, n) that are outside the grid `box(step)` at one; 1 where they leave all numbers."""
    share = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for step, states in enumerate(process.states(x, 0, 0)):
            grid = box(step)
            share = max(share, share_of(states, grid.lower, grid.upper)) if np.isfinite(states).all() else 1.0
    return share
