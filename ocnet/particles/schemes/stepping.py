"""What the schemes share: where steps end, and the layered process that takes them."""

from typing import Any

import numpy as np

from ocnet.inputs import as_number, as_object, as_whole
from ocnet.laws import Normal, Silent
from ocnet.process import LayeredProcess
from ocnet.typing import Array, Law

__all__ = ["Scheme", "SteppedDiffusion", "check_columns", "layer_times"]


def layer_times(diffusion: Any, horizon: float, steps: int) -> Array:
    """(N + 1,) times from 0 to the horizon: each interval between `diffusion.breaks` gets its share of `steps`, rounded up.

    Raises ValueError unless steps is a whole number ≥ 1.
    """
    steps, horizon = as_whole(steps, "steps"), as_number(horizon, "horizon", above=0, at_most=1e300, remedy="a horizon is a finite time > 0")
    edges = [0.0, *sorted({t for t in diffusion.breaks if 1e-12 * horizon < t < (1 - 1e-12) * horizon}), horizon]
    times = [np.linspace(a, b, int(np.ceil(steps * (b - a) / horizon - 1e-9)) + 1) for a, b in zip(edges, edges[1:])]
    found = np.concatenate([times[0], *(t[1:] for t in times[1:])])
    if not (np.diff(found) > 0).all():
        raise ValueError(f"horizon={horizon} is too short for steps={steps} that differ")
    return found


class Scheme:
    """What a member adds its formula to."""

    def law(self, channels: int, constant: bool) -> Law:
        """The law of ξ for so many columns of G; `constant` says whether G is a constant array."""
        return Normal(channels) if channels else Silent()

    def mean(self, diffusion: Any, t: float, dt: float, x: Array) -> Array | None:
        """E[X_{n+1} | X_n = x] at x (d, n): x + dt f, as of every step whose noise terms have mean 0."""
        return x + dt * diffusion.drift_rows(t, x)

    def layered(self, diffusion: Any, horizon: float, steps: int, channels: int | None = None) -> "SteppedDiffusion":
        """Return the LayeredProcess of at least `steps` steps; its law tends to the diffusion's with the scheme's weak order.

        channels : m, columns of G; may be left out where the factor is constant
        """
        as_object(diffusion, "diffusion", ("drift_rows", "factor_rows", "breaks", "dim"), "a Diffusion", "give one, such as network.diffusion(theta)")
        if channels is None:
            if diffusion.constant_factor is None:
                raise ValueError("channels=None, but the factor is not constant; say how many columns it has")
            channels = diffusion.constant_factor.shape[1]
        channels = as_whole(channels, "channels", 0)
        law = self.law(channels, diffusion.constant_factor is not None)
        return SteppedDiffusion(self, diffusion, law, layer_times(diffusion, horizon, steps))


def check_columns(G: Array, expected: int, t: float) -> None:
    """Raise ValueError unless the factor G (d, m, n) at time t has as many columns as there are draws for."""
    if G.shape[1] != expected:
        raise ValueError(f"factor has {G.shape[1]} columns at t={t:g}, but noise is drawn for {expected}; give it equally many at all times "
                         "(zeros where there are fewer), or say channels=")


class SteppedDiffusion(LayeredProcess):
    """The steps of a scheme for a diffusion, one a layer."""

    def __init__(self, scheme: Any, diffusion: Any, law: Law, times: Array) -> None:
        self.scheme, self.diffusion = scheme, diffusion
        super().__init__(self.step, law, diffusion.dim, times)

    def _interval(self, n):
        return self.times[n], self.times[n + 1] - self.times[n]

    def step(self, n: int, x: Array, xi: Array) -> Array:
        """X_{n+1} (d, points) from x (d, points) and ξ (channels, points)."""
        return self.scheme.step(self.diffusion, *self._interval(n), x, xi)

    def mean_step(self, n: int, x: Array) -> Array | None:
        """E[X_{n+1} | X_n = x] (d, points), or None where the scheme has no closed form."""
        return self.scheme.mean(self.diffusion, *self._interval(n), x)
