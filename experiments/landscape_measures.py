"""What `loss_landscape.py` measures: networks trained at several levels of noise, their largest curvature and input gradients, slices of their losses."""

from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import numpy as np

from architecture_measures import PairedInterval
from datasets import load
from ocnet import input_gradient, landscape, top_eigenvalue
from ocnet.grid import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian
from ocnet.training import train
from ocnet.training.criteria import ExpectedLoss, LossOfExpectation
from ocnet.training.losses import Logistic
from ocnet.training.objectives import GridObjective, LabelledPoints, ParticleObjective, Setting
from ocnet.training.optimisers import LBFGS
from ocnet.training.regularisers import Tikhonov

__all__ = ["Minimum", "SLICE_NOISE", "compared", "minima", "planes", "roughness", "rough_slices", "slices"]

PENALTY, TEST_POINTS = Tikhonov(1e-3), 2000          # the penalty makes minima of a logistic loss finite; 30 % of the points are for tests
SLICE_NOISE = 0.4                                    # of the slices drawn
REACH, PLANE_REACH = 0.5, 1.0                        # of slices and planes, in lengths of filters
FRESH = 8                                            # times the paths, by which a minimum is judged
UNSEEN = 1000                                        # added to seeds where J is judged: θ has been fitted to the noise that it was trained on


@dataclass(frozen=True)
class Minimum:
    """Where J_EL(σ) + penalty is smallest, as L-BFGS found it from a start that all σ share.

    own, quiet : largest eigenvalue of the Hessian of J_EL(σ) and of J_0 there, penalties included, and their bars
    slope      : mean |∇_x| of the noise-free loss at test points;  score_slope : the same of the noise-free score
    test_error : share of test points that the noise-free network gets wrong
    claimed, fresh, fresh_error : J there by the paths it was trained on; by others, and its standard error
    gradient   : largest component of the gradient of what was minimised (0 at a minimum)
    """

    sigma: float
    seed: int
    theta: np.ndarray
    own: float
    own_bar: float
    quiet: float
    quiet_bar: float
    slope: float
    score_slope: float
    test_error: float
    claimed: float
    fresh: float
    fresh_error: float
    gradient: float

    def to_dict(self):
        """Plain numbers, without θ."""
        return {name: value for name, value in vars(self).items() if name != "theta"}


def setting(sigma, data, given, criterion=ExpectedLoss(Logistic())):
    return Setting(ResidualNetwork(Perceptron(given.width), Gaussian(sigma), given.layers), data, criterion, (PENALTY,))


def data_of(seed, given):
    """Training points and test points of moons."""
    found = load("moons", seed=seed, size=2 * given.points)
    more = load("moons", seed=1000 + seed, size=max(2 * given.points, TEST_POINTS)).test
    return LabelledPoints(found.train.points, found.train.labels, found.train.weights), more


def paths_for(sigma, paths):
    """Two are enough where there is no noise."""
    return paths if sigma else 2


def minimum(sigma, seed, given):
    """The `Minimum` of one level of noise and seed (of data, start and noise)."""
    data, test = data_of(seed, given)
    problem = setting(sigma, data, given)
    objective = ParticleObjective(problem, paths_for(sigma, given.paths), seed=seed)
    result = train(objective, problem.network.initialise(seed), LBFGS(iterations=given.iterations, tolerance=1e-6))
    quiet = ParticleObjective(setting(0.0, data, given), 2)
    own, calm = (top_eigenvalue(o, result.x, tolerance=1e-3) for o in (objective, quiet))
    fresh = replace(objective, paths=FRESH * objective.paths, seed=UNSEEN + seed).sample(result.x)
    slopes = input_gradient(quiet, result.x, test.points, test.labels).gradient
    scores = quiet.sample(result.x, test.points).means                       # losses under either label
    margin = scores[0] - scores[1]                                           # log(1 + e^u) − log(1 + e^−u) = u, the score
    sizes = np.linalg.norm(slopes, axis=1)
    return Minimum(sigma, seed, result.x, own.value, own.bar, calm.value, calm.bar, float(sizes.mean()),
                   float((sizes * (1 + np.exp(np.clip(test.labels * margin, -500, 500)))).mean()),       # |∇ l| = |∇ u| / (1 + e^{yu})
                   float((np.sign(margin) != test.labels).mean()), float(result.fun), fresh.value + problem.penalty(result.x)[0],
                   fresh.standard_error, float(np.abs(result.jac).max()))


