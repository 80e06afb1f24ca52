"""Ctrl-C at random instants: seconds until it comes through, and what it leaves behind."""

import signal
import time

import numba
import numpy as np

from ocnet.kernels import threads

from .long_runs import RUNS, reference, trouble

_AGAIN = 20.0                        # seconds after which somebody would press the keys once more


def answered(call, after):
    """Seconds from a signal sent `after` seconds into a call until the call has ended by it: raised, or in a result that says so; None if it ended before."""
    begun = time.perf_counter()
    result, interrupted = None, False
    try:
        signal.setitimer(signal.ITIMER_REAL, after, _AGAIN)
        result = call()
        interrupted = bool(getattr(result, "interrupted", False))
    except KeyboardInterrupt:
        interrupted = True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    took = time.perf_counter() - begun - after
    return took if interrupted else None


def measured(name, instants, seed=0, longest=5.0, count=2):
    """(latencies, troubles) of a run interrupted at random instants; one signal each, as Ctrl-C sends it."""
    signal.signal(signal.SIGALRM, signal.default_int_handler)             # the same handler as that of SIGINT, and no thread to send it
    threads.set_threads(count)
    expected, mask, rng = reference(), numba.get_num_threads(), np.random.default_rng(seed)
    latencies, troubles = [], []
    for _ in range(instants):
        latencies.append(answered(RUNS[name], rng.uniform(0.1, longest)))
        troubles += trouble(expected, mask)
    return latencies, troubles
