"""How far a residual network is from the ODE behind it, with bounds that hold (MATH 3.1).

    network   x_{n+1} = x_n + h f(x_n, θ_n)          ODE   x' = φ(x, s), φ(·, t_n) = f(·, θ_n), h = horizon/layers

All constants are upper bounds over the ball that no trajectory of either leaves: L of the Lipschitz constants, M of |φ|, C of
|∂_s φ + D_xφ φ|, with an index those of one layer.

    smooth    |x_n − x(t_n)| ≤ h C (e^{L t_n} − 1)/(2L)            Sander, Ablin, Peyré; useful where θ_{n+1} − θ_n = O(h)
    layered   e_{n+1} = (1 + h L_n) e_n + ½ h² C_n                 the same with each layer's own constants, before they are made one
    rough     e_{n+1} = (1 + h L_n) e_n + 3/2 h² L_n M_n, e_0 = ½ h M_0, |x_n − x(t_n)| ≤ e_n + ½ h M_n ≤ h M (2 e^{L t_n} − 1)
              function-affine only, whatever θ does in depth: O(h) also where C is O(1/h)

The last is derived so: let y_n = x(t_n) − ½ h f(x(t_n), θ_n).  With x frozen at x(t_n), ∫ φ ds over layer n is ½ h (f_n + f_{n+1}), so y moves by
h f_n(x(t_n)) and two remainders of at most ½ L_n M_n h²: of freezing x in φ, and of f_{n+1} between x(t_n) and x(t_{n+1}).  As
|y_n − x(t_n)| ≤ ½ h M_n, the network's own step differs from h f_n(x(t_n)) by h L_n (|x_n − y_n| + ½ h M_n) at most: so e_n bounds |x_n − y_n|.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ocnet import plotting
from ocnet.archive import Saved
from ocnet.blas import one_thread
from ocnet.inputs import as_number
from ocnet.networks.network import checked_network
from ocnet.networks.neural_ode import FunctionAffine, NeuralODE
from ocnet.process import checked_points
from ocnet.typing import Array, ArrayLike, Axes
from ocnet.xarrays import dataset, labelled

from .scores import finite_result

__all__ = ["NetworkODEDistance", "network_ode_distance"]

_LOOSER = 100                        # times the tolerance: the solution whose difference tells the reference's error
_ROUNDING = 8 * np.finfo(float).eps              # of the radius, a layer: what the network's own sums lose


@dataclass(frozen=True, eq=False)
class NetworkODEDistance(Saved):
    """Distances |x_n − x(t_n)| (N + 1, points) of a network's layers from its ODE at `times` (N + 1,), Euclidean, and their bounds (N + 1,).

    smooth, layered, rough : the bounds of `network_ode`; rough is None for an interpolation that does not telescope
    lipschitz, speed, bend : L, M, C;  radius : of the ball they hold in, which no trajectory leaves
    reference_error : of x(t_n), the largest difference from a solution of 100 times the tolerance, which overstates it; rounding included
    """

    interpolation: Any
    times: np.ndarray
    distances: np.ndarray
    smooth: np.ndarray
    layered: np.ndarray
    rough: np.ndarray | None
    lipschitz: float
    speed: float
    bend: float
    radius: float
    reference_error: float

    @property
    def distance(self) -> float:
        """The largest over layers and points."""
        return float(self.distances.max())

    @property
    def bound(self) -> Array:
        """(N + 1,) the least of the bounds."""
        return np.minimum(self.layered, np.inf if self.rough is None else self.rough)

    @property
    def holds(self) -> bool:
        """Whether no distance exceeds any bound by more than the reference's error."""
        return bool((self.distances.max(axis=1) <= self.bound + self.reference_error).all())

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name; of the points only the largest."""
        return {"interpolation": repr(self.interpolation), "times": self.times.tolist(), "distances": self.distances.max(axis=1).tolist(),
                "smooth": self.smooth.tolist(), "layered": self.layered.tolist(), "rough": None if self.rough is None else self.rough.tolist(),
                "lipschitz": self.lipschitz, "speed": self.speed, "bend": self.bend, "radius": self.radius,
                "reference_error": self.reference_error, "holds": self.holds}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the largest distance and the bounds against time; returns the axes."""
        ax = plotting.curve(self.times[1:], self.distances[1:].max(axis=1), ax=ax, color=plotting.FIRST, label="distance")
        for name, style in (("smooth", ":"), ("layered", "--"), ("rough", "-.")):
            if getattr(self, name) is not None:
                ax.plot(self.times[1:], getattr(self, name)[1:], style, color=plotting.UPPER, lw=1.0, label=f"{name} bound")
        ax.set(xlabel="t", ylabel="|$x_n - x(t_n)$|", yscale="log")
        ax.legend()
        return ax

    def to_xarray(self) -> Any:
        """Return an xarray.Dataset over time: distance (of each point) of the network from its ODE, and the bounds."""
        bounds = {name: labelled("time", getattr(self, name), f"{name} bound of the distance", "state") for name in ("smooth", "layered", "rough")
                  if getattr(self, name) is not None}
        return dataset({"distance": labelled(("time", "point"), self.distances, "distance of network and ODE", "state"), **bounds},
                       {"time": labelled("time", self.times, "time of the layer", "time")},
                       {"interpolation": self.interpolation, "lipschitz": self.lipschitz, "speed": self.speed, "bend": self.bend, "radius": self.radius,
                        "reference_error": self.reference_error, "holds": self.holds})

    def __repr__(self) -> str:
        verdict = "below its bound" if self.holds else "ABOVE ITS BOUND"
        return (f"NetworkODEDistance({self.distance:.4g} ± {self.reference_error:.1g} over {len(self.times) - 1} layers, {verdict} "
                f"{self.bound[-1]:.4g}; L={self.lipschitz:.3g}, {self.interpolation!r})")