def minima(given, part):
    """{(σ, seed): Minimum}, each a part of the run."""
    return {(sigma, seed): part(f"minimum at {sigma}, {seed}", partial(minimum, sigma, seed, given)) for sigma in given.sigmas for seed in range(given.seeds)}


def compared(found, given, name):
    """{σ: PairedInterval of log(name at σ) − log(name at the first σ)} over seeds, σ but the first."""
    values = {sigma: np.log([getattr(found[sigma, seed], name) for seed in range(given.seeds)]) for sigma in given.sigmas}
    return {sigma: PairedInterval.of(values[sigma] - values[given.sigmas[0]]) for sigma in given.sigmas[1:]}


def roughness(line):
    """Root mean square of d²J/da² on a slice, by second differences."""
    return float(np.sqrt((np.diff(line.values, 2) ** 2).mean()) / (line.axes[0][1] - line.axes[0][0]) ** 2)


def rough_slices(found, given):
    """{σ: PairedInterval over seeds of log roughness, of J_EL(σ) less that of J_0}: means over directions, around the minima of J_0, so that θ is the
    same for all σ; their slices too.
    """
    logs = {sigma: np.zeros(given.seeds) for sigma in given.sigmas}
    for sigma in given.sigmas:
        for seed in range(given.seeds):
            objective = ParticleObjective(setting(sigma, data_of(seed, given)[0], given), paths_for(sigma, given.paths), seed=seed)
            for k in range(given.directions):
                line = landscape(objective, found[given.sigmas[0], seed].theta, reach=REACH, points=given.places, seed=k)
                logs[sigma][seed] += np.log(roughness(line)) / given.directions
    return {sigma: PairedInterval.of(logs[sigma] - logs[given.sigmas[0]]) for sigma in given.sigmas[1:]}


def box(problem, theta, directions, reach, given):
    """A grid that holds the paths of all networks on a slice or a plane, seen at five places along each direction; farther, with more nodes."""
    places = product(np.linspace(-reach, reach, 5), repeat=len(directions))
    boxes = [problem.network.layered(theta + np.einsum("k,kp->p", place, directions)).extent(problem.data.points) for place in places]
    lower, upper = np.min([b[0] for b in boxes], axis=0), np.max([b[1] for b in boxes], axis=0)
    return Grid.uniform(lower, upper, round(given.nodes * reach / REACH))


def slices(theta, given):
    """One slice through a minimum by grid and by particles: {"EL grid", "EL particles", "LE grid", "LE particles", "no noise"}: Landscapes.

    The particles' paths are others than those of the training, and the same at all places.
    """
    data, _ = data_of(0, given)
    expected, of_mean = (setting(SLICE_NOISE, data, given, criterion(Logistic())) for criterion in (ExpectedLoss, LossOfExpectation))
    quiet = landscape(ParticleObjective(setting(0.0, data, given), 2), theta, reach=REACH, points=given.places, name="no noise")
    grid = box(expected, theta, quiet.directions, REACH, given)
    every = {"reach": REACH, "directions": quiet.directions}
    found = {"no noise": replace(quiet, bars=np.zeros_like(quiet.values))}
    for name, problem in (("EL", expected), ("LE", of_mean)):
        found[f"{name} grid"] = landscape(GridObjective(problem, grid), theta, points=given.places, name=f"J$_{{{name}}}$, grid", **every)
        found[f"{name} particles"] = landscape(ParticleObjective(problem, given.many, seed=UNSEEN), theta, points=given.places, name=f"J$_{{{name}}}$, particles", **every)
    return found


def planes(found, given):
    """{name: Landscape} of planes along directions of the same random numbers: around the minimum of J_0, and around that of J_EL at the largest noise,
    this one by the grid and by particles: by paths other than those of the training, along which J is too small about θ, far beyond its standard error.
    """
    data, _ = data_of(0, given)
    quiet, noisy = (landscape(ParticleObjective(setting(sigma, data, given), paths_for(sigma, given.paths), seed=UNSEEN), found[sigma, 0].theta, 2, PLANE_REACH,
                              given.plane, name=name)
            for sigma, name in ((given.sigmas[0], "J$_0$ around its minimum"), (given.sigmas[-1], f"J$_{{EL}}$({given.sigmas[-1]:g}), particles; dashed: grid")))
    problem, theta = setting(given.sigmas[-1], data, given), found[given.sigmas[-1], 0].theta
    grid = box(problem, theta, noisy.directions, PLANE_REACH, given)
    return {"no noise": quiet, "EL particles": noisy,
            "EL grid": landscape(GridObjective(problem, grid), theta, noisy.directions, PLANE_REACH, given.plane, name=f"{noisy.name.split(',')[0]}, grid")}
