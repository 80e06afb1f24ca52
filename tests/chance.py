"""The one budget of false alarms: what a random test may cost, the bars that it draws on, and the errors that it must find.

A right library fails a full run of the suite, were all its seeds drawn anew, with a probability below BUDGET.  Each case of a test that holds sampled
numbers against a truth takes a share of it by its mark, and has bars only from the fixture `chance`:

    @random(comparisons=3)
    def test_a_mean_is_the_integral(chance):
        result = estimate(problem, x0, seed=seed(1))
        chance.mean(result.value, exact, result.standard_error, detects=0.01)

The share is divided evenly among the comparisons (Bonferroni: no independence is assumed).  `detects` is a promise that is kept when the test runs: a
bias of that size fails the comparison with a probability of POWER or more, or the test is refused for having lost its power (by more than a standard
error of few degrees of freedom is larger by chance, or a fifth: `lucky`).

    |estimate − truth| ≤ slack + q s.e.,   q = z_{1 − share/2m}  (Student's t where a standard error has few degrees of freedom),
    detects ≥ slack + (q + z_POWER) s.e.

`tests/test_chance.py` sums the shares of all collected tests and finds tests with bars of their own.  OCNET_TEST_SEED=k runs every random test with other
seeds (`seed`, `rng`, and all Philox streams behind public doors), and OCNET_TEST_RECORD=file keeps what was observed: `python -m tests.audit_of_chance`.
"""

import json
import os
import sys

import numpy as np
import pytest
from scipy import optimize, stats

__all__ = ["BUDGET", "POWER", "SHARE", "Chance", "other_streams", "random", "rng", "seed"]

BUDGET = 1e-4                        # false alarms of a full run
SHARE = 1e-7                         # of one case of one test, where its mark says nothing else
POWER = 0.99                         # with which a bias of the size `detects` fails a comparison
SHIFT = int(os.environ.get("OCNET_TEST_SEED", "0"))
_RECORD = os.environ.get("OCNET_TEST_RECORD")
_SMALL = 2**32                       # seeds that people write; derived ones are larger but for one in 2³²
_LARGEST_FACTOR = 30.0               # of a tail that skewness makes heavier: beyond, the expansion means nothing


def random(comparisons=1, share=SHARE):
    """Mark a test as one of chance: it takes `share` of the budget for each of its cases, for at most so many comparisons."""
    return pytest.mark.random(comparisons=comparisons, share=share)


def seed(number):
    """`number`, or a seed of its own for every OCNET_TEST_SEED."""
    return number if number >= _SMALL else number + SHIFT * _SMALL


def rng(number):
    """numpy's generator of `number` (or a list), another one for every OCNET_TEST_SEED."""
    return np.random.default_rng([SHIFT, *np.atleast_1d(number)] if SHIFT else number)


def other_streams(put=setattr):
    """Shift the seed of every Philox stream where it is checked, in all modules that do: tests that leave a seed out draw other numbers too."""
    from ocnet import inputs
    from ocnet.kernels import philox
    for home, name in ((philox, "checked_seed"), (inputs, "as_seed_or_fresh")):
        honest = getattr(home, name)
        for module in [m for place, m in list(sys.modules.items()) if place.startswith("ocnet") and getattr(m, name, None) is honest]:
            put(module, name, lambda *given, honest=honest: seed(honest(*given)))


def _skewed(level, skewness, n):
    """Two-sided quantile of a studentised mean: P(T > z) ≈ (1 − Φ(z)) exp(|γ| z³/(3 √n)) on its heavier side (Jing, Shao & Wang 2003, (2.5))."""
    grows = abs(skewness) / (3 * np.sqrt(n))
    z = stats.norm.isf(level / 2)
    if grows:
        z = optimize.brentq(lambda z: stats.norm.logsf(z) + min(grows * z**3, np.log(_LARGEST_FACTOR)) - np.log(level / 2), z, 2 * z + 5)
    assert grows * z**3 < np.log(_LARGEST_FACTOR), f"{n} numbers of skewness {skewness:.2g} are too few for a normal bar at {z:.1f}; take more of them"
    return z


