"""Ask whether noise and ensembles make networks harder to attack, and how fast nearby inputs part on their way through the layers.

Networks in the style of EnResNet: each layer adds normal noise of so many times the standard deviation of its states over all training points, in training
and test; M members are M paths of one network whose scores are averaged before the loss (EnResNet's members have parameters of their own).  Attacks
climb the loss of the averaged scores with the gradient through the noise, on held-out points, and are judged by fresh noise.  An attacker who averages
few paths follows their noise and looks weak: so the most noisy networks are attacked by few and by many.  Lyapunov exponents: of de = e dt + 2 e dB
step by step, by quadrature and along paths; of the trained networks; and of one with noise in proportion to its states.
"""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

import lyapunov_chain as chain
from architecture_measures import PairedInterval, bold_answer
from command_line import OneLineParser, positive, report_errors, whole
from equal_variance import Layerwise, quiet_path
from ocnet import L2Ball, LabelledPoints, LInfinityBall, Setting, fgsm, lyapunov_exponent, pgd, plotting
from ocnet.kernels.philox import derived_seed
from ocnet.networks.noise import Gaussian, Noiseless, StateGaussian
from ocnet.training.criteria import EnsembleLoss, ExpectedLoss, LossOfExpectation
from ocnet.training.losses import CrossEntropy
from ocnet.training.objectives import ParticleObjective
from outcome import keep
from parts import in_folder
from small_sets import DATA, chosen, mean_and_error, network_for, over_seeds, small_set, trained

DEFAULT_OUT = Path(__file__).resolve().parents[1] / "figures" / "robustness"
BALLS = {"moons": (LInfinityBall(0.2), L2Ball(0.25)), "breast-cancer": (LInfinityBall(0.2), L2Ball(0.25)), "digits": (LInfinityBall(0.2), L2Ball(0.6))}
ATTACKS = ("FGSM L∞", "PGD L∞", "FGSM L2", "PGD L2")
LOOKS = {"PGD L∞": (plotting.UPPER, "s"), "PGD L2": (plotting.LOWER, "D")}
STRENGTHS = (4, 16, 64, 256)         # paths of attackers of the most noisy networks
_ATTACKING, _PARTING = 51, 52        # words that keep the random streams apart
_WALKED = 16                         # paths a point, of exponents


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="robustness.py", description=__doc__)
    p.add_argument("--data", nargs="+", choices=tuple(DATA), default=["moons", "digits"], help="small training sets")
    p.add_argument("--levels", type=positive, nargs="+", default=[0.1, 0.2, 0.4], help="noise of a layer over the deviation of its states; none is always there")
    p.add_argument("--members", type=whole, nargs="+", default=[1, 4], help="paths whose scores are averaged before the loss, in training")
    p.add_argument("--layers", type=whole, default=6, help="of all networks")
    p.add_argument("--horizon", type=positive, default=4.0, help="time that all layers together reach")
    p.add_argument("--iterations", type=whole, default=300, help="of Adam on all training points")
    p.add_argument("--rounds", type=whole, default=5, help="of training, before each of which the noise is measured anew")
    p.add_argument("--rate", type=positive, default=0.03, help="of Adam")
    p.add_argument("--points", type=whole, default=60, help="held-out points that are attacked, at most")
    p.add_argument("--steps", type=whole, default=10, help="of PGD")
    p.add_argument("--paths", type=whole, default=128, help="a point, of an attack, an even number")
    p.add_argument("--judges", type=whole, default=256, help="paths a point that judge, with fresh noise; a multiple of those of every attack")
    p.add_argument("--chain-paths", type=whole, default=20_000, help="of the scalar equation")
    p.add_argument("--time-steps", type=positive, nargs="+", default=[0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001], help="of the scalar equation")
    p.add_argument("--seeds", type=whole, default=10, help="splits and starts, 2 or more")
    p.add_argument("--workers", type=whole, default=2, help="processes that share the seeds")
    p.add_argument("--out", default=str(DEFAULT_OUT), metavar="DIR", help="folder for robustness.json and robustness.png")
    return p


