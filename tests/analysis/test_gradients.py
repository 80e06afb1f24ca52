"""Gradients of all routes: against an independent program in complex numbers, against R1, and the simultaneous test itself."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.interpolate import CubicSpline, barycentric_interpolate
from scipy.linalg import expm

from ocnet.analysis.gradients import GradientAgreement, GradientRoute, compare_gradients
from ocnet.chain import chain_sweep
from ocnet.grid import Grid
from ocnet.kernels.philox import derived_seed
from ocnet.networks import ResidualNetwork
from ocnet.networks import noise as family
from ocnet.networks.blocks import Branches, Perceptron
from ocnet.networks.readouts import Tanh
from ocnet.spline import Smoothing
from ocnet.training.criteria import ExpectedLoss, LossOfExpectation
from ocnet.training.losses import Logistic, Squared
from ocnet.training.objectives import DiffusionView, GridObjective, ParticleObjective
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from tests.chance import random, rng

EL, LE = ExpectedLoss(Logistic()), LossOfExpectation(Squared())
TINY = 1e-30                         # of a complex step: its square is nothing, so derivatives are good to rounding


def _setting(noise, criterion=EL, dim=2, layers=3, points=12, width=3):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(points, dim))
    block = Branches(Perceptron(width), noise.copies) if hasattr(noise, "copies") else Perceptron(width)
    network = ResidualNetwork(block, noise, layers, dim=dim)
    theta = network.initialise(3)
    return Setting(network, LabelledPoints(x, np.where(x[:, 0] > 0, 1, -1)), criterion), theta + 0.1 * rng.normal(size=theta.size)


# ---- an independent program, in complex numbers ------------------------------------------------------------------------------------------

def _perceptron(numbers, dim, width, x, mask=1.0):
    """W₂ (a ∗ mask) + b₂ with a = tanh(W₁ x + b₁), and W₂, a: numbers in the order W₁, b₁, W₂, b₂."""
    w1, b1, w2, b2 = np.split(numbers, np.cumsum([width * dim, width, dim * width]))
    a = np.tanh(w1.reshape(width, dim) @ x + b1[:, None])
    w2 = w2.reshape(dim, width)
    return w2 @ (a * mask) + b2[:, None], w2, a


def _increment(noise, numbers, dim, width, x, xi, dt):
    """X⁺ − x of the catalogue (MATH 1.3), written out model by model."""
    kind, root = type(noise).__name__, np.sqrt(dt)
    if kind == "ShakeShake":
        entries = [np.split(e, 2) for e in np.split(numbers, np.cumsum([2 * width * dim, 2 * width, 2 * dim * width]))]
        f1, f2 = (_perceptron(np.concatenate([e[k] for e in entries]), dim, width, x)[0] for k in (0, 1))
        share = 0.5 + xi / np.sqrt(12)
        return dt * (share * f1 + (1 - share) * f2)
    q = getattr(noise, "keep", 1.0)
    spread = np.sqrt((1 - q) / q)
    if kind == "InputDropout":
        return dt * _perceptron(numbers, dim, width, x * (1 + spread * xi))[0]
    if kind == "HiddenDropout":
        return dt * _perceptron(numbers, dim, width, x, 1 + spread * xi)[0]
    f, w2, a = _perceptron(numbers, dim, width, x)
    if kind == "DropConnect":
        return dt * f + dt * spread * np.einsum("ij,ijn,jn->in", w2, xi.reshape(dim, width, -1), a)
    return {"Gaussian": lambda: dt * f + (root if noise.scaling == "diffusive" else dt) * noise.level * xi,
            "RademacherNoise": lambda: dt * f + root * noise.level * xi,
            "OutputDropout": lambda: dt * f * (1 + spread * xi), "StochasticDepth": lambda: dt * f * (1 + spread * xi),
            "MultiplicativeGaussian": lambda: dt * f * (1 + noise.level * xi), "BlockGaussian": lambda: dt * f * (1 + noise.level * xi),
            "StateGaussian": lambda: dt * f + root * noise.level * x * xi}[kind]()


def _sampled_loss(setting, theta, paths, seed):
    """J of the frozen noise at a complex θ: log(1 + e^{−y u}) averaged, or the double sample ½ (a − y)(b − y)."""
    network, data = setting.network, setting.data
    dim, width = network.dim, getattr(network.block, "width", 3)
    process = network.layered(theta.real)
    x = np.repeat(data.points.T, paths, axis=1).astype(complex)
    layers = theta[:network.layers * network.control.layer_size].reshape(network.layers, -1)
    for n, numbers in enumerate(layers):
        x = x + _increment(process.models[n], numbers, dim, width, x, process.draw(seed, 0, x.shape[1], n), network.dt)
    w, b = theta[layers.size:-1], theta[-1]
    scores, y = (w @ x + b).reshape(-1, paths), data.labels[:, None]
    if setting.criterion.name == "EL":
        return (data.weights[:, None] * np.log(1 + np.exp(-y * scores))).sum() / paths
    a, c = (part.mean(axis=1) for part in np.split(scores, 2, axis=1))
    return (data.weights * 0.5 * (a - data.labels) * (c - data.labels)).sum()


def _complex_gradient(function, theta):
    return np.array([function(theta + 1j * TINY * e).imag / TINY for e in np.eye(theta.size)])


@pytest.mark.parametrize("criterion", [EL, LE], ids=lambda c: c.name)
@pytest.mark.parametrize("noise", [
    family.Gaussian(0.3), family.Gaussian(0.8, "natural"), family.RademacherNoise(0.3), family.OutputDropout(0.7), family.StochasticDepth(0.7),
    family.MultiplicativeGaussian(0.6), family.BlockGaussian(0.6), family.StateGaussian(0.4), family.HiddenDropout(0.6), family.DropConnect(0.7),
    family.InputDropout(0.6), family.ShakeShake()], ids=repr)
def test_pathwise_gradient_is_that_of_an_independent_complex_program(noise, criterion):
    setting, theta = _setting(noise, criterion)
    value, gradient = ParticleObjective(setting, 8, seed=9).value_and_gradient(theta)
    assert abs(value - _sampled_loss(setting, theta.astype(complex), 8, 9).real) < 1e-13 * max(1, abs(value))
    exact = _complex_gradient(lambda t: _sampled_loss(setting, t, 8, 9), theta)
    # rounding alone: some 10² terms a path of relative error 1e-16 · √(10² · 10²), far below the 1e-9 asked for
    assert np.abs(gradient - exact).max() < 1e-12 * np.abs(exact).max()


@dataclass(frozen=True)
class Unlimited:
    """The chain with the plain cubic spline: linear, so that an independent program may carry complex values."""

    name = "chain"

    def sweep(self, network, theta, grid):
        return chain_sweep(network.layered(theta), grid, limited=False)


def _chain_loss(setting, theta, grid):
    """J of a chain in one dimension at a complex θ: SciPy's natural cubic splines at the feet, constant beyond the box."""
    network, data = setting.network, setting.data
    x, width = grid.nodes.astype(complex), getattr(network.block, "width", 3)
    layers = theta[:network.layers * network.control.layer_size].reshape(network.layers, -1)
    scores, labels = theta[layers.size] * x[0] + theta[-1], np.array([[-1.0], [1.0]])
    u = np.log(1 + np.exp(-labels * scores)) if setting.criterion.name == "EL" else scores[None]
    process = network.layered(theta.real)
    for n in reversed(range(network.layers)):
        model, numbers = process.models[n], layers[n]
        if model.deviation:
            smooth = Smoothing(grid, model.scale(network.dt) * model.deviation)
            u, nodes, weights = smooth(u.real) + 1j * smooth(u.imag), [np.zeros(1)], [1.0]
        else:
            nodes, weights = process.law_at(n).quadrature(7)
        feet = [x + _increment(model, numbers, 1, width, x, np.repeat(node[:, None], x.shape[1], axis=1), network.dt) for node in nodes]
        u = sum(w * _natural_spline(grid.axes[0], u, foot[0]) for w, foot in zip(weights, feet))
    at = np.rint((data.points[:, 0] - grid.lower[0]) / grid.spacing[0]).astype(int)
    if setting.criterion.name == "EL":
        return (data.weights * u[(data.labels > 0).astype(int), at]).sum()
    return (data.weights * 0.5 * (u[0, at] - data.labels) ** 2).sum()


