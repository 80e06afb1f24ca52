"""Analysis of trained networks: attacks, curvature, landscapes, comparisons, tests of gradients, ledgers, exponents."""

import numpy as np

from ocnet import Diffusion, Grid, LabelledPoints, analysis
from ocnet.networks import ResidualNetwork
from ocnet.networks.architectures import LMResNet, ResNet
from ocnet.networks.blocks import Perceptron, Sine
from ocnet.networks.neural_ode import FunctionAffine
from ocnet.networks.noise import Gaussian
from ocnet.training import criteria, losses
from ocnet.training.objectives import GridObjective, ParticleObjective

from .subjects_networks import NETWORK, POINTS, QUIET, THETA
from .subjects_training import LABELS, SETTING
from .verdict import Subject

GRID = Grid.uniform([-4.0, -4.0], [4.0, 4.0], 7)
PARTICLES, ON_GRID = ParticleObjective(SETTING, 4), GridObjective(SETTING, GRID)
BALL = analysis.LInfinityBall(0.25)
OU = Diffusion(lambda t, x: -x, np.array([[0.5]]), 1)
LAYERED = NETWORK.layered(THETA)
LM = ResidualNetwork(Perceptron(1), Gaussian(0.25), 3, architecture=LMResNet())
LINE_DATA = LabelledPoints(np.array([[0.5], [-0.25], [1.0]]), LABELS)
WAVES = ResidualNetwork(Sine(1), Gaussian(0.25), 2, dim=1)
B = np.array([[1.25, 0.5], [-0.125, 0.75]])
PROBLEM = analysis.LinearProblem(B)
START = np.zeros((4, 2, 2))
EL = criteria.ExpectedLoss(losses.Logistic())

_MANY = {"theta": ("J", "theta", "weights", "coefficients"), "objective": ("J",), "labels": ("label",), "points": ("point", "x0", "theta"),
         "setting": ("theta",), "network": ("theta",), "data": ("points", "labels")}


def score(x):
    """h(x) = x₀: a score of the user's."""
    return x[:, 0]


def _subject(call, known_as=None, name=None, **arguments):
    extra = {key: arguments.pop(key) for key in ("optional", "also", "check", "unbounded", "keep") if key in arguments}

    def quiet(**given):
        with np.errstate(all="ignore"):
            return call(**given)
    return Subject(name or call.__name__, quiet, arguments, known_as={**_MANY, **(known_as or {})}, **extra)


def _within_the_ball(result, arguments):
    """No coordinate moves by more than the radius, but for rounding; PGD never does worse than the start under its own noise."""
    radius = arguments["ball"].radius
    assert np.abs(result.points - result.starts).max(initial=0.0) <= radius + 1e-12 * (1 + np.abs(result.starts).max(initial=0.0))
    assert 0 <= result.error_after <= 1


def _bar_is_a_bar(result, arguments):
    assert result.bar >= 0


def _attack(function, **more):
    return _subject(function, objective=PARTICLES, theta=THETA, ball=BALL, points=POINTS, labels=LABELS, judges=1, optional=("points", "labels"),
                    check=_within_the_ball, **more)


def _interval(level):
    found = analysis.lyapunov_exponent(LAYERED, POINTS, paths=2)
    return found.interval(level), found.value


def _covers(result, arguments):
    (low, high), value = result
    assert low <= value <= high


