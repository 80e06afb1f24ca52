"""Measure the weak orders of all noise models against the equations that their layers approximate, without sampling.

On periodic problems the law of the layers and of the equations is computed to rounding, so that what is left is the modelling gap alone
(Sun, Tao, Du; Lu et al.; derived in MATH 1.2).  Prints a table and draws the errors against the number of layers.
"""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from command_line import OneLineParser, report_errors, whole
from ocnet import plotting
from ocnet.analysis import weak_order
from ocnet.networks import ResidualNetwork
from ocnet.networks import noise as models
from ocnet.networks.blocks import Branches, Sine
from ocnet.process import Diffusion
from outcome import keep
from parts import in_folder

DEFAULT_OUT = Path(__file__).resolve().parents[1] / "figures" / "weak_order"

# MATH R5: f = 0.7 sin x + 0.4 cos 2x + 0.3, and its two branches
LINE = np.array([1, 2, 0, np.pi / 2, 0.7, 0.4, 0.3])
TWO_BRANCHES = np.array([1, 2, 0, np.pi / 2, 0.7, 0.4, 0.4, 0.2])
THREE_BRANCHES = np.array([1, 2, 1, 0, np.pi / 2, 1.0, 0.7, 0.4, 0.5, 0.4, 0.2, -0.1])
# f = W2 sin(W1 x + b1) + b2 in the plane, three hidden units
PLANE = np.array([1, 0, 0, 1, 1, 1, 0, 1, 2, 0.4, 0.2, 0.2, -0.3, 0.4, 0.1, 0.2, 0.1])


# the same at half the size: at input dropout 0.5, f̄ holds f(2x)
HALF_LINE = LINE * np.array([1, 1, 1, 1, 0.5, 0.5, 0.5])


def moving(n, layers):
    """LINE with an amplitude that changes with depth, f(t, x)."""
    numbers, t = LINE.copy(), n / layers
    numbers[4:6] *= 1 + 0.5 * np.sin(2 * np.pi * t)
    return numbers


def without_masks(network, theta):
    """X' = f: what input dropout is not, for its drift is f̄ ≠ f."""
    return replace(network, noise=models.Noiseless()).diffusion(theta)


def diffusion_of_size_s(network, theta):
    """The equation that strong dropout would have if its limit were a diffusion: G = s f."""
    return replace(network, noise=models.MultiplicativeGaussian(network.noise.level, "diffusive")).diffusion(theta)


def nearly_fair(layers):
    """Bernoulli noise whose skewness falls as √dt: order 1 again (Lu et al.'s condition)."""
    return ResidualNetwork(Sine(2), models.CentredBernoulli(0.5 + 0.4 / np.sqrt(layers), 0.5), layers, dim=1)


class Replaced(Diffusion):
    """The second-order equation of a network with another covariance: what must fail."""

    def __init__(self, network, theta):
        self.network, self.theta, self._right = network, theta, network.diffusion(theta, order=2)
        super().__init__(self._right.drift, lambda t, x: np.moveaxis(self.factor_rows(t, x.T), 2, 0), network.dim)

    def drift_rows(self, t, x):
        return self._right.drift_rows(t, x)

    def _branch(self, t, x):
        n = self._right.layer_at(t)
        return self.network.block.features(x, self.network.control.layer(self.theta, n)).output


class Diagonal(Replaced):
    """With G = √(dt (1 − q)/q) diag(f), the factor of output dropout."""

    def factor_rows(self, t, x):
        q = self.network.noise.keep
        return np.sqrt(self.network.dt * (1 - q) / q) * np.eye(len(x))[:, :, None] * self._branch(t, x)[:, None]


class RankOne(Replaced):
    """With G = √(dt (1 − q)/q) f, the factor of stochastic depth."""

    def factor_rows(self, t, x):
        q = self.network.noise.keep
        return np.sqrt(self.network.dt * (1 - q) / q) * self._branch(t, x)[:, None]


def _line(noise, numbers=LINE, against=("ode", "itô", "modified"), label=None):
    copies = getattr(noise, "copies", None)
    block = Sine(2) if copies is None else Branches(Sine(1), copies)
    numbers = {None: numbers, 2: TWO_BRANCHES, 3: THREE_BRANCHES}[copies]
    return label or _name(noise), ResidualNetwork(block, noise, 1, dim=1), numbers, against


