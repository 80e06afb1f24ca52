"""The elliptic control problem is what it says, and averaging makes of slope −½ slope −1 (MATH 4)."""

import numpy as np
import pytest
from scipy.stats import f

from ocnet.training import train
from ocnet.training.objectives.elliptic import EllipticControl
from ocnet.training.optimisers import LBFGS, AveragedSGD
from tests.chance import random


def quiet(iteration, value):
    """No bar."""


def operators(control):
    """A_f (fields, n, n): (a_{i−½} (y_i − y_{i−1}) − a_{i+½} (y_{i+1} − y_i)) / h²."""
    a, i = control.coefficients * (control.nodes + 1) ** 2, np.arange(control.nodes)
    out = np.zeros((control.fields, control.nodes, control.nodes))
    out[:, i, i] = a[:, :-1] + a[:, 1:]
    out[:, i[1:], i[:-1]] = out[:, i[:-1], i[1:]] = -a[:, 1:-1]
    return out


def test_the_inverses_are_those_of_the_differences():
    control = EllipticControl(deviation=1.0)
    product = np.einsum("fij,fjk->fik", operators(control), control.inverses)
    # entries of A below 4 · 32² · e³ and of its inverse below ½: three products and their factors, ten roundings of each
    assert np.abs(product - np.eye(31)).max() < 30 * 4 * 32**2 * np.exp(3) * 0.5 * 2.0**-53
    assert (control.inverses == np.swapaxes(control.inverses, 1, 2)).all()


def test_the_state_of_a_constant_coefficient_is_second_order_in_the_spacing():
    errors = []
    for nodes in (15, 31, 63):
        control = EllipticControl(nodes=nodes, fields=1, deviation=0.0)
        errors.append(np.abs(control.inverses[0] @ np.sin(np.pi * control.x) - np.sin(np.pi * control.x) / np.pi**2).max())
    # the error is (πh)²/12 relative + O(h⁴): ratios 4 (1 + O(h²)), h ≤ 1/16
    assert np.array(errors[:-1]) / errors[1:] == pytest.approx(4, rel=2 / 16**2)


def test_the_derivative_is_that_of_the_value_and_vanishes_at_the_exact_solution():
    control, rng = EllipticControl(deviation=1.0), np.random.default_rng(0)
    u, v = rng.normal(size=(2, 31))
    value, gradient = control.value_and_gradient(u)
    assert value == control.value(u)
    # quadratic: J(u + v) − J(u − v) = 2 ∇J · v exactly; J ≈ 10, so rounding is below 100 · ulp(10)
    assert control.value(u + v) - control.value(u - v) == pytest.approx(2 * gradient @ v, abs=100 * 10 * 2.0**-53)
    assert np.abs(control.value_and_gradient(control.exact())[1]).max() < 1e-13          # conditioned like 2/α = 200: 200 · ulp(1)
    # LBFGS: gradient below 1e-9 over α
    result = train(control, np.zeros(31), LBFGS(iterations=300, tolerance=1e-9, decrease=0.0), progress=quiet)
    assert np.abs(result.x - control.exact()).max() < 1e-7


def test_draws_are_uniform_over_the_fields_and_their_gradients_average_to_the_whole():
    control, u = EllipticControl(fields=5, batch=10_000, seed=3), np.ones(31)
    picks = control.picks(7)
    # multinomial: Σ (n_f − 2000)²/2000 is chi-square with 4 degrees; beyond 33.4 by chance once in 1e6 (seeds are fixed).  A field
    # that came 5 % too often would give 5 to the mean, a field left out 2500
    assert ((np.bincount(picks, minlength=5) - 2000) ** 2 / 2000).sum() < 33.4
    assert (control.picks(7) == picks).all() and (control.picks(8) != picks).any()
    assert (EllipticControl(fields=5, batch=10_000, seed=4).picks(7) != picks).any()
    single = [EllipticControl(fields=5, seed=seed) for seed in range(60)]
    drawn = {int(one.picks(0)[0]): one.draw(0).value_and_gradient(u)[1] for one in single}
    assert sorted(drawn) == list(range(5))                   # 60 draws miss one of five with probability 5 · 0.8⁶⁰ = 8e-6
    assert np.abs(np.mean(list(drawn.values()), axis=0) - control.value_and_gradient(u)[1]).max() < 1e-15    # sums of five below 0.1


