"""Bounded transport along characteristics, with the noise as a doubly stochastic smoothing or by branches."""

from dataclasses import dataclass

import numpy as np

from ocnet.boundary import Reflecting
from ocnet.laws import Normal
from ocnet.process import Transition
from ocnet.sweep import Sweep

__all__ = ["SemiLagrangian"]

_BRANCHES = 3                        # Gauss–Hermite nodes a channel: moments to order 5


@dataclass(frozen=True)
class SemiLagrangian:
    """u(t) = S_{h/2} T_h S_{h/2} u(t + h): Strang splitting of noise (S) and transport along the drift (T).

    Additive noise with a diagonal factor: S is Gaussian smoothing on the nodes, T the flow of the drift by one
    Runge–Kutta step of order 4; weak order 2 in h.  Any other factor: one step of flow plus √h G ξ with three
    Gauss–Hermite nodes a channel; weak order 1.  Interpolation is the limited cubic spline: values never leave the
    range of the terminal data, whatever h, and mass is conserved.
    """

    order, bounded, linear, most_axes = 2, True, False, 2

    @classmethod
    def example(cls):
        return cls()

    @classmethod
    def serves(cls, problem, grid):
        """Whether the scheme can take this grid and these sides."""
        reflecting = all(isinstance(side, Reflecting) for pair in problem.boundary for side in pair)
        return reflecting and grid.is_uniform and grid.dim <= cls.most_axes

    def prepare(self, problem, grid, t0, t1, ends=(0, 0), previous=None):
        """The stepper from t1 down to t0 (see the primer of this folder); sides must all be reflecting."""
        if not all(isinstance(side, Reflecting) for pair in problem.boundary for side in pair):
            raise ValueError("SemiLagrangian has reflecting sides only; use HundsdorferVerwer() for any other boundary")
        reaction = half_reaction(problem, grid, t0, t1)
        return _Step(problem.process, grid, self.sweep(problem.process, grid, np.array([t0, t1]), 1), t0, t1, reaction)

    def sweep(self, process, grid, times, substeps):
        """Return the `Sweep` of a Diffusion, coefficients frozen on each interval of `times`, `substeps` steps on each.

        times : (layers + 1,) increasing; for a network its layer times
        """
        nodes = grid.nodes
        steps = np.diff(times) / substeps
        return Sweep(grid, len(steps),
                     lambda n: self.transitions(process, nodes, 0.5 * (times[n] + times[n + 1]), steps[n], substeps),
                     lambda n, feet_cotangent: self.transitions_vjp(
                         process, nodes, 0.5 * (times[n] + times[n + 1]), steps[n], feet_cotangent))

    def transitions(self, process, x, t, h, count):
        """The `Transition`s of `count` equal steps of length h from the points x (d, n), coefficients frozen at t."""
        flow = _runge_kutta(process, x, t, h)
        deviation = _diagonal(process)
        none = np.zeros(process.dim)
        if deviation is None:
            g = process.factor_rows(t, x)
            if g.shape[1] == 0:
                return [Transition(flow[None], np.ones(1), none)] * count
            nodes, weights = Normal(g.shape[1]).quadrature(_BRANCHES)
            feet = flow + np.sqrt(h) * np.einsum("ijp,kj->kip", g, nodes)
            return [Transition(feet, weights, none)] * count
        if not deviation.any():
            return [Transition(flow[None], np.ones(1), none)] * count
        whole, half = deviation * np.sqrt(h), deviation * np.sqrt(0.5 * h)
        inner = [Transition(flow[None], np.ones(1), whole)] * (count - 1)
        return [Transition(None, None, half), *inner, Transition(flow[None], np.ones(1), half)]

    def transitions_vjp(self, process, x, t, h, feet_cotangent):
        """The cotangent of the parameters of the coefficients at t, from that of the feet (branches, d, n)."""
        factor_cotangent = None
        if _diagonal(process) is None:
            nodes, _ = Normal(process.factor_rows(t, x[:, :1]).shape[1]).quadrature(_BRANCHES)
            factor_cotangent = np.sqrt(h) * np.einsum("kip,kj->ijp", feet_cotangent, nodes)
        return _runge_kutta_vjp(process, x, t, h, feet_cotangent.sum(axis=0), factor_cotangent)


