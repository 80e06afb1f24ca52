"""P1, P2 and Heston's call: the problems of the grid benchmark, and their references.

P1: dX = f_l(X) dt + ε dB on layer l of 20, f_l(x) = W2_l tanh(W1_l x + b1_l), nodes on [−4, 4]², reflecting sides,
u(1, x) = 1/(1 + exp(−3 (x0 + sin(x1)/2))).  P2: the same drift with a = ε² G Gᵀ, G = [[1, sin(x1)/2], [sin(x0)/2, 1]].
Errors are the largest at 33 × 33 points of [−1.5, 1.5]², against a Richardson extrapolation in the spacing.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.integrate import quad
from scipy.interpolate import RectBivariateSpline

from ocnet.boundary import Absorbing, Outflow
from ocnet.grid import Grid
from ocnet.kolmogorov import solve_backward
from ocnet.kolmogorov.schemes import HundsdorferVerwer
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion

__all__ = ["EPSILON", "FullTensor", "HALF_WIDTH", "Heston", "LAYERS", "Reference", "box", "network", "p1", "p2", "terminal",
           "weights"]

LAYERS, WIDTH, EPSILON, HALF_WIDTH = 20, 16, 0.4, 4.0
_PROBES = np.linspace(-1.5, 1.5, 33)
_REFERENCE_STEPS = 8                 # a layer: its time error is below 1/64 of that of one step a layer, by order 2


def weights(dim=2, width=WIDTH):
    """(W1 (L, H, d), b1 (L, H), W2 (L, d, H)) from one seed, in this order; H = width."""
    rng = np.random.default_rng(2024)
    return (rng.normal(size=(LAYERS, width, dim)) * 1.5 / np.sqrt(dim), rng.normal(size=(LAYERS, width)),
            rng.normal(size=(LAYERS, dim, width)) / np.sqrt(width))


def network(dim=2, width=WIDTH):
    """The ResidualNetwork of P1's kind and its θ."""
    net = ResidualNetwork(Perceptron(width), Gaussian(EPSILON), layers=LAYERS, dim=dim)
    theta = net.control.zeros()
    for n, (w1, b1, w2) in enumerate(zip(*weights(dim, width))):
        layer = net.control.layer(theta, n)
        layer.W1[:], layer.b1[:], layer.W2[:] = w1, b1, w2
    return net, theta


def terminal(x):
    """u(1, x) at points x (n, d)."""
    return 1 / (1 + np.exp(-3 * (x[:, 0] + 0.5 * np.sin(x[:, 1]))))


def box(nodes, dim=2):
    """The grid of `nodes` an axis on [−4, 4]^d."""
    return Grid.uniform([-HALF_WIDTH] * dim, [HALF_WIDTH] * dim, nodes)


def p1(dim=2):
    """The problem P1."""
    net, theta = network(dim)
    return KolmogorovProblem(net.diffusion(theta), terminal, 1.0)


class FullTensor(Diffusion):
    """The drift of P1's network with G = ε [[1, sin(x1)/2], [sin(x0)/2, 1]], which does not change in time."""

    steady_between_breaks = True

    def __init__(self, drift):
        super().__init__(lambda t, x: drift.drift_rows(t, np.ascontiguousarray(x.T)).T, self._factor, 2, drift.breaks, steady_factor=True)
        self._network = drift

    @staticmethod
    def _factor(t, x):
        half = 0.5 * np.sin(x)
        one = np.ones(len(x))
        return EPSILON * np.stack([np.stack([one, half[:, 1]], axis=1), np.stack([half[:, 0], one], axis=1)], axis=1)

    def drift_rows(self, t, x):
        return self._network.drift_rows(t, x)

    def drift_on_grid(self, t, grid):
        return self._network.drift_on_grid(t, grid)


def p2():
    """The problem P2."""
    net, theta = network()
    return KolmogorovProblem(FullTensor(net.diffusion(theta)), terminal, 1.0)


def at_probes(axes, u):
    """(33, 33) values at the probes of u (n0, n1) on the axes: cubic spline, exact where a probe is a node."""
    return RectBivariateSpline(*axes, u)(_PROBES, _PROBES)


