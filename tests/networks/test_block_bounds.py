"""Bounds of blocks are bounds, at points and numbers drawn to find a violation, and are attained where they can be."""

import numpy as np
import pytest

from ocnet.networks import blocks as family
from ocnet.networks.control import Control

BOUNDED = [getattr(family, name).example() for name in family.__all__ if hasattr(getattr(family, name), "bounds")]


def test_some_blocks_have_bounds():
    assert {type(block).__name__ for block in BOUNDED} >= {"Affine", "Perceptron", "Sine"}


@pytest.mark.parametrize("block", BOUNDED, ids=repr)
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_no_point_and_no_numbers_between_exceed_the_bounds(block, dim):
    """They are theorems, so no false alarm but by rounding; 40 pairs of numbers, 300 points each, small and large weights."""
    control, rng = Control(block.layout(dim), 1), np.random.default_rng(dim)
    for _ in range(40):
        first, second = 10.0 ** rng.uniform(-1, 0.7) * rng.normal(size=(2, control.layer_size))
        bounds = block.bounds(control.named(first), control.named(second))
        x = rng.normal(size=(dim, 300)) * 10.0 ** rng.uniform(-1, 1, 300)
        layer = control.named(first + rng.uniform() * (second - first))
        f, size = block.features(x, layer).output, np.linalg.norm(x, axis=0)
        assert (np.linalg.norm(f, axis=0) <= (bounds.size + bounds.growth * size) * (1 + 1e-12)).all()
        jacobian = np.moveaxis(block.jacobian(x, layer), 2, 0)
        assert np.linalg.norm(jacobian, 2, axis=(1, 2)).max() <= bounds.lipschitz * (1 + 1e-12)
        ends = [block.features(x, control.named(numbers)).output for numbers in (first, second)]
        allowed = bounds.jump + bounds.jump_growth * size
        assert (np.linalg.norm(ends[1] - ends[0], axis=0) <= allowed * (1 + 1e-12)).all()
        h = 1e-4                                                    # ∂_θ f [θ₁ − θ₀] by central differences: off by h² f''' < 1e-3 of the bound
        moved = [block.features(x, control.named(layer_numbers(layer) + s * h * (second - first))).output for s in (-1, 1)]
        assert (np.linalg.norm(moved[1] - moved[0], axis=0) / (2 * h) <= allowed * (1 + 1e-3)).all()


def layer_numbers(layer):
    """(p,) numbers of named views."""
    return np.concatenate([view.ravel() for view in vars(layer).values()])


@pytest.mark.parametrize("block", [family.Perceptron(1), family.Sine(1)], ids=repr)
def test_one_unit_attains_its_lipschitz_constant(block):
    control, numbers = Control(block.layout(1), 1), np.array([2.0, -0.5, 3.0, 0.1])
    layer = control.named(numbers)
    steepest = block.jacobian(np.array([[0.25]]), layer)[0, 0, 0]       # where W₁ x + b₁ = 0
    assert abs(block.bounds(layer, layer).lipschitz - steepest) < 1e-12 and block.bounds(layer, layer).jump == 0
