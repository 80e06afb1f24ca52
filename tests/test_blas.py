"""A BLAS has one thread inside `one_thread`, whoever else is inside, and afterwards what it had before."""

import threading

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from ocnet.blas import one_thread

WAIT = 60                            # seconds, of a thread for the other; reached only where a test fails


def counts():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def several():
    """Three threads of every BLAS meanwhile."""
    with one_thread():
        pass                         # SciPy's is loaded from here on
    with threadpool_limits(3, "blas"):
        assert counts() == {3}
        yield


def test_one_thread_inside_also_nested_and_after_an_error():
    with pytest.raises(KeyError), one_thread():
        assert counts() == {1}
        with one_thread():
            pass
        assert counts() == {1}
        raise KeyError
    assert counts() == {3}


def test_who_leaves_first_takes_no_thread_from_who_stays_and_the_last_leaves_what_was_found():
    """As with limits that each put back what they found: the first to leave gives the other three threads, the other leaves one for good."""
    entered, left, seen = threading.Event(), threading.Event(), []

    def second():
        with one_thread():
            entered.set()
            left.wait(WAIT)
            seen.append(counts())

    thread = threading.Thread(target=second)
    with one_thread():
        thread.start()
        assert entered.wait(WAIT)
    left.set()
    thread.join()
    assert seen == [{1}] and counts() == {3}
