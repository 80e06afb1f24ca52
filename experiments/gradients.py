"""Hold the gradients of random networks against each other: every noise model, one and two dimensions, both laws.

The network's own law: chain, pathwise, likelihood ratio (additive normal noise); its Itô limit: grid and pathwise through Euler–Maruyama
steps.  All components of all pairs of all cases are tested at once: the whole run raises a false alarm with probability 1e-3 at most.  Every
discrete gradient must be the derivative of its own objective: Taylor remainders fall with a power of at least 1.95.
"""

import json
import sys
from dataclasses import replace
from functools import partial
from time import perf_counter

import numpy as np

from command_line import OneLineParser, report_errors, whole
from ocnet.analysis.gradients import compare_gradients
from ocnet.analysis.verification import taylor_test
from ocnet.grid import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks import noise as family
from ocnet.networks.blocks import Branches, Perceptron
from ocnet.training.checkpoint import write_text
from ocnet.training.criteria import ExpectedLoss, LossOfExpectation
from ocnet.training.losses import Logistic, Squared
from ocnet.training.objectives import ChainView, DiffusionView, GridObjective, ParticleObjective
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from parts import beside, over

FAMILY = 1e-3                        # false-alarm rate of the whole run
LEAST_RATE = 1.95
_LAYERS, _WIDTH, _POINTS, _REPLICATES = 3, 3, 50, 24
_NODES = {1: 65, 2: 41}              # an axis, of the first grid; bars of about 1e-3 of the gradient
_TOLERANCE = 0.01                    # of the gradient's norm: networks whose space bar is larger get finer grids
_PATHS, _FEW_PATHS = 32, 8           # of the equation, a point and replicate; few where its factor is a matrix root, point by point
_OF_LAYERS = 4                       # times as many through the network's own layers, which cost less
_STEPS = 1e-3, 1e-4, 1e-5


def models():
    """{label: noise model}: each member's example, in the other scaling too where it has one."""
    out = {}
    for name in family.__all__:
        example = getattr(family, name).example()
        for scaling in ("natural", "diffusive"):
            if scaling != example.scaling and not _takes(example, scaling):
                continue
            out[f"{name}, {scaling}"] = example if scaling == example.scaling else replace(example, scaling=scaling)
    return out


def _takes(example, scaling):
    """Whether the other scaling is allowed, and is another model."""
    if not example.additive and example.additive is not None:
        return False
    try:
        replace(example, scaling=scaling)
    except ValueError:
        return False
    return True


def problem(noise, dim, seed):
    """A random network with data of two classes: its Setting, and θ of 1.5 times the usual size in general position.

    Even seeds: expected logistic loss; odd seeds: squared loss of the expected score.  (b₂ = 0, as networks start, would send all points of
    a branch that is dropped whole exactly to nodes, where a limited spline need not have a derivative.)
    """
    rng = np.random.default_rng([seed, dim])
    x = rng.normal(size=(_POINTS, dim))
    labels = np.where(x[:, 0] + 0.3 * rng.normal(size=_POINTS) > 0, 1, -1)
    block = Branches(Perceptron(_WIDTH), noise.copies) if hasattr(noise, "copies") else Perceptron(_WIDTH)
    network = ResidualNetwork(block, noise, _LAYERS, dim=dim)
    criterion = LossOfExpectation(Squared()) if seed % 2 else ExpectedLoss(Logistic())
    theta = 1.5 * network.initialise(seed)
    return Setting(network, LabelledPoints(x, labels), criterion), theta + 0.1 * rng.normal(size=theta.size)


def judge(case, level):
    """One network by all routes: a dict of plain numbers.  case : (label, dim, seed);  level : its share of the false alarms."""
    label, dim, seed = case
    noise, begun = models()[label], perf_counter()
    setting, theta = problem(noise, dim, seed)
    grid = Grid.covering(setting.network.layered(theta), setting.data.points, _NODES[dim])
    paths = _PATHS if dim == 1 or hasattr(noise, "spread") else _FEW_PATHS
    agreement = compare_gradients(setting, theta, grid, _OF_LAYERS * paths, seed, 1, _REPLICATES, level, paths, _TOLERANCE)
    tests = {name: taylor_test(objective, theta, 1, _STEPS, seed) for name, objective in _exact(setting, grid, seed).items()}
    return {"model": label, "dim": dim, "seed": seed, "criterion": setting.criterion.name, **agreement.to_dict(),
            "max_abs_z_by_law": {law: agreement.max_abs_z_of(law) for law in agreement.laws},
            "reach": {law: agreement.reach_of(law) for law in agreement.laws},
            "rates": {name: test.rate for name, test in tests.items()}, "uneven": [name for name, test in tests.items() if test.uneven],
            "seconds": perf_counter() - begun}


