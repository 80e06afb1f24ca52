"""Every scheme that a user may name, at drifts mild and stiff, on one to three axes: its bar holds the truth, or the call warns or refuses."""

import warnings

import numpy as np
import pytest

from ocnet.grid import Grid
from ocnet.kolmogorov import adaptive, schemes
from ocnet.kolmogorov.damping import undamped
from ocnet.kolmogorov.march import March
from ocnet.kolmogorov.schemes import CrankNicolson, Douglas, HundsdorferVerwer, ModifiedCraigSneyd
from ocnet.kolmogorov.solver import solve_backward, solve_forward
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion
from ocnet.training.objectives import DiffusionView

from .cases import Case
from .coverage import judged
from .truths import Data, linear_law

SIGMA, BOX = 0.1, np.array([[-2.0] * 3, [2.0] * 3])
SLOW = (schemes.Monotone(), schemes.SemiLagrangian())
NAMED = [getattr(schemes, name) for name in schemes.__all__]
EVERY = [scheme for kind in NAMED for scheme in ([kind(drift="central"), kind(drift="hybrid")] if "drift" in kind.__dataclass_fields__ else [kind()])
         if scheme != schemes.Monotone(drift="central")]
HYBRID = [s for s in EVERY if getattr(s, "drift", "") == "hybrid" and not isinstance(s, (schemes.Monotone, schemes.Explicit))]


def axes_of(scheme):
    return 1 if scheme == schemes.Monotone() else scheme.most_axes             # explicit: minutes on more


def contracting(rate, dim):
    return Diffusion(lambda t, x: -rate * x, SIGMA * np.eye(dim), dim)


def case(rate, dim):
    """A probit along the diagonal, the mean of which is known in any number of axes."""
    data, way = Data("probit", 0.1, 0.3), np.full(dim, 1 / np.sqrt(dim))
    points = np.array([[0.3, 0.2, -0.1], [-0.8, 0.1, 0.4]])[:, :dim]
    exact = data.mean(*linear_law(points @ way, -rate, 0.0, SIGMA, 1.0))
    return Case(KolmogorovProblem(contracting(rate, dim), lambda x: data(x @ way), 1.0), points, exact, 0.02, f"{-rate:g} x on {dim} axes")


@pytest.mark.parametrize("scheme, dim, rate", [(s, dim, rate) for s in EVERY for dim in (1, 2, 3) for rate in (1.0, 1e4, 1e6) if dim <= axes_of(s)
                                               if rate == 1 or s not in SLOW], ids=repr)
def test_the_bar_of_a_named_scheme_holds_the_truth_or_the_call_says_why_not(scheme, dim, rate, monkeypatch):
    monkeypatch.setattr(adaptive, "_MOST_WORK", {1: 3e5, 2: 2e5, 3: 5e4}[dim])
    verdict = judged("schemes", 0, case(rate, dim), scheme, box=BOX[:, :dim])
    assert verdict.honest, verdict


@pytest.mark.parametrize("scheme", [s for s in EVERY if s.most_axes == 1], ids=repr)
def test_a_scheme_of_one_axis_refuses_two_and_names_another(scheme):
    with pytest.raises(ValueError, match="serves up to 1 axis.*HundsdorferVerwer"):
        solve_backward(case(1e6, 2).problem, tolerance=0.02, at=[[0.0, 0.0]], scheme=scheme, box=BOX[:, :2])


@pytest.mark.parametrize("rate", [1e3, 1e4, 1e6])
@pytest.mark.parametrize("scheme, dim", [(s, dim) for s in ("auto", *HYBRID) for dim in (1, 2, 3) if s == "auto" or dim <= axes_of(s)], ids=repr)
def test_products_that_a_stiff_drift_damps_are_gone_or_the_call_says_how_much_is_left(scheme, rate, dim):
    grid, x = Grid.uniform([-2] * dim, [2] * dim, [11] * dim), np.array([[0.8] * dim, [-1.2] * dim])
    problem = KolmogorovProblem(contracting(rate, dim), lambda x: np.prod(x, axis=1), 1.0)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        value = solve_backward(problem, grid, steps=50, scheme=scheme)
    # the truth is e^{−dim rate} Π x_i = 0; 5 % is what a warning begins at
    left = float(np.abs(value(x) / np.prod(x, axis=1)).max())
    assert left < 0.05 or ("leave" in str(told[0].message) and told[0].filename == __file__)
    assert scheme != "auto" or (left < 1e-3 and not told)


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("make", [lambda: Douglas(drift="hybrid"), lambda: ModifiedCraigSneyd(drift="hybrid"), lambda: HundsdorferVerwer(drift="hybrid")])
def test_what_is_said_to_be_left_is_what_is_left(make, dim):
    rate, scheme, grid = 2e3, make(), Grid.uniform([-2] * dim, [2] * dim, [11] * dim)
    told = undamped(March(KolmogorovProblem(contracting(rate, dim), lambda x: x[:, 0], 1.0), grid, 12, scheme))
    left = []
    for axes in range(1, dim + 1):
        problem = KolmogorovProblem(contracting(rate, dim), lambda x, axes=axes: np.prod(x[:, :axes], axis=1), 1.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            u = solve_backward(problem, grid, steps=12, scheme=scheme).values.reshape(grid.size)
        at = int(np.argmin(np.abs(grid.nodes - 0.4).sum(axis=0)))
        left.append(abs(u[at] / np.prod(grid.nodes[:axes, at])))
    assert told == pytest.approx(max(left), rel=1e-6)          # linear functions are exact on the grid but at its sides, which 12 steps bring in by rounding


def test_mild_drifts_and_damped_starts_are_not_told_of():
    grid = Grid.uniform(-2, 2, 41)
    for rate, scheme, told in [(1.0, CrankNicolson(damped=0), 0), (100.0, CrankNicolson(damped=0), 0), (1e6, CrankNicolson(damped=2), 0), (-1e6, Douglas(), 0),
                               (1e6, CrankNicolson(damped=0), 1)]:
        left = undamped(March(KolmogorovProblem(contracting(rate, 1), lambda x: x[:, 0], 1.0), grid, 50, scheme))
        assert (left > 0.05) == bool(told), (rate, scheme, left)


def test_a_drift_that_is_stiff_at_the_end_only_is_not_damped_by_a_damped_start():
    process = Diffusion(lambda t, x: -1e6 * (t < 0.3) * x, [[SIGMA]], 1)
    with pytest.warns(RuntimeWarning, match="leave [0-9]+% of linear functions"):
        solve_backward(KolmogorovProblem(process, lambda x: x[:, 0], 1.0), Grid.uniform(-2, 2, 41), steps=50, scheme=CrankNicolson(drift="hybrid"))


def test_densities_are_told_of_as_values_are():
    with pytest.warns(RuntimeWarning, match="stiff a drift"):
        solve_forward(contracting(1e6, 2), [[0.5, 0.5]], Grid.uniform([-2, -2], [2, 2], [21, 21]), 1.0, steps=50, scheme=Douglas(drift="hybrid"))


def test_a_view_that_cannot_follow_its_drift_names_what_a_view_can_change():
    with pytest.raises(FloatingPointError) as told:
        class _Network:
            times = np.array([0.0, 1.0])

            def diffusion(self, theta):
                return contracting(1e8, 1)

        list(DiffusionView(2).sweep(_Network(), None, Grid.uniform(-2, 2, 9)).values(np.zeros((1, 9))))
    assert "substeps" in str(told.value) and "ChainView()" in str(told.value) and "TRBDF2" not in str(told.value)
