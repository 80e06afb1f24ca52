"""Measure the orders of all architectures: to u' = f, to the equation that they really follow, and to its second-order modification.

LM-ResNet's limit is (1 + k) u' = f, and its first step shifts the start of the smooth solution: without the shift the modified equation is of first
order only (MATH 2.2).  The literal PolyNet has no limit where f(0) ≠ 0; one step of it is backward Euler's but for dt³ where f is linear.
Prints a table and draws the errors.
"""

import sys
from pathlib import Path

import numpy as np

from command_line import OneLineParser, report_errors, whole
from ocnet import order_of, plotting
from ocnet.networks import ResidualNetwork
from ocnet.networks.architectures import FractalNet, HeunNet, LMResNet, PolyNet, ResNet, RevNet, WayNet
from ocnet.networks.blocks import LinearMap, Sine
from ocnet.networks.noise import Noiseless
from outcome import keep
from parts import in_folder

DEFAULT_OUT = Path(__file__).resolve().parents[1] / "figures" / "modified_equations"
ALL = (("ResNet", ResNet()), ("PolyNet", PolyNet()), ("mPolyNet", PolyNet(weights="own")), ("2-way", WayNet()), ("FractalNet 3", FractalNet(3)),
       ("RevNet", RevNet()), ("FractalNet 2", FractalNet()), ("HeunNet", HeunNet()), ("PolyNet, literal", PolyNet("literal")))
LOOKS = {"ResNet": (plotting.LOWER, "o", 7), "PolyNet": (plotting.UPPER, "s", 4.5), "2-way": (plotting.SECOND, "^", 4),
         "FractalNet 3": (plotting.GREY, "+", 6), "RevNet": (plotting.FIRST, "v", 4), "FractalNet 2": (plotting.UPPER, "D", 6),
         "HeunNet": (plotting.LOWER, "x", 4), "PolyNet, literal": (plotting.GREY, "*", 5)}     # mPolyNet with equal numbers is PolyNet
COEFFICIENTS = (-0.5, -0.1, 0.3)
CURVE = {"block": Sine(2), "numbers": (1, 2, 0, np.pi / 2, 1.0, 0.5, 0.0), "start": 0.3}        # f = sin u + 0.5 cos 2u (MATH 2.2)
EQUATIONS = (("branch", "u' = f", plotting.GREY, "x"), ("limit", "(1 + k) u' = f", plotting.LOWER, "s"),
             ("unshifted", "modified, from $u_0$", plotting.SECOND, "^"), ("modified", "modified, shifted start", plotting.FIRST, "o"))
MATRIX = np.array([[-0.8, 0.5], [-0.6, 0.3]])        # of the one-step gaps: a non-normal W, |dt W| < 0.1


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="modified_equations.py", description=__doc__)
    p.add_argument("--layers", type=whole, default=20, help="of the shallowest network (2 or more)")
    p.add_argument("--doublings", type=whole, default=5, help="of the layers (2 or more)")
    p.add_argument("--out", default=str(DEFAULT_OUT), metavar="DIR", help="folder for modified_equations.json and modified_equations.png")
    return p


def gaps(architecture, steps):
    """Largest difference of one layer of f = W x from (I − dt W)⁻¹ x, for step sizes dt."""
    x, found = np.array([[1.0], [-0.4]]), []
    for dt in steps:
        network = ResidualNetwork(LinearMap(), Noiseless(), 1, horizon=dt, architecture=architecture)
        theta = network.control.zeros()
        network.control.depth(theta)[:] = MATRIX.ravel()
        found.append(float(np.abs(network.layered(theta).ends(x, 0, 0) - np.linalg.solve(np.eye(2) - dt * MATRIX, x)).max()))
    return np.array(found)


def measure(given, part):
    """Return {"limits": {name: order to the limit}, "modified": {name: to the modified equation}, "lm": {k: {equation: order}}, "gaps": …}."""
    layers = [given.layers * 2**k for k in range(given.doublings + 1)]
    limits = part("limits", lambda: {name: order_of(architecture, layers=layers) for name, architecture in ALL})
    modified = part("modified", lambda: {name: order_of(architecture, "modified", layers) for name, architecture in ALL if architecture.modified() is not None})
    lm = part("lm", lambda: {k: {against: order_of(LMResNet(), against, layers, k=k, **CURVE) for against, *_ in EQUATIONS} for k in COEFFICIENTS})
    steps = 1 / np.array(layers)
    return {"limits": limits, "modified": modified, "lm": lm, "steps": steps,
            "gaps": {name: gaps(architecture, steps) for name, architecture in (("ResNet", ResNet()), ("PolyNet", PolyNet()))}}


def _row(name, orders, expected):
    stated = "–" if expected is None else f"{expected:g}"
    return f"{name:36s} {' '.join(f'{order:6.3f}' for order in orders)}   {stated:>6s}"


def _gap_orders(found):
    return {name: np.log2(gap[:-1] / gap[1:]) for name, gap in found["gaps"].items()}


