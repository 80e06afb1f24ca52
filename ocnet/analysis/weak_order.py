"""Measured weak orders of a noisy network: E φ(X_N) of its layers against the equations that they approximate, without sampling."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.blas import one_thread
from ocnet.inputs import answer_of, as_array, as_whole
from ocnet.networks.network import checked_network
from ocnet.typing import PointFunction

from .orders import Orders, checked_layers
from .periodic import PeriodicGrid
from .scores import finite_result

__all__ = ["WeakOrder", "weak_order"]

_PERIODIC = 1e-9                     # what rounding may take off a period
_ORDER = 12                          # quadrature nodes a channel where noise is not a mask: exact to degree 23


def _default_functional(points):
    """φ(x) = exp(mean over i of sin x_i + ½ cos x_i) at points (d, n); in one dimension that of MATH R5."""
    return np.exp((np.sin(points) + 0.5 * np.cos(points)).mean(axis=0))


@dataclass(frozen=True, eq=False)
class WeakOrder(Orders, Saved):
    """Errors max |E φ(X_N) − reference| over the nodes, by number of layers, and what follows.

    layers, errors (k,)
    expected : the order that the noise model states, or None
    floor    : size of rounding, below which errors mean nothing
    """

    noise: Any
    against: str
    layers: np.ndarray
    errors: np.ndarray
    expected: float | None
    floor: float = 1e-11

    def plot(self, ax: Any = None) -> Any:
        """Draw the errors against the layers, with the slope fitted and that of the stated order; returns the axes."""
        return plotting.convergence(self.layers, self.errors, expected=None if self.expected is None else -self.expected, floor=self.floor,
                                    name=f"against {self.against}", labels=("layers N", "largest error of E φ(X$_N$)"), ax=ax)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name."""
        return {"noise": repr(self.noise), "against": self.against, "layers": self.layers.tolist(), "errors": self.errors.tolist(),
                "orders": self.orders.tolist(), "expected": self.expected}

    def __repr__(self) -> str:
        stated = "" if self.expected is None else f", stated {self.expected:g}"
        return f"WeakOrder({self.noise!r} against {self.against}: {self.order:.2f}{stated}, error {self.errors[-1]:.1e} at {self.layers[-1]} layers)"


@one_thread()
def weak_order(network: Any, numbers: Any, against: Any = "itô", layers: Sequence[int] = (8, 16, 32, 64, 128, 256), nodes: int = 65,
               functional: PointFunction = _default_functional) -> "WeakOrder":
    """Return the `WeakOrder` of a network's layers against one of the equations they approximate.

    network    : ResidualNetwork of a periodic block (such as Sine, or Branches of it), its own number of layers is not used; or callable
                 N -> ResidualNetwork of N layers, for noise that changes with depth
    numbers    : one layer's numbers (p,), the same in all layers; or callable n, N -> (p,) for layer n of N
    against    : "ode" (X' = mean), "itô" (order 1), "modified" (order 2), "jump" (the compound Poisson limit); or a callable
                 network, theta -> Diffusion for an equation of one's own
    layers     : increasing numbers of layers, two at least
    functional : φ, callable (d, n) -> (n,), of period 2π
    Raises     ValueError for a block without a period, another word, fewer than two numbers of layers, and an equation that does not exist
    Accuracy   to about 1e-12, if the nodes resolve f and φ: look at `WeakOrder.errors` with more nodes.
    Source     the equations: MATH 1.2, 1.3; for skewed noise Lu, Zhong, Li & Dong (2018)
    """
    layers, nodes = checked_layers(layers), as_whole(nodes, "nodes", 3)
    if not callable(network) or isinstance(network, type):
        checked_network(network)
    networks = [network(count) if callable(network) else replace(network, layers=count) for count in layers]
    block, noise = networks[-1].block, networks[-1].noise
    if not hasattr(block, "period"):
        raise ValueError(f"block={block!r} is not periodic; use Sine(width), whose layers and equations need no box")
    grid, errors = PeriodicGrid(nodes, networks[0].dim), []
    start = _values(functional, grid)
    for deep, count in zip(networks, layers):
        theta = deep.control.zeros()
        deep.control.depth(theta)[:] = [_checked_numbers(numbers(n, count) if callable(numbers) else numbers, deep) for n in range(count)]
        process = deep.layered(theta)
        _check_periodic(process, grid)
        exact = grid.by_layers(process, start, _ORDER)
        errors.append(np.abs(exact - _reference(grid, deep, theta, against, start)).max())
    name = against if isinstance(against, str) else getattr(against, "__name__", repr(against))
    expected = noise.weak_order.get(against) if isinstance(against, str) and not callable(network) else None
    return finite_result(WeakOrder(noise, name, np.asarray(layers), np.array(errors), expected), "numbers, functional", "errors")


def _values(functional, grid):
    """φ at the nodes (size,), or ValueError where it has another shape or no period."""
    values = answer_of(functional, "functional", grid.points)
    if values.shape != grid.points.shape[1:]:
        raise ValueError(f"functional returned shape {values.shape} for points of shape {grid.points.shape}; expected {grid.points.shape[1:]}")
    as_array(values, "functional")
    if not np.abs(answer_of(functional, "functional", grid.points + 2 * np.pi) - values).max() < _PERIODIC * max(1.0, np.abs(values).max()):
        raise ValueError("functional is not of period 2π; use sines and cosines of its points")
    return values


def _checked_numbers(numbers, network):
    numbers = as_array(numbers, "numbers")
    if numbers.shape != (network.control.layer_size,):
        raise ValueError(f"numbers has shape {numbers.shape}; a layer of this network has {network.control.layer_size} numbers")
    return numbers


def _check_periodic(process, grid):
    """Raise ValueError unless the first layer moves points a period apart alike."""
    x = grid.points[:, :5]
    here, there = (process.transition(0, points, _ORDER).feet for points in (x, x + 2 * np.pi))
    turns = (there - here) / (2 * np.pi)
    if not np.abs(turns - np.round(turns)).max() < _PERIODIC:
        raise ValueError(f"the layers of {process.network.block!r} with {process.network.noise!r} are not of period 2π; use whole frequencies W1, "
                         "and noise that is not in proportion to the state")


def _reference(grid, network, theta, against, start):
    if against == "jump":
        return grid.by_jumps(network.jump_process(theta), start)
    if against == "ode":
        return grid.by_generator(_MeanFlow(network.diffusion(theta)), network.times, start)
    if callable(against):
        return grid.by_generator(against(network, theta), network.times, start)
    orders = {"itô": 1, "modified": 2}
    if not isinstance(against, str) or against not in orders:
        raise ValueError(f"against={against!r}; choose 'ode', 'itô', 'modified', 'jump', or a callable network, theta -> Diffusion")
    return grid.by_generator(network.diffusion(theta, order=orders[against]), network.times, start)


class _MeanFlow:
    """A network's diffusion without its noise: X' = mean."""

    def __init__(self, diffusion):
        self.diffusion, self.network, self.theta = diffusion, diffusion.network, diffusion.theta

    def drift_rows(self, t, x):
        return self.diffusion.drift_rows(t, x)

    def variance_rows(self, t, x):
        return np.zeros((len(x), len(x), x.shape[1]))