@one_thread()
def network_ode_distance(network: Any, theta: Array, points: ArrayLike, interpolation: Any = FunctionAffine(),
                         tolerance: float = 1e-11) -> "NetworkODEDistance":
    """Return the `NetworkODEDistance` of a network at θ from the ODE behind it, from the points (n, d).

    theta         : (P,)
    interpolation : what φ is between the layers, `FunctionAffine` or `WeightAffine` of `networks.neural_ode`
    tolerance     : of each step of the adaptive reference, relative and absolute
    Raises ValueError for a network with noise, and for a block without `bounds(first, second)`.
    Cost           some hundreds of block evaluations a layer and point.
    """
    x = np.ascontiguousarray(checked_points(points, checked_network(network).dim).T)
    if not x.size:
        raise ValueError(f"points has shape {np.shape(points)}: no point to start from; give at least one row")
    tolerance = as_number(tolerance, "tolerance", above=0, at_most=1, remedy="give an error > 0, such as 1e-11")
    if not hasattr(network.block, "bounds"):
        raise ValueError(f"block={network.block!r} has no bounds(first, second); use Perceptron, Sine or Affine, or give it one (`BlockBounds`)")
    ode = NeuralODE(network, theta, interpolation)
    layers, reference = _layers(network, theta, x), ode.states(x, tolerance)
    looser = ode.states(x, _LOOSER * tolerance)
    distances = np.linalg.norm(layers - reference, axis=1)
    start = float(np.linalg.norm(x, axis=0).max())
    constants = _constants(ode, start)
    error = np.linalg.norm(looser - reference, axis=1).max() + _ROUNDING * constants["radius"] * network.layers
    smooth, layered, rough = _bounds(ode, **constants)
    lipschitz, speed, bend, radius = (float(np.max(constants[name])) for name in ("lipschitz", "speed", "bend", "radius"))
    found = NetworkODEDistance(interpolation, network.times, distances, smooth, layered, rough, lipschitz, speed, bend, radius, float(error))
    return finite_result(found, "theta, points", "distances", "smooth", "layered", "radius", "reference_error", *([] if rough is None else ["rough"]))


def _layers(network, theta, x):
    """(N + 1, d, points) states of the network."""
    process, states = network.layered(theta), [x]
    for n in range(network.layers):
        states.append(process.mean_step(n, states[-1]))
    return np.stack(states)


def _constants(ode, start):
    """L, M and C of each layer (N,), and the radius of the ball they hold in for |x| ≤ start at time 0."""
    network, T = ode.network, ode.network.horizon
    bounds = [network.block.bounds(*map(network.control.named, ode.pair(n))) for n in range(network.layers)]
    size, growth = max(b.size for b in bounds), max(b.growth for b in bounds)
    # |x|' ≤ size + growth |x| (Grönwall), and the network's steps stay below that solution
    radius = start * np.exp(growth * T) + size * (np.expm1(growth * T) / growth if growth else T)
    lipschitz = np.array([b.lipschitz for b in bounds])
    speed = np.array([b.size + b.growth * radius for b in bounds])
    slope = np.array([ode.interpolation.slope(b, radius, network.dt) for b in bounds])
    return {"lipschitz": lipschitz, "speed": speed, "bend": slope + lipschitz * speed, "radius": radius}


def _bounds(ode, lipschitz, speed, bend, radius):
    """The smooth, the layered and the rough bound (N + 1,); None for the last where it does not hold."""
    h, t = ode.network.dt, ode.network.times
    L, C = lipschitz.max(), bend.max()
    smooth = 0.5 * h * C * (np.expm1(L * t) / L if L else t)
    layered = _grown(0.0, h * lipschitz, 0.5 * h * h * bend)
    if not ode.interpolation.telescopes:
        return smooth, layered, None
    shift = 0.5 * h * np.append(speed, speed[-1])
    return smooth, layered, _grown(shift[0], h * lipschitz, 1.5 * h * h * lipschitz * speed) + shift


def _grown(start, rates, added):
    """(N + 1,) e_{n+1} = (1 + rates_n) e_n + added_n."""
    found = [start]
    for rate, more in zip(rates, added):
        found.append((1 + rate) * found[-1] + more)
    return np.array(found)
