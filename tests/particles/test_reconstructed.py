"""The reverse sweep over reconstructed states: orders, exactness, what it says of its error, memory, bits and refusals."""

import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import numpy as np
import pytest

from ocnet.kernels import memory, threads
from ocnet.networks import ResidualNetwork
from ocnet.networks.architectures import FractalNet, HeunNet, LMResNet, PolyNet, ResNet, RevNet
from ocnet.networks.blocks import Branches, Perceptron, Sine
from ocnet.networks.noise import Gaussian, HiddenDropout, Noiseless, OutputDropout, ShakeShake, StateGaussian, StochasticDepth
from ocnet.particles import Reconstructed, Stored, sampled_value_and_gradient
from ocnet.particles.reconstructed import swept_back
from tests.chance import random, seed
from tests.particles.processes import Toy, toy

QUIET = Reconstructed(bar=np.inf)


def smooth(rng, layers, p):
    a, b, t = *rng.normal(size=(2, p)), np.arange(layers)[:, None] / layers
    return a * np.cos(2 * t) + b * np.sin(3 * t)


def rough(rng, layers, p):
    """a + b, a − b, a + b, …: neighbours differ by O(1) at any depth, and no average hides the leading term."""
    a, b = rng.normal(size=(2, p))
    return a + b * (-1.0) ** np.arange(layers)[:, None]


def process_of(architecture, layers, depth=smooth, block=Perceptron(4), noise=Noiseless(), dim=3, seed=0, size=0.7):
    network = ResidualNetwork(block, noise, layers, dim=dim, architecture=architecture)
    rng, theta = np.random.default_rng(seed), network.control.zeros()
    network.control.depth(theta)[:] = size * depth(rng, layers, network.control.layer_size)
    return network.layered(theta)


def terminal(ends, rows):
    return 0.5 * (ends**2).sum(), ends.copy(), np.zeros(0)


def gradient(process, x0, activations, paths=1, **more):
    return sampled_value_and_gradient(process, x0, paths, terminal, 3, activations=activations, **more)[1]


def starts(points, dim, seed=1):
    return np.random.default_rng(seed).normal(size=(points, dim))


def errors(process, points=40):
    """Relative errors of the reconstructed start (of its distance to the end) and of the gradient, and that which the sweep estimates."""
    x, key = np.ascontiguousarray(starts(points, process.dim).T), seed(3)         # of all sweeps, whichever of them check seeds
    ends = process.ends(x, key, 0)
    back = ends
    for n in reversed(range(process.layers)):
        back = process.reconstructed(n, back, key, 0)
    exact, swept = process.reverse(process.trajectory(x, key, 0), key, 0, ends.copy()), swept_back(process, x, ends, key, 0, ends.copy())
    return (np.linalg.norm(back - x) / np.linalg.norm(ends - x), np.linalg.norm(swept.gradient - exact) / np.linalg.norm(exact),
            swept.relative_error)


def slopes(architecture, depth, depths, networks=3, **more):
    """(networks, 2) slopes of −log of the two errors against log N."""
    found = np.array([[errors(process_of(architecture, layers, depth, seed=k, **more))[:2] for layers in depths] for k in range(networks)])
    return np.array([-np.polyfit(np.log(depths), np.log(each), 1)[0] for each in found])


@pytest.mark.parametrize("depth", [smooth, rough])
def test_reconstruction_and_gradient_of_resnets_are_of_order_one_whatever_the_weights(depth):
    """a/N + b/N², |b/a| up to 10 here: the slope fitted from 128 to 1024 is off by b/(a √(128 · 1024)) = 0.03 of 1."""
    assert np.abs(slopes(ResNet(), depth, (128, 1024)) - 1).max() < 0.05


def test_reconstruction_and_gradient_of_heunnets_are_of_order_three_with_smooth_weights():
    """The paper says 2; even powers cancel in the round trip, so 3 (MATH 3.3), within 10/√(32 · 256) = 0.11 as above."""
    found = slopes(HeunNet(), smooth, (32, 256))
    assert found.min() > 2 and np.abs(found - 3).max() < 0.11


def test_reconstruction_and_gradient_of_heunnets_are_of_order_one_with_rough_weights():
    """The jump's own term, D(f_{n+1} − f_n)[f_{n+1} − f_n]/(4 N²) a step, is left: order 1, within 0.11 as above."""
    assert np.abs(slopes(HeunNet(), rough, (64, 512)) - 1).max() < 0.11


@pytest.mark.parametrize("noise", [Noiseless(), Gaussian(0.3), OutputDropout(0.7), HiddenDropout(0.7)], ids=repr)
def test_revnets_are_reconstructed_to_rounding_with_their_noise(noise):
    """32 layers lose 1e-16 each, times what the flow magnifies."""
    assert max(errors(process_of(RevNet(), 32, rough, noise=noise, dim=4))) < 1e-13


