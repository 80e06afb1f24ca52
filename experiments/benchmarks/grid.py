"""Measure ocnet's grid view against QuantLib, JAX, py-pde, SciPy and a plain loop: time, throughput, error, ratio.

Peers are optional (pip install 'ocnet[bench]'); a missing one is a row without numbers.
"""

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import equal_error, limits, solves, steps
from benchmarks.program import Program
from benchmarks.setting import GridSetting
from command_line import report_errors

# task -> (callable (task, setting, size …), the size at full measure, the size with --quick)
TASKS = {
    "p1-1": (partial(solves.douglas, steps=1), 257, 33),
    "p1-4": (partial(solves.douglas, steps=4), 257, 33),
    "p1-error": (equal_error.p1_error,),
    "p2-257": (partial(solves.full_tensor, steps=1), 257, 33),
    "p2-513": (partial(solves.full_tensor, steps=1), 513, 49),
    "p2-257-4": (partial(solves.full_tensor, steps=4), 257, 33),
    "p2-513-4": (partial(solves.full_tensor, steps=4), 513, 49),
    "heston": (equal_error.heston,),
    "gradient": (solves.gradient_of_p1, 257, 33),
    "sl-step": (steps.semi_lagrangian_step, 257, 33),
    "py-pde": (equal_error.py_pde,),
    "scipy": (equal_error.scipy,),
    "scaling-2d": (partial(limits.scaling, dim=2), (65, 129, 257, 513, 1025, 2049), (33, 49, 65)),
    "scaling-3d": (partial(limits.scaling, dim=3), (33, 49, 65, 97, 129), (9, 13, 17)),
    "limits": (limits.limits, 257, 33),
}
PROGRAM = Program("grid.py", __doc__, TASKS, GridSetting, ("nodes", 1025, 129))


def main(arguments=None):
    """Run the tasks; return {"rows": list of Row, "lines": the table}."""
    return PROGRAM.main(arguments)


if __name__ == "__main__":
    sys.exit(report_errors(PROGRAM.command))
