"""Train every architecture with equally many parameters on the same data, and ask of LM-ResNet whether half the layers are enough.

Widths are chosen so that parameter counts are as near to ResNet's as whole hidden units allow.  Every seed is a split of the data and a start; all
train by Adam on masks of stochastic depth (or Gaussian noise) and are tested with branches at their means.  What is said of two architectures is a
paired interval over seeds, 95 % each: of forty such, two miss by chance alone.  These are small data sets; published results on images
need those images.  Prints tables and draws differences, trained k_n, and errors against depth.
"""

import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from architecture_measures import ALL, BATCH, NOISES, Trained, chosen, difference, fitted, mean_and_error
from command_line import OneLineParser, positive, report_errors, whole
from ocnet import plotting
from outcome import keep
from parts import in_folder

DEFAULT_OUT = Path(__file__).resolve().parents[1] / "figures" / "architectures"
DATA = ("moons", "circles", "spirals", "ten-digits")
LOOKS = dict(zip(DATA, ((plotting.LOWER, "o"), (plotting.FIRST, "s"), (plotting.UPPER, "^"), (plotting.SECOND, "D"))))
JUDGED = ("test_error", "test_loss")


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="architectures.py", description=__doc__)
    p.add_argument("--data", nargs="+", choices=DATA, default=list(DATA), help="what all architectures are compared on")
    p.add_argument("--depth-data", nargs="+", choices=DATA, default=["spirals", "ten-digits"], help="what depths are compared on")
    p.add_argument("--layers", type=whole, default=8, help="of the networks compared, 2 or more")
    p.add_argument("--depths", type=whole, nargs="+", default=[2, 4, 8, 16], help="layers of ResNet and LM-ResNet, where depths are compared")
    p.add_argument("--width", type=whole, default=16, help="hidden units of ResNet; others have as many as make parameters equal")
    p.add_argument("--horizon", type=positive, default=4.0, help="time that all layers together reach")
    p.add_argument("--noise", choices=tuple(NOISES), default="depth", help="stochastic depth falling to 0.8, or additive of size 0.1")
    p.add_argument("--iterations", type=whole, default=200, help=f"of Adam, on batches of {BATCH} points")
    p.add_argument("--rate", type=positive, default=0.03, help="of Adam")
    p.add_argument("--seeds", type=whole, default=5, help="splits and starts, 2 or more")
    p.add_argument("--images", default=None, metavar="FOLDER", help="your copy of CIFAR-10's binary files: its ten classes take the place of the ten digits")
    p.add_argument("--out", default=str(DEFAULT_OUT), metavar="DIR", help="folder for architectures.json and architectures.png")
    return p


def measure(given, part):
    """{"trained": all of equal size, "deep": of one width by depth, "differences": to ResNet, "half_depth": N/2 layers less ResNet's N}."""
    seeds = range(given.seeds)
    equal = [part(f"{name}, {data}, {seed}", partial(fitted, name, data, given.layers, seed, given)) for data in given.data for name in ALL for seed in seeds]
    deep = [part(f"{name}, {data}, {layers} layers, {seed}", partial(fitted, name, data, layers, seed, given, given.width))
            for data in given.depth_data for name in ("ResNet", "LM-ResNet") for layers in given.depths for seed in seeds]
    against = {data: {name: {what: difference(chosen(equal, data=data, architecture=name), chosen(equal, data=data, architecture="ResNet"), what)
                             for what in JUDGED} for name in ALL if name != "ResNet"} for data in given.data}
    half = [(data, name, layers, {what: difference(chosen(deep, data=data, architecture=name, layers=layers // 2),
                                                   chosen(deep, data=data, architecture="ResNet", layers=layers), what) for what in JUDGED})
            for data in given.depth_data for layers in given.depths if layers % 2 == 0 and layers // 2 in given.depths
            for name in ("LM-ResNet", "ResNet")]
    return {"trained": equal, "deep": deep, "differences": against, "half_depth": half}


def _told(interval, scale, digits):
    mean, low, high = (round(scale * value, digits) + 0.0 for value in (interval.mean, interval.low, interval.high))       # no −0.00
    return f"{mean:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}] {interval.verdict:9s}"


def table(found, given):
    """Lines of text: an architecture on each data set, then half the depth against the whole, then k."""
    lines = []
    for data in given.data:
        lines.append(f"{data:13s} width parameters  test error, %     test loss          "
                     f"error − ResNet's, %, and loss − ResNet's: 95 % over {given.seeds} seeds")
        for name in ALL:
            rows = chosen(found["trained"], data=data, architecture=name)
            (error, its), (loss, of_loss) = (mean_and_error(rows, what) for what in JUDGED)
            to = found["differences"][data].get(name)
            told = "" if to is None else f"{_told(to['test_error'], 100, 2)}  {_told(to['test_loss'], 1, 3)}"
            lines.append(f"  {name:13s} {rows[0].width:3d} {rows[0].parameters:8d}   {100 * error:6.2f} ± {100 * its:4.2f}    "
                         f"{loss:.4f} ± {of_loss:.4f}   {told}")
    lines.append("half the layers less ResNet's of all:      error, %                               loss")
    lines += [f"  {data:10s} {name + ' of ' + str(layers // 2):16s} − ResNet of {layers:<4d} {_told(of['test_error'], 100, 2)}  "
              f"{_told(of['test_loss'], 1, 3)}" for data, name, layers, of in found["half_depth"]]
    k = all_k(found)
    return lines + [f"k of {k.size} trained layers: mean {k.mean():.3f}, quartiles {np.quantile(k, 0.25):.3f} and {np.quantile(k, 0.75):.3f}, "
                    f"{100 * np.mean((k > -1) & (k < 0)):.0f} % in (−1, 0), {100 * np.mean(np.abs(k) >= 1):.1f} % not in (−1, 1)"]


def paragraph(found, given):
    """What was measured, in sentences."""
    verdicts = [to["test_error"].verdict for rows in found["differences"].values() for to in rows.values()]
    half = [of["test_error"] for _, name, _, of in found["half_depth"] if name == "LM-ResNet"]
    k = all_k(found)
    sure = sum(of.high <= 0 for of in half)
    return (f"{len(ALL)} architectures with equally many parameters, {given.layers} layers and {given.noise} noise, trained alike on {len(given.data)} data sets over {given.seeds} seeds. Of "
            f"{len(verdicts)} differences in test error to ResNet, paired over seeds, {verdicts.count('undecided')} have 95 % intervals that hold 0, {verdicts.count('lower')} lie below and "
            f"{verdicts.count('higher')} above. LM-ResNet with half the layers of a ResNet is shown to be no worse in {sure} of {len(half)} comparisons: half the depth is "
            f"{'enough' if sure == len(half) else 'not shown to be enough'} here. Its trained k_n have mean {k.mean():.3f} and quartiles {np.quantile(k, 0.25):.3f} and {np.quantile(k, 0.75):.3f}; "
            f"they start in [−0.1, 0].")


def all_k(found):
    """Every trained k_n that a step uses."""
    return np.array([k for t in found["trained"] + found["deep"] for k in t.k])


def _shown(data, given):
    """What a figure calls the data."""
    return "CIFAR-10" if data == "ten-digits" and given.images else data


def _draw_differences(ax, found, given, what, scale, title):
    names = [name for name in ALL if name != "ResNet"]
    for j, data in enumerate(given.data):
        colour, marker = LOOKS[data]
        rows = [found["differences"][data][name][what] for name in names]
        mean, low, high = scale * np.array([(r.mean, r.low, r.high) for r in rows]).T
        y = np.arange(len(names)) + 0.17 * (j - (len(given.data) - 1) / 2)
        ax.errorbar(mean, y, xerr=(mean - low, high - mean), fmt=marker, ms=3.5, lw=1, color=colour, label=_shown(data, given))
    ax.axvline(0, color="0.6", lw=0.8, zorder=0)
    for edge in np.arange(len(names) - 1) + 0.5:
        ax.axhline(edge, color="0.92", lw=0.6, zorder=0)
    ax.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -1.4), title=title, xlabel="←  better than ResNet      worse  →")
    ax.locator_params(axis="x", nbins=5)


