"""Measure what averaging does for stochastic gradient descent, on the control of an elliptic equation with a random coefficient.

Independent runs of θ_k = θ_{k−1} − rate k^(−½) g_k with gradients of one drawn coefficient each: mean-square errors of the last point and of the
average of all points, for several rates and batches, against what theory says of both (MATH 4; Sun & Du; Polyak & Juditsky 1992).
Prints a table and draws the errors.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from command_line import OneLineParser, positive, report_errors, whole
from ocnet import plotting, train
from ocnet.training.objectives.elliptic import EllipticControl
from ocnet.training.optimisers import AveragedSGD
from outcome import keep
from parts import in_folder

DEFAULT_OUT = Path(__file__).resolve().parents[1] / "figures" / "averaged_sgd"
DECAY = 0.5
MARKS = 25                           # iterations at which errors are taken, even in log k over two decades
NORMAL = 1.96                        # quantile of the bands
BURN_IN = 100                        # the average of late points leaves out the first 1/100; a tenth where rates and batches vary


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="averaged_sgd.py", description=__doc__)
    p.add_argument("--runs", type=whole, default=64, help="independent runs (16 or more for bands that mean something; 4 at least)")
    p.add_argument("--iterations", type=whole, default=30_000, help="of a run with one coefficient an iteration (1000 or more)")
    p.add_argument("--rate", type=positive, default=20.0, help="rate of the first panel; steps are rate / √k")
    p.add_argument("--rates", type=positive, nargs="+", default=[2.5, 5.0, 10.0, 20.0, 40.0, 80.0], help="of the second panel")
    p.add_argument("--batches", type=whole, nargs="+", default=[1, 2, 4, 8, 16], help="coefficients an iteration, at equally many in all")
    p.add_argument("--alpha", type=positive, default=1e-2, help="weight of the control's own cost ½ α |u|²")
    p.add_argument("--out", default=str(DEFAULT_OUT), metavar="DIR", help="folder for averaged_sgd.json and averaged_sgd.png")
    return p


class SideBySide:
    """Independent runs in one vector (runs · n,): a step acts by components, so run r follows its own drawn coefficients alone."""

    def __init__(self, control, runs, drawn=None):
        self.control, self.runs, self.drawn = control, runs, drawn

    def draw(self, iteration):
        """The runs' coefficients of one iteration: those of run r are the r-th of the draws."""
        inverses = self.control.inverses[self.control.picks(iteration)]
        return SideBySide(self.control, self.runs, inverses.reshape(self.runs, -1, *inverses.shape[1:]))

    def value(self, theta):
        return sum(self.control.value(u) for u in theta.reshape(self.runs, -1))

    def value_and_gradient(self, theta):
        u, control = theta.reshape(self.runs, -1), self.control
        if self.drawn is None:
            return self.value(theta), np.concatenate([control.value_and_gradient(run)[1] for run in u])
        misfit = np.einsum("rbij,rj->rbi", self.drawn, u) - control.tracking.target
        gradient = control.alpha * u + np.einsum("rbij,rbj->ri", self.drawn, misfit) / self.drawn.shape[1]
        return 0.5 * float((misfit * misfit).sum() / self.drawn.shape[1] + control.alpha * (u * u).sum()), gradient.ravel()


@dataclass(frozen=True, eq=False)
class Course:
    """Squared errors h |u − u*|² of all runs at some iterations k: of the points, `last`, and of their averages; (marks, runs) each."""

    rate: float
    batch: int
    burn_in: int
    k: np.ndarray
    last: np.ndarray
    average: np.ndarray


def course(rate, batch, burn_in, iterations, given):
    """Run all runs side by side and return their Course."""
    control = EllipticControl(batch=given.runs * batch, alpha=given.alpha)
    exact, h, rows = control.exact(), 1 / (control.nodes + 1), []
    marks = set(np.geomspace(iterations / 100, iterations, MARKS).round().astype(int).tolist())

    def note(state):
        if state.iteration in marks:
            rows.append((state.iteration, *(h * ((points.reshape(given.runs, -1) - exact) ** 2).sum(axis=1) for points in (state.theta, state.average))))

    optimiser = AveragedSGD(iterations=iterations, rate=rate, decay=DECAY, burn_in=burn_in, check_every=iterations)
    train(SideBySide(control, given.runs), np.zeros(given.runs * control.nodes), optimiser, callback=note)
    k, last, average = zip(*rows)
    return Course(rate, batch, burn_in, np.array(k), np.array(last), np.array(average))


