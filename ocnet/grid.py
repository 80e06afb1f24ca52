"""Tensor grids: axes, box, nodes, quadrature weights.

A node is a point: `grid.nodes` is (d, size) in C order of the axes, so the same block kernels serve nodes and particles.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline, PchipInterpolator
from scipy.optimize import brentq

from ocnet.inputs import as_array, as_number, as_object, as_whole
from ocnet.typing import Array, ArrayLike

__all__ = ["Grid"]

_UNIFORM = 1e-9                      # relative spread of spacings below which an axis counts as uniform
_STRONGEST = 1e9                     # ratio of spacings that an axis may be asked for
_PEAKS = np.array([1e-12, 1e6])      # widths of a peak of density, in lengths of the axis, between which it is sought
_SAMPLES = 2001                      # points at which the density of nodes is looked at
_HALVINGS = 64
_MOST_NODES = 10**7                  # of an axis


@dataclass(frozen=True, eq=False)
class Grid:
    """A tensor grid from one increasing float64 array of nodes per axis (each of at least 4 nodes).

    axes : sequence of (n_i,) arrays, state units
    Raises ValueError naming the axis that is too short, not finite or not increasing.
    """

    axes: Any

    def __post_init__(self) -> None:
        try:
            axes = tuple(np.array(as_array(a, f"axes[{i}]"), ndmin=1) for i, a in enumerate(self.axes))
        except TypeError as error:
            raise TypeError(f"{error}; axes is a sequence with one array of nodes per dimension") from None
        if not axes:
            raise ValueError("axes is empty; give one array of nodes per dimension")
        for i, axis in enumerate(axes):
            if axis.ndim != 1 or axis.size < 4:
                raise ValueError(f"axes[{i}] has shape {axis.shape}; expected (n,) with n ≥ 4 nodes")
            if not (np.diff(axis) > 0).all():
                raise ValueError(f"axes[{i}] must be strictly increasing")
            axis.flags.writeable = False
        object.__setattr__(self, "axes", axes)

    @classmethod
    def uniform(cls, lower: ArrayLike, upper: ArrayLike, shape: ArrayLike) -> "Grid":
        """Return equally spaced nodes on the box [lower, upper].

        lower, upper : (d,) or a number per axis;  shape : nodes per axis, (d,) or one int for all
        Raises ValueError for a box that is not finite with lower < upper.
        """
        lower, upper = np.atleast_1d(as_array(lower, "lower")), np.atleast_1d(as_array(upper, "upper"))
        if lower.ndim != 1 or not lower.size or lower.shape != upper.shape or not (lower < upper).all() or not np.isfinite(upper - lower).all():
            raise ValueError(f"box lower={lower.tolist()}, upper={upper.tolist()} is not finite with lower < upper")
        if np.size(shape) > 1 and np.size(shape) != lower.size:
            raise ValueError(f"box lower={lower.tolist()}, upper={upper.tolist()} has {lower.size} axes, but shape={shape!r} counts nodes of {np.size(shape)}")
        counts = _per_axis(shape, "shape", lower.size)
        counts = [as_whole(n, "shape", 4, "the nodes of an axis", _MOST_NODES) for n in counts]
        if (upper - lower <= 2 * np.array(counts) * np.spacing(np.maximum(np.abs(lower), np.abs(upper)))).any():
            raise ValueError(f"box lower={lower.tolist()}, upper={upper.tolist()} is too narrow for shape={counts} nodes that differ")
        return cls(tuple(np.linspace(a, b, n) for a, b, n in zip(lower, upper, counts)))

    @classmethod
    def concentrated(cls, lower: ArrayLike, upper: ArrayLike, shape: ArrayLike, around: Any, strength: ArrayLike = 10.0) -> "Grid":
        """Return nodes on the box [lower, upper] that are dense around given places: the sinh grid along each such axis.

        The spacing grows as 1 / Σ_p (c² + (x − p)²)^(−1/2) with the distance from the places p: for one place,
        x = p + c sinh ξ with ξ nearly uniform.  As the mapping is smooth, order 2 is kept when `shape` grows.

        lower, upper, shape : as for `uniform`
        around   : per axis a number, which becomes a node (moved there by a smooth change of ξ); several numbers, which need
                   not; or None for a uniform axis.  For one axis also the bare number.  All within the box
        strength : widest over narrowest spacing (as n grows), a number or one per axis.  10 around the middle of an axis makes
                   nodes there 3.3 times denser than uniform ones, and 3 times sparser at the ends
        Raises ValueError naming the axis whose place is outside, or a strength below 1.
        Accuracy   a single place nearer to a side than a spacing makes that first interval as short as asked.
        Source     Tavella & Randall (2000); in 't Hout & Foulon (2010), sec. 2; several places: derived, by adding densities.
        """
        box = cls.uniform(lower, upper, shape)
        around = tuple(around) if isinstance(around, (list, tuple)) or (isinstance(around, np.ndarray) and around.ndim) else (around,)
        if len(around) != box.dim:
            raise ValueError(f"around={around} has {len(around)} entries for {box.dim} axes; give one per axis, such as "
                             "[[0.3, 0.7]] for two places on one axis")
        ratios = _per_axis(strength, "strength", box.dim)
        axes = tuple(axis if places is None else _concentrated(i, axis, np.atleast_1d(as_array(places, f"around[{i}]")), ratio)
                     for i, (axis, places, ratio) in enumerate(zip(box.axes, around, ratios)))
        for i, axis in enumerate(axes):
            if not (np.diff(axis) > 0).all():
                raise ValueError(f"strength={ratios[i]:g} and around[{i}]={around[i]} give nodes that are equal to rounding; use less strength, or a "
                                 f"place that is further from the sides in units of lower={box.lower[i]:g}, upper={box.upper[i]:g}")
        return cls(axes)

    @classmethod
    def covering(cls, process: Any, points: ArrayLike, shape: ArrayLike, leak: float = 1e-6, **options: Any) -> "Grid":
        """Return a uniform grid whose box holds the process started from `points`, but for a mass of about `leak`.

        process : anything with `extent(points, leak) -> (lower, upper)`; a Diffusion or a LayeredProcess has it
        points  : (n, d) start points;  shape : nodes per axis
        options : passed on to `extent`, such as horizon=2.0 for a Diffusion (default 1)
        """
        as_object(process, "process", ("extent",), "a process", "give a Diffusion or a LayeredProcess, such as network.layered(theta) or "
                  "network.diffusion(theta)")
        lower, upper = process.extent(points, leak, **options)
        return cls.uniform(lower, upper, shape)

    @cached_property
    def dim(self) -> int:
        """d, the number of axes."""
        return len(self.axes)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """(d,) nodes of each axis."""
        return tuple(a.size for a in self.axes)

    @cached_property
    def size(self) -> int:
        """Nodes in all."""
        return prod(self.shape)

    @property
    def lower(self) -> Array:
        """(d,) lower sides of the box."""
        return np.array([a[0] for a in self.axes])

    @property
    def upper(self) -> Array:
        """(d,) upper sides of the box."""
        return np.array([a[-1] for a in self.axes])

    @cached_property
    def spacing(self) -> Array:
        """(d,) mean spacing of each axis: the spacing, where `is_uniform`."""
        return np.array([(a[-1] - a[0]) / (a.size - 1) for a in self.axes])

    @cached_property
    def spacings(self) -> Array:
        """(d, size) the wider of a node's two spacings along each axis."""
        wide = [np.maximum(np.append(gaps[0], gaps), np.append(gaps, gaps[-1])) for gaps in map(np.diff, self.axes)]
        return np.stack([c.ravel() for c in np.meshgrid(*wide, indexing="ij")])

    @cached_property
    def is_uniform(self) -> bool:
        """Whether each axis is equally spaced (to 1e-9 of its spacing)."""
        return all(map(_is_uniform, self.axes))

    @cached_property
    def nodes(self) -> Array:
        """(d, size) coordinates of all nodes, last axis fastest."""
        return np.stack([c.ravel() for c in np.meshgrid(*self.axes, indexing="ij")])

    def reshape(self, values: Array) -> Array:
        """View (size,) or (q, size) values as (…, *shape)."""
        return values.reshape(*values.shape[:-1], *self.shape)

    @cached_property
    def weights(self) -> Array:
        """(size,) trapezoidal quadrature weights; they sum to the volume of the box."""
        product = np.ones(1)
        for axis in self.axes:
            gaps = np.diff(axis)
            product = np.outer(product, 0.5 * (np.append(gaps, 0) + np.append(0, gaps))).ravel()
        return product

    def at(self, n: int) -> "Grid":
        """The grid of layer n: this one (a `MovingGrid` has one for each layer)."""
        return self

    def step(self, n: int) -> "Grid":
        """The grid of the step from layer n to the next: this one."""
        return self

    def refined(self, factor: float) -> "Grid":
        """Return the same box with `factor` times as many intervals per axis.

        An uneven axis keeps its mapping: its nodes are a smooth function of their number, and whole factors keep the old nodes.
        """
        most = _MOST_NODES / max(self.shape)
        factor = as_number(factor, "factor", above=0, at_most=most, remedy=f"give a number > 0, and at most {most:.3g}")
        return Grid(tuple(_refined(axis, round((axis.size - 1) * factor) + 1) for axis in self.axes))

    def widened(self, factor: float) -> "Grid":
        """Return a box about `factor` times as wide: whole intervals added on each side, the old nodes among the new.

        Uneven axes go on with the spacings they end with.
        """
        most = _MOST_NODES / max(*self.shape, *((axis[-1] - axis[0]) / min(axis[1] - axis[0], axis[-1] - axis[-2]) for axis in self.axes))
        factor = as_number(factor, "factor", at_least=1, at_most=most, remedy=f"give a number ≥ 1, and at most {most:.3g}")
        return Grid(tuple(_widened(axis, factor) for axis in self.axes))

    def require_uniform(self, what: str) -> None:
        """Raise ValueError, naming `what` needs it, unless all axes are equally spaced."""
        if not self.is_uniform:
            raise ValueError(f"{what} needs equally spaced axes; build the grid by Grid.uniform")

    def __repr__(self) -> str:
        box = " × ".join(f"[{a:.4g}, {b:.4g}]" for a, b in zip(self.lower, self.upper))
        return f"Grid({' × '.join(map(str, self.shape))} nodes on {box})"


