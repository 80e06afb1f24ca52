"""Train every architecture with equally many parameters on the same data, and ask of LM-ResNet whether half the layers are enough.

Widths are chosen so that parameter counts are as near to ResNet's as whole hidden units allow.  Every seed is a split of the data and a start; all
train by Adam on masks of stochastic depth (or Gaussian noise) and are tested with branches at their means.  What is said of two architectures is a
paired interval over seeds, 95 % each: of forty such, two miss by chance alone.  These are small data sets; published results on images
need those images.  Prints tables and draws differences, trained k_n, and errors against depth.
"""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from scipy.special import logsumexp
from scipy.stats import t as student

from command_line import OneLineParser, fraction, report_errors, whole
from datasets import load, ten_digits
from ocnet import plotting
from ocnet.networks import ResidualNetwork
from ocnet.networks.architectures import FractalNet, HeunNet, KineticLM, LMResNet, PolyNet, ResNet, RevNet, WayNet
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian, StochasticDepth
from ocnet.networks.readouts import LinearClasses
from ocnet.training import train
from ocnet.training.checkpoint import write_bytes, write_text
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import CrossEntropy
from ocnet.training.objectives import LabelledPoints, ParticleObjective, Setting
from ocnet.training.optimisers import Adam

DEFAULT_OUT = Path(__file__).resolve().parents[1] / "figures" / "architectures"
ALL = {"ResNet": ResNet(), "PolyNet": PolyNet(), "mPolyNet": PolyNet(weights="own"), "2-way": WayNet(), "FractalNet 2": FractalNet(),
       "FractalNet 3": FractalNet(3), "RevNet": RevNet(), "HeunNet": HeunNet(), "LM-ResNet": LMResNet(), "kinetic LM": KineticLM()}
DATA = ("moons", "circles", "spirals", "ten-digits")
LOOKS = dict(zip(DATA, ((plotting.LOWER, "o"), (plotting.FIRST, "s"), (plotting.UPPER, "^"), (plotting.SECOND, "D"))))
NOISES = {"depth": StochasticDepth(0.8, schedule="linear"), "gaussian": Gaussian(0.1)}
BATCH, PATHS, LEVEL = 64, 2, 0.95
JUDGED = ("test_error", "test_loss")


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="architectures.py", description=__doc__)
    p.add_argument("--data", nargs="+", choices=DATA, default=list(DATA), help="what all architectures are compared on")
    p.add_argument("--depth-data", nargs="+", choices=DATA, default=["spirals", "ten-digits"], help="what depths are compared on")
    p.add_argument("--layers", type=whole, default=8, help="of the networks compared, 2 or more")
    p.add_argument("--depths", type=whole, nargs="+", default=[2, 4, 8, 16], help="layers of ResNet and LM-ResNet, where depths are compared")
    p.add_argument("--width", type=whole, default=16, help="hidden units of ResNet; others have as many as make parameters equal")
    p.add_argument("--horizon", type=fraction, default=4.0, help="time that all layers together reach")
    p.add_argument("--noise", choices=tuple(NOISES), default="depth", help="stochastic depth falling to 0.8, or additive of size 0.1")
    p.add_argument("--iterations", type=whole, default=200, help=f"of Adam, on batches of {BATCH} points")
    p.add_argument("--rate", type=fraction, default=0.03, help="of Adam")
    p.add_argument("--seeds", type=whole, default=5, help="splits and starts, 2 or more")
    p.add_argument("--out", default=str(DEFAULT_OUT), metavar="DIR", help="folder for architectures.json and architectures.png")
    return p


@dataclass(frozen=True)
class Trained:
    """One trained network: its size, the data term it reached, the share of test points it gets wrong and their mean cross-entropy; k_1, k_2, …"""

    architecture: str
    data: str
    layers: int
    width: int
    parameters: int
    seed: int
    train_loss: float
    test_error: float
    test_loss: float
    k: list


@dataclass(frozen=True)
class PairedInterval:
    """Mean difference over seeds and the ends of its 95 % interval, by Student's t."""

    mean: float
    low: float
    high: float
    seeds: int

    @classmethod
    def of(cls, differences):
        """From one difference a seed, two or more."""
        mean, count = np.mean(differences), len(differences)
        half = student.ppf(0.5 + LEVEL / 2, count - 1) * np.std(differences, ddof=1) / np.sqrt(count)
        return cls(float(mean), float(mean - half), float(mean + half), count)

    @property
    def verdict(self):
        """Which side of 0 the interval lies on."""
        return "lower" if self.high < 0 else "higher" if self.low > 0 else "undecided"

    def to_dict(self):
        """Plain numbers, and the verdict."""
        return {**asdict(self), "verdict": self.verdict}

    def __repr__(self):
        return f"PairedInterval({self.mean:+.4g} in [{self.low:+.4g}, {self.high:+.4g}], {self.seeds} seeds: {self.verdict})"


def network_of(architecture, width, layers, dim, classes, given):
    """The network of so many hidden units a branch."""
    return ResidualNetwork(Perceptron(width), NOISES[given.noise], layers, given.horizon, dim, LinearClasses(classes), architecture)


def matched(architecture, layers, dim, classes, given):
    """The network whose number of parameters is nearest to that of a ResNet of the given width; of two as near, the smaller."""
    aim = network_of(ResNet(), given.width, layers, dim, classes, given).control.size
    one, two = (network_of(architecture, width, layers, dim, classes, given).control.size for width in (1, 2))
    width = max(1, int(np.ceil(1 + (aim - one) / (two - one) - 0.5)))         # sizes are affine in the width
    return network_of(architecture, width, layers, dim, classes, given)


