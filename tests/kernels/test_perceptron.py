"""The perceptron kernel against its formula in NumPy, and its transpose against a complex step of that formula."""

import numpy as np
import pytest

from ocnet.kernels import perceptron

SIZES = [(1, 1, 1), (1, 5, 300), (2, 16, 777), (3, 4, 256), (5, 33, 513)]          # d, hidden, points; tiles are of 256
every_size = pytest.mark.parametrize("size", SIZES)


def formula(x, w1, b1, w2, b2):
    return w2 @ np.tanh(w1 @ x + b1[:, None]) + b2[:, None]


def setting(size, seed=0):
    d, hidden, points = size
    rng = np.random.default_rng(seed)
    return rng.normal(size=(d, points)), [rng.normal(size=s) for s in ((hidden, d), (hidden,), (d, hidden), (d,))], \
        rng.normal(size=(d, points))


def flat(weights):
    return [w.ravel() for w in weights]


def transposed(x, weights, cotangent, cuts, hidden_cotangent=None):
    out, gradients = np.full_like(x, np.nan), [np.zeros_like(w) for w in weights]
    more = np.empty((0, x.shape[1])) if hidden_cotangent is None else hidden_cotangent
    for lo, hi in zip(cuts, cuts[1:]):
        perceptron.vector_jacobian(x, *flat(weights), cotangent, more, lo, hi, out, *flat(gradients))
    return out, gradients


@every_size
def test_forward_is_the_formula(size):
    x, weights, _ = setting(size)
    out = np.full_like(x, np.nan)
    perceptron.forward(x, *flat(weights), 0, size[2], out)
    # H terms of weight |w₂| ≤ 4, each off by the error of its pre-activation (some ulps of at most 10) and of tanh: 4 H · 2e-15
    assert np.abs(out - formula(x, *weights)).max() < 8e-15 * size[1]


@every_size
def test_only_the_range_is_written(size):
    x, weights, cotangent = setting(size)
    whole, out = np.empty_like(x), np.full_like(x, np.nan)
    perceptron.forward(x, *flat(weights), 0, size[2], whole)
    lo, hi = size[2] // 3, size[2] // 3 + (size[2] + 1) // 2
    perceptron.forward(x, *flat(weights), lo, hi, out)
    assert np.isnan(out[:, :lo]).all() and np.isnan(out[:, hi:]).all()
    assert out[:, lo:hi].tobytes() == whole[:, lo:hi].tobytes()
    back, _ = transposed(x, weights, cotangent, (lo, hi))
    assert np.isnan(back[:, :lo]).all() and np.isnan(back[:, hi:]).all() and np.isfinite(back[:, lo:hi]).all()


@every_size
def test_vector_jacobian_is_the_transpose_by_a_complex_step(size, h=1e-30):
    """⟨c, f′ v⟩ by a complex step has no truncation error; along random directions v of x and of each weight."""
    x, weights, cotangent = setting(size)
    back, gradients = transposed(x, weights, cotangent, (0, size[2]))
    everything = [x, *weights]
    for k, result in enumerate([back, *gradients]):
        v = np.random.default_rng(k).normal(size=result.shape)
        moved = [a + (1j * h * v if i == k else 0) for i, a in enumerate(everything)]
        along = cotangent * (formula(*moved).imag / h)
        terms = size[0] * size[1] * size[2]
        # a sum of `terms` products: their rounding adds up like a random walk, 10 times which is never met
        assert abs(along.sum() - (result * v).sum()) < 1e-14 * max(np.abs(along).sum(), np.sqrt(terms))


@every_size
def test_hidden_units_and_their_cotangent(size, h=1e-30):
    """hidden is tanh(W₁ x + b₁); a cotangent of it, beside that of f, comes back as the derivative says (complex step)."""
    x, weights, cotangent = setting(size)
    more = np.random.default_rng(9).normal(size=(size[1], size[2]))
    out = np.full_like(more, np.nan)
    perceptron.hidden(x, *flat(weights)[:2], 0, size[2], out)
    assert np.abs(out - np.tanh(weights[0] @ x + weights[1][:, None])).max() < 8e-15          # as above, one unit
    back, gradients = transposed(x, weights, cotangent, (0, size[2]), more)
    for k, result in enumerate([back, *gradients]):
        v = np.random.default_rng(k).normal(size=result.shape)
        moved = [a + (1j * h * v if i == k else 0) for i, a in enumerate([x, *weights])]
        along = (cotangent * (formula(*moved).imag / h)).sum() + (more * (np.tanh(moved[1] @ moved[0] + moved[2][:, None]).imag / h)).sum()
        scale = np.abs(cotangent).sum() * np.abs(v).max() * size[1] + np.abs(more).sum() * np.abs(v).max()
        assert abs(along - (result * v).sum()) < 1e-14 * max(scale, 1.0)


def test_gradients_add_over_ranges():
    x, weights, cotangent = setting((2, 16, 777))
    whole, pieces = (transposed(x, weights, cotangent, cuts) for cuts in ((0, 777), (0, 100, 101, 500, 777)))
    assert whole[0].tobytes() == pieces[0].tobytes()       # points do not feel their neighbours
    for a, b in zip(whole[1], pieces[1]):
        assert np.abs(a - b).max() < 1e-13 * np.sqrt(777) * max(1, np.abs(a).max())        # sums of 777 terms, regrouped


def test_a_dropped_term_of_the_transpose_would_be_caught(h=1e-30):
    """What must fail: without the factor 1 − tanh² the products differ by their own size."""
    x, (w1, b1, w2, b2), c = setting((2, 16, 777))
    v = np.ones_like(x)
    exact = (c * (formula(x + 1j * h * v, w1, b1, w2, b2).imag / h)).sum()
    assert abs((c * (w2 @ (w1 @ v))).sum() - exact) > 0.1 * abs(exact)


def test_each_kernel_is_compiled_once():
    """For all sizes; other tests of the process may have asked for other types."""
    counts = set()
    for size in SIZES:
        x, weights, cotangent = setting(size)
        perceptron.forward(x, *flat(weights), 0, size[2], np.empty_like(x))
        transposed(x, weights, cotangent, (0, size[2]))
        counts.add((len(perceptron.forward.signatures), len(perceptron.vector_jacobian.signatures)))
    assert len(SIZES) > 1 and len(counts) == 1
