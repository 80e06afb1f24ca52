"""Train the 1-D toy in depth: N layers, then 2N from their prolongation, and so on; with and without a penalty of differences in depth.

With the H¹ penalty the optimal controls have a limit θ(t), and J_N − J_2N halves with every level (MATH 1.4 and 4); without it layers that
start rough stay rough.  Prints a table and draws both.
"""

import sys
from functools import partial
from pathlib import Path

import numpy as np

from command_line import OneLineParser, fraction, report_errors, whole
from datasets import load
from ocnet import plotting
from ocnet.grid import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian
from ocnet.networks.readouts import Tanh
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.depth import train_in_depth
from ocnet.training.losses import Squared
from ocnet.training.objectives import GridObjective
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from ocnet.training.optimisers import LBFGS
from ocnet.training.regularisers import DepthSmoothness, Tikhonov
from outcome import keep
from parts import in_folder

DEFAULT_OUT = Path(__file__).resolve().parents[1] / "figures" / "depth"
START = np.array([1.0, 0.1, 0.5, 0.05])              # f = 0.5 tanh(x + 0.1) + 0.05 in all layers
NAMES = ("$W_1$", "$b_1$", "$W_2$", "$b_2$")
ROUGH = 0.5                                          # deviation of rough starts, independent from layer to layer


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="depth.py", description=__doc__)
    p.add_argument("--layers", type=whole, default=4, help="of the shallowest network")
    p.add_argument("--levels", type=whole, default=5, help="numbers of layers, each twice the one before (3 or more)")
    p.add_argument("--sigma", type=fraction, default=0.3, help="of the additive noise, per root of time")
    p.add_argument("--weight", type=fraction, default=1e-2, help="of the Tikhonov and of the H¹ penalty")
    p.add_argument("--how", choices=("linear", "copy"), default="linear", help="prolongation")
    p.add_argument("--nodes", type=whole, default=161, help="of the grid on [−4, 4]")
    p.add_argument("--iterations", type=whole, default=500, help="most of a level")
    p.add_argument("--out", default=str(DEFAULT_OUT), metavar="DIR", help="folder for depth.json and depth.png")
    return p


def toy(layers, sigma, penalties):
    """MATH R2 with a hidden unit of four numbers: the interval data, h = tanh 2x, squared loss, EL."""
    data = load("interval").train
    network = ResidualNetwork(Perceptron(1), Gaussian(sigma), layers, dim=1, readout=Tanh(2.0))
    return Setting(network, LabelledPoints(data.points, data.labels, data.weights), ExpectedLoss(Squared()), penalties)


def measure(given, part):
    """Return DepthTrainings: {"in depth", "all at once": only the deepest, "rough": one a depth, no H¹ penalty}."""
    grid = Grid.uniform(-4, 4, given.nodes)
    optimiser = LBFGS(iterations=given.iterations, tolerance=1e-8, decrease=1e-14)
    both = (Tikhonov(given.weight), DepthSmoothness(given.weight))

    def on_grid(setting, theta):
        return GridObjective(setting, grid)

    def flat(layers):
        return np.tile(START, layers)

    depths = [given.layers * 2**k for k in range(given.levels)]
    def rough(layers):
        setting = toy(layers, given.sigma, (Tikhonov(given.weight),))
        start = ROUGH * np.random.default_rng(0).normal(size=setting.network.control.size)
        return train_in_depth(setting, start, on_grid, LBFGS(iterations=given.iterations), 1)

    return {"in depth": part("in depth", lambda: train_in_depth(toy(depths[0], given.sigma, both), flat(depths[0]), on_grid, optimiser, given.levels, given.how)),
            "all at once": part("all at once", lambda: train_in_depth(toy(depths[-1], given.sigma, both), flat(depths[-1]), on_grid, optimiser, 1)),
            "rough": [part(f"rough, {layers} layers", partial(rough, layers)) for layers in depths]}


def table(found):
    """Lines of text: a row a level, then what starting at the deepest costs, then the slopes of rough starts."""
    run, blank = found["in depth"], " " * 10
    lines = ["layers      J_N before     J_N after   J_N − J_2N   order   output change   N max|Δθ|   iterations   seconds   "
             "rough N max|Δθ|"]
    for k, (level, rough) in enumerate(zip(run.levels, found["rough"])):
        difference = f"{run.differences[k]:12.3e}" if k < len(run.differences) else blank + " –"
        order = f"{run.orders[k - 1]:6.3f}" if 1 <= k <= len(run.orders) else "     –"
        change = f"{level.change:13.2e}" if k else blank + "  –"
        lines.append(f"{level.layers:6d}  {level.before:12.8f}  {level.after:12.8f} {difference}  {order}   {change}   "
                     f"{level.slope:9.4f}   {level.iterations:10d}   {level.seconds:7.2f}   {rough.levels[0].slope:14.2f}")
    one = found["all at once"].levels[0]
    spent = sum(level.seconds for level in run.levels)
    return lines + [f"all at once from the same start, {one.layers} layers: J = {one.after:.8f}, {one.iterations} iterations, {one.seconds:.2f} s; "
                    f"in depth: {spent:.2f} s, {run.levels[-1].iterations} iterations at the last level"]


