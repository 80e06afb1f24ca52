"""What the machine allows, in the same run: bandwidth, division, tanh; what P1 reaches of it; and cost against size."""

import numpy as np

from ocnet.kernels.compile import kernel
from ocnet.kernels.elementary import tanh
from ocnet.kernels.threads import threads
from ocnet.kolmogorov import schemes, solve_backward

from .problems import LAYERS, WIDTH, box, p1
from .protocol import Contender, Row, clock_name, race
from .solves import ocnet_solve

__all__ = ["limits", "scaling"]

_TRIADS = {"24 KiB": 1 << 10, "3 MiB": 1 << 17, "24 MiB": 1 << 20}    # doubles of each of three arrays
_WORK = 1 << 25                      # numbers a measurement goes through
_DIVISIONS = 2                       # of a node-step: one pivot an axis
_PASSES = 18                         # fields that go through memory in a step; see `limits`


@kernel
def _triad(b, c, times, out):
    n = out.size
    for _ in range(times):
        x, y, z = b[:n], c[:n], out[:n]
        for j in range(n):
            z[j] = x[j] + 3.0 * y[j]


@kernel
def _divide(b, c, times, out):
    n = out.size
    for _ in range(times):
        x, y, z = b[:n], c[:n], out[:n]
        for j in range(n):
            z[j] = x[j] / y[j]


@kernel
def _tanhs(b, times, out):
    n = out.size
    for _ in range(times):
        x, z = b[:n], out[:n]
        for j in range(n):
            z[j] = tanh(x[j])


def _measured(task, run, work, unit, setting, note):
    """The Row of one probe on one thread."""
    timing = race([Contender("machine", run)], setting.repetitions)[0]
    return Row(task, "machine", 1, timing.median, work / timing.median / 1e9, unit, note=note, best=min(timing.seconds),
               runs=len(timing.seconds), clock="cpu")


def _probes(setting):
    """Rows of bandwidth by working set, of division and of tanh; all on one thread."""
    total = _WORK >> 6 if setting.quick else _WORK
    rows = []
    for size, n in _TRIADS.items():
        b, c, out = np.ones(n), np.ones(n), np.empty(n)
        times = max(1, total // n)
        rows.append(_measured(f"limit triad {size}", lambda: _triad(b, c, times, out), 24 * n * times, "GB/s", setting,
                              "z = x + 3 y, 24 bytes a number"))
    n = 1 << 9
    b, c, out = np.linspace(-3, 3, n), np.linspace(1, 2, n), np.empty(n)
    times = total // n
    rows.append(_measured("limit division", lambda: _divide(b, c, times, out), n * times, "G/s", setting, "in cache"))
    rows.append(_measured("limit tanh", lambda: _tanhs(b, times, out), n * times, "G/s", setting, "ocnet's own, in cache"))
    return rows


def limits(task, setting, nodes):
    """The probes, and the share of them that P1 (one Douglas step a layer, nodes²) reaches on one thread.

    Least time of a node-step: the larger of 16 tanh + 2 divisions, and of 18 fields through memory at the bandwidth of
    3 MiB.  Fields: drift written and read (4), rates written and read (8), u, rate of change, and two stages that each
    read and write one (6).  A block that shares divisions between units can be faster than 16 single tanh.
    """
    rows = _probes(setting)
    rate = {row.task: row.throughput * 1e9 for row in rows}
    arithmetic = WIDTH / rate["limit tanh"] + _DIVISIONS / rate["limit division"]
    traffic = 8 * _PASSES / rate["limit triad 3 MiB"]
    solve = race([Contender("ocnet", ocnet_solve(p1(), nodes, 1, schemes.Douglas()))], setting.repetitions)[0]
    per_node = solve.median / (nodes**2 * LAYERS)
    return [*rows, Row(task, "ocnet", 1, solve.median, max(arithmetic, traffic) / per_node, "share of the limit", ratio=1.0,
                       note=f"{nodes}²; a node-step: {per_node * 1e9:.3g} ns, arithmetic {arithmetic * 1e9:.3g} ns, "
                            f"memory {traffic * 1e9:.3g} ns", best=min(solve.seconds), runs=len(solve.seconds), clock="cpu")]


def scaling(task, setting, sizes, dim):
    """Seconds of a solve of P1's kind in `dim` dimensions by nodes, Douglas, one step a layer, and their exponent."""
    rows, problem = [], p1(dim)
    for nodes in sizes:
        grid = box(nodes, dim)
        timing = race([Contender("ocnet", lambda: solve_backward(problem, grid, LAYERS, schemes.Douglas()))],
                      min(setting.repetitions, 3))[0]
        rows.append(Row(task, "ocnet", threads(), timing.median, grid.size * LAYERS / timing.median / 1e6, "M node-steps/s",
                        None, 1.0, f"{nodes}^{dim} nodes", min(timing.seconds), len(timing.seconds), clock_name()))
    exponent, _ = np.polyfit(np.log([float(n) ** dim for n in sizes]), np.log([row.seconds for row in rows]), 1)
    return [*rows, Row(f"{task} exponent", "ocnet", threads(), None, float(exponent), "exponent of nodes", None, 1.0,
                       "least squares of log seconds on log nodes")]
