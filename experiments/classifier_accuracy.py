"""Hold the classifier against scikit-learn's MLPClassifier of equally many parameters, and, where labels are wrong, against itself without noise.

Clean labels: stratified cross-validation, repeated; both classifiers see the same folds, MLPClassifier standardised features.  A difference has the
standard error of Nadeau and Bengio (2003), which knows that the folds share their rows.  Fits are timed in turns, on one thread each.
Where the limit of epochs stopped MLPClassifier before it converged, it is fitted again with ten times as many, untimed.
Wrong labels: a share of a small training set gets another class; the test labels are right.  The network with its default noise and the same with level 0,
the same start and batches, meet the same seeds.  Prints two tables and draws both differences.
"""

import sys
import warnings
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
from scipy.stats import t as student
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine, make_circles, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from architecture_measures import PairedInterval
from command_line import OneLineParser, report_errors, share, whole
from ocnet import plotting
from ocnet.classifier import StochasticResNetClassifier
from ocnet.kernels import threads
from outcome import keep
from parts import in_folder

DEFAULT_OUT = Path(__file__).resolve().parents[1] / "figures" / "classifier_accuracy"
LONGER = 10                          # times as many epochs for an MLPClassifier that was stopped
POINTS, TEST = 300, 2000             # rows of a toy that is cross-validated, and that tests a network trained on wrong labels


def _moons(count, seed):
    return make_moons(count, noise=0.25, random_state=seed)


def _circles(count, seed):
    return make_circles(count, noise=0.12, factor=0.5, random_state=seed)


TOYS = {"moons": _moons, "circles": _circles}
REAL = {"iris": load_iris, "wine": load_wine, "breast-cancer": load_breast_cancer, "digits": load_digits}
DATA = (*TOYS, *REAL)
SMALL = {"moons": 100, "circles": 100, "iris": 75, "wine": 90, "breast-cancer": 150, "digits": 300}        # training rows where labels are wrong


@dataclass(frozen=True)
class Fold:
    """One fold: accuracies, seconds of a fit, and parameters of both classifiers; and whether MLPClassifier was stopped before it converged.

    accuracy_longer, stopped_longer : the same of MLPClassifier with LONGER times as many epochs, which changes nothing where it was not stopped
    """

    data: str
    repeat: int
    accuracy: float
    accuracy_mlp: float
    seconds: float
    seconds_mlp: float
    parameters: int
    parameters_mlp: int
    stopped_mlp: bool
    accuracy_longer: float
    stopped_longer: bool


@dataclass(frozen=True)
class Pair:
    """One seed with wrong labels: accuracies on right ones of the network with noise, and of the same without."""

    data: str
    seed: int
    noisy: float
    silent: float


@dataclass(frozen=True)
class FoldDifference:
    """Mean accuracy less the other's over folds; standard_error by Nadeau and Bengio, naive_error as if folds were independent."""

    mean: float
    standard_error: float
    naive_error: float
    folds: int

    @classmethod
    def of(cls, differences, share):
        """From the folds' differences, two or more; share: test rows over training rows of a fold.  Nadeau & Bengio (2003), section 3.3."""
        variance, count = np.var(differences, ddof=1), len(differences)
        return cls(float(np.mean(differences)), float(np.sqrt(variance * (1 / count + share))), float(np.sqrt(variance / count)), count)

    @property
    def holds(self):
        """Whether the classifier is within one standard error of the other, or above."""
        return self.mean >= -self.standard_error


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="classifier_accuracy.py", description=__doc__)
    p.add_argument("--only", nargs="+", choices=DATA, default=list(DATA), help="data sets")
    p.add_argument("--repeats", type=whole, default=4, help="of cross-validation")
    p.add_argument("--folds", type=whole, default=5, help="of cross-validation, 2 or more")
    p.add_argument("--seeds", type=whole, default=10, help="of training sets with wrong labels, 2 or more")
    p.add_argument("--wrong", type=share, default=0.2, help="share of the training labels that are wrong")
    p.add_argument("--max-iter", type=whole, default=200, help="of all classifiers")
    p.add_argument("--out", default=str(DEFAULT_OUT), metavar="DIR", help="folder for classifier_accuracy.json and .png")
    return p


def rows_of(name, count, seed):
    """X, y of a data set; toys are drawn."""
    return TOYS[name](count, seed) if name in TOYS else REAL[name](return_X_y=True)