@dataclass(frozen=True)
class Reference:
    """u(0, ·) at the probes by Richardson extrapolation from `nodes` and half as many intervals."""

    problem: object
    nodes: int

    def _solve(self, nodes):
        grid = box(nodes)
        value = solve_backward(self.problem, grid, LAYERS * _REFERENCE_STEPS, HundsdorferVerwer())
        return at_probes(grid.axes, grid.reshape(value.values[0, 0]))

    @cached_property
    def values(self):
        """(33, 33)"""
        fine, coarse = self._solve(self.nodes), self._solve((self.nodes + 1) // 2)
        return fine + (fine - coarse) / 3                  # central differences: error c h² + O(h⁴)

    def error(self, axes, u):
        """Largest error of u (n0, n1) on the axes."""
        return float(np.abs(at_probes(axes, u) - self.values).max())


@dataclass(frozen=True)
class Heston:
    """A call in Heston's model, case 1 of In 't Hout & Foulon (2010), table 1.

    dS = (rd − rf) S dt + √v S dB₁,  dv = κ (η − v) dt + σ √v dB₂,  d⟨B₁, B₂⟩ = ρ dt;  discounted at rd.
    """

    kappa: float = 1.5
    eta: float = 0.04
    sigma: float = 0.3
    rho: float = -0.9
    rd: float = 0.025
    rf: float = 0.0
    maturity: float = 1.0
    strike: float = 100.0
    spot: float = 100.0
    variance: float = 0.04

    def exact(self):
        """The price by Gil-Pelaez quadrature of the characteristic function (Heston 1993, in the form without branch cuts)."""
        log_forward = np.log(self.spot) + (self.rd - self.rf) * self.maturity
        probabilities = []
        for measure in (1, 2):
            def integrand(w, measure=measure):
                shift = 1j if measure == 1 else 0.0
                phi = self._characteristic(w - shift, log_forward)
                scale = np.exp(log_forward) if measure == 1 else 1.0
                return (np.exp(-1j * w * np.log(self.strike)) * phi / (1j * w * scale)).real
            probabilities.append(0.5 + quad(integrand, 1e-12, 200.0, epsabs=1e-12, limit=500)[0] / np.pi)
        discount = np.exp(-self.rd * self.maturity)
        return discount * (np.exp(log_forward) * probabilities[0] - self.strike * probabilities[1])

    def _characteristic(self, w, log_forward):
        """E exp(i w log S_T)."""
        b = self.kappa - self.rho * self.sigma * 1j * w
        d = np.sqrt(b * b + self.sigma**2 * (1j * w + w * w))
        g = (b - d) / (b + d)
        e = np.exp(-d * self.maturity)
        c = self.kappa * self.eta / self.sigma**2 * ((b - d) * self.maturity - 2 * np.log((1 - g * e) / (1 - g)))
        return np.exp(1j * w * log_forward + c + self.variance * (b - d) / self.sigma**2 * (1 - e) / (1 - g * e))

    def grid(self, nodes, across):
        """nodes × across on [0, 4 K] × [0, 1], dense about the strike (a node) and v = 0 by sinh.

        The mesh of In 't Hout & Foulon (2010), sec. 2.2; their box, [0, 8 K] × [0, 5], also serves their other cases.
        """
        return Grid((_sinh_axis(4 * self.strike, self.strike, self.strike / 5, nodes),
                     _sinh_axis(1.0, 0.0, 1.0 / 100, across)))

    def problem(self):
        """The KolmogorovProblem of the call (a solve takes the average of the payoff over the cells at the strike)."""
        def drift(t, x):
            return np.stack([(self.rd - self.rf) * x[:, 0], self.kappa * (self.eta - x[:, 1])], axis=1)

        def factor(t, x):
            root, zero = np.sqrt(x[:, 1]), np.zeros(len(x))
            along_v = self.sigma * root
            return np.stack([np.stack([root * x[:, 0], zero], axis=1),
                             np.stack([self.rho * along_v, np.sqrt(1 - self.rho**2) * along_v], axis=1)], axis=1)

        sides = ((Absorbing(), Outflow()), (Outflow(), Outflow()))
        return KolmogorovProblem(Diffusion(drift, factor, 2), lambda x: np.maximum(x[:, 0] - self.strike, 0.0), self.maturity,
                                 potential=self.rd, boundary=sides)

    def price(self, grid, u):
        """The value at (spot, variance) of u (n0, n1): cubic through the four nearest nodes of each axis."""
        near = [slice(k, k + 4) for k in (int(np.clip(np.searchsorted(axis, z) - 2, 0, axis.size - 4))
                                          for axis, z in zip(grid.axes, (self.spot, self.variance)))]
        axes = [axis[part] for axis, part in zip(grid.axes, near)]
        return float(RectBivariateSpline(*axes, u[near[0], near[1]])(self.spot, self.variance)[0, 0])


def _sinh_axis(end, centre, width, nodes):
    """0 … end, spaced about like √(width² + (x − centre)²); a node falls on the centre."""
    low, high = np.arcsinh(-centre / width), np.arcsinh((end - centre) / width)
    below = round((nodes - 1) * low / (low - high))
    xi = np.concatenate([np.linspace(low, 0.0, below + 1)[:-1], np.linspace(0.0, high, nodes - below)])
    axis = centre + width * np.sinh(xi)
    axis[0], axis[-1] = 0.0, end
    axis[below] = centre
    return axis