def theory(control):
    """Return (last, average): the mean-square errors are last · step and average / k, to leading order; and h |u*|².

    With H the Hessian and S the covariance of one coefficient's gradient at u*, those of the average are h tr(H⁻¹ S H⁻¹)/k whatever
    the steps, and the points scatter around u* with the covariance Σ that solves H Σ + Σ H = step · S.
    """
    exact, h = control.exact(), 1 / (control.nodes + 1)
    inverses = control.inverses
    misfit = np.einsum("fij,j->fi", inverses, exact) - control.tracking.target
    gradients = control.alpha * exact + np.einsum("fij,fj->fi", inverses, misfit)
    hessian = control.alpha * np.eye(control.nodes) + np.einsum("fij,fjk->ik", inverses, inverses) / len(inverses)
    eigenvalues, vectors = np.linalg.eigh(hessian)
    scatter = ((gradients @ vectors) ** 2).mean(axis=0)
    return h * float((scatter / (2 * eigenvalues)).sum()), h * float((scatter / eigenvalues**2).sum()), h * float(exact @ exact)


def mean_and_error(errors):
    """Mean over the runs, the last axis, and its standard error."""
    return errors.mean(axis=-1), errors.std(axis=-1, ddof=1) / np.sqrt(errors.shape[-1])


def slope(k, errors, start):
    """Return the slope of log(mean error) against log k for k ≥ start, and its standard error by leaving out one run after the other."""
    kept = k >= start
    x, errors = np.log(k[kept]), errors[kept]
    runs = errors.shape[1]
    without = (errors.sum(axis=1, keepdims=True) - errors) / (runs - 1)
    slopes = np.polyfit(x, np.log(without), 1)[0]
    whole_sample = np.polyfit(x, np.log(errors.mean(axis=1)), 1)[0]
    return float(whole_sample), float(np.sqrt((runs - 1) * ((slopes - slopes.mean()) ** 2).mean()))


