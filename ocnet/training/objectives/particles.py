"""The objective by particles: Monte Carlo through the layers, gradient by the pathwise reverse sweep."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ocnet.inputs import as_choice, as_object, as_seed, as_whole
from ocnet.kernels.philox import derived_seed
from ocnet.particles import Reconstructed, Stored, over_ends, sampled_value_and_gradient
from ocnet.process import checked_points
from ocnet.training.finite import BeyondNumbers, finite, finite_pair
from ocnet.training.hamiltonians import ParticleHamiltonian
from ocnet.typing import Array, ArrayLike, View

from .batches import Batches
from .grid import ChainView, checked_view
from .labelled import Setting, checked_setting

__all__ = ["ParticleObjective", "Sample"]

_TRAINING, _JUDGING, _POINTS = 1, 2, 5        # words that keep the random streams of training, of judging and of batches apart
_JUDGES = 8                          # as many paths judge a point as train on it, times this


@dataclass(frozen=True, eq=False)
class Sample:
    """A sampled data term with its standard error, and what it is made of.

    means, errors (q, n): sampled counterparts of the grid's values at the points, and their standard errors
    """

    value: float
    standard_error: float
    means: np.ndarray
    errors: np.ndarray
    paths: int
    seed: int

    def __repr__(self) -> str:
        return (f"Sample({self.value:.6g} ± {self.standard_error:.1g} s.e., {self.means.shape[1]} points × {self.paths} "
                f"paths, seed {self.seed})")


@dataclass(frozen=True)
class ParticleObjective:
    """J(θ) sampled with `paths` paths a data point; the noise is frozen by `seed`, so J is a plain function of θ.

    setting : Setting, of any dimension;  paths : ≥ 2, one has no standard error
    batch : points that `draw` takes for one training iteration (`Batches`: stratified, unbiased); None takes all.  Points are then judged
            by eight times as many, the same at every call; `value_and_gradient` and `sample` are of all data
    precision : of the paths; "single" is about twice as fast, for blocks and noise with a fused kernel: other draws of the same law, J and its
            gradient off by some 1e-6 of their size (θ and all sums stay in double precision; a Taylor test sees that)
    activations : `ocnet.particles.Stored`, or `Reconstructed`: gradients in memory that does not grow with depth, with an error that shrinks with it
            (J is the same); for ResNet, HeunNet and, exactly, RevNet
    view  : whose law: that of the network's own layers, or `DiffusionView(substeps)`: of the Itô equation behind them, by Euler–Maruyama
    Raises ValueError for numbers without meaning, and for choices that exclude each other (single precision and reconstructed states, …).
    """

    setting: Setting
    paths: int
    seed: int = 0
    batch: int | None = None
    view: View = ChainView()
    precision: str = "double"
    activations: Stored | Reconstructed = Stored()

    def __post_init__(self) -> None:
        checked_setting(self.setting)
        object.__setattr__(self, "paths", as_whole(self.paths, "paths", 2, "one path has no standard error"))
        object.__setattr__(self, "seed", as_seed(self.seed))
        checked_view(self.view, "paths")
        as_choice(self.precision, "precision", ("double", "single"))
        as_object(self.activations, "activations", ("stores",), "a way to keep states", "give Stored() or Reconstructed() of ocnet.particles")
        if self.batch is not None:
            self._batches                                              # refuses a size without meaning
        if self.precision != "double" and self.view.name != "chain":
            raise ValueError(f"precision={self.precision!r} with view={self.view!r}: only the network's own layers have single precision; use 'double'")
        if self.precision != "double" and not self.activations.stores:
            raise ValueError(f"precision={self.precision!r} with activations={self.activations!r}: states are reconstructed in double "
                             "precision, with other draws; use 'double'")

    def _process(self, theta):
        network = self.setting.network
        return self.view.paths(network, theta) if self.precision == "double" else network.layered(theta, self.precision)

    def _scores(self, theta, ends):
        """States (d, m) and scores (points, paths), or (K, points, paths), of end states (points, paths, d)."""
        x = np.ascontiguousarray(ends.reshape(-1, self.setting.network.dim).T)
        scores = self.setting.network.score(x, theta)
        return x, scores.reshape(scores.shape[:-1] + ends.shape[:2])

    def _terminal(self, theta):
        network, criterion, data = self.setting.network, self.setting.criterion, self.setting.data

        def terminal(ends, rows):
            x, scores = self._scores(theta, ends)
            value, _, slope = criterion.sampled(scores, data.labels[rows])
            cotangent = (data.weights[rows][:, None] * slope).reshape(*slope.shape[:-2], -1)
            back, rest = network.score_transposed(x, theta, cotangent)
            if not np.isfinite(back).all():
                raise BeyondNumbers(float((data.weights[rows] * value).sum()), np.full_like(theta, np.nan))
            return float((data.weights[rows] * value).sum()), back.T.reshape(ends.shape), rest

        return terminal

    @np.errstate(over="ignore", invalid="ignore")                      # what is not finite is refused at the end
    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """J(θ) with this noise, and its exact derivative (P,)."""
        theta = self.setting.network.control.check(theta)
        total, depth, rest = sampled_value_and_gradient(
            self._process(theta), self.setting.data.points, self.paths, self._terminal(theta), self.seed, activations=self.activations)
        penalty, gradient = self.setting.penalty(theta)
        self.setting.network.control.depth(gradient)[:] += depth
        self.setting.network.control.rest(gradient)[:] += rest
        return finite_pair(total + penalty, gradient)

    def sample(self, theta: ArrayLike, points: ArrayLike | None = None) -> "Sample":
        """Return the `Sample` of the data term at θ; at other points (n, d) only its means and errors are meant."""
        setting, criterion = self.setting, self.setting.criterion
        theta = setting.network.control.check(theta)
        at_data = points is None
        points = setting.data.points if points is None else checked_points(points, setting.network.dim)
        if not len(points):
            raise ValueError(f"points has shape {points.shape}: no point; give one row or more, or None for the data")
        means, errors = np.empty((criterion.columns, len(points))), np.empty((criterion.columns, len(points)))
        contributions, variances = np.zeros(len(points)), np.zeros(len(points))

        def consume(ends, rows):
            _, scores = self._scores(theta, ends)
            means[:, rows], errors[:, rows] = criterion.sampled_values(scores)
            if at_data:
                contributions[rows], variances[rows], _ = criterion.sampled(scores, setting.data.labels[rows])

        over_ends(self._process(theta), points, self.paths, consume, self.seed)
        weights = setting.data.weights if at_data else np.zeros(len(points))
        return Sample(float((weights * contributions).sum()), float(np.sqrt((weights**2 * variances).sum())), means,
                      errors, self.paths, self.seed)

    def hamiltonian(self, theta: Array) -> ParticleHamiltonian:
        """The `ParticleHamiltonian` at θ with this noise: J as each layer sees it while states and costates are held.

        Raises ValueError for single precision, reconstructed states and the Itô limit's view, which have none.
        """
        if self.precision != "double":
            raise ValueError(f"precision={self.precision!r}: a Hamiltonian is evaluated in double precision, with other draws; use 'double'")
        if not self.activations.stores:
            raise ValueError(f"activations={self.activations!r}: a Hamiltonian holds the states of all layers; use Stored()")
        if self.view.name != "chain":
            raise ValueError(f"view={self.view!r}: the Hamiltonian is that of the network's own layers; use view=ChainView()")
        return ParticleHamiltonian(self.setting, self.paths, self.seed, self._terminal, theta)

    @cached_property
    def _batches(self):
        return Batches(self.setting.data, self.batch)

    @cached_property
    def _judge(self):
        """What points are judged by: more paths, noise of its own, and all points or eight batches of them."""
        seed = derived_seed(self.seed, _JUDGING)
        judge = replace(self, paths=_JUDGES * self.paths, seed=seed, batch=None)
        if self.batch is None or _JUDGES * self.batch >= len(self.setting.data):
            return judge
        return judge._of(Batches(self.setting.data, _JUDGES * self.batch).draw(derived_seed(seed, _POINTS)))

    def _of(self, data):
        return replace(self, setting=replace(self.setting, data=data), batch=None)

    @np.errstate(over="ignore", invalid="ignore")
    def value(self, theta: Array) -> float:
        """J(θ) by more paths and noise of its own, the same at every call: what points are judged by."""
        return finite(self._judge.sample(theta).value + self.setting.penalty(theta)[0])

    def draw(self, iteration: int) -> "ParticleObjective":
        """The same objective with the noise, and the batch of points, of one training iteration."""
        drawn = replace(self, seed=derived_seed(self.seed, _TRAINING, as_whole(iteration, "iteration", 0, at_most=2**32 - 1)), batch=None)
        return drawn if self.batch is None else drawn._of(self._batches.draw(derived_seed(drawn.seed, _POINTS)))

    def fingerprint(self) -> str:
        more = () if self.activations.stores else (self.activations,)
        return self.setting.fingerprint("particles", self.paths, self.seed, self.batch, self.view, self.precision, *more)