def draw(found, given):
    """Return the figure."""
    made, ((errors, losses), (depth, histogram)) = plotting.figure(2, 2, 9.0, 7.6)
    _draw_differences(errors, found, given, "test_error", 100, "test error less ResNet's, %")
    _draw_differences(losses, found, given, "test_loss", 1, "test loss less ResNet's")
    for ax in (errors, losses):
        ax.legend(fontsize=7.5, ncols=4, loc="upper center", columnspacing=0.8, handletextpad=0.2)
    for data in given.depth_data:
        for name, line in (("ResNet", "--"), ("LM-ResNet", "-")):
            rows = [chosen(found["deep"], data=data, architecture=name, layers=n) for n in given.depths]
            mean, its = 100 * np.array([mean_and_error(of, "test_error") for of in rows]).T
            depth.errorbar(given.depths, mean, its, ls=line, marker=LOOKS[data][1], ms=4, lw=1.1, color=LOOKS[data][0], label=f"{name}, {_shown(data, given)}")
    depth.set(xscale="log", xticks=given.depths, xticklabels=given.depths, xlabel="layers", title="test error against depth, % (± standard error)")
    depth.set_ylim(0, None)
    depth.minorticks_off()
    depth.legend(fontsize=8, loc="lower left")
    k = all_k(found)
    histogram.hist(k, bins=40, color=plotting.FIRST)
    histogram.axvspan(-0.1, 0.0, color="0.85", zorder=0, label="where they start")
    histogram.locator_params(axis="x", nbins=5)
    histogram.set(xlabel="$k_n$", ylabel="layers", title="trained $k_n$ of all LM-ResNets")
    histogram.legend(fontsize=8)
    return made


def plain(intervals):
    """Plain numbers, and the verdict, of intervals by what they are of."""
    return {what: interval.to_dict() for what, interval in intervals.items()}


def main(arguments=None):
    """Measure all; return {"trained", "deep", "differences", "half_depth": as plain numbers, "paragraph", "lines": the tables}; writes JSON and figure."""
    given = parser().parse_args(arguments)
    if given.seeds < 2 or given.layers < 2 or min(given.depths) < 2 or len(set(given.depths)) < len(given.depths):
        raise ValueError(f"--seeds {given.seeds} --layers {given.layers} --depths {given.depths}: give two or more of each, depths without "
                         "repetition, for intervals over seeds and steps that use a k")
    with in_folder(given.out, "architectures", given, [Trained]) as part:
        found = measure(given, part)
        summary = summarised(found)
        keep(given.out, "architectures", summary, lambda: draw(found, given))
    return {**summary, "paragraph": paragraph(found, given), "lines": table(found, given)}


def summarised(found):
    """All as plain numbers."""
    half = [{"data": data, "half": name, "layers": layers, **plain(of)} for data, name, layers, of in found["half_depth"]]
    to = {data: {name: plain(of) for name, of in rows.items()} for data, rows in found["differences"].items()}
    return {"trained": [asdict(t) for t in found["trained"]], "deep": [asdict(t) for t in found["deep"]], "differences": to, "half_depth": half}


def command():
    """Run from the command line."""
    print("\n".join(main()["lines"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