@pytest.mark.parametrize("noise, block", [(Gaussian(0.4), Perceptron(4)), (Gaussian(0.4, "natural"), Perceptron(4)), (OutputDropout(0.7), Perceptron(4)),
                                          (HiddenDropout(0.7), Perceptron(4)), (StochasticDepth(0.8, schedule="linear"), Perceptron(4)),
                                          (Gaussian(0.4), Sine(3)), (ShakeShake(), Branches(Perceptron(3), 2))], ids=repr)
def test_noise_is_drawn_again_and_errors_shrink_like_one_over_n(noise, block):
    """Natural noise and additive noise are of the drift's order: 16 times the layers, a sixteenth of the error but for chance (a third more
    at most).  Noise drawn anew would leave an error of O(1) at any depth."""
    coarse, fine = (np.array(errors(process_of(ResNet(), layers, noise=noise, block=block), 400)[:2]) for layers in (16, 256))
    assert (coarse < 0.5).all() and (fine < coarse / 12).all()


def test_other_noise_on_the_way_back_would_be_caught():
    """What must fail: the same sweep with another seed is off by more than the bound of the test above, even at 256 layers."""
    process, x = process_of(ResNet(), 256, noise=OutputDropout(0.7)), np.ascontiguousarray(starts(400, 3).T)
    ends = process.ends(x, 3, 0)
    exact, other = (swept_back(process, x, ends, seed, 0, ends.copy()).gradient for seed in (3, 4))
    assert np.linalg.norm(other - exact) > 0.02 * np.linalg.norm(exact)


def test_noise_in_proportion_to_the_state_is_not_reconstructed_at_any_depth_and_the_sweep_says_so():
    """Diffusive noise s x ξ comes back as 1 − s² ξ²/N a layer, e^{−s²} in all: 15 % for s = 0.4, at 16 layers and at 1024."""
    for layers in (16, 1024):
        of_state, of_gradient, estimated = errors(process_of(ResNet(), layers, noise=StateGaussian(0.4)), 400)
        assert of_state > 0.05 and of_gradient > 0.02 and estimated > of_gradient


