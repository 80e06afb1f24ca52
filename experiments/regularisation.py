"""Measure why noise regularises: the loss without noise, what small noise adds to it layer by layer, and the exact split of J_EL − J_LE (MATH 1.4, 1.6).

Problem R1 of MATH 5 (one dimension, every number by grids) gives the constants and the order of what the ledger leaves out; a network with
dropout on its hidden units, trained on moons, the ledger itself, the split by particles and the law of ensembles.  Prints tables and draws all.
"""

import sys
from pathlib import Path

import numpy as np

import regularisation_measures as measures
from command_line import OneLineParser, report_errors, whole
from ocnet import plotting
from outcome import keep
from parts import in_folder
from regularisation_measures import KEEP, LEVELS, MEMBERS, PRINTED, RATIO_LEVELS

DEFAULT_OUT = Path(__file__).resolve().parents[1] / "figures" / "regularisation"


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="regularisation.py", description=__doc__)
    p.add_argument("--nodes", type=whole, default=1601, help="of the coarser grids of R1; finer ones have twice as many")
    p.add_argument("--data", type=whole, default=1321, metavar="NODES", help="of the quadrature of R1's two densities")
    p.add_argument("--steps", type=whole, default=128, help="of the coarser solves of R1 in time")
    p.add_argument("--substeps", type=whole, default=2, help="of an eighth of R1's time, in its ledger")
    p.add_argument("--doublings", type=whole, default=4, help="of 8 layers, for dropout that fades")
    p.add_argument("--points", type=whole, default=200, help="of moons to train on (a multiple of 10)")
    p.add_argument("--layers", type=whole, default=10, help="of the trained network")
    p.add_argument("--iterations", type=whole, default=100, help="of its training, at most")
    p.add_argument("--paths", type=whole, default=1024, help="from each point, for the trained network (a multiple of 16); 16 times as many for the least noise")
    p.add_argument("--seed", type=whole, default=1, help="of data, start and noise")
    p.add_argument("--out", default=str(DEFAULT_OUT), metavar="DIR", help="folder for regularisation.json and regularisation.png")
    return p


def measure(given, part):
    """Return all results by name; see `regularisation_measures`."""
    data = measures.interval_data(given.data)
    r1 = part("r1", lambda: measures.r1(data, given))
    network, theta, moons = part("plane network", lambda: measures.plane_network(given))
    sampled, ledger, variance = part("levels", lambda: measures.levels(network, theta, moons, given))
    return {"r1": r1, "remainders": part("remainders", lambda: measures.remainders(data, given)),
            "fading": part("fading", lambda: measures.fading(data, given, r1["pen"])), "levels": sampled, "ledger": ledger, "variance": variance,
            "skewed": part("skewed", lambda: measures.skewed_remainders(network, theta, moons, ledger, given)),
            "ensembles": part("ensembles", lambda: measures.ensembles(network, theta, moons, given))}


def ratios(r1):
    """{σ: (J_EL − J_0)/(C1 σ²), with its bar}."""
    ledger, found = r1["ledger"], {}
    for sigma in RATIO_LEVELS:
        J, unit = r1["losses"][sigma][0], ledger.penalty * sigma**2
        found[sigma] = ((J.value - ledger.noise_free) / unit, (J.bar + ledger.noise_free_bar) / unit + ledger.penalty_bar / ledger.penalty)
    return found


def order(remainders, largest):
    """Slope of log |rest| against log level, over the levels up to the largest."""
    small = [level for level in remainders if level <= largest]
    return float(np.polyfit(np.log(small), [np.log(abs(remainders[level][1])) for level in small], 1)[0])


def ensemble_law(r1):
    """{M: J_LE + (J_EL − J_LE)/M of R1 at σ = 0.5, with its bar}."""
    expected, of_mean = r1["losses"][0.5]
    return {M: (of_mean.value + (expected.value - of_mean.value) / M, expected.bar / M + of_mean.bar * (1 - 1 / M)) for M in MEMBERS}


