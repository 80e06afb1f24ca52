"""The block on a tensor grid by tables against the block at points, value and derivative in the weights."""

import numpy as np
import pytest

from ocnet.kernels import perceptron_on_axes, threads
from ocnet.networks.blocks import Perceptron
from ocnet.networks.blocks.features import Features
from ocnet.networks.blocks.perceptron import _Tables
from ocnet.networks.control import Control

AXES = {1: [np.linspace(-2, 3, 41)], 2: [np.linspace(-4, 4, 23), np.linspace(-1, 2, 37) ** 3],
        3: [np.linspace(-1, 1, 5), np.linspace(-2, 1, 6), np.linspace(0, 2, 17)]}


def layer_of(dim, width, size, seed=0):
    control = Control(Perceptron(width).layout(dim), 1)
    theta = size * np.random.default_rng(seed).normal(size=control.zeros().size)
    return control.layer(theta, 0)


def nodes_of(axes):
    return np.stack([c.ravel() for c in np.meshgrid(*axes, indexing="ij")])


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("width, size", [(16, 1.0), (5, 0.1), (7, 30.0), (4, 300.0), (1, 1.0), (6, 60.0)])
def test_values_are_those_of_the_block_at_the_nodes(dim, width, size):
    axes, layer, block = AXES[dim], layer_of(dim, width, size), Perceptron(width)
    x = nodes_of(axes)
    exact = layer.W2 @ np.tanh(layer.W1 @ x + layer.b1[:, None]) + layer.b2[:, None]
    # arguments of tanh err by an ulp of their largest term; then a few ulp of the sum of |W2|
    argument = np.abs(layer.W1 @ x).max() + np.abs(layer.b1).max()
    bound = 4e-16 * (4 + argument) * (1 + np.abs(layer.W2).sum() + np.abs(layer.b2).max())
    assert np.abs(block.features_on_axes(axes, layer).output - exact).max() < bound


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("width, size", [(16, 1.0), (5, 0.1), (7, 30.0), (6, 60.0)])
def test_the_derivative_in_the_weights_is_that_of_the_block_at_the_nodes(dim, width, size):
    axes, layer, block = AXES[dim], layer_of(dim, width, size), Perceptron(width)
    x = nodes_of(axes)
    c = np.random.default_rng(1).normal(size=x.shape)
    plain = block.vector_jacobian(x, layer, Features(c))[1]
    found = block.weights_vjp_on_axes(axes, layer, Features(c))
    scale = np.abs(c).sum() * (1 + np.abs(layer.W2).sum()) * (1 + np.abs(x).max())
    assert np.abs(found - plain).max() < 1e-15 * scale * (4 + np.abs(layer.W1 @ x).max())      # ulp of sums and of arguments


@pytest.mark.parametrize("rows", [12, 13, 14, 15, 16])
def test_no_row_is_lost_however_rows_are_cut_into_tiles(rows, monkeypatch):
    """Tiles of four rows, the last of which has one to four: the same bits as in one tile, and derivatives of the same terms in another order."""
    axes, layer, block = [np.linspace(-4, 4, rows), np.linspace(-1, 2, 9)], layer_of(2, 5, 1.0), Perceptron(5)
    c = Features(np.random.default_rng(1).normal(size=(2, 9 * rows)))
    whole = block.features_on_axes(axes, layer).output, block.weights_vjp_on_axes(axes, layer, c)
    monkeypatch.setattr("ocnet.networks.blocks.perceptron._FEW", 0)
    monkeypatch.setattr("ocnet.networks.blocks.perceptron._NODES", -(-9 * rows // 4))
    assert (block.features_on_axes(axes, layer).output == whole[0]).all()
    # 144 terms of at most 4 · 4 · (1 + Σ |W2|) each are added in two orders
    assert np.abs(block.weights_vjp_on_axes(axes, layer, c) - whole[1]).max() < 144 * 2.0**-52 * 16 * (1 + np.abs(layer.W2).sum()) * 144


def test_bits_do_not_depend_on_the_number_of_threads():
    axes, layer, block = [np.linspace(-4, 4, 300), np.linspace(-4, 4, 200)], layer_of(2, 16, 1.0), Perceptron(16)
    c = Features(np.random.default_rng(1).normal(size=(2, 60000)))
    before, seen = threads.threads(), []
    try:
        for count in (1, 2, 3):
            threads.set_threads(count)
            seen.append((block.features_on_axes(axes, layer).output, block.weights_vjp_on_axes(axes, layer, c)))
    finally:
        threads.set_threads(before)
    assert all((a == b).all() for other in seen[1:] for a, b in zip(seen[0], other))


@pytest.mark.parametrize("smooth, steep", [(0, 1), (1, 1), (1, 4), (4, 3), (5, 2)])
def test_tables_have_room_for_the_units_that_fill_up_fours(smooth, steep):
    """Where the last of the steep units goes: behind as many as three of no weight."""
    layer = layer_of(2, smooth + steep, 1.0)
    layer.W1[smooth:] *= 1e6
    tables = _Tables(AXES[2], layer)
    assert tables.counts[0] == -(-smooth // 4) * 4 and tables.counts[1] == tables.counts[0] + steep
    assert min(len(table) for table in tables.arguments[:4]) >= tables.counts[1] <= tables.w2.shape[1]


def test_each_kernel_is_compiled_once():
    Perceptron(3).features_on_axes(AXES[2], layer_of(2, 3, 1.0))
    assert len(perceptron_on_axes.forward.signatures) <= 2 and len(perceptron_on_axes.weights_vjp.signatures) <= 2