def in_proportion(level, network, theta, points):
    """Normal noise of `level` times the standard deviation of each layer's states after it, over all points and components (Wang et al., EnResNet)."""
    if level == 0:
        return Noiseless()
    deviations = [float((at.x + network.dt * at.features.output).std()) for _, at in quiet_path(network, theta, points)]
    return Layerwise(tuple(Gaussian(level * deviation / network.dt, scaling="natural") for deviation in deviations))


def of_seed(given, seed):
    """[{data, level, members, seed, attack, …}, …], [{data, level, members, seed, exponent}, …] and [{data, seed, paths, …}, …] of one seed."""
    attacks, exponents, strengths = [], [], []
    for name in given.data:
        data = small_set(name, seed)
        for level, members in [(0.0, 1)] + [(level, members) for level in given.levels for members in given.members]:
            network, theta = fitted(data, level, members, given)
            this = {"data": name, "level": level, "members": members, "seed": seed}
            attacks += [{**this, "attack": attack, **found.to_dict()} for attack, found in attacked(network, theta, data, given).items()]
            if (level, members) == (max(given.levels), 1):
                strengths += [{"data": name, "seed": seed, "paths": paths, **by_so_many(paths, network, theta, data, given).to_dict()} for paths in strengths_of(given)]
            parting = lyapunov_exponent(network.layered(theta), data.test.points[:given.points], _WALKED, seed=derived_seed(seed, _PARTING))
            exponents.append({**this, "exponent": parting.value, "standard_error": parting.standard_error})
    return attacks, exponents, strengths


def fitted(data, level, members, given):
    """A trained network and θ: by the expected loss for one member, by the loss of the mean score of M for more."""
    criterion, paths = (ExpectedLoss, 2) if members == 1 else (partial(EnsembleLoss, members=members), 2 * members)
    return trained(network_for(data, Noiseless(), given.layers, given.horizon), data, lambda network, theta: in_proportion(level, network, theta, data.train.points),
                   given.iterations, given.rate, given.rounds, criterion, paths)


def attacked(network, theta, data, given):
    """{name: Attack} of held-out points; what is attacked is the loss of the averaged scores."""
    paths, found = 2 if isinstance(network.noise, Noiseless) else given.paths, {}
    objective, judges = _attacker(network, theta, data, paths, given)
    for kind, ball in zip(("L∞", "L2"), BALLS[data.name]):
        found[f"FGSM {kind}"] = fgsm(objective, theta, ball, judges=judges)
        found[f"PGD {kind}"] = pgd(objective, theta, ball, iterations=given.steps, judges=judges)
    return found


def by_so_many(paths, network, theta, data, given):
    """The PGD L∞ `Attack` by an attacker of so many paths; judged by the same noise, however many they are."""
    objective, judges = _attacker(network, theta, data, paths, given)
    return pgd(objective, theta, BALLS[data.name][0], iterations=given.steps, judges=judges)


def _attacker(network, theta, data, paths, given):
    """The objective of an attacker of so many paths, and how many times as many judge."""
    points = LabelledPoints(data.test.points[:given.points], data.test.labels[:given.points])
    setting = Setting(network, points, LossOfExpectation(CrossEntropy(data.classes)))
    return ParticleObjective(setting, paths, derived_seed(data.seed, _ATTACKING)), given.judges // paths


def strengths_of(given):
    """Those of STRENGTHS that the judges are a multiple of."""
    return [paths for paths in STRENGTHS if given.judges % paths == 0]