def _plane(noise, label, against):
    return label, ResidualNetwork(Sine(3), noise, 1, dim=2), PLANE, (against,)


def _name(noise):
    number = next((f" {value:g}" for name in ("keep", "survival", "level") if (value := getattr(noise, name, None)) is not None), "")
    words = "".join(" " + c.lower() if c.isupper() else c for c in type(noise).__name__).strip()
    raw = ", raw" if getattr(noise, "rescaled", True) is False else ""
    return words + number + raw


# panel -> cases (label, network, numbers, equations)
PANELS = {
    "natural scaling": [_line(m) for m in (
        models.OutputDropout(0.5), models.OutputDropout(0.8), models.OutputDropout(0.8, rescaled=False), models.HiddenDropout(0.5),
        models.DropConnect(0.5), models.StochasticDepth(0.7, rescaled=False), models.StochasticDepth(0.7),
        models.MultiplicativeGaussian(0.6), models.BlockGaussian(0.6), models.Gaussian(0.5, "natural"), models.ShakeShake(),
        models.DirichletShake(3), models.Noiseless())] + [
        _line(models.StochasticDepth(0.5, schedule="linear"), label="stochastic depth 1 to 0.5", against=("modified",)),
        _line(models.OutputDropout(0.5), moving, ("modified",), "output dropout 0.5, θ(t)"),
        _line(models.InputDropout(0.5), HALF_LINE, ("ode", "itô", "modified", without_masks))],
    "diffusive scaling": [_line(models.Gaussian(0.5), against=("itô", "modified"))] + [_line(m, against=("itô",)) for m in (
        models.RademacherNoise(0.5), models.MultiplicativeGaussian(0.5, "diffusive"), models.BlockGaussian(0.5, "diffusive"),
        models.ShakeShake(scaling="diffusive"), models.CentredDropout(0.5), models.CentredDropout(0.8), models.CentredBernoulli(0.9, 0.5))] + [
        ("centred bernoulli (1 + 0.8 √dt)/2", nearly_fair, LINE, ("itô",))],
    "in the plane": [
        _plane(models.HiddenDropout(0.5), "hidden dropout", "modified"),
        _plane(models.HiddenDropout(0.5), "hidden dropout, wrong G = diag(f)", Diagonal),
        _plane(models.OutputDropout(0.5), "output dropout", "modified"),
        _plane(models.OutputDropout(0.5), "output dropout, wrong G = f", RankOne),
        _plane(models.StochasticDepth(0.5), "stochastic depth", "modified")],
    "strong dropout": [_line(models.StrongDropout(0.5), against=("jump", diffusion_of_size_s))],
}


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="weak_order.py", description=__doc__)
    p.add_argument("--doublings", type=whole, default=5, help="of the layers, from 8 on (in the plane at most 4)")
    p.add_argument("--nodes", type=whole, default=65, help="of a period, odd; a third of them an axis in the plane")
    p.add_argument("--out", default=str(DEFAULT_OUT), metavar="DIR", help="folder for weak_order.json and weak_order.png")
    return p


