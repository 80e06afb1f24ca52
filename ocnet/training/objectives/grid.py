"""The objective on a grid: of the network's own law (chain) or of its Itô limit (semi-Lagrangian)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ocnet.chain import chain_sweep
from ocnet.grid import Grid
from ocnet.inputs import as_array, as_object, as_whole
from ocnet.kolmogorov.schemes.semi_lagrangian import SemiLagrangian
from ocnet.moving_grid import MovingGrid
from ocnet.particles.diffusion_steps import DiffusionSteps
from ocnet.process import checked_points
from ocnet.spline import LimitedSpline
from ocnet.sweep import Sweep
from ocnet.training.finite import finite, finite_pair
from ocnet.training.hamiltonians import GridHamiltonian
from ocnet.typing import Array

from .condensed import condensed
from .labelled import Setting, checked_setting

__all__ = ["ChainView", "DiffusionView", "GridObjective", "checked_view"]


@dataclass(frozen=True)
class ChainView:
    """The network's own law, layer by layer."""

    name = "chain"

    def sweep(self, network: Any, theta: Array, grid: Any) -> Sweep:
        """The `Sweep` of the chain at θ."""
        return chain_sweep(network.layered(theta), grid)

    def paths(self, network: Any, theta: Array) -> Any:
        """The process that is walked: the layers themselves."""
        return network.layered(theta)


@dataclass(frozen=True)
class DiffusionView:
    """The law of the Itô equation behind the network, `substeps` time steps a layer: a whole number ≥ 1, else ValueError."""

    substeps: int = 2
    name = "sde"

    def __post_init__(self) -> None:
        object.__setattr__(self, "substeps", as_whole(self.substeps, "substeps", remedy="it counts the time steps a layer"))

    def sweep(self, network: Any, theta: Array, grid: Any) -> Sweep:
        """The `Sweep` of the Itô equation at θ, bounded."""
        return SemiLagrangian().sweep(network.diffusion(theta), grid, network.times, self.substeps)

    def paths(self, network: Any, theta: Array) -> Any:
        """The process that is walked: Euler–Maruyama steps of the equation."""
        return DiffusionSteps(network.diffusion(theta), network.times, self.substeps)


def checked_view(view: Any, *gives: str) -> Any:
    """Return a view as it is; ValueError for a class, and for anything that does not give a "sweep", or "paths", as is asked for."""
    return as_object(view, "view", ("name", *gives), "a view", "give ChainView() or DiffusionView(substeps)")


@dataclass(frozen=True)
class GridObjective:
    """J(θ) from one backward sweep over all nodes, its gradient from one transposed sweep.

    setting : Setting of one to three dimensions;  grid : Grid with equal spacing, or MovingGrid;  view : ChainView() or DiffusionView(substeps)
    condense : False only to study what condensing does
    The data enter by one interpolation at time 0, and more than 10⁴ points as few that the grid cannot tell from them (`condensed`), so
    the cost does not grow with their number.
    Values stay within the range of the terminal data at every θ, so a loss ≥ 0 keeps J ≥ 0.  The price is the limiter's switch: on a coarse
    grid J can jump a little in θ (0.3 % was seen at 25² nodes, nothing at 61²), and the derivative is that between the jumps.
    """

    setting: Setting
    grid: Grid | MovingGrid
    view: Any = ChainView()
    condense: bool = True                # False only to study what condensing does

    def __post_init__(self) -> None:
        checked_setting(self.setting)
        as_object(self.grid, "grid", ("at", "axes", "widened"), "a grid",
                  "give a Grid, such as Grid.covering(network.layered(theta), points, 41), or a MovingGrid")
        dims = self.grid.dim, self.setting.network.dim
        if dims[0] != dims[1]:
            raise ValueError(f"grid has {dims[0]} axes, and network.dim={dims[1]} of the setting; give one axis for each component of the state")
        checked_view(self.view, "sweep")

    @cached_property
    def data(self) -> Any:
        """The points that are interpolated."""
        return condensed(self.setting.data, self.grid.at(0)) if self.condense else self.setting.data

    def fields(self, theta: Array, power: int = 1) -> Iterator[Array]:
        """Yield the values (q, size) of the layers N … 0: one row for each of the criterion's `columns`; of terminal data to a power."""
        network = self.setting.network
        theta = network.control.check(theta)
        terminal = self.setting.criterion.terminal(network.score(self.grid.at(-1).nodes, theta)) ** power
        return self.view.sweep(network, theta, self.grid).values(terminal)

    def values_at(self, theta: Array, points: Array, power: int = 1) -> Array:
        """Values (q, n) at time 0 at the points (n, d); power=2 gives the second moments of the terminal data."""
        points, power = checked_points(points, self.grid.dim), as_whole(power, "power")
        with np.errstate(over="ignore", invalid="ignore"):
            return as_array(self._values_at(theta, points, power), "theta is too large, or power: the value")

    def _values_at(self, theta, points, power=1):
        *_, first = self.fields(theta, power)
        return LimitedSpline(self.grid.at(0), first)(np.ascontiguousarray(points.T))

    def _functional(self, values):
        data, criterion = self.data, self.setting.criterion
        spline = LimitedSpline(self.grid.at(0), values)
        feet, one = np.ascontiguousarray(data.points.T)[None], np.ones(1)
        total, cotangent = criterion.total(spline.mean(feet, one), data.labels, data.weights)
        return total, spline.mean_transposed(feet, one, cotangent)[0]

    def data_term(self, theta: Array) -> float:
        """J without penalties."""
        return finite(self._data_term(theta))

    def _data_term(self, theta):
        data = self.data
        return self.setting.criterion.total(self._values_at(theta, data.points), data.labels, data.weights)[0]

    def value(self, theta: Array) -> float:
        """J(θ)."""
        return finite(self._data_term(theta) + self.setting.penalty(theta)[0])

    @np.errstate(over="ignore", invalid="ignore")                      # what is not finite is refused at the end
    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """J(θ) and its exact derivative (P,)."""
        network, criterion = self.setting.network, self.setting.criterion
        theta = network.control.check(theta)
        scores = network.score(self.grid.at(-1).nodes, theta)
        sweep = self.view.sweep(network, theta, self.grid)
        total, depth, ends = sweep.value_and_gradient(criterion.terminal(scores), self._functional)
        _, rest = network.score_transposed(self.grid.at(-1).nodes, theta, criterion.terminal_transposed(scores, ends))
        penalty, gradient = self.setting.penalty(theta)
        network.control.depth(gradient)[:] += depth
        network.control.rest(gradient)[:] += rest
        return finite_pair(total + penalty, gradient)

    def hamiltonian(self, theta: Array) -> GridHamiltonian:
        """The `GridHamiltonian` at θ: J as each layer sees it while masses and values are held."""
        return GridHamiltonian(self.setting, self.grid, self.view, self._functional, theta)

    def draw(self, iteration: int) -> "GridObjective":
        """Itself: nothing is random here."""
        return self

    def fingerprint(self) -> str:
        return self.setting.fingerprint(self.view, [axis.tolist() for axis in self.grid.axes], self.condense)
