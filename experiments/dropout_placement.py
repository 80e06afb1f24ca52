"""Ask what depends on where in a branch dropout acts: the drift, its limit as layers grow finer, the test error, and the test with all units on.

Masks on the branch's output or on its last hidden units leave the mean of a layer what it is without noise; masks before the nonlinearity change it to
the mean over masks, by an amount that more layers do not make smaller (MATH 1.3).  Masks that are not rescaled shrink the branch.  Networks are trained
on small sets with each placement and tested three ways: noise on, by expected scores; every branch at its mean; and with all units on.
"""

import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np

from architecture_measures import PairedInterval
from command_line import OneLineParser, fraction, positive, report_errors, whole
from equal_variance import quiet_path
from ocnet import plotting, propagate
from ocnet.networks.noise import HiddenDropout, InputDropout, Noiseless, OutputDropout
from outcome import keep
from parts import in_folder
from small_sets import DATA, chosen, judged, judged_along_means, mean_and_error, network_for, over_seeds, small_set, trained

DEFAULT_OUT = Path(__file__).resolve().parents[1] / "figures" / "dropout_placement"
PLACES = {"output": OutputDropout, "hidden": HiddenDropout, "input": InputDropout, "output, raw": partial(OutputDropout, rescaled=False)}
LOOKS = dict(zip(PLACES, ((plotting.LOWER, "o", "-"), (plotting.FIRST, "s", "-"), (plotting.UPPER, "^", "-"), (plotting.GREY, "D", "--"))))
WAYS = (("averaged", "noise on, averaged"), ("means", "branches at their means"), ("all_on", "all units on"))
_DRIFT_SEED, _END_SEED = 41, 42


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="dropout_placement.py", description=__doc__)
    p.add_argument("--data", nargs="+", choices=tuple(DATA), default=list(DATA), help="small training sets")
    p.add_argument("--keeps", type=fraction, nargs="+", default=[0.8, 0.5], help="probabilities that a unit stays, in training and test")
    p.add_argument("--layers", type=whole, default=6, help="of all networks")
    p.add_argument("--horizon", type=positive, default=4.0, help="time that all layers together reach")
    p.add_argument("--iterations", type=whole, default=300, help="of Adam on all training points")
    p.add_argument("--rate", type=positive, default=0.03, help="of Adam")
    p.add_argument("--paths", type=whole, default=64, help="a point, of a test")
    p.add_argument("--draws", type=whole, default=4096, help="a point, where drifts and ends are averaged; an even number")
    p.add_argument("--doublings", type=whole, default=5, help="of the layers of one network, to see what stays of the noise")
    p.add_argument("--seeds", type=whole, default=10, help="splits and starts, 2 or more")
    p.add_argument("--workers", type=whole, default=2, help="processes that share the seeds")
    p.add_argument("--out", default=str(DEFAULT_OUT), metavar="DIR", help="folder for dropout_placement.json and dropout_placement.png")
    return p


def square(samples, centre):
    """Estimate |E sample − centre|² from samples (d, n, draws) at n points, without bias: mean and standard error over the points.

    The product of two independent halves: where there is nothing the estimate is as often below 0 as above.
    """
    half = samples.shape[-1] // 2
    first, second = (part.mean(axis=-1) - centre for part in (samples[..., :half], samples[..., half:]))
    products = (first * second).sum(axis=0)
    return float(products.mean()), float(products.std(ddof=1) / np.sqrt(products.size))


def drift_change(noise, network, theta, points, draws):
    """(mean, standard error) over layers and points of |f̄ − f|² against the mean |f|², f̄ the mean of the noisy branch by sampled increments."""
    found = []
    for n, at in quiet_path(network, theta, points):
        law, f = noise.law(network.block, network.dim), at.features.output
        wide = replace(at, x=np.ascontiguousarray(np.repeat(at.x, draws, axis=1)))
        xi = law.draw(_DRIFT_SEED, 0, wide.x.shape[1], n)
        increments = noise.increment(wide, xi, network.dt).reshape(*f.shape, draws) / network.dt
        found.append((*square(increments, f), (f * f).sum(axis=0).mean()))
    change, its, size = np.array(found).T
    return change.sum() / size.sum(), float(np.sqrt((its**2).sum())) / size.sum()


def end_shift(noise, network, theta, points, draws):
    """(mean, standard error) over the points of |E X_N − X_N without noise|²."""
    ends = propagate(replace(network, noise=noise).layered(theta), points, draws, seed=_END_SEED).ends
    quiet = replace(network, noise=Noiseless()).layered(theta).end_of_means(np.ascontiguousarray(points.T))
    return square(np.moveaxis(ends, 2, 0), quiet)