SUBJECTS = [
    _subject(analysis.L2Ball, name="L2Ball", radius=0.25), _subject(analysis.LInfinityBall, name="LInfinityBall", radius=0.25),
    _subject(analysis.input_gradient, objective=PARTICLES, theta=THETA, points=POINTS, labels=LABELS, optional=("points", "labels")),
    _attack(analysis.fgsm), _attack(analysis.pgd, iterations=2, random_starts=1),
    _subject(analysis.top_eigenvalue, objective=ON_GRID, theta=THETA, tolerance=1e-2, iterations=2, seed=1, check=_bar_is_a_bar),
    _subject(analysis.filter_normalised, network=NETWORK, theta=THETA, count=2, seed=1),
    _subject(analysis.landscape, objective=ON_GRID, theta=THETA, directions=1, reach=0.5, points=3, seed=1),
    _subject(analysis.landscape, name="landscape along directions", objective=PARTICLES, theta=THETA, directions=np.stack([THETA, 1 + THETA]), points=3,
             keep=("points",)),
    _subject(analysis.compare_views, setting=SETTING, theta=THETA, nodes=7, paths=4, seed=1, tolerance=1.0, optional=("paths",), keep=("tolerance",)),
    _subject(analysis.compare, network=NETWORK, theta=THETA, data=SETTING.data, criterion=EL, nodes=7, paths=4, seed=1, substeps=1, tolerance=1.0,
             keep=("tolerance",), optional=("paths",)),
    _subject(analysis.compare_gradients, setting=SETTING, theta=THETA, grid=GRID, paths=4, seed=1, substeps=1, replicates=2, level=1e-3, sde_paths=4,
             optional=("substeps", "sde_paths")),
    _subject(analysis.taylor_test, objective=PARTICLES, theta=THETA, directions=np.eye(27)[:2], steps=np.array([0.25, 0.125, 0.0625]),
             unbounded=("rate",)),                                # NaN where a remainder is too near the floor to have a rate, as documented
    _subject(analysis.taylor_test, name="taylor_test along random directions", objective=PARTICLES, theta=THETA, directions=2, seed=1, unbounded=("rate",)),
    _subject(analysis.duality_test, objective=ON_GRID, theta=THETA, seed=1),
    _subject(analysis.regularisation_ledger, network=NETWORK, theta=THETA, data=SETTING.data, loss=losses.Logistic(), directions=2, seed=1,
             optional=("directions",)),
    _subject(analysis.process_ledger, process=LAYERED, data=SETTING.data, score=score, loss=losses.Logistic(), directions=2, seed=1,
             optional=("directions",)),
    _subject(analysis.diffusion_ledger, process=OU, data=LINE_DATA, score=score, loss=losses.Logistic(), horizon=1.0, layers=2, substeps=1,
             optional=("layers",)),
    _subject(analysis.variance_ledger, network=NETWORK, theta=THETA, data=SETTING.data, paths=2, seed=1),
    _subject(analysis.process_variance_ledger, process=LAYERED, data=SETTING.data, score=score, paths=2, seed=1),
    _subject(analysis.diffusion_variance_ledger, process=OU, data=LINE_DATA, score=score, grid=Grid.uniform(-4.0, 4.0, 17), horizon=1.0, steps=4, layers=2,
             optional=("layers",)),
    _subject(analysis.lyapunov_exponent, process=LAYERED, x0=POINTS, paths=2, exponents=1, burn_in=1, seed=1, unbounded=("growth", "exponent")),
    _subject(analysis.lyapunov_exponent, name="lyapunov_exponent of a Diffusion", process=OU, x0=np.array([[0.5]]), paths=2, horizon=1.0, steps=4,
             unbounded=("growth", "exponent")),
    _subject(_interval, name="Lyapunov.interval", level=0.9, check=_covers),
    _subject(analysis.lyapunov_exponent(LAYERED, POINTS, paths=2).moment, name="Lyapunov.moment", order=2.0),
    _subject(analysis.network_ode_distance, network=QUIET, theta=THETA, points=POINTS, interpolation=FunctionAffine(), tolerance=1e-4),
    _subject(analysis.weak_order, network=WAVES, numbers=np.array([1.0, 0.5, 0.25, 0.0]), against="itô", layers=np.array([2, 4]), nodes=9,
             functional=lambda points: np.sin(points).sum(axis=0)),
    _subject(analysis.order_of, architecture=ResNet(), against="limit", layers=np.array([4, 8]), block=Perceptron(1),
             numbers=np.array([1.25, 0.5, -1.0, 0.0]), start=np.array([0.75]), horizon=1.0, optional=("block", "start")),
    _subject(analysis.stability_region, architecture=ResNet(), real=np.array([-4.0, 1.0]), imaginary=np.array([-3.0, 3.0]), nodes=5),
    _subject(analysis.zero_stability, network=LM, theta=np.full(LM.control.size, 0.25)),
    _subject(analysis.solve_feedback, terminal=lambda x: x[:, 0] ** 2, grid=Grid.uniform(-2.0, 2.0, 9), times=np.array([0.0, 0.5, 1.0]), price=0.5,
             deviation=0.25, reach=1.0),
    _subject(analysis.feedback_bound, setting=SETTING, grid=GRID, bounds=np.array([-2.0, 2.0]), tail=np.array([1.0, 0.5, 0.25]), optional=("bounds",)),
    _subject(analysis.posterior_floor, data=SETTING.data, loss=losses.Logistic(), lowest=-2.0, highest=2.0, also={"lowest": ("-inf",), "highest": ("inf",)}),
    _subject(lambda target, covariance: analysis.LinearProblem(target, covariance).loss(START), name="LinearProblem", target=B,
             covariance=np.array([[1.0, 0.25], [0.25, 2.0]]), optional=("covariance",)),
    _subject(PROBLEM.loss_and_gradient, name="LinearProblem.loss_and_gradient", theta=START + 0.25, unbounded=("",)),
    _subject(PROBLEM.condition, name="LinearProblem.condition", theta=START + 0.125),
    _subject(analysis.descend, problem=PROBLEM, start=START, rate=0.25, steps=3, tolerance=0.0),
    _subject(analysis.flow, problem=PROBLEM, start=START, times=np.array([0.0, 0.25, 0.5]), accuracy=1e-4),
    _subject(analysis.linear_limit, problem=PROBLEM, start=lambda count: np.zeros((int(count), 2, 2)), layers=np.array([2, 4]), reference=8, rate=0.25,
             steps=2, unbounded=("order", "growth")),
]