def _exact(setting, grid, seed):
    """The objectives whose gradients are exact derivatives of what they compute."""
    out = {"chain": GridObjective(setting, grid, ChainView()), "pathwise": ParticleObjective(setting, 8, seed)}
    if setting.network.noise.weak_order["itô"]:
        out |= {"sde grid": GridObjective(setting, grid, DiffusionView(1)),
                "sde pathwise": ParticleObjective(setting, 8, seed, view=DiffusionView(1))}
    return out


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="gradients.py", description=__doc__)
    p.add_argument("--seeds", type=whole, default=50, help="random networks of each model and dimension")
    p.add_argument("--only", metavar="TEXT", help="models whose label holds this, such as Gaussian or diffusive")
    p.add_argument("--dim", type=int, choices=(1, 2), help="one dimension only")
    p.add_argument("--workers", type=whole, default=1, help="processes side by side, one thread each")
    p.add_argument("--json", metavar="FILE", help="where all cases go; a killed run goes on with the cases that are left")
    return p


def main(arguments=None):
    """Judge all cases; return {"cases", "rows", "passed", "seconds", "lines"}; writes the JSON file if one is named."""
    given, begun = parser().parse_args(arguments), perf_counter()
    labels = [label for label in models() if given.only is None or given.only in label]
    if not labels:
        raise ValueError(f"--only {given.only}: no model's label holds it; choose from {', '.join(models())}")
    todo = [(label, dim, seed) for label in labels for dim in ([given.dim] if given.dim else (1, 2)) for seed in range(given.seeds)]
    with beside(given.json, "gradients", given) as part:
        cases = over(part, {str(case): case for case in todo}, partial(judge, level=FAMILY / len(todo)), given.workers)
        rows = [summary_row(label, [c for c in cases if c["model"] == label]) for label in labels]
        passed = all(row["agreed"] == row["cases"] and row["worst_rate"] >= LEAST_RATE for row in rows)
        summary = {"family_level": FAMILY, "least_rate": LEAST_RATE, "passed": passed, "seconds": perf_counter() - begun, "rows": rows, "cases": cases}
        if given.json:
            write_text(given.json, json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
    return {**summary, "lines": table(summary)}


def summary_row(label, cases):
    """What the cases of one model come to."""
    def worst(law):
        return max(c["max_abs_z_by_law"].get(law, np.nan) for c in cases)

    def median(law):
        return float(np.median([c["reach"].get(law, np.nan) for c in cases]))

    return {"model": label, "cases": len(cases), "agreed": sum(c["within"] for c in cases), "critical_z": cases[0]["critical_z"],
            "worst_z_network": worst("network"), "worst_z_sde": worst("sde"), "routes": len(cases[0]["routes"]),
            "worst_rate": min(min(c["rates"].values()) for c in cases), "reach_network": median("network"), "reach_sde": median("sde"),
            "uneven": sum(len(c["uneven"]) for c in cases), "seconds": sum(c["seconds"] for c in cases)}


def table(summary):
    """The rows as lines."""
    lines = [f"{'model':32s} {'routes':>6s} {'agreed':>9s} {'worst |z|: network':>19s} {'Itô':>6s} {'critical':>9s} {'worst rate':>11s} "
             f"{'reach: network':>15s} {'Itô':>6s}"]
    for r in summary["rows"]:
        agreed = f"{r['agreed']}/{r['cases']}"
        lines.append(f"{r['model']:32s} {r['routes']:6d} {agreed:>9s} {r['worst_z_network']:19.2f} {r['worst_z_sde']:6.2f} {r['critical_z']:9.2f} "
                     f"{r['worst_rate']:11.4f} {100 * r['reach_network']:14.2f}% {100 * r['reach_sde']:5.2f}%")
    verdict = "all agree, all rates hold" if summary["passed"] else "NOT all agree, or a rate does not hold"
    return [*lines, f"{verdict}; family-wise level {summary['family_level']:g}; {summary['seconds']:.0f} s",
            "reach: error of one component, over the gradient's norm, that might pass unseen (median over the networks)"]


def command():
    """Run from the command line; status 1 where something disagrees."""
    summary = main()
    print("\n".join(summary["lines"]))
    return 0 if summary["passed"] else 1


if __name__ == "__main__":
    sys.exit(report_errors(command))