def of_the_chain(given):
    """{"steps", "schemes": {name: {"quadrature", "paths", "errors"}}, "moment"} of the scalar equation."""
    schemes = {}
    for name in chain.SCHEMES:
        sampled = [chain.along_paths(name, dt, given.chain_paths, seed=k) for k, dt in enumerate(given.time_steps)]
        schemes[name] = {"quadrature": [chain.by_quadrature(name, dt) for dt in given.time_steps], "paths": [s.value for s in sampled],
                         "errors": [s.standard_error for s in sampled]}
    exact, moment = chain.second_moment(5 * given.chain_paths)
    return {"steps": list(given.time_steps), "schemes": schemes, "moment": {"exact": exact, **moment.to_dict()}}


def with_noise_on_states(given):
    """[{level, exponent, error, half the exponent of the second moment, its error}] of a network trained without noise, with noise level · x on its states."""
    data, rows = small_set(given.data[0], 0), []
    network, theta = fitted(data, 0.0, 1, given)
    for level in (0.0, *np.linspace(0.2, 1.0, 5)):
        process = replace(network, noise=StateGaussian(float(level)) if level else Noiseless()).layered(theta)
        found = lyapunov_exponent(process, data.test.points[:given.points], 8 * _WALKED, seed=_PARTING)
        moment = found.moment(2)
        rows.append({"level": float(level), "exponent": found.value, "error": found.standard_error, "mean_square": moment.value / 2,
                     "mean_square_error": moment.standard_error / 2})
    return rows


def measure(given, part):
    """All of it: {"attacks", "exponents", "strengths": rows, "against": {data: {attack: {(level, members): PairedInterval}}} of the error after, "chain", "on_states"}."""
    seeds = over_seeds(partial(of_seed, given), given.seeds, given.workers, part)
    attacks, exponents, strengths = ([row for of_one in seeds for row in of_one[k]] for k in range(3))

    def after(data, attack, level, members):
        return chosen(attacks, "error_after", data=data, attack=attack, level=level, members=members)

    against = {data: {attack: {(level, members): PairedInterval.of(after(data, attack, level, members) - after(data, attack, 0.0, 1))
                               for level in given.levels for members in given.members} for attack in ATTACKS} for data in given.data}
    return {"attacks": attacks, "exponents": exponents, "strengths": strengths, "against": against,
            "chain": part("chain", partial(of_the_chain, given)), "on_states": part("on states", partial(with_noise_on_states, given))}


def _percent(rows, what, **wanted):
    mean, its = mean_and_error(100 * chosen(rows, what, **wanted))
    return f"{mean:5.1f} ± {its:3.1f}"


def table(found, given):
    """Lines of text: errors under attack, then exponents."""
    lines = []
    for data in given.data:
        lines.append(f"{data:10s} noise members  error, % of points:  none   " + "".join(f"{a:14s}" for a in ATTACKS)
                     + f"PGD L∞ less no noise, %: 95 % over {given.seeds} seeds   exponent")
        for level, members in [(0.0, 1)] + [(level, members) for level in given.levels for members in given.members]:
            this = {"data": data, "level": level, "members": members}
            i = found["against"][data]["PGD L∞"].get((level, members))
            told = "" if i is None else f"{100 * i.mean:+6.2f} [{100 * i.low:+.2f}, {100 * i.high:+.2f}] {i.verdict}"
            mean, its = mean_and_error(chosen(found["exponents"], "exponent", **this))
            lines.append(f"{'':10s} {level:5.2g} {members:7d}  {_percent(found['attacks'], 'error_before', attack=ATTACKS[0], **this):>25s}   "
                         + "   ".join(_percent(found["attacks"], "error_after", attack=attack, **this) for attack in ATTACKS)
                         + f"   {told:42s} {mean:+.3f} ± {its:.3f}")
    lines += [f"{data}, noise {max(given.levels):g}, 1 member, PGD L∞ by so many paths: error, %  " + "   ".join(
        f"{paths}: {_percent(found['strengths'], 'error_after', data=data, paths=paths)}" for paths in strengths_of(given)) for data in given.data]
    lines.append("exponents of de = e dt + 2 e dB, limit −1:  dt, then quadrature and paths of each scheme")
    for k, dt in enumerate(found["chain"]["steps"]):
        lines.append(f"  {dt:7.4g}  " + "   ".join(f"{name}: {of['quadrature'][k]:.4f}, {of['paths'][k]:.4f} ± {of['errors'][k]:.4f}"
                                                 for name, of in found["chain"]["schemes"].items()))
    m = found["chain"]["moment"]
    lines.append(f"second moment, limit {chain.mean_square():g}: chain {m['exact']:.4f}, paths {m['value']:.3f} ± {m['standard_error']:.3f}")
    return lines + [f"noise {row['level']:.1f} · x: exponent {row['exponent']:+.4f} ± {row['error']:.4f}, half the second moment's {row['mean_square']:+.4f} "
                    f"± {row['mean_square_error']:.4f}" for row in found["on_states"]]


