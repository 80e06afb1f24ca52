"""What every architecture promises: it is its formula, its derivatives are exact, and its chain has the law of its steps."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from ocnet.networks import ResidualNetwork
from ocnet.networks import architectures as family
from ocnet.networks.architecture_layers import ArchitectureLayers
from ocnet.networks.blocks import Branches, Perceptron, Sine
from ocnet.networks.noise import Gaussian, HiddenDropout, InputDropout, Noiseless, OutputDropout, ShakeShake, StochasticDepth
from tests.chance import random, seed

MEMBERS = [getattr(family, name).example() for name in family.__all__ if hasattr(getattr(family, name), "example")]
MEMBERS += [family.PolyNet("literal"), family.PolyNet(weights="own"), family.WayNet(3), family.FractalNet(1), family.FractalNet(3, "branch"),
            family.FractalNet(3, weights="shared"), family.LMResNet(-0.9, 0.9)]
NOISES = [Noiseless(), Gaussian(0.3), OutputDropout(0.7), HiddenDropout(0.6), StochasticDepth(0.5, schedule="linear"), ShakeShake()]
every = pytest.mark.parametrize("architecture", MEMBERS, ids=repr)
each_noise = pytest.mark.parametrize("noise", NOISES, ids=repr)
GRID = [a for a in MEMBERS if a.copies == 1]
on_grids = pytest.mark.parametrize("architecture", GRID, ids=repr)


def network_of(architecture, noise=Noiseless(), layers=4, block=Sine(2), dim=2, **more):
    block = Branches(block, noise.copies) if hasattr(noise, "copies") else block
    return ResidualNetwork(block, noise, layers, dim=dim, architecture=architecture, **more)


def setting(architecture, noise=Noiseless(), points=5, seed=1, **more):
    network = network_of(architecture, noise, **more)
    return network, network.initialise(seed), np.random.default_rng(seed).normal(size=(network.dim, points))


def slope(function, h=1e-3):
    """Derivative at 0, seven points: error h⁶ times a seventh derivative /140, and 1e-15/h."""
    return (45 * (function(h) - function(-h)) - 9 * (function(2 * h) - function(-2 * h)) + function(3 * h) - function(-3 * h)) / (60 * h)


def test_all_members_are_listed_and_have_an_example():
    classes = {c.__name__ for c in family.Architecture.__subclasses__() if c.__module__.startswith("ocnet.")}
    assert classes == {type(a).__name__ for a in MEMBERS} == set(family.__all__) - {"Architecture", "ModifiedEquation"}


@every
def test_paths_are_those_of_the_formula_on_arrays(architecture):
    """The record against the formula itself, run on arrays: rounding of some ten sums a layer, through four layers."""
    network, theta, x = setting(architecture)
    process, state = network.layered(theta), architecture.begin(x)

    def branch(n, y, which=0):
        numbers = architecture.branch_views(network.block, network.control.layer(theta, n))[which]
        return network.dt * network.block.features(y, numbers).output

    for n in range(architecture.steps(network.layers)):
        state = architecture.step(branch, state, n, network.control.layer(theta, n))
    assert np.abs(process.ends(x, 0, 0) - architecture.end(state)).max() < 1e-13
    assert process.layers == architecture.steps(4) and process.times[-1] == pytest.approx(process.layers * network.dt, rel=1e-14)
    assert np.abs(architecture.end(state) - x).max() > 1e-3                                     # they go somewhere


@every
@each_noise
def test_reverse_sweep_is_the_complex_step_derivative(architecture, noise):
    """ε = 1e-30: no truncation, rounding of some 10³ products; a wrong term of relative size 1e-9 would show."""
    network, theta, x = setting(architecture, noise)
    rng, process = np.random.default_rng(2), network.layered(theta)
    c, dtheta, dx = rng.normal(size=x.shape), rng.normal(size=theta.size), rng.normal(size=x.shape)
    states = process.trajectory(x, 3, 7)
    gradient = process.reverse(states, 3, 7, c)
    *_, end = ArchitectureLayers(network, theta + 1e-30j * dtheta).states(x, 3, 7)
    exact = (c * end).sum().imag / 1e-30
    assert gradient.shape == (network.layers, network.control.layer_size)
    assert abs((gradient * network.control.depth(dtheta)).sum() - exact) < 1e-9 * abs(exact)
    back, n = architecture.end_vjp(c), process.layers - 1
    if architecture.plain:
        process = ArchitectureLayers(network, theta)
    for part, moved in zip(process.advance_vjp(n, architecture.begin(x), process.draw(3, 7, 5, n), back)[0], architecture.begin(dx)):
        assert part.shape == moved.shape
    state = tuple(p + 1e-30j * d for p, d in zip(architecture.begin(x), architecture.begin(dx)))
    along = (c * architecture.end(process.advance(n, state, process.draw(3, 7, 5, n)))).sum().imag / 1e-30
    parts = process.advance_vjp(n, architecture.begin(x), process.draw(3, 7, 5, n), back)[0]
    exact = sum((p * d).sum() for p, d in zip(parts, architecture.begin(dx)))
    assert abs(along - exact) < 1e-9 * max(abs(exact), 1e-3)


@each_noise
def test_resnet_as_a_formula_is_the_resnet(noise):
    """The same bits as the layers written by hand, forward and backward, and the same transitions."""
    network, theta, x = setting(family.ResNet(), noise)
    hand, formula = network.layered(theta), ArchitectureLayers(network, theta)
    assert type(hand) is not type(formula)
    states = formula.trajectory(x, 3, 0)
    assert states.tobytes() == hand.trajectory(x, 3, 0).tobytes()
    assert formula.reverse(states, 3, 0, x).tobytes() == hand.reverse(states, 3, 0, x).tobytes()
    a, b = formula.transition(2, x), hand.transition(2, x)
    assert a.feet.tobytes() == b.feet.tobytes() and (a.weights == b.weights).all() and (a.smoothing == b.smoothing).all()


@every
def test_evaluations_of_a_layer_have_noise_of_their_own(architecture):
    """Channels add up, and no two of 500 paths' worth of masks agree: of independent fair masks that has probability 2^−500."""
    network, theta, _ = setting(architecture, OutputDropout(0.5), points=1)
    process = network.layered(theta)
    evaluations = len(architecture.program(1, architecture.own_numbers({})).evaluations)
    each = architecture.block_dim(2)
    assert process.law_at(1).channels == evaluations * each
    xi = process.draw(5, 0, 500, 1).reshape(evaluations, each, 500)
    assert all((xi[a] != xi[b]).any(axis=1).all() for a in range(evaluations) for b in range(a))


