"""Measured orders of architectures: their layers against the equation they follow, without noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.inputs import LARGEST, as_array, as_choice, as_number, counted
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Noiseless
from ocnet.typing import ArrayLike, Axes

from .orders import Orders, checked_layers
from .scores import finite_result
from .stability import checked_architecture

__all__ = ["ConsistencyOrder", "order_of"]

_MOST_EVALUATIONS = 100_000          # of the branch along its equation
_TIGHT = {"method": "DOP853", "rtol": 1e-13, "atol": 1e-14}
_AGAINST = ("limit", "branch", "modified", "unshifted")
_R7 = (1.2, 0.4, -0.9, 0.0)          # f(x) = −0.9 tanh(1.2 x + 0.4): f(0) ≠ 0, and a flow in closed form (MATH R7)
_START = (0.7, -0.2)


@dataclass(frozen=True, eq=False)
class ConsistencyOrder(Orders, Saved):
    """Errors max |x_N − u(t_N)| of equal layers by their number, and the orders between them.

    layers, errors (k,);  expected : as the architecture states, None where it states nothing;  own : own numbers, by name
    floor    : of the reference solution, below which errors mean nothing
    """

    architecture: Any
    against: str
    own: dict
    layers: np.ndarray
    errors: np.ndarray
    expected: float
    floor: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name."""
        return {"architecture": repr(self.architecture), "against": self.against, "own": dict(self.own), "layers": self.layers.tolist(),
                "errors": self.errors.tolist(), "orders": self.orders.tolist(), "expected": self.expected, "floor": self.floor}

    def plot(self, ax: Axes | None = None, **style: Any) -> Axes:
        """Draw the errors against the layers; returns the axes."""
        ax = plotting.curve(self.layers, self.errors, ax=ax, **{"marker": "o", "ms": 3, **style})
        ax.set(xscale="log", yscale="log", xlabel="layers N", ylabel="error", xticks=self.layers, xticklabels=[str(n) for n in self.layers])
        ax.minorticks_off()
        return ax

    def __repr__(self) -> str:
        own = "".join(f", {name}={value:g}" for name, value in self.own.items())
        stated = "" if self.expected is None else f", stated {self.expected:g}"
        return (f"ConsistencyOrder({self.architecture!r}{own} against {self.against}: {self.order:.3f}{stated}, "
                f"error {self.errors[-1]:.1e} ± {self.floor:.0e} at {self.layers[-1]} layers)")


def order_of(architecture: Any, against: str = "limit", layers: Sequence[int] = (20, 40, 80, 160, 320), block: Any = None, numbers: Any = _R7,
             start: ArrayLike | None = None, horizon: float = 1.0, **own: Any) -> "ConsistencyOrder":
    """Return the measured `ConsistencyOrder` of an architecture: equal layers without noise, equal numbers in all branches of a layer.

    against : "limit" (rate · f), "branch" (f itself), "modified" (to order 2, from its shifted start), "unshifted" (the same from u_0): see
              `Architecture.modified`
    layers  : increasing numbers, two at least;  own : own numbers, the same in all layers, such as k=-0.5; typical ones where not given
    block, numbers : the branch and its numbers (p,) in the dimension it lives in; None: Perceptron(1), −0.9 tanh(1.2 x + 0.4)
    horizon : T, in which equal layers are taken
    start   : (d,), for a pair of halves twice the block's dimension; None: 0.7, or (0.7, −0.2)
    Raises    ValueError for another word, fewer than two numbers of layers, and an architecture that follows no such equation
    Accuracy  the reference is of relative accuracy 1e-13 (DOP853), beside which `floor` is safe by 10.
    Source    orders and modified equations: Lu, Zhong, Li & Dong (2018), and MATH 2.1, 2.2
    """
    as_choice(against, "against", _AGAINST)
    checked_architecture(architecture)
    layers, start = checked_layers(layers), as_array(_START[:architecture.halves] if start is None else start, "start")
    if start.ndim > 1 or not start.size:
        raise ValueError(f"start has shape {start.shape}; give the d components of one point")
    problem = _Problem(architecture, Perceptron(1) if block is None else block, as_array(numbers, "numbers"), architecture.own_numbers(own),
                       np.atleast_1d(start), as_number(horizon, "horizon", at_least=1 / LARGEST, at_most=LARGEST))
    equation = _equation(architecture, against, own)
    errors = np.array([problem.error(count, equation) for count in layers])
    floor = 1e-12 * max(1.0, float(np.abs(problem.start).max()))
    expected = _expected(architecture, against, own)
    return finite_result(ConsistencyOrder(architecture, against, {**architecture.typical, **own}, np.array(layers), errors, expected, floor),
                         "numbers, start, horizon", "errors")