def paragraph(found):
    """What was measured, in sentences."""
    run, one, rough = found["in depth"], found["all at once"].levels[0], found["rough"]
    levels, orders = run.levels, ", ".join(f"{order:.2f}" for order in run.orders)
    return (f"The interval toy is trained on the grid with {levels[0].layers} layers, then with twice as many from their prolongation, up to {levels[-1].layers}. With an H¹ penalty in depth "
            f"J_N − J_2N halves (measured orders {orders}; theory 1), and N max |θ_(n+1) − θ_n| settles at {levels[-1].slope:.2f}: θ(t) has a limit. Without that penalty a rough start "
            f"stays rough, the same slope growing from {rough[0].levels[0].slope:.1f} to {rough[-1].levels[0].slope:.1f}. Training all {one.layers} layers at once from the same start ends at the same "
            f"J = {one.after:.6f} (in depth {levels[-1].after:.6f}) in {one.iterations} iterations at full depth where training in depth needs {levels[-1].iterations}. "
            f"Objectives are deterministic, so there are no error bars.")


def draw(found):
    """Return the figure: differences against N; θ(t) of all levels; slopes with and without the penalty."""
    run = found["in depth"]
    layers = np.array([level.layers for level in run.levels])
    made, ((left, middle, right),) = plotting.figure(1, 3, 10.0, 3.4)
    first = np.abs(run.differences)
    left.loglog(layers[:-1], first, "o-", color=plotting.FIRST, label="|J$_N$ − J$_{2N}$|")
    left.loglog(layers[:-1], [level.change for level in run.levels[1:]], "s-", color=plotting.SECOND, label="output change")
    left.loglog(layers[:-1], 0.7 * first[0] * layers[0] / layers[:-1], color="0.75", lw=0.9, zorder=0, label="slope −1")
    left.set(xlabel="layers N", ylabel="change", title="what doubling the layers changes", xticks=layers[:-1], xticklabels=layers[:-1])
    left.legend()
    _draw_controls(middle, run)
    right.loglog(layers, [r.levels[0].slope for r in found["rough"]], "x-", color=plotting.UPPER, label="rough start, no H¹ penalty")
    right.loglog(layers, [level.slope for level in run.levels], "o-", color=plotting.FIRST, label="in depth, with it")
    right.set(xlabel="layers N", ylabel="N max |θ$_{n+1}$ − θ$_n$|", title="steepest change in depth", xticks=layers, xticklabels=layers)
    right.legend()
    for ax in (left, right):
        ax.minorticks_off()
    return made


def _draw_controls(ax, run):
    """θ(t) at the middles of the layers: a colour a number, a paler line for fewer layers."""
    colours = (plotting.LOWER, plotting.FIRST, plotting.UPPER, plotting.GREY)
    for k, (level, theta) in enumerate(zip(run.levels, run.thetas)):
        depth = theta.reshape(level.layers, -1)
        t = (np.arange(level.layers) + 0.5) / level.layers
        for values, colour, name in zip(depth.T, colours, NAMES):
            last = level is run.levels[-1]
            ax.plot(t, values, marker=".", ms=3, lw=0.9, color=colour, alpha=0.25 + 0.75 * (k + 1) / len(run.levels),
                    label=name if last else None)
    ax.set(xlabel="t", ylabel="weights", title=f"θ(t) with {', '.join(str(level.layers) for level in run.levels)} layers")
    ax.legend(ncols=2)


def main(arguments=None):
    """Train all; return {"in_depth", "all_at_once", "rough": dicts, "paragraph", "lines": the table}; writes JSON and figure."""
    given = parser().parse_args(arguments)
    if given.levels < 3:
        raise ValueError(f"--levels {given.levels}: an order needs three levels at least")
    with in_folder(given.out, "depth", given) as part:
        found = measure(given, part)
        summary = {"in_depth": found["in depth"].to_dict(), "all_at_once": found["all at once"].to_dict(),
                   "rough": [run.to_dict() for run in found["rough"]]}
        keep(given.out, "depth", summary, lambda: draw(found))
    return {**summary, "paragraph": paragraph(found), "lines": table(found)}


def command():
    """Run from the command line."""
    print("\n".join(main()["lines"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
