"""Values on a grid in t and x, with the report of the solve that made them; both grid views return it."""

from dataclasses import asdict, dataclass, field

import numpy as np

from ocnet import plotting
from ocnet.process import checked_points
from ocnet.spline import LimitedSpline

__all__ = ["SolveReport", "ValueFunction"]

_STEP = 1e-6                            # relative distance of a time from a kept one below which they count as equal


@dataclass(frozen=True)
class SolveReport:
    """What a solve did: scheme (its repr), steps, dimensionless numbers, bounds of the data at start and end of the march.

    peclet    : largest cell Péclet number |f| h / a; above 1 a central drift can oscillate (inf: no noise somewhere)
    courant   : largest |f| dt / h;  diffusion : largest a dt / h²
    bounds_before, bounds_after : (least, greatest) value given, and computed
    monotone  : share of nodes without a negative off-diagonal entry; 1 where the scheme keeps bounds (without a mixed part)
    """

    scheme: str
    steps: int
    peclet: float
    courant: float
    diffusion: float
    bounds_before: tuple
    bounds_after: tuple
    monotone: float = 1.0

    @property
    def overshoot(self):
        """How far the computed values leave the bounds of the given ones: 0 for a maximum principle (no source)."""
        return max(self.bounds_before[0] - self.bounds_after[0], self.bounds_after[1] - self.bounds_before[1], 0.0)

    def __repr__(self):
        return (f"SolveReport({self.scheme}, {self.steps} steps, Péclet ≤ {self.peclet:.3g}, Courant ≤ {self.courant:.3g}, "
                f"overshoot {self.overshoot:.2g})")


@dataclass(frozen=True, eq=False)
class ValueFunction:
    """u(t, x) from values at kept times on a grid.

    grid : Grid;  times (K,) increasing;  values (K, q, size);  report : SolveReport or another view's report
    single : whether the terminal condition was one column, so that calls return (n,) and not (n, q)
    error  : ErrorBar at t = 0 at the points it was asked for, or None
    """

    grid: object
    times: np.ndarray
    values: np.ndarray
    report: object = None
    single: bool = True
    error: object = None
    _splines: dict = field(default_factory=dict, repr=False)

    def __post_init__(self):
        times, values = np.atleast_1d(np.asarray(self.times, float)), np.asarray(self.values, float)
        if values.ndim != 3 or values.shape[0] != times.size or values.shape[2] != self.grid.size:
            raise ValueError(f"values has shape {values.shape}; expected ({times.size}, q, {self.grid.size})")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "values", values)

    def __call__(self, x, t=0.0):
        """u(t, x) at points x (n, d): (n,) or (n, q).  Cubic in x, limited by its neighbourhood; linear between kept times.

        Points outside the box take the value at the nearest point of its edge.
        """
        x = checked_points(x, self.grid.dim, "x")
        rows = sum(weight * self._spline(k)(np.ascontiguousarray(x.T)) for k, weight in self._brackets(t))
        return rows[0] if self.single else np.ascontiguousarray(rows.T)

    def gradient(self, x, t=0.0):
        """∇u(t, x) at points x (n, d): (n, d) or (n, q, d); that of the interpolant, 0 where it is limited or outside."""
        x = checked_points(x, self.grid.dim, "x")
        slopes = sum(weight * self._spline(k).slopes(np.ascontiguousarray(x.T)) for k, weight in self._brackets(t))
        slopes = np.moveaxis(slopes, 2, 0)
        return np.ascontiguousarray(slopes[:, 0] if self.single else slopes)

    def _brackets(self, t):
        """((index, weight), …) of the kept times around t."""
        span = max(self.times[-1] - self.times[0], 1e-300)
        near = int(np.abs(self.times - t).argmin())
        if abs(self.times[near] - t) <= _STEP * span or (self.times.size == 1 and t == self.times[0]):
            return ((near, 1.0),)
        if not self.times[0] <= t <= self.times[-1]:
            raise ValueError(f"t={t} is outside the kept times [{self.times[0]:g}, {self.times[-1]:g}]; solve with keep=11, "
                             "or keep=[times you need]")
        k = int(np.searchsorted(self.times, t)) - 1
        weight = (t - self.times[k]) / (self.times[k + 1] - self.times[k])
        return ((k, 1 - weight), (k + 1, weight))

    def _spline(self, k):
        if k not in self._splines:
            smooth = self.grid.is_uniform and self.grid.dim <= 2
            self._splines[k] = (_UniformSpline if smooth else _LocalCubic)(self.grid, self.values[k])
        return self._splines[k]

    def to_dict(self):
        """Plain numbers: axes, times, values (K, q, *shape) as arrays, and the report as a dictionary."""
        report = asdict(self.report) if hasattr(self.report, "__dataclass_fields__") else self.report
        return {"axes": list(self.grid.axes), "times": self.times, "values": self.grid.reshape(self.values), "report": report}

    def plot(self, ax=None, t=0.0, column=0):
        """Draw u(t, ·) of one column (one or two axes); returns the matplotlib axes."""
        rows = sum(weight * self.values[k, column] for k, weight in self._brackets(t))
        return plotting.on_grid(ax, self.grid.axes, self.grid.reshape(rows))

    def __repr__(self):
        q = "" if self.single else f"{self.values.shape[1]} columns, "
        return (f"ValueFunction({q}{self.grid!r}, {self.times.size} kept times, {self.report!r}"
                f"{'' if self.error is None else f', {self.error!r}'})")


