"""Train deep residual networks without storing activations: what the gradient loses, what memory is saved, and when it is as good.

Sander, Ablin, Peyré: states are reconstructed backwards from the last one.  The gradient's relative error is O(1/N) for Euler layers whatever the
weights do in depth, O(1/N³) for Heun layers with weights smooth in depth, O(1/N) with rough ones; memory does not grow with
depth.  Then the ten digits in 16 principal components: test error against depth of {Euler, Heun} × {stored, reconstructed}, and layers that are
trained tied, then untied and fine-tuned.  Prints tables and draws all of it.
"""

import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from command_line import OneLineParser, positive, report_errors, whole
from memory_free_measures import SCHEMES, SWEEPS, Errors, Trained, accuracies, errors_of, fine_tuning, memory_of
from ocnet import plotting
from outcome import keep
from parts import in_folder

DEFAULT_OUT = Path(__file__).resolve().parents[1] / "figures" / "memory_free_adjoint"
COLOURS = {"Euler": plotting.UPPER, "Heun": plotting.LOWER}
LINES = {"stored": "--", "reconstructed": "-"}
MIB = 2**20


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="memory_free_adjoint.py", description=__doc__)
    p.add_argument("--depths", type=whole, nargs="+", default=[8, 16, 32, 64, 128, 256], help="steps of the networks whose gradients are compared")
    p.add_argument("--memory-depths", type=whole, nargs="+", default=[16, 64, 256, 1024], help="layers of those whose memory is measured")
    p.add_argument("--trained-depths", type=whole, nargs="+", default=[2, 4, 8, 16, 32, 64], help="steps of those that are trained")
    p.add_argument("--tuned-depth", type=whole, default=32, help="steps of those that are trained tied, then untied")
    p.add_argument("--horizon", type=positive, default=4.0, help="time that all of them reach, whatever their depth")
    p.add_argument("--width", type=whole, default=16, help="hidden units of those that are trained")
    p.add_argument("--iterations", type=whole, default=100, help="of Adam, on batches of 128 points; half as many for fine-tuning")
    p.add_argument("--rate", type=positive, default=0.03, help="of Adam; a third of it for fine-tuning")
    p.add_argument("--seeds", type=whole, default=5, help="splits of the data and starts, each of its own")
    p.add_argument("--images", default=None, metavar="FOLDER", help="your copy of CIFAR-10's binary files: its ten classes take the place of the ten digits")
    p.add_argument("--out", default=str(DEFAULT_OUT), metavar="DIR", help="folder for memory_free_adjoint.json and .png")
    return p


def measure(given, part):
    """All results by name, as objects."""
    errors = [part(f"errors of {scheme}, {weights}", partial(errors_of, scheme, weights, given.depths)) for weights in ("smooth", "rough") for scheme in SCHEMES]
    return {"errors": errors, "memory": part("memory", lambda: memory_of(given.memory_depths)), "trained": accuracies(given, part), "tuned": fine_tuning(given, part)}


def quartiles(found, scheme, activations, steps, what):
    """Mean, lower and upper quartile over the seeds."""
    values = [getattr(t, what) for t in found["trained"] if (t.scheme, t.activations, t.steps) == (scheme, activations, steps)]
    return np.mean(values), *np.quantile(values, [0.25, 0.75])


def table(found, given):
    """Lines of text."""
    lines = ["relative error of the gradient   " + "  ".join(f"N = {n:<5d}" for n in given.depths) + "  slope"]
    lines += [f"{e.scheme:5s} {e.weights:25s}  " + "  ".join(f"{error:9.2e}" for error in e.errors) + f"  {e.slope:5.2f}" for e in found["errors"]]
    held = found["memory"]
    lines += ["peak memory, MiB                 " + "  ".join(f"N = {n:<5d}" for n in held["depths"])]
    lines += [f"{name:31s}  " + "  ".join(f"{bytes_ / MIB:9.2f}" for bytes_ in held[name]) for name in (*SWEEPS, "parameters")]
    lines += ["test error, % (quartiles)        " + "  ".join(f"N = {n:<13d}" for n in given.trained_depths)]
    for scheme in SCHEMES:
        for activations in SWEEPS:
            told = ["{:5.2f} ({:.2f}–{:.2f})".format(*(100 * np.array(quartiles(found, scheme, activations, n, "test_error")))).ljust(17)
                    for n in given.trained_depths]
            lines.append(f"{scheme:5s} {activations:25s}  " + "  ".join(told))
    for scheme, rows in found["tuned"].items():
        lines += [f"{scheme} of {row.steps} steps, {row.activations:13s}: training loss {row.value:.4f}, test error {100 * row.test_error:.2f} %, "
                  f"relative error of the reconstructed gradient {row.gradient_error:.1e}" for row in rows]
    return lines


def paragraph(found, given):
    """What was measured, in sentences."""
    slopes = {(e.scheme, e.weights): -e.slope for e in found["errors"]}
    held, deepest = found["memory"], given.trained_depths[-1]
    kept, back = (held[name][-1] / MIB for name in SWEEPS)

    def error(scheme, activations):
        mean, low, high = 100 * np.array(quartiles(found, scheme, activations, deepest, "test_error"))
        return f"{mean:.1f} % ({low:.1f}–{high:.1f})"

    return (f"States are reconstructed from the last one instead of stored. The gradient's relative error falls with order {slopes['Euler', 'smooth']:.2f} for Euler layers and "
            f"{slopes['Heun', 'smooth']:.2f} for Heun layers with weights smooth in depth (theory 1 and 3), with {slopes['Euler', 'rough']:.2f} and {slopes['Heun', 'rough']:.2f} where they are rough. "
            f"A gradient through {held['depths'][-1]} layers holds {kept:.0f} MiB with stored activations and {back:.1f} without. Trained with {deepest} steps on "
            f"{'ten digits' if given.images is None else 'CIFAR-10'}, {given.seeds} seeds, test errors (mean and quartiles) are {error('Euler', 'stored')} stored and {error('Euler', 'reconstructed')} "
            f"reconstructed for Euler, {error('Heun', 'stored')} and {error('Heun', 'reconstructed')} for Heun.")