@on_grids
@pytest.mark.parametrize("noise", [Noiseless(), OutputDropout(0.7), StochasticDepth(0.5, schedule="linear"), InputDropout(0.6), ShakeShake()], ids=repr)
def test_transitions_have_the_moments_of_the_step(architecture, noise):
    """All masks enumerated (or the shares' quadrature): rounding of sums of unit size.  Layer 0 of the schedule drops nothing."""
    network, theta, x = setting(architecture, noise)
    process = network.layered(theta)
    for n in (0, 2):
        try:
            found = process.transition(n, x, order=3)
        except ValueError as error:
            assert "quadrature branches" in str(error) and architecture.columns == 3     # noqa: PT017 — 4^7 masks: what must be refused
            continue
        nodes, weights = process.law_at(n).quadrature(3)
        steps = np.stack([process.step(n, x, np.repeat(node[:, None], x.shape[1], axis=1)) for node in nodes])
        mean, total = (np.einsum("k,kip->ip", w, f) for w, f in ((weights, steps), (found.weights, found.feet)))
        assert np.abs(mean - total).max() < 1e-13
        second, feet = (np.einsum("k,kip,kjp->ijp", w, f, f) for w, f in ((weights, steps), (found.weights, found.feet)))
        assert np.abs(second - feet - np.diag(found.smoothing**2)[:, :, None]).max() < 1e-12
        if not isinstance(noise, ShakeShake):
            assert np.abs(process.mean_step(n, x) - mean).max() < 1e-13