class _UniformSpline:
    """Limited cubic spline of each column, with slopes."""

    def __init__(self, grid, values):
        self._spline = LimitedSpline(grid, values)
        self._columns = [self._spline] if len(values) == 1 else [LimitedSpline(grid, v[None]) for v in values]

    def __call__(self, x):
        return self._spline(x)

    def slopes(self, x):
        """(q, d, n): the derivative of the value in the point, which is the transposed map at a cotangent of ones."""
        return np.stack([s.mean_transposed(x[None], np.ones(1), np.ones((1, x.shape[1])))[1][0] for s in self._columns])


class _LocalCubic:
    """Cubic Lagrange interpolation on the four nodes around a point along each axis, limited to the values used.

    For axes of any spacing and any number of axes; continuous, fourth order, clipped at extrema between nodes.
    """

    def __init__(self, grid, values):
        self.grid, self.values = grid, values

    def __call__(self, x):
        nodes, weights, _ = self._stencil(x)
        used = self.values[:, nodes]                                   # (q, 4^d, n)
        return np.clip((weights * used).sum(axis=1), used.min(axis=1), used.max(axis=1))

    def slopes(self, x):
        """(q, d, n) derivatives of the unlimited interpolant; 0 along an axis outside its range."""
        nodes, _, slopes = self._stencil(x)
        return np.einsum("dkn,qkn->qdn", slopes, self.values[:, nodes])

    def _stencil(self, x):
        """nodes (4^d, n), weights (4^d, n), derivative weights (d, 4^d, n)."""
        nodes, weights, slopes = np.zeros((1, x.shape[1]), dtype=int), np.ones((1, x.shape[1])), np.empty((0, 1, x.shape[1]))
        for axis, s in zip(self.grid.axes, x):
            first = np.clip(np.searchsorted(axis, s) - 2, 0, axis.size - 4)
            near = axis[first + np.arange(4)[:, None]]
            w, dw = _lagrange(near, np.clip(s, axis[0], axis[-1]))
            dw = dw * ((s >= axis[0]) & (s <= axis[-1]))
            nodes = (nodes[:, None] * axis.size + first + np.arange(4)[:, None]).reshape(-1, x.shape[1])
            slopes = np.concatenate([slopes[:, :, None] * w, (weights[:, None] * dw)[None]])
            slopes = slopes.reshape(len(slopes), -1, x.shape[1])
            weights = (weights[:, None] * w).reshape(-1, x.shape[1])
        return nodes, weights, slopes


def _lagrange(nodes, x):
    """Weights and derivative weights (4, n) of the cubic through nodes (4, n) at x (n,)."""
    w, dw = np.ones_like(nodes), np.zeros_like(nodes)
    for i in range(4):
        for k in range(4):
            if k != i:
                gap = nodes[i] - nodes[k]
                dw[i] = (dw[i] * (x - nodes[k]) + w[i]) / gap
                w[i] *= (x - nodes[k]) / gap
    return w, dw
