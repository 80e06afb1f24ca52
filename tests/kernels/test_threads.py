"""Chunks: each done once, whatever the number of threads; errors reach the caller; nothing can be locked up."""

import threading

import numpy as np
import pytest

from ocnet.kernels import cores, threads


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("size, chunk", [(0, 4), (1, 4), (4, 4), (5, 4), (1000, 7)])
def test_every_item_is_served_once_by_the_same_partition(count, size, chunk):
    threads.set_threads(count)
    served, pieces, lock = np.zeros(size, dtype=int), [], threading.Lock()

    def work(lo, hi):
        served[lo:hi] += 1
        with lock:
            pieces.append((lo, hi))

    threads.over_chunks(work, size, chunk)
    assert (served == 1).all()
    assert sorted(pieces) == [(lo, min(lo + chunk, size)) for lo in range(0, size, chunk)]


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_in_a_chunk_reaches_the_caller_and_the_pool_survives_it(count):
    threads.set_threads(count)

    def fail(lo, hi):
        if lo == 6:
            raise ZeroDivisionError("piece 6")

    with pytest.raises(ZeroDivisionError, match="piece 6"):
        threads.over_chunks(fail, 12, 2)
    done = []
    threads.over_chunks(lambda lo, hi: done.append(lo), 12, 2)
    assert sorted(done) == list(range(0, 12, 2))


def test_work_started_inside_a_chunk_stays_on_its_thread_and_cannot_lock_the_pool():
    threads.set_threads(2)
    homes = []

    def outer(lo, hi):
        here = threading.get_ident()
        threads.over_chunks(lambda a, b: homes.append(threading.get_ident() == here), 8, 1)

    threads.over_chunks(outer, 6, 1)                       # more outer pieces than threads, each waiting for inner ones
    assert len(homes) == 48 and all(homes)


def test_more_than_one_thread_takes_part(parties=2):
    threads.set_threads(parties)
    meeting = threading.Barrier(parties, timeout=20)       # passes only when two pieces are under way at once
    threads.over_chunks(lambda lo, hi: meeting.wait(), parties, 1)
    assert not meeting.broken


def test_concurrent_callers_do_not_disturb_each_other():
    threads.set_threads(2)
    sums = np.zeros((8, 50), dtype=int)

    def caller(k):
        for _ in range(20):
            threads.over_chunks(lambda lo, hi: sums[k].__setitem__(slice(lo, hi), sums[k, lo:hi] + 1), 50, 3)

    callers = [threading.Thread(target=caller, args=(k,)) for k in range(8)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in callers) and (sums == 20).all()


@pytest.mark.parametrize("count", [0, -1, 1.5])
def test_a_number_of_threads_that_is_no_count_is_refused(count):
    with pytest.raises(ValueError, match=f"threads={count}"):
        threads.set_threads(count)


def test_the_environment_sets_the_number_of_threads(monkeypatch):
    monkeypatch.setenv("OCNET_NUM_THREADS", "3")
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    monkeypatch.setitem(cores._state, "threads", None)
    assert threads.threads() == 3


def _block_on_axes():
    import numpy as np

    from ocnet.networks.blocks import Perceptron
    from ocnet.networks.control import Control
    control = Control(Perceptron(6).layout(2), 1)
    layer = control.layer(np.random.default_rng(0).normal(size=control.zeros().size), 0)
    axes = [np.linspace(-1, 1, 200), np.linspace(-2, 2, 300)]
    return Perceptron(6).features_on_axes(axes, layer).output


def test_parallel_loops_bear_many_callers_at_once():
    """Two hundred calls from eight threads: Numba's layers would abort the process if two launched together."""
    from concurrent.futures import ThreadPoolExecutor
    threads.set_threads(2)
    expected = _block_on_axes()
    with ThreadPoolExecutor(8) as pool:
        assert all((found == expected).all() for found in pool.map(lambda _: _block_on_axes(), range(200)))


def test_parallel_loops_survive_a_fork():
    import multiprocessing
    threads.set_threads(2)
    expected = _block_on_axes()
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert (pool.apply(_block_on_axes) == expected).all()


def test_parallel_loops_pause_when_they_lose_their_cores_and_resume_after():
    turns, usual = threads._Turns(), 1e-4
    spend = lambda wall: [turns.record("loop", wall) for _ in range(int(turns.window / wall) + 2)]
    spend(usual)                                                        # as always: go on
    assert not turns.paused() and turns.pause == turns.shortest
    spend(3 * usual)                                                    # a third of the time is lost
    assert turns.paused() and turns.pause == 2 * turns.shortest
    for _ in range(20):
        spend(3 * usual)
    assert turns.pause == turns.longest
    turns.until = 0.0
    spend(usual)
    assert not turns.paused() and turns.pause == turns.shortest
