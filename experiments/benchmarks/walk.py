"""The walk of the particle benchmark as the arrays that peers take; its reference; and the peers at their best settings."""

from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import product

import numpy as np

from ocnet.kernels.threads import threads
from ocnet.problem import KolmogorovProblem

from .peers import numpy_particles
from .peers.workers import teams
from .problems import EPSILON, LAYERS, network, weights
from .protocol import Contender, quickest
from .setting import LAYER_TIME, Setting

__all__ = ["ParticleSetting", "UNIT", "Walk", "chunked", "distance", "error_of", "sigmoid", "tuned", "walk_problem"]

UNIT = "M path-steps/s"
_CHUNKS = 2000, 10_000, 50_000       # paths; tried for each peer: its arrays fit the first-, second- or third-level cache
_TRIAL = 100_000                     # paths of a trial at most
_NUMPY_CHUNK, _REFERENCE_SEED = 2000, 7


class ParticleSetting(Setting):
    """reference : paths of the references"""


@dataclass(frozen=True)
class Walk:
    """`paths` Euler–Maruyama walks from 0 through the layers of P1's kind of network, float64 or float32.

    X_{n+1} = X_n + dt f_n(X_n) + deviation ξ_n; wanted is the mean of sigmoid(3 X_N[0]) with its standard error.
    """

    dim: int
    width: int
    paths: int
    dtype: str = "float64"
    dt = LAYER_TIME
    layers = LAYERS
    epsilon = EPSILON

    @property
    def deviation(self):
        return self.epsilon * self.dt**0.5

    @property
    def steps(self):
        """M path-steps of a run."""
        return self.paths * LAYERS / 1e6

    @cached_property
    def weights(self):
        return tuple(w.astype(self.dtype) for w in weights(self.dim, self.width))


def sigmoid(x):
    """The terminal function at points (n, d)."""
    return 1 / (1 + np.exp(-3 * x[:, 0]))


def walk_problem(walk):
    """(the KolmogorovProblem of the walk's diffusion, its network, θ)."""
    net, theta = network(walk.dim, walk.width)
    return KolmogorovProblem(net.diffusion(theta), sigmoid, 1.0), net, theta


def distance(one, other):
    """|mean − mean| in standard errors of both; each is (mean, standard error)."""
    return abs(one[0] - other[0]) / np.hypot(one[1], other[1])


@cache
def _reference(dim, width, paths):
    return numpy_particles.layered_mean(Walk(dim, width, paths), _NUMPY_CHUNK, threads(), _REFERENCE_SEED)()


def error_of(walk, setting):
    """A callable (mean, standard error) -> distance from NumPy's float64 mean by other normals, in standard errors of both."""
    return lambda result: distance(result, _reference(walk.dim, walk.width, setting.reference))


def chunked(setting, **others):
    """All combinations of a chunk, a team of threads and the named choices, as dicts: the settings tried for a peer."""
    ways = {"chunk": setting.size(_CHUNKS, _CHUNKS[:1]), "team": list(teams(threads()))} | {k: list(v) for k, v in others.items()}
    return [dict(zip(ways, choice)) for choice in product(*ways.values())]


def tuned(system, build, walk, settings, error, note=""):
    """The Contender of a peer with the quickest of the settings, tried on fewer paths, which also compiles it.

    build : callable (walk, chunk=, team= (workers, threads inside), …) -> run
    """
    def at(walk, chosen):
        return build(walk, **chosen | {"team": teams(threads())[chosen["team"]]})

    small = replace(walk, paths=min(walk.paths, _TRIAL))
    runs = {k: at(small, chosen) for k, chosen in enumerate(settings)
            if chosen["chunk"] * teams(threads())[chosen["team"]][0] <= small.paths}
    best = settings[quickest(runs)]
    said = ", ".join(f"chunks of {value}" if name == "chunk" else value for name, value in best.items())
    return Contender(system, at(walk, best), error, walk.steps, said + note)