def _natural_spline(axis, u, x):
    pieces = CubicSpline(axis, u.T, bc_type="natural").c                # (4, cells, q), highest power first
    inside = np.clip(x.real, axis[0], axis[-1])
    cell = np.clip(np.searchsorted(axis, inside, side="right") - 1, 0, axis.size - 2)
    t = (np.where(inside == x.real, x, inside) - axis[cell])[:, None]
    return (((pieces[0, cell] * t + pieces[1, cell]) * t + pieces[2, cell]) * t + pieces[3, cell]).T


@pytest.mark.parametrize("criterion", [EL, LE], ids=lambda c: c.name)
@pytest.mark.parametrize("noise", [family.Gaussian(0.5), family.OutputDropout(0.7), family.HiddenDropout(0.6), family.MultiplicativeGaussian(0.6),
                                   family.InputDropout(0.6), family.ShakeShake()], ids=repr)
def test_chain_gradient_is_that_of_an_independent_complex_program(noise, criterion):
    setting, theta = _setting(noise, criterion, dim=1)
    grid = Grid.uniform(-4, 4, 41)
    points = grid.axes[0][np.random.default_rng(2).integers(10, 31, size=12)]       # on nodes, where no spline is asked
    setting = replace(setting, data=LabelledPoints(points[:, None], setting.data.labels))
    value, gradient = GridObjective(setting, grid, Unlimited()).value_and_gradient(theta)
    assert abs(value - _chain_loss(setting, theta.astype(complex), grid).real) < 1e-12 * max(1, abs(value))
    exact = _complex_gradient(lambda t: _chain_loss(setting, t, grid), theta)
    # splines' rounding: 1e-16 times the condition 4 of the collocation and h⁻¹ = 5 of the slopes, 41 nodes × 3 layers × 8 branches: 1e-13
    assert np.abs(gradient - exact).max() < 1e-11 * np.abs(exact).max()