def _draw_errors(ax, errors):
    for e in errors:
        ax.loglog(e.depths, e.errors, "o-" if e.weights == "smooth" else "s--", color=COLOURS[e.scheme], ms=4,
                  label=f"{e.scheme}, {e.weights} weights: slope −{-e.slope:.2f}")
        ax.loglog(e.depths, e.estimates, "_", color=COLOURS[e.scheme], ms=7, alpha=0.6)
    ax.loglog([], [], "_", color=plotting.GREY, ms=7, label="the sweep's own estimate")
    ax.set(xlabel="steps N", ylabel="relative error", title="error of the reconstructed gradient", xticks=errors[0].depths, xticklabels=errors[0].depths)
    low, high = ax.get_ylim()
    ax.set_ylim(low / 1000, high)                                        # room for the legend
    ax.legend(fontsize=7.5, loc="lower left")


def _draw_memory(ax, held):
    for name, colour, label in (("stored", plotting.SECOND, "stored"), ("reconstructed", plotting.FIRST, "reconstructed"),
                                ("parameters", plotting.GREY, "for two points: θ, its gradient")):
        ax.loglog(held["depths"], np.array(held[name]) / MIB, "o-" if name != "parameters" else "o:", color=colour, ms=4, label=label)
    ax.set(xlabel="layers N", ylabel="peak memory, MiB", title="peak memory of a gradient", xticks=held["depths"], xticklabels=held["depths"])
    ax.legend()


def _draw_accuracy(ax, found, depths, data):
    for scheme in SCHEMES:
        for activations in SWEEPS:
            mean, low, high = 100 * np.array([quartiles(found, scheme, activations, n, "test_error") for n in depths]).T
            ax.plot(depths, mean, LINES[activations], marker="o", ms=4, color=COLOURS[scheme], label=f"{scheme}, {activations}")
            ax.fill_between(depths, low, high, color=COLOURS[scheme], alpha=0.15 if activations == "reconstructed" else 0.08, lw=0)
    ax.set(xscale="log", yscale="log", xlabel="steps N", ylabel="test error, %", title=f"test error, {data}", xticks=depths, xticklabels=depths)
    low, high = ax.get_ylim()
    ticks = [tick for tick in (1, 2, 3, 5, 7, 10, 20, 30, 50, 70, 90) if low <= tick <= high]
    ax.set(yticks=ticks, yticklabels=ticks)
    ax.legend()


def _draw_tuning(ax, tuned):
    for scheme, (tied, *untied) in tuned.items():
        x, y = tied.history["iteration"], tied.history["value"]
        ax.semilogy(x[1:], y[1:], ":", color=COLOURS[scheme], label=f"{scheme}, tied")
        for row in untied:
            later = np.array(row.history["iteration"]) + x[-1]
            ax.semilogy(later, row.history["value"], LINES[row.activations], color=COLOURS[scheme], label=f"{scheme}, untied, {row.activations}")
    ax.axvline(x[-1], color="0.8", lw=0.8, zorder=0)
    ticks = [0.05, 0.1, 0.2, 0.5, 1, 2]
    ax.set(xlabel="iterations", ylabel="training loss", title=f"training with {tied.steps} steps: tied, then untied", yticks=ticks, yticklabels=ticks)
    ax.legend(fontsize=7.5)


def draw(found, given):
    """Return the figure."""
    made, ((errors, held), (accuracy, tuning)) = plotting.figure(2, 2, 9.0, 7.0)
    _draw_errors(errors, found["errors"])
    _draw_memory(held, found["memory"])
    _draw_accuracy(accuracy, found, given.trained_depths, "ten digits" if given.images is None else "CIFAR-10")
    _draw_tuning(tuning, found["tuned"])
    for ax in (errors, held, accuracy, tuning):
        ax.minorticks_off()
    return made


def main(arguments=None):
    """Measure all; return {"errors", "memory", "trained", "tuned": as plain numbers, "paragraph", "lines": the tables}; writes JSON and figure."""
    given = parser().parse_args(arguments)
    if len(given.depths) < 3 or sorted(set(given.depths)) != given.depths:
        raise ValueError(f"--depths {given.depths}: a slope needs three depths at least, increasing")
    with in_folder(given.out, "memory_free_adjoint", given, [Errors, Trained]) as part:
        found = measure(given, part)
        summary = {"errors": [asdict(e) for e in found["errors"]], "memory": found["memory"], "trained": [asdict(t) for t in found["trained"]],
                   "tuned": {scheme: [asdict(row) for row in rows] for scheme, rows in found["tuned"].items()}}
        keep(given.out, "memory_free_adjoint", summary, lambda: draw(found, given))
    return {**summary, "paragraph": paragraph(found, given), "lines": table(found, given)}


def command():
    """Run from the command line."""
    print("\n".join(main()["lines"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
