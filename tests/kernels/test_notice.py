"""A process that compiles says so once; one that loads from the cache, a worker and a process told to be quiet do not."""

import os
import subprocess
import sys

import pytest

CALL = """
from ocnet.kernels import philox
assert philox.uniforms(7, 0, 3, 0, 2).shape == (2, 3)
assert philox.derived_seed(7, 1) != 7
"""
WORKER = """
import multiprocessing, os

def call(_):
    from ocnet.kernels import philox
    return philox.uniforms(7, 0, 3, 0, 2).shape

if __name__ == "__main__":
    print(multiprocessing.get_context("spawn").Pool(1).map(call, [0]))
    child = os.fork()
    if child == 0:
        call(0)
        os._exit(0)
    print(os.waitpid(child, 0)[1])
"""
WATCHED = """
import sys
from ocnet.kernels import notice, philox
names = []
with notice.watching(names.append):
    philox.uniforms(7, 0, 3, 0, 2)
print("fill_pair" in names, len(names))
print("watched until here", file=sys.stderr)
philox.derived_seed(7, 1)
"""


def ran(script, cache, *options, **more):
    """stdout and the lines on stderr of a process that runs a script, text or path, with NUMBA_CACHE_DIR=cache."""
    environment = {name: value for name, value in os.environ.items() if name != "OCNET_QUIET"}
    command = [sys.executable, *options, "-c", script] if "\n" in script else [sys.executable, *options, script]
    done = subprocess.run(command, text=True, capture_output=True, env={**environment, "NUMBA_CACHE_DIR": str(cache), "OCNET_NUM_THREADS": "1", **more})
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr.splitlines()


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A cache that one process has filled, and what that process said."""
    cache = tmp_path_factory.mktemp("cache")
    return cache, ran(CALL, cache, "-W", "error")[1]


def test_a_process_that_compiles_says_so_in_one_line(filled):
    """Two kernels are compiled, with all that they call: one line, which names the remedy and the switch."""
    _, lines = filled
    assert len(lines) == 1
    assert all(word in lines[0] for word in ("compiling", "minute", "ocnet.warm_up()", "OCNET_QUIET=1"))


def test_a_process_that_loads_from_the_cache_says_nothing(filled):
    assert ran(CALL, filled[0], "-W", "error") == ("", [])


def test_the_environment_keeps_the_line_away(tmp_path):
    assert ran(CALL, tmp_path, OCNET_QUIET="1")[1] == []


def test_workers_and_forks_compile_in_silence(tmp_path):
    (tmp_path / "pool.py").write_text(WORKER)
    out, lines = ran(str(tmp_path / "pool.py"), tmp_path / "cache")
    assert out.split("\n")[:2] == ["[(2, 3)]", "0"] and lines == []


def test_a_watcher_hears_every_kernel_and_the_line_waits_for_one_that_nobody_watches(tmp_path):
    """The kernel of `uniforms` is compiled while watched, that of `derived_seed` after: a line then; a filled cache has nothing to hear."""
    out, lines = ran(WATCHED, tmp_path)
    assert out.startswith("True") and len(lines) == 2
    assert lines[0] == "watched until here" and lines[1].startswith("ocnet: compiling")
    assert ran(WATCHED, tmp_path) == ("False 0\n", ["watched until here"])


def test_where_no_folder_can_be_written_the_line_says_that_every_run_waits():
    """Numba looks for a folder at the decorator; with none the kernel is not cached, and `_compile` falls back."""
    script = "import numba\nfrom numba.core import caching\ncaching.CacheImpl._locator_classes = []\n" + CALL
    _, lines = ran(script, "")
    assert len(lines) == 1 and "NUMBA_CACHE_DIR" in lines[0] and "every run" in lines[0]
