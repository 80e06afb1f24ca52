"""How fast and how far off: the mean loss of a trained network on a grid, against a million paths of its own law and of its Itô limit.

    python experiments/benchmarks/trained.py RUN …         RUN: folder of a finished experiments/binary_classification.py

The Itô limit is sampled by a weak scheme of order 2 for additive noise that shares nothing with the grid's: x + h (f(x) + f(x̄))/2 + σ√h ξ,
x̄ = x + h f(x) + σ√h ξ (Milstein & Tretyakov 2004, sec. 2.2).
"""

import sys
from pathlib import Path
from time import perf_counter

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from command_line import OneLineParser, report_errors, whole
from ocnet.grid import Grid
from ocnet.laws import Normal
from ocnet.particles import propagate
from ocnet.process import LayeredProcess
from ocnet.training.objectives.grid import ChainView, DiffusionView, GridObjective
from value_functions import open_run

_PATHS = 1 << 20                     # at a time
CHAIN = [(ChainView(), n) for n in (161, 221, 281, 341)]             # what is timed: view and nodes per axis
LIMIT = [(DiffusionView(m), n) for m, n in ((2, 201), (2, 301), (4, 301), (4, 401), (8, 401), (8, 601))]


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="trained.py", description=__doc__)
    p.add_argument("runs", nargs="+", metavar="RUN", help="folders of finished runs with additive noise")
    p.add_argument("--paths", type=whole, default=1_000_000, help="paths in all of each Monte Carlo value")
    p.add_argument("--substeps", type=whole, default=16, help="steps a layer of the Itô limit's paths, whose bias falls with their square")
    return p


def heun(network, theta, substeps):
    """The Itô limit of a network with additive noise as a LayeredProcess of `substeps` steps a layer."""
    limit, h = network.diffusion(theta), network.dt / substeps
    sigma = limit.constant_factor
    if sigma is None:
        raise ValueError("the run's noise depends on the state; give one with --noise gaussian")
    times = np.linspace(0.0, network.horizon, network.layers * substeps + 1)

    def step(n, x, xi):
        kick, t = np.sqrt(h) * (sigma @ xi), 0.5 * (times[n] + times[n + 1])
        f = limit.drift_rows(t, x)
        return x + 0.5 * h * (f + limit.drift_rows(t, x + h * f + kick)) + kick

    return LayeredProcess(step, Normal(sigma.shape[1]), network.dim, times)


def sampled(setting, theta, process, paths, seed=1):
    """(mean, standard error) of the data term by `paths` paths in all."""
    data, per_point = setting.data, max(2, paths // len(setting.data))
    means, variances = np.zeros(len(data)), np.zeros(len(data))
    rows = max(1, _PATHS // per_point)
    for first in range(0, len(data), rows):
        some = slice(first, first + rows)
        ends = propagate(process, data.points[some], per_point, seed + first).ends
        scores = setting.network.score(np.ascontiguousarray(ends.reshape(-1, ends.shape[-1]).T), theta).reshape(-1, per_point)
        means[some], variances[some], _ = setting.criterion.sampled(scores, data.labels[some])
    return float(data.weights @ means), float(np.sqrt(data.weights**2 @ variances))


def on_grid(setting, theta, view, nodes):
    """(value, seconds): box, fields of both labels and their mean over the data."""
    started = perf_counter()
    grid = Grid.covering(setting.network.layered(theta), setting.data.points, nodes)
    value = GridObjective(setting, grid, view).data_term(theta)
    return value, perf_counter() - started


def measure(run, paths, substeps):
    """Yield a line for every choice of grid."""
    _, _, setting, trained = open_run(run)
    theta = next(iter(trained.values())).theta
    for law, process, views in (("network", setting.network.layered(theta), CHAIN),
                                ("Itô limit", heun(setting.network, theta, substeps), LIMIT)):
        started = perf_counter()
        mean, error = sampled(setting, theta, process, paths)
        yield f"{Path(run).name:12s} {law:10s} {paths} paths: {mean:.6f} ± {error:.1e} s.e. ({100 * error / mean:.1f} %), {perf_counter() - started:.0f} s"
        for view, nodes in views:
            on_grid(setting, theta, view, nodes)                          # once to compile and to warm
            value, seconds = on_grid(setting, theta, view, nodes)
            steps = f", {view.substeps} steps a layer" if hasattr(view, "substeps") else ""
            yield f"             {nodes}²{steps}: {value:.6f}, off by {100 * abs(value / mean - 1):.2f} %, {seconds:.2f} s"


def main(arguments=None):
    """Print as it comes; return the lines."""
    given = parser().parse_args(arguments)
    lines = []
    for run in given.runs:
        for line in measure(run, given.paths, given.substeps):
            print(line, flush=True)
            lines.append(line)
    return {"lines": lines}


if __name__ == "__main__":
    sys.exit(report_errors(lambda: main() and 0))