def draw(found, given):
    """Return the figure: errors under attack on two data sets and exponents of the networks; below, the scalar chain, attackers of few and many paths, noise on states."""
    made, axes = plotting.figure(2, 3, 10.0, 6.8)
    for ax, data in zip(axes[0], given.data[:2]):
        _draw_errors(ax, found, data, given)
    _draw_exponents(axes[0, 2], found, given)
    _draw_chain(axes[1, 0], found["chain"])
    _draw_strengths(axes[1, 1], found, given)
    _draw_on_states(axes[1, 2], found["on_states"])
    return made


def _draw_errors(ax, found, data, given):
    levels = [0.0, *given.levels]
    for attack, (colour, marker) in LOOKS.items():
        for members in given.members:
            numbers = [mean_and_error(100 * chosen(found["attacks"], "error_after", data=data, attack=attack, level=level, members=members if level else 1))
                       for level in levels]
            ax.errorbar(levels, *np.array(numbers).T, color=colour, marker=marker, ls="-" if members == 1 else "--", ms=4, lw=1,
                        mfc=None if members == 1 else "white", label=f"{attack}, {_members(members)}")
    clean = np.array([mean_and_error(100 * chosen(found["attacks"], "error_before", data=data, attack=ATTACKS[0], level=level, members=1)) for level in levels])
    ax.errorbar(levels, *clean.T, color=plotting.GREY, marker="x", ls=":", ms=4, lw=1, label="no attack, 1 member")
    ax.set(xlabel="noise / deviation of a layer's states", ylabel="wrong, % of points (± s.e.)",
           title=f"{data}: radius {BALLS[data][0].radius:g} (L∞), {BALLS[data][1].radius:g} (L2)")
    ax.set_ylim(0, 1.45 * ax.get_ylim()[1])
    ax.legend(ncols=2, fontsize=7, loc="upper left", columnspacing=0.8)


def _members(count):
    return f"{count} member{'s' * (count > 1)}"


def _draw_exponents(ax, found, given):
    levels = [0.0, *given.levels]
    for data, colour, marker in zip(given.data, (plotting.LOWER, plotting.UPPER, plotting.FIRST), "os^"):
        for members in given.members:
            numbers = [mean_and_error(chosen(found["exponents"], "exponent", data=data, level=level, members=members if level else 1)) for level in levels]
            mean, its = np.array(numbers).T
            ax.errorbar(levels, mean, its, color=colour, marker=marker, ls="-" if members == 1 else "--", ms=4, lw=1,
                        mfc=None if members == 1 else "white", label=f"{data}, {_members(members)}")
    ax.axhline(0, color="0.6", lw=0.8, zorder=0)
    ax.set(xlabel="noise / deviation of a layer's states", ylabel="exponent, per time (± s.e.)", title="trained networks: how inputs part")
    ax.margins(y=0.25)
    ax.legend(fontsize=7.5)


