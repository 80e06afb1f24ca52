"""Measure ocnet's grid view against QuantLib, JAX, py-pde, SciPy and a plain loop: time, throughput, error, ratio.

Peers are optional (pip install 'ocnet[bench]'); a missing one is a row without numbers.
"""

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import equal_error, limits, solves, steps  # noqa: E402
from benchmarks.protocol import pinned, table, write_rows  # noqa: E402
from benchmarks.setting import Setting  # noqa: E402
from command_line import OneLineParser, report_errors, whole  # noqa: E402

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
_REFERENCE, _QUICK_REFERENCE = 1025, 129


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="grid.py", description=__doc__)
    p.add_argument("--only", action="append", choices=tuple(TASKS), metavar="TASK",
                   help=f"one of {', '.join(TASKS)}; repeatable (all)")
    p.add_argument("--json", default=None, metavar="FILE", help="write the rows as a JSON list")
    p.add_argument("--threads", type=whole, default=1,
                   help="threads and cores of every system; 1 counts CPU time, more wall time")
    p.add_argument("--reference-nodes", type=whole, default=None,
                   help=f"finest grid of P1's and P2's references ({_REFERENCE}; quick: {_QUICK_REFERENCE})")
    p.add_argument("--repetitions", type=whole, default=5, help="timed runs of each system, of which the median counts")
    p.add_argument("--quick", action="store_true", help="tiny sizes: does it run; the figures mean nothing")
    return p


def measure(name, setting):
    """The rows of one task."""
    run, *sizes = TASKS[name]
    return run(name, setting, *([setting.size(*sizes)] if sizes else []))


def main(arguments=None):
    """Run the tasks; return {"rows": list of Row, "lines": the table}."""
    given = parser().parse_args(arguments)
    reference = given.reference_nodes or (_QUICK_REFERENCE if given.quick else _REFERENCE)
    setting = Setting(given.quick, reference, given.repetitions)
    rows = []
    with pinned(given.threads):
        for name in dict.fromkeys(given.only or TASKS):
            rows += measure(name, setting)
            if given.json:
                write_rows(given.json, rows)                 # after each task: a long run that is stopped keeps its rows
    return {"rows": rows, "lines": table(rows)}


def command():
    """Run from the command line."""
    print("\n".join(main()["lines"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
