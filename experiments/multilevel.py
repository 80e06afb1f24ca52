"""Train networks from few layers to many, and at once with all layers, and compare the work that both need for the same final objective.

In depth: equally many iterations with N, 2N, 4N, … layers, each level from the prolonged end of the one before, its learning rate started again
(Chang et al.; MATH 4).  Work counts the layers that points are carried through, forward and back; it does not depend on the machine.  Each budget of
iterations is a run of its own, with its own schedule of rates, so that training less is compared with training in depth.  Also measures what a
prolongation changes in the output of a network.  Prints a table and draws all.
"""

import sys
from argparse import Namespace
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from architecture_measures import PairedInterval
from command_line import OneLineParser, report_errors, whole
from datasets import load, ten_digits
from ocnet import plotting
from ocnet.kernels.philox import derived_seed
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian
from ocnet.networks.readouts import LinearClasses
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.depth import train_in_depth
from ocnet.training.losses import CrossEntropy
from ocnet.training.objectives import LabelledPoints, ParticleObjective, Setting
from ocnet.training.optimisers import Adam
from ocnet.training.regularisers import DepthSmoothness, Tikhonov
from outcome import keep
from parts import in_folder

DEFAULT_OUT = Path(__file__).resolve().parents[1] / "figures" / "multilevel"
DATA = ("moons", "circles", "breast-cancer", "ten-digits")
WAYS = {"at once": (plotting.UPPER, "s", "--"), "linear": (plotting.LOWER, "o", "-"), "copy": (plotting.FIRST, "^", "-.")}
TOLD = {"at once": "all layers at once", "linear": "in depth, linear", "copy": "in depth, copies"}
BUDGETS = (0.125, 0.25, 0.5, 1.0)    # of the iterations: runs at once, by which the work to an objective is read off
BATCH, PATHS, JUDGES = 64, 2, 64     # points and paths of an iteration; paths a point that judge
PENALTIES = (Tikhonov(1e-3),)         # no penalty of differences in depth, which would charge rough starts and favour what is prolonged
SMOOTH = (*PENALTIES, DepthSmoothness(1e-3))         # of the network whose doublings are measured: θ(t) has a limit there
START, JUDGING = 5, 6                # words of the random streams that start and that judge


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="multilevel.py", description=__doc__)
    p.add_argument("--data", nargs="+", choices=DATA, default=list(DATA), help="data sets")
    p.add_argument("--seeds", type=whole, default=8, help="of the split, the start and the noise (2 or more)")
    p.add_argument("--layers", type=whole, default=5, help="of the shallowest network")
    p.add_argument("--levels", type=whole, default=4, help="numbers of layers, each twice the one before (2 or more)")
    p.add_argument("--width", type=whole, default=16, help="hidden units of a block")
    p.add_argument("--iterations", type=whole, default=960, help="of a run, over all its levels")
    p.add_argument("--doublings", type=whole, default=7, help="of the layers of a trained network, to see what they change (2 or more)")
    p.add_argument("--out", default=str(DEFAULT_OUT), metavar="DIR", help="folder for multilevel.json and multilevel.png")
    return p


@dataclass(frozen=True)
class Run:
    """One training: how, its work in layer evaluations, the objective at full depth by fresh noise, the share of test points wrong, seconds."""

    data: str
    way: str
    seed: int
    iterations: int
    work: float
    objective: float
    test_error: float
    seconds: float


