"""Recompute every value of a finished run by fresh particles, and hold it against the grid and the chain.

Prints and plots the error budget (space, time, box, sampling, modelling), the agreement point by point, and the
calibration of the z-scores.  Exit status 0 when the bars cover the differences, 1 when they do not, 2 for bad input.
"""

import hashlib
import sys
from argparse import Namespace
from dataclasses import replace
from functools import partial

import numpy as np

import binary_classification
from command_line import OneLineParser, report_errors, whole
from ocnet import plotting
from ocnet.analysis import compare
from ocnet.kernels.philox import derived_seed
from ocnet.training.objectives.labelled import LabelledPoints
from outcome import keep
from parts import in_folder
from value_functions import open_run

_VALIDATING = 6                      # word of the random stream: not that of the run


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="validate_monte_carlo.py", description=__doc__)
    p.add_argument("run", nargs="?", default=str(binary_classification.DEFAULT_OUT), help="folder of a run")
    p.add_argument("--paths", type=whole, default=1_000_000, help="particles in all for each trained network")
    p.add_argument("--points", type=whole, default=None, help="data points, spread over the set (all)")
    p.add_argument("--out", default=None, metavar="DIR", help="folder for validation.json and .png (the run's)")
    return p


def _some_points(setting, count):
    """The setting with `count` of its data points, weights scaled to sum 1; every k-th in the order of the file."""
    data = setting.data
    if count is None or count >= len(data):
        return setting
    rows = np.unique(np.linspace(0, len(data) - 1, count).round().astype(int))
    weights = data.weights[rows]
    if not weights.sum() > 0:
        raise ValueError(f"--points {count}: these points have no weight; take more")
    return replace(setting, data=LabelledPoints(data.points[rows], data.labels[rows], weights / weights.sum()))


def validate(setting, theta, nodes, paths, seed):
    """Return the Comparison of grid, chain and fresh particles, and the z-scores of the points."""
    per_point = max(16, 2 * (paths // len(setting.data) // 2))
    comparison = compare(setting.network, theta, setting.data, setting.criterion, nodes, per_point, derived_seed(seed, _VALIDATING))
    a = comparison.agreement
    error = np.sqrt(a.point_errors**2 + a.point_bars**2) + np.finfo(float).tiny
    return comparison, (a.grid_values - a.particle_values) / error


def budget(comparison):
    """Lines that split the differences between the views by cause."""
    a, sde = comparison.agreement, comparison.diffusion
    return [f"  chain      {a.grid.value:.6f}   space {a.grid.space:.1e}   box {a.grid.box:.1e}   "
            f"({' × '.join(map(str, a.grid.grid.shape))} nodes)",
            f"  particles  {a.objective_particles:.6f}   sampling {a.standard_error:.1e} (1 s.e., {a.paths} paths a point)",
            f"  Itô limit  {sde.value:.6f}   space {sde.space:.1e}   time {sde.time:.1e}   box {sde.box:.1e}",
            f"  chain − particles {a.difference:+.1e}, allowed {3 * a.standard_error + a.grid.error_bar:.1e}; "
            f"{100 * a.points_within.mean():.2f} % of {a.points_within.size} points within their bars",
            f"  modelling gap (Itô limit − chain) {comparison.modelling_gap:+.2e} ± {sde.error_bar + a.grid.error_bar:.0e}"]


def draw(results):
    """Return the figure: agreement, calibration and budget, a row a trained network."""
    made, panels = plotting.figure(len(results), 3, 10.4, 3.3 * len(results))
    for row, (view, (comparison, z)) in zip(panels, results.items()):
        a, sde = comparison.agreement, comparison.diffusion
        a.plot(row[0])
        row[0].set(xlabel="chain (bar: space + box)", title=f"{view}-trained: one value a data point")
        row[0].legend(loc="upper left")
        plotting.calibration(z, ax=row[1])
        row[1].set_title("difference in units of its error")
        row[1].legend(loc="upper left")
        parts = {"space": a.grid.space, "box": a.grid.box, "sampling (3 s.e.)": 3 * a.standard_error,
                 "|chain − particles|": abs(a.difference), "|modelling gap|": abs(comparison.modelling_gap),
                 "Itô limit: space": sde.space, "Itô limit: time": sde.time, "Itô limit: box": sde.box}
        colours = [plotting.FIRST] * 3 + ["black", "black"] + [plotting.SECOND] * 3
        plotting.budget(parts, colours=colours, ax=row[2])
        row[2].set_title("error budget (black: differences)")
    return made


def main(arguments=None):
    """Validate the run; return the report that validation.json holds."""
    given = parser().parse_args(arguments)
    folder, _, whole_setting, trained = open_run(given.run)
    setting = _some_points(whole_setting, given.points)
    options = folder.options
    out = given.out or folder.path
    with in_folder(out, "validate_monte_carlo", Namespace(**vars(given), options=options, trained=_marks(setting, trained))) as part:
        results = {view: part(view, partial(validate, setting, result.theta, options["nodes"], given.paths, options["seed"]))
                   for view, result in trained.items()}
        report = reported(results, setting, given)
        keep(out, "validation", report, lambda: draw(results), dpi=110)
    report["lines"] = [line for view, (c, _) in results.items() for line in (f"{view}-trained network", *budget(c))]
    return report


def _marks(setting, trained):
    """What tells other data or another training: {view: digests}."""
    return {view: [setting.fingerprint(view), hashlib.sha256(result.theta).hexdigest()] for view, result in trained.items()}


def reported(results, setting, given):
    """What validation.json holds."""
    return {"paths": given.paths, "points": len(setting.data),
              "covered": all(comparison.within for comparison, _ in results.values()),
              "views": {view: {"agreement": c.agreement.to_dict(), "modelling_gap": c.to_dict(), "covered": c.within,
                               "z_standard_deviation": float(z.std()), "z_largest": float(np.abs(z).max())}
                        for view, (c, z) in results.items()}}


def command():
    """Run from the command line; the exit status is the verdict."""
    report = main()
    print("\n".join(report["lines"]))
    print("verdict: the bars cover the differences" if report["covered"] else
          "verdict: the bars do NOT cover the differences; see validation.json")
    return 0 if report["covered"] else 1


if __name__ == "__main__":
    sys.exit(report_errors(command))
