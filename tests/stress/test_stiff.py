"""Drifts of Lipschitz constants to 1e4 and beyond: characteristics, boxes and schemes stay right, or an error says that they cannot."""

import numpy as np
import pytest
from scipy.special import ndtr

from ocnet.boundary import Reflecting
from ocnet.grid import Grid
from ocnet.kolmogorov.flow import flow, flow_vjp
from ocnet.kolmogorov.schemes import TRBDF2, HundsdorferVerwer, SemiLagrangian
from ocnet.kolmogorov.solver import solve_backward, solve_forward
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion

from .truths import carried

NODES = np.linspace(-2, 2, 41)[None]


def line(drift, sigma=0.0):
    return Diffusion(lambda t, x: drift(x), [[sigma]], 1)


@pytest.mark.parametrize("h", [0.3, 2.0])
@pytest.mark.parametrize("drift", [lambda y: -100 * (y - 1.5), lambda y: 30 * (y - y**3), lambda y: -50 * np.sin(2 * y)])
def test_characteristics_of_stiff_drifts_end_where_scipy_says(drift, h):
    ends = flow(line(drift), NODES, 0.0, h)[0]
    truth = carried(NODES[0], drift, h)
    # parts are made until the stages' changes are below 1e-3 of the box of 4 or shrink; from there on each part contracts.  In one part ends are at 1e4
    assert np.abs(ends - truth).max() < 4e-3


def test_a_step_that_is_not_stiff_is_one_classical_step():
    process, h = line(lambda y: -y + np.sin(y)), 0.4
    f, x = process.drift_rows, NODES
    k1 = f(0, x)
    k2 = f(0, x + 0.5 * h * k1)
    k3 = f(0, x + 0.5 * h * k2)
    assert np.array_equal(flow(process, x, 0.0, h), x + h / 6 * (k1 + 2 * k2 + 2 * k3 + f(0, x + h * k3)))


class _Linear(Diffusion):
    """dX = −θ X dt: what `flow_vjp` asks of a process."""

    def __init__(self, theta):
        super().__init__(lambda t, x: -theta * x, [[0.0]], 1)
        self.theta = theta

    def coefficients_vjp(self, t, x, drift_cotangent, factor_cotangent=None):
        return -self.theta * drift_cotangent, np.array([-(x * drift_cotangent).sum()])


@pytest.mark.parametrize("theta", [1.0, 60.0])                # one part, and many
def test_the_gradient_of_a_flow_in_parts_is_that_of_the_parts_taken(theta):
    h, cotangent, e = 0.1, np.cos(NODES), 1e-6 * theta
    found = flow_vjp(_Linear(theta), NODES, 0.0, h, cotangent)[0]
    ends = [(cotangent * flow(_Linear(theta + s), NODES, 0.0, h)).sum() for s in (e, -e)]
    assert np.isclose(found, (ends[0] - ends[1]) / (2 * e), rtol=1e-6)         # central differences: e² third derivatives and 1e-16/e of rounding


def test_a_drift_that_no_number_of_parts_follows_is_refused_with_the_remedy():
    with pytest.raises(FloatingPointError, match="TRBDF2"):
        flow(line(lambda y: -1e7 * y), NODES, 0.0, 1.0)


def test_scouts_of_a_stiff_drift_find_the_box_that_paths_stay_in():
    lower, upper = Diffusion(lambda t, x: -1e3 * (x - 3), [[1.0]], 1).extent([[0.2], [-0.7]])
    # from −0.7 to 3 with a spread of 1/√2e3 = 0.02 there, the widest jump of an explicit step of hL ≤ 2 as far again, and 15 % at each side
    assert -2.1 < lower[0] < -0.7 and 3.0 < upper[0] < 8.7


def test_scouts_refuse_a_drift_beyond_their_steps_and_say_what_to_give():
    with pytest.raises(FloatingPointError, match="give the box"):
        Diffusion(lambda t, x: -1e7 * x, [[1.0]], 1).extent([[0.3]])


def test_scouts_take_jumps_of_the_drift_in_time_for_what_they_are():
    steady, jumping = (Diffusion(lambda t, x, f=f: f(t) + 0 * x, [[0.01]], 1).extent([[0.0]]) for f in (lambda t: 20.0, lambda t: 0.0 if t < 0.5 else 40.0))
    # both end at 20, with the same noise of 0.01 in the same 64 steps: no more than its extremes of 4.5 deviations, twice, apart
    assert np.allclose(steady, jumping, atol=0.1)


@pytest.mark.parametrize("sigma", [1.0, 1e-2, 1e-4, 0.0])
@pytest.mark.parametrize("scheme", ["auto", TRBDF2(drift="hybrid"), HundsdorferVerwer(drift="hybrid")], ids=repr)
def test_implicit_monotone_steps_reach_the_stationary_law_of_a_stiff_drift(scheme, sigma):
    data, width = (lambda x: ndtr((x[:, 0] - 0.1) / 0.2)), 4 / 80
    problem = KolmogorovProblem(line(lambda y: -1e4 * y, sigma), data, 1.0)
    value = solve_backward(problem, Grid.uniform(-2, 2, 81), steps=50, scheme=scheme)
    exact = ndtr(-0.1 / np.sqrt(0.04 + sigma**2 / 2e4))
    # the stationary law is spread over a few nodes around 0: by at most h²/4 in variance, the data's curvature is at most 0.25/0.04
    assert np.abs(value([[0.3], [-1.0]]) - exact).max() < 0.25 / 0.04 * width**2 / 8 * 2


def test_central_steps_that_overshoot_a_stiff_drift_say_so():
    problem = KolmogorovProblem(line(lambda y: -1e4 * y, 0.1), lambda x: ndtr((x[:, 0] - 0.1) / 0.2), 1.0)
    with pytest.warns(RuntimeWarning, match="leave the range of the terminal data"):
        solve_backward(problem, Grid.uniform(-2, 2, 81), steps=50, scheme=TRBDF2())


@pytest.mark.parametrize("drift", [lambda y: np.tanh(1e4 * y), lambda y: -np.tanh(1e4 * y), lambda y: 1e4 * y, lambda y: -1e4 * y])
@pytest.mark.parametrize("scheme", ["auto", SemiLagrangian(), TRBDF2(drift="hybrid")], ids=repr)
def test_bounded_schemes_give_numbers_within_the_data_whatever_the_drift(scheme, drift):
    problem = KolmogorovProblem(line(drift, 0.01), lambda x: (x[:, 0] > 0.3) * 1.0, 0.05, boundary=Reflecting())
    u = solve_backward(problem, Grid.uniform(-2, 2, 41), steps=10, scheme=scheme).values
    assert np.isfinite(u).all()
    if not isinstance(scheme, TRBDF2):                         # L-stable, but no scheme of order 2 keeps bounds at any step
        assert -1e-9 < u.min() and u.max() < 1 + 1e-9


@pytest.mark.parametrize("sigma", [1.0, 1e-4, 0.0])
def test_a_stiff_density_keeps_its_mass_and_ends_where_the_drift_leads(sigma):
    density = solve_forward(line(lambda y: -1e4 * (y - 1), sigma), [[-0.5]], Grid.uniform(-2, 2, 81), 1.0, steps=50)
    assert abs(density.mass() - 1) < 1e-9 and density.masses[-1].min() > -1e-9
    assert abs(density.expect(lambda x: x[:, 0]) - 1) < 4 / 80               # a cell