def measure(panel, doublings, nodes, part):
    """Yield (label, WeakOrder) of a panel's cases."""
    plane = panel == "in the plane"
    layers = [8 * 2**k for k in range(1 + (min(doublings, 4) if plane else doublings))]
    for label, network, numbers, equations in PANELS[panel]:
        for against in equations:
            key = f"{panel}, {label}, {getattr(against, '__name__', against)}"
            yield label, part(key, partial(weak_order, network, numbers, against, layers, nodes // 3 | 1 if plane else nodes))


def paragraph(results):
    """What was measured, in sentences."""
    cases = [(label, w) for of_panel in results.values() for label, w in of_panel]
    stated = [(label, w) for label, w in cases if w.expected is not None]
    off = np.abs([w.orders[-1] - w.expected for _, w in stated])
    order = {(label, w.against): w.orders[-1] for label, w in cases}
    wrong = ", ".join(f"{round(w.orders[-1], 2) + 0.0:.2f}" for _, w in cases if w.expected is None)
    return (f"Weak errors of {len({label for label, _ in cases})} noise models against the equations that their layers approximate, on periodic problems where both laws are "
            f"computed to rounding, without sampling and so without error bars. At the last doubling {int((off < 0.1).sum())} of {len(off)} measured orders lie within 0.1 of "
            f"the stated ones (largest difference {off.max():.2f}). Output dropout 0.8 follows its Itô equation with order {order['output dropout 0.8', 'itô']:.2f} and the "
            f"second-order equation with {order['output dropout 0.8', 'modified']:.2f}; skewed noise in the diffusive scaling (centred Bernoulli 0.9) has order "
            f"{order['centred bernoulli 0.9', 'itô']:.2f} only. Equations that are wrong on purpose, with another covariance or drift, show it: their orders are {wrong}.")


def _row(label, w):
    stated = "–" if w.expected is None else f"{w.expected:g}"
    orders = " ".join(f"{order:5.2f}" for order in w.orders)
    against = w.against.replace("_", " ")
    return f"{label:36s} {against:22s} {orders:32s} {stated:>6s}   {w.errors[-1]:.1e} at {w.layers[-1]}"


def _draw(ax, title, results):
    """Errors against layers; one mark an equation, slopes ½, 1 and 2 as thin lines that are named on the right of the panel."""
    wrong = "wrong covariance: order 1 only" if title == "in the plane" else "a wrong equation"
    marks = {"ode": ("o", plotting.GREY), "itô": ("s", plotting.LOWER), "modified": ("^", plotting.FIRST), "jump": ("D", plotting.SECOND)}
    skewed = any(w.expected == 0.5 for _, w in results)
    names = {"ode": "ODE", "itô": f"Itô limit, order 1{' (skewed noise: ½)' if skewed else ''}", "modified": "modified equation", "jump": "jump process"}
    seen = set()
    for _, w in results:
        mark, colour = marks.get(w.against, ("x", plotting.UPPER))
        label = names.get(w.against, wrong)
        ax.loglog(w.layers, w.errors, marker=mark, ms=3.5, lw=0.8, color=colour, alpha=0.75, label=None if label in seen else label)
        seen.add(label)
    layers = results[0][1].layers
    top = 3 * max(w.errors[0] for _, w in results)
    for slope, name in ((0.5, "½"), (1, "1"), (2, "2")):
        line = top * (layers / layers[0]) ** -float(slope)
        ax.loglog(layers, line, color="0.8", lw=0.8, zorder=0)
        ax.annotate(f"slope {name}", (1, line[-1]), xycoords=ax.get_yaxis_transform(), xytext=(2, 0), textcoords="offset points", color="0.4", fontsize=8, va="center")
    ax.set(title=title, xlabel="layers N", xticks=layers, xticklabels=[str(n) for n in layers])
    ax.minorticks_off()
    ax.legend(loc="lower left")


def draw(results):
    """Return the figure: a panel each."""
    made, panels = plotting.figure(2, 2, 9.0, 7.4)
    for ax, (title, of_panel) in zip(panels.ravel(), results.items()):
        _draw(ax, title, of_panel)
        ax.set_ylabel("max |E φ(X$_N$) − E φ(X(T))|")
    return made


def main(arguments=None):
    """Measure all; return {"cases": dicts by panel, "paragraph", "lines": the table}; writes JSON and figure."""
    given = parser().parse_args(arguments)
    if given.doublings < 2:
        raise ValueError(f"--doublings {given.doublings}: an order needs two doublings at least")
    with in_folder(given.out, "weak_order", given) as part:
        results = {panel: list(measure(panel, given.doublings, given.nodes | 1, part)) for panel in PANELS}
        cases = {panel: [{"label": label, **w.to_dict()} for label, w in of_panel] for panel, of_panel in results.items()}
        keep(given.out, "weak_order", cases, lambda: draw(results))
    lines = [f"{'model':36s} {'against':22s} {'orders, layers doubled':32s} stated   error"]
    for panel, of_panel in results.items():
        lines += ["", panel, *(_row(label, w) for label, w in of_panel)]
    return {"cases": cases, "paragraph": paragraph(results), "lines": lines}


def command():
    """Run from the command line."""
    print("\n".join(main()["lines"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
