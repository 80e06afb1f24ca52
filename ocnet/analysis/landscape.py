"""Slices of an objective, J(θ + a d₁ + b d₂), in directions as large as the weights, filter by filter (Li et al. 2018).

A filter is a row of a layer's (or the readout's) array, or a whole vector of biases; a random normal direction is scaled so that each of its filters is
as long as that of θ.  So slices of networks whose filters have different sizes can be held against each other: a = 1 doubles a filter at most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.inputs import as_array, as_number, as_seed, as_whole
from ocnet.kernels import philox
from ocnet.networks import ResidualNetwork
from ocnet.networks.network import checked_network
from ocnet.training.trainer import checked_objective
from ocnet.xarrays import dataset, labelled

from .scores import finite_result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["Landscape", "filter_normalised", "landscape"]

_DIRECTIONS = 12                     # word that keeps directions apart from other random numbers
_FINER, _WIDER = 1.5, 1.4            # refinement of a grid's spacing and box that its bars compare
_MOST_POINTS = 10_001                # along a direction: as many evaluations, or their square
_ERRORS = 3                          # standard errors in a bar


@dataclass(frozen=True, eq=False)
class Landscape(Saved):
    """J on a slice through θ: values and bars (n,) or (n, m) at the places a (n,) and b (m,) of `axes`; directions (1 or 2, P).

    bars are half-widths: of particles three standard errors (the noise is frozen, so they move the whole slice rather than its points), of a
    grid what refining by 1.5 and widening by 1.4 has changed, else 0.  `name` says whose values they are
    """

    axes: tuple[np.ndarray, ...]
    values: np.ndarray
    bars: np.ndarray
    directions: np.ndarray
    name: str = "J"

    @property
    def centre(self) -> float:
        """J(θ), where 0 is among the places; else NaN."""
        at = tuple(int(np.abs(axis).argmin()) for axis in self.axes)
        return float(self.values[at]) if all(axis[k] == 0 for axis, k in zip(self.axes, at)) else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name; without the directions."""
        return {"name": self.name, "axes": [axis.tolist() for axis in self.axes], "values": self.values.tolist(), "bars": self.bars.tolist()}

    def plot(self, ax: Axes | None = None, **style: Any) -> Axes:
        """Draw a line with its band, or contours, with `plotting.landscape`, which takes the style; returns the axes."""
        return plotting.landscape(self.axes, self.values, self.bars, label=self.name, ax=ax, **style)

    def to_xarray(self) -> Any:
        """Return an xarray.Dataset of values and bars over a (and b), and of the directions over direction and number."""
        along = {name: labelled(name, axis, f"place {name} along a direction") for name, axis in zip("ab", self.axes)}
        return dataset({"values": labelled(tuple(along), self.values, self.name),
                        "bars": labelled(tuple(along), self.bars, f"half-width of the bar of {self.name}"),
                        "directions": labelled(("direction", "number"), self.directions, "direction in the numbers θ")}, along, {"centre": self.centre})

    def __repr__(self) -> str:
        shape = " × ".join(map(str, self.values.shape))
        return (f"Landscape({self.name}: {shape} places, {self.values.min():.6g} to {self.values.max():.6g}, J(θ) = {self.centre:.6g}, "
                f"bars at most {self.bars.max():.1g})")


def filter_normalised(network: ResidualNetwork, theta: ArrayLike, count: int = 2, seed: int = 0) -> np.ndarray:
    """Return (count, P) random normal directions, each filter of which is as long as that of θ; 0 where θ's is.

    The random numbers are those of (seed, direction), so networks of one layout have the same before scaling.
    Source : Li, Xu, Taylor, Studer, Goldstein, Visualizing the Loss Landscape of Neural Nets (2018), sec. 4; biases are kept here, as vectors.
    """
    control = checked_network(network).control
    centre, count, seed = control.check(theta), as_whole(count, "count"), as_seed(seed)
    directions = np.stack([philox.normals(philox.derived_seed(seed, _DIRECTIONS, k), 0, control.size, 0, 1)[0] for k in range(count)])
    sizes = _filters(control, centre)
    for direction in directions:
        for own, of_theta in zip(_filters(control, direction), sizes):
            length = np.linalg.norm(own, axis=1, keepdims=True)
            own *= np.linalg.norm(of_theta, axis=1, keepdims=True) / np.where(length > 0, length, 1.0)
    return directions


