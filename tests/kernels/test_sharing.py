"""Callers share the cores; interrupts and errors leave nothing behind; the environment's limits are kept."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest

from ocnet.kernels import cores, threads

VARIABLES = ("OCNET_NUM_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS")


def _said(**variables):
    """threads.threads() of a new process with no variables but these."""
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run([sys.executable, "-c", "from ocnet.kernels import cores; print(cores.threads())"], text=True, capture_output=True,
                          env={**environment, **variables}, timeout=120)
    return int(done.stdout) if done.returncode == 0 else done.stderr


@pytest.mark.parametrize("variables, count", [
    ({"OCNET_NUM_THREADS": "3"}, 3), ({"OCNET_NUM_THREADS": "3", "OMP_NUM_THREADS": "1"}, 3),      # what is said to us counts
    ({"OCNET_NUM_THREADS": "3", "NUMBA_NUM_THREADS": "2"}, 2), ({"OCNET_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "2"}, 1),      # joblib's limit for its workers
    ({"NUMBA_NUM_THREADS": "5", "OMP_NUM_THREADS": "1"}, 5), ({"OMP_NUM_THREADS": "1"}, 1), ({"OMP_NUM_THREADS": "3,2"}, 3)])      # dask's
def test_limits_of_the_environment_are_kept(variables, count, monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cores._available() == count


def test_a_variable_that_is_no_count_is_refused_by_name():
    assert "OCNET_NUM_THREADS='two' is not a whole number ≥ 1" in _said(OCNET_NUM_THREADS="two")


@pytest.mark.parametrize("files, allowed", [({"/sys/fs/cgroup/cpu.max": "150000 100000"}, 2), ({"/sys/fs/cgroup/cpu.max": "max 100000"}, 8),
                                            ({"/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"}, 1),
                                            ({"/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"}, 8)])
def test_the_quota_of_a_container_bounds_the_cores(files, allowed, monkeypatch):
    def text(path):
        if path not in files:
            raise FileNotFoundError(path)
        return files[path]

    monkeypatch.setattr(cores, "_text", text)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(8), raising=False)
    assert cores._cores() == allowed


def _threads_there(_=None):
    return cores.threads()


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_a_worker_process_uses_one_thread_unless_it_is_told_otherwise(start, monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    threads.set_threads(4)
    with multiprocessing.get_context(start).Pool(1) as pool:
        assert pool.apply(_threads_there) == 1
    monkeypatch.setenv("OCNET_NUM_THREADS", "2")
    with multiprocessing.get_context(start).Pool(1) as pool:
        assert pool.apply(_threads_there) == 2


def test_a_limit_is_of_one_thread_and_ends_with_its_block():
    threads.set_threads(3)
    seen, meeting = [], threading.Barrier(2, timeout=20)

    def other():
        meeting.wait()
        seen.append(cores.threads())
        meeting.wait()

    with ThreadPoolExecutor(1) as pool, cores.limited(1):
        future = pool.submit(other)
        meeting.wait()
        seen.append(cores.threads())
        meeting.wait()
        future.result()
        with cores.limited(None):
            assert cores.threads() == 1
    assert sorted(seen) == [1, 3] and cores.threads() == 3
    with pytest.raises(ValueError, match="threads=0"), cores.limited(0):
        pass


@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_error_raised_is_the_one_that_a_single_thread_would_meet(count):
    """Task 3 fails late, task 5 at once: with several threads 5 fails first."""
    threads.set_threads(count)
    begun = []

    def task(k):
        begun.append(k)
        if k == 3:
            time.sleep(0.05)
        if k in (3, 5):
            raise ArithmeticError(f"task {k}")

    with pytest.raises(ArithmeticError, match="task 3"):
        threads.run_all([lambda k=k: task(k) for k in range(100)])
    assert len(begun) < 20                                  # nobody begins another task after an error


def _pressed(after):
    """Send this process SIGINT after some seconds."""
    timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    return timer


@pytest.mark.parametrize("count", [1, 2])
def test_an_interrupt_stops_helpers_at_their_next_chunk_and_leaves_nothing_behind(count):
    threads.set_threads(count)
    done, lock = [], threading.Lock()

    def outer():
        def chunk(lo, hi):
            time.sleep(0.01)
            with lock:
                done.append(lo)
        threads.over_chunks(chunk, 2000, 1)                 # 20 s of each helper

    timer, begun = _pressed(0.2), time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        threads.run_all([outer] * 4)
    took = time.perf_counter() - begun
    timer.join()
    count_then = len(done)
    time.sleep(0.1)
    assert took < 2.2 and len(done) == count_then           # within 2 s of the signal, and nobody works on
    assert threads._at_work == {} and not threads._here.inside
    total = []
    threads.over_chunks(lambda lo, hi: total.append(hi - lo), 10, 1)
    assert sum(total) == 10


def test_work_with_a_deadline_is_left_when_it_has_passed_also_by_helpers():
    threads.set_threads(2)
    with pytest.raises(threads.Stopped), threads.stoppable(threads.Deadline(0.1)):
        threads.over_chunks(lambda lo, hi: (threads.heed(), time.sleep(0.01)), 10_000, 1)
    threads.heed()                                          # out of it, nothing is stopped
    slow = threading.Event()

    def only_the_helper(k):
        if threading.current_thread() is threading.main_thread():
            slow.wait(20)
        else:
            slow.set()
            time.sleep(0.2)
            threads.heed()

    with pytest.raises(threads.Stopped), threads.stoppable(threads.Deadline(0.1)):
        threads.run_all([lambda k=k: only_the_helper(k) for k in range(2)])


def test_callers_together_have_no_more_threads_at_work_than_there_are_cores_or_callers():
    """Eight callers, then two, on four threads: helpers come only to free cores, and go when others come."""
    threads.set_threads(4)
    working, most, lock = set(), [], threading.Lock()

    def chunk(lo, hi):
        with lock:
            working.add((threading.get_ident(), lo))
            most.append(len(working))
        time.sleep(0.002)
        with lock:
            working.discard((threading.get_ident(), lo))

    for callers in (8, 2):
        most.clear()
        with ThreadPoolExecutor(callers) as pool:
            list(pool.map(lambda _: threads.over_chunks(chunk, 60, 1), range(callers)))
        # a caller who comes finds helpers of others at their chunk: they go after it.  Eight callers alone are eight; with every helper of the first
        # one still there, three more
        assert max(most) <= max(callers, 4) + 3 and np.median(most) <= max(callers, 4)
    most.clear()
    threads.over_chunks(chunk, 60, 1)
    assert max(most) == 4                                   # a lone caller has them all


def _loop():
    from .test_threads import _block_on_axes
    return _block_on_axes()


def test_numbas_own_number_of_threads_is_what_it_was_after_a_parallel_loop():
    threads.set_threads(2)
    threads._turns.until = 0.0
    usual = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        _loop()
        assert numba.get_num_threads() == 1 and threads._at_work == {} and threads._launching == {}
    finally:
        numba.set_num_threads(usual)


def test_a_loop_known_to_be_long_is_handed_out_chunk_by_chunk_with_the_same_bits(monkeypatch):
    threads.set_threads(2)
    expected, launched = _loop(), []
    monkeypatch.setattr(threads, "_launched", lambda *launch: launched.append(launch) or False)
    threads._turns.until = 0.0
    assert (_loop() == expected).all() and len(launched) == 1
    monkeypatch.setattr(threads._turns, "best", dict.fromkeys(threads._turns.best, 10.0))
    assert (_loop() == expected).all() and len(launched) == 1


def test_what_is_known_of_launches_does_not_grow_for_ever():
    turns = threads._Turns()
    for size in range(3 * turns.known):
        turns.record(("loop", size), 1e-6)
    assert len(turns.best) <= turns.known


DROPPED = """
import gc, signal, time, weakref
from ocnet.kernels import interrupts
interrupts.listen()

class Thing:
    pass

def callback(reference):                # runs inside a deallocation: what it raises cannot come through
    raise KeyboardInterrupt

thing = Thing()
reference = weakref.ref(thing, callback)
begun = time.perf_counter()
try:
    del thing
    for _ in range(500):                # of work: a signal that comes just before a wait of the system begins does not end that wait
        time.sleep(0.01)
    print("lost")
except KeyboardInterrupt:
    print("came through in time" if time.perf_counter() - begun < 2 else "late")
class Other:
    def __del__(self):
        raise ValueError("others are shown as before")
Other()
"""


def test_an_interrupt_that_a_callback_drops_is_sent_again():
    done = subprocess.run([sys.executable, "-c", DROPPED], text=True, capture_output=True, timeout=120)
    assert done.stdout == "came through in time\n" and "others are shown as before" in done.stderr and "KeyboardInterrupt" not in done.stderr
