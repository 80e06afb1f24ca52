"""Every public function that computes gives the same bits under several changes at once; one at a time, with a cold cache too: `python -m tests.same_bits`."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import ocnet
from ocnet.kernels import threads

from .changes import CHUNKS, HERE, Here, Started
from .digests import digest
from .subjects import SUBJECTS

PLAIN = Here((*HERE["1 thread"].contexts, *HERE["1 thread of the BLAS"].contexts))
TOGETHER = Here((*HERE["other chunks, 2 threads"].contexts, *HERE["4 threads of the BLAS"].contexts), executor=lambda: ThreadPoolExecutor(3), offset=8,
                thread=True)
ELSEWHERE = Started({"OCNET_NUM_THREADS": "4", "NUMBA_NUM_THREADS": "4", "NUMBA_THREADING_LAYER": "workqueue", "OMP_NUM_THREADS": "2",
                     "OPENBLAS_NUM_THREADS": "2", "PYTHONHASHSEED": "7"})


@cache
def plain(name):
    return PLAIN.digests([name])[name]


@pytest.mark.parametrize("name", SUBJECTS)
def test_no_change_within_a_process_changes_a_bit(name):
    """Two threads, four of the BLAS, other chunks, data off their cache line, a pool of threads, and a caller that is not the first thread."""
    assert ":" not in plain(name)                                        # an error would be the same everywhere
    assert TOGETHER.digests([name]) == {name: plain(name)}


def test_another_process_has_the_same_bits():
    """With another threading layer, other numbers of threads, another order of hashes, forked workers as executor, and the last subject first."""
    script = ("import json; from dataclasses import replace; from tests.same_bits.changes import HERE; "
              "print(json.dumps(replace(HERE['forked workers'], order=-1).digests()))")
    done = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True, env={**ELSEWHERE.environment(), "PYTHONPATH": os.getcwd()})
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert {name: of for name, of in found.items() if of != plain(name)} == {} and set(found) == set(SUBJECTS)


COLD = """
import numpy as np
from ocnet.kernels import notice, philox
from ocnet.networks import ResidualNetwork, blocks
from ocnet.networks.noise import Noiseless
from tests.same_bits.digests import digest

def found():
    block = blocks.Perceptron(5)
    network = ResidualNetwork(block, Noiseless(), 1)
    layer = network.control.named(network.control.depth(network.initialise(0))[0])
    x = philox.normals(7, 0, 9000, 0, 2)
    return digest([x, block.vector_jacobian(x, layer, blocks.Features(x))])

if __name__ == "__main__":
    names = []
    with notice.watching(names.append):
        print(found(), len(names) > 2)
"""


def test_a_cold_compile_cache_gives_the_bits_of_a_warm_one(tmp_path):
    """For the kernels that could differ: one with the library's own functions, and the reverse sweep, which has the sums whose terms may be regrouped.

    Such a sum, compiled by itself and again with its caller, is added in two orders (`ocnet.kernels.compile.inlined`); the rest is seconds of compilation
    each, and in `python -m tests.same_bits`.
    """
    space = {"__name__": "warm"}
    exec(COLD, space)
    done = subprocess.run([sys.executable, "-c", COLD], text=True, capture_output=True,
                          env={**os.environ, "PYTHONPATH": os.getcwd(), "NUMBA_CACHE_DIR": str(tmp_path)})
    assert done.stdout.split() == [space["found"](), "True"], done.stderr


def test_a_digest_hears_one_bit_anywhere():
    """In an array, a number, a name, a kind; and not the clock."""
    value = ocnet.solve_backward(ocnet.KolmogorovProblem(ocnet.Diffusion(lambda t, x: -x, [[1.0]], 1), np.cos, 1.0), ocnet.Grid.uniform(-8, 8, 9), 2)
    one = {"a": (value, 1.0), "seconds": 3.0}
    changed = value.values.copy()
    changed.view(np.int64)[..., 4] ^= 1
    others = [{"a": (value, np.nextafter(1.0, 2.0)), "seconds": 3.0}, {"b": (value, 1.0), "seconds": 3.0}, {"a": [value, 1.0], "seconds": 3.0},
              {"a": (ocnet.ValueFunction(value.grid, value.times, changed, value.report, value.single), 1.0), "seconds": 3.0}]
    assert digest(one) == digest({"a": (value, 1.0), "seconds": 4.0}) and len({digest(of) for of in [one, *others]}) == 5


def test_the_changes_take_place():
    """What is meant to be changed is read where it counts, and back afterwards."""
    before = [getattr(module, name) for module, name, _ in CHUNKS]
    with HERE["other chunks, 2 threads"].contexts[0](), HERE["4 threads"].contexts[0]():
        assert [getattr(module, name) for module, name, _ in CHUNKS] == [value for *_, value in CHUNKS] and threads.threads() == 4
    assert [getattr(module, name) for module, name, _ in CHUNKS] == before != [value for *_, value in CHUNKS]


def test_a_sum_by_a_blas_would_be_heard():
    """The negative control: a long dot product has other bits with four threads than with one, where this machine's BLAS has them at all."""
    a, b = np.random.default_rng(0).normal(size=(2, 300_001))
    found = []
    for count in (1, 4):
        with threadpool_limits(count, "blas"):
            found.append(digest(a @ b))
    if found[0] == found[1]:
        pytest.skip("this BLAS adds in one order, whatever its threads")