def table(found):
    """Lines of text: R1 as measured and as printed, the fading, the trained network."""
    r1, variance = found["r1"], found["variance"]
    ledger, J = r1["ledger"], "J_EL − J_LE"
    lines = [_row("R1", "measured", "± bar", "printed in MATH 1.6 and 5"), _row("J_0", ledger.noise_free, ledger.noise_free_bar, PRINTED["J_0"]),
             _row("C1", ledger.penalty, ledger.penalty_bar, PRINTED["C1"]), _row("PEN", r1["pen"], r1["pen_bar"], PRINTED["PEN"])]
    lines += [_row(f"(J_EL − J_0)/(C1 σ²), σ = {sigma:g}", *pair, printed) for (sigma, pair), printed in zip(ratios(r1).items(), PRINTED["ratios"])]
    lines += [_row(f"J_M, M = {M}", *pair, printed) for (M, pair), printed in zip(ensemble_law(r1).items(), PRINTED["J_M"])]
    lines += [_row("½∫∫ρ|Gᵀ∇u|²", r1["variance"].total, r1["variance"].total_bar, 0.099145), _row(J, r1["variance"].gap, r1["variance"].gap_bar, 0.099113)]
    lines += ["", f"dropout q = {KEEP}, over ½ (c/N) PEN: {J} ± bar, as printed, Gauss–Newton part"]
    lines += [f"  {layers:4d} layers  {ratio:8.4f} ± {bar:.0e}   {PRINTED['fading'].get(layers, '–')}   {newton:8.4f}      ({J} = {gap:.4e})"
              for layers, (gap, ratio, bar, newton) in found["fading"].items()]
    for name, key, largest, theory in (("8 layers, additive noise", "remainders", 0.2, 4), ("trained network, skewed masks", "skewed", 0.5, 3)):
        lines += ["", f"what the ledger leaves of J_EL − J_0 ({name}): slope {order(found[key], largest):.3f} (theory {theory} for noise that tends to 0)"]
        lines += [f"  level {level:5g}: J_EL − J_0 = {everything:.4e}, left {rest:.3e} ± {bar:.0e}" for level, (everything, rest, bar) in found[key].items()]
    lines += ["", "trained network, noise times ε: J_EL ± s.e., by the ledger; J_LE ± s.e., by the ledger"]
    for level, ((el, el_error), (le, le_error)) in found["levels"].items():
        lines.append(f"  ε = {level:4g}   {el:.6f} ± {el_error:.0e}   {found['ledger'].expected_loss(level):.6f}   {le:.6f} ± {le_error:.0e}   "
                     f"{found['ledger'].loss_of_expectation(level):.6f}")
    sampled = ", ".join(f"{M}: {value:.5f} ± {error:.0e}" for M, (value, error) in found["ensembles"].items())
    return [*lines, repr(found["ledger"]), repr(variance), f"J_M by particles, M = {sampled}"]


def _row(name, value, bar, printed):
    """A row of the table of R1."""
    return f"{name:32s} {value if isinstance(value, str) else format(value, '.7f'):>12s} {bar if isinstance(bar, str) else format(bar, '.1e'):>9s}   {printed}"


def paragraph(found):
    """What was measured, in sentences."""
    r1, ledger, variance, fading = found["r1"], found["ledger"], found["variance"], found["fading"]
    first, last, one, split = min(fading), max(fading), r1["ledger"], r1["variance"]
    el, error = found["levels"][1.0][0]
    whole_story = abs(el - ledger.expected_loss()) < 3 * error + ledger.penalty_bar
    return (
        f"On problem R1 the ledger finds J_0 = {one.noise_free:.6f} and the penalty C1 = {one.penalty:.6f} ± {one.penalty_bar:.0e}, in which the Gauss–Newton part "
        f"{one.gauss_newton.sum():.3f} and the bending {one.bending.sum():.3f} nearly cancel; what it leaves of J_EL falls with slope "
        f"{order(found['remainders'], 0.2):.2f} in the noise (theory 4). "
        f"The identity holds both ways: ½∫∫ρ|Gᵀ∇u|² = {split.total:.6f} ± {split.total_bar:.0e} against J_EL − J_LE = {split.gap:.6f} ± {split.gap_bar:.0e}. "
        f"Dropout at a fixed keep probability of {KEEP} fades as 1/N: J_EL − J_LE over ½ (c/N) PEN is {fading[first][1]:.3f} with {first} layers and "
        f"{fading[last][1]:.3f} ± {fading[last][2]:.0e} with {last}. "
        f"In a network trained on moons with that dropout on its hidden units the penalty is {ledger.penalty:.4f}, "
        f"{100 * ledger.gauss_newton.sum() / ledger.penalty:.0f} % of it Gauss–Newton's; at the noise it was trained with, second order is "
        f"{'all that is seen' if whole_story else 'not all'}: J_EL is {el:.4f} ± {error:.0e} where the ledger says {ledger.expected_loss():.4f}, and what it leaves has slope "
        f"{order(found['skewed'], 0.5):.1f} between ε = {min(found['skewed']):g} and {max(found['skewed']):g} (3 in the limit, as masks are skewed). "
        f"Exact at any noise is the split into the variances of the layers, whose sum {variance.total:.5f} ± {variance.total_bar:.0e} stands against "
        f"J_EL − J_LE = {variance.gap:.5f} ± {variance.gap_bar:.0e} (three standard errors each).")


