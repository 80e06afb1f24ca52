"""What all tests share: the thread count is put back after every test."""

import pytest

from ocnet.kernels import threads


@pytest.fixture(autouse=True)
def same_thread_count():
    before = threads.threads()
    yield
    threads.set_threads(before)
