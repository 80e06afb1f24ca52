"""Inside joblib's processes and threads, on Numba's threading layers: the same bits, no hang, no abort, no more threads at work than callers or cores.

The other ways (dask, fork, spawn, scikit-learn, executors) are run by `python -m tests.memory nested`.
"""

import os

from .nested import nested_run


def test_processes_and_threads_of_others_bear_the_librarys_own(monkeypatch):
    """workqueue aborts a process in which two threads launch at once; a hang ends in the timeout.

    Of four threads and two processes, at most four work at a time, on any number of cores; three more may be between two chunks, or about to sleep.
    """
    monkeypatch.setenv("OCNET_NESTED_TASKS", "4")
    digests = set()
    for way, layer, callers in (("alone", "default", 1), ("threads", "workqueue", 4), ("joblib loky", "default", 2)):
        digest, usual, _ = nested_run(way, layer, timeout=240)
        assert usual <= max(callers, len(os.sched_getaffinity(0))) + 3
        digests.add(digest)
    assert len(digests) == 1
