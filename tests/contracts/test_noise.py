"""What every noise model promises: its mean, covariance, factor and gradients are those of the branch it describes, exactly."""

import numpy as np
import pytest

from ocnet.grid import Grid
from ocnet.kolmogorov import solve_backward
from ocnet.kolmogorov.schemes import SemiLagrangian
from ocnet.networks import noise as family
from ocnet.networks.blocks import Affine, Branches, Perceptron
from ocnet.networks.network import ResidualNetwork
from ocnet.particles import estimate, propagate
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion
from tests.chance import random, seed

MEMBERS = [getattr(family, name).example() for name in family.__all__]
MEMBERS += [family.Gaussian(0.3, "natural"), family.OutputDropout(0.8, rescaled=False), family.OutputDropout(0.7, scaling="diffusive"),
            family.StochasticDepth(0.6, rescaled=False), family.DirichletShake(2), family.InputDropout(0.6, "diffusive"),
            family.ShakeShake(scaling="diffusive"), family.StateGaussian(0.4, "natural"), family.HiddenDropout(0.5, "diffusive")]
every = pytest.mark.parametrize("noise", MEMBERS, ids=repr)


def network_of(noise, dim=2, layers=3, width=3):
    block = Perceptron(width)
    return ResidualNetwork(Branches(block, noise.copies) if hasattr(noise, "copies") else block, noise, layers, horizon=0.6, dim=dim)


def setting(noise, points=7, start=0, **more):
    network = network_of(noise, **more)
    return network, network.initialise(start), np.random.default_rng(start).normal(size=(network.dim, points))


def moments_of_step(process, n, x):
    """Mean (d, points) and covariance (d, d, points) of X_{n+1} − x by the law's quadrature: exact, or to degree 11."""
    nodes, weights = process.law_at(n).quadrature(6)
    steps = np.stack([process.step(n, x, np.repeat(node[:, None], x.shape[1], axis=1)) for node in nodes]) - x
    mean = np.einsum("k,kip->ip", weights, steps)
    return mean, np.einsum("k,kip,kjp->ijp", weights, steps - mean, steps - mean)


def mid(network, n):
    return 0.5 * (network.times[n] + network.times[n + 1])


def slope(function, h=1e-3):
    """Derivative at 0, seven points: error h⁶ times a seventh derivative /140, and 1e-15/h."""
    return (45 * (function(h) - function(-h)) - 9 * (function(2 * h) - function(-2 * h)) + function(3 * h) - function(-3 * h)) / (60 * h)


@every
@pytest.mark.parametrize("layer", [0, 2])
def test_transition_and_mean_step_have_the_moments_of_the_step(noise, layer):
    network, theta, x = setting(noise)
    process = network.layered(theta)
    mean, second = moments_of_step(process, layer, x)
    t = process.transition(layer, x)
    spread = t.feet - np.einsum("k,kip->ip", t.weights, t.feet)
    total = np.einsum("k,kip,kjp->ijp", t.weights, spread, spread) + np.diag(t.smoothing**2)[:, :, None]
    assert np.abs(np.einsum("k,kip->ip", t.weights, t.feet) - x - mean).max() < 1e-13    # rounding of sums of unit size
    assert np.abs(process.mean_step(layer, x) - x - mean).max() < 1e-13
    assert np.abs(total - second).max() < 1e-13


@every
def test_factor_of_the_ito_limit_has_the_covariance_of_the_layer(noise):
    if not noise.weak_order["itô"]:                                     # strong dropout: see the test of its jumps
        return
    network, theta, x = setting(noise)
    limit = network.diffusion(theta)
    for n in (0, 2):
        mean, covariance = moments_of_step(network.layered(theta), n, x)
        g = limit.factor_rows(mid(network, n), x)
        assert np.abs(network.dt * limit.drift_rows(mid(network, n), x) - mean).max() < 1e-14
        assert np.abs(network.dt * np.einsum("imp,jmp->ijp", g, g) - covariance).max() < 1e-14
        model = limit.models[n]
        assert np.abs(model.scale(network.dt) ** 2 * model.covariance(network.layered(theta)._at(n, x)) - covariance).max() < 1e-14