def _is_uniform(axis: Array) -> np.bool_:
    return np.ptp(np.diff(axis)) <= _UNIFORM * (axis[-1] - axis[0]) / (axis.size - 1)


def _per_axis(value, name, dim):
    """A number for each axis of `dim`, from one for all or one each."""
    values = np.atleast_1d(as_array(value, name))
    if values.shape not in ((1,), (dim,)):
        raise ValueError(f"{name} has shape {values.shape}; expected one number, or one for each of {dim} axes")
    return np.broadcast_to(values, (dim,))


def _concentrated(i: int, uniform: Array, places: Array, strength: float) -> Array:
    """The nodes (n,) of axis i, dense around `places` (m,), from the uniform ones; a single place is among them."""
    lower, upper = uniform[0], uniform[-1]
    if places.ndim != 1 or not places.size or not ((places >= lower) & (places <= upper)).all():
        raise ValueError(f"around[{i}]={places.tolist()} is not within [{lower:g}, {upper:g}]; name places in the box, or None")
    if not 1 <= strength <= _STRONGEST:
        raise ValueError(f"strength={strength} is not in [1, {_STRONGEST:g}]; it is the widest spacing over the narrowest, such as 10")
    c = _peak_width(places, lower, upper, strength)

    def number(x: Array) -> Array:                                     # the number of a node, up to a linear map: ∫ density
        return np.arcsinh((x[:, None] - places) / c).sum(axis=1)

    first, last = number(uniform[[0, -1]])
    index: list[int] = []
    share = np.linspace(0, 1, uniform.size)
    if places.size == 1:
        share, index = _through(share, (number(places)[0] - first) / (last - first))
    x = _solved(number, first + share * (last - first), lower, upper)
    x[index], x[0], x[-1] = places[0], lower, upper
    return x


