"""Recycled memory is handed on only when the array and all views of it are gone."""

import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ocnet.kernels import memory

SIZE = (3, 5000)


@pytest.fixture(autouse=True)
def nothing_waits(monkeypatch):
    monkeypatch.setattr(memory, "_waiting", {})
    monkeypatch.setattr(memory, "_died", {})


def address(array):
    return array.__array_interface__["data"][0]


def test_memory_is_used_again_once_nobody_looks_at_it():
    first = memory.empty(SIZE)
    place, view = address(first), first.T[2:7]
    view[:] = 3.0
    del first
    gc.collect()
    second = memory.empty(SIZE)                        # the view still lives: other memory
    second.fill(-1.0)
    assert address(second) != place and (view == 3.0).all()
    del view
    gc.collect()
    assert address(memory.empty(SIZE)) == place


def test_arrays_are_plain_float64_of_the_shape_asked_for():
    for shape in (SIZE, (2, 2), 40_000, (0, 7)):
        out = memory.zeros(shape)
        assert out.dtype == np.float64 and out.flags.c_contiguous and out.flags.writeable and (out == 0).all()
        assert out.shape == np.empty(shape).shape == memory.empty_like(out).shape


def test_no_more_than_the_limit_waits(monkeypatch):
    monkeypatch.setattr(memory, "_MOST", 40_000)
    kept = [memory.empty(SIZE) for _ in range(5)]
    del kept
    gc.collect()
    assert sum(len(stack) for stack in memory._waiting.values()) == 2


def test_the_sizes_used_last_are_those_that_wait(monkeypatch):
    monkeypatch.setattr(memory, "_MOST", 100_000)
    for size in range(10_000, 60_000, 10_000):
        memory.empty(size)
        gc.collect()
    assert list(memory._waiting) == [40_000, 50_000] and list(memory._died) == list(memory._waiting)


def test_a_size_that_nobody_asks_for_any_longer_is_given_up(monkeypatch):
    monkeypatch.setattr(memory, "_AGE", 10)
    memory.empty(20_000)
    for _ in range(10):
        memory.empty(10_000)
    assert list(memory._waiting) == [20_000, 10_000]
    memory.empty(10_000)
    assert list(memory._waiting) == list(memory._died) == [10_000]


def test_threads_never_share_memory():
    def work(k):
        for _ in range(200):
            out = memory.empty(SIZE)
            out.fill(k)
            if not (out == k).all():
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