@pytest.mark.parametrize("noise", [*MEMBERS, family.InputDropout(0.5, "diffusive"), family.OutputDropout(0.5)], ids=repr)
def test_skewed_models_are_those_whose_increments_have_third_moments(noise):
    """Exact, by the branches of a middle layer; what is stated decides on weak order ½ in the diffusive scaling."""
    if not noise.weak_order["itô"]:
        return
    network, theta, x = setting(noise)
    process = network.layered(theta)
    nodes, weights = process.law_at(1).quadrature(6)
    steps = np.stack([process.step(1, x, np.repeat(node[:, None], x.shape[1], axis=1)) for node in nodes])
    centred = steps - np.einsum("k,kip->ip", weights, steps)
    third, second = (np.abs(np.einsum("k,kip->ip", weights, centred**power)).max() for power in (3, 2))
    assert noise.skewed == (third > 1e-6 * second**1.5) if second else not noise.skewed


@every
@random(comparisons=12)
def test_sampled_covariance_is_that_of_the_factor(noise, chance, paths=40_000):
    """Every entry of Cov X_1, at three points; finds 20 % of the largest.  What must fail: noise a tenth too strong, in the first component."""
    network, theta, x = setting(noise, points=3, layers=1)
    _, covariance = moments_of_step(network.layered(theta), 0, x)
    ends = propagate(network.layered(theta), x.T, paths, seed=3).ends
    for p in range(3):
        centred = ends[p] - ends[p].mean(axis=0)
        products = centred[:, :, None] * centred[:, None, :]
        chance.sample(np.moveaxis(products, 0, -1), covariance[:, :, p], detects=0.2 * np.abs(covariance[:, :, p]).max() + 1e-15)
        if covariance[0, 0, p]:
            squares = products[:, 0, 0]
            chance.finds(squares.mean(), covariance[0, 0, p], 1.1**2 * covariance[0, 0, p], squares.std() / np.sqrt(paths))
        else:
            assert noise.additive == 0.0


@every
@random()
def test_ends_have_the_law_of_the_chain_over_two_layers(noise, chance, paths=200_000):
    """E of a functional by sampling against the same by the quadrature branches of both layers, node by node (no interpolation); finds 0.004."""
    network, theta, x = setting(noise, points=1, layers=2, width=2)
    process = network.layered(theta)
    feet, weights = x, np.ones(1)
    for n in range(2):
        nodes, w = process.law_at(n).quadrature(9)
        feet = np.concatenate([process.step(n, feet, np.repeat(node[:, None], feet.shape[1], axis=1)) for node in nodes], axis=1)
        weights = np.concatenate([v * weights for v in w])
    exact = (weights * np.exp(-(feet**2).sum(axis=0) + feet[0] * feet[1])).sum()
    ends = propagate(process, x.T, paths, seed=5).ends[0]
    values = np.exp(-(ends**2).sum(axis=1) + ends[:, 0] * ends[:, 1])
    chance.sample(values, exact, detects=0.004, slack=1e-10)             # of the quadrature


@every
def test_reverse_step_is_the_transpose_of_the_derivative_of_the_step(noise):
    network, theta, x = setting(noise, points=6, start=2)
    process, rng = network.layered(theta), np.random.default_rng(2)
    cotangent, dx, dtheta = rng.normal(size=(2, 6)), rng.normal(size=(2, 6)), rng.normal(size=theta.size)
    for n in (0, 1):
        xi = process.draw(3, 0, 6, n)
        back, gradient = process.step_vjp(n, x, xi, cotangent)
        exact = (back * dx).sum() + gradient @ network.control.depth(dtheta)[n]
        along = slope(lambda h: (cotangent * network.layered(theta + h * dtheta).step(n, x + h * dx, xi)).sum())
        assert abs(along - exact) < 1e-10                               # seventh derivatives up to 1e4


@every
def test_pullback_of_the_transition_is_the_derivative_of_its_feet(noise):
    network, theta, x = setting(noise, points=6, start=4)
    process, rng = network.layered(theta), np.random.default_rng(4)
    for n in (0, 1):
        cotangent, dtheta = rng.normal(size=process.transition(n, x).feet.shape), rng.normal(size=theta.size)
        along = slope(lambda h: (cotangent * network.layered(theta + h * dtheta).transition(n, x).feet).sum())
        exact = process.transition_vjp(n, x, cotangent) @ network.control.depth(dtheta)[n]
        assert abs(along - exact) < 1e-9                                # as above, over up to 512 branches


