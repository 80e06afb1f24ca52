"""One example of every class that can be saved, as computed as it is quick to compute; and equality to the last bit."""

import struct
from dataclasses import fields, is_dataclass, replace
from functools import cache

import numpy as np

from ocnet import Control, Diffusion, Grid, KolmogorovProblem, MovingGrid, ResidualNetwork, TrainedNetwork
from ocnet.analysis import (
    LinearProblem,
    LInfinityBall,
    compare,
    compare_gradients,
    descend,
    duality_test,
    feedback_bound,
    fgsm,
    input_gradient,
    landscape,
    linear_limit,
    lyapunov_exponent,
    network_ode_distance,
    order_of,
    regularisation_ledger,
    stability_region,
    taylor_test,
    top_eigenvalue,
    variance_ledger,
    weak_order,
    zero_stability,
)
from ocnet.archive import known
from ocnet.kolmogorov import Coefficients, gradient, solve_backward, solve_forward
from ocnet.networks.architectures import LMResNet, PolyNet
from ocnet.networks.blocks import BlockAt, Branches, Perceptron, Sine
from ocnet.networks.neural_ode import FunctionAffine, WeightAffine
from ocnet.networks.noise import Gaussian, Noiseless, ShakeShake
from ocnet.particles import estimate, estimate_gradient, estimate_multilevel, propagate
from ocnet.report import ErrorBar
from ocnet.training import LabelledPoints, Setting, train, train_in_depth, train_on_grid
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.grid_estimate import estimate_on_grid
from ocnet.training.losses import Logistic
from ocnet.training.objectives import ChainView, DiffusionView, EllipticControl, GridObjective, LikelihoodRatioObjective, NeuralODEObjective, ParticleObjective
from ocnet.training.optimisers import LBFGS
from ocnet.training.regularisers import Tikhonov
from ocnet.training.result import Ending

OPTIMISER = LBFGS(iterations=2)


def network(layers=2, dim=1):
    return ResidualNetwork(Perceptron(2), Gaussian(0.3), layers, 1 / 3, dim)


@cache
def setting(noise=Gaussian(0.3)):
    points = np.random.default_rng(0).normal(size=(6, 1))
    return Setting(replace(network(), noise=noise), LabelledPoints(points, np.where(points[:, 0] > 0, 1, -1)), ExpectedLoss(Logistic()), (Tikhonov(1e-3),))


def theta():
    return setting().network.initialise(1)


def grid():
    return Grid((np.linspace(-1.2, 1.3, 25) ** 3,))


@cache
def trained():
    return train(ParticleObjective(setting(), 4), theta(), OPTIMISER)


@cache
def deep():
    return train_in_depth(setting(), theta(), lambda problem, start: ParticleObjective(problem, 4), OPTIMISER, 2)


@cache
def compared():
    return compare(setting().network, theta(), setting().data, nodes=21, paths=64)


@cache
def routes():
    return compare_gradients(setting(), theta(), Grid.uniform(-4, 4, 21), paths=4, substeps=1, replicates=4)


@cache
def multilevel():
    return estimate_multilevel(problem(), [[0.5], [0.1]], 0.05)


@cache
def problem():
    return KolmogorovProblem(Diffusion(lambda t, x: -x, [[0.6]], 1), lambda x: np.stack([x[:, 0], x[:, 0] ** 2], axis=1), 1 / 3)


@cache
def solved():
    return solve_backward(problem(), grid(), steps=4, keep=3)


def end_of_path(x, scores):
    return x[0].mean(), np.full_like(x, 1 / x.shape[1]), np.empty(0)


@cache
def limit():
    linear = LinearProblem.example()
    return linear_limit(linear, lambda layers: np.zeros((layers, 2, 2)), layers=(2, 4), reference=8, steps=3)


@cache
def exponent():
    return lyapunov_exponent(network().layered(theta()), [[0.5], [0.1]], 3)


