"""Look at the loss around minima with and without noise: slices by grid and by particles, largest curvature, input gradients (MATH 1.6).

Networks are trained on moons at several levels of additive noise, from one start a seed; what is said of a level is a paired 95 % interval over
seeds of its ratio to no noise.  Slices are along filter-normalised directions (Li et al. 2018).  Prints a table and draws all.
"""

import sys
from pathlib import Path

import numpy as np

import landscape_measures as measures
from command_line import OneLineParser, fraction, report_errors, whole
from landscape_measures import SLICE_NOISE
from ocnet import plotting
from outcome import keep
from parts import in_folder

DEFAULT_OUT = Path(__file__).resolve().parents[1] / "figures" / "loss_landscape"
QUANTITIES = {"quiet": "largest eigenvalue of ∇²J_0", "own": "largest eigenvalue of ∇²J_EL(σ)", "slope": "input gradient of the noise-free loss",
              "score_slope": "input gradient of the noise-free score"}
BOTH = ("EL", "LE")                  # criteria of the slice


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="loss_landscape.py", description=__doc__)
    p.add_argument("--sigmas", type=fraction, nargs="+", default=[0.0, 0.1, 0.2, 0.4], help="levels of noise, the first of them 0")
    p.add_argument("--seeds", type=whole, default=8, help="of data, start and noise (2 or more)")
    p.add_argument("--points", type=whole, default=100, help="of moons, of which 70 %% of twice as many train (a multiple of 10)")
    p.add_argument("--width", type=whole, default=8, help="of a layer")
    p.add_argument("--layers", type=whole, default=8, help="of the networks")
    p.add_argument("--paths", type=whole, default=64, help="from each point, in training and on slices")
    p.add_argument("--many", type=whole, default=512, help="from each point, on the slice that grids compute too (even)")
    p.add_argument("--iterations", type=whole, default=300, help="of training, at most")
    p.add_argument("--directions", type=whole, default=4, help="random slices a seed, for their roughness")
    p.add_argument("--places", type=whole, default=21, help="on a slice (odd)")
    p.add_argument("--plane", type=whole, default=15, help="along each side of a plane (odd)")
    p.add_argument("--nodes", type=whole, default=101, help="of the grid, per axis; its bars come from one of more than four times as many in all")
    p.add_argument("--out", default=str(DEFAULT_OUT), metavar="DIR", help="folder for loss_landscape.json and loss_landscape.png")
    return p


def measure(given, part):
    """Return all results by name; see `landscape_measures`."""
    found = measures.minima(given, part)
    ratios = {name: measures.compared(found, given, name) for name in QUANTITIES}
    last = found[given.sigmas[-1], 0].theta
    return {"minima": found, "ratios": ratios, "roughness": part("roughness", lambda: measures.rough_slices(found, given)),
            "slices": part("slices", lambda: measures.slices(last, given)), "planes": part("planes", lambda: measures.planes(found, given))}


def lowest_gap(slices):
    """(least J_EL − J_LE on the slice by the grid, the bars of both there)."""
    expected, of_mean = slices["EL grid"], slices["LE grid"]
    k = int((expected.values - of_mean.values).argmin())
    return float(expected.values[k] - of_mean.values[k]), float(expected.bars[k] + of_mean.bars[k])


def agreement(found, names):
    """Share of the places of slices or planes at which grid and particles agree within their bars, all names together."""
    return float(np.mean([np.abs(found[f"{name} grid"].values - found[f"{name} particles"].values)
                          <= found[f"{name} grid"].bars + found[f"{name} particles"].bars for name in names]))


def ratio(interval):
    """exp of an interval of logarithms: middle, low, high."""
    return tuple(float(np.exp(x)) for x in (interval.mean, interval.low, interval.high))


def _told(interval):
    middle, low, high = ratio(interval)
    return f"{middle:.3g} [{low:.3g}, {high:.3g}]"