@every
def test_coefficients_of_the_limit_are_differentiated_exactly(noise):
    if not noise.weak_order["itô"]:
        return
    network, theta, x = setting(noise, points=6, start=5)
    limit, rng = network.diffusion(theta), np.random.default_rng(5)
    for n in (1, 2):
        t, dtheta, dx = mid(network, n), rng.normal(size=theta.size), rng.normal(size=(2, 6))
        f_bar, g_bar = rng.normal(size=(2, 6)), rng.normal(size=limit.factor_rows(t, x).shape)

        def moved(h):
            process = network.diffusion(theta + h * dtheta)
            return (f_bar * process.drift_rows(t, x + h * dx)).sum() + (g_bar * process.factor_rows(t, x + h * dx)).sum()

        back, gradient = limit.coefficients_vjp(t, x, f_bar, g_bar)
        # square roots (DropConnect, InputDropout) have larger seventh derivatives
        assert abs(slope(moved) - (back * dx).sum() - gradient @ network.control.depth(dtheta)[n]) < 1e-8


@every
def test_mean_jacobian_product_is_the_derivative_of_the_mean(noise):
    network, theta, x = setting(noise, points=6, start=6)
    process, v = network.layered(theta), np.random.default_rng(6).normal(size=(2, 6))
    for n in (0, 2):
        model, at = process.models[n], process._at(n, x)
        along = slope(lambda h: model.mean(at.moved(x + h * v)))
        assert np.abs(model.mean_jacobian_product(at, v) - along).max() < 1e-11


@every
def test_bits_of_a_path_do_not_depend_on_its_batch(noise):
    network, theta, x = setting(noise, points=300)
    process = network.layered(theta)
    whole = process.ends(x, 7, 40)
    for lo, hi in ((0, 1), (3, 20), (17, 300)):
        assert process.ends(np.ascontiguousarray(x[:, lo:hi]), 7, 40 + lo).tobytes() == np.ascontiguousarray(whole[:, lo:hi]).tobytes()


def features_of(network, theta, x, n=0):
    layer = network.control.layer(theta, n)
    return network.block.features(x, layer, ("output", "hidden")), layer


def test_every_mask_of_output_dropout_is_a_branch_with_its_probability():
    network, theta, x = setting(family.OutputDropout(0.7), points=1)
    f = features_of(network, theta, x)[0].output
    t = network.layered(theta).transition(0, x)
    for mask in np.ndindex(2, 2):
        foot = x + network.dt * f * np.array(mask)[:, None] / 0.7
        k = np.abs(t.feet - foot).max(axis=(1, 2)).argmin()
        assert np.abs(t.feet[k] - foot).max() < 1e-15
        assert abs(t.weights[k] - np.prod(np.where(mask, 0.7, 0.3))) < 1e-15


@pytest.mark.parametrize("noise, masked", [
    (family.HiddenDropout(0.6), lambda f, layer, x, g: layer.W2 @ (f.hidden * g[:, None] / 0.6) + layer.b2[:, None]),
    (family.DropConnect(0.6), lambda f, layer, x, g: (layer.W2 * g.reshape(2, 3) / 0.6) @ f.hidden + layer.b2[:, None]),
    (family.InputDropout(0.6), lambda f, layer, x, g: layer.W2 @ np.tanh(layer.W1 @ (x * g[:, None] / 0.6) + layer.b1[:, None]) + layer.b2[:, None])],
    ids=["hidden", "weights", "input"])
def test_every_mask_inside_the_branch_is_a_foot_of_the_chain_with_its_probability(noise, masked):
    """The branch written out in NumPy with each of its masks, against feet and weights of the transition."""
    network, theta, x = setting(noise, points=1)
    f, layer = features_of(network, theta, x)
    t, law = network.layered(theta).transition(0, x), network.layered(theta).law_at(0)
    assert len(t.feet) == 2**law.channels
    for node, foot, weight in zip(law.quadrature()[0], t.feet, t.weights):
        mask = (node > 0).astype(float)
        assert np.abs(foot - x - network.dt * masked(f, layer, x, mask)).max() < 2e-15
        assert abs(weight - np.prod(np.where(mask == 1, 0.6, 0.4))) < 1e-15


def test_factors_have_the_shapes_of_the_catalogue():
    for noise, columns in ((family.OutputDropout(0.7), 2), (family.HiddenDropout(0.7), 3), (family.DropConnect(0.7), 2), (family.StochasticDepth(0.7), 1),
                           (family.ShakeShake(), 1), (family.DirichletShake(4), 4), (family.BlockGaussian(0.3), 1), (family.InputDropout(0.7), 2)):
        network, theta, x = setting(noise)
        assert network.diffusion(theta).factor(0.0, x.T).shape == (7, 2, columns)


