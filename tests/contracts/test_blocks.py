"""What every block promises: features, their transpose, and the derivatives that modified equations need."""

from dataclasses import fields

import numpy as np
import pytest

from ocnet.networks import blocks as family
from ocnet.networks.blocks import BlockAt, Features
from ocnet.networks.control import Control

MEMBERS = [getattr(family, name).example() for name in family.__all__ if hasattr(getattr(family, name), "example")]
every = pytest.mark.parametrize("block", MEMBERS, ids=repr)
NAMES = tuple(field.name for field in fields(Features))


def setting(block, dim=2, points=5, seed=0):
    control, rng = Control(block.layout(dim), 1), np.random.default_rng(seed)
    return control, block.initial(dim, rng), rng.normal(size=(dim, points))


def features(block, control, numbers, x):
    return BlockAt(block, control.layer(numbers, 0), x, block.shows).features


def slope(function, h=1e-3):
    """Derivative at 0, seven points: error h⁶ times a seventh derivative /140, and 1e-15/h."""
    return (45 * (function(h) - function(-h)) - 9 * (function(2 * h) - function(-2 * h)) + function(3 * h) - function(-3 * h)) / (60 * h)


@every
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_initial_numbers_fill_the_layout(block, dim):
    control, numbers, x = setting(block, dim)
    assert numbers.shape == (control.layer_size,) and np.isfinite(numbers).all()
    assert features(block, control, numbers, x).output.shape == x.shape


@every
def test_a_block_shows_what_it_says(block):
    shown = features(block, *setting(block)[:2], setting(block)[2])
    assert {name for name in NAMES if getattr(shown, name) is not None} >= set(block.shows)
    if "branches" in block.shows:
        assert np.abs(shown.branches.mean(axis=0) - shown.output).max() < 1e-15
    if "hidden" in block.shows:
        control, numbers, _ = setting(block)
        assert np.abs(shown.last_weights @ shown.hidden + control.layer(numbers, 0).b2[:, None] - shown.output).max() < 1e-14


@every
def test_vector_jacobian_is_the_transpose_for_every_feature(block):
    control, numbers, x = setting(block)
    rng, shown = np.random.default_rng(1), features(block, control, numbers, x)
    d_numbers, dx = rng.normal(size=numbers.shape), rng.normal(size=x.shape)
    for name in block.shows:
        cotangent = rng.normal(size=getattr(shown, name).shape)
        back, gradient = BlockAt(block, control.layer(numbers, 0), x, block.shows).vector_jacobian(Features(**{name: cotangent}))
        along = slope(lambda h: (cotangent * getattr(features(block, control, numbers + h * d_numbers, x + h * dx), name)).sum())
        assert abs(along - (back * dx).sum() - gradient @ d_numbers) < 1e-9                # seventh derivatives up to 1e5


@every
def test_jacobian_products_jacobians_and_laplacians_are_derivatives(block):
    control, numbers, x = setting(block)
    layer, v = control.layer(numbers, 0), np.random.default_rng(2).normal(size=x.shape)
    along = slope(lambda h: features(block, control, numbers, x + h * v).output)
    assert np.abs(block.jacobian_product(x, layer, v) - along).max() < 1e-10
    assert np.abs(np.einsum("ikn,kn->in", block.jacobian(x, layer), v) - along).max() < 1e-10
    second = sum(slope(lambda h, e=e: block.jacobian_product(x + h * e[:, None], layer, np.repeat(e[:, None], x.shape[1], axis=1)))
                 for e in np.eye(len(x)))
    assert np.abs(block.laplacian(x, layer) - second).max() < 1e-9


@every
def test_a_point_does_not_feel_the_others(block):
    control, numbers, x = setting(block, points=300)
    layer = control.layer(numbers, 0)
    whole, c = block.features(x, layer).output, np.ones_like(x)
    for lo, hi in ((0, 1), (7, 290)):
        part = np.ascontiguousarray(x[:, lo:hi])
        assert block.features(part, layer).output.tobytes() == np.ascontiguousarray(whole[:, lo:hi]).tobytes()
        back = block.vector_jacobian(part, layer, Features(c[:, lo:hi]))[0]
        assert back.tobytes() == np.ascontiguousarray(block.vector_jacobian(x, layer, Features(c))[0][:, lo:hi]).tobytes()


def test_features_add_field_by_field():
    a, b = Features(output=np.ones(3)), Features(output=np.ones(3), state=np.full(3, 2.0))
    total = a + b
    assert total.output.tolist() == [2] * 3 and total.state.tolist() == [2] * 3 and total.hidden is None


def test_a_sine_block_has_its_period():
    control, numbers, x = setting(family.Sine.example())
    layer = control.layer(numbers, 0)
    moved = family.Sine.example().features(x + family.Sine.period, layer).output
    assert np.abs(moved - family.Sine.example().features(x, layer).output).max() < 1e-13


def test_aggregated_branches_are_a_sum_of_perceptrons_without_their_last_shifts():
    """Σ_c f_c over branches cut out by hand: rounding of six terms of size 1."""
    block, x = family.Aggregated(each=2, cardinality=3), np.random.default_rng(3).normal(size=(2, 7))
    control = Control(block.layout(2), 1)
    numbers = np.random.default_rng(4).normal(size=control.layer_size)
    layer, total = control.layer(numbers, 0), 0.0
    for c in range(3):
        total = total + layer.W2[:, c] @ np.tanh(layer.W1[c] @ x + layer.b1[c][:, None])
    assert np.abs(block.features(x, layer).output - total - layer.b2[:, None]).max() < 1e-14
    whole = family.Perceptron(6)
    assert block.gain == whole.gain == 7
    assert block.reach(control.named(np.abs(numbers))).tolist() == whole.reach(Control(whole.layout(2), 1).named(np.abs(numbers))).tolist()
    for made in (lambda: family.Aggregated(0), lambda: family.Aggregated(2, 1.5)):
        with pytest.raises(ValueError, match="is not a whole number ≥ 1"):
            made()


@pytest.mark.parametrize("block", [block for block in MEMBERS if hasattr(block, "features_on_axes")], ids=repr)
def test_nodes_of_a_grid_are_points(block):
    """The fast way against the points one by one: products of exponentials lose some ulps of arguments below 10, 1e-13 of sums of six units."""
    control, numbers, _ = setting(block)
    axes, layer = (np.linspace(-2, 2, 7), np.linspace(-1, 3, 9)), control.layer(numbers, 0)
    x = np.stack([c.ravel() for c in np.meshgrid(*axes, indexing="ij")])
    c = np.random.default_rng(5).normal(size=x.shape)
    assert np.abs(block.features_on_axes(axes, layer).output - block.features(x, layer).output).max() < 1e-13
    found = block.weights_vjp_on_axes(axes, layer, Features(c)), block.vector_jacobian(x, layer, Features(c))[1]
    assert np.abs(found[0] - found[1]).max() < 1e-11                   # sums of 63 products