def _draw_chain(ax, found):
    for (name, of), colour, marker in zip(found["schemes"].items(), (plotting.LOWER, plotting.UPPER), "os"):
        ax.plot(found["steps"], of["quadrature"], color=colour, lw=1, label=f"{name}, quadrature")
        ax.errorbar(found["steps"], of["paths"], 1.96 * np.array(of["errors"]), color=colour, marker=marker, ls="", ms=4, mfc="white", label=f"{name}, paths (95 %)")
    steps = np.geomspace(min(found["steps"]), max(found["steps"]))
    for slope, style in ((-8.5, ":"), (3.5, "--")):
        near = steps <= 0.02
        ax.plot(steps[near], (chain.exponent() + slope * steps)[near], color="0.6", ls=style, lw=0.9, zorder=0, label=f"−1 {'+' if slope > 0 else '−'} {abs(slope):g} dt")
    ax.set(xscale="log", xlabel="dt", ylabel="exponent, per time", title="de = e dt + 2 e dB: L − s²/2 = −1")
    ax.margins(y=0.1)
    ax.set_ylim(None, ax.get_ylim()[1] + 0.55)
    ax.legend(fontsize=7.5, loc="upper left")


def _draw_strengths(ax, found, given):
    quiet = {data: chosen(found["attacks"], "error_after", data=data, attack="PGD L∞", level=0.0, members=1) for data in given.data}
    for data, colour, marker in zip(given.data, (plotting.LOWER, plotting.UPPER, plotting.FIRST), "os^"):
        numbers = [mean_and_error(100 * chosen(found["strengths"], "error_after", data=data, paths=paths)) for paths in strengths_of(given)]
        ax.errorbar(strengths_of(given), *np.array(numbers).T, color=colour, marker=marker, ms=4, lw=1, label=f"{data}, noise {max(given.levels):g}")
        ax.axhline(100 * quiet[data].mean(), color=colour, lw=0.9, ls=":", label=f"{data}, no noise")
    ax.set(xscale="log", xticks=strengths_of(given), xticklabels=strengths_of(given), xlabel="paths that the attacker averages",
           ylabel="wrong, % of points (± s.e.)", title="PGD L∞, 1 member: strength of the attack")
    ax.minorticks_off()
    ax.set_ylim(0, 1.5 * ax.get_ylim()[1])
    ax.legend(fontsize=7.5, loc="upper left")


def _draw_on_states(ax, rows):
    level = np.array([row["level"] for row in rows])
    for what, error, colour, marker, label in (("exponent", "error", plotting.LOWER, "o", "almost every path"),
                                               ("mean_square", "mean_square_error", plotting.UPPER, "s", "mean square, halved")):
        ax.errorbar(level, [row[what] for row in rows], [1.96 * row[error] for row in rows], color=colour, marker=marker, ms=4, lw=1, label=label)
    ax.axhline(0, color="0.6", lw=0.8, zorder=0)
    ax.set(xlabel="level s of noise s x dB on the states", ylabel="exponent, per time (95 %)", title="a network trained without noise")
    ax.margins(y=0.15)
    ax.legend(fontsize=7.5)