@random(comparisons=26)
def test_means_of_masks_before_a_nonlinearity_by_sampling_above_12_inputs(chance):
    """4096 masks in mirrored pairs, and so off by the branch's own spread/64 at most; finds an eighth of the spread."""
    network, theta, x = setting(family.InputDropout(0.7), dim=13, points=2)
    process = network.layered(theta)
    mean = process.mean_step(0, x)
    steps = np.stack([process.step(0, x, process.draw(seed(s), 0, 2, 0)) for s in range(20_000)])
    spread = steps.std(axis=0)
    chance.mean(steps.mean(axis=0), mean, spread * np.hypot(1 / 64, 1 / np.sqrt(20_000)), detects=0.15 * spread)
    f = network.block.features(x, network.control.layer(theta, 0)).output
    assert np.abs(steps.mean(axis=0) - x - network.dt * f).max() > 10 * (spread / np.sqrt(20_000)).max()      # and f̄ is not f


@pytest.mark.parametrize("law", [family.StochasticDepth(0.5, schedule="linear"), family.StochasticDepth(0.5, schedule="linear", scaling="diffusive")], ids=repr)
@random()
def test_a_schedule_that_starts_without_noise_keeps_its_columns(law, chance):
    """Of the diffusion by particles and by the semi-Lagrangian grid, though nothing is dropped in the first layer; finds 0.02."""
    network, theta, x = setting(law, layers=4)
    diffusion = network.diffusion(3 * theta)
    assert [diffusion.factor_rows(mid(network, n), x).shape for n in range(4)] == [(2, 1, 7)] * 4
    problem = KolmogorovProblem(diffusion, lambda p: np.tanh(p[:, 0] + p[:, 1] ** 2), 0.6)
    start = np.array([[0.3, -0.2]])
    grid = Grid.uniform([-4, -4], [4, 4], [121, 121])
    coarse, fine = (solve_backward(problem, grid, steps=n, scheme=SemiLagrangian())(start)[0] for n in (24, 48))
    few, many = (estimate(problem, start, 100_000, n, seed=1) for n in (100, 200))
    assert many.standard_error[0] > 1e-5
    # both of order 1 in time at least: what is left is about the last change; twice that
    chance.mean(many.value[0], fine, np.hypot(many.standard_error[0], few.standard_error[0]), detects=0.02, slack=2 * abs(fine - coarse))


def test_masks_that_drop_nothing_are_no_noise_in_any_dimension():
    for dim in (2, 13):
        network, theta, x = setting(family.InputDropout(1.0), dim=dim)
        f = network.block.features(x, network.control.layer(theta, 0)).output
        assert np.abs(network.layered(theta).mean_step(0, x) - x - network.dt * f).max() < 1e-15
    with pytest.raises(ValueError, match="use scaling='natural'"):
        setting(family.InputDropout(0.5, "diffusive"), dim=13)[0].layered(setting(family.InputDropout(0.5), dim=13)[1])


def test_a_process_keeps_the_numbers_that_it_was_made_with():
    network, theta, x = setting(family.OutputDropout(0.7))
    process, diffusion = network.layered(theta), network.diffusion(theta)
    before = process.ends(x, 1, 0), process.mean_step(0, x), diffusion.drift_rows(0.0, x)
    theta *= 5
    after = process.ends(x, 1, 0), process.mean_step(0, x), diffusion.drift_rows(0.0, x)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(before, after))


def test_survival_falls_linearly_from_1_to_that_of_the_last_block():
    models = [family.StochasticDepth(0.5, schedule="linear").at(n, 5, 0.1) for n in range(5)]
    assert np.allclose([m.survival for m in models], [1, 0.875, 0.75, 0.625, 0.5], rtol=0, atol=1e-15)
    assert family.StochasticDepth(0.5, schedule="linear").at(0, 1, 0.1).survival == 0.5


def test_shake_shake_as_published_draws_another_share_for_the_reverse_sweep():
    """And is the gradient of nothing; that of "same" is tested above."""
    networks = [network_of(family.ShakeShake(backward)) for backward in ("same", "independent")]
    same, other = (network.layered(network.initialise(0)) for network in networks)
    assert same.draw(1, 0, 9, 0).tobytes() == other.draw(1, 0, 9, 0).tobytes() == same.draw_backward(1, 0, 9, 0).tobytes()
    assert np.abs(other.draw_backward(1, 0, 9, 0) - other.draw(1, 0, 9, 0)).min() > 1e-6


