"""Tensor grids: axes, box, nodes, quadrature weights.

A node is a point: `grid.nodes` is (d, size) in C order of the axes, so the same block kernels serve nodes and particles.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["Grid"]

_UNIFORM = 1e-9                      # relative spread of spacings below which an axis counts as uniform


@dataclass(frozen=True, eq=False)
class Grid:
    """A tensor grid from one increasing float64 array of nodes per axis (each of at least 4 nodes).

    axes : sequence of (n_i,) arrays, state units
    Raises ValueError naming the axis that is too short, not finite or not increasing.
    """

    axes: tuple

    def __post_init__(self):
        axes = tuple(np.array(a, dtype=np.float64, ndmin=1) for a in self.axes)
        if not axes:
            raise ValueError("axes is empty; give one array of nodes per dimension")
        for i, axis in enumerate(axes):
            if axis.ndim != 1 or axis.size < 4:
                raise ValueError(f"axes[{i}] has shape {axis.shape}; expected (n,) with n ≥ 4 nodes")
            if not np.isfinite(axis).all() or not (np.diff(axis) > 0).all():
                raise ValueError(f"axes[{i}] must be finite and strictly increasing")
            axis.flags.writeable = False
        object.__setattr__(self, "axes", axes)

    @classmethod
    def uniform(cls, lower, upper, shape):
        """Return equally spaced nodes on the box [lower, upper].

        lower, upper : (d,) or a number per axis;  shape : nodes per axis, (d,) or one int for all
        """
        lower, upper = np.atleast_1d(np.asarray(lower, float)), np.atleast_1d(np.asarray(upper, float))
        if lower.shape != upper.shape or not (np.isfinite(lower) & np.isfinite(upper) & (lower < upper)).all():
            raise ValueError(f"box lower={lower.tolist()}, upper={upper.tolist()} is not finite with lower < upper")
        shape = np.broadcast_to(shape, lower.shape)
        return cls(tuple(np.linspace(a, b, int(n)) for a, b, n in zip(lower, upper, shape)))

    @classmethod
    def covering(cls, process, points, shape, leak=1e-6, **options):
        """Return a uniform grid whose box holds the process started from `points`, but for a mass of about `leak`.

        process : anything with `extent(points, leak) -> (lower, upper)`; a Diffusion or a LayeredProcess has it
        points  : (n, d) start points;  shape : nodes per axis
        options : passed on to `extent`, such as horizon=2.0 for a Diffusion (default 1)
        """
        return cls.uniform(*process.extent(points, leak, **options), shape)

    @property
    def dim(self):
        return len(self.axes)

    @property
    def shape(self):
        return tuple(a.size for a in self.axes)

    @property
    def size(self):
        return int(np.prod(self.shape))

    @property
    def lower(self):
        return np.array([a[0] for a in self.axes])

    @property
    def upper(self):
        return np.array([a[-1] for a in self.axes])

    @cached_property
    def spacing(self):
        """(d,) mean spacing of each axis: the spacing, where `is_uniform`."""
        return np.array([(a[-1] - a[0]) / (a.size - 1) for a in self.axes])

    @cached_property
    def spacings(self):
        """(d, size) the wider of a node's two spacings along each axis."""
        wide = [np.maximum(np.append(gaps[0], gaps), np.append(gaps, gaps[-1])) for gaps in map(np.diff, self.axes)]
        return np.stack([c.ravel() for c in np.meshgrid(*wide, indexing="ij")])

    @cached_property
    def is_uniform(self):
        """Whether each axis is equally spaced (to 1e-9 of its spacing)."""
        return all(np.ptp(np.diff(a)) <= _UNIFORM * h for a, h in zip(self.axes, self.spacing))

    @cached_property
    def nodes(self):
        """(d, size) coordinates of all nodes, last axis fastest."""
        return np.stack([c.ravel() for c in np.meshgrid(*self.axes, indexing="ij")])

    def reshape(self, values):
        """View (size,) or (q, size) values as (…, *shape)."""
        return values.reshape(*values.shape[:-1], *self.shape)

    @cached_property
    def weights(self):
        """(size,) trapezoidal quadrature weights; they sum to the volume of the box."""
        product = np.ones(1)
        for axis in self.axes:
            gaps = np.diff(axis)
            product = np.outer(product, 0.5 * (np.append(gaps, 0) + np.append(0, gaps))).ravel()
        return product

    def refined(self, factor):
        """Return the same box with `factor` times as many intervals per axis (uniform grids)."""
        self.require_uniform("refined")
        return Grid.uniform(self.lower, self.upper, [round((n - 1) * factor) + 1 for n in self.shape])

    def widened(self, factor):
        """Return a box about `factor` times as wide: whole intervals added on each side, the old nodes among the new."""
        self.require_uniform("widened")
        extra = np.ceil((np.array(self.shape) - 1) * 0.5 * (factor - 1)).astype(int)
        return Grid.uniform(self.lower - extra * self.spacing, self.upper + extra * self.spacing, self.shape + 2 * extra)

    def require_uniform(self, what):
        """Raise ValueError unless all axes are equally spaced."""
        if not self.is_uniform:
            raise ValueError(f"{what} needs equally spaced axes; build the grid by Grid.uniform")

    def __repr__(self):
        box = " × ".join(f"[{a:.4g}, {b:.4g}]" for a, b in zip(self.lower, self.upper))
        return f"Grid({' × '.join(map(str, self.shape))} nodes on {box})"
