"""Bounded transport along characteristics, with the noise by non-negative weights."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ocnet.inputs import as_flag
from ocnet.laws import Normal, Silent
from ocnet.problem import KolmogorovProblem
from ocnet.process import Transition
from ocnet.sweep import Sweep
from ocnet.typing import Array

from ..coefficients import steady_span
from ..flow import flow, flow_vjp
from ..transport import Transport
from .noise_maps import noise_maps

__all__ = ["SemiLagrangian"]

_BRANCHES = 3                        # Gauss–Hermite nodes a channel: moments to order 5
_LAYERS = ("take more steps a layer, DiffusionView(substeps), smaller weights, or the network's own layers, ChainView(), which are not solved but "
           "walked")
_MOST_CHANNELS = 4                   # of that rule; above, one of 2 m nodes, of moments to order 3: all that an Euler step needs


@dataclass(frozen=True)
class SemiLagrangian:
    """u(t) = N_{h/2} T_h N_{h/2} u(t + h): Strang splitting of noise (N) and transport along the drift (T).

    T is interpolation at the ends of characteristics (Runge–Kutta, order 4), by the cubic spline limited to the range of its
    neighbourhood; N one of the maps of `noise_maps`.  Values never leave the range of the terminal data, whatever h; masses
    keep their sum, and where a spline carried them some are negative.  Potential and source act in half steps around it.
    Weak order 2 in h; order 1 for several correlated channels that vary in space, and near held sides whose value moves; at
    reflecting sides that the drift runs into, the splitting leaves about 1.65.
    The interpolation error is that of the fourth derivative, h_x⁴/h per unit of time: few steps are better than many.

    limited : False for the plain spline: linear, not bounded
    """

    limited: bool = True
    order: ClassVar[int] = 2
    most_axes: ClassVar[int] = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "limited", as_flag(self.limited, "limited"))

    @property
    def bounded(self) -> bool:
        return self.limited

    @property
    def linear(self) -> bool:
        return not self.limited

    @classmethod
    def example(cls) -> "SemiLagrangian":
        return cls()

    @classmethod
    def serves(cls, problem: KolmogorovProblem, grid: Any) -> bool:
        """Whether the scheme can take this problem on this grid."""
        return grid.dim <= cls.most_axes

    def prepare(self, problem: KolmogorovProblem, grid: Any, t0: float, t1: float, ends: tuple[int, int] = (0, 0), previous: Any = None) -> Any:
        """The stepper from t1 down to t0 (see the primer of this folder); ValueError for a grid of too many axes."""
        if grid.dim > self.most_axes:
            raise ValueError(f"SemiLagrangian serves up to {self.most_axes} axes, the grid has {grid.dim}; use HundsdorferVerwer()")
        lent = None if previous is None else previous.lend(t0, t1)
        if lent is not None:
            noise, transport = lent
            return _Step(noise, transport, previous.problem, grid, t0, t1, previous.steady)
        noise = noise_maps(problem, grid, 0.5 * (t0 + t1), 0.5 * (t1 - t0), self.limited)
        transport = Transport(problem, grid, t0, t1, self.limited)
        return _Step(noise, transport, problem, grid, t0, t1, steady_span(problem, grid, t0, t1))

    def sweep(self, process: Any, grid: Any, times: Array, substeps: int) -> Sweep:
        """Return the `Sweep` of a Diffusion, coefficients frozen on each interval of `times`, `substeps` steps on each.

        times : (layers + 1,) increasing; for a network its layer times
        """
        steps = np.diff(times) / substeps
        return Sweep(grid, len(steps),
                     lambda n: self.transitions(process, grid.at(n).nodes, 0.5 * (times[n] + times[n + 1]), steps[n], substeps),
                     lambda n, feet_cotangent: self.transitions_vjp(
                         process, grid.at(n).nodes, 0.5 * (times[n] + times[n + 1]), steps[n], feet_cotangent))

    def transitions(self, process: Any, x: Array, t: float, h: Any, count: int) -> list[Transition]:
        """The `Transition`s of `count` equal steps of length h from the points x (d, n), coefficients frozen at t.

        Additive noise of independent components by smoothing (order 2), any other by branches of an Euler step (order 1).
        """
        carried = flow(process, x, t, h, _LAYERS)
        deviation = _diagonal(process)
        none = np.zeros(process.dim)
        if deviation is None:
            g = process.factor_rows(t, x)
            nodes, weights = _quadrature(g.shape[1])
            feet = carried + np.sqrt(h) * np.einsum("ijp,kj->kip", g, nodes)
            return [Transition(feet, weights, none)] * count
        if not deviation.any():
            return [Transition(carried[None], np.ones(1), none)] * count
        whole, half = deviation * np.sqrt(h), deviation * np.sqrt(0.5 * h)
        inner = [Transition(carried[None], np.ones(1), whole)] * (count - 1)
        return [Transition(None, None, half), *inner, Transition(carried[None], np.ones(1), half)]

    def transitions_vjp(self, process: Any, x: Array, t: float, h: Any, feet_cotangent: Array) -> Any:
        """The cotangent of the parameters of the coefficients at t, from that of the feet (branches, d, n)."""
        factor_cotangent = None
        if _diagonal(process) is None:
            nodes, _ = _quadrature(process.factor_rows(t, x[:, :1]).shape[1])
            factor_cotangent = np.sqrt(h) * np.einsum("kip,kj->ijp", feet_cotangent, nodes)
        return flow_vjp(process, x, t, h, feet_cotangent.sum(axis=0), factor_cotangent, _LAYERS)


def _quadrature(channels):
    """Nodes (branches, m) and weights of m standard normals: a product rule, or ±√m along each axis (Stroud, 1957, degree 3)."""
    if channels == 0:
        return Silent().quadrature()
    if channels <= _MOST_CHANNELS:
        return Normal(channels).quadrature(_BRANCHES)
    nodes = np.sqrt(channels) * np.eye(channels)
    return np.concatenate([nodes, -nodes]), np.full(2 * channels, 0.5 / channels)


def _diagonal(process):
    """(d,) standard deviations per √time when the factor is constant with independent components, else None."""
    g = process.constant_factor
    if g is None:
        return None
    rate = g @ g.T
    return np.sqrt(np.diag(rate)) if np.array_equal(rate, np.diag(np.diag(rate))) else None


def half_reaction(problem: KolmogorovProblem, grid: Any, t0: float, t1: float) -> tuple[Array, Array] | None:
    """(decay, growth) of half a step of u' = −c u + g: u ↦ decay · u + growth; None where there is neither."""
    t, half = 0.5 * (t0 + t1), 0.5 * (t1 - t0)
    c, g = problem.potential_rows(t, grid.nodes), problem.source_rows(t, grid.nodes)
    if c is None and g is None:
        return None
    c = np.zeros((1, grid.size)) if c is None else c
    growth: Any = 0.0
    if g is not None:
        small = np.abs(half * c) < 1e-8
        growth = half * g * np.where(small, 1 - 0.5 * half * c, -np.expm1(-half * c) / np.where(small, 1.0, half * c))
    return np.exp(-half * c), growth