def _equation(architecture, against, own):
    """(rate, bend, shift) of what the layers are compared with."""
    found = architecture.modified(**own)
    if against == "branch" or (found is None and against == "limit"):
        return 1.0, 0.0, 0.0
    if found is None:
        raise ValueError(f"against={against!r}: {architecture!r} follows no equation of its branch; use against='branch'")
    if against == "limit":
        return found.rate, 0.0, 0.0
    return found.rate, found.bend, found.shift if against == "modified" else 0.0


def _expected(architecture, against, own):
    found = architecture.modified(**own)
    if found is None:
        return None
    if against == "branch" and found.rate != 1:
        return 0
    return {"limit": architecture.order, "branch": architecture.order, "modified": 2, "unshifted": 1 if found.shift else 2}[against]


@dataclass(frozen=True)
class _Problem:
    """Equal layers and the equation beside them, from one start."""

    architecture: Any
    block: Any
    numbers: np.ndarray
    own: tuple
    start: np.ndarray
    horizon: float

    def _network(self, count):
        return ResidualNetwork(self.block, Noiseless(), count, self.horizon, self.start.size, architecture=self.architecture)

    def _theta(self, network):
        """θ of equal layers, of equal branches."""
        blocks = self.architecture.blocks(self.block)
        branches = self.numbers if blocks is self.block else blocks.joined([self.numbers] * self.architecture.branches, self._inner(network))
        layer = np.concatenate([branches, self.own])
        if layer.size != network.control.layer_size:
            raise ValueError(f"numbers has shape {self.numbers.shape}; {self.block!r} has {self.block_size(network)} numbers in dimension "
                             f"{self._inner(network)}")
        theta = network.control.zeros()
        network.control.depth(theta)[:] = layer
        return theta

    def _inner(self, network):
        return self.architecture.block_dim(network.dim)

    def block_size(self, network):
        """How many numbers the block has."""
        return sum(int(np.prod(shape)) for _, shape in self.block.layout(self._inner(network)))

    def error(self, count, equation):
        """max |x_N − u(t_N)| for so many layers against the equation (rate, bend, shift)."""
        network = self._network(count)
        process = network.layered(self._theta(network))
        (end,) = process.ends(self.start[:, None], 0, 0).T
        return float(np.abs(end - self._solution(network, process, equation)).max())

    def _solution(self, network, process, equation):
        rate, bend, shift = equation
        branch = _Branch(self, network)
        bend = np.repeat(np.atleast_1d(bend), self.start.size // np.size(bend))

        def drift(t, x):
            f = branch(x)
            return rate * f + network.dt * bend * branch.derivative(x, f) if bend.any() else rate * f

        first = self.start + network.dt * shift * branch(self.start)
        told = f"horizon: the equation takes more than {_MOST_EVALUATIONS} evaluations of the branch; give a smaller one, or smaller numbers"
        return solve_ivp(counted(drift, _MOST_EVALUATIONS, told), (0.0, process.times[-1]), first, **_TIGHT).y[:, -1]


class _Branch:
    """f, and Df f, of the whole state: of a pair (X, Y) that is (f(Y), f(X))."""

    def __init__(self, problem, network):
        self.block, self.swapped = problem.block, problem.architecture.halves == 2
        layer = ResidualNetwork(problem.block, Noiseless(), 1, dim=problem._inner(network)).control
        self.layer = layer.named(problem.numbers)

    def _halves(self, x):
        return np.stack(np.split(x, 2)[::-1], axis=1) if self.swapped else x[:, None]

    def __call__(self, x):
        return self.block.features(np.ascontiguousarray(self._halves(x)), self.layer).output.T.ravel()

    def derivative(self, x, v):
        """Df v."""
        return self.block.jacobian_product(np.ascontiguousarray(self._halves(x)), self.layer, self._halves(v)).T.ravel()