def _peak_width(places: Array, lower: float, upper: float, strength: float) -> float:
    """The width c for which the greatest density of nodes on the box is `strength` times the least."""
    x = np.append(places, np.linspace(lower, upper, _SAMPLES))[:, None]

    def excess(log_c: float) -> float:
        density = (1 / np.hypot(np.exp(log_c), x - places)).sum(axis=1)
        return np.log(density.max() / density.min() / strength)

    narrow, wide = np.log(upper - lower) + np.log(_PEAKS)
    return np.exp(wide if excess(wide) >= 0 else brentq(excess, narrow, wide, xtol=1e-10))


def _through(share: Array, target: float) -> tuple[Array, list[int]]:
    """`share` (n,) by the Möbius map of [0, 1] that takes the interior member nearest to `target` there; its index (in a list).

    The map is smooth and increasing, and tends to the identity as n grows.  A target at 0 or 1 is met already.
    """
    if target in (0.0, 1.0):
        return share, []
    k = int(np.clip(np.rint(target * (share.size - 1)), 1, share.size - 2))
    bend = share[k] * (1 - target) / (target * (1 - share[k]))
    return share / (share + bend * (1 - share)), [k]


def _solved(increasing: Callable[[Array], Array], target: Array, lower: float, upper: float) -> Array:
    """x (n,) in [lower, upper] with increasing(x) = target (n,), by bisection to the last bit."""
    low, high = np.full(target.size, lower), np.full(target.size, upper)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        below = increasing(middle) < target
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)


def _refined(axis: Array, n: int) -> Array:
    """n nodes over the same interval, at the places between which a smooth function of their number puts the old ones."""
    if _is_uniform(axis) or n < 2:
        return np.linspace(axis[0], axis[-1], n)
    old, number = np.arange(axis.size), np.linspace(0, axis.size - 1, n)
    nodes = CubicSpline(old, axis)(number)
    if not (np.diff(nodes) > 0).all():                                 # a rough axis: a monotone interpolant, of order 1 in slope
        nodes = PchipInterpolator(old, axis)(number)
    nearest = np.rint(number).astype(int)
    return np.where(np.abs(number - nearest) < _UNIFORM, axis[nearest], nodes)


def _widened(axis: Array, factor: float) -> Array:
    """The nodes with whole intervals added on both sides, so that the length is at least `factor` times as much."""
    width, gaps = axis[-1] - axis[0], np.diff(axis)
    if _is_uniform(axis):
        h = width / (axis.size - 1)
        extra = max(int(np.ceil((axis.size - 1) * 0.5 * (factor - 1))), 0)
        return np.linspace(axis[0] - extra * h, axis[-1] + extra * h, axis.size + 2 * extra)
    below, above = (max(int(np.ceil(0.5 * (factor - 1) * width / gap)), 0) for gap in (gaps[0], gaps[-1]))
    return np.concatenate([axis[0] - gaps[0] * np.arange(below, 0, -1), axis, axis[-1] + gaps[-1] * np.arange(1, above + 1)])