def drifts(given):
    """{"change": {place: [(c, mean, error)]}, "shift": {place: [(layers, mean, error)]}} of one network, trained without noise on the first data."""
    data = small_set(given.data[0], 0)
    network, theta = trained(network_for(data, Noiseless(), given.layers, given.horizon), data, lambda *_: Noiseless(), given.iterations, given.rate)
    points, odds = data.train.points, 2.0 ** np.arange(-5, 2)              # c = (1 − q)/q
    change = {place: [(float(c), *drift_change(made(1 / (1 + c)), network, theta, points, given.draws)) for c in odds] for place, made in PLACES.items()}
    shift = {place: [] for place in PLACES}
    for _ in range(given.doublings + 1):
        for place, made in PLACES.items():
            shift[place].append((network.layers, *end_shift(made(min(given.keeps)), network, theta, points, given.draws)))
        theta, network = network.control.prolong(theta, "copy"), network.refined()
    return {"change": change, "shift": shift}


def of_seed(given, seed):
    """[{data, place, keep, seed, way: Tested}, …] of one seed; place "none" keeps all."""
    rows = []
    for name in given.data:
        data = small_set(name, seed)
        for place, q in [("none", 1.0)] + [(place, q) for place in PLACES for q in given.keeps]:
            noise = Noiseless() if place == "none" else PLACES[place](q)
            network, theta = trained(network_for(data, noise, given.layers, given.horizon), data, lambda *_, noise=noise: noise, given.iterations, given.rate)
            tested = {"averaged": judged(network, theta, data, given.paths), "means": judged_along_means(network, theta, data),
                      "all_on": judged_along_means(replace(network, noise=Noiseless()), theta, data)}
            rows += [{"data": name, "place": place, "keep": q, "seed": seed, "way": way, **asdict(found)} for way, found in tested.items()]
    return rows


def measure(given, part):
    """{"drifts", "trained": rows, "to_none": {data: {place: {keep: PairedInterval}}} of the test error, "to_averaged": {… {way: …}} of the test loss}."""
    rows = [row for of_one in over_seeds(partial(of_seed, given), given.seeds, given.workers, part) for row in of_one]

    def values(what, data, place, q, way="averaged"):
        return chosen(rows, what, data=data, place=place, keep=q, way=way)

    to_none = {data: {place: {q: PairedInterval.of(values("test_error", data, place, q) - values("test_error", data, "none", 1.0)) for q in given.keeps}
                      for place in PLACES} for data in given.data}
    to_averaged = {data: {place: {q: {way: PairedInterval.of(values("test_loss", data, place, q, way) - values("test_loss", data, place, q))
                                      for way in ("means", "all_on")} for q in given.keeps} for place in PLACES} for data in given.data}
    return {"drifts": part("drifts", partial(drifts, given)), "trained": rows, "to_none": to_none, "to_averaged": to_averaged}


def _told(i, scale, digits):
    return f"{scale * i.mean:+.{digits}f} [{scale * i.low:+.{digits}f}, {scale * i.high:+.{digits}f}]"


def table(found, given):
    """Lines of text: drifts, then a row a data set, place and keep probability."""
    lines = ["squared change of the drift, share of |f|²:   " + "".join(f"c = {c:<16.3g}" for c, *_ in found["drifts"]["change"]["input"])]
    lines += [f"  {place:42s}  " + "".join(f"{v:+.1e} ± {e:.0e}  " for _, v, e in row) for place, row in found["drifts"]["change"].items()]
    lines.append("squared shift of the mean end:                " + "".join(f"N = {n:<16d}" for n, *_ in found["drifts"]["shift"]["input"]))
    lines += [f"  {place:42s}  " + "".join(f"{v:+.1e} ± {e:.0e}  " for _, v, e in row) for place, row in found["drifts"]["shift"].items()]
    for data in given.data:
        lines.append(f"{data:14s} keep  test error, %   less none, % (95 %)        test loss    at means, less averaged     all units on, less averaged")
        for place, q in [("none", 1.0)] + [(place, q) for place in PLACES for q in given.keeps]:
            (error, _), (loss, _) = (mean_and_error(chosen(found["trained"], what, data=data, place=place, keep=q, way="averaged"))
                                     for what in ("test_error", "test_loss"))
            told = "" if place == "none" else (f"{_told(found['to_none'][data][place][q], 100, 2):27s}  {loss:.4f}  "
                                               + "   ".join(f"{_told(i, 1, 3):26s}" for i in found["to_averaged"][data][place][q].values()))
            lines.append(f"  {place:12s} {q:4.2g}   {100 * error:6.2f}         {told or ' ' * 29 + f'{loss:.4f}'}")
    return lines


