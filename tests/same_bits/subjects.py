"""What is computed: a cheap call of every public function that computes, large enough to be cut into several chunks where a function cuts.

SUBJECTS : {name: function of a Way}, each returning results for `digest`.  Functions are at the top of the module, so that executors that are
other processes can take them.
"""

import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import ocnet
from ocnet import Diffusion, Grid, KolmogorovProblem, LabelledPoints, ResidualNetwork, Setting, analysis
from ocnet.analysis import feedback_bound, solve_feedback
from ocnet.boundary import Absorbing, Dirichlet, Outflow, Reflecting
from ocnet.kolmogorov import gradient, schemes
from ocnet.moving_grid import MovingGrid
from ocnet.networks import architectures, blocks, noise
from ocnet.networks.blocks import Branches, Perceptron
from ocnet.networks.readouts import LinearClasses, Tanh
from ocnet.particles import over_ends, sampled_value_and_gradient, sampling
from ocnet.particles import schemes as path_schemes
from ocnet.training import train, train_in_depth, train_on_grid
from ocnet.training.criteria import EnsembleLoss, ExpectedLoss, LossOfExpectation
from ocnet.training.losses import CrossEntropy, Logistic, Squared
from ocnet.training.objectives import ChainView, DiffusionView, EllipticControl, GridObjective, LikelihoodRatioObjective, NeuralODEObjective, ParticleObjective
from ocnet.training.optimisers import LBFGS, Adam, AveragedSGD, Momentum, ProximalGradient, SequentialHamiltonian, SuccessiveApproximations, TrustConstr
from ocnet.training.regularisers import L1, DepthSmoothness, Tikhonov

__all__ = ["SUBJECTS", "Way", "computed"]

_NODES = {1: 81, 2: 21, 3: 9}
_COARSE = {1: 21, 2: 21, 3: 9}       # for steps that are not implicit
_LARGE = {1: 70_001, 2: 261}         # nodes an axis that are several tasks of every pass
_PENALTIES = (Tikhonov(1e-3), DepthSmoothness(1e-3))


@dataclass(frozen=True)
class Way:
    """How a subject is computed: by which executor, and how many bytes of a cache line lie before the data of its input arrays."""

    executor: Any = None
    offset: int = 0

    def placed(self, values):
        """A copy of an array whose data begin `offset` bytes after a multiple of 64."""
        values = np.asarray(values, float)
        raw = np.empty(values.nbytes + 128, np.uint8)
        begin = -raw.ctypes.data % 64 + self.offset
        out = raw[begin:begin + values.nbytes].view(float).reshape(values.shape)
        out[...] = values
        return out