def measure(given, part):
    """Return {"main": Course of all points averaged, "late": the same without the burn-in, "rates", "batches": lists of Courses}."""
    def kept(rate, batch, burn_in, iterations):
        return part(f"rate {rate}, batch {batch}, burn-in {burn_in}, {iterations} iterations", lambda: course(rate, batch, burn_in, iterations, given))

    k = given.iterations
    return {"main": kept(given.rate, 1, 0, k), "late": kept(given.rate, 1, k // BURN_IN, k), "rates": [kept(rate, 1, k // 10, k) for rate in given.rates],
            "batches": [kept(given.rate, batch, k // batch // 10, k // batch) for batch in given.batches]}


def exponent(courses, of, what):
    """The slope of the errors at the ends of courses against of(course), in logarithms, and its standard error."""
    return slope(np.array([of(c) for c in courses], dtype=float), np.array([getattr(c, what)[-1] for c in courses]), 0)


def _ends(courses, name, of):
    """[{name: value, "last": [mean, error], "average": [mean, error]}, …] at the ends of courses."""
    return [{name: of(c), "iterations": int(c.k[-1]), **{what: [float(v) for v in mean_and_error(errors[-1])] for what, errors in
                                                      (("last", c.last), ("average", c.average))}} for c in courses]


def summarise(found, given):
    """All as plain numbers."""
    main, late, end = found["main"], found["late"], int(found["main"].k[-1])
    last, average, square = theory(EllipticControl(alpha=given.alpha))
    curves = {"last point": (main.last, end / 100), "average": (main.average, end / 100), "average of late points": (late.average, end / 10)}
    slopes = {name: dict(zip(("slope", "standard_error"), slope(main.k, errors, start)), start=start) for name, (errors, start) in curves.items()}
    curves = {name: dict(zip(("mean", "standard_error"), (v.tolist() for v in mean_and_error(errors)))) for name, (errors, _) in curves.items()}
    exponents = {family: {what: dict(zip(("slope", "standard_error"), exponent(found[family], of, what))) for what in ("last", "average")}
                 for family, of in (("rates", lambda c: c.rate), ("batches", lambda c: c.batch))}
    return {"runs": given.runs, "rate": given.rate, "exponents": exponents, "k": main.k.tolist(), "curves": curves, "slopes": slopes, "burn_in": late.burn_in, "square_of_the_solution": square,
            "theory": {"last point": last * given.rate * end**-DECAY, "average": average / end, "average_times_k": average},
            "rates": _ends(found["rates"], "rate", lambda c: c.rate), "batches": _ends(found["batches"], "batch", lambda c: c.batch)}


def _told(pair):
    return f"{pair[0]:.2e} ± {pair[1]:.0e}"


def paragraph(summary):
    """What was measured, in sentences."""
    end, slopes, theory_ = summary["k"][-1], summary["slopes"], summary["theory"]
    ends = {name: (curve["mean"][-1], curve["standard_error"][-1]) for name, curve in summary["curves"].items()}
    fitted = {name: f"{s['slope']:.2f} ± {s['standard_error']:.2f}" for name, s in slopes.items()}
    rates, batches = summary["rates"], summary["batches"]
    powers = {(family, what): f"{of['slope']:.2f} ± {of['standard_error']:.2f}" for family, whats in summary["exponents"].items() for what, of in whats.items()}
    return (f"The control u of an elliptic equation with a random coefficient is found from one drawn coefficient an iteration, in {summary['runs']} independent "
            f"runs. After {end} iterations the mean-square error of the last point is {_told(ends['last point'])} (theory: {theory_['last point']:.1e}), "
            f"that of the average of all points {_told(ends['average'])}, of the points after the first {summary['burn_in']} "
            f"{_told(ends['average of late points'])} (theory: {theory_['average']:.1e}, the best constant there is). "
            f"The fitted slopes are {fitted['last point']} and {fitted['average']} over two decades, the second still steepened by the start, and "
            f"{fitted['average of late points']} over the last decade without the first points; theory says −½, −1 and −1. "
            f"Over rates from {rates[0]['rate']:g} to {rates[-1]['rate']:g} the error grows like rate^({powers['rates', 'last']}) for the last point and "
            f"rate^({powers['rates', 'average']}) for the average, so that large steps do no harm to the average; with equally many coefficients drawn, in batches of "
            f"{batches[0]['batch']} to {batches[-1]['batch']}, like batch^({powers['batches', 'last']}) and batch^({powers['batches', 'average']}), where theory has −½ and 0. "
            f"All ± are standard errors over the runs.")


def table(summary):
    """Lines of text."""
    lines = [f"{summary['runs']} runs, |u*|² = {summary['square_of_the_solution']:.2f}", "", f"{'mean-square error':26s} {'slope':>16s} {'from k =':>9s} {'at the end':>20s}  theory"]
    for name, curve in summary["curves"].items():
        s = summary["slopes"][name]
        expected = summary["theory"]["last point" if name == "last point" else "average"]
        lines.append(f"{name:26s} {s['slope']:8.3f} ± {s['standard_error']:.3f} {s['start']:9.0f} {_told((curve['mean'][-1], curve['standard_error'][-1])):>20s}  {expected:.2e}")
    for family, name in (("rates", "rate"), ("batches", "batch")):
        lines += ["", f"{name:>8s} {'iterations':>10s} {'last point':>20s} {'average':>20s}"]
        lines += [f"{row[name]:8g} {row['iterations']:10d} {_told(row['last']):>20s} {_told(row['average']):>20s}" for row in summary[family]]
    return lines


LOOKS = {"last point": (plotting.UPPER, "s", "--"), "average": (plotting.LOWER, "o", "-"), "average of late points": (plotting.FIRST, "^", "-.")}


def _draw_course(ax, summary):
    """Errors against k with bands, and what theory says."""
    k = np.array(summary["k"])
    for name, curve in summary["curves"].items():
        colour, marker, line = LOOKS[name]
        shown = k >= (summary["burn_in"] * 3 if name == "average of late points" else 0)
        mean, error = np.array(curve["mean"])[shown], NORMAL * np.array(curve["standard_error"])[shown]
        ax.loglog(k[shown], mean, line, marker=marker, ms=3.5, lw=1.1, color=colour, label=f"{name}: slope {summary['slopes'][name]['slope']:.2f}")
        ax.fill_between(k[shown], np.maximum(mean - error, 1e-3 * mean), mean + error, color=colour, alpha=0.18, lw=0)
    theory_ = summary["theory"]
    ax.loglog(k, theory_["last point"] * np.sqrt(k[-1] / k), ":", color=plotting.UPPER, lw=1.2, label="theory, slope −½")
    ax.loglog(k, theory_["average_times_k"] / k, ":", color=plotting.GREY, lw=1.2, label="theory, slope −1")
    ax.set(xlabel="iterations k", ylabel="E |u − u*|²", title=f"mean-square error, {summary['runs']} runs (bands: 95 %)")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * 10**1.6)                                     # room for the legend
    ax.legend(loc="upper right", fontsize=7.5)


def _draw_ends(ax, summary, family, name, power, title):
    """Errors at the ends of the runs against rates or batches; theory has x^power for the last point, and the first panel's value at its own x."""
    x = np.array([row[name] for row in summary[family]])
    theory = summary["theory"]["last point"] * (x / (summary["rate"] if name == "rate" else 1)) ** power
    for what, key in (("last point", "last"), ("average of late points", "average")):
        mean, error = np.array([row[key] for row in summary[family]]).T
        colour, marker, line = LOOKS[what]
        ax.errorbar(x, mean, yerr=NORMAL * error, fmt=marker, ls=line, ms=4, lw=1.1, capsize=2, color=colour, label=what)
    ax.plot(x, theory, ":", color=LOOKS["last point"][0], lw=1.2, label="theory of the last point")
    ax.axhline(summary["theory"]["average"], ls=":", color=plotting.GREY, lw=1.2, label="theory of averages")
    ax.set(xscale="log", yscale="log", xticks=x, xticklabels=[f"{v:g}" for v in x], title=title, ylabel="E |u − u*|²")
    ax.minorticks_off()
    low, high = ax.get_ylim()
    ax.set_ylim(low / 1.2, high * 4)
    ax.legend(loc="upper left", fontsize=7.5)


def draw(summary):
    """Return the figure: errors against k; at the end against the rate; against the batch."""
    made, ((left, middle, right),) = plotting.figure(1, 3, 10.0, 3.5)
    _draw_course(left, summary)
    _draw_ends(middle, summary, "rates", "rate", 1, f"after {summary['k'][-1]} iterations")
    middle.set_xlabel("rate η of steps η/√k")
    _draw_ends(right, summary, "batches", "batch", -0.5, f"after {summary['k'][-1]} draws")
    right.set_xlabel("batch: coefficients an iteration")
    return made


def main(arguments=None):
    """Run all; return {"curves", "slopes", "theory", "rates", "batches", …, "paragraph", "lines": the tables}; writes JSON and figure."""
    given = parser().parse_args(arguments)
    if given.runs < 4 or given.iterations < 1000 or given.alpha == 0 or min(given.rates + [given.rate]) == 0:
        raise ValueError(f"--runs {given.runs} --iterations {given.iterations} --alpha {given.alpha:g} --rates {given.rates}: give four runs, 1000 iterations "
                         "or more and numbers above 0, for errors that have bands and slopes")
    if len(set(given.rates)) < 2 or len(set(given.batches)) < 2:
        raise ValueError(f"--rates {given.rates} --batches {given.batches}: give two or more of each, to compare")
    if max(given.batches) > given.iterations // 100:
        raise ValueError(f"--batches {given.batches}: give batches up to {given.iterations // 100}, which leave 100 of the {given.iterations} iterations")
    with in_folder(given.out, "averaged_sgd", given, [Course]) as part:
        summary = summarise(measure(given, part), given)
        keep(given.out, "averaged_sgd", summary, lambda: draw(summary))
    return {**summary, "paragraph": paragraph(summary), "lines": table(summary)}


def command():
    """Run from the command line."""
    print("\n".join(main()["lines"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