@random()
def test_a_repeated_run_repeats_and_an_unseeded_one_has_the_same_law(chance, paths=20_000):
    """Two seeds, 20 cells of equal expected counts: χ² of two samples; finds a non-centrality of 100, a shift by a tenth of a deviation."""
    network, theta, x = setting(family.OutputDropout(0.7), points=1, layers=8)
    a, b, again = (propagate(network.layered(theta), x.T, paths, k).ends[0] @ [1.0, 2.0] for k in (1, 2, 1))
    assert a.tobytes() == again.tobytes() and a.tobytes() != b.tobytes()
    edges = np.quantile(np.concatenate([a, b]), np.linspace(0, 1, 21)[1:-1])
    counts = [np.bincount(np.searchsorted(edges, s), minlength=20) for s in (a, b)]
    chance.squares(((counts[0] - counts[1]) ** 2 / np.maximum(counts[0] + counts[1], 1)).sum(), 19, detects=100)


@every
def test_weak_orders_are_data_of_the_model(noise):
    orders = noise.weak_order
    network, theta, _ = setting(noise)
    if not orders["itô"]:
        with pytest.raises(ValueError, match="jump_process"):
            network.diffusion(theta)
        return
    assert isinstance(network.diffusion(theta), Diffusion)
    assert orders["itô"] == (0.5 if noise.scaling == "diffusive" and noise.skewed else 1.0)
    assert noise.skewed or not noise.skewness
    if orders["modified"] is None:
        with pytest.raises(ValueError, match="no second-order modified equation"):
            network.diffusion(theta, order=2)
    else:
        assert orders["modified"] == 2 and isinstance(network.diffusion(theta, order=2), Diffusion)


@pytest.mark.parametrize("make, word", [
    (lambda: family.OutputDropout(keep=0), "keep=0"), (lambda: family.OutputDropout(keep=1.5), "keep=1.5"),
    (lambda: family.OutputDropout(keep=float("nan")), "keep=nan"), (lambda: family.Gaussian(-1.0), "level=-1"),
    (lambda: family.Gaussian(float("inf")), "level=inf"), (lambda: Perceptron(0), "width=0"), (lambda: Branches(Perceptron(2), 1), "count=1"),
    (lambda: family.Gaussian(0.1, "raw"), "scaling='raw'"), (lambda: family.StochasticDepth(0.0), "survival=0"),
    (lambda: family.StochasticDepth(0.5, schedule="cosine"), "schedule='cosine'"), (lambda: family.ShakeShake("other"), "backward='other'"),
    (lambda: family.StrongDropout(0.0), "level=0"), (lambda: family.StrongDropout(0.5, "diffusive"), "scaling='diffusive'"),
    (lambda: family.InputDropout(-0.1), "keep=-0.1"), (lambda: family.CentredBernoulli(2.0), "keep=2"),
    (lambda: ResidualNetwork(Affine(), family.HiddenDropout(0.5), 2), "needs `hidden`, which Affine"),
    (lambda: ResidualNetwork(Perceptron(2), family.ShakeShake(), 2), "needs `branches`"),
    (lambda: ResidualNetwork(Branches(Perceptron(2), 3), family.ShakeShake(), 2), "shares 2 branches"),
    (lambda: network_of(family.OutputDropout(0.5)).diffusion(np.zeros(3)), "theta has shape"),
    (lambda: network_of(family.OutputDropout(0.5)).diffusion(network_of(family.OutputDropout(0.5)).control.zeros(), order=3), "order=3"),
    (lambda: network_of(family.OutputDropout(0.5)).jump_process(network_of(family.OutputDropout(0.5)).control.zeros()), "no jump limit"),
    (lambda: ResidualNetwork(Perceptron(2), family.Gaussian(0.1), 0), "layers=0"),
    (lambda: ResidualNetwork(Perceptron(2), family.Gaussian(0.1), 2, horizon=0.0), "horizon=0")])
def test_wrong_settings_are_refused_by_name_and_value(make, word):
    with pytest.raises(ValueError, match=word.replace("(", "[(]")):
        make()


@pytest.mark.parametrize("noise", [family.OutputDropout, family.StochasticDepth])
def test_masks_that_are_not_rescaled_have_a_share_of_the_drift(noise):
    """E of a mask of 0 and 1 is the probability of 1: 0.7."""
    networks = [ResidualNetwork(Perceptron(2), noise(0.7, rescaled=rescaled), 3) for rescaled in (False, True)]
    theta, x = networks[0].initialise(0), np.random.default_rng(1).normal(size=(2, 20))
    share, whole = (network.diffusion(theta).drift_rows(0.4, x) for network in networks)
    assert np.abs(share - 0.7 * whole).max() < 1e-15 and np.abs(whole).max() > 0.1
