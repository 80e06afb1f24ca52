"""Where the layers of an architecture are stable: measured regions of u' = λu, and the products of a trained LM-ResNet's companion matrices."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.inputs import LARGEST, as_array, as_object, as_whole
from ocnet.networks.network import checked_network
from ocnet.typing import Array, Axes, Mask
from ocnet.xarrays import dataset, labelled

_MOST_NODES = 10_001                 # of an axis
__all__ = ["StabilityRegion", "ZeroStability", "stability_region", "zero_stability"]

_ROUNDING = 1e-12                    # of an eigenvalue above 1; growth by it over 10⁴ layers is 1e-8
_MEETING = 1e-6                      # of two roots that meet on the circle, where rounding is its square root
_SCAN = 4000                         # points of a half axis that are looked at before bisection
_FAR = 20.0                          # length of a half axis


@dataclass(frozen=True, eq=False)
class StabilityRegion(Saved):
    """The layers of an architecture on u' = λu, f = λu in every branch, z = dt λ.

    real (n,), imaginary (m,) : axes of the grid of z;  radius (n, m) : spectral radius of a layer there, stable where ≤ 1
    real_interval, imaginary_interval : s for which z is stable on [−s, 0] and on i[−s, s], by bisection
    stated  : (real, imaginary) as the architecture states them, None where it states nothing
    own     : own numbers, by name
    """

    architecture: Any
    own: dict
    real: np.ndarray
    imaginary: np.ndarray
    radius: np.ndarray
    real_interval: float
    imaginary_interval: float
    stated: tuple

    @property
    def stable(self) -> Mask:
        """(n, m) whether powers of the layer stay bounded, but for double roots on the circle."""
        return self.radius <= 1 + _ROUNDING

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name, without the grid."""
        return {"architecture": repr(self.architecture), "own": dict(self.own), "real_interval": self.real_interval,
                "imaginary_interval": self.imaginary_interval, "stated_real": self.stated[0], "stated_imaginary": self.stated[1]}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the radius over the stable set, its edge, and both intervals; returns the axes."""
        ax = plotting.field(self.real, self.imaginary, np.where(self.stable, self.radius, np.nan), bar=None, ax=ax, cmap="Blues_r", vmin=-0.6, vmax=1.2)
        if (self.radius < 1 - _MEETING).any():                         # a set with an inside
            plotting.boundary(self.real, self.imaginary, self.radius - 1 - _ROUNDING, ax=ax)
        real, imaginary = (min(s, _FAR) for s in (self.real_interval, self.imaginary_interval))
        for x, y in (((-real, 0), (0, 0)), ((0, 0), (-imaginary, imaginary))):
            ax.plot(x, y, color=plotting.UPPER, lw=2.2, solid_capstyle="butt", zorder=3)
        ax.set(xlabel="Re z", ylabel="Im z", aspect="equal")
        return ax

    def to_xarray(self) -> Any:
        """Return an xarray.Dataset over real and imaginary: spectral radius of a layer, and whether it is stable; the intervals as attributes."""
        along = {"real": labelled("real", self.real, "real part of z = dt λ"), "imaginary": labelled("imaginary", self.imaginary, "imaginary part of z")}
        return dataset({"radius": labelled(tuple(along), self.radius, "spectral radius of a layer"),
                        "stable": labelled(tuple(along), self.stable, "whether powers of the layer stay bounded")}, along,
                       {"architecture": self.architecture, **self.own, "real_interval": self.real_interval, "imaginary_interval": self.imaginary_interval})

    def __repr__(self) -> str:
        own = "".join(f", {name}={value:g}" for name, value in self.own.items())
        return (f"StabilityRegion({self.architecture!r}{own}: real [{0 - self.real_interval:.6g}, 0], imaginary ±{self.imaginary_interval:.6g}"
                f", stated {self.stated[0]} and {self.stated[1]})")


def stability_region(architecture: Any, real: tuple[float, float] = (-4.0, 1.0), imaginary: tuple[float, float] = (-3.0, 3.0), nodes: int = 201,
                     **own: float) -> "StabilityRegion":
    """Return the measured `StabilityRegion` of an architecture.

    real, imaginary : ends of the grid of z;  nodes : of each axis, odd for a symmetric axis to have its middle
    own : own numbers of the layers, the same in all, such as k=-0.5 for an LMResNet; typical ones of a fresh layer where not given
    Accuracy  of intervals: the rounding of an eigenvalue over its growth with z, 1e-11, but 1e-7 where two roots meet on the circle (RevNet,
              leapfrog); intervals, and gaps in them, shorter than 0.005 are not seen, and 20 or more is ∞
    """
    checked_architecture(architecture)
    architecture.own_numbers(own)                                      # refuses names that it has not
    nodes = as_whole(nodes, "nodes", 2, at_most=_MOST_NODES)
    x, y = (_axis(ends, nodes, name) for ends, name in ((real, "real"), (imaginary, "imaginary")))
    radius = _radius(architecture, x[:, None] + 1j * y, own)
    given = {**architecture.typical, **own}
    return StabilityRegion(architecture, given, x, y, radius, _interval(architecture, -1.0, own),
                           min(_interval(architecture, 1j, own), _interval(architecture, -1j, own)),
                           (architecture.real_stability(**own), architecture.imaginary_stability(**own)))


def checked_architecture(architecture: Any) -> Any:
    """Return an architecture as it is; ValueError for a class and anything else without layers of its own."""
    return as_object(architecture, "architecture", ("own_numbers", "companion", "modified"), "an architecture",
                     "give an object of ocnet.networks.architectures, such as ResNet()")


def _axis(ends, nodes, name):
    """(nodes,) from one end to the other, two increasing numbers whose squares are numbers, or ValueError."""
    low, high = as_array(ends, name, (2,))
    if not -LARGEST <= low < high <= LARGEST:
        raise ValueError(f"{name}={(float(low), float(high))}: give the two ends of an axis, lower < upper, at most {LARGEST:g} in size")
    return np.linspace(low, high, nodes)


def _radius(architecture, z, own):
    """Spectral radius (…) of a layer at z (…)."""
    return np.abs(np.linalg.eigvals(architecture.companion(z, **own))).max(axis=-1)


def _interval(architecture, direction, own):
    """The largest s for which z = direction · t is stable for 0 < t ≤ s, at most 20."""
    def stable(t):
        return _radius(architecture, direction * np.asarray(t), own) <= 1 + _ROUNDING

    t = _FAR * np.arange(1, _SCAN + 1) / _SCAN
    good = stable(t)
    if good.all():
        return np.inf
    first = int(np.argmin(good))
    if first == 0:
        return 0.0                       # |R| − 1 = O(z^{2p}) is below rounding nearer to 0, whatever its sign
    low, high = t[first - 1], t[first]
    while high - low > 1e-14 * _FAR:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if stable(middle) else (low, middle)
    return float(low)


@dataclass(frozen=True, eq=False)
class ZeroStability(Saved):
    """What products of the companion matrices [[1 − k_n, k_n], [1, 0]] of an LM-ResNet do to differences of states.

    k (N,)    : the trained coefficients
    growth    : largest |x_n − x̃_n| over max(|x_m − x̃_m|, |x_{m−1} − x̃_{m−1}|) for branches at rest, over all 1 ≤ m < n ≤ N: exact
    outside   : layers whose k_n is not in (−1, 1]
    """

    k: np.ndarray
    growth: float
    outside: tuple

    @property
    def stable(self) -> bool:
        """Whether every k_n lies in (−1, 1], so that equal layers without end would be zero-stable."""
        return not self.outside

    @property
    def status(self) -> str:
        """A sentence."""
        if self.stable:
            return f"all k in (−1, 1]; a difference grows by at most {self.growth:.3g} where branches rest"
        worst = max(self.outside, key=lambda n: abs(self.k[n]))
        return (f"{len(self.outside)} of {len(self.k)} coefficients outside (−1, 1], the farthest k_{worst} = {self.k[worst]:.3g}; "
                f"a difference grows by up to {self.growth:.3g} where branches rest: add a penalty on k, or project it")

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name."""
        return {"k": self.k.tolist(), "growth": self.growth, "outside": list(self.outside), "stable": self.stable, "status": self.status}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw k_n against depth with the ends of the zero-stable range; returns the axes."""
        ax = plotting.curve(np.arange(len(self.k)), self.k, labels=("layer n", "$k_n$"), ax=ax, marker="o", ms=3, lw=0.8, color=plotting.FIRST)
        for end in (-1.0, 1.0):
            ax.axhline(end, color=plotting.GREY, lw=0.8, ls="--")
        return ax

    def __repr__(self) -> str:
        return f"ZeroStability({'stable' if self.stable else 'UNSTABLE'}, {self.status})"


def zero_stability(network: Any, theta: Array) -> "ZeroStability":
    """Return the `ZeroStability` of an LM-ResNet at θ (P,), `theta`.

    With d_n = x_n − x_{n−1}: d_{n+1} = −k_n d_n, so that x_n = x_m + s d_m, s = Σ_j Π_{i=m}^{j} (−k_i) over m ≤ j < n, and in terms of x_m, x_{m−1}
    the rows are (1 + s, −s): growth |1 + s| + |s| in the largest norm, all of them here.  The first layer is a step of Euler's and has none.
    Raises ValueError for a network without such coefficients.
    Source  derived; the condition −1 < k ≤ 1 for equal k: MATH 2.2
    """
    checked_network(network)
    if [name for name, _ in network.architecture.layout()] != ["k"]:
        raise ValueError(f"architecture={network.architecture!r} has no coefficients k of a linear two-step method; give a network of LMResNet")
    k = network.control.depth(network.control.check(theta))[:, -1].copy()
    growth = 1.0
    for m in range(1, len(k)):
        sums = np.cumsum(np.cumprod(-k[m:]))
        growth = max(growth, float((np.abs(1 + sums) + np.abs(sums)).max()))
    if not np.isfinite(growth):
        raise FloatingPointError(f"theta: the products of k, up to {np.abs(k).max():.3g}, leave the floats; give a smaller theta")
    return ZeroStability(k, growth, tuple(np.flatnonzero(~((-1 < k) & (k <= 1))).tolist()))