def fitted(name, data_name, layers, seed, given, width=None):
    """The `Trained` network of one seed, of the given width or with as many parameters as ResNet's."""
    data = ten_digits(seed) if data_name == "ten-digits" else load(data_name, seed)
    classes = len(data.classes)
    train_labels, test_labels = (part.labels if classes > 2 else (part.labels + 1) // 2 for part in (data.train, data.test))
    make = matched if width is None else lambda architecture, *more: network_of(architecture, width, *more)
    network = make(ALL[name], layers, data.dim, classes, given)
    points = LabelledPoints(data.train.points, train_labels, data.train.weights)
    objective = ParticleObjective(Setting(network, points, ExpectedLoss(CrossEntropy(classes))), PATHS, seed, min(BATCH, len(points)))
    theta = train(objective, network.initialise(seed), Adam(iterations=given.iterations, rate=given.rate, check_every=given.iterations)).last
    scores = network.score(network.layered(theta).end_of_means(np.ascontiguousarray(data.test.points.T)), theta)
    loss = logsumexp(scores, axis=0) - scores[test_labels, np.arange(len(test_labels))]
    k = [float(network.control.layer(theta, n).k) for n in range(1, layers)] if name == "LM-ResNet" else []
    return Trained(name, data_name, layers, network.block.width, network.control.size, seed, objective.sample(theta).value,
                   float((scores.argmax(axis=0) != test_labels).mean()), float(loss.mean()), k)


def chosen(found, **wanted):
    """The trained networks with these fields, by seed."""
    return [t for t in found if all(getattr(t, name) == value for name, value in wanted.items())]


def difference(first, second, what):
    """The `PairedInterval` of first − second, seed by seed."""
    return PairedInterval.of([getattr(a, what) - getattr(b, what) for a, b in zip(first, second)])


def measure(given):
    """{"trained": all of equal size, "deep": of one width by depth, "differences": to ResNet, "half_depth": N/2 layers less ResNet's N}."""
    seeds = range(given.seeds)
    equal = [fitted(name, data, given.layers, seed, given) for data in given.data for name in ALL for seed in seeds]
    deep = [fitted(name, data, layers, seed, given, given.width)
            for data in given.depth_data for name in ("ResNet", "LM-ResNet") for layers in given.depths for seed in seeds]
    against = {data: {name: {what: difference(chosen(equal, data=data, architecture=name), chosen(equal, data=data, architecture="ResNet"), what)
                             for what in JUDGED} for name in ALL if name != "ResNet"} for data in given.data}
    half = [(data, name, layers, {what: difference(chosen(deep, data=data, architecture=name, layers=layers // 2),
                                                   chosen(deep, data=data, architecture="ResNet", layers=layers), what) for what in JUDGED})
            for data in given.depth_data for layers in given.depths if layers % 2 == 0 and layers // 2 in given.depths
            for name in ("LM-ResNet", "ResNet")]
    return {"trained": equal, "deep": deep, "differences": against, "half_depth": half}


def mean_and_error(rows, what):
    """Mean over seeds and its standard error."""
    values = [getattr(t, what) for t in rows]
    return np.mean(values), np.std(values, ddof=1) / np.sqrt(len(values))


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


def all_k(found):
    """Every trained k_n that a step uses."""
    return np.array([k for t in found["trained"] + found["deep"] for k in t.k])


def _draw_differences(ax, found, given, what, scale, title):
    names = [name for name in ALL if name != "ResNet"]
    for j, data in enumerate(given.data):
        colour, marker = LOOKS[data]
        rows = [found["differences"][data][name][what] for name in names]
        mean, low, high = scale * np.array([(r.mean, r.low, r.high) for r in rows]).T
        y = np.arange(len(names)) + 0.17 * (j - (len(given.data) - 1) / 2)
        ax.errorbar(mean, y, xerr=(mean - low, high - mean), fmt=marker, ms=3.5, lw=1, color=colour, label=data)
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
            depth.errorbar(given.depths, mean, its, ls=line, marker=LOOKS[data][1], ms=4, lw=1.1, color=LOOKS[data][0], label=f"{name}, {data}")
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
    """Measure all; return {"trained", "deep", "differences", "half_depth": as plain numbers, "lines": the tables}; writes JSON and figure."""
    given = parser().parse_args(arguments)
    if given.seeds < 2 or given.layers < 2 or min(given.depths) < 2 or len(set(given.depths)) < len(given.depths):
        raise ValueError(f"--seeds {given.seeds} --layers {given.layers} --depths {given.depths}: give two or more of each, depths without "
                         "repetition, for intervals over seeds and steps that use a k")
    found = measure(given)
    half = [{"data": data, "half": name, "layers": layers, **plain(of)} for data, name, layers, of in found["half_depth"]]
    to = {data: {name: plain(of) for name, of in rows.items()} for data, rows in found["differences"].items()}
    summary = {"trained": [asdict(t) for t in found["trained"]], "deep": [asdict(t) for t in found["deep"]], "differences": to, "half_depth": half}
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)
    with rc_context(plotting.STYLE):
        write_bytes(out / "architectures.png", plotting.png(draw(found, given), dpi=100))
    write_text(out / "architectures.json", json.dumps(summary, indent=1) + "\n")
    return {**summary, "lines": table(found, given)}


def command():
    """Run from the command line."""
    print("\n".join(main()["lines"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