def draw(found):
    """Return the figure, two rows of three."""
    made, ((first, second, third), (fourth, fifth, sixth)) = plotting.figure(2, 3, 10.2, 6.6)
    _draw_remainders(first, found)
    _draw_ledgers(second, fourth, found)
    _draw_levels(third, found)
    _draw_ensembles(fifth, found)
    _draw_fading(sixth, found["fading"])
    return made


def _draw_remainders(ax, found):
    sigma, (everything, rest, bar) = np.array(list(found["remainders"])), np.array(list(found["remainders"].values())).T
    ax.loglog(sigma, everything, "o-", ms=4, color=plotting.LOWER, label="R1: J$_{EL}$ − J$_0$")
    ax.errorbar(sigma, np.abs(rest), bar, fmt="s--", ms=4, capsize=2, color=plotting.UPPER, label="R1: less the ledger's penalty")
    for slope, values in ((2, everything), (4, rest)):
        _slope(ax, sigma, 0.45 * values[0], slope)
    level, (_, skewed, wide) = np.array(list(found["skewed"])), np.array(list(found["skewed"].values())).T
    ax.errorbar(level, np.abs(skewed), wide, fmt="D-.", ms=3.5, capsize=2, color=plotting.FIRST, label="trained, skewed masks: the same")
    _slope(ax, level, 0.2 * abs(skewed[0]), 3, at=1)
    ax.set(title="order of what the ledger leaves", xlabel="level of the noise", ylabel="part of the loss", xticks=sigma, xticklabels=[f"{s:g}" for s in sigma])
    ax.set_ylim(0.05 * rest[0], 300 * everything[-1])
    ax.minorticks_off()
    ax.legend(loc="upper left")


def _slope(ax, x, start, slope, at=0):
    """A thin line of a slope with its name below one of its points."""
    line = start * (x / x[0]) ** slope
    ax.loglog(x, line, color="0.75", lw=0.9, zorder=0)
    ax.annotate(f"slope {slope}", (x[at], line[at]), xytext=(5, -6), textcoords="offset points", fontsize=8, color="0.4", va="top")


def _draw_ledgers(small, exact, found):
    ledger, variance = found["ledger"], found["variance"]
    ledger.plot(small)
    small.set(title="ledger of a trained network", ylabel="penalty of the layer, ε = 1", xlabel="t", ylim=(None, 1.4 * ledger.penalties.max()))
    small.legend(loc="upper left")
    variance.plot(exact)
    exact.stairs(ledger.gauss_newton, ledger.times, color=plotting.UPPER, ls="--", lw=1.4, label="Gauss–Newton (ε → 0)")
    exact.set(title="exact split of J$_{EL}$ − J$_{LE}$, same network", ylabel="half the variance of the layer", xlabel="t",
              ylim=(0, 1.4 * float((variance.parts + variance.bars).max())))
    exact.legend(loc="upper left")
    for ax in (small, exact):
        ax.ticklabel_format(axis="y", scilimits=(0, 0))


