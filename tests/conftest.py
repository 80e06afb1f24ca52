"""What all tests share: one thread a worker where several workers run, the thread count put back after every test, one budget of
false alarms, and no network."""

import os

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OCNET_NUM_THREADS", "1")                  # spinning threads of several workers would starve each other

os.environ.setdefault("OCNET_QUIET", "1")                            # tests look at stderr, and a cache may be cold

from ocnet.kernels import threads
from tests import chance as budget
from tests.no_network import refuse

refuse()

_PASSED = pytest.StashKey[bool]()


@pytest.fixture(autouse=True)
def same_thread_count():
    before = threads.threads()
    yield
    threads.set_threads(before)


def pytest_configure(config):
    config.addinivalue_line("markers", "random(comparisons, share): a test of chance and what it takes of the budget (tests/chance.py)")
    if budget.SHIFT:
        import ocnet.analysis.lyapunov
        import ocnet.particles  # noqa: F401
        budget.other_streams()


@pytest.fixture
def chance(request):
    """The test's share of the budget: the only source of bars for sampled numbers."""
    mark = request.node.get_closest_marker("random")
    assert mark is not None, "a test that takes the fixture `chance` says what it takes of the budget: @random(comparisons=…) of tests.chance"
    share = budget.Chance(request.node.nodeid, **mark.kwargs)
    yield share
    if request.node.stash.get(_PASSED, False):
        share.settle()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if call.when == "call":
        item.stash[_PASSED] = report.passed