def table(found, given):
    """Lines of text: means of each level; ratios to no noise with their intervals; what slices say."""
    lines = ["    σ   J claimed    J fresh   test error    λ(J_0)   λ(J_EL)   |∇ₓ loss|   |∇ₓ score|    (means over seeds)"]
    for sigma in given.sigmas:
        mean = {name: np.mean([getattr(found["minima"][sigma, seed], name) for seed in range(given.seeds)])
                for name in ("claimed", "fresh", "test_error", *QUANTITIES)}
        lines.append(f"{sigma:5g}  {mean['claimed']:10.5f} {mean['fresh']:10.5f} {mean['test_error']:12.4f} {mean['quiet']:9.4f} {mean['own']:9.4f} "
                     f"{mean['slope']:11.4f} {mean['score_slope']:12.3f}")
    lines += ["", f"ratios to no noise, 95 % intervals paired over {given.seeds} seeds"]
    for name, label in (*QUANTITIES.items(), ("roughness", "roughness of slices at one θ")):
        of_level = found["roughness"] if name == "roughness" else found["ratios"][name]
        lines.append(f"  {label:42s}" + "   ".join(f"σ = {sigma:g}: {_told(interval)}" for sigma, interval in of_level.items()))
    gap, bar = lowest_gap(found["slices"])
    bars = [m.own_bar / abs(m.own) for m in found["minima"].values()] + [m.quiet_bar / abs(m.quiet) for m in found["minima"].values()]
    return lines + ["", f"slice at σ = {SLICE_NOISE:g}: least J_EL − J_LE by the grid {gap:.2e}, bars there {bar:.0e}; grid and particles, by paths that "
                    f"θ was not trained on, agree within their bars at {100 * agreement(found['slices'], BOTH):.0f} % of the places, in the plane at "
                    f"{100 * agreement(found['planes'], ['EL']):.0f} %", f"eigenvalues: bars at most {max(bars):.0e} of them"]


def _verdict(interval, less, more):
    _, low, high = ratio(interval)
    return less if high < 1 else more if low > 1 else "no difference that the interval shows"


def paragraph(found, given):
    """What was measured, in sentences."""
    top, ratios = given.sigmas[-1], found["ratios"]
    gap, bar = lowest_gap(found["slices"])
    rough = found["roughness"][top]
    return (
        f"Networks are trained on moons without noise and with additive noise up to σ = {top:g}; ratios to no noise are geometric means with 95 % intervals over "
        f"{given.seeds} seeds. At the minima of J_EL({top:g}) the Hessian of the noise-free loss J_0 has a largest eigenvalue of {_told(ratios['quiet'][top])} times that at minima of "
        f"J_0 ({_verdict(ratios['quiet'][top], 'flatter', 'sharper')}), and the noise-free score has {_told(ratios['score_slope'][top])} times the input gradient "
        f"({_verdict(ratios['score_slope'][top], 'smaller', 'larger')}; of the noise-free loss {_told(ratios['slope'][top])}). The Hessian of J_EL({top:g}) itself does not share this: its largest "
        f"eigenvalue is {_told(ratios['own'][top])} times that of J_0 at its own minima, whose losses are nearly 0 and so flat. "
        f"Slices through one θ have {_told(rough)} times the root-mean-square second derivative with that noise ({_verdict(rough, 'smoother', 'rougher')}). "
        f"On the slice drawn J_EL − J_LE is {gap:.1e} at least by the grid, where the bars are {bar:.0e}, and grid and particles, by paths that θ was not trained on and "
        f"that all places share, agree within their bars of three standard errors at {100 * agreement(found['slices'], BOTH):.0f} % of the places; in the plane of J_EL({top:g}) they do at {100 * agreement(found['planes'], ['EL']):.0f} %.")


def draw(found, given):
    """Return the figure, two rows of three."""
    made, ((first, second, third), (fourth, fifth, sixth)) = plotting.figure(2, 3, 10.2, 6.6)
    _draw_slice(first, found["slices"])
    least, highest = (pick([pick(plane.values) for plane in found["planes"].values()]) for pick in (np.min, np.max))
    for ax, name, style in ((second, "no noise", {"colour": plotting.GREY}), (third, "EL grid", {"colour": plotting.UPPER, "dashes": "--", "numbers": None}),
                            (third, "EL particles", {"colour": plotting.LOWER})):
        found["planes"][name].plot(ax, levels=np.geomspace(1.15 * least, 0.9 * highest, 8), **style)
    _draw_ratios(fourth, {"of ∇²J$_0$": found["ratios"]["quiet"], "of ∇²J$_{EL}$(σ)": found["ratios"]["own"]}, "largest eigenvalue at the minima")
    _draw_ratios(fifth, {"noise-free score": found["ratios"]["score_slope"], "noise-free loss": found["ratios"]["slope"]}, "input gradient at the minima")
    _draw_ratios(sixth, {"root mean square d²J/da²": found["roughness"]}, "roughness of slices at one θ")
    return made


