"""Ask what noise of each kind does to the test loss, and to its gap to the training loss, at equal variance in every layer.

Training sets are small enough to be fitted without noise: 40 points of two moons or of the breast-cancer data (two principal components), 100 of ten
digits (16 components).  Levels are set layer by layer, anew in each round of training, so that the variance of a layer's increment is the same share of
the squared increment for every kind of noise (`equal_variance`).  A network is tested as it was trained, noise on, by its expected scores.  Seeds draw
split, start and noise; what is said of a kind of noise is a paired 95 % interval, over seeds, of its difference to no noise.
"""

import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np

from architecture_measures import PairedInterval, bold_answer
from command_line import OneLineParser, positive, report_errors, whole
from equal_variance import KINDS, at_equal_variance, layer_traces
from ocnet import plotting
from ocnet.networks.noise import Noiseless
from outcome import keep
from parts import in_folder
from small_sets import DATA, chosen, judged, mean_and_error, network_for, over_seeds, small_set, trained

DEFAULT_OUT = Path(__file__).resolve().parents[1] / "figures" / "generalisation"
LOOKS = dict(zip(KINDS, ((plotting.LOWER, "o", "-"), (plotting.UPPER, "s", "-"), (plotting.FIRST, "^", "-"), (plotting.SECOND, "D", "--"),
                         (plotting.GREY, "v", "--"), ("black", "x", ":"))))
NAMES = {"output": "output dropout", "hidden": "hidden dropout", "input": "input dropout", "depth": "stochastic depth", "gaussian": "additive Gaussian",
         "multiplicative": "multiplicative"}
JUDGED = (("test_loss", "test loss"), ("gap", "test − training loss"), ("test_error", "test error"))


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="generalisation.py", description=__doc__)
    p.add_argument("--data", nargs="+", choices=tuple(DATA), default=list(DATA), help="small training sets")
    p.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="of noise")
    p.add_argument("--ratios", type=positive, nargs="+", default=[0.1, 0.4, 1.0], help="of a layer's variance to its squared increment; dropout keeps 1/(1 + ratio)")
    p.add_argument("--layers", type=whole, default=6, help="of all networks")
    p.add_argument("--horizon", type=positive, default=4.0, help="time that all layers together reach")
    p.add_argument("--iterations", type=whole, default=300, help="of Adam on all training points")
    p.add_argument("--rounds", type=whole, default=5, help="of training, before each of which levels are set")
    p.add_argument("--rate", type=positive, default=0.03, help="of Adam")
    p.add_argument("--paths", type=whole, default=64, help="a point, of a test")
    p.add_argument("--seeds", type=whole, default=10, help="splits and starts, 2 or more")
    p.add_argument("--workers", type=whole, default=2, help="processes that share the seeds")
    p.add_argument("--out", default=str(DEFAULT_OUT), metavar="DIR", help="folder for generalisation.json and generalisation.png")
    return p


def of_seed(given, seed):
    """[{data, kind, ratio, seed, what was measured}, …] of one seed; kind "none" has ratio 0."""
    rows = []
    for name in given.data:
        data = small_set(name, seed)
        for kind, ratio in [("none", 0.0)] + [(kind, ratio) for kind in given.kinds for ratio in given.ratios]:
            rows.append({"data": name, "kind": kind, "ratio": ratio, "seed": seed, **fitted(data, kind, ratio, given)})
    return rows


def fitted(data, kind, ratio, given):
    """What one network reaches, and the ratios it has in the end: with the levels of its last round ("drifted"), and set anew ("reached")."""
    def noise_at(network, theta):
        return Noiseless() if kind == "none" else at_equal_variance(kind, ratio, network, theta, data.train.points)

    network, theta = trained(network_for(data, Noiseless(), given.layers, given.horizon), data, noise_at, given.iterations, given.rate, given.rounds)
    found = judged(network, theta, data, given.paths)
    ratios = {} if kind == "none" else {
        "drifted": layer_traces(network, theta, data.train.points).tolist(),
        "reached": layer_traces(replace(network, noise=noise_at(network, theta)), theta, data.train.points).tolist()}
    return {**asdict(found), "gap": found.gap, **ratios}


