"""All layers at once against the layers one by one: ends, states and reverse sweep, for every pair of block and noise that is fused."""

import numpy as np
import pytest

from ocnet.kernels import perceptron_paths
from ocnet.networks import ResidualNetwork
from ocnet.networks import noise as family
from ocnet.networks.blocks import Affine, Perceptron
from tests.chance import random, seed

FUSED = [family.Noiseless(), family.Gaussian(0.4), family.Gaussian(0.4, "natural"), family.RademacherNoise(0.3), family.CentredBernoulli(0.7, 0.3),
         family.MultiplicativeGaussian(0.6), family.BlockGaussian(0.5), family.StateGaussian(0.3), family.OutputDropout(0.7),
         family.OutputDropout(0.7, rescaled=False), family.CentredDropout(0.6), family.StochasticDepth(0.6),
         family.StochasticDepth(0.5, schedule="linear"), family.StochasticDepth(0.5, rescaled=False, schedule="linear"),
         family.HiddenDropout(0.5), family.HiddenDropout(0.5, "diffusive"), family.InputDropout(0.6), family.StrongDropout(0.8),
         family.OutputDropout(1.0)]
LAYERED = [family.DropConnect(0.7), family.InputDropout(0.6, "diffusive")]
SIZES = [(1, 3, 5), (2, 16, 777), (5, 11, 300)]                          # d, hidden, paths; tiles are of 256 paths and 8 units
each = pytest.mark.parametrize("noise", FUSED, ids=repr)
every_size = pytest.mark.parametrize("size", SIZES)


def both(noise, size, layers=4):
    """The layers as they come, the same one by one, and start states."""
    dim, width, paths = size
    network = ResidualNetwork(Perceptron(width), noise, layers, dim=dim)
    theta = 3 * network.initialise(1)
    fused, plain = network.layered(theta), network.layered(theta)
    plain.fused = plain._carrier = None
    return fused, plain, np.random.default_rng(0).normal(size=(dim, paths))


@each
@every_size
def test_paths_are_those_of_the_layers(noise, size):
    """Rounding: some ulps of sums of `width` terms of size up to 10, through four layers that stretch by up to 5 each."""
    fused, plain, x = both(noise, size)
    assert fused.fused is not None
    exact = plain.trajectory(x, 9, 1000)
    states = fused.trajectory(x, 9, 1000)
    assert np.abs(states - exact).max() < 1e-12
    assert fused.ends(x, 9, 1000).tobytes() == np.ascontiguousarray(states[-1]).tobytes()
    assert np.abs(fused.ends(x, 10, 1000) - exact[-1]).max() > 1e-3 or noise.additive == 0     # what must fail: another seed


@each
@every_size
def test_reverse_sweep_is_that_of_the_layers(noise, size):
    fused, plain, x = both(noise, size)
    states, cotangent = plain.trajectory(x, 9, 0), np.random.default_rng(1).normal(size=x.shape)
    kept = cotangent.copy()
    gradient, exact = fused.reverse(states, 9, 0, cotangent), plain.reverse(states, 9, 0, cotangent)
    assert (cotangent == kept).all() and gradient.shape == exact.shape
    assert np.abs(gradient - exact).max() < 1e-12 * np.abs(exact).max()                        # sums of 777 terms, regrouped


@pytest.mark.parametrize("noise", LAYERED, ids=repr)
def test_what_is_not_fused_goes_layer_by_layer(noise):
    fused, _, x = both(noise, SIZES[0])
    assert fused.fused is None and fused.ends(x, 1, 0).shape == x.shape
    assert ResidualNetwork(Affine(), family.Gaussian(0.1), 2).layered(np.zeros(15)).fused is None


@pytest.mark.parametrize("noise", [family.Gaussian(0.4), family.HiddenDropout(0.5), family.BlockGaussian(0.5)], ids=repr)
@random(comparisons=4)
def test_single_precision_has_the_same_law(noise, chance, paths=100_000):
    """Means of x and x² by other draws of the same law, and 1e-5 of rounding; finds 3 % of their deviations."""
    fused, _, _ = both(noise, (2, 16, 1))
    x = np.zeros((2, paths))
    single = fused.network.layered(fused.theta, precision="single")
    out = single.ends(x, seed(3), 0)
    assert out.dtype == np.float64 and (out == out.astype(np.float32)).all()
    *_, last = single.states(x, seed(3), 0)
    assert last.tobytes() == out.tobytes()
    for power in (1, 2):
        a, b = fused.ends(x, seed(3), 0) ** power, out**power
        deviation = np.hypot(a.std(axis=1), b.std(axis=1))
        chance.mean(a.mean(axis=1), b.mean(axis=1), deviation / np.sqrt(paths), detects=0.03 * deviation, slack=1e-5)