@on_grids
def test_normal_noise_that_no_evaluation_sees_is_smoothed(architecture):
    """Second moments of the smoothed transition against a quadrature of all channels: both exact but for 9-node rules of noise inside a branch,
    whose integrands at dt = ¼ and 0.1 of noise have 18th derivatives below 1e-9."""
    network, theta, x = setting(architecture, Gaussian(0.1), layers=4, block=Sine(1))
    process = network.layered(theta)
    if len(process.programs[1].evaluations if hasattr(process, "programs") else [0]) > 2:
        return                                                                           # 9^8 nodes; its parts are those of the others
    found = process.transition(1, x, order=9)
    nodes, weights = process.law_at(1).quadrature(7)
    steps = np.stack([process.step(1, x, np.repeat(node[:, None], x.shape[1], axis=1)) for node in nodes])
    for power in (1, 2):
        exact, mean = np.einsum("k,kip->ip", weights, steps**power), np.einsum("k,kip->ip", found.weights, found.feet**power)
        assert np.abs(exact - mean - (power == 2) * found.smoothing[:, None] ** 2).max() < 1e-9
    assert found.smoothing.max() > 0


@on_grids
@pytest.mark.parametrize("noise", [Gaussian(0.3), StochasticDepth(0.6), HiddenDropout(0.6)], ids=repr)
def test_pullback_of_the_transition_is_the_derivative_of_its_feet(architecture, noise):
    if getattr(architecture, "columns", 1) == 3:
        noise = StochasticDepth(0.6)                                                     # 2 branches an evaluation, 2^7 in all
    network, theta, x = setting(architecture, noise, points=4)
    rng, process = np.random.default_rng(4), ArchitectureLayers(network, theta)
    c, dtheta, n = rng.normal(size=process.transition(2, x).feet.shape), rng.normal(size=theta.size), 2
    moved = ArchitectureLayers(network, theta + 1e-30j * dtheta).transition(n, x).feet
    exact = (c * moved).sum().imag / 1e-30
    found = process.transition_vjp(n, x, c) @ network.control.depth(dtheta)[n:n + architecture.span].ravel()
    assert abs(found - exact) < 1e-9 * max(abs(exact), 1e-3)


@every
def test_bits_of_a_path_do_not_depend_on_its_batch(architecture):
    network, theta, x = setting(architecture, HiddenDropout(0.7), points=300, block=Perceptron(3))
    process = network.layered(theta)
    whole = process.ends(x, 7, 40)
    for lo, hi in ((0, 1), (3, 20), (17, 300)):
        assert process.ends(np.ascontiguousarray(x[:, lo:hi]), 7, 40 + lo).tobytes() == np.ascontiguousarray(whole[:, lo:hi]).tobytes()


@every
@random()
def test_ends_have_the_law_of_two_layers_by_quadrature(architecture, chance, paths=100_000):
    """E φ(X_2) by sampling against all masks of two steps; finds 0.007 of φ, which is of size 1."""
    network, theta, x = setting(architecture, StochasticDepth(0.6), points=1, layers=1 + architecture.span)
    process = network.layered(theta)
    if architecture.plain:
        process = ArchitectureLayers(network, theta)
    states, weights = [(architecture.begin(x))], np.ones(1)
    for n in range(2):
        nodes, w = process.law_at(n).quadrature(3)
        states = [process.advance(n, state, node[:, None]) for state in states for node in nodes]
        weights = np.outer(weights, w).ravel()
    phi = lambda y: np.exp(-(y**2).sum(axis=0) + y[0] * y[1])
    exact = sum(w * phi(architecture.end(state))[0] for w, state in zip(weights, states))
    chance.sample(phi(process.ends(np.repeat(x, paths, axis=1), seed(5), 0)), exact, detects=0.007)