def computed(name, way=Way()):
    """What a subject returns, without the warnings that tiny problems earn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return SUBJECTS[name](way)


# ---- diffusions ----------------------------------------------------------------------------------------------------------------------------

def drift(t, x):
    return np.sin(x[:, ::-1] + t) - x


def factor(t, x):
    return (0.5 + 0.1 * np.cos(x[:, :1] + t))[:, :, None] * (np.eye(x.shape[1]) + 0.3)


def payoff(x):
    return np.stack([np.tanh(x[:, 0]), np.cos(x[:, -1])], axis=1)


def one(x):
    return np.tanh(x[:, 0])


def rate(t, x):
    return 0.1 * x[:, 0] ** 2


def _process(dim, constant=False):
    return Diffusion(drift, 0.5 * np.eye(dim) + 0.1, dim) if constant else Diffusion(drift, factor, dim)


def _problem(dim, constant=False, **more):
    return KolmogorovProblem(_process(dim, constant), payoff, 0.1, **more)


def _box(dim, nodes=_NODES):
    return Grid.uniform([-2.0] * dim, [2.0] * dim, nodes[dim])


def _points(way, dim, count=40):
    return way.placed(np.random.default_rng(dim).uniform(-1.5, 1.5, size=(count, dim)))


def _by_scheme(dim, scheme, way):
    """Backward and forward, and the gradient; values, slopes and densities between the nodes."""
    grid, x = _box(dim, _COARSE if isinstance(scheme, schemes.Explicit) else _NODES), _points(way, dim)
    value = solved(_problem(dim), grid, 4, scheme)
    found = [value, value(x), value.gradient(x, 0.05)]
    if scheme.linear:
        law = ocnet.solve_forward(_process(dim), x[:3], grid, 0.1, 4, scheme, weights=way.placed([0.2, 0.3, 0.5]))
        found += [law, law(x), law.mass(), law.expect(payoff)]
        found.append(gradient(_problem(dim), grid, way.placed(np.ones((2, grid.size))), 4, scheme))
    return found


def solved(problem, grid, steps, scheme="auto", **more):
    return ocnet.solve_backward(problem, grid, steps, scheme, keep=2, **more)


def _sides(dim, way):
    grid = Grid.concentrated([-2.0] * dim, [2.0] * dim, [_NODES[dim]] * dim, around=[0.1] * dim)
    pairs = ((Absorbing(), Dirichlet(0.5)), (Outflow(), Reflecting()))
    return [solved(_problem(dim, potential=rate, source=rate, boundary=[pair] + [Reflecting()] * (dim - 1)), grid, 4) for pair in pairs]


def _large(dim, way):
    """Many chunks of nodes; points between them by the thousand, and sums over all of them."""
    grid, x = _box(dim, _LARGE), _points(way, dim, 9000)
    value = solved(_problem(dim), grid, 1)
    law = ocnet.solve_forward(_process(dim), x[:3], grid, 0.01, 1)
    return (value, value(x), value(x, 0.04), value.gradient(x), law, law(x), law.expect(payoff), law.expect(one),
            gradient(_problem(dim), grid, np.ones((2, grid.size)), 1))


def _to_tolerance(dim, way):
    return ocnet.solve_backward(KolmogorovProblem(_process(dim, True), one, 0.1), tolerance=0.02, at=way.placed(np.zeros((1, dim))))


def _chain(dim, way):
    network, theta = _network(dim)
    value = ocnet.solve_chain(network.layered(theta), one, _box(dim))
    return value, value(_points(way, dim))


# ---- particles -------------------------------------------------------------------------------------------------------------------------------

def _estimate(dim, scheme, drawn, way):
    return ocnet.estimate(_problem(dim, scheme != path_schemes.EulerMaruyama), _points(way, dim, 3), 1 << (14 if dim < 3 else 12), 3, seed=4,
                          scheme=scheme(), sampling=drawn(), executor=way.executor)


def _controlled(way):
    control = ocnet.solve_backward(_problem(2), _box(2), 4, keep=5)
    found = [ocnet.estimate(_problem(2), _points(way, 2, 3), 9000, 4, seed=1, control=control, sampling=drawn(), executor=way.executor)
             for drawn in (sampling.Independent, sampling.Antithetic)]
    network, theta = _network(2, horizon=0.1)
    return found + [ocnet.estimate(_problem(2), _points(way, 2, 3), 9000, layered=network.layered(theta), seed=1, executor=way.executor)]


def _difference(way):
    return ocnet.estimate_difference(_problem(2), _problem(2, True), _points(way, 2, 3), 9000, 3, seed=1, executor=way.executor)


def _multilevel(way):
    return ocnet.estimate_multilevel(KolmogorovProblem(_process(2), one, 0.1), _points(way, 2, 2), 0.01, seed=2, executor=way.executor)


def scored(ends, rows):
    return float(np.cos(ends).sum()), -np.sin(ends), np.array([ends.sum(), 1.0])


def _propagate(way):
    network, theta = _network(2)
    process, x = network.layered(theta), _points(way, 2, 3)
    ends = np.zeros((3, 5000, 2))

    def consume(found, rows):
        ends[rows] = found

    over_ends(process, x, 5000, consume, seed=3, executor=way.executor)
    return (ocnet.propagate(process, x, 9000, 3, executor=way.executor), ocnet.propagate(process, x, 300, 3, keep_layers=True, executor=way.executor), ends)


def _gradients(way):
    network, theta = _network(2, layers=8)
    process, x = network.layered(theta), _points(way, 2, 3)
    found = [sampled_value_and_gradient(process, x, 9000, scored, 3, executor=way.executor, activations=kept)
             for kept in (ocnet.Stored(), ocnet.Reconstructed(np.inf))]
    return found + [ocnet.estimate_gradient(process, x, 4096, scored, seed=1, executor=way.executor)]


# ---- networks --------------------------------------------------------------------------------------------------------------------------------

def _network(dim, model=noise.Gaussian(0.3), layers=4, block=Perceptron(5), **more):
    network = ResidualNetwork(block, model, layers, dim=dim, **more)
    return network, network.initialise(1)


def _data(way, dim=2, count=60, classes=None):
    x = _points(way, dim, count)
    labels = np.arange(count) % (classes or 2)
    return LabelledPoints(x, labels if classes else 2 * labels - 1)


def _setting(way, dim=2, criterion=ExpectedLoss(Logistic()), penalties=_PENALTIES, count=60, network=None, **more):
    classes = None if criterion.loss.scores == 1 else criterion.loss.scores
    readout = {"readout": LinearClasses(classes)} if classes else {}
    network = network or _network(dim, **more, **readout)[0]
    setting = Setting(network, _data(way, dim, count, classes), criterion, penalties)
    return setting, network.initialise(1)


def _sampled(way, paths=8, **more):
    """Objectives on paths: value, gradient, batches, layer by layer."""
    setting, theta = _setting(way, **more)
    objectives = [ParticleObjective(setting, paths), ParticleObjective(setting, paths, batch=16)]
    return [(o.value(theta), o.value_and_gradient(theta), o.draw(3).value_and_gradient(theta)) for o in objectives]


def _many_paths(precision, way):
    setting, theta = _setting(way, count=600, block=Perceptron(9))
    return ParticleObjective(setting, 60, precision=precision).value_and_gradient(theta), ParticleObjective(setting, 60, precision=precision).value(theta)


def _views(way):
    setting, theta = _setting(way)
    found = [ParticleObjective(setting, 60, view=DiffusionView(2)).value_and_gradient(theta)]
    found += [GridObjective(setting, _box(2), view).value_and_gradient(theta) for view in (ChainView(), DiffusionView(2))]
    found.append(GridObjective(setting, MovingGrid.covering(setting.network.layered(theta), setting.data.points, 21)).value_and_gradient(theta))
    found.append(LikelihoodRatioObjective(setting, 60).value_and_gradient(theta))
    quiet = _setting(way, model=noise.Noiseless())[0]
    return [*found, NeuralODEObjective(quiet).value_and_gradient(theta), EllipticControl().value_and_gradient(np.ones(31))]


def _free(activations, way):
    setting, theta = _setting(way, layers=16)
    return ParticleObjective(setting, 300, activations=activations).value_and_gradient(theta)


# ---- training --------------------------------------------------------------------------------------------------------------------------------

def quiet(iteration, value):
    """The trainer's report, unread."""


