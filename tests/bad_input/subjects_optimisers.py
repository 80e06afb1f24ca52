"""Optimisers with every option, and the trainings that they make."""

import numpy as np

from ocnet import train, train_in_depth, train_on_grid
from ocnet.training import optimisers
from ocnet.training.objectives import ChainView, ParticleObjective

from .subjects_networks import THETA
from .subjects_training import SETTING, SMOOTH
from .verdict import Subject

PARTICLES = ParticleObjective(SETTING, 4)
_LOOP = {"iterations": 2, "check_every": 2, "save_every": 2.0, "bounds": np.array([-8.0, 8.0])}
_RATED = {**_LOOP, "rate": 0.125, "final": 0.5, "clip": 4.0}
_SCIPY = {"iterations": 2, "tolerance": 1e-6, "bounds": np.array([-8.0, 8.0])}
_LAYERWISE = {**_LOOP, "inner": 2, "tolerance": 1e-6}


class Bowl:
    """½ |θ − 1|²: any finite θ has a J, unless its square leaves the floats."""

    def value_and_gradient(self, theta):
        return 0.5 * float(((theta - 1) ** 2).sum()), theta - 1

    def value(self, theta):
        return self.value_and_gradient(theta)[0]

    def draw(self, iteration):
        return self


def _shown(result):
    return {"x": result.x, "fun": result.fun, "last": result.last, "nit": result.nit}


def _no_worse(result, arguments):
    """The best point is no worse than the start, and in the box."""
    assert result["fun"] <= 0.5 * (0.5**2 + 1.5**2) * (1 + 1e-12)            # J at the start, and its rounding


def _minimised(kind, objective, start, check=None, **arguments):
    """A subject: the optimiser made and run from the same start."""
    def call(**options):
        with np.errstate(all="ignore"):
            return _shown(train(objective, start, kind(**options)))
    return Subject(kind.__name__, call, arguments, check=check, known_as={"bounds": ("theta",)},
                   also={"clip": ("inf",), "save_every": ("inf",), "bounds": ("inf in", "-inf in")})


_START = np.array([0.5, -0.5])

SUBJECTS = [
    _minimised(optimisers.Adam, Bowl(), _START, _no_worse, betas=np.array([0.875, 0.5]), epsilon=1e-8, **_RATED),
    _minimised(optimisers.AveragedSGD, Bowl(), _START, _no_worse, decay=0.5, burn_in=1, **_RATED),
    _minimised(optimisers.GradientDescent, Bowl(), _START, _no_worse, **_RATED),
    _minimised(optimisers.Momentum, Bowl(), _START, _no_worse, mu=0.5, nesterov=True, **_RATED),
    _minimised(optimisers.ProximalGradient, Bowl(), _START, _no_worse, accelerated=True, **_RATED),
    _minimised(optimisers.LBFGS, Bowl(), _START, _no_worse, decrease=1e-9, memory=3, **_SCIPY),
    _minimised(optimisers.TrustConstr, Bowl(), _START, _no_worse, barrier=1e-8, radius=1e-10, **_SCIPY),
    _minimised(optimisers.SuccessiveApproximations, PARTICLES, THETA, rho=1.0, extended=False, **_LAYERWISE),
    _minimised(optimisers.SequentialHamiltonian, PARTICLES, THETA, rho=1.0, growth=3.0, decay=0.5, decrease=1e-4, share=0.25, **_LAYERWISE),
    Subject("train", lambda **a: _shown(train(**a)),
            {"objective": PARTICLES, "theta": THETA, "optimiser": optimisers.Adam(2), "callback": lambda state: None},
            optional=("callback",), known_as={"objective": ("J",)}, also={"callback": ("answers", "changes")}),      # any answer is true or false
    Subject("train of a bowl", lambda theta: _shown(train(Bowl(), theta, optimisers.LBFGS(3))), {"theta": np.array([0.5, -0.5])}, known_as={"theta": ("J",)}),
    Subject("train_on_grid", lambda **a: _shown(train_on_grid(progress=None, **a)),
            {"setting": SMOOTH, "theta": THETA, "optimiser": optimisers.LBFGS(1), "nodes": 7, "view": ChainView()}),
    Subject("train_in_depth", lambda **a: train_in_depth(make_objective=lambda setting, theta: ParticleObjective(setting, 2), **a).theta,
            {"setting": SETTING, "theta": THETA, "optimiser": optimisers.Adam(1), "levels": 2, "how": "linear"}),
]
