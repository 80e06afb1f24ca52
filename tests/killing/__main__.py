"""Kill every experiment and the trainer at random instants, and see that they go on to the same bytes: a table, and status 1 where one does not.

    nice -n 15 python -m tests.killing                        all, 20 instants each (see TRUST.md for what came of it)
    python -m tests.killing --only depth certify --instants 5

Runs are of a small size, with pictures of few dots, and forked from a process that has everything loaded.
"""

import argparse
import os
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"                                              # before NumPy is loaded: a process that forks has one thread
os.environ.setdefault("OCNET_QUIET", "1")

from .child import Clock  # noqa: E402

time.perf_counter = Clock()                                              # before anything takes it by name


def main(arguments=None):
    """Run from the command line."""
    from .campaign import Campaign, Report
    from .subjects import SUBJECTS, every_command
    from .trainers import TRAINERS

    everything = SUBJECTS | TRAINERS
    p = argparse.ArgumentParser(prog="python -m tests.killing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", nargs="+", choices=list(everything), default=list(everything), metavar="NAME")
    p.add_argument("--instants", type=int, default=20, help="of SIGKILL, each")
    given = p.parse_args(arguments)
    assert every_command() == set(SUBJECTS), every_command() ^ set(SUBJECTS)
    _small_pictures()
    print(Report.head(), flush=True)
    failed = 0
    for name in given.only:
        with tempfile.TemporaryDirectory(prefix="killing-") as folder:
            report = Campaign(everything[name], Path(folder)).all(given.instants)
        failed += bool(report.wrong)
        print(report.row(), flush=True)
    print(f"{len(given.only)} subjects, {failed} not as they should be")
    return 1 if failed else 0


def _small_pictures():
    """Draw with few dots: what takes long in a small run is its picture."""
    plotting = import_module("ocnet.plotting")
    drawn = plotting.png

    def small(figure, dpi=100):
        figure.set_layout_engine("none")
        return drawn(figure, dpi=10)

    plotting.png = small


if __name__ == "__main__":
    sys.exit(main())
