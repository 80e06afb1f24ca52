"""Hold trained networks against what a control could reach that looks at the state: a lower bound on every schedule of layers.

The 1-D toy R2 under several sizes of noise and both criteria, where the posterior is known and the bound blind to the label; two moons,
where every point has one label and the bound knows it.  Prints a table and draws value functions of feedback and network.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from command_line import OneLineParser, fraction, report_errors, whole
from datasets import load
from ocnet import plotting
from ocnet.analysis.feedback import feedback_bound
from ocnet.grid import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian
from ocnet.networks.readouts import Linear, Tanh
from ocnet.spline import LimitedSpline
from ocnet.training import train
from ocnet.training.criteria import ExpectedLoss, LossOfExpectation
from ocnet.training.losses import Logistic, Squared
from ocnet.training.objectives import GridObjective
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from ocnet.training.optimisers import LBFGS
from ocnet.training.regularisers import Tikhonov
from outcome import keep
from parts import in_folder

DEFAULT_OUT = Path(__file__).resolve().parents[1] / "figures" / "feedback"
BOX = (-30.0, 30.0)                  # of θ, in training and for the bound
DRAWN = 0.3                          # the size of noise whose fields are drawn (or the last one)


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="feedback.py", description=__doc__)
    p.add_argument("--sigma", type=fraction, nargs="+", default=[0.1, 0.3, 0.6], help="sizes of the additive noise, per root of time")
    p.add_argument("--layers", type=whole, default=8, help="of all networks")
    p.add_argument("--weight", type=fraction, default=1e-4, help="of the Tikhonov penalty on the interval")
    p.add_argument("--moons-weight", type=fraction, default=3e-3, help="of the Tikhonov penalty on the moons")
    p.add_argument("--nodes", type=whole, default=321, help="of the grid on the line; a fifth of them an axis in the plane")
    p.add_argument("--iterations", type=whole, default=300, help="most of a training")
    p.add_argument("--starts", type=whole, default=3, help="random starts, the best of which is kept")
    p.add_argument("--out", default=str(DEFAULT_OUT), metavar="DIR", help="folder for feedback.json and feedback.png")
    return p


@dataclass(frozen=True, eq=False)
class Case:
    """A trained network and its bound.

    objective, objective_bar : J on a grid of 1.5 times as many nodes, and by how much the training grid differs
    """

    name: str
    sigma: float
    setting: object
    grid: Grid
    theta: np.ndarray
    objective: float
    objective_bar: float
    bound: object

    @property
    def holds(self):
        """Whether J is above the bound, within the bars of both."""
        return self.bound.gap(self.objective) >= -(self.bound.error_bar + self.objective_bar)

    def to_dict(self):
        return {"data": self.name, "sigma": self.sigma, "objective": self.objective, "objective_bar": self.objective_bar,
                "gap": self.bound.gap(self.objective), "holds": bool(self.holds), "bound": self.bound.to_dict()}

    def row(self):
        b = self.bound
        return (f"{self.name:9s} {self.sigma:5.2f}  {b.criterion}   {self.objective:.6f} ± {self.objective_bar:.0e}   "
                f"{b.value:.6f} ± {b.error_bar:.0e}   {b.gap(self.objective):9.6f}   {b.floor:.6f}   {b.aware:.6f}   "
                f"{'yes' if self.holds else 'NO'}")


def interval(criterion, sigma, given):
    """MATH R2 with two hidden units: N(∓0.5, 0.4²), h = tanh 2x, squared loss."""
    data = load("interval").train
    network = ResidualNetwork(Perceptron(2), Gaussian(sigma), given.layers, dim=1, readout=Tanh(2.0))
    points = LabelledPoints(data.points, data.labels, data.weights)
    return Setting(network, points, criterion(Squared()), (Tikhonov(given.weight),)), Grid.uniform(-5, 5, given.nodes)


def moons(sigma, given):
    """Two moons, logistic loss, EL, a linear readout that is trained and then held."""
    data = load("moons").train
    network = ResidualNetwork(Perceptron(6), Gaussian(sigma), given.layers, dim=2, readout=Linear())
    points = LabelledPoints(data.points, data.labels, data.weights)
    grid = Grid.uniform([-4, -4], [4, 4], max(given.nodes // 5, 9) | 1)
    return Setting(network, points, ExpectedLoss(Logistic()), (Tikhonov(given.moons_weight),)), grid


def solved(name, sigma, setting, grid, given):
    """Train from several starts, keep the best, bound it."""
    objective, control = GridObjective(setting, grid), setting.network.control
    optimiser = LBFGS(iterations=given.iterations, bounds=BOX)
    runs = [train(objective, setting.network.initialise(seed), optimiser) for seed in range(given.starts)]
    best = min(runs, key=lambda run: run.fun)
    fine = GridObjective(setting, grid.refined(1.5)).value(best.x)
    bound = feedback_bound(setting, grid, BOX, control.rest(best.x))
    return Case(name, sigma, setting, grid, best.x, fine, abs(fine - best.fun), bound)


def measure(given, part):
    """Return all cases."""
    def kept(name, sigma, setting, grid):
        return part(f"{name}, {setting.criterion.name}, {sigma}", lambda: solved(name, sigma, setting, grid, given))

    cases = [kept("interval", sigma, *interval(criterion, sigma, given)) for sigma in given.sigma for criterion in (ExpectedLoss, LossOfExpectation)]
    return cases + [kept("moons", DRAWN, *moons(DRAWN, given))]


def _network_fields(case):
    """The network's own v_y(0, ·) and all it pays for its layers and readout: (2, size) on the nodes of its grid."""
    *_, first = GridObjective(case.setting, case.grid).fields(case.theta)
    return first + case.setting.penalty(case.theta)[0]


