"""A network together with its numbers: what is saved of a training, and what gives the trained processes out."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.inputs import as_array
from ocnet.process import Diffusion, LayeredProcess, checked_points
from ocnet.typing import Array, ArrayLike
from ocnet.xarrays import dataset, labelled

from .network import ResidualNetwork, checked_network

__all__ = ["TrainedNetwork"]


@dataclass(frozen=True, eq=False)
class TrainedNetwork(Saved):
    """A ResidualNetwork and its θ (P,), `theta`, a copy that is read-only.

    `TrainedNetwork(network, result.x).save(path)` keeps both; `TrainedNetwork.load(path)` has the same θ to the last bit and an equal network,
    so that its processes give the same bits.
    Raises ValueError where θ has another length than the network's layout, or is not finite.
    """

    network: ResidualNetwork
    theta: Array

    def __post_init__(self) -> None:
        theta = checked_network(self.network).control.check(self.theta).copy()
        theta.flags.writeable = False
        object.__setattr__(self, "theta", theta)

    def __eq__(self, other: object) -> bool:
        """Whether network and every bit of θ are the same."""
        return type(other) is type(self) and self.network == other.network and self.theta.tobytes() == other.theta.tobytes()

    def __hash__(self) -> int:
        return hash((self.network, self.theta.tobytes()))

    def layered(self, precision: str = "double") -> LayeredProcess:
        """The network's own law, as `ResidualNetwork.layered`."""
        return self.network.layered(self.theta, precision)

    def diffusion(self, order: int = 1) -> Diffusion:
        """The Itô equation that the layers approximate to weak order `order`, as `ResidualNetwork.diffusion`."""
        return self.network.diffusion(self.theta, order)

    def score(self, x: ArrayLike) -> Array:
        """The readout's score at last states x (n, d): (n,), or (n, K) of K scores; ValueError where x, or a score, is not finite."""
        with np.errstate(over="ignore", invalid="ignore"):
            scores = self.network.score(np.ascontiguousarray(checked_points(x, self.network.dim, "x").T), self.theta).T
        return as_array(scores, "x is too large: its score")

    def to_dict(self) -> dict[str, object]:
        """Plain values: what identifies the network, and θ as a list."""
        return {"network": self.network.describe(), "theta": self.theta.tolist()}

    def plot(self, panels: Any = None) -> Any:
        """Draw θ(t): every named array of the layers against the times at which they start, a panel each; returns the axes (arrays,)."""
        depth = self.network.control.depth(self.theta)
        arrays = {name: np.stack([getattr(self.network.control.named(layer), name) for layer in depth]) for name, _ in self.network.control.layout}
        return plotting.control(self.network.times[:-1], arrays, panels=panels)

    def to_xarray(self) -> Any:
        """Return an xarray.Dataset of the numbers by name: dimensions layer, W1_0, W1_1, …; those of the readout have no layer."""
        control, variables = self.network.control, {}
        layers = [control.layer(self.theta, n) for n in range(self.network.layers)]
        for name, shape in control.layout:
            values = np.stack([getattr(layer, name) for layer in layers])
            variables[name] = labelled(("layer", *_dims(name, shape)), values, f"numbers {name} of each layer")
        for name, view in vars(control.tail_views(self.theta)).items():
            variables[name] = labelled(_dims(name, view.shape), view, f"numbers {name} of the readout")
        along = {"layer": labelled("layer", np.arange(len(layers)), "number of the layer"),
                 "time": labelled("layer", self.network.times[:-1], "time at which the layer starts", "time")}
        return dataset(variables, along, {"network": self.network})

    def __repr__(self) -> str:
        return f"TrainedNetwork({self.network!r}, {self.theta.size} numbers of size {np.abs(self.theta).max(initial=0.0):.3g})"


def _dims(name: str, shape: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(f"{name}_{i}" for i in range(len(shape)))