def problem(name, seed, layers, width, penalties=PENALTIES):
    """Return the Setting with so many layers, and the test part of the data with labels 0, 1, …"""
    data = ten_digits(seed) if name == "ten-digits" else load(name, seed)
    classes = len(data.classes)
    labels = [part.labels if classes > 2 else (part.labels + 1) // 2 for part in (data.train, data.test)]
    network = ResidualNetwork(Perceptron(width), Gaussian(0.1), layers, dim=data.dim, readout=LinearClasses(classes))
    points = LabelledPoints(data.train.points, labels[0], data.train.weights)
    return Setting(network, points, ExpectedLoss(CrossEntropy(classes)), penalties), data.test.points, labels[1]


def train_one(name, way, seed, iterations, given, penalties=PENALTIES):
    """Return the Run of one way and number of iterations, its setting and θ.  All ways start from one and the same θ(t)."""
    setting, points, labels = problem(name, seed, given.layers, given.width, penalties)
    start, levels = setting.network.initialise(derived_seed(seed, START)), given.levels
    while way == "at once" and levels > 1:
        start, levels = setting.network.control.prolong(start), levels - 1
        setting = replace(setting, network=setting.network.refined())
    each, batch = iterations // levels, min(BATCH, len(setting.data))
    optimiser = Adam(iterations=each, rate=0.02, final=0.05, clip=5.0, check_every=each)
    found = train_in_depth(setting, start, lambda there, theta: ParticleObjective(there, PATHS, seed, batch), optimiser, levels,
                           "linear" if way == "at once" else way)
    theta, network = found.levels[-1].result.last, found.setting.network
    judge = ParticleObjective(found.setting, JUDGES, derived_seed(seed, JUDGING))
    scores = network.score(network.layered(theta).end_of_means(np.ascontiguousarray(points.T)), theta)
    work = each * batch * PATHS * sum(level.layers for level in found.levels)
    return Run(name, way, seed, each * levels, float(work), judge.sample(theta).value + found.setting.penalty(theta)[0],
               float((scores.argmax(axis=0) != labels).mean()), sum(level.seconds for level in found.levels)), found.setting, theta


def work_to(objective, runs):
    """Return the work at which runs of growing work reach an objective, by linear interpolation in the logarithms, and whether they do.

    Where even the least work is enough, or the most is not, that work is returned: a bound.
    """
    work, reached = np.log([r.work for r in runs]), np.minimum.accumulate([r.objective for r in runs])
    if objective >= reached[0] or objective < reached[-1]:
        return float(np.exp(work[0 if objective >= reached[0] else -1])), False
    last = int(np.argmax(reached <= objective))
    high, low = np.log(reached[last - 1]), np.log(reached[last])
    return float(np.exp(work[last] - (work[last] - work[last - 1]) * (np.log(objective) - low) / (high - low))), True


def savings(runs, given):
    """{data: {way: {"ratio": [mean, low, high] of work in depth over work at once to the same objective, "bounded": seeds where it is a bound, …}}}"""
    found = {}
    for name in given.data:
        found[name] = {}
        for way in ("linear", "copy"):
            ratios, seconds, sharp, gaps, errors = [], [], 0, [], []
            for seed in range(given.seeds):
                at_once = sorted((r for r in runs if (r.data, r.way, r.seed) == (name, "at once", seed)), key=lambda r: r.work)
                deep, = (r for r in runs if (r.data, r.way, r.seed) == (name, way, seed))
                work, reached = work_to(deep.objective, at_once)
                ratios.append(np.log(deep.work / work))
                seconds.append(np.log(deep.seconds / (at_once[-1].seconds * work / at_once[-1].work)))
                sharp += reached
                gaps.append(deep.objective - at_once[-1].objective)
                errors.append(deep.test_error - at_once[-1].test_error)
            of = PairedInterval.of(ratios)
            found[name][way] = {"ratio": [float(np.exp(v)) for v in (of.mean, of.low, of.high)], "verdict": of.verdict, "bounds": given.seeds - sharp,
                                "objective": PairedInterval.of(gaps).to_dict(), "test_error": PairedInterval.of(errors).to_dict(),
                                "seconds_ratio": float(np.exp(np.mean(seconds)))}
    return found


def prolonged(setting, theta, how, doublings):
    """Largest changes of a score of a data point, on the path of means, as the layers are doubled again and again: (doublings,)."""
    points, network = np.ascontiguousarray(setting.data.points.T), setting.network
    scores = [network.score(network.layered(theta).end_of_means(points), theta)]
    for _ in range(doublings):
        theta, network = network.control.prolong(theta, how), network.refined()
        scores.append(network.score(network.layered(theta).end_of_means(points), theta))
    return [float(np.abs(fine - coarse).max()) for coarse, fine in zip(scores, scores[1:])]


def measure(given, part):
    """Return all Runs, and the changes of the prolongations {how: [changes]} of a trained network of the first data set."""
    runs = []
    for name in given.data:
        for seed in range(given.seeds):
            todo = [("at once", round(share * given.iterations)) for share in BUDGETS] + [(way, given.iterations) for way in ("linear", "copy")]
            runs += [part(f"{name}, {way}, {seed}, {iterations}", lambda way=way, iterations=iterations: train_one(name, way, seed, iterations, given)[0])
                     for way, iterations in todo]
    return runs, part("doublings", lambda: doubled(given))


def doubled(given):
    """{how: changes of the output} of a trained network of the first data set as its layers are doubled."""
    shallow = Namespace(**{**vars(given), "levels": 1})
    _, setting, theta = train_one(given.data[0], "at once", 0, given.iterations, shallow, SMOOTH)
    return {how: prolonged(setting, theta, how, given.doublings) for how in ("copy", "linear")}


def orders_of(changes):
    """log₂ of ratios of neighbouring changes."""
    return np.log2(np.array(changes[:-1]) / changes[1:])


def summarise(runs, changes, given):
    """All as plain numbers, and seconds apart, which differ from run to run."""
    rows = [asdict(replace(run, seconds=0.0)) for run in runs]
    for row in rows:
        del row["seconds"]
    found = savings(runs, given)
    seconds = {name: {way: of.pop("seconds_ratio") for way, of in ways.items()} for name, ways in found.items()}
    return {"seeds": given.seeds, "layers": [given.layers * 2**k for k in range(given.levels)], "runs": rows, "savings": found,
            "prolongation": {how: {"changes": of, "orders": orders_of(of).tolist()} for how, of in changes.items()}}, seconds


def paragraph(summary, seconds):
    """What was measured, in sentences."""
    def saved(way):
        return ", ".join(f"{name} {of[way]['ratio'][0]:.2f} ({of[way]['ratio'][1]:.2f}–{of[way]['ratio'][2]:.2f})" for name, of in summary["savings"].items())

    verdicts = [of["verdict"] for ways in summary["savings"].values() for of in ways.values()]
    bounds = sum(of["bounds"] for ways in summary["savings"].values() for of in ways.values())
    orders = {how: ", ".join(f"{order:.2f}" for order in of["orders"]) for how, of in summary["prolongation"].items()}
    layers = " → ".join(str(n) for n in summary["layers"])
    return (f"Networks are trained with {layers} layers, one from the other, or with {summary['layers'][-1]} at once; both are stopped by the same objective, judged at "
            f"full depth with common fresh noise, over {summary['seeds']} seeds. Work in depth over work at once (95 % intervals) with linear prolongation: {saved('linear')}; "
            f"with copies: {saved('copy')}. Of these {len(verdicts)} intervals {verdicts.count('lower')} lie below 1 (work is saved), {verdicts.count('higher')} above "
            f"(it is wasted) and {verdicts.count('undecided')} hold 1; in {bounds} of {len(verdicts) * summary['seeds']} pairs the objective lies outside what training at once "
            f"was measured for, and the ratio is a bound. The change of the output at a prolongation falls like 1/N: measured orders of doublings {orders['copy']} "
            f"with copies and {orders['linear']} with linear prolongation. Seconds, which the command's table tells, are saved less where few layers leave an iteration's fixed cost.")


def table(summary, seconds):
    """Lines of text."""
    lines = [f"{'data':14s} {'prolongation':12s} {'work in depth / at once (95 %)':>32s}  bounds  {'seconds':>7s}   {'objective less':>26s}   {'test error less, %':>24s}"]
    for name, ways in summary["savings"].items():
        for way, of in ways.items():
            mean, low, high = of["ratio"]
            j, e = of["objective"], of["test_error"]
            lines.append(f"{name:14s} {way:12s} {f'{mean:.3f} ({low:.3f} – {high:.3f})':>32s}  {of['bounds']:6d}  {seconds[name][way]:7.2f}   "
                         f"{j['mean']:+9.4f} [{j['low']:+.4f}, {j['high']:+.4f}]   {100 * e['mean']:+7.2f} [{100 * e['low']:+.2f}, {100 * e['high']:+.2f}]")
    lines += ["(less: in depth minus all iterations at once, which is more work)", "", "change of the output by doubling the layers"]
    return lines + [f"{how:8s} {' '.join(f'{change:.2e}' for change in of['changes'])}   orders {' '.join(f'{order:.2f}' for order in of['orders'])}"
                    for how, of in summary["prolongation"].items()]


def _draw_course(ax, summary, name):
    """Objective reached against work, with the deviation over the seeds that counts: that of the difference to the longest run at once."""
    runs = [run for run in summary["runs"] if run["data"] == name]
    most = max(run["work"] for run in runs)
    for way, (colour, marker, line) in WAYS.items():
        works = sorted({run["work"] for run in runs if run["way"] == way})
        found = np.array([[run["objective"] for run in runs if run["way"] == way and run["work"] == work] for work in works])
        error = found.std(axis=1, ddof=1) / np.sqrt(found.shape[1])
        ax.errorbar(np.array(works) / most, found.mean(axis=1), yerr=error, fmt=marker, ls=line, ms=5, lw=1.1, capsize=2, color=colour, label=TOLD[way])
    ax.set(xscale="log", yscale="log", xlabel="work, relative to the longest training at once", ylabel="objective", title=f"{name} (bars: standard error)",
           xticks=BUDGETS, xticklabels=[f"{share:g}" for share in BUDGETS])
    ax.tick_params(axis="x", which="minor", labelbottom=False)
    for axis in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
        axis("{x:.2g}")
    ax.legend(fontsize=7.5)


def _draw_savings(ax, summary):
    """Ratios of work with their intervals, a row a data set."""
    names = list(summary["savings"])
    for way, shift in (("linear", -0.12), ("copy", 0.12)):
        mean, low, high = np.array([summary["savings"][name][way]["ratio"] for name in names]).T
        colour, marker, _ = WAYS[way]
        ax.errorbar(mean, np.arange(len(names)) + shift, xerr=(mean - low, high - mean), fmt=marker, ms=5, lw=1.1, capsize=2, color=colour, label=TOLD[way])
    ax.axvline(1, color="0.6", lw=0.8, zorder=0)
    ax.set(xscale="log", yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -1.2), xlabel="work in depth / work at once\n←  saves      wastes  →",
           title="to the same objective (95 %)", xticks=(0.25, 0.5, 1, 2), xticklabels=("¼", "½", "1", "2"))
    ax.minorticks_off()
    ax.legend(fontsize=7.5, loc="upper left", ncols=2, columnspacing=0.8)