def measure(given, part):
    """{"trained": all rows, "differences": {data: {kind: {ratio: {what: PairedInterval}}}}} of each kind less none, seed by seed."""
    rows = [row for of_one in over_seeds(partial(of_seed, given), given.seeds, given.workers, part) for row in of_one]
    differences = {data: {kind: {ratio: {what: PairedInterval.of(_column(rows, what, data, kind, ratio) - _column(rows, what, data, "none", 0.0))
                                         for what, _ in JUDGED} for ratio in given.ratios} for kind in given.kinds} for data in given.data}
    return {"trained": rows, "differences": differences}


def _column(rows, what, data, kind, ratio):
    """(seeds,) one number a seed."""
    return chosen(rows, what, data=data, kind=kind, ratio=ratio)


def _told(interval, scale=1.0, digits=3):
    mean, low, high = (round(scale * value, digits) + 0.0 for value in (interval.mean, interval.low, interval.high))       # no −0.00
    return f"{mean:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}] {interval.verdict:9s}"


def table(found, given):
    """Lines of text: a row a data set, kind and ratio."""
    lines = []
    for data in given.data:
        lines.append(f"{data:14s} ratio   test loss ± s.e.   error, %    less none: test loss, gap, error in %; 95 % over {given.seeds} seeds")
        for kind, ratio in [("none", 0.0)] + [(kind, ratio) for kind in given.kinds for ratio in given.ratios]:
            (loss, its), (error, _) = (mean_and_error(_column(found["trained"], what, data, kind, ratio)) for what in ("test_loss", "test_error"))
            told = ""
            if kind != "none":
                to = found["differences"][data][kind][ratio]
                told = "  ".join((_told(to["test_loss"]), _told(to["gap"]), _told(to["test_error"], 100, 2)))
            lines.append(f"  {NAMES.get(kind, kind):18s} {ratio:4.2g}   {loss:.4f} ± {its:.4f}   {100 * error:6.2f}      {told}")
    return lines


def draw(found, given):
    """Return the figure: test loss against the ratio, then the differences to no noise in the gap and in the test error."""
    made, axes = plotting.figure(3, len(given.data), 3.3 * len(given.data), 9.0)
    for data, (loss, gap, error) in zip(given.data, axes.T):
        mean, its = mean_and_error(_column(found["trained"], "test_loss", data, "none", 0.0))
        loss.axhspan(mean - its, mean + its, color="0.85", lw=0, label="no noise")
        for kind in given.kinds:
            colour, marker, line = LOOKS[kind]
            values, errors = np.array([mean_and_error(_column(found["trained"], "test_loss", data, kind, ratio)) for ratio in given.ratios]).T
            loss.errorbar(given.ratios, values, errors, color=colour, marker=marker, ls=line, ms=4, lw=1, label=NAMES[kind])
        loss.set(xscale="log", xticks=given.ratios, xticklabels=[f"{r:g}" for r in given.ratios], title=data, ylim=(0, None),
                 xlabel="variance / squared increment", ylabel="test loss (± s.e.)")
        loss.minorticks_off()
        for ax, what, scale in ((gap, "gap", 1), (error, "test_error", 100)):
            _draw_differences(ax, found["differences"][data], given, what, scale)
        gap.set_xlabel("gap less that of no noise")
        error.set_xlabel("test error less that of no noise, %")
    axes[1, 0].set_ylabel("gap: test − training loss (95 %)")
    axes[2, 0].set_ylabel("test error (95 %)")
    made.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return made


def _draw_differences(ax, differences, given, what, scale):
    """A row a kind, a point a ratio: paired 95 % intervals."""
    for j, ratio in enumerate(given.ratios):
        mean, low, high = scale * np.array([(i.mean, i.low, i.high) for i in (differences[kind][ratio][what] for kind in given.kinds)]).T
        y = np.arange(len(given.kinds)) + 0.24 * (j - (len(given.ratios) - 1) / 2)
        shade = str(0.6 - 0.6 * (j + 1) / len(given.ratios))
        ax.errorbar(mean, y, xerr=(mean - low, high - mean), fmt="osD^v<>"[j % 7], ms=3.5, lw=1, color=shade, label=f"ratio {ratio:g}")
    ax.vlines(0, -0.5, len(given.kinds) - 0.5, color=plotting.UPPER, lw=0.9, zorder=0)
    ax.set(yticks=range(len(given.kinds)), yticklabels=given.kinds, ylim=(len(given.kinds) - 0.5, -1.2))
    ax.legend(fontsize=7.5, ncols=3, loc="upper center", columnspacing=0.8, handletextpad=0.2)