def draw(found, given):
    """Return the figure: what happens to the drift, what stays of it as layers grow finer, the test error; below, other ways to test."""
    made, axes = plotting.figure(2, 3, 10.0, 6.8)
    _draw_squares(axes[0, 0], found["drifts"]["change"])
    odds = np.array([c for c, *_ in found["drifts"]["change"]["input"]])
    first = np.sqrt(max(found["drifts"]["change"]["input"][0][1], 0.0))
    axes[0, 0].plot(odds, first * odds / odds[0], color="0.7", lw=0.8, zorder=0, label="slope 1, −1")
    axes[0, 0].set(xlabel="(1 − q)/q", ylabel="|mean of the branch − f| / |f|", title="change of the drift")
    axes[0, 0].plot([], [], "v", color="0.4", mfc="none", ms=4, label="not seen: below this")
    axes[0, 0].set(xscale="log", yscale="log")
    _draw_squares(axes[0, 1], found["drifts"]["shift"])
    layers = [n for n, *_ in found["drifts"]["shift"]["input"]]
    axes[0, 1].set(xlabel="layers, the horizon kept", ylabel="|E X$_N$ − X$_N$ without noise|", title=f"shift of the end, q = {min(given.keeps):g}",
                   xscale="log", yscale="log", xticks=layers, xticklabels=layers)
    _, seen, _ = found["drifts"]["shift"]["output"][-1]
    axes[0, 1].plot(layers, np.sqrt(max(seen, 0.0)) * layers[-1] / np.array(layers), color="0.7", lw=0.8, zorder=0)
    axes[0, 1].minorticks_off()
    _draw_errors(axes[0, 2], found["to_none"], given)
    for ax, data in zip(axes[1], given.data):
        _draw_ways(ax, found["to_averaged"][data], given)
        ax.set_title(data)
        if ax is not axes[1, 0]:
            ax.set_yticklabels([])
    for ax in axes[1, len(given.data):]:
        ax.set_axis_off()
    made.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=6)
    return made


def _draw_squares(ax, rows):
    """Roots of squares with bars; below what two standard errors tell from 0, a mark at that bound that points down."""
    for place, (colour, marker, line) in LOOKS.items():
        at, mean, error = np.array(rows[place]).T
        seen = mean > 2 * error
        root = np.sqrt(np.maximum(mean, 0.0))
        bars = np.where(seen, error / np.where(seen, root, 1), 0.0)          # √(m ± 2e) ≈ √m ± e/√m
        ax.errorbar(at[seen], root[seen], bars[seen], color=colour, marker=marker, ls=line, ms=4, lw=1, label=place)
        ax.plot(at[~seen], np.sqrt(np.maximum(mean, 0.0) + 2 * error)[~seen], "v", color=colour, ms=4, mfc="none")


def _draw_errors(ax, to_none, given):
    """Test error less that without noise, a row a data set and keep probability."""
    rows = [(data, q) for data in given.data for q in given.keeps]
    for j, place in enumerate(PLACES):
        colour, marker, _ = LOOKS[place]
        mean, low, high = 100 * np.array([(i.mean, i.low, i.high) for i in (to_none[data][place][q] for data, q in rows)]).T
        ax.errorbar(mean, np.arange(len(rows)) + 0.18 * (j - 1.5), xerr=(mean - low, high - mean), fmt=marker, ms=3.5, lw=1, color=colour)
    ax.axvline(0, color="0.6", lw=0.8, zorder=0)
    ax.set(yticks=range(len(rows)), yticklabels=[f"{data}\nq = {q:g}" for data, q in rows], ylim=(len(rows) - 0.5, -0.5),
           xlabel="test error less no noise's, %", title="noise on, averaged")


def _draw_ways(ax, to_averaged, given):
    """Test loss of the two other ways, less that of the averaged stochastic network."""
    rows = [(place, q) for place in PLACES for q in given.keeps]
    for j, (way, shade, marker) in enumerate((("means", "0.45", "o"), ("all_on", "black", "s"))):
        mean, low, high = np.array([(i.mean, i.low, i.high) for i in (to_averaged[place][q][way] for place, q in rows)]).T
        ax.errorbar(mean, np.arange(len(rows)) + 0.26 * (j - 0.5), xerr=(mean - low, high - mean), fmt=marker, ms=3.5, lw=1, color=shade, label=dict(WAYS)[way])
    ax.vlines(0, -0.5, len(rows) - 0.5, color="0.6", lw=0.8, zorder=0)
    ax.set(yticks=range(len(rows)), yticklabels=[f"{place}, q = {q:g}" for place, q in rows], ylim=(len(rows) - 0.5, -2.4),
           xlabel="test loss less that of noise on")
    ax.legend(fontsize=7.5, loc="upper center", ncols=1)