def hidden_units(parameters, features, classes):
    """The width of one hidden layer by which an MLPClassifier's parameters come nearest to so many."""
    outputs = 1 if classes == 2 else classes
    return max(1, round((parameters - outputs) / (features + 1 + outputs)))


def folds_of(name, repeat, given):
    """The `Fold`s of one repeat; which classifier is fitted first alternates."""
    X, y = rows_of(name, POINTS, repeat)
    found = []
    for number, (train, test) in enumerate(StratifiedKFold(given.folds, shuffle=True, random_state=repeat).split(X, y)):
        ours = StochasticResNetClassifier(random_state=repeat, max_iter=given.max_iter)
        size = StochasticResNetClassifier(random_state=0, max_iter=1).fit(X[train], y[train]).theta_.size
        units = hidden_units(size, X.shape[1], len(np.unique(y)))
        theirs, longer = (make_pipeline(StandardScaler(), MLPClassifier((units,), random_state=repeat, max_iter=epochs))
                          for epochs in (given.max_iter, LONGER * given.max_iter))
        seconds = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)              # the table counts them
            for which in ((ours, theirs) if number % 2 else (theirs, ours)):
                started = perf_counter()
                which.fit(X[train], y[train])
                seconds[which is ours] = perf_counter() - started
            if stopped := _stopped(theirs):
                longer.fit(X[train], y[train])
            else:
                longer = theirs                                              # same seed: it would end at the same epoch
        counted = sum(w.size for w in [*theirs[-1].coefs_, *theirs[-1].intercepts_])
        found.append(Fold(name, repeat, ours.score(X[test], y[test]), theirs.score(X[test], y[test]), seconds[True], seconds[False], size, counted,
                          stopped, longer.score(X[test], y[test]), _stopped(longer)))
    return found


def _stopped(pipeline):
    """Whether its MLPClassifier went through all the epochs it was given."""
    return pipeline[-1].n_iter_ == pipeline[-1].max_iter


def spoilt(y, share, rng):
    """The labels with a share of them, to the nearest number, changed to one of the other classes."""
    classes, numbers = np.unique(y, return_inverse=True)
    chosen = rng.permutation(len(y))[:round(share * len(y))]
    numbers[chosen] = (numbers[chosen] + rng.integers(1, len(classes), len(chosen))) % len(classes)
    return classes[numbers]


def pair_of(name, seed, given):
    """The `Pair` of one seed."""
    X, y = rows_of(name, SMALL[name] + TEST, seed)
    X, test, y, right = train_test_split(X, y, train_size=SMALL[name], stratify=y, random_state=seed)
    y = spoilt(y, given.wrong, np.random.default_rng(seed))
    noisy, silent = (StochasticResNetClassifier(level=level, random_state=seed, max_iter=given.max_iter).fit(X, y) for level in (None, 0.0))
    return Pair(name, seed, noisy.score(test, right), silent.score(test, right))


def measure(given, part):
    """{"folds": all Folds, "pairs": all Pairs}, on one thread."""
    before = threads.threads()
    threads.set_threads(1)
    try:
        with threadpool_limits(limits=1):
            return {"folds": [fold for name in given.only for repeat in range(given.repeats) for fold in
                              part(f"folds of {name}, {repeat}", partial(folds_of, name, repeat, given))],
                    "pairs": [part(f"pair of {name}, {seed}", partial(pair_of, name, seed, given)) for name in given.only for seed in range(given.seeds)]}
    finally:
        threads.set_threads(before)


def summarised(found, given):
    """{data set: its difference from MLPClassifier, the same with more epochs, how many of either were stopped, ratio of fit times, interval of noise
    less no noise, and p of the paired test}."""
    told = {}
    for name in given.only:
        folds, pairs = ([one for one in found[what] if one.data == name] for what in ("folds", "pairs"))
        gains = [pair.noisy - pair.silent for pair in pairs]
        deviation = np.std(gains, ddof=1)
        p = student.sf(np.mean(gains) / (deviation / np.sqrt(len(gains))), len(gains) - 1) if deviation > 0 else float(np.mean(gains) <= 0)
        share = 1 / (given.folds - 1)
        told[name] = {"difference": FoldDifference.of([fold.accuracy - fold.accuracy_mlp for fold in folds], share),
                      "longer": FoldDifference.of([fold.accuracy - fold.accuracy_longer for fold in folds], share),
                      "stopped": sum(fold.stopped_mlp for fold in folds), "stopped_longer": sum(fold.stopped_longer for fold in folds),
                      "ratio": float(np.median([fold.seconds / fold.seconds_mlp for fold in folds])), "gain": PairedInterval.of(gains), "p": float(p)}
    return told


