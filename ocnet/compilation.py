"""`ocnet.warm_up()`: compile now, with a bar, what would otherwise be compiled when it is first met.

A kernel is compiled for the types of its arguments.  So nothing here lists kernels: every family's examples go through the public functions on tiny
problems, in one to three dimensions, and whatever that compiles is in the cache afterwards.  Parallel loops are compiled for the types that their
serial twins have met.
"""

import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pkgutil import iter_modules
from time import perf_counter
from typing import Any

import numpy as np
from tqdm import tqdm

from ocnet import kernels, particles
from ocnet.analysis import compare, compare_gradients
from ocnet.boundary import Absorbing, Dirichlet, Outflow, Reflecting
from ocnet.chain import solve_chain
from ocnet.classifier import StochasticResNetClassifier
from ocnet.grid import Grid
from ocnet.kernels import notice
from ocnet.kernels.threads import threads
from ocnet.kolmogorov import gradient, schemes, solve_backward, solve_forward
from ocnet.moving_grid import MovingGrid
from ocnet.networks import ResidualNetwork, architectures, blocks, noise, readouts
from ocnet.networks.blocks import Branches, Perceptron
from ocnet.particles import sampling
from ocnet.particles import schemes as path_schemes
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion
from ocnet.training import train, train_on_grid
from ocnet.training.criteria import EnsembleLoss, ExpectedLoss, LossOfExpectation
from ocnet.training.losses import CrossEntropy, Logistic
from ocnet.training.objectives import ChainView, DiffusionView, GridObjective, LabelledPoints, LikelihoodRatioObjective, ParticleObjective, Setting
from ocnet.training.optimisers import LBFGS, Adam, SequentialHamiltonian, SuccessiveApproximations
from ocnet.training.regularisers import DepthSmoothness, Tikhonov

__all__ = ["WarmUp", "warm_up"]

_NODES = {1: 21, 2: 11, 3: 7}        # an axis, of tiny grids
_LARGE = {1: 40_001, 2: 301}         # an axis, of grids that parallel loops share out
_OTHERWISE = {"weights_vjp_tiles"}   # a loop whose tiles have sums of their own, so that its types are not its kernel's: large grids meet it