def _draw_levels(ax, found):
    ledger, fine = found["ledger"], np.linspace(0, max(LEVELS), 60)
    looks = (("EL", ledger.expected_loss, plotting.LOWER, "o", "-"), ("LE", ledger.loss_of_expectation, plotting.UPPER, "^", "--"))
    for k, (name, foretold, colour, marker, dashes) in enumerate(looks):
        values, errors = np.array([sampled[k] for sampled in found["levels"].values()]).T
        ax.errorbar(LEVELS, values, 3 * errors, fmt=marker, ms=4, capsize=2, color=colour, label=f"J$_{{{name}}}$, particles ± 3 s.e.")
        ax.plot(fine, [foretold(e) for e in fine], dashes, color=colour, lw=1.1, label=f"J$_{{{name}}}$, ledger")
    ax.set(title="what the ledger foretells, same network", xlabel="level ε of the noise (1: as trained)", ylabel="loss")
    ax.legend(loc="upper left")


def _draw_ensembles(ax, found):
    share = np.array([1 / M for M in MEMBERS])
    values, errors = np.array(list(found["ensembles"].values())).T
    (el, _), (le, _) = found["levels"][1.0]
    ax.errorbar(share, values, 3 * errors, fmt="o", ms=4, capsize=2, color=plotting.FIRST, label="J$_M$, particles ± 3 s.e.")
    ax.plot([0, 1], [le, el], "-", lw=1.1, color=plotting.GREY, label="J$_{LE}$ + (J$_{EL}$ − J$_{LE}$)/M")
    ax.set(title="ensembles of M paths, same network", xlabel="1/M", ylabel="loss", xticks=share, xticklabels=["1", "1/2", "1/4", "1/8"])
    ax.legend(loc="upper left")


def _draw_fading(ax, fading):
    layers, (_, ratio, bar, newton) = np.array(list(fading)), np.array(list(fading.values())).T
    ax.errorbar(layers, ratio, bar, fmt="o-", ms=4, capsize=2, color=plotting.LOWER, label="J$_{EL}$ − J$_{LE}$, chain")
    ax.plot(layers, newton, "s--", ms=4, color=plotting.UPPER, label="Gauss–Newton part")
    ax.axhline(1.0, color="0.75", lw=0.9, zorder=0)
    ax.set(title=f"dropout (keep {KEEP}) fades as 1/N (R1)", xlabel="layers N", ylabel="over ½ (c/N) PEN", xscale="log")
    ax.set(xticks=layers, xticklabels=layers)
    ax.minorticks_off()
    ax.legend(loc="upper right")


def main(arguments=None):
    """Measure all; return what the JSON has, by name, "paragraph", and "lines": the table; writes JSON and figure."""
    given = parser().parse_args(arguments)
    if given.paths % 16 or given.points % 10:
        raise ValueError(f"--paths {given.paths} --points {given.points}: give multiples of 16, for ensembles of 8 paths, and of 10, for the split of the data")
    with in_folder(given.out, "regularisation", given, [measures.Extrapolated]) as part:
        found = measure(given, part)
        summary = summarised(found)
        keep(given.out, "regularisation", summary, lambda: draw(found))
    return {**summary, "paragraph": paragraph(found), "lines": table(found)}


def summarised(found):
    """All as plain numbers, by name."""
    r1 = found["r1"]
    named = {name: {f"{key:g}": value for key, value in numbers.items()} for name, numbers in
             {**{name: found[name] for name in ("remainders", "skewed", "fading", "levels", "ensembles")}, "ratios": ratios(r1), "r1_ensembles": ensemble_law(r1),
              "r1_losses": {sigma: [(J.value, J.bar) for J in pair] for sigma, pair in r1["losses"].items()}}.items()}
    return {**named, "r1": {"ledger": r1["ledger"].to_dict(), "pen": r1["pen"], "pen_bar": r1["pen_bar"], "variance": r1["variance"].to_dict()},
               "orders": {"additive": order(found["remainders"], 0.2), "skewed": order(found["skewed"], 0.5)},
               "ledger": found["ledger"].to_dict(), "variance": found["variance"].to_dict()}


def command():
    """Run from the command line."""
    print("\n".join(main()["lines"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
