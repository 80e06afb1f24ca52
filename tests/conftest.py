"""What all tests share: one thread a worker where several workers run, and the thread count put back after every test."""

import os

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OCNET_NUM_THREADS", "1")                  # spinning threads of several workers would starve each other

os.environ.setdefault("OCNET_QUIET", "1")                            # tests look at stderr, and a cache may be cold

from ocnet.kernels import threads


@pytest.fixture(autouse=True)
def same_thread_count():
    before = threads.threads()
    yield
    threads.set_threads(before)