def _trained(optimiser, way, on_grid=False, penalties=_PENALTIES):
    setting, theta = _setting(way, penalties=penalties)
    objective = GridObjective(setting, _box(2)) if on_grid else ParticleObjective(setting, 8, batch=None if optimiser.__class__ is LBFGS else 16)
    return train(objective, theta, optimiser, progress=quiet)


def _wide(way):
    """More parameters than a BLAS adds up with one thread."""
    setting, theta = _setting(way, dim=20, block=Perceptron(64))
    assert theta.size > 10_000
    return [train(ParticleObjective(setting, 2), theta, optimiser, progress=quiet) for optimiser in (LBFGS(iterations=3), Adam(iterations=3))]


def _hamiltonian(optimiser, way):
    setting, theta = _setting(way)
    return train(ParticleObjective(setting, 200), theta, optimiser, progress=quiet)


def _on_grid(way):
    setting, theta = _setting(way, count=20)
    return train_on_grid(setting, theta, LBFGS(iterations=3), 21, progress=quiet)


def by_paths(setting, theta):
    return ParticleObjective(setting, 4)


def _in_depth(way):
    setting, theta = _setting(way)
    return train_in_depth(setting, theta, by_paths, LBFGS(iterations=3), 2, progress=quiet)


def _classifier(classes, features, way, n_jobs=None, **more):
    """Fit and predict; features and rows enough that a BLAS would take several threads for their products."""
    rng = np.random.default_rng(classes)
    x, y = way.placed(rng.normal(size=(300, features))), np.arange(300) % classes
    model = ocnet.StochasticResNetClassifier(max_iter=1, random_state=0, n_jobs=n_jobs, **{"prediction_paths": 32, **more}).fit(x, y)
    return model.predict_proba(x), model.predict_proba_spread(x[:50]), model.decision_function(x[:50]), model.score(x, y), model.trained_