def _draw_slice(ax, slices):
    found = (("no noise", plotting.GREY, ":"), ("EL grid", plotting.LOWER, "-"), ("LE grid", plotting.UPPER, "--"))
    for name, colour, dashes in found:
        slices[name].plot(ax, colour=colour, dashes=dashes)
    for name, colour, marker in (("EL particles", plotting.LOWER, "o"), ("LE particles", plotting.UPPER, "^")):
        line = slices[name]
        ax.errorbar(line.axes[0], line.values, line.bars, fmt=marker, ms=3, lw=0.8, capsize=1.5, color=colour, label=line.name)
    ax.set(title=f"one slice, σ = {SLICE_NOISE:g}", ylim=(0, 1.45 * max(line.values.max() for line in slices.values())))
    ax.legend(loc="upper center", ncols=2, columnspacing=1.0, handlelength=1.8)


def _draw_ratios(ax, named, title):
    """Ratios to no noise with their intervals, against σ."""
    for k, ((label, of_level), colour, marker) in enumerate(zip(named.items(), (plotting.LOWER, plotting.UPPER), "o^")):
        middle, low, high = np.array([ratio(interval) for interval in of_level.values()]).T
        sigma = np.array(list(of_level)) * (1 + 0.03 * k)                # side by side where bars overlap
        ax.errorbar(sigma, middle, (middle - low, high - middle), fmt=marker, ms=4, capsize=2.5, color=colour, label=label)
    ax.axhline(1.0, color="0.75", lw=0.9, zorder=0)
    ax.set(title=title, xlabel="noise level σ", ylabel="ratio to no noise", yscale="log")
    low, high = ax.get_ylim()
    high *= (high / low) ** 0.35                                             # room for the legend
    wide = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30) if high / low > 10 else (0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.2, 1.5, 2, 3)
    ticks, levels = [t for t in wide if low <= t <= high], list(next(iter(named.values())))
    ax.minorticks_off()
    ax.set(yticks=ticks, yticklabels=[f"{t:g}" for t in ticks], ylim=(low, high), xticks=levels, xticklabels=[f"{s:g}" for s in levels])
    ax.legend(loc="upper left")


def main(arguments=None):
    """Measure all; return {"minima", "ratios", "roughness", "slices", "planes", "paragraph", "lines"}; writes JSON and figure."""
    given = parser().parse_args(arguments)
    if given.sigmas[0] != 0 or len(given.sigmas) < 2 or given.seeds < 2 or given.many % 2 or given.points % 10:
        raise ValueError(
            f"--sigmas {given.sigmas} --seeds {given.seeds} --many {given.many} --points {given.points}: give 0 and another level, two seeds or more, an even "
            "number of paths and a multiple of 10 points")
    with in_folder(given.out, "loss_landscape", given, [measures.Minimum, measures.PairedInterval]) as part:
        found = measure(given, part)
        summary = summarised(found)
        keep(given.out, "loss_landscape", summary, lambda: draw(found, given))
    return {**summary, "paragraph": paragraph(found, given), "lines": table(found, given)}


def summarised(found):
    """All as plain numbers."""
    return {"minima": [m.to_dict() for m in found["minima"].values()],
               "ratios": {name: {f"{sigma:g}": ratio(interval) for sigma, interval in of_level.items()}
                          for name, of_level in {**found["ratios"], "roughness": found["roughness"]}.items()},
               "slices": {name: line.to_dict() for name, line in found["slices"].items()}, "planes": {name: plane.to_dict() for name, plane in found["planes"].items()},
               "least_gap": lowest_gap(found["slices"]), "agreement": agreement(found["slices"], BOTH), "plane_agreement": agreement(found["planes"], ["EL"])}


def command():
    """Run from the command line."""
    print("\n".join(main()["lines"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