# ---- R1 of MATH section 5 ------------------------------------------------------------------------------------------------------------------

PUBLISHED = {"LE": (0.015270, -0.011710, 0.127348), "EL": (0.002724, -0.021643, 0.131275)}        # in a, w, b
ELS, LES = ExpectedLoss(Squared()), LossOfExpectation(Squared())


def _r1(criterion, layers=1):
    """f = 1.5 tanh(2x + 0.3), σ = ½, h = tanh 2x, classes N(∓½, 0.4²), T = 1; all layers alike."""
    network = ResidualNetwork(Perceptron(1), family.Gaussian(0.5), layers, dim=1, readout=Tanh(2.0))
    x = np.linspace(-2.9, 2.9, 59)                                      # the trapezoid rule at a quarter of a deviation: exact to rounding
    density = np.exp(-0.5 * ((x + 0.5) / 0.4) ** 2)
    weights = 0.5 * density / density.sum()
    data = LabelledPoints(np.append(x, x)[:, None], np.repeat([-1, 1], 59), np.append(weights, weights[::-1]))
    return Setting(network, data, criterion), np.tile([2.0, 0.3, 1.5, 0.0], layers)


def _tied(network, gradient):
    """In (a, w, b), the same in all layers."""
    w, b, a, _ = network.control.depth(gradient).sum(axis=0)
    return np.array([a, w, b])


def _collocated(numbers, nodes=91, half_width=4.0):
    """(J_LE, J_EL) at complex (a, w, b) by Chebyshev collocation and the matrix exponential, reflecting sides: no program of this package in it."""
    a, w, b = numbers
    k = np.arange(nodes)
    x = np.cos(np.pi * k / (nodes - 1))
    c = np.where((k == 0) | (k == nodes - 1), 2.0, 1.0) * (-1.0) ** k
    gaps = x[:, None] - x[None, :] + np.eye(nodes)
    D = np.outer(c, 1 / c) / gaps
    D -= np.diag(D.sum(axis=1))
    D, x = D / half_width, half_width * x
    inner, ends = slice(1, -1), [0, -1]
    fold = -np.linalg.solve(D[np.ix_(ends, ends)], D[ends][:, inner])    # values at the ends that make both slopes 0
    L = (a * np.tanh(w * x + b))[:, None] * D + 0.125 * (D @ D)
    P = expm(L[inner, inner] + L[inner][:, ends] @ fold)
    h = np.tanh(2 * x[inner])
    data = _r1(ELS)[0].data
    mean, square = (barycentric_interpolate(x, np.concatenate([(fold @ u)[:1], u, (fold @ u)[1:]]), data.points[:, 0]) for u in (P @ h, P @ h**2))
    y, weights = data.labels, data.weights
    return np.array([(weights * 0.5 * (mean - y) ** 2).sum(), (weights * 0.5 * (square - 2 * y * mean + 1)).sum()])


def _collocated_gradients(*more):
    columns = _complex_gradient(lambda v: _collocated(v, *more), np.array([1.5, 2.0, 0.3]))
    return dict(zip(("LE", "EL"), columns.T))


@pytest.fixture(scope="module")
def reference():
    return _collocated_gradients()


def test_r1_reference_gradients_by_collocation_and_complex_steps(reference):
    """They settle to 1e-7 in nodes and box.  Those of MATH 5 are of order 2 in space and time: good to 3e-5, which is more than their digits."""
    for name, other in _collocated_gradients(121, 4.5).items():
        assert np.abs(other - reference[name]).max() < 1e-7
        assert np.abs(reference[name] - PUBLISHED[name]).max() < 3e-5