def paragraph(found, given):
    """Sentences for the gallery, with the numbers measured."""
    verdicts = {data: [i["test_loss"].verdict for of_kind in found["differences"][data].values() for i in of_kind.values()] for data in given.data}
    told = [bold_answer("the test loss", verdicts), "Residual networks on small training sets, with noise of six kinds that has the same variance in every layer, tested as they were trained "
            f"(noise on, by their expected scores); {given.seeds} seeds, paired differences to no noise, 95 % intervals."]
    for data in given.data:
        none, its = mean_and_error(_column(found["trained"], "test_loss", data, "none", 0.0))
        to = found["differences"][data]
        best = min(((kind, ratio) for kind in given.kinds for ratio in given.ratios), key=lambda pair: to[pair[0]][pair[1]]["test_loss"].mean)
        interval = to[best[0]][best[1]]["test_loss"]
        verdicts = [i["test_loss"].verdict for of_kind in to.values() for i in of_kind.values()]
        told.append(f"On {data} the test loss without noise is {none:.3f} ± {its:.3f}; of {len(verdicts)} pairs of kind and level it is lower with "
                    f"{verdicts.count('lower')}, higher with {verdicts.count('higher')}, and {verdicts.count('undecided')} intervals hold 0; the lowest is that of "
                    f"{NAMES[best[0]]} at ratio {best[1]:g}, by {interval.mean:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}] (chosen after the fact).")
    errors = [i["test_error"].verdict for to in found["differences"].values() for of_kind in to.values() for i in of_kind.values()]
    told.append(f"Of the {len(errors)} differences in test error {errors.count('lower')} are below 0, {errors.count('higher')} above, and {errors.count('undecided')} "
                f"intervals hold 0; of so many intervals some {0.05 * len(errors):.0f} miss by chance alone.")
    return " ".join(told + [_of_ratios(found)])


def _of_ratios(found):
    """How equal the variances were."""
    rows = [row for row in found["trained"] if row["kind"] != "none"]
    reached = np.concatenate([np.array(row["reached"]) / row["ratio"] for row in rows])
    drifted = np.concatenate([np.array(row["drifted"]) / row["ratio"] for row in rows])
    short = reached < 0.99
    low, high = np.quantile(drifted[~short], (0.1, 0.9))
    return (f"Levels are set again in each round of training; in between variances drift, to {low:.2f} to {high:.2f} of what they were set to (middle 80 % of "
            f"layers at the end), and in {100 * short.mean():.1f} % of layers, all of input dropout, the variance asked for is out of reach.")


def main(arguments=None):
    """Measure all; return {"trained", "differences": as plain numbers, "paragraph", "lines": the table}; writes JSON and figure."""
    given = parser().parse_args(arguments)
    if given.seeds < 2 or min(given.ratios) <= 0 or len(set(given.ratios)) < len(given.ratios):
        raise ValueError(f"--seeds {given.seeds} --ratios {given.ratios}: give two seeds or more, for intervals, and different ratios above 0")
    with in_folder(given.out, "generalisation", given) as part:
        found = measure(given, part)
        summary = summarised(found, given)
        keep(given.out, "generalisation", summary, lambda: draw(found, given))
    return {**summary, "lines": [*table(found, given), "", summary["paragraph"]]}


def summarised(found, given):
    """All as plain numbers, and the paragraph."""
    plain = {data: {kind: {f"{ratio:g}": {what: i.to_dict() for what, i in of_ratio.items()} for ratio, of_ratio in of_kind.items()}
                    for kind, of_kind in to.items()} for data, to in found["differences"].items()}
    return {"trained": found["trained"], "differences": plain, "paragraph": paragraph(found, given)}


def command():
    """Run from the command line."""
    print("\n".join(main()["lines"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
