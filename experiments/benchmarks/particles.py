"""Measure ocnet's particle view against NumPy, PyTorch, JAX, diffrax and torchsde: time, throughput, error, ratio.

Peers are optional (pip install 'ocnet[bench]'); a missing one is a row without numbers.
"""

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import draws, walk_gradient, walks
from benchmarks.program import Program
from benchmarks.walk import ParticleSetting
from command_line import report_errors

_M1, _M2 = {"dim": 2, "width": 16}, {"dim": 16, "width": 64}

# task -> (callable (task, setting, size), the size at full measure, the size with --quick); chunks of 2000 divide all paths
TASKS = {
    "m1": (partial(walks.in_double, **_M1), 1_000_000, 4000),
    "m2": (partial(walks.in_double, **_M2), 100_000, 4000),
    "m1-single": (partial(walks.in_single, **_M1), 1_000_000, 4000),
    "m2-single": (partial(walks.in_single, **_M2), 100_000, 4000),
    "g1": (partial(walk_gradient.gradient_of_mean, **_M1), 100_000, 4000),
    "normals": (draws.draw_normals, 5_000_000, 50_000),
    "ceiling": (partial(draws.ceiling, **_M1), 1_000_000, 4000),
    "overhead": (partial(draws.overhead, **_M1), 1_000_000, 4000),
    "ito": (partial(walks.user_diffusion, **_M1), 100_000, 4000),
}
PROGRAM = Program("particles.py", __doc__, TASKS, ParticleSetting, ("paths", 1_000_000, 20_000))


def main(arguments=None):
    """Run the tasks; return {"rows": list of Row, "lines": the table}."""
    return PROGRAM.main(arguments)


if __name__ == "__main__":
    sys.exit(report_errors(PROGRAM.command))