def half_reaction(problem, grid, t0, t1):
    """(decay, growth) of half a step of u' = −c u + g: u ↦ decay · u + growth; None where there is neither."""
    t, half = 0.5 * (t0 + t1), 0.5 * (t1 - t0)
    c, g = problem.potential_rows(t, grid.nodes), problem.source_rows(t, grid.nodes)
    if c is None and g is None:
        return None
    c = np.zeros((1, grid.size)) if c is None else c
    growth = 0.0
    if g is not None:
        small = np.abs(half * c) < 1e-8
        growth = half * g * np.where(small, 1 - 0.5 * half * c, -np.expm1(-half * c) / np.where(small, 1.0, half * c))
    return np.exp(-half * c), growth


@dataclass(frozen=True)
class _Step:
    """One step as the stepping loop sees it.  Its own coefficients are the feet of the characteristics.

    Potential and source act in half steps around transport and noise (Strang), exactly where they are constant.
    """

    process: object
    grid: object
    sweep: Sweep
    t0: float
    t1: float
    reaction: tuple = None

    def _react(self, u):
        return u if self.reaction is None else self.reaction[0] * u + self.reaction[1]

    def _killed(self, p):
        return p if self.reaction is None else self.reaction[0] * p

    def step(self, u):
        """u at t0 from u (q, size) at t1."""
        *_, before = self.sweep.values(self._react(u))
        return self._react(before)

    def transposed(self, p, u):
        """Masses at t1 from masses p (q, size) at t0, by the transpose of the step linearised at u."""
        return self._forward(p, u, None)

    def step_vjp(self, p, u):
        """The same, and the cotangent of the feet of the characteristics (branches, d, size) in a tuple of one."""
        feet = []
        masses = self._forward(p, u, lambda n, cotangent: feet.append(cotangent))
        return masses, (feet[0],)

    def _forward(self, p, u, collect):
        splines = self.sweep.backward(self._react(u))[1]
        return self._killed(self.sweep.forward(self._killed(p), splines, collect)[-1])

    def extremes(self):
        """Largest |f| h/a, |f|/h and a/h² over the nodes and axes; no entry of a bounded step is negative."""
        t, h = 0.5 * (self.t0 + self.t1), self.grid.spacing[:, None]
        f = np.abs(self.process.drift_rows(t, self.grid.nodes))
        a = np.einsum("iin->in", self.process.variance_rows(t, self.grid.nodes))
        peclet = np.divide(f * h, a, out=np.where(f > 0, np.inf, 0.0), where=a > 0)
        return np.array([peclet.max(), (f / h).max(), (a / h**2).max(), 1.0])


def _diagonal(process):
    """(d,) standard deviations per √time when the factor is constant with independent components, else None."""
    g = process.constant_factor
    if g is None:
        return None
    rate = g @ g.T
    return np.sqrt(np.diag(rate)) if np.array_equal(rate, np.diag(np.diag(rate))) else None


def _stages(process, x, t, h):
    k1 = process.drift_rows(t, x)
    x2 = x + 0.5 * h * k1
    k2 = process.drift_rows(t, x2)
    x3 = x + 0.5 * h * k2
    k3 = process.drift_rows(t, x3)
    x4 = x + h * k3
    return x2, x3, x4, (k1, k2, k3)


def _runge_kutta(process, x, t, h):
    _, _, x4, (k1, k2, k3) = _stages(process, x, t, h)
    return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + process.drift_rows(t, x4))


def _runge_kutta_vjp(process, x, t, h, cotangent, factor_cotangent):
    x2, x3, x4, _ = _stages(process, x, t, h)
    back4, g4 = process.coefficients_vjp(t, x4, h / 6 * cotangent)
    back3, g3 = process.coefficients_vjp(t, x3, h / 3 * cotangent + h * back4)
    back2, g2 = process.coefficients_vjp(t, x2, h / 3 * cotangent + 0.5 * h * back3)
    _, g1 = process.coefficients_vjp(t, x, h / 6 * cotangent + 0.5 * h * back2, factor_cotangent)
    return g1 + g2 + g3 + g4
