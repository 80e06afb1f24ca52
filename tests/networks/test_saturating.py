"""Blocks whose size is bounded by their numbers, whatever the state."""

import numpy as np
import pytest

from ocnet.networks import Control, blocks
from ocnet.networks.blocks.saturating import Saturating

MEMBERS = [member.example() for member in map(blocks.__dict__.get, blocks.__all__) if isinstance(member, type) and issubclass(member, Saturating)]
ROUNDING = 1e-12                     # a few ulp of sums of a dozen terms of size 1


@pytest.mark.parametrize("block", MEMBERS, ids=repr)
@pytest.mark.parametrize("dim", [1, 2])
def test_no_state_makes_a_block_larger_than_its_numbers_allow(block, dim):
    """At 2000 states of sizes up to 1e3 for each of 50 draws of the numbers; no chance is involved, the bounds are theorems."""
    control, rng = Control(block.layout(dim), 1), np.random.default_rng(5)
    for _ in range(50):
        numbers = rng.normal(size=control.size) * rng.exponential(size=control.size)
        x = rng.normal(size=(dim, 2000)) * 10 ** rng.uniform(-1, 3, size=2000)
        f = block.features(x, control.named(numbers)).output
        assert ((f * f).sum(axis=0) <= block.gain * (numbers * numbers).sum() + ROUNDING).all()
        assert (np.abs(f).max(axis=1) <= block.reach(control.named(np.abs(numbers))) + ROUNDING).all()


def test_both_bounds_are_attained_where_all_units_are_one():
    """tanh is 1 to rounding at 0.1 · 400; then f = 3 b with numbers of b in W2 and b2, and |θ|² is 3 b² but for W1."""
    block, dim = blocks.Perceptron(2), 1
    control = Control(block.layout(dim), 1)
    layer = control.named(numbers := control.zeros())
    layer.W1[:], layer.W2[:], layer.b2[:] = 0.1, 0.7, 0.7
    f = block.features(np.array([[400.0]]), layer).output[0, 0]
    assert abs(f - 2.1) < ROUNDING and abs(block.reach(layer)[0] - f) < ROUNDING
    layer.W1[:] = 0
    assert abs(f * f - block.gain * (numbers * numbers).sum()) < ROUNDING