def _draw_line(left, right, case):
    """What each start loses beyond its posterior's own doubt, and the values under either label."""
    x, bound = case.grid.axes[0], case.bound
    own, at = _network_fields(case), bound.points[:, 0]
    upper, points = bound.posterior, np.ascontiguousarray(bound.points.T)
    mixed = (np.stack([1 - upper, upper]) * LimitedSpline(case.grid, own)(points)).sum(axis=0)
    floor = 2 * upper * (1 - upper)                                      # ½ (1 − m²) at the posterior mean m = 2π − 1
    told = ("start $x$", "expected cost above ½ (1 − m²)")
    plotting.curve(at, mixed - floor, labels=told, ax=left, color=plotting.FIRST, label="trained layers")
    plotting.curve(at, bound.per_point + bound.tail - floor, labels=told, ax=left, color=plotting.SECOND, ls="--", label="feedback, blind to the label")
    density = 0.3 * (mixed - floor).max() * bound.masses / bound.masses.max()
    left.fill_between(at, 0, density, color="0.88", lw=0, label="density of the data")
    left.set(title=f"cost of a start beyond the best function of x, σ = {case.sigma:g}", xlim=(-2, 2))
    for y, colour, column in (("−1", plotting.LOWER, 0), ("+1", plotting.UPPER, -1)):
        plotting.curve(x, own[column], labels=("start $x$", "expected cost V(0, x)"), ax=right, color=colour, label=f"layers, label {y}")
        known = bound.fields(bound.points)[:, column] + bound.tail
        plotting.curve(at, known, labels=("start $x$", "expected cost V(0, x)"), ax=right, color=colour, ls="--", label=f"feedback, label {y}")
    right.set(title="value functions: trained layers, feedback that knows the label", xlim=(-2, 2), yscale="log")
    plotting.legend_above(left, "upper left")
    _frame_visible(right)