@dataclass(frozen=True)
class WarmUp:
    """What a warm-up did: how many kernels it compiled (0 where the cache had all), how many cases it ran, and the seconds it took."""

    compiled: int
    cases: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, by name."""
        return asdict(self)

    def __repr__(self) -> str:
        return f"WarmUp({self.compiled} kernels compiled by {self.cases} cases in {self.seconds:.1f} s)"


def warm_up(progress: bool = True) -> WarmUp:
    """Compile the kernels that users meet, for the arguments that the public functions give them; return what was done.

    progress : whether a bar on stderr shows what is compiled (silent where stderr is no terminal)
    Returns    WarmUp.  Kernels stay compiled in the cache on disk (`python -m ocnet info` says where), so that later processes load them
    Cost       one to three minutes of one core with an empty cache, some five seconds with a full one
    What is not covered: arrays of unusual layout given to kernels themselves, and kernels of your own.
    """
    begun, listed = perf_counter(), list(_cases())
    compiled: list[str] = []
    with warnings.catch_warnings(), notice.watching(compiled.append), \
            tqdm(total=len(listed) + 1, desc="compiling", disable=None if progress else True, file=sys.stderr, leave=False) as bar:
        warnings.simplefilter("ignore")              # tiny problems are coarse, and their results are thrown away
        for name, case in listed:
            bar.set_postfix_str(name)
            case()
            bar.update()
        if threads() > 1:
            bar.set_postfix_str("parallel loops")
            _compile_parallel_twins()
        bar.update()
    return WarmUp(len(compiled), len(listed), perf_counter() - begun)


def _compile_parallel_twins() -> None:
    """A loop NAME_tiles takes (size, chunk) where its kernel NAME takes (lo, hi): the same types at the same places."""
    for found in iter_modules(kernels.__path__):
        module = getattr(kernels, found.name)
        for loop in [of for of in vars(module) if of.endswith("_tiles") and of not in _OTHERWISE]:
            kernel = getattr(module, loop.removesuffix("_tiles"), None)
            for signature in getattr(kernel, "signatures", ()):
                getattr(module, loop).compile(signature)


def _cases() -> Iterator[tuple[str, Callable[[], object]]]:
    """(what is shown, what is run), all cases."""
    yield from _solves()
    yield from _paths()
    yield from _networks()
    for size in (1, 2, 3):
        yield f"training, {size}-D", partial(_train, size)
    for classes in (2, 3):
        yield f"classifier, {classes} classes", partial(_classify, classes)


# ---- any diffusion -----------------------------------------------------------------------------------------------------------------------

def _diffusion(dim: int, constant: bool = False) -> Diffusion:
    """A drift and a full factor that depend on t and x; or a constant factor."""
    if constant:
        return Diffusion(lambda t, x: np.sin(x), 0.5 * np.eye(dim), dim)

    def factor(t: float, x: Any) -> Any:
        return (0.5 + 0.1 * np.cos(x[:, :1] + t))[:, :, None] * (np.eye(dim) + 0.3)

    return Diffusion(lambda t, x: np.sin(x + t), factor, dim)


def _one(x: Any) -> Any:
    return np.tanh(x[:, 0])


def _two(x: Any) -> Any:
    return np.stack([np.tanh(x[:, 0]), np.cos(x[:, 0])], axis=1)


def _box(dim: int, nodes: dict[int, int] | None = None) -> Grid:
    return Grid.uniform([-2.0] * dim, [2.0] * dim, [(nodes or _NODES)[dim]] * dim)


def _solves() -> Iterator[tuple[str, Callable[[], object]]]:
    for dim in (1, 2, 3):
        for name in schemes.__all__:
            scheme = getattr(schemes, name).example()
            if scheme.most_axes >= dim:
                yield f"{name}, {dim}-D", partial(_solve, dim, scheme)
        yield f"sides, {dim}-D", partial(_sides, dim)
        yield f"tolerance, {dim}-D", partial(_to_tolerance, dim)
    for dim in _LARGE:
        yield f"large grids, {dim}-D", partial(_large, dim)


def _solve(dim: int, scheme: Any) -> None:
    grid = _box(dim)
    for constant in (False, True):
        process = _diffusion(dim, constant)
        problem = KolmogorovProblem(process, _two, 0.1)
        value = solve_backward(problem, grid, 3, scheme, keep=2)
        value([[0.1] * dim]), value.gradient([[0.1] * dim], 0.05)
        if scheme.linear:
            solve_forward(process, [[0.0] * dim], grid, 0.1, 3, scheme)
            gradient(problem, grid, np.ones((2, grid.size)), 3, scheme)


def _sides(dim: int) -> None:
    """Sides of every kind, a potential and a source, on grids of even and of uneven spacing."""
    concentrated = Grid.concentrated([-2.0] * dim, [2.0] * dim, [_NODES[dim]] * dim, around=[0.0] * dim)
    for grid in (_box(dim), concentrated):
        for pair in ((Absorbing(), Dirichlet(lambda t, x: np.cos(t) * x[:, 0])), (Outflow(), Reflecting())):
            for more in ({}, {"potential": lambda t, x: x[:, 0] ** 2, "source": lambda t, x: 0 * x[:, 0]}):
                problem = KolmogorovProblem(_diffusion(dim), _one, 0.1, boundary=[pair] + [Reflecting()] * (dim - 1), **more)
                solve_backward(problem, grid, 3)([[0.1] * dim])


def _to_tolerance(dim: int) -> None:
    solve_backward(KolmogorovProblem(_diffusion(dim, True), _one, 0.1), tolerance=0.05, at=[[0.0] * dim])


def _large(dim: int) -> None:
    problem, grid = KolmogorovProblem(_diffusion(dim), _one, 0.1), _box(dim, _LARGE)
    solve_backward(problem, grid, 1)
    network = ResidualNetwork(Perceptron(3), noise.Gaussian(0.2), 1, dim=dim)
    objective = GridObjective(_setting(network, ExpectedLoss(Logistic())), grid)
    objective.value_and_gradient(network.initialise(0))


# ---- particles ---------------------------------------------------------------------------------------------------------------------------

def _paths() -> Iterator[tuple[str, Callable[[], object]]]:
    for dim in (1, 2, 3):
        for scheme in ("EulerMaruyama", "Milstein", "Platen"):
            yield f"{scheme}, {dim}-D", partial(_estimate, dim, getattr(path_schemes, scheme)())
        yield f"multilevel, {dim}-D", partial(particles.estimate_multilevel, KolmogorovProblem(_diffusion(dim, True), _one, 0.1), [[0.0] * dim], 0.2)


def _estimate(dim: int, scheme: Any) -> None:
    problem = KolmogorovProblem(_diffusion(dim, constant=True), _one, 0.1)
    other = KolmogorovProblem(_diffusion(dim, constant=True), _one, 0.1)
    control = solve_backward(problem, _box(dim), 4, keep=5)
    for name in sampling.__all__:
        particles.estimate(problem, [[0.0] * dim], 64, 4, scheme=scheme, sampling=getattr(sampling, name)())
    if isinstance(scheme, path_schemes.EulerMaruyama):
        particles.estimate(problem, [[0.0] * dim], 64, 4, scheme=scheme, control=control)
    particles.estimate_difference(problem, other, [[0.0] * dim], 64, 4, scheme=scheme)


# ---- networks ----------------------------------------------------------------------------------------------------------------------------

def _setting(network: ResidualNetwork, criterion: Any, classes: int = 2) -> Setting:
    x = np.random.default_rng(0).normal(size=(12, network.dim))
    labels = np.arange(12) % classes
    return Setting(network, LabelledPoints(x, 2 * labels - 1 if criterion.loss.scores == 1 else labels), criterion, (Tikhonov(1e-3), DepthSmoothness(1e-3)))


def _networks() -> Iterator[tuple[str, Callable[[], object]]]:
    for dim in (1, 2, 3):
        for name in noise.__all__:
            model = getattr(noise, name).example()
            copies = getattr(model, "copies", None)
            block = Perceptron(3) if copies is None else Branches(Perceptron(3), copies)
            yield f"{name}, {dim}-D", partial(_objectives, ResidualNetwork(block, model, 2, dim=dim), dim < 3)
        for name in [name for name in blocks.__all__ if hasattr(getattr(blocks, name), "example")]:
            yield f"{name}, {dim}-D", partial(_objectives, ResidualNetwork(getattr(blocks, name).example(), noise.Gaussian(0.2), 2, dim=dim), False)
        for name in architectures.__all__:
            if not hasattr(getattr(architectures, name), "example"):
                continue
            member = getattr(architectures, name).example()
            if dim % member.halves == 0:
                layered = ResidualNetwork(Perceptron(3), noise.Gaussian(0.2), 4, dim=dim, architecture=member)
                yield f"{name}, {dim}-D", partial(_architecture, layered, dim < 3)


def _objectives(network: ResidualNetwork, on_grid: bool) -> None:
    """Paths in double and single precision, layer by layer too; the grid by the chain, and by the Itô limit where there is one."""
    setting, theta = _setting(network, ExpectedLoss(Logistic())), network.initialise(0)
    sampled = [ParticleObjective(setting, 4), ParticleObjective(setting, 4, batch=6)]
    if getattr(network.layered(theta), "fused", None) is not None:
        sampled.append(ParticleObjective(setting, 4, precision="single"))
    if network.noise.weak_order["itô"]:
        sampled.append(ParticleObjective(setting, 4, view=DiffusionView(1)))
    for objective in sampled:
        objective.draw(0).value_and_gradient(theta)
        objective.value(theta)
    sampled[0].sample(theta, setting.data.points[:3])
    particles.propagate(network.layered(theta), setting.data.points, 4, keep_layers=True)
    network.score(network.layered(theta).end_of_means(np.ascontiguousarray(setting.data.points.T)), theta)
    if on_grid:
        for view in [ChainView(), *([DiffusionView(2)] if network.noise.weak_order["itô"] else [])]:
            GridObjective(setting, _box(network.dim), view).value_and_gradient(theta)
        solve_chain(network.layered(theta), _one, _box(network.dim))


def _architecture(network: ResidualNetwork, on_grid: bool) -> None:
    setting, theta = _setting(network, ExpectedLoss(Logistic())), network.initialise(0)
    ParticleObjective(setting, 4).value_and_gradient(theta)
    name = type(network.architecture).__name__
    if name in ("ResNet", "HeunNet", "RevNet"):
        ParticleObjective(setting, 4, activations=particles.Reconstructed(bar=np.inf)).value_and_gradient(theta)
    if on_grid and network.architecture.copies == 1:
        GridObjective(setting, _box(network.dim)).value_and_gradient(theta)


# ---- training ----------------------------------------------------------------------------------------------------------------------------

def _train(dim: int) -> None:
    """What a first look does: train by both views, certify, compare gradients; criteria and layerwise methods."""
    network = ResidualNetwork(Perceptron(3), noise.Gaussian(0.2), 2, dim=dim)
    theta, quiet = network.initialise(0), _no_bar
    for criterion in (ExpectedLoss(Logistic()), LossOfExpectation(Logistic()), EnsembleLoss(Logistic(), 2)):
        objective = ParticleObjective(_setting(network, criterion), 4)
        train(objective, theta, Adam(iterations=2), progress=quiet)
    setting = _setting(network, ExpectedLoss(Logistic()))
    for optimiser in (SuccessiveApproximations(iterations=1), SequentialHamiltonian(iterations=1)):
        train(ParticleObjective(setting, 4), theta, optimiser, progress=quiet)
    LikelihoodRatioObjective(setting, 4).value_and_gradient(theta)
    if dim < 3:
        train(GridObjective(setting, _box(dim)), theta, SequentialHamiltonian(iterations=1), progress=quiet)
        found = train_on_grid(setting, theta, LBFGS(iterations=2), 21, progress=quiet)
        verdict = compare(network, found.x, setting.data, nodes=21, paths=16)
        compare_gradients(setting, found.x, verdict.agreement.grid.grid, paths=16)
        many = replace(network, readout=readouts.LinearClasses(3))
        of_many = _setting(many, ExpectedLoss(CrossEntropy(3)), 3)
        numbers = many.initialise(0)
        GridObjective(of_many, MovingGrid.covering(many.layered(numbers), of_many.data.points, 21)).value_and_gradient(numbers)


def _no_bar(iteration: int, value: float) -> None:
    """The trainer's report, unread."""


def _classify(classes: int) -> None:
    rng = np.random.default_rng(0)
    for features in (2, 5):
        model = StochasticResNetClassifier(max_iter=2, layers=2, width=3, random_state=0)
        x, y = rng.normal(size=(30, features)), np.arange(30) % classes
        model.fit(x, y).predict_proba(x)