def _span(counts):
    """The least to the most of counts."""
    return f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else f"{min(counts) or 'none'}"


def paragraph(found, given):
    """Sentences for the gallery, with the numbers measured."""
    change, shift, q = found["drifts"]["change"], found["drifts"]["shift"], min(given.keeps)
    still = [abs(v) <= 2 * e for place in ("output", "hidden") for _, v, e in change[place]]
    of_input = np.array(change["input"])
    low, high = np.sqrt(np.maximum(of_input[[0, -1], 1], 0))
    (n0, a0, e0), (n1, a1, e1) = shift["input"][0], shift["input"][-1]
    verdicts = {place: [i.verdict for data in given.data for i in found["to_none"][data][place].values()] for place in PLACES}
    lower, higher = ([v.count(side) for v in verdicts.values()] for side in ("lower", "higher"))
    told = [f"**Input dropout changes the mean of a branch, by up to {100 * high:.0f} % of its size; output and hidden dropout "
            f"{'do not' if all(still) else f'do in {still.count(False)} of {len(still)} measurements'}. Wherever it is placed, the test error is lower than without noise in "
            f"{_span(lower)} of {len(verdicts['output'])} comparisons and higher in {_span(higher)}.**"]
    told += [f"Masks on the output or on the last hidden units do not change the mean of a branch: {sum(still)} of {len(still)} measured changes are within two "
            f"standard errors of 0.  Masks before the nonlinearity change it by {100 * low:.1f} % of its size at (1 − q)/q = {of_input[0, 0]:.3g} and by "
            f"{100 * high:.0f} % at {of_input[-1, 0]:.3g}."]
    told.append(f"Made of {n1} layers instead of {n0} with the same horizon, at q = {q:g} the squared shift of the mean end by input dropout goes from {a0:.3g} ± {e0:.1g} to "
                f"{a1:.3g} ± {e1:.1g}, that by output dropout from {shift['output'][0][1]:.2g} ± {shift['output'][0][2]:.1g} to "
                f"{shift['output'][-1][1]:.2g} ± {shift['output'][-1][2]:.1g}.")
    told.append(f"Test error against no noise, over {given.seeds} seeds with 95 % intervals on {len(given.data)} data sets and {len(given.keeps)} keep probabilities: "
                + "; ".join(f"{place} lower in {v.count('lower')}, higher in {v.count('higher')}, undecided in {v.count('undecided')}" for place, v in verdicts.items()) + ".")
    ways = {place: [of_q["all_on"] for data in given.data for of_q in found["to_averaged"][data][place].values()] for place in PLACES}
    told.append("With all units on at test time the test loss, compared with that of the averaged stochastic network, is "
                + "; ".join(f"for {place} higher in {sum(i.verdict == 'higher' for i in v)} and lower in {sum(i.verdict == 'lower' for i in v)} of {len(v)} cases "
                            f"(median {np.median([i.mean for i in v]):+.3f})" for place, v in ways.items()) + ".")
    return " ".join(told)


def main(arguments=None):
    """Measure all; return {"drifts", "trained", "to_none", "to_averaged": plain, "paragraph", "lines": the table}; writes JSON and figure."""
    given = parser().parse_args(arguments)
    if given.seeds < 2 or not all(0 < q < 1 for q in given.keeps) or len(set(given.keeps)) < len(given.keeps) or given.draws % 2 or given.doublings < 1:
        raise ValueError(f"--seeds {given.seeds} --keeps {given.keeps} --draws {given.draws}: give two seeds or more, different probabilities within (0, 1), "
                         "and an even number of draws")
    with in_folder(given.out, "dropout_placement", given) as part:
        found = measure(given, part)
        summary = summarised(found, given)
        keep(given.out, "dropout_placement", summary, lambda: draw(found, given))
    return {**summary, "lines": [*table(found, given), "", summary["paragraph"]]}


def summarised(found, given):
    """All as plain numbers, and the paragraph."""
    plain = {"drifts": found["drifts"], "trained": found["trained"],
             "to_none": {data: {place: {f"{q:g}": i.to_dict() for q, i in of.items()} for place, of in to.items()} for data, to in found["to_none"].items()},
             "to_averaged": {data: {place: {f"{q:g}": {way: i.to_dict() for way, i in ways.items()} for q, ways in of.items()} for place, of in to.items()}
                             for data, to in found["to_averaged"].items()}}
    return {**plain, "paragraph": paragraph(found, given)}


def command():
    """Run from the command line."""
    print("\n".join(main()["lines"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