# ---- analysis --------------------------------------------------------------------------------------------------------------------------------

def _compared(way):
    setting, theta = _setting(way, count=20)
    return (ocnet.compare(setting.network, theta, setting.data, nodes=21, paths=512),
            ocnet.compare_gradients(setting, theta, _box(2), paths=64, replicates=4), analysis.compare_views(setting, theta, 21, 64))


def _landscapes(way):
    setting, theta = _setting(way)
    objective = ParticleObjective(setting, 8)
    return (ocnet.landscape(objective, theta, 2, points=5), ocnet.top_eigenvalue(objective, theta, tolerance=0.1),
            ocnet.taylor_test(objective, theta), analysis.duality_test(GridObjective(setting, _box(2)), theta),
            analysis.filter_normalised(setting.network, theta))


def _ledgers(way):
    setting, theta = _setting(way, dim=1, count=5)
    process, data = Diffusion(drift, [[0.2]], 1), setting.data
    return (ocnet.regularisation_ledger(setting.network, theta, data), ocnet.variance_ledger(setting.network, theta, data, 512),
            analysis.diffusion_ledger(process, data, one, Logistic(), layers=2, substeps=2),
            analysis.diffusion_variance_ledger(process, data, one, _box(1), steps=20, layers=4))


def _exponents(way):
    network, theta = _network(2)
    return (ocnet.lyapunov_exponent(_process(2, True), _points(way, 2, 2), 3000, horizon=0.5, steps=10, exponents=2, seed=1),
            ocnet.lyapunov_exponent(network.layered(theta), _points(way, 2, 2), 3000, seed=1))


def _attacks(way):
    setting, theta = _setting(way)
    objective = ParticleObjective(setting, 100, seed=7)
    return (ocnet.input_gradient(objective, theta), ocnet.fgsm(objective, theta, ocnet.L2Ball(0.3)),
            ocnet.pgd(objective, theta, ocnet.LInfinityBall(0.3), iterations=3, random_starts=1))


def _theory(way):
    network, theta = _network(2, noise.Noiseless(), horizon=0.5)
    return (ocnet.network_ode_distance(network, theta, _points(way, 2, 3), tolerance=1e-7), ocnet.order_of(architectures.HeunNet(), layers=(10, 20)),
            ocnet.stability_region(architectures.LMResNet(), nodes=41),
            ocnet.zero_stability(*_network(2, architecture=architectures.LMResNet())),
            ocnet.linear_limit(ocnet.LinearProblem.example(), zeros, (4, 8), 16, steps=5),
            ocnet.weak_order(ResidualNetwork(blocks.Sine(2), noise.Gaussian(0.5), 2, dim=1), np.array([1, 2, 0.3, -0.2, 0.5, 0.4, 0.1]),
                             layers=(4, 8), nodes=33))


def _theory_at_size(way):
    """Sums over more numbers, and products of larger matrices, than a BLAS does with one thread."""
    network, theta = _network(2, noise.Noiseless(), layers=2)
    x, large = _points(way, 2, 6000), ocnet.LinearProblem(np.eye(8) + 0.1)
    data, plane = LabelledPoints(x, np.where(x[:, 0] > 0, 1, -1)), ResidualNetwork(blocks.Sine(2), noise.Gaussian(0.5), 2, dim=2)
    ode = NeuralODEObjective(Setting(network, data, ExpectedLoss(Logistic())), tolerance=1e-4)
    elliptic = EllipticControl(nodes=200, fields=4)
    return (ocnet.network_ode_distance(network, theta, x, tolerance=1e-6), ode.value_and_gradient(theta), analysis.flow(large, eights(200), [0, 0.01], 1e-4),
            elliptic.value_and_gradient(np.ones(200)), elliptic.exact(),
            ocnet.weak_order(plane, np.array([1, 2, 0, 1, 0.3, -0.2, 0.5, 0.4, 0.1, 0.3, 0.2, 0.1]), layers=(4, 8), nodes=13))


def eights(layers):
    return np.zeros((layers, 8, 8))


def zeros(layers):
    return np.zeros((layers, 2, 2))


