"""Resident memory of a few subjects; `python -m tests.memory flat` measures all of them over 208 repetitions."""

import json
import os
import subprocess
import sys

import pytest

# subject -> repetitions, and those that warm up: the allocator's pages settle after some 60 solves
FEW = {"solve_backward, 1-D": (128, 96), "estimate_gradient, stored": (64, 32), "train, Adam": (64, 32), "grid objective and gradient": (48, 16)}
MEASURED = """
import json, sys, warnings
warnings.simplefilter("ignore")
from tests.memory.flat import flatness
from tests.memory.subjects import SUBJECTS
print(json.dumps([flatness(SUBJECTS[name], *numbers).growth for name, numbers in json.loads(sys.argv[1]).items()]))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="resident memory is read from /proc")
def test_resident_memory_does_not_grow_with_repetitions():
    """Less than 60 kB a repetition: 200 of them would add 12 MB, 2 % of a process of 600 MB.  Each makes arrays of some MB."""
    done = subprocess.run([sys.executable, "-c", MEASURED, json.dumps(FEW)], text=True, capture_output=True, timeout=500,
                          env={**os.environ, "OCNET_QUIET": "1"})
    assert done.returncode == 0, done.stderr
    growths = json.loads(done.stdout.splitlines()[-1])
    assert max(growths) < 6e4, dict(zip(FEW, growths))