def _frame_visible(ax):
    """Limits of a log axis by what its lines show within the limits of x, and room above them for the legend."""
    seen = np.concatenate([y[(x >= -2) & (x <= 2)] for x, y in (line.get_data() for line in ax.lines)])
    low, high = np.log10(seen[seen > 0].min()), np.log10(seen.max())
    ax.set_ylim(10 ** (low - 0.04 * (high - low)), 10 ** (high + 0.3 * (high - low)))
    ax.set_yticks(10.0 ** np.arange(np.ceil(low), high + 0.5))
    ax.minorticks_off()
    ax.legend(loc="upper right", ncols=2, columnspacing=1)


_TICKS = [figure * 10.0**power for power in range(-6, 4) for figure in (1, 2, 5)]      # of logarithmic bars


def _draw_plane(left, right, case):
    """V(0, ·) of the label +1: feedback that knows it, and the network's own; each on its own logarithmic scale of colours."""
    fields, own = case.bound.fields, case.grid.reshape(_network_fields(case)[1])
    ideal = fields.grid.reshape(fields.values[0, -1]) + case.bound.tail
    for ax, axes, values, title in ((left, fields.grid.axes, ideal, "moons, label +1: feedback that knows it"),
                                    (right, case.grid.axes, own, "moons, label +1: the trained layers")):
        plotting.field(*axes, values, bar="expected cost V(0, x), log", ax=ax, norm="log")
        bar, ticks = ax.collections[0].colorbar, [tick for tick in _TICKS if values.min() <= tick <= values.max()]
        bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
        bar.minorticks_off()
        plotting.scatter(case.setting.data.points, case.setting.data.labels, size=6, alpha=0.7, ax=ax)
        ax.set(title=title, xlim=(-2.5, 2.5), ylim=(-2.5, 2.5))
    left.legend(loc="lower left", frameon=True, framealpha=0.9, markerscale=2)


def draw(cases):
    """Return the figure: two panels on the line, two in the plane."""
    made, panels = plotting.figure(2, 2, 9.4, 6.8)
    expected = [case for case in cases if case.name == "interval" and case.bound.criterion == "EL"]
    _draw_line(*panels[0], next((case for case in expected if case.sigma == DRAWN), expected[-1]))
    _draw_plane(*panels[1], cases[-1])
    return made


def paragraph(cases):
    """What was measured, in sentences."""
    line = [case for case in cases if case.name == "interval"]
    told = "; ".join(f"{case.objective:.4f} against {case.bound.value:.4f} ({case.bound.criterion}, σ = {case.sigma:g})" for case in line)
    moons, holding = cases[-1], sum(bool(case.holds) for case in cases)
    return (f"A control that sees the state does at least as well as any schedule of layers, so its optimum bounds what layers can reach from below. On the interval, where the bound is "
            f"blind to the label, trained layers reach J against that bound: {told}; error bars are at most {max(case.objective_bar + case.bound.error_bar for case in line):.0e}. On two moons "
            f"feedback that knows the label reaches {moons.bound.value:.4f} where the layers have {moons.objective:.4f}: there the bound is far away, as it should be for what knows more. "
            f"The bound holds within its bars in {holding} of {len(cases)} cases.")


def main(arguments=None):
    """Train and bound all; return {"cases": dicts, "paragraph", "lines": the table}; writes JSON and figure."""
    given = parser().parse_args(arguments)
    head = "data      sigma  loss   J trained            no layers below            gap   any f(x)   knowing y  J ≥ bound"
    with in_folder(given.out, "feedback", given, [Case]) as part:
        cases = measure(given, part)
        summary = [case.to_dict() for case in cases]
        keep(given.out, "feedback", summary, lambda: draw(cases))
    return {"cases": summary, "paragraph": paragraph(cases), "lines": [head, *(case.row() for case in cases)]}


def command():
    """Run from the command line."""
    found = main()
    print("\n".join(found["lines"]))
    return 0 if all(case["holds"] for case in found["cases"]) else 1


if __name__ == "__main__":
    sys.exit(report_errors(command))