def table(found, told, given):
    """Lines of text: a row a data set, three times."""
    lines = [f"{'right labels':14s} parameters: ours  MLP     accuracy, %: ours    MLP   difference ± s.e. (naive)    within or above   fit time / MLP's"]
    for name, of in told.items():
        folds, difference = [fold for fold in found["folds"] if fold.data == name], of["difference"]
        lines.append(f"{name:14s} {folds[0].parameters:16d} {folds[0].parameters_mlp:5d} {100 * np.mean([f.accuracy for f in folds]):17.2f} "
                     f"{100 * np.mean([f.accuracy_mlp for f in folds]):6.2f}   {100 * difference.mean:+10.2f} ± {100 * difference.standard_error:.2f} "
                     f"({100 * difference.naive_error:.2f})    {'yes' if difference.holds else 'no':>15s}   {of['ratio']:14.2f}")
    lines.append(f"MLP to {LONGER * given.max_iter} epochs   stopped at {given.max_iter}   at {LONGER * given.max_iter}     accuracy, %: MLP   difference ± s.e.    within or above")
    for name, of in told.items():
        folds, longer = [fold for fold in found["folds"] if fold.data == name], of["longer"]
        lines.append(f"{name:14s} {of['stopped']:15d} of {len(folds):d} {of['stopped_longer']:10d} {100 * np.mean([f.accuracy_longer for f in folds]):20.2f}   "
                     f"{100 * longer.mean:+10.2f} ± {100 * longer.standard_error:.2f}    {'yes' if longer.holds else 'no':>15s}")
    lines.append(f"{100 * given.wrong:.0f} % wrong       rows        accuracy, %: noise   none   difference [95 %] over {given.seeds} seeds   p, one-sided")
    for name, of in told.items():
        pairs, gain = [pair for pair in found["pairs"] if pair.data == name], of["gain"]
        lines.append(f"{name:14s} {SMALL[name]:5d} {100 * np.mean([p.noisy for p in pairs]):25.2f} {100 * np.mean([p.silent for p in pairs]):6.2f}   "
                     f"{100 * gain.mean:+6.2f} [{100 * gain.low:+.2f}, {100 * gain.high:+.2f}]            {of['p']:.1e}")
    return lines


def _of_stopped(told, given, stopped, listed, differences, below):
    """Sentences on the fits that the limit stopped, and on what is left of the difference without it."""
    fits = given.repeats * given.folds
    if not stopped:
        return [f"No fit of MLPClassifier was stopped by its limit of {given.max_iter} epochs."]
    counts = listed(f"{told[name]['stopped']} of {fits} fits on {name}" for name in stopped)
    still = [f"{told[name]['stopped_longer']} on {name}" for name in stopped if told[name]["stopped_longer"]]
    end = f"by which {listed(still)} are stopped still" if still else "which stop none"
    return [f"But MLPClassifier was stopped by that limit before it had converged in {counts}: there the difference is to a network that more epochs can improve.",
            f"With these fits made again with at most {LONGER * given.max_iter} epochs, {end}, while the classifier keeps its own limit, the difference is "
            f"{differences('longer', stopped)}; {below('longer', stopped)}."]


def paragraph(told, given):
    """What was measured, in sentences, without seconds."""
    def listed(names):
        names = list(names)
        return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)

    def below(which, names):
        behind = [name for name in names if not told[name][which].holds]
        return f"it is more than one such error below on {listed(behind)}" if behind else "nowhere is it more than one such error below"

    def differences(which, names):
        return ", ".join(f"{100 * told[name][which].mean:+.1f} ± {100 * told[name][which].standard_error:.1f} on {name}" for name in names)

    better, worse = ([name for name, of in told.items() if of["gain"].verdict == side] for side in ("higher", "lower"))
    open_ends = [name for name, of in told.items() if of["gain"].verdict == "undecided"]
    stopped = [name for name, of in told.items() if of["stopped"]]
    noisy = ", ".join(f"{100 * of['gain'].mean:+.1f} [{100 * of['gain'].low:+.1f}, {100 * of['gain'].high:+.1f}] on {name}" for name, of in told.items())
    said = [f"The classifier with its defaults less scikit-learn's MLPClassifier with equally many parameters, in points of accuracy over {given.repeats} × {given.folds} "
            f"folds that both share and at most {given.max_iter} epochs: {differences('difference', told)}, ± one standard error that allows for the folds' common rows "
            f"(Nadeau and Bengio); {below('difference', told)}.", *_of_stopped(told, given, stopped, listed, differences, below),
            f"With {100 * given.wrong:.0f} % wrong labels in small training sets, the network with its noise less the same network without, in points of accuracy on right labels, "
            f"with 95 % intervals over {given.seeds} seeds (of the real sets: {given.seeds} splits of the same rows, so that nothing is said of other data): {noisy}."]
    if better:
        said.append(f"The noise helps on {listed(better)}.")
    if open_ends or worse:
        said.append(" ".join([f"On {listed(open_ends)} that is not shown." if open_ends else "", f"It does harm on {listed(worse)}." if worse else ""]).strip())
    return " ".join(said)