class Chance:
    """A test's share of the budget, spent on its comparisons one by one.

    Comparisons are counted: more than were announced are refused, and so is a test that makes none.
    """

    def __init__(self, name, comparisons=1, share=SHARE):
        self.name, self.comparisons, self.share, self.used = name, comparisons, share, 0

    @property
    def level(self):
        """Two-sided level of one comparison."""
        return self.share / self.comparisons

    def bar(self, freedom=None):
        """q: how many standard errors a comparison allows; `freedom` of the standard error, None for many."""
        return stats.norm.isf(self.level / 2) if freedom is None else stats.t.isf(self.level / 2, freedom)

    def reach(self, standard_error, slack=0.0, freedom=None):
        """The bias that one comparison finds with POWER."""
        return slack + (self.bar(freedom) + stats.norm.ppf(POWER)) * standard_error

    def lucky(self, freedom=None):
        """How many times too large a standard error is by chance at most: √(χ²_{1 − level/2}/freedom), and a fifth for what is not normal."""
        return max(1.2, np.sqrt(stats.chi2.isf(self.level / 2, freedom) / freedom) if freedom else 1.0)

    def mean(self, estimate, truth, standard_error, detects, slack=0.0, freedom=None):
        """|estimate − truth| ≤ slack + q s.e. for every number; the law of an estimate over its standard error is normal or Student's.

        slack : what is known to be left beside sampling (a step's bias, a grid's bar);  detects : in the units of the estimate
        Accuracy   means of n draws of skewness γ: the tail at q is off by a factor of exp(γ q³/(3√n)): 1.3 for n = 10⁵, γ = 1/2, q = 5.5;
                   `sample` allows for it, and the audit measures it.
        """
        gap, error, slack = np.broadcast_arrays(np.asarray(estimate, float) - truth, standard_error, slack)
        # a score has its law where the slack is little of its deviation: a tenth adds 1 % to its mean square
        self._spend(gap.size, "student" if freedom else "normal", np.where(slack <= 0.1 * error, _over(gap, error), np.nan), freedom)
        q = self.bar(freedom)
        wrong = ~(np.abs(gap) <= slack + q * error)
        assert not wrong.any(), (f"{wrong.sum()} of {gap.size} numbers are beyond {q:.2f} standard errors of the truth, by chance with probability "
                                 f"{self.level:.1g} each; the first is off by {gap[wrong][0]:.3g}, {_over(gap, error)[wrong][0]:.1f} standard errors")
        self._powerful(self.reach(error / self.lucky(freedom), slack, freedom), detects)

    def least(self, estimate, bound, standard_error, detects, slack=0.0):
        """estimate ≥ bound − slack − q s.e. for every number: a truth that is nowhere below the bound; finds one that is by `detects`."""
        estimate, bound, error, slack = np.broadcast_arrays(np.asarray(estimate, float), bound, standard_error, slack)
        self._spend(estimate.size, None, None)
        low = ~(estimate >= bound - slack - self.bar() * error)
        assert not low.any(), (f"{low.sum()} of {low.size} numbers are more than {self.bar():.2f} standard errors below what they cannot be below, by chance "
                               f"with probability {self.level:.1g} each; the first by {(bound - estimate)[low][0]:.3g}")
        self._powerful(self.reach(error / self.lucky(), slack), detects)

    def exceeds(self, estimate, bound, standard_error):
        """estimate > bound + q s.e. for every number: a difference that is there, seen.  A truth 2 q s.e. above fails by chance with its level; the audit
        tells how far above the bound the estimates have been."""
        above = (np.asarray(estimate, float) - bound) / standard_error
        self._spend(above.size, "margin", above / self.bar())
        assert (above > self.bar()).all(), f"{np.min(above):.2f} standard errors above the bound are not the {self.bar():.2f} of a difference that is seen"

    def sample(self, values, truth, detects, slack=0.0):
        """The same for the means of raw values over the last axis: Student's law, and a wider bar where the values are skewed."""
        values = np.asarray(values, float)
        n = values.shape[-1]
        gap, error, slack = np.broadcast_arrays(values.mean(axis=-1) - truth, values.std(axis=-1, ddof=1) / np.sqrt(n), slack)
        deviation = np.maximum(error * np.sqrt(n), 1e-14 * (1 + np.abs(values).max(axis=-1)))         # of rounding where one number is drawn always
        skewness = ((values - values.mean(axis=-1, keepdims=True)) ** 3).mean(axis=-1) / deviation**3
        widen = stats.t.isf(self.level / 2, n - 1) / stats.norm.isf(self.level / 2)
        q = widen * np.array([_skewed(self.level, s, n) for s in np.ravel(skewness)]).reshape(gap.shape)
        self._spend(gap.size, "student", _over(gap, error), n - 1)
        wrong = ~(np.abs(gap) <= slack + q * error + 1e-13 * (1 + np.abs(truth)))      # and rounding
        assert not wrong.any(), (f"{wrong.sum()} of {gap.size} means of {n} numbers are beyond {q.max():.2f} standard errors of the truth, by chance "
                                 f"with probability {self.level:.1g} each; the first is off by {gap[wrong][0]:.3g}")
        self._powerful(slack + (q + stats.norm.ppf(POWER)) * error / self.lucky(n - 1), detects)

    def frequency(self, hits, trials, probability, detects, slack=0.0):
        """`hits` of `trials` independent events of the given probability, known to `slack`: exact binomial tails, half the level each.

        detects : a difference of probabilities that is found with POWER, downward and, where there is room, upward
        """
        low, high = max(0.0, probability - slack), min(1.0, probability + slack)
        fewest, most = int(stats.binom.ppf(self.level / 2, trials, low)), int(stats.binom.isf(self.level / 2, trials, high))
        p = stats.binom.cdf(hits, trials, probability) - 0.5 * stats.binom.pmf(hits, trials, probability)
        self._spend(1, "uniform", np.array([p if slack <= 0.1 * np.sqrt(probability * (1 - probability) / trials) else np.nan]))
        assert fewest <= hits <= most, (f"{hits} of {trials} where {probability:.4g} of them are expected: outside {fewest} … {most}, by chance with "
                                        f"probability {self.level:.1g}")
        found = [stats.binom.cdf(fewest - 1, trials, max(0.0, probability - detects))] * (fewest > 0)
        found += [stats.binom.sf(most, trials, min(1.0, probability + detects))] * (probability + detects < 1 and most < trials)
        assert found and min(found) >= POWER, f"{trials} trials find a change of probability by {detects:.3g} in {found} of cases only; take more of them"

    def variance(self, found, truth, freedom, detects):
        """A sample variance of normal numbers, found · freedom/truth ~ χ²; `detects` is the factor that is found with POWER, above and below 1."""
        ratio = np.atleast_1d(np.asarray(found, float) / truth)
        low, high = (f(self.level / 2, freedom) / freedom for f in (stats.chi2.ppf, stats.chi2.isf))
        self._spend(ratio.size, "uniform", stats.chi2.cdf(ratio * freedom, freedom))
        assert ((low <= ratio) & (ratio <= high)).all(), (f"ratios of variances {ratio.min():.3g} … {ratio.max():.3g} are outside {low:.3g} … {high:.3g}, by "
                                                         f"chance with probability {self.level:.1g} each ({freedom} degrees of freedom)")
        found = stats.chi2.sf(high / detects * freedom, freedom), stats.chi2.cdf(low * detects * freedom, freedom)
        assert min(found) >= POWER, f"{freedom} degrees of freedom find a variance {detects} times too large or small in {min(found):.2f} of cases only"

    def squares(self, statistic, freedom, detects):
        """Pearson's χ² of `freedom` degrees, both tails: numbers too even are no chance either; `detects` is the non-centrality found with POWER.

        n draws in k equal bins, one of them a share r too full: non-centrality n r²/k · k/(k − 1).
        """
        statistic = np.atleast_1d(np.asarray(statistic, float))
        low, high = (f(self.level / 2, freedom) for f in (stats.chi2.ppf, stats.chi2.isf))
        self._spend(statistic.size, "uniform", stats.chi2.cdf(statistic, freedom))
        assert ((low <= statistic) & (statistic <= high)).all(), (f"χ² of {freedom} degrees {statistic.min():.4g} … {statistic.max():.4g} is outside {low:.4g} "
                                                                 f"… {high:.4g}, by chance with probability {self.level:.1g} each")
        power = stats.ncx2.sf(high, freedom, detects)
        assert power >= POWER, f"a non-centrality of {detects:.3g} is found in {power:.2f} of cases only"

    def distribution(self, sample, cdf, detects):
        """Kolmogorov and Smirnov: sup |F_n − F| below the exact quantile; a difference of `detects` in F anywhere is found with POWER."""
        sample = np.sort(np.asarray(sample, float))
        n = sample.size
        rank, value = np.arange(n + 1) / n, cdf(sample)
        distance = max((rank[1:] - value).max(), (value - rank[:-1]).max())
        q = stats.kstwo.isf(self.level, n)
        self._spend(1, "uniform", np.array([stats.kstwo.cdf(distance, n)]))
        assert distance <= q, f"a distribution function is off by {distance:.3g}, more than {q:.3g} by chance with probability {self.level:.1g}"
        self._powerful(q + stats.norm.ppf(POWER) * 0.5 / np.sqrt(n), detects)            # F_n at one place deviates by √(F (1 − F)/n)

    def spends(self, probability, comparisons=1):
        """A bar of another kind, derived where it stands: each of its comparisons fails by chance with `probability` at most."""
        self._spend(comparisons, None, None)
        assert probability <= self.level, f"a bar of {probability:.1g} takes more than its share of {self.level:.1g}"

    def finds(self, estimate, truth, wrong, standard_error, slack=0.0, freedom=None):
        """A wrong truth fails the comparison that the right one has passed: it lies two bars away, so that this costs nothing of the budget."""
        estimate, truth, wrong, error = np.broadcast_arrays(np.asarray(estimate, float), truth, wrong, standard_error)
        bar = slack + self.bar(freedom) * error
        assert (np.abs(wrong - truth) > 2 * bar).any(), f"a fault of {np.abs(wrong - truth).max():.3g} is no more than two bars of {bar.max():.3g}: no control"
        assert (np.abs(estimate - wrong) > bar)[np.abs(wrong - truth) > 2 * bar].all(), "a wrong truth passes the comparison"

    def settle(self):
        """At the end of the test: it has compared something."""
        assert self.used, "a test with a share of the budget makes no comparison with its bars; take the mark away, or compare"

    def _spend(self, count, law, observed, freedom=None):
        self.used += count
        assert self.used <= self.comparisons, f"{self.used} comparisons are made where {self.comparisons} are announced: random(comparisons={self.used})"
        if _RECORD and law and "::" in self.name:
            with open(_RECORD, "a") as file:
                file.write(json.dumps({"test": self.name, "shift": SHIFT, "law": law, "freedom": freedom, "level": self.level,
                                       "observed": np.ravel(observed).tolist()}) + "\n")

    def _powerful(self, reach, detects):
        weak = np.broadcast_to(reach > detects, np.shape(reach))
        assert not weak.any(), (f"a bias of {np.max(np.broadcast_to(detects, np.shape(reach))[weak]):.3g} is not found with {POWER:.0%}, only one of "
                                f"{np.max(reach[weak] if np.ndim(reach) else reach):.3g}: take more draws, or say so")


def _over(gap, error):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(error > 0, gap / error, 0.0)
