"""Each change by itself, in a process of its own; prints what differs, and writes `result.json` beside this file.

    python -m tests.same_bits                all changes, the cold cache last (some minutes)
    python -m tests.same_bits CHANGE …       some of them, nothing written
"""

import json
import multiprocessing
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import numba
import numpy as np
import scipy

import ocnet

from .changes import HERE, PROCESSES, Here, Started
from .subjects import SUBJECTS

_COLD = "a cold compile cache"
_CHILD = "--digests"


def digests_of(change):
    """{subject: digest} of a change, by name, from a process of its own."""
    with tempfile.TemporaryDirectory() as empty:
        cold = {"NUMBA_CACHE_DIR": empty} if change == _COLD else {}
        done = subprocess.run([sys.executable, "-m", __package__, _CHILD, change], text=True, capture_output=True,
                              env={**PROCESSES.get(change, Started()).environment(), **cold})
    if done.returncode:
        raise RuntimeError(f"{change} ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def computed_here(change):
    """The same, computed by this process or a child of it."""
    started = PROCESSES.get(change, Started())
    here = HERE.get(started.here, Here())
    if started.start is None:
        return here.digests()
    here.digests()                                                # fork: from a process that has threads and parallel loops behind it
    with multiprocessing.get_context(started.start).Pool(1) as pool:
        return pool.apply(Here().digests)


def main(arguments):
    if arguments[:1] == [_CHILD]:
        print(json.dumps(computed_here(arguments[1])))
        return 0
    changes, reference, found = arguments or [*PROCESSES, _COLD], digests_of("as it comes"), {}
    errors = {name: said for name, said in reference.items() if ":" in said}
    for change in changes:
        of = digests_of(change)
        found[change] = {name: [reference[name], of[name]] for name in SUBJECTS if reference[name] != of[name]}
        print(f"{change:40s} {len(found[change]) or 'nothing'} of {len(SUBJECTS)} differs", *sorted(found[change]), sep="\n    ", flush=True)
    print(*(f"{name} failed: {said}" for name, said in errors.items()), sep="\n")
    if not arguments:
        record = {"subjects": len(SUBJECTS), "changes": {name: sorted(of) for name, of in found.items()}, "cores": os.cpu_count(),
                  "versions": {"ocnet": ocnet.__version__, "python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__,
                               "numba": numba.__version__}}
        Path(__file__).with_name("result.json").write_text(json.dumps(record, indent=1) + "\n")
    return 1 if errors or any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