@pytest.mark.parametrize("criterion", [LES, ELS], ids=lambda c: c.name)
@pytest.mark.parametrize("layers", [1, 4])
def test_r1_grid_gradients_of_the_ito_limit_within_1e_5(criterion, layers, reference):
    """Strang splitting at 64 and 128 steps, extrapolated: what is left is h⁴ = 4e-9 and the spline's (8e-3)⁴ 128 ≈ 5e-7, times O(1)."""
    setting, theta = _r1(criterion, layers)
    half, full = (_tied(setting.network, GridObjective(setting, Grid.uniform(-5, 5, 1201), DiffusionView(m // layers)).value_and_gradient(theta)[1])
                  for m in (64, 128))
    assert np.abs((4 * full - half) / 3 - reference[criterion.name]).max() < 1e-5


@pytest.mark.parametrize("criterion", [LES, ELS], ids=lambda c: c.name)
@random(comparisons=3)
def test_r1_gradients_by_particles_are_those_of_the_chain(criterion, chance):
    """Of 16 tied layers, against the chain of the same: the Euler–Maruyama steps of R1 are this network.  Finds 0.03 of 0.13 in b, 7e-3 in a, w."""
    setting, theta = _r1(criterion, 16)
    chain = _tied(setting.network, GridObjective(setting, Grid.uniform(-4, 4, 401)).value_and_gradient(theta)[1])
    draws = np.array([_tied(setting.network, ParticleObjective(setting, 256, derived_seed(5, k)).value_and_gradient(theta)[1]) for k in range(48)])
    error = draws.std(axis=0, ddof=1) / np.sqrt(48)
    chance.mean(draws.mean(axis=0), chain, error, detects=0.035, freedom=47)


@pytest.mark.parametrize("criterion", [LES, ELS], ids=lambda c: c.name)
def test_r1_chain_gradients_tend_to_those_of_the_ito_limit(criterion, reference):
    """With order 1 in 1/N; extrapolated twice from N = 16, 32, 64 they err by less than the second extrapolation has changed,
    which is below a fifth of the gap of the deepest network."""
    plain = []
    for layers in (16, 32, 64):
        setting, theta = _r1(criterion, layers)
        plain.append(_tied(setting.network, GridObjective(setting, Grid.uniform(-4, 4, 401)).value_and_gradient(theta)[1]))
    once, twice = 2 * plain[1] - plain[0], 2 * plain[2] - plain[1]
    limit, gap = twice + (twice - once) / 3, [np.linalg.norm(g - reference[criterion.name]) for g in plain]
    assert np.linalg.norm(limit - reference[criterion.name]) < np.linalg.norm(twice - once) / 3 < 0.2 * gap[2]
    assert abs(np.log2(gap[1] / gap[2]) - 1) < 0.2


# ---- the simultaneous test -----------------------------------------------------------------------------------------------------------------

def _routes(generator, components=20, replicates=24, bias=0.0, spread=1.0, bar=0.0):
    """Two sampled routes to the gradient 0, the second off by `bias` in one component."""
    none = np.zeros(components)
    out = []
    for shift in (0.0, bias):
        draws = spread * generator.normal(size=(replicates, components))
        draws[:, 0] += shift
        out.append(GradientRoute("network", f"route {len(out)}", draws.mean(axis=0), draws.std(axis=0, ddof=1) / np.sqrt(replicates),
                                 np.full(components, bar), none, none, replicates))
    return tuple(out)


@random()
def test_the_verdict_is_wrong_as_often_as_its_level_says(chance):
    """400 pairs of honest routes at level 0.2: Bonferroni and the lower count of freedom make it 0.08 … 0.2; finds a rate of 0.38."""
    draws = rng(0)
    chance.frequency(sum(not GradientAgreement(_routes(draws), 0.2).within for _ in range(400)), 400, 0.14, detects=0.24, slack=0.06)


def test_a_bias_beyond_bars_and_critical_errors_is_caught_and_one_within_the_bars_is_not():
    rng = np.random.default_rng(1)
    # critical ≈ 6 standard errors √(2/24) = 1.7
    assert not GradientAgreement(_routes(rng, bias=4.0)).within
    assert GradientAgreement(_routes(rng, bias=0.01, spread=1e-9, bar=0.002)).within               # three times both bars: 0.012
    verdict = GradientAgreement(_routes(rng, bias=0.02, spread=1e-9, bar=0.002))
    assert not verdict.within and verdict.pairs[0].z.argmax() == 0 and "DISAGREE" in repr(verdict)


def test_a_gradient_that_is_not_a_number_agrees_with_nothing():
    first, second = _routes(np.random.default_rng(2))
    third = replace(first, gradient=np.where(np.arange(20) == 7, np.nan, first.gradient))
    for routes in ((first, second, third), (third, first, second)):
        verdict = GradientAgreement(routes)
        assert not verdict.within and np.isnan(verdict.max_abs_z)


@pytest.mark.parametrize("noise, routes", [(family.Gaussian(0.4), 5), (family.OutputDropout(0.7), 4), (family.StrongDropout(0.8), 2),
                                           (family.Noiseless(), 4)], ids=repr)
@random()
def test_all_routes_of_both_laws_agree_and_an_error_of_4_percent_is_caught(noise, routes, chance):
    """The verdict's level is the share of this case.  What must fail: one component of one route moved by 4 % of the gradient's norm."""
    setting, theta = _setting(noise, dim=1, points=40)
    grid = Grid.covering(setting.network.layered(theta), setting.data.points, 65)
    agreement = compare_gradients(setting, theta, grid, paths=128, seed=1, substeps=1, replicates=24, sde_paths=64, level=chance.level)
    chance.spends(agreement.level)
    assert agreement.within and len(agreement.routes) == routes and set(agreement.verdicts.values()) == {True}
    for law in agreement.laws:
        assert agreement.reach_of(law) < 0.04
        k = next(i for i, route in enumerate(agreement.routes) if route.law == law)
        route = agreement.routes[k]
        moved = route.gradient.copy()
        moved[5] += 0.04 * np.linalg.norm(moved) * (1 if moved[5] >= agreement.routes[k + 1].gradient[5] else -1)
        wrong = replace(agreement, routes=agreement.routes[:k] + (replace(route, gradient=moved),) + agreement.routes[k + 1:])
        assert not wrong.verdicts[law] and all(wrong.verdicts[other] for other in agreement.laws if other != law)


def test_the_laws_themselves_differ_by_the_modelling_gap():
    """Three layers are not their Itô limit: taken for one law, chain and grid of the equation are told apart."""
    setting, theta = _setting(family.Gaussian(0.4), dim=1, points=40)
    grid = Grid.covering(setting.network.layered(theta), setting.data.points, 65)
    agreement = compare_gradients(setting, 2 * theta, grid, paths=64, seed=1, substeps=1, replicates=24)
    of = {(route.law, route.name): route for route in agreement.routes}
    mixed = GradientAgreement((of["network", "pathwise"], replace(of["sde", "grid"], law="network")))
    assert agreement.within and not mixed.within


def test_a_grid_that_does_not_resolve_the_network_is_refined_until_its_bar_is_small():
    """Steep layers on 17 nodes: at tolerance 1 % the bar is below it, without one it is not."""
    setting, theta = _setting(family.Noiseless(), dim=1, points=40)
    grid = Grid.uniform(-4, 4, 17)
    rough, fine = (compare_gradients(setting, 2 * theta, grid, paths=2, replicates=2, tolerance=t).routes[0] for t in (np.inf, 0.01))
    norm = np.linalg.norm(fine.gradient)
    assert fine.space.max() <= 0.01 * norm < rough.space.max()


def test_the_short_call_of_the_main_job_and_its_dictionary():
    setting, theta = _setting(family.OutputDropout(0.7), dim=1)
    grid = Grid.covering(setting.network.layered(theta), setting.data.points, 65)
    agreement = compare_gradients(setting, theta, grid, seed=3)
    assert [route.name for route in agreement.routes] == ["chain", "pathwise"]
    again = agreement.to_dict()
    assert {"cosine", "max_abs_z", "components", "critical_z", "within"} <= set(again)
    assert again["components"] == theta.size and again["cosine"] > 0.999 and again == compare_gradients(setting, theta, grid, seed=3).to_dict()
    assert again["max_abs_z"] != compare_gradients(setting, theta, grid, seed=4).max_abs_z


@pytest.mark.parametrize("replicates", [1, 2.5])
def test_too_few_replicates_are_refused_by_name(replicates):
    network = ResidualNetwork(Perceptron(2), family.Gaussian(0.3), 2, dim=1)
    setting = Setting(network, LabelledPoints(np.array([[0.5], [-0.5]]), np.array([1, -1])), ExpectedLoss(Logistic()))
    with pytest.raises(ValueError, match=f"replicates={replicates}"):
        compare_gradients(setting, setting.network.initialise(0), Grid.uniform(-4, 4, 21), replicates=replicates)