class _Step:
    """One step as the stepping loop sees it: reaction, noise, transport, noise, reaction."""

    def __init__(self, noise, transport, problem, grid, t0, t1, steady):
        self.noise, self.transport, self.problem, self.grid = noise, transport, problem, grid
        self.t0, self.t1, self.steady = t0, t1, steady
        self.reaction = half_reaction(problem, grid, t0, t1)
        self.held = transport.held

    def lend(self, t0, t1):
        """Noise and transport, if they also hold on [t0, t1]; else None."""
        slack = 1e-9 * (t1 - t0)
        same = abs((t1 - t0) - (self.t1 - self.t0)) <= slack
        if same and self.steady is not None and self.steady[0] <= t0 + slack and t1 - slack <= self.steady[1]:
            return self.noise, self.transport
        return None

    def _react(self, u):
        if self.reaction is None:
            return u
        out = self.reaction[0] * u + self.reaction[1]
        out[:, self.held] = u[:, self.held]
        return out

    def _killed(self, p):
        if self.reaction is None:
            return p
        out = self.reaction[0] * p
        out[:, self.held] = p[:, self.held]
        return out

    def _maps(self):
        return [*self.noise, self.transport, *reversed(self.noise)]

    def step(self, u):
        """u at t0 from u (q, size) at t1."""
        u = self._react(u)
        for each in self._maps():
            u = each.step(u)
        return self._react(u)

    def transposed(self, p, u=None):
        """Masses at t1 from masses p (q, size) at t0, by the transpose of the step linearised at u."""
        return self._backwards(p, u, lambda each, p, u: each.transposed(p, u))

    def step_vjp(self, p, u, variance=True):
        """The same, and the cotangent of the feet of the characteristics (1, d, size) in a tuple of one."""
        feet = []

        def pull(each, p, u):
            if each is not self.transport:
                return each.transposed(p, u)
            p, cotangent = each.step_vjp(p, u)
            feet.append(cotangent)
            return p

        return self._backwards(p, u, pull), (feet[0],)

    def _backwards(self, p, u, pull):
        maps, states = self._maps(), [None if u is None else self._react(u)]
        for each in maps[:-1]:
            states.append(None if u is None else each.step(states[-1]))
        p = self._killed(p)
        for each, state in zip(reversed(maps), reversed(states)):
            p = pull(each, p, state)
        return self._killed(p)

    def extremes(self):
        """As for an operator; no entry of a bounded step is negative."""
        t, h = 0.5 * (self.t0 + self.t1), self.grid.spacings
        f = np.abs(self.problem.process.drift_rows(t, self.grid.nodes))
        a = np.einsum("iin->in", self.problem.process.variance_rows(t, self.grid.nodes))
        peclet = np.divide(f * h, a, out=np.where(f > 0, np.inf, 0.0), where=a > 0)
        return np.array([peclet.max(), (f / h).max(), (a / h**2).max(), 1.0, peclet.min()])