MADE = {
    "grid.Grid": grid,
    "moving_grid.MovingGrid": lambda: MovingGrid.covering(network().layered(theta()), [[0.5]], 7),
    "report.ErrorBar": lambda: ErrorBar(1e-4, 1 / 3, 0.0, 1e-3, True),
    "report.SolveReport": lambda: solved().report,
    "value_function.ValueFunction": solved,
    "density.Density": lambda: solve_forward(problem().process, [[0.1]], grid(), 1 / 3, 4, keep=3),
    "networks.Control": lambda: Control((("W1", (2, 1)), ("b1", (2,))), 3, (("readout", ()),)),
    "networks.ResidualNetwork": lambda: ResidualNetwork(Branches(Perceptron(3), 2), ShakeShake(scaling="diffusive"), 4, 1 / 3, 2, architecture=LMResNet()),
    "networks.TrainedNetwork": lambda: TrainedNetwork(network(), theta()),
    "networks.blocks.BlockAt": lambda: BlockAt(Perceptron(3), np.random.default_rng(3).normal(size=Control(Perceptron(3).layout(2), 1).size), 2),
    "networks.architectures.ModifiedEquation": lambda: PolyNet().modified(),
    "networks.neural_ode.FunctionAffine": FunctionAffine,
    "networks.neural_ode.WeightAffine": WeightAffine,
    "kolmogorov.Coefficients": lambda: Coefficients.at(problem(), grid(), 0.0, 0.1),
    "kolmogorov.CoefficientGradient": lambda: gradient(problem(), grid(), np.ones((2, grid().size)), steps=2),
    "particles.Estimate": lambda: estimate(problem(), [[0.5], [0.1]], paths=8, steps=2),
    "particles.GradientEstimate": lambda: estimate_gradient(network().layered(theta()), [[0.5]], 8, end_of_path, batches=4),
    "particles.MultilevelEstimate": multilevel,
    "particles.multilevel.Level": lambda: multilevel().levels[0],
    "particles.Propagation": lambda: propagate(network().layered(theta()), [[0.5], [0.1]], 3, keep_layers=True),
    "training.TrainingResult": trained,
    "training.GridTraining": lambda: train_on_grid(setting(), theta(), OPTIMISER, 21),
    "training.LabelledPoints": lambda: setting().data,
    "training.Setting": setting,
    "training.result.Ending": lambda: Ending.by_interrupt(3),
    "training.depth.DepthTraining": deep,
    "training.depth.DepthLevel": lambda: deep().levels[1],
    "training.grid_estimate.GridEstimate": lambda: estimate_on_grid(setting(), theta(), ChainView(), 21),
    "training.objectives.ChainView": ChainView,
    "training.objectives.DiffusionView": lambda: DiffusionView(2),
    "training.objectives.EllipticControl": lambda: EllipticControl(7, 3),
    "training.objectives.GridObjective": lambda: GridObjective(setting(), grid()),
    "training.objectives.LikelihoodRatioObjective": lambda: LikelihoodRatioObjective(setting(), 4),
    "training.objectives.NeuralODEObjective": lambda: NeuralODEObjective(setting(Noiseless())),
    "training.objectives.ParticleObjective": lambda: ParticleObjective(setting(), 4, seed=3, batch=2),
    "training.objectives.particles.Sample": lambda: ParticleObjective(setting(), 4).sample(theta()),
    "analysis.Agreement": lambda: compared().agreement,
    "analysis.Attack": lambda: fgsm(ParticleObjective(setting(), 4), theta(), LInfinityBall(0.1)),
    "analysis.Comparison": compared,
    "analysis.ConsistencyOrder": lambda: order_of(LMResNet(), layers=(4, 8), k=-0.5),
    "analysis.DualityTest": lambda: duality_test(GridObjective(setting(), Grid.uniform(-4, 4, 21)), theta()),
    "analysis.Eigenvalue": lambda: top_eigenvalue(ParticleObjective(setting(), 4), theta(), iterations=3),
    "analysis.Landscape": lambda: landscape(ParticleObjective(setting(), 4), theta(), points=3),
    "analysis.Ledger": lambda: regularisation_ledger(setting().network, theta(), setting().data),
    "analysis.VarianceLedger": lambda: variance_ledger(setting().network, theta(), setting().data, 4),
    "analysis.FeedbackBound": lambda: feedback_bound(setting(), Grid.uniform(-4, 4, 21), (-1.0, 1.0), np.array([1.0, 0.0])),
    "analysis.GradientAgreement": routes,
    "analysis.GradientRoute": lambda: routes().routes[0],
    "analysis.InputGradient": lambda: input_gradient(ParticleObjective(setting(), 4), theta()),
    "analysis.LinearLimit": limit,
    "analysis.LinearTraining": lambda: descend(LinearProblem.example(), np.zeros((3, 2, 2)), steps=3),
    "analysis.Lyapunov": exponent,
    "analysis.MomentExponent": lambda: exponent().moment(1),
    "analysis.NetworkODEDistance": lambda: network_ode_distance(replace(network(), noise=Noiseless()), theta(), [[0.5]]),
    "analysis.StabilityRegion": lambda: stability_region(LMResNet(), nodes=5, k=-0.5),
    "analysis.SufficientCondition": lambda: limit().deep.condition,
    "analysis.TaylorTest": lambda: taylor_test(ParticleObjective(setting(), 4), theta()),
    "analysis.WeakOrder": lambda: weak_order(ResidualNetwork(Sine(1), Gaussian(0.3, "diffusive"), 2, dim=1), np.ones(4), layers=(2, 4), nodes=9),
    "analysis.ZeroStability": lambda: zero_stability(replace(network(4), architecture=LMResNet()), np.linspace(-1, 1, 4 * 8 + 2)),
}


KNOWN = dict(known())


@cache
def example(name):
    """An object of the class of this name; a family's own example where it has one."""
    if name in MADE:
        return MADE[name]()
    if hasattr(KNOWN[name], "example"):
        return KNOWN[name].example()
    raise LookupError(f"{name} can be saved, but tests/saved_examples.py has no example of it: add one to MADE (or to the class, as `example`)")


def same(a, b):
    """Whether two trees have the same types, names and bits throughout."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, np.generic):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return struct.pack("<d", a) == struct.pack("<d", b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if is_dataclass(a):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a) if f.init)
    return a == b