def _filters(control: Any, vector: np.ndarray) -> list[np.ndarray]:
    """Views (filters, numbers) of all named arrays of a vector (P,) laid out as θ."""
    layers = [array for n in range(control.layers) for array in vars(control.layer(vector, n)).values()]
    arrays = [*layers, *vars(control.tail_views(vector)).values()]
    return [array.reshape(array.shape[0] if array.ndim > 1 else 1, -1) for array in arrays if array.size]


def landscape(objective: Any, theta: ArrayLike, directions: np.ndarray | int = 1, reach: float = 1.0, points: int = 21, seed: int = 0,
              name: str = "J") -> Landscape:
    """Return the `Landscape` of an objective through θ.

    objective  : a GridObjective, a ParticleObjective or another one with a `setting` and `value(theta)`
    directions : how many filter-normalised ones (1 or 2), drawn by `seed`; or (1 or 2, P) of your own
    reach      : of a and b, from −reach to reach;  points : along each, odd, so that θ is among them
    Cost         points^directions evaluations (of grids, of a second, finer and wider one too).
    """
    network = checked_objective(objective, "setting", "value").setting.network
    centre: np.ndarray = network.control.check(theta)
    points = as_whole(points, "points", 3, "give an odd number, so that θ is among them", _MOST_POINTS)
    if points % 2 == 0:
        raise ValueError(f"points={points}: give an odd whole number ≥ 3, so that θ is among them")
    reach = as_number(reach, "reach", above=0, remedy="give a number > 0; 1 doubles each filter at most")
    chosen = _directions(directions, network, centre, seed)
    if chosen.ndim != 2 or len(chosen) not in (1, 2) or chosen.shape[1] != centre.size:
        raise ValueError(f"directions has shape {chosen.shape}; expected (1, {centre.size}) or (2, {centre.size}), or the number 1 or 2")
    half = np.linspace(0.0, reach, points // 2 + 1)
    axis, evaluate = np.concatenate([-half[:0:-1], half]), _evaluation(objective)
    places = np.stack(np.meshgrid(*[axis] * len(chosen), indexing="ij"), axis=-1)
    pairs = np.array([evaluate(centre + np.einsum("k,kp->p", place, chosen)) for place in places.reshape(-1, len(chosen))])
    values, bars = pairs.T.reshape(2, *places.shape[:-1])
    if not isinstance(name, str):
        raise TypeError(f"name={name!r} is no text; give what the axis of values is called, such as 'J'")
    return finite_result(Landscape((axis,) * len(chosen), values, bars, chosen, name), "theta, directions, reach", "values", "bars")


def _directions(directions: Any, network: ResidualNetwork, centre: np.ndarray, seed: int) -> np.ndarray:
    """The directions as an array, drawn where only their number is given."""
    count = not isinstance(directions, (list, tuple, str, type(None))) and np.ndim(directions) == 0
    return filter_normalised(network, centre, as_whole(directions, "directions", 1, "give 1 or 2", 2), seed) if count else as_array(directions, "directions")


def _evaluation(objective: Any) -> Callable[[np.ndarray], tuple[float, float]]:
    """θ -> (J, its bar), by what an objective offers: a sample with its standard error, a grid that can be refined, or a value alone."""
    penalty = objective.setting.penalty
    if hasattr(objective, "sample"):
        def sampled(theta: np.ndarray) -> tuple[float, float]:
            sample = objective.sample(theta)
            return sample.value + penalty(theta)[0], _ERRORS * sample.standard_error
        return sampled
    if hasattr(objective, "grid"):
        finer = replace(objective, grid=objective.grid.refined(_FINER).widened(_WIDER))

        def on_grids(theta: np.ndarray) -> tuple[float, float]:
            value = finer.value(theta)
            return value, abs(value - objective.value(theta))
        return on_grids
    return lambda theta: (objective.value(theta), 0.0)
