"""Measure ocnet's training against the same network and optimiser in PyTorch and in JAX with optax: time to the same true loss.

A run is judged by the loss of its points, found afterwards by one Monte Carlo judge for all systems.  The grid view stands beside.  Peers
are optional (pip install 'ocnet[bench]'); a missing one is a row without numbers.
"""

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.program import Program
from benchmarks.to_loss import TrainingSetting, to_loss
from benchmarks.training_problem import Scale
from command_line import report_errors

_RUN = {"iterations": 800, "every": 20, "newton": 250, "nodes": 41}          # as the main job trains
_QUICK_RUN = {"iterations": 4, "every": 2, "newton": 2, "nodes": 17}
_FEW = Scale(1000, None, 8, **_RUN), Scale(60, None, 4, **_QUICK_RUN)


def _many(points):
    # as many paths as for few points; 4000 × 2 has gradients of a half to a third of the variance of 1000 × 8
    return Scale(points, 4000, 2, **_RUN), Scale(200, 30, 2, **_QUICK_RUN)


# task -> (callable (task, setting, scale), the scale at full measure, the scale with --quick)
TASKS = {f"{data}-{size}": (partial(to_loss, data=data), *scales)
         for size, scales in (("1e3", _FEW), ("1e5", _many(100_000)), ("1e6", _many(1_000_000))) for data in ("moons", "circles")}
PROGRAM = Program("training.py", __doc__, TASKS, TrainingSetting, ("paths", 1_000_000, 4000))


def main(arguments=None):
    """Run the tasks; return {"rows": list of Row, "lines": the table}."""
    return PROGRAM.main(arguments)


if __name__ == "__main__":
    sys.exit(report_errors(PROGRAM.command))