def draw(found, told, given):
    """Return the figure: differences from MLPClassifier with right labels, gains by the noise with wrong ones."""
    made, ((left, right),) = plotting.figure(1, 2, 9.0, 4.0, sharey=True)
    names, y = list(told), np.arange(len(told))
    mean, error = 100 * np.array([(of["difference"].mean, of["difference"].standard_error) for of in told.values()]).T
    left.errorbar(mean, y, xerr=error, fmt="o", ms=5, lw=1.4, capsize=3, color=plotting.LOWER, label=f"MLPClassifier of at most {given.max_iter} epochs")
    again = [(100 * of["longer"].mean, at + 0.25, 100 * of["longer"].standard_error) for at, of in enumerate(told.values()) if of["stopped"]]
    if again:
        mean, at, error = np.array(again).T
        left.errorbar(mean, at, xerr=error, fmt="o", ms=5, lw=1.0, capsize=3, mfc="white", color=plotting.FIRST, label=f"where that stopped it: {LONGER * given.max_iter} epochs")
    gain, low, high = 100 * np.array([(of["gain"].mean, of["gain"].low, of["gain"].high) for of in told.values()]).T
    right.errorbar(gain, y, xerr=(gain - low, high - gain), fmt="s", ms=5, lw=1.4, capsize=3, color=plotting.UPPER, label=f"mean, 95 % over {given.seeds} seeds")
    each = np.array([(100 * (pair.noisy - pair.silent), names.index(pair.data) + 0.25) for pair in found["pairs"]]).T
    right.plot(*each, "|", ms=5, color=plotting.GREY, label="each seed")
    for ax in (left, right):
        ax.plot([0, 0], [-0.6, len(names) - 0.4], color="0.6", lw=0.8, zorder=0)
        ax.set(yticks=y, yticklabels=names, ylim=(len(names) - 0.4, -1.9), xlabel="difference of accuracy, points of %")
    left.legend(loc="upper center")
    right.legend(loc="upper center", ncols=2)
    left.set(title="right labels: less MLPClassifier, ± one standard error", ylabel="data set")
    right.set(title=f"{100 * given.wrong:.0f} % wrong labels: noise less none")
    return made


def main(arguments=None):
    """Measure all; return {"folds", "pairs", "summary": plain numbers, "paragraph", "lines": the tables}; writes JSON and figure."""
    given = parser().parse_args(arguments)
    if min(given.folds, given.seeds) < 2 or given.wrong > 0.5 or len(set(given.only)) < len(given.only):
        raise ValueError(f"--folds {given.folds} --seeds {given.seeds} --wrong {given.wrong} --only {' '.join(given.only)}: give two folds and seeds or more, for "
                         "standard errors, no more than half of the labels wrong, and each data set once")
    with in_folder(given.out, "classifier_accuracy", given, [Fold, Pair]) as part:
        found = measure(given, part)
        told = summarised(found, given)
        summary = numbers(found, told, given)
        keep(given.out, "classifier_accuracy", summary, lambda: draw(found, told, given))
    return {**summary, "lines": table(found, told, given)}


def numbers(found, told, given):
    """All as plain numbers, and the paragraph."""
    plain = {name: {"difference": asdict(of["difference"]), "holds": of["difference"].holds, "longer": asdict(of["longer"]),
                    "longer_holds": of["longer"].holds, "stopped": of["stopped"], "stopped_longer": of["stopped_longer"], "ratio": of["ratio"], "gain": of["gain"].to_dict(), "p": of["p"]}
             for name, of in told.items()}
    return {"folds": [asdict(fold) for fold in found["folds"]], "pairs": [asdict(pair) for pair in found["pairs"]], "summary": plain,
            "paragraph": paragraph(told, given)}


def command():
    """Run from the command line."""
    print("\n".join(main()["lines"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