@random()
def test_the_estimate_is_of_the_size_of_the_error(chance):
    """A heuristic; what its docstring says of it, on 60 networks of its 400: nine in ten within (0.85, 4.9), by exact binomial tails; finds 0.44 fewer.
    All within (0.25, 9.8), with a fifth to spare as these are other draws."""
    ratios = []
    for k in range(60):
        rng, architecture, depth = np.random.default_rng([1, k]), (ResNet(), HeunNet())[k % 2], (smooth, rough)[k // 2 % 2]
        noise, layers = (Noiseless(), Gaussian(0.3), OutputDropout(0.7))[k % 3], int(rng.choice([4, 8, 16, 32, 64]))
        block, dim, size = Perceptron(int(rng.integers(1, 9))), int(rng.integers(2, 6)), rng.uniform(0.3, 1.3)
        _, true, estimated = errors(process_of(architecture, layers, depth, block, noise, dim, k, size))
        ratios.append(estimated / true)
    ratios = np.array(ratios)
    assert ratios.min() > 0.2 and ratios.max() < 12
    chance.frequency(((ratios > 0.85) & (ratios < 4.9)).sum(), 60, 0.9, detects=0.44)


def test_sweeps_of_parts_add_up_to_that_of_the_whole():
    """Sums of the same terms in another order: rounding."""
    process, x = process_of(ResNet(), 8, noise=Gaussian(0.3)), np.ascontiguousarray(starts(60, 3).T)
    ends = process.ends(x, 3, 0)

    def part(lo, hi):
        own = np.ascontiguousarray(ends[:, lo:hi])
        return swept_back(process, np.ascontiguousarray(x[:, lo:hi]), own, 3, lo, own.copy())

    whole, added = part(0, 60), part(0, 25) + part(25, 60)
    assert np.abs(added.gradient - whole.gradient).max() < 1e-13 * np.abs(whole.gradient).max()
    assert abs(added.relative_error - whole.relative_error) < 1e-12 < 1e-3 < whole.relative_error


def test_too_few_layers_are_warned_of_and_enough_are_not():
    x0 = starts(30, 3)
    with pytest.warns(UserWarning, match=r"4 layers .* off by about .*e.* HeunNet"):
        gradient(process_of(ResNet(), 4, size=1.5), x0, Reconstructed())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gradient(process_of(ResNet(), 256), x0, Reconstructed())
        gradient(process_of(ResNet(), 4, size=1.5), x0, QUIET)
        gradient(process_of(RevNet(), 4, dim=4, size=1.5), starts(30, 4), Reconstructed(1e-10))


def test_states_that_run_away_backwards_are_warned_of_and_not_hidden():
    """Weights of 40: backwards, what is a contraction forwards tears the states apart, or past the largest number."""
    with pytest.warns(UserWarning, match="inf|e\\+"):
        gradient(process_of(ResNet(), 60, lambda rng, layers, p: np.tile(40 * rng.normal(size=p), (layers, 1)), size=1.0), starts(5, 3),
                 Reconstructed())


def invertible(layers=4):
    """The toy with the inverse that Euler layers have."""
    process = toy(layers)
    process.exact_inverse = False
    process.inverse = lambda n, x, xi: 2 * x - process.step(n, x, xi)
    return process


def test_any_layered_process_with_an_inverse_will_do():
    """512 layers: an error of O(1/512) times constants of O(1); and the loss is that of stored states."""
    rng = np.random.default_rng(2)
    process = Toy(np.column_stack([np.tile(rng.normal(size=4), (512, 1)), np.zeros((512, 2))]))
    process.exact_inverse, process.inverse = invertible().exact_inverse, lambda n, x, xi: 2 * x - process.step(n, x, xi)
    x0 = starts(9, 2)
    value, exact, _ = sampled_value_and_gradient(process, x0, 3, terminal, 3)
    same, found, _ = sampled_value_and_gradient(process, x0, 3, terminal, 3, activations=QUIET)
    assert same == value and np.abs(found - exact).max() < 10 / 512 * np.abs(exact).max()


@pytest.mark.parametrize("points, paths", [(9, 3), (9, 2000), (1, 20_000)])
def test_bits_depend_neither_on_threads_nor_on_who_walks(points, paths):
    bits, x0 = set(), starts(points, 2)
    for count in (1, 2, 3):
        threads.set_threads(count)
        bits.add(gradient(process_of(ResNet(), 5, noise=Gaussian(0.3), dim=2), x0, QUIET, paths).tobytes())
    with ThreadPoolExecutor(2) as pool:
        bits.add(gradient(process_of(ResNet(), 5, noise=Gaussian(0.3), dim=2), x0, QUIET, paths, executor=pool).tobytes())
    assert len(bits) == 1


def test_the_size_of_pieces_only_regroups_the_sums(monkeypatch):
    """The same terms in another order: rounding, and of the estimate too (it is a sum over pieces)."""
    x0, process = starts(9, 2), process_of(ResNet(), 6, dim=2)
    whole = gradient(process, x0, QUIET, 2000)
    monkeypatch.setattr(import_module("ocnet.particles.partition"), "CHUNK", 700)
    assert np.abs(gradient(process, x0, QUIET, 2000) - whole).max() < 1e-12 * np.abs(whole).max()


def peak(process, x0, activations):
    """Bytes at most held by a gradient beyond what the process holds, which has made its views before."""
    threads.set_threads(1)
    gradient(process, x0[:2], activations)
    memory._waiting.clear()
    tracemalloc.start()
    gradient(process, x0, activations)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    memory._waiting.clear()
    return found


@pytest.mark.parametrize("architecture, deep", [(ResNet(), 1024), (HeunNet(), 128), (RevNet(), 128)], ids=repr)
def test_memory_is_flat_in_depth_but_for_the_gradient_and_linear_where_states_are_stored(architecture, deep, dim=8, points=8192):
    """At most three arrays of the gradient's size are held while pieces are added up; all else is flat to 5 %.  Stored: dim numbers a path
    and layer."""
    x0, shallow = starts(points, dim), 16
    ends = [process_of(architecture, layers, block=Perceptron(1), dim=dim) for layers in (shallow, deep)]
    first, last = (peak(process, x0, QUIET) for process in ends)
    gradients = [8 * process.network.layers * process.network.control.layer_size for process in ends]
    assert last - 3 * gradients[1] < 1.05 * first and last > first
    stored = peak(ends[0], x0, Stored()), peak(process_of(architecture, 2 * shallow, block=Perceptron(1), dim=dim), x0, Stored())
    assert stored[1] - stored[0] > 0.95 * 8 * dim * points * shallow
    assert stored[1] > 3 * last


@pytest.mark.parametrize("architecture", [PolyNet(), FractalNet(), LMResNet()], ids=repr)
def test_architectures_that_cannot_go_back_are_refused(architecture):
    process = process_of(architecture, 4)
    with pytest.raises(ValueError, match=r"need the inverse of a layer.*Stored\(\)"):
        gradient(process, starts(3, 3), Reconstructed())
    with pytest.raises(ValueError, match="need the inverse"):
        gradient(toy(), starts(3, 2), Reconstructed())


def test_a_bar_that_is_no_error_is_refused():
    for bar in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="bar="):
            Reconstructed(bar)


@pytest.mark.parametrize("layers", [3, 30])
def test_a_sweep_holds_a_state_and_its_cotangent_whatever_the_depth_and_a_stored_one_all_states(layers):
    process = process_of(ResNet(), layers)
    assert QUIET.numbers(process) == 3 + 3 and Stored().numbers(process) == 3 * (layers + 1)
