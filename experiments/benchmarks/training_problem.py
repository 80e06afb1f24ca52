"""The problem of the training benchmark, as ocnet has it and as the arrays that peers take."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

import binary_classification
import datasets
from run_folder import setting_of

__all__ = ["Scale", "TrainingProblem"]

_PARTS, _TAIL = ("W1", "b1", "W2", "b2"), ("w", "b")


@dataclass(frozen=True)
class Scale:
    """How much a task takes.

    points : of the data, an even number;  batch : of them drawn for one iteration, None for all;  paths : of each of these
    iterations, every : of Adam, and how many apart θ is kept
    newton, nodes : iterations of L-BFGS, and nodes per axis, of the grid
    """

    points: int
    batch: int
    paths: int
    iterations: int
    every: int
    newton: int
    nodes: int


@dataclass(frozen=True)
class TrainingProblem:
    """The main job on a toy: 20 layers of 16 units, Gaussian noise, logistic EL, both penalties, Adam with a falling rate.

    J = mean over points of E log(1 + exp(−y h(X_N))) + ½ tikhonov (dt Σ_n |θ_n|² + |tail|²) + ½ smoothness/dt Σ_n |θ_{n+1} − θ_n|²,
    X_{n+1} = X_n + dt (W₂ tanh(W₁ X_n + b₁) + b₂) + deviation ξ_n, h(x) = w · x + b.
    """

    data: str
    scale: Scale
    rate = 0.02                      # of Adam: as the main job trains its particles,
    final = 0.01                     # … and the share of it that the cosine leaves in the end

    @cached_property
    def setting(self):
        """The Setting of `experiments/binary_classification.py` at its defaults, on all points of the toy."""
        options = vars(binary_classification.parser().parse_args(["--data", self.data]))
        dataset = datasets.load(self.data, 0, self.scale.points)
        points, labels = (np.concatenate([getattr(part, name) for part in (dataset.train, dataset.test)]) for name in ("points", "labels"))
        whole = datasets.Sample(points, labels, np.full(len(points), 1 / len(points)))
        return setting_of(options, replace(dataset, train=whole))

    @property
    def network(self):
        return self.setting.network

    @property
    def columns(self):
        """Paths of one iteration."""
        return (self.scale.batch or self.scale.points) * self.scale.paths

    @property
    def deviation(self):
        """Of a component's noise in one layer."""
        return self.network.noise.level * self.network.dt**0.5

    @property
    def weights(self):
        """(tikhonov, smoothness)."""
        return tuple(term.weight for term in self.setting.penalties)

    def parts(self, theta):
        """W1 (N, H, d), b1 (N, H), W2 (N, d, H), b2 (N, d), w (d,), b (1,) of θ (P,), or of a gradient, as copies."""
        control = self.network.control
        layers, tail = [control.layer(theta, n) for n in range(control.layers)], control.tail_views(theta)
        return (*(np.stack([getattr(layer, name) for layer in layers]) for name in _PARTS), *(getattr(tail, name).copy() for name in _TAIL))

    def joined(self, parts):
        """θ (P,) float64 of its parts."""
        theta = self.network.control.zeros()
        for name, stack in zip(_PARTS, parts):
            for n, numbers in enumerate(stack):
                getattr(self.network.control.layer(theta, n), name)[:] = numbers
        for name, numbers in zip(_TAIL, parts[len(_PARTS):]):
            getattr(self.network.control.tail_views(theta), name)[:] = numbers
        return theta