def paragraph(found, given):
    """Sentences for the gallery, with the numbers measured."""
    verdicts = {data: [i.verdict for to in found["against"][data].values() for i in to.values()] for data in given.data}
    told = [bold_answer("the share of wrong decisions under attack", verdicts)]
    for data in given.data:
        error = {what: mean_and_error(100 * chosen(found["attacks"], what, data=data, attack="PGD L∞", level=0.0, members=1)) for what in ("error_before", "error_after")}
        intervals = [i for to in found["against"][data].values() for i in to.values()]
        counts = [sum(i.verdict == verdict for i in intervals) for verdict in ("lower", "higher", "undecided")]
        (level, members), best = min(found["against"][data]["PGD L∞"].items(), key=lambda item: item[1].mean)
        told.append(f"On {data} PGD within {BALLS[data][0].radius:g} in every coordinate takes the share of wrong decisions of the network without noise from "
                    f"{error['error_before'][0]:.1f} ± {error['error_before'][1]:.1f} % to {error['error_after'][0]:.1f} ± {error['error_after'][1]:.1f} % ({given.seeds} seeds); of "
                    f"{len(intervals)} paired 95 % intervals of noise and ensembles against none, over all attacks, {counts[0]} are below 0, {counts[1]} above and "
                    f"{counts[2]} hold 0, and under PGD L∞ the lowest mean is that of noise {level:g} with {_members(members)}: {100 * best.mean:+.1f} "
                    f"[{100 * best.low:+.1f}, {100 * best.high:+.1f}] % (chosen after the fact).")
    few, many = strengths_of(given)[0], strengths_of(given)[-1]
    told.append("How strong an attack on noise looks depends on the paths that it averages: " + "; ".join(
        "on {} with noise {:g} PGD L∞ by {} paths leaves {:.1f} ± {:.1f} % wrong, by {} paths {:.1f} ± {:.1f} %".format(
            data, max(given.levels), few, *mean_and_error(100 * chosen(found["strengths"], "error_after", data=data, paths=few)),
            many, *mean_and_error(100 * chosen(found["strengths"], "error_after", data=data, paths=many))) for data in given.data)
        + f"; the intervals above are of attackers of {given.paths} paths, so where more paths find more, what noise gains is overstated.")
    pairs = [(of["quadrature"][k], of["paths"][k], of["errors"][k]) for of in found["chain"]["schemes"].values() for k in range(len(given.time_steps))]
    inside = sum(abs(q - p) < 1.96 * e for q, p, e in pairs)
    quadrature, m, states = found["chain"]["schemes"]["Euler–Maruyama"]["quadrature"], found["chain"]["moment"], found["on_states"]
    told.append(f"The chain of de = e dt + 2 e dB has the exponents {', '.join(f'{q:.4f} (dt = {dt:g})' for q, dt in zip(quadrature, given.time_steps))} by quadrature, with "
                f"the limit −1; along paths {inside} of {len(pairs)} 95 % intervals hold the quadrature's number; its second moment grows meanwhile, at the rate "
                f"{m['value']:.2f} ± {m['standard_error']:.2f} (the chain's is {m['exact']:.3f}, the limit 6).")
    told.append(f"Noise of {states[-1]['level']:g} times the states takes the exponent of a network trained without noise from {states[0]['exponent']:+.3f} ± "
                f"{states[0]['error']:.3f} to {states[-1]['exponent']:+.3f} ± {states[-1]['error']:.3f} for almost every path, and half that of the mean square from "
                f"{states[0]['mean_square']:+.3f} to {states[-1]['mean_square']:+.3f} ± {states[-1]['mean_square_error']:.3f}.")
    return " ".join(told)


def main(arguments=None):
    """Measure all; return {"attacks", "exponents", "against", "chain", "on_states": plain, "paragraph", "lines": the table}; writes JSON and figure."""
    given = parser().parse_args(arguments)
    if given.paths % 2 or given.judges % given.paths:
        raise ValueError(f"--paths {given.paths} --judges {given.judges}: give an even number of paths, and a multiple of it of judges")
    if given.seeds < 2 or min(given.levels) <= 0 or min(given.time_steps) <= 0 or 1 not in given.members:
        raise ValueError(f"--seeds {given.seeds} --levels {given.levels} --members {given.members} --time-steps {given.time_steps}: give two seeds or more, levels and "
                         "steps above 0, and 1 among the members")
    with in_folder(given.out, "robustness", given) as part:
        found = measure(given, part)
        against = {data: {attack: {f"{level:g}, {members}": i.to_dict() for (level, members), i in of.items()} for attack, of in to.items()}
                   for data, to in found["against"].items()}
        summary = {**found, "against": against, "paragraph": paragraph(found, given)}
        keep(given.out, "robustness", summary, lambda: draw(found, given))
    return {**summary, "lines": [*table(found, given), "", summary["paragraph"]]}


def command():
    """Run from the command line."""
    print("\n".join(main()["lines"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
