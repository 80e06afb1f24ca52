"""Memory that was promised to be bounded is, by Python's own ledger of allocations."""

import gc
import tracemalloc

import numpy as np
import pytest

from ocnet import estimate, solve_backward
from ocnet.kernels import memory
from ocnet.kolmogorov import gradient
from ocnet.particles import Reconstructed, Stored, over_ends, partition, pathwise
from ocnet.particles.pathwise import sampled_value_and_gradient

from .subjects import _box, _coupled, _problem, _setting, _squares

STEPS, OBJECTS = 16, 20_000            # of Python itself, bytes
CASES = {"line": (_problem(1, 0), _box(1, 2001)), "fused plane": (_problem(2, 0), _box(2, 41)), "split plane": (_coupled(0), _box(2, 41)),
         "space": (_problem(3, 0), _box(3, 11))}


def peak(call, warm=None):
    """Bytes allocated at most while `call` runs, after a call of `warm` or of itself; what it returns lives to the end."""
    (warm or call)()
    gc.collect()
    memory._waiting.clear()
    tracemalloc.start()
    try:
        kept = call()                # noqa: F841 — its memory counts
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", CASES)
def test_a_gradient_keeps_values_within_max_memory(name):
    """1.1 max_memory over what the least memory takes, of which 2 fields are kept values; all 48 states would be twice as much."""
    problem, grid = CASES[name]
    field, ones = 8 * grid.size, np.ones(grid.size)
    walk = lambda fields: peak(lambda: gradient(problem, grid, ones, 48, collect=lambda *found: None, max_memory=fields * field),
                               lambda: gradient(problem, grid, ones, 2))
    least = walk(2) - 2 * field
    assert walk(24) - least <= 1.1 * 24 * field + OBJECTS
    with pytest.raises(ValueError, match=f"max_memory=.* bytes hold 1 .*max_memory={2 * field} or more"):
        gradient(problem, grid, ones, STEPS, max_memory=1.9 * field)


@pytest.mark.parametrize("name", CASES)
def test_a_solve_keeps_values_within_max_memory_also_when_it_is_asked_for_all(name):
    problem, grid = CASES[name]
    field, without = 8 * grid.size, peak(lambda: solve_backward(problem, grid, STEPS))

    def asked(fields):
        value = solve_backward(problem, grid, STEPS, max_memory=fields * field)
        for k in range(STEPS + 1):
            value.between.values(k)
        return value

    assert peak(lambda: asked(4)) - without <= 1.1 * 4 * field + OBJECTS
    assert 4 * field <= peak(lambda: asked(12)) - without <= 1.1 * 12 * field + OBJECTS


def test_memory_of_an_estimate_does_not_grow_with_the_number_of_paths():
    """From 64 chunks, a task each, to 256: as much to 10 %, where a number a path would be ten times as much."""
    few, many = (peak(lambda: estimate(_problem(2, 0), [[0.0, 0.0]], chunks * partition.CHUNK, 2),
                          lambda: estimate(_problem(2, 0), [[0.0, 0.0]], 2 * partition.CHUNK, 2)) for chunks in (64, 256))
    assert many <= 1.1 * few < 8 * 256 * partition.CHUNK / 5


def test_memory_of_a_walk_over_many_points_does_not_grow_with_them():
    network = _setting(0).network
    process, seen = network.layered(network.initialise(0)), []
    walk = lambda points: peak(lambda: over_ends(process, np.zeros((points, 2)), 64, lambda ends, rows: seen.append(ends.sum())))
    few, many = walk(2048), walk(8192)
    assert many - few <= 0.1 * 8192 * 64 * 16                # the ends alone would be that; the points themselves are a 64th of them


def test_stored_trajectories_stay_within_their_bound(monkeypatch):
    """64 layers of 40 000 paths are 41 MB; a chunk may store 8 MB, and holds ends and cotangents, three fields of its paths, besides."""
    monkeypatch.setattr(pathwise, "_KEPT", 1 << 20)
    monkeypatch.setattr(pathwise, "_PIECE", 1 << 17)
    paths, network = 40_000, _setting(0, layers=64).network
    process = network.layered(network.initialise(0))
    run = lambda activations: peak(lambda: sampled_value_and_gradient(process, np.zeros((1, 2)), paths, _squares, activations=activations))
    assert run(Stored()) <= 1.1 * (8 << 20) + 6 * 16 * paths < 64 * 16 * paths / 2


def test_reconstructed_states_take_memory_that_does_not_grow_with_depth():
    def run(layers):
        network = _setting(0, layers=layers).network
        process = network.layered(network.initialise(0) * 0.1)
        return peak(lambda: sampled_value_and_gradient(process, np.zeros((1, 2)), 8192, _squares, activations=Reconstructed(bar=np.inf)))

    shallow, deep = run(8), run(64)
    assert deep <= 1.1 * shallow + 8 * 3 * 56 * 42           # θ, the gradient and a sum of it grow with depth: 42 numbers a layer