def _feedback(way):
    x = way.placed(np.linspace(-1.5, 1.5, 12)[:, None])
    network = ResidualNetwork(Perceptron(2), noise.Gaussian(0.5), 3, dim=1, readout=Tanh(2.0))
    setting = Setting(network, LabelledPoints(x, np.where(np.arange(12) % 3, 1, -1)), ExpectedLoss(Squared()), (Tikhonov(1e-2),))
    return (feedback_bound(setting, Grid.uniform(-5, 5, 61), (-3.0, 3.0)),
            solve_feedback(one, _box(2), [0.0, 0.5, 1.0], 1.0, 0.3 * np.ones(2), drift=partial(drift, 0.0)))


def _members():
    """The arguments of a network with each noise, block and architecture once."""
    for name in noise.__all__:
        model = getattr(noise, name).example()
        copies = getattr(model, "copies", None)
        yield f"noise {name}", {"model": model, "block": Perceptron(3) if copies is None else Branches(Perceptron(3), copies)}
    for name in ("Affine", "Aggregated", "LinearMap", "Sine"):
        yield f"block {name}", {"block": getattr(blocks, name).example()}
    for name in architectures.__all__:
        member = getattr(architectures, name)
        if hasattr(member, "example"):
            yield f"architecture {name}", {"architecture": member.example(), "block": Perceptron(3)}


def _listed():
    """(name, function of a Way), all subjects."""
    for dim in (1, 2, 3):
        for name in schemes.__all__:
            scheme = getattr(schemes, name).example()
            if scheme.most_axes >= dim:
                yield f"solve {name} {dim}-D", partial(_by_scheme, dim, scheme)
        yield f"solve sides {dim}-D", partial(_sides, dim)
        for scheme in (path_schemes.EulerMaruyama, path_schemes.Milstein, path_schemes.Platen):
            if dim == 1 or scheme is not path_schemes.Milstein:
                for drawn in (sampling.Independent, sampling.Antithetic, sampling.Sobol):
                    yield f"estimate {scheme.__name__} {drawn.__name__} {dim}-D", partial(_estimate, dim, scheme, drawn)
    for dim in (1, 2):
        yield f"solve large {dim}-D", partial(_large, dim)
        yield f"solve to tolerance {dim}-D", partial(_to_tolerance, dim)
        yield f"solve chain {dim}-D", partial(_chain, dim)
    yield from {"estimate with control": _controlled, "estimate_difference": _difference, "estimate_multilevel": _multilevel, "propagate": _propagate,
                "gradients of paths": _gradients}.items()
    for name, arguments in _members():
        yield f"objective {name}", partial(_sampled, **arguments)
    for criterion in (LossOfExpectation(Logistic()), EnsembleLoss(Logistic(), 4), ExpectedLoss(CrossEntropy(3))):
        yield f"objective {criterion!r}", partial(_sampled, criterion=criterion)
    for precision in ("double", "single"):
        yield f"objective many paths, {precision}", partial(_many_paths, precision)
    for kept in (ocnet.Stored(), ocnet.Reconstructed(np.inf)):
        yield f"objective {kept!r}", partial(_free, kept)
    yield "objective views", _views
    for optimiser in (Adam(iterations=4), AveragedSGD(iterations=4), Momentum(iterations=4), LBFGS(iterations=4), TrustConstr(iterations=3)):
        yield f"train {type(optimiser).__name__}", partial(_trained, optimiser)
        yield f"train on a grid {type(optimiser).__name__}", partial(_trained, optimiser, on_grid=True)
    yield "train LBFGS, many parameters", _wide
    yield "train ProximalGradient", partial(_trained, ProximalGradient(iterations=4), penalties=(Tikhonov(1e-3), L1(1e-3)))
    for optimiser in (SuccessiveApproximations(iterations=1), SequentialHamiltonian(iterations=1)):
        yield f"train {type(optimiser).__name__}", partial(_hamiltonian, optimiser)
    yield from {"train_on_grid": _on_grid, "train_in_depth": _in_depth}.items()
    yield "classifier 2 classes", partial(_classifier, 2, 3)
    yield "classifier 10 classes, 60 features", partial(_classifier, 10, 60, width=24)
    yield "classifier with components", partial(_classifier, 3, 60, components=20, early_stopping=True, batch_size=300, paths=8)
    yield from {"compare": _compared, "landscape": _landscapes, "ledgers": _ledgers, "exponents": _exponents, "attacks": _attacks,
                "theory": _theory, "theory at size": _theory_at_size, "feedback": _feedback}.items()


SUBJECTS = dict(_listed())