@every
def test_inverses_undo_the_layer_as_well_as_they_say(architecture):
    """Exact ones to rounding (LM: over |k| ≥ 0.01); approximate ones by order: a step of half the length leaves a quarter (2^{order + 1}) or less."""
    if architecture.exact_inverse is None:
        with pytest.raises(ValueError, match="has no inverse"):
            architecture.inverse(None, (None,), 1, SimpleNamespace())
        return
    gaps = []
    for layers in (64, 128):
        network, theta, x = setting(architecture, StochasticDepth(0.7), layers=layers, points=50)
        theta = np.tile(theta[:network.control.layer_size], layers)
        theta = np.concatenate([theta, np.ones(network.control.size - theta.size)])
        process = ArchitectureLayers(network, theta)
        before = architecture.begin(x)
        if architecture.copies == 2:
            before = before[0], before[1] + 0.1
        xi = np.zeros_like(process.draw(3, 0, 50, 5))                                    # the mean branch: what halves with dt alone
        back = process.retreat(5, process.advance(5, before, xi), xi)
        gaps.append(max(np.abs(a - b).max() for a, b in zip(before, back)))
        if architecture.exact_inverse:
            noisy = process.draw(3, 0, 50, 5)
            back = process.retreat(5, process.advance(5, before, noisy), noisy)
            assert max(np.abs(a - b).max() for a, b in zip(before, back)) < 1e-12
    if architecture.exact_inverse:
        assert max(gaps) < 1e-12
    else:
        assert 0 < gaps[1] < gaps[0] / 2 ** (architecture.order + 1) * 1.1


def test_lm_starts_as_published_and_checks_its_range():
    network, theta, _ = setting(family.LMResNet(), layers=200)
    k = np.array([network.control.layer(theta, n).k for n in range(200)])
    assert (-0.1 <= k).all() and (k <= 0).all() and abs(k.mean() + 0.05) < 5 * 0.1 / np.sqrt(12 * 200)      # five standard errors, 6e-7
    with pytest.raises(ValueError, match="least=-1"):
        family.LMResNet(-1.0)
    with pytest.raises(ValueError, match="k=0 in layer 3"):
        family.LMResNet().inverse(None, (None, None), 3, SimpleNamespace(k=0.0))


def test_the_first_step_of_lm_is_eulers():
    network, theta, x = setting(family.LMResNet(), layers=1)
    plain = replace(network, architecture=family.ResNet())
    numbers = np.concatenate([network.control.depth(theta)[0, :-1], network.control.rest(theta)])
    assert network.layered(theta).ends(x, 0, 0).tobytes() == plain.layered(numbers).ends(x, 0, 0).tobytes()


def test_what_cannot_be_is_refused_with_its_remedy():
    with pytest.raises(ValueError, match="dim=3 is odd.*use an even dim, such as dim=4"):
        network_of(family.RevNet(), dim=3)
    with pytest.raises(ValueError, match="layers=1: .*give layers ≥ 2"):
        network_of(family.HeunNet(), layers=1)
    with pytest.raises(ValueError, match="is a class; give an object"):
        network_of(family.RevNet)
    network, theta, x = setting(family.LMResNet())
    for call in (lambda p: p.transition(0, x), lambda p: p.step(0, x, np.empty((0, 5))), lambda p: p.mean_step(0, x),
                 lambda p: p.transition_vjp(0, x, x[None]), lambda p: p.step_vjp(0, x, np.empty((0, 5)), x)):
        with pytest.raises(ValueError, match="use particles"):
            call(network.layered(theta))
    with pytest.raises(ValueError, match="precision='single' needs a fused kernel"):
        network.layered(theta, precision="single")
    for made, match in ((lambda: family.PolyNet("cubic"), "form='cubic'; choose 'picard'"), (lambda: family.WayNet(1), "one way is ResNet"),
                        (lambda: family.FractalNet(9), "columns=9"), (lambda: family.FractalNet(join="mean"), "join='mean'")):
        with pytest.raises(ValueError, match=match):
            made()


def test_a_member_may_know_its_own_limit():
    given = object()
    known = type("Known", (family.WayNet,), {"limit": lambda self, network, theta: given})()
    network = network_of(known)
    assert network.diffusion(network.initialise(0)) is given


def test_a_member_must_state_its_order():
    with pytest.raises(TypeError, match="declares no order"):
        type("Nameless", (family.Architecture,), {})


def test_only_other_architectures_are_told_so_that_older_checkpoints_stay():
    assert "architecture" not in network_of(family.ResNet()).describe()
    told = {repr(network_of(a).describe().get("architecture")) for a in MEMBERS}
    assert len(told) == len({repr(a) for a in MEMBERS}) and all(a == eval(repr(a), vars(family)) for a in MEMBERS)
