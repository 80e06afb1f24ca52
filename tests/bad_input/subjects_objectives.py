"""Objectives in every view, and the Hamiltonians they give out."""

import numpy as np

from ocnet import Grid, MovingGrid
from ocnet.training import objectives
from ocnet.training.grid_estimate import estimate_on_grid

from .subjects_networks import POINTS, THETA
from .subjects_training import SETTING, SMOOTH
from .verdict import Subject

GRID = Grid.uniform([-4.0, -4.0], [4.0, 4.0], 7)
VIEW = objectives.ChainView()
ON_GRID = objectives.GridObjective(SETTING, GRID)
PARTICLES = objectives.ParticleObjective(SETTING, 4)
RATIO = objectives.LikelihoodRatioObjective(SETTING, 4)
ODE = objectives.NeuralODEObjective(SMOOTH, tolerance=1e-4)
ELLIPTIC = objectives.EllipticControl(nodes=5, fields=4)
U = np.arange(5.0) / 8

_J = {"theta": ("J", "theta"), "grid": ("theta", "axes"), "setting": ("theta",)}


def _at(objective):
    """J and ∇J at any θ."""
    def call(theta):
        with np.errstate(all="ignore"):
            return objective.value(theta), objective.value_and_gradient(theta)
    return call


def _bounded_below(result, arguments):
    """A logistic or squared loss, and a Tikhonov penalty, are ≥ 0."""
    assert result[0] >= 0 and result[1][0] >= -1e-9


def _made(kind, **arguments):
    def call(**options):
        made = kind(**options)
        return made.value_and_gradient(THETA)
    return Subject(kind.__name__, call, arguments, known_as=_J, optional=("batch",))


def _hamiltonian(objective):
    def call(theta, n, numbers):
        with np.errstate(all="ignore"):
            hamiltonian = objective.hamiltonian(theta)
            return hamiltonian.total, hamiltonian.value_and_gradient(n, numbers), hamiltonian.value(n, numbers)
    arguments = {"theta": THETA, "n": 1, "numbers": THETA[:12]}
    return Subject(f"{type(objective).__name__}.hamiltonian", call, arguments, known_as={"theta": ("J", "theta"), "n": ("numbers",), "numbers": ("theta", "n")})


SUBJECTS = [
    Subject("GridObjective.value_and_gradient", _at(ON_GRID), {"theta": THETA}, known_as=_J, check=_bounded_below),
    Subject("ParticleObjective.value_and_gradient", _at(PARTICLES), {"theta": THETA}, known_as=_J, check=_bounded_below),
    Subject("LikelihoodRatioObjective.value_and_gradient", _at(RATIO), {"theta": THETA}, known_as=_J, check=_bounded_below),
    Subject("NeuralODEObjective.value_and_gradient", _at(ODE), {"theta": THETA}, known_as=_J, check=_bounded_below),
    Subject("EllipticControl.value_and_gradient", _at(ELLIPTIC), {"theta": U}, known_as={"theta": ("u",)}, check=_bounded_below),
    _made(objectives.GridObjective, setting=SETTING, grid=GRID, view=VIEW, condense=True),
    _made(objectives.ParticleObjective, setting=SETTING, paths=4, seed=3, batch=2, view=VIEW, precision="double", activations=PARTICLES.activations),
    _made(objectives.LikelihoodRatioObjective, setting=SETTING, paths=4, seed=3, batch=2, view=VIEW, precision="double"),
    _made(objectives.NeuralODEObjective, setting=SMOOTH, interpolation=ODE.interpolation, tolerance=1e-4),
    Subject("DiffusionView", lambda substeps: objectives.DiffusionView(substeps).substeps, {"substeps": 2}),
    Subject("GridObjective by DiffusionView",
            lambda substeps: objectives.GridObjective(SETTING, GRID, objectives.DiffusionView(substeps)).value_and_gradient(THETA), {"substeps": 1}),
    Subject("EllipticControl", lambda **options: objectives.EllipticControl(**options).value(np.full(int(options["nodes"]), 0.5)),
            {"nodes": 5, "fields": 4, "alpha": 0.125, "deviation": 0.5, "modes": 3, "batch": 2, "sample": 1, "seed": 2}, known_as={"nodes": ("u",)}),
    Subject("EllipticControl.draw", lambda iteration: ELLIPTIC.draw(iteration).value(U), {"iteration": 2}),
    Subject("ParticleObjective.draw", lambda iteration: PARTICLES.draw(iteration).seed, {"iteration": 2}),
    Subject("ParticleObjective.sample", lambda theta, points: PARTICLES.sample(theta, points), {"theta": THETA, "points": POINTS}, optional=("points",),
            known_as=_J),
    Subject("GridObjective.data_term", ON_GRID.data_term, {"theta": THETA}, known_as=_J),
    Subject("GridObjective.values_at", ON_GRID.values_at, {"theta": THETA, "points": POINTS, "power": 2}, known_as=_J),
    _hamiltonian(ON_GRID), _hamiltonian(PARTICLES),
    Subject("estimate_on_grid", lambda **arguments: estimate_on_grid(SETTING, THETA, VIEW, floor=0.25, **arguments),
            {"nodes": 7, "tolerance": 1.0}, also={"tolerance": ("inf",)}),
    Subject("estimate_on_grid.floor", lambda floor: estimate_on_grid(SETTING, THETA, VIEW, 7, 1.0, floor), {"floor": 0.25}, also={"floor": ("inf",)}),
    Subject("estimate_on_grid at theta", lambda theta: estimate_on_grid(SETTING, theta, VIEW, MovingGrid.covering(SETTING.network.layered(THETA), POINTS, 7),
                                                                       1.0, 1.0), {"theta": THETA}, known_as=_J),
]
