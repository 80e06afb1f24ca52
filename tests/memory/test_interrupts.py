"""Ctrl-C in the middle of one run of each kind; `python -m tests.memory interrupts` tries all of them at twenty instants each."""

import os
import signal
import subprocess
import sys

import numba
import numpy as np
import pytest

from ocnet.kernels import philox, threads

from .interrupts import answered
from .long_runs import RUNS, network, reference, trouble


@pytest.fixture
def alarm():
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("count", [1, 2])
def test_ctrl_c_is_answered_within_two_seconds_and_leaves_the_library_as_it_was(count, alarm):
    """Before, with two threads, an estimate went on to its end: run_all caught the interrupt and took the next task."""
    threads.set_threads(count)
    expected, mask = reference(), numba.get_num_threads()
    for name in ("estimate", "solve_backward, fused plane", "estimate, executor"):
        took = answered(RUNS[name], 0.4)
        assert took is not None and took < 2
        assert trouble(expected, mask) == []


def test_a_deep_and_wide_network_is_walked_in_pieces_with_the_same_bits(monkeypatch):
    from ocnet.networks import fused_paths
    net = network(6)
    process, x = net.layered(net.initialise(0)), np.random.default_rng(0).normal(size=(2, 1000))
    states = process.trajectory(x, 3, 0)
    whole = states, process.reverse(states, 3, 0, np.ones((2, 1000)))
    pieces, fused = [], fused_paths.FusedPaths._pieces
    monkeypatch.setattr(fused_paths, "_WORK", 1)
    monkeypatch.setattr(fused_paths.FusedPaths, "_pieces", lambda *of: [pieces.append(piece) or piece for piece in fused(*of)])
    again = process.trajectory(x, 3, 0), process.reverse(states, 3, 0, np.ones((2, 1000)))
    assert pieces == 2 * [(0, 256), (256, 512), (512, 768), (768, 1000)]
    for a, b in zip(whole, again):
        assert np.array_equal(a, b)


def test_a_run_that_is_interrupted_does_not_wait_for_a_long_gradient(alarm):
    import time

    from ocnet import train
    from ocnet.training.optimisers import Adam

    class Slow:
        """J = θ², whose gradient takes 0.1 s a chunk, 20 s in all, when nobody is in a hurry."""

        hurry = True

        def value(self, theta):
            return float(theta @ theta)

        def value_and_gradient(self, theta):
            if not self.hurry:
                for _ in range(200):
                    threads.heed()
                    time.sleep(0.1)
            return self.value(theta), 2 * theta

        def draw(self, iteration):
            return self

        def fingerprint(self):
            return "slow"

    objective = Slow()

    def pressed(state):
        objective.hurry = False
        raise KeyboardInterrupt

    begun = time.perf_counter()
    result = train(objective, np.ones(3), Adam(iterations=10), progress=lambda *of: None, callback=pressed)
    assert result.interrupted and np.isnan(result.jac).all() and time.perf_counter() - begun < 2


COMPILING = """
import os, signal, threading, time
import numpy as np
from ocnet.kernels import notice, philox, threads
pressed, now = [], time.perf_counter

def press():
    time.sleep(0.1)
    pressed.append(now())
    os.kill(os.getpid(), signal.SIGINT)

try:
    with notice.watching(lambda name: pressed or threading.Thread(target=press).start()):
        philox.normals(3, 0, 5, 0, 2)
    print("it came to its end")
except KeyboardInterrupt:
    took, compiled = now() - pressed[0], len(philox.fill_pair.signatures)
    child = os.fork()                                                     # waits for the compiler's lock, which this child would for ever
    if not child:
        os._exit(philox.normals(3, 0, 5, 0, 2).shape != (2, 5))
    print(took < 2, compiled, os.waitpid(child, 0)[1], philox.normals(3, 0, 5, 0, 2).tolist())
"""


def test_ctrl_c_does_not_wait_for_the_compiler_and_the_next_call_is_right(tmp_path):
    """Before, it was answered once the kernel was compiled, up to 22 s later.  The compiler ends with its next pass."""
    made = subprocess.run([sys.executable, "-c", COMPILING], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "OCNET_QUIET": "1"})
    assert made.stdout == f"True 0 0 {philox.normals(3, 0, 5, 0, 2).tolist()}\n", made.stdout + made.stderr