def table(found):
    """Lines of text: a row a network and equation."""
    lines = [f"{'layers doubled, orders':36s} {'':{7 * (len(found['steps']) - 1)}s}  stated", "", "to the limit (rate · f)"]
    lines += [_row(name, o.orders, o.expected) for name, o in found["limits"].items()]
    lines += ["", "to the modified equation"] + [_row(name, o.orders, o.expected) for name, o in found["modified"].items()]
    for k, of_k in found["lm"].items():
        lines += ["", f"LM-ResNet, k = {k:g}"]
        lines += [_row(label.replace("$u_0$", "u_0"), of_k[against].orders, of_k[against].expected) for against, label, *_ in EQUATIONS]
    lines += ["", "one linear layer to backward Euler"]
    return lines + [_row(name, orders, {"ResNet": 2, "PolyNet": 3}[name]) for name, orders in _gap_orders(found).items()]


def paragraph(found):
    """What was measured, in sentences."""
    def last(orders):
        return f"{round(orders[-1], 2) + 0.0:.2f}"                       # no −0.00

    stated = [abs(o.orders[-1] - o.expected) for family in ("limits", "modified") for name, o in found[family].items() if name != "PolyNet, literal"]
    lm, gap, layers = found["lm"][-0.5], _gap_orders(found), next(iter(found["limits"].values())).layers
    return (f"Largest differences of networks without noise from the equations they follow, computed without sampling from {layers[0]} to {layers[-1]} layers. "
            f"{len(stated)} orders to the limit and to modified equations are the stated ones within {max(stated):.3f} at the last doubling; the literal PolyNet has none where "
            f"f(0) ≠ 0 ({last(found['limits']['PolyNet, literal'].orders)}). LM-ResNet with k = −0.5 does not follow u' = f (order {last(lm['branch'].orders)}) but (1 + k) u' = f "
            f"({last(lm['limit'].orders)}); its modified equation is of order {last(lm['unshifted'].orders)} from u₀ and of order {last(lm['modified'].orders)} only from a shifted "
            f"start. One linear layer of PolyNet is a step of backward Euler's but for dt³ (order {last(gap['PolyNet'])}), one of ResNet but for dt² ({last(gap['ResNet'])}).")


def _slope(ax, layers, top, order):
    """A thin line of a slope, with its number at the end."""
    line = top * (layers / layers[0]) ** -float(order)
    ax.loglog(layers, line, color="0.8", lw=0.8, zorder=0)
    ax.annotate(f"{order:g}", (layers[-1], line[-1]), xytext=(3, 0), textcoords="offset points", color="0.55", fontsize=8, va="center")


def draw(found):
    """Return the figure: errors to the limits; LM-ResNet at k = −0.5 against four equations; gaps to backward Euler."""
    made, ((left, middle, right),) = plotting.figure(1, 3, 10.0, 3.8)
    for name, (colour, marker, size) in LOOKS.items():
        found["limits"][name].plot(left, color=colour, marker=marker, ms=size, lw=0.9, mfc="none", label=name)
    left.set(title="errors to the limit", ylabel="max |x$_N$ − u|", ylim=(1e-4 * min(o.errors[-1] for o in found["limits"].values()), None))
    for against, label, colour, marker in EQUATIONS:
        middle.loglog(found["lm"][-0.5][against].layers, found["lm"][-0.5][against].errors, marker=marker, ms=4, lw=0.9, color=colour, label=label)
    middle.set(title="LM-ResNet, k = −0.5")
    layers = next(iter(found["limits"].values())).layers
    for (name, gap), colour in zip(found["gaps"].items(), (plotting.LOWER, plotting.UPPER)):
        right.loglog(layers, gap, "o-", ms=4, lw=0.9, color=colour, label=name)
    right.set(title="one linear layer to backward Euler")
    for ax, orders in ((left, (1, 2)), (middle, (1, 2)), (right, (2, 3))):
        top = max(line.get_ydata()[0] for line in ax.get_lines())
        for order in orders:
            _slope(ax, layers, 0.6 * top, order)
        ax.set(xlabel="layers N = 1/dt" if ax is right else "layers N", xticks=layers, xticklabels=[str(n) for n in layers])
        ax.minorticks_off()
        ax.legend(loc="lower left", ncols=2 if ax is left else 1)
    return made


def main(arguments=None):
    """Measure all; return {"limits", "modified", "lm": dicts, "gaps": orders by name, "paragraph", "lines": the table}; writes JSON and figure."""
    given = parser().parse_args(arguments)
    if given.doublings < 2 or given.layers < 2:
        raise ValueError(f"--layers {given.layers} --doublings {given.doublings}: give two or more of each, for orders of networks of two layers at least")
    with in_folder(given.out, "modified_equations", given) as part:
        found = measure(given, part)
        summary = summarised(found)
        keep(given.out, "modified_equations", summary, lambda: draw(found))
    return {**summary, "paragraph": paragraph(found), "lines": table(found)}


def summarised(found):
    """All as plain numbers."""
    return {"limits": {name: o.to_dict() for name, o in found["limits"].items()}, "modified": {name: o.to_dict() for name, o in found["modified"].items()},
               "lm": {f"{k:g}": {against: o.to_dict() for against, o in of_k.items()} for k, of_k in found["lm"].items()},
               "gaps": {name: orders.tolist() for name, orders in _gap_orders(found).items()}}


def command():
    """Run from the command line."""
    print("\n".join(main()["lines"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