def _draw_changes(ax, summary):
    """What doublings change, against layers, with a slope."""
    for how, of in summary["prolongation"].items():
        colour, marker, line = WAYS[how]
        layers = summary["layers"][0] * 2 ** np.arange(len(of["changes"]))
        ax.loglog(layers, of["changes"], line, marker=marker, ms=4, lw=1.1, color=colour, label=f"{'copies' if how == 'copy' else how}, last order {of['orders'][-1]:.2f}")
    ax.loglog(layers, 0.6 * of["changes"][0] * layers[0] / layers, ":", color=plotting.GREY, lw=1.2, label="slope −1")
    ax.set(xlabel="layers N before doubling", ylabel="largest change of a score", title="what a prolongation changes", xticks=layers, xticklabels=layers)
    ax.minorticks_off()
    ax.legend(fontsize=7.5)


def draw(summary):
    """Return the figure: objective against work for the first and the last data set; savings; changes at prolongations."""
    made, ((first, last), (saving, change)) = plotting.figure(2, 2, 9.0, 6.4)
    names = list(summary["savings"])
    _draw_course(first, summary, names[0])
    _draw_course(last, summary, names[-1])
    _draw_savings(saving, summary)
    _draw_changes(change, summary)
    return made


def main(arguments=None):
    """Train all; return {"runs", "savings", "prolongation", "seconds", "paragraph", "lines": the table}; writes JSON and figure."""
    given = parser().parse_args(arguments)
    if given.seeds < 2 or given.levels < 2 or given.doublings < 2 or given.iterations < 8 * given.levels:
        raise ValueError(f"--seeds {given.seeds} --levels {given.levels} --doublings {given.doublings} --iterations {given.iterations}: give two or more of each, and eight "
                         "iterations a level, for intervals over seeds and orders")
    with in_folder(given.out, "multilevel", given, [Run]) as part:
        summary, seconds = summarise(*measure(given, part), given)
        keep(given.out, "multilevel", summary, lambda: draw(summary))
    return {**summary, "seconds": seconds, "paragraph": paragraph(summary, seconds), "lines": table(summary, seconds)}


def command():
    """Run from the command line."""
    print("\n".join(main()["lines"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