class SideBySide:
    """Independent runs in one vector (runs · n,): run r sees the r-th of the drawn fields; optimisers that act by components keep them apart."""

    def __init__(self, control, inverses=None):
        self.control, self.inverses = control, inverses

    def draw(self, iteration):
        return SideBySide(self.control, self.control.inverses[self.control.picks(iteration)])

    def value(self, theta):
        return sum(self.control.value(u) for u in theta.reshape(-1, self.control.nodes))

    def value_and_gradient(self, theta):
        u = theta.reshape(-1, self.control.nodes)
        if self.inverses is None:
            return self.value(theta), np.concatenate([self.control.value_and_gradient(run)[1] for run in u])
        misfit = np.einsum("rij,rj->ri", self.inverses, u) - self.control.tracking.target
        gradient = self.control.alpha * u + np.einsum("rij,rj->ri", self.inverses, misfit)
        return 0.5 * float((misfit * misfit).sum() + self.control.alpha * (u * u).sum()), gradient.ravel()


def test_runs_side_by_side_are_the_runs_one_by_one():
    control, optimiser = EllipticControl(batch=3), AveragedSGD(iterations=20, rate=20.0)

    class Alone(EllipticControl):
        """The run that sees the second of three drawn fields."""

        def draw(self, iteration):
            return type(self.tracking)(self.inverses[control.picks(iteration)[1:2]], self.tracking.target, self.alpha)

    together = train(SideBySide(control), np.zeros(93), optimiser, progress=quiet).last.reshape(3, 31)
    alone = train(Alone(), np.zeros(31), optimiser, progress=quiet).last
    assert np.abs(together[1] - alone).max() < 1e-13         # 20 steps, sums of 31 of numbers below 5: 20 · 31 · 5 · 2⁻⁵³ = 7e-14


@random(comparisons=4)
def test_averaging_turns_the_slope_of_the_mean_square_error_from_a_half_to_one(chance):
    runs, iterations = 16, 30_000
    control = EllipticControl(batch=runs)
    exact, h = control.exact(), 1 / (control.nodes + 1)
    marks, rows = set(np.geomspace(300, iterations, 13).astype(int).tolist()), []

    def error(points):
        return h * ((points.reshape(runs, -1) - exact) ** 2).sum() / runs

    def callback(state):
        if state.iteration in marks:
            rows.append((state.iteration, error(state.theta), error(state.average)))

    optimiser = AveragedSGD(iterations=iterations, rate=20.0, decay=0.5, check_every=iterations)
    train(SideBySide(control), np.zeros(runs * control.nodes), optimiser, progress=quiet, callback=callback)
    k, last, average = np.log(np.array(rows)).T
    # One mode carries most of the noise, so an error over 16 runs has relative deviation √(2/16) = 0.35.  The last points at 13 marks
    # are independent: the fitted slope has deviation 0.35/(√13 · 1.44) = 0.07; averages remember an e-fold of k, so some five of their
    # marks are: 0.11.  Theory: −½; −1, and down to −2 as long as the start is felt.
    chance.mean(np.polyfit(k, last, 1)[0], -0.5, 0.07, detects=0.7)
    chance.mean(np.polyfit(k, average, 1)[0], -1.5, 0.11, detects=1.5, slack=0.5)
    # MATH 4 has |u*|² = 11.5, 5.0e-5 and 2.4e-6 on a sample of its own: a ratio of two χ² of 16 degrees, Snedecor's F; |u*|² by what the other
    # coefficients do
    assert h * (exact**2).sum() == pytest.approx(11.5, rel=0.1)
    chance.spends(chance.level, 2)
    most = np.log(f.isf(chance.level / 2, runs, runs))
    assert abs(last[-1] - np.log(5.0e-5)) < most and abs(average[-1] - np.log(2.4e-6)) < most


@pytest.mark.parametrize("change", [{"nodes": 0}, {"fields": 1.5}, {"batch": 0}, {"modes": 0}, {"alpha": 0.0}, {"deviation": -1.0}])
def test_settings_without_meaning_are_refused_by_name(change):
    (name, value), = change.items()
    with pytest.raises(ValueError, match=f"{name}={value:g}"):
        EllipticControl(**change)