@pytest.mark.parametrize("noise", FUSED[:6], ids=repr)
def test_gradients_in_single_precision_are_those_in_double_along_the_same_states(noise):
    """The reverse sweep alone: double on the single states widened, with the draws of the single sweep narrowed, is its oracle."""
    fused, _, _ = both(noise, (2, 16, 1))
    single = fused.network.layered(fused.theta, precision="single")
    x = np.random.default_rng(0).normal(size=(2, 1000))
    states, back = single.trajectory(x, 3, 7), np.random.default_rng(1).normal(size=(2, 1000))
    assert states.dtype == np.float32 and (states[-1] == single.ends(x, 3, 7)).all()
    gradient = single.reverse(states, 3, 7, back)
    assert gradient.dtype == np.float64
    parts = [single.reverse(np.ascontiguousarray(states[:, :, k:k + 250]), 3, 7 + k, back[:, k:k + 250]) for k in range(0, 1000, 250)]
    # one wrong path of a thousand would show at 1e-3; rounding is 6e-8 of each term, 1000 terms, 5 layers
    assert np.abs(sum(parts) - gradient).max() < 1e-5 * np.abs(gradient).max()
    if noise.additive is not None or isinstance(noise, family.Noiseless):
        wide = fused.fused.carry_back(states.astype(np.float64), 3, 7, back.copy())       # additive noise is not drawn again: the same sweep
        assert np.abs(wide - gradient).max() < 1e-5 * np.abs(wide).max()


def of_squares(process, x, key):
    """Gradient of the mean of |X_N|² over the paths, with one seed."""
    states = process.trajectory(x, key, 0)
    return process.reverse(states, key, 0, 2 * states[-1].astype(float) / x.shape[1]).ravel()


@random(comparisons=3 * 5 * 82)
def test_gradients_in_single_precision_have_the_mean_of_those_in_double(chance):
    """48 independent gradients each, every component; found is a tenth of the largest component.

    Components that vary by less than the slack are within it, not of the law: measured under five seeds, they are apart by up to 9e-9 of the largest (up to
    195 of their standard errors), and the others have scores of mean square 0.65 to 1.09.
    """
    for noise in (family.Gaussian(0.4), family.HiddenDropout(0.5), family.OutputDropout(0.6)):
        fused, _, _ = both(noise, (2, 16, 1))
        single, x = fused.network.layered(fused.theta, precision="single"), np.zeros((2, 4096))
        draws = [np.stack([of_squares(process, x, seed(k)) for k in range(48)]) for process in (fused, single)]
        # 1 − tanh² of a saturated unit is wrong by 6e-8 of 1, of which five layers make 1e-6 of the largest component at most
        error = np.hypot(*(d.std(axis=0, ddof=1) for d in draws)) / np.sqrt(48)
        a, b = (d.mean(axis=0) for d in draws)
        chance.mean(a, b, error, detects=0.1 * np.abs(a).max(), slack=1e-6 * np.abs(draws[0]).max(), freedom=47)


def test_single_precision_is_refused_where_there_is_no_fused_kernel():
    with pytest.raises(ValueError, match="precision='single' needs a fused kernel"):
        ResidualNetwork(Perceptron(2), family.DropConnect(0.5), 2).layered(np.zeros(27), precision="single")
    with pytest.raises(ValueError, match="precision='half'"):
        ResidualNetwork(Perceptron(2), family.Gaussian(0.5), 2).layered(np.zeros(27), precision="half")


def test_two_compilations_serve_all_noise_and_sizes():
    for noise in FUSED[:6]:
        for size in SIZES:
            fused, _, x = both(noise, size, layers=2)
            fused.reverse(fused.trajectory(x, 1, 0), 1, 0, np.ones_like(x))
    assert len(perceptron_paths.carry.signatures) <= 2 and len(perceptron_paths.carry_back.signatures) <= 2
