"""Closed forms, conservation, bounds, and the gradient of whole solves."""

import warnings

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.special import ndtr

from ocnet.boundary import Absorbing, Dirichlet, Reflecting
from ocnet.grid import Grid
from ocnet.kolmogorov.automatic import LOOKS
from ocnet.kolmogorov.march import March
from ocnet.kolmogorov.schemes import CrankNicolson, Douglas, HundsdorferVerwer, SemiLagrangian
from ocnet.kolmogorov.solver import gradient, initial_masses, solve_backward, solve_forward
from ocnet.kolmogorov.times import step_times
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion

R1 = KolmogorovProblem(Diffusion(lambda t, x: 1.5 * np.tanh(2 * x + 0.3), [[0.5]], 1), lambda x: np.tanh(2 * x[:, 0]), 1.0)
R1_POINTS = np.array([-1, -0.5, 0, 0.5, 1])[:, None]
R1_VALUES = np.array([-0.99860524, -0.89216124, 0.46327991, 0.98608451, 0.99924144])   # 8 digits, two independent solvers


def ornstein_uhlenbeck(lam=1.2, sigma=0.6):
    return Diffusion(lambda t, x: -lam * x, [[sigma]], 1)


def rotation(lam=0.5, omega=2.0, sigma=0.4):
    matrix = np.array([[-lam, -omega], [omega, -lam]])
    return Diffusion(lambda t, x: x @ matrix.T, sigma * np.eye(2), 2)


def r4_exact(x, lam=0.5, sigma=0.4, s=0.5, T=1.0):
    v = sigma**2 * (1 - np.exp(-2 * lam * T)) / (2 * lam)
    return s**2 / (s**2 + v) * np.exp(-(x**2).sum(axis=1) * np.exp(-2 * lam * T) / (2 * (s**2 + v)))


R4 = KolmogorovProblem(rotation(), lambda x: np.exp(-(x**2).sum(axis=1) / (2 * 0.5**2)), 1.0)


@pytest.mark.parametrize("nodes, steps, tolerance", [(961, 160, 1e-4), (9601, 800, 1e-6)])
def test_r1_values(nodes, steps, tolerance):
    # error 7.1e-5 at (961, 160) falls with h² to 7.2e-7 at h/10; the reference has 1e-8
    value = solve_backward(R1, Grid.uniform([-4], [4], [nodes]), steps)
    assert np.abs(value(R1_POINTS) - R1_VALUES).max() < tolerance


def test_r1_converges_to_the_reference_at_order_two():
    grids = [Grid.uniform([-4], [4], [n]) for n in (961, 1921)]
    coarse, fine = (solve_backward(R1, g, s)(R1_POINTS) for g, s in zip(grids, (160, 320)))
    extrapolated = fine + (fine - coarse) / 3
    assert np.abs(extrapolated - R1_VALUES).max() < 1e-6       # h⁴ term: (7e-5)² scaled, measured 2e-7; MATH asks for 1e-6
    rate = np.log2(np.abs(coarse - R1_VALUES).max() / np.abs(fine - R1_VALUES).max())
    assert abs(rate - 2) < 0.05


def test_r3_ornstein_uhlenbeck_probit(lam=1.2, sigma=0.6, s=0.5):
    problem = KolmogorovProblem(ornstein_uhlenbeck(), lambda x: ndtr(x[:, 0] / s), 1.0)
    x = np.append(np.linspace(-1, 1, 9), 0.5)
    exact = ndtr(x * np.exp(-lam) / np.sqrt(s**2 + sigma**2 * (1 - np.exp(-2 * lam)) / (2 * lam)))
    coarse, fine = (solve_backward(problem, Grid.uniform([-5], [5], [nodes]), steps)(x[:, None]) - exact
                    for nodes, steps in ((201, 100), (401, 200)))
    assert abs(exact[-1] - 0.595715116) < 1e-9
    assert np.abs(fine).max() < 1e-4                           # h²/12 = 5e-5 times a fourth derivative of order 1
    assert np.abs((4 * fine - coarse) / 3).max() < 1e-6        # Richardson leaves h⁴ = 4e-7 times a small constant
    assert abs(np.log2(np.abs(coarse).max() / np.abs(fine).max()) - 2) < 0.05


@pytest.mark.parametrize("scheme", [Douglas(), HundsdorferVerwer()])
def test_r4_rotating_gaussian(scheme):
    points = np.array([[0.6, -0.2], [0, 0], [-0.5, 0.9]])
    coarse, fine = (solve_backward(R4, Grid.uniform([-3, -3], [3, 3], [nodes, nodes]), steps, scheme)(points) - r4_exact(points)
                    for nodes, steps in ((97, 60), (193, 120)))
    assert abs(r4_exact(points)[0] - 0.577378743) < 1e-9
    assert np.abs(fine).max() < 1.6e-4                         # h²/12 = 8e-5 times fourth derivatives of order 1
    assert np.abs((4 * fine - coarse) / 3).max() < 1e-6        # Richardson leaves h⁴ = 1e-6 and dt⁴, times small constants


def test_three_axes_are_served(sigma=0.5, T=0.3, n=24):
    """Heat in three dimensions: E ∏ cos X_i = ∏ cos x_i e^{−3σ²T/2} between mirrors at 0 and π."""
    problem = KolmogorovProblem(Diffusion(lambda t, x: 0 * x, sigma * np.eye(3), 3), lambda x: np.cos(x).prod(axis=1), T)
    h = np.pi / (n - 1)
    value = solve_backward(problem, Grid.uniform([0] * 3, [np.pi] * 3, [n] * 3), 6)
    eigenvalue = 1.5 * sigma**2 * (2 - 2 * np.cos(h)) / h**2   # of the second differences, mirrors included
    exact = np.cos(value.grid.nodes).prod(axis=0) * np.exp(-eigenvalue * T)
    assert np.abs(value.values[0, 0] - exact).max() < (eigenvalue * T / 6) ** 2 * eigenvalue * T    # order 2 in time only


def test_full_tensor_moments_with_mixed_part():
    """dX = A X dt + G dB: E X₁X₂ is quadratic in x and solved exactly in space, up to the far sides."""
    A, G = np.array([[-0.3, 0.5], [0.2, -0.4]]), np.array([[0.5, 0.2], [0.3, 0.4]])
    problem = KolmogorovProblem(Diffusion(lambda t, x: x @ A.T, G, 2), lambda x: x[:, 0] * x[:, 1], 0.5)
    value = solve_backward(problem, Grid.uniform([-6, -6], [6, 6], [97, 97]), 50)
    x = np.array([0.4, -0.7])
    flow = expm(0.5 * A)
    covariance = quad(lambda r: (expm(r * A) @ G @ G.T @ expm(r * A).T)[0, 1], 0, 0.5)[0]
    exact = (flow @ x)[0] * (flow @ x)[1] + covariance
    without_mixed = exact - (G @ G.T)[0, 1] * 0.5
    assert abs(value(x[None])[0] - exact) < 1e-4               # dt² = 1e-4 times third time derivatives of order 0.3
    assert abs(value(x[None])[0] - without_mixed) > 0.1        # a lost mixed part would be seen


def test_two_terminal_columns_share_a_pass():
    both = KolmogorovProblem(R1.process, lambda x: np.stack([np.tanh(2 * x[:, 0]), x[:, 0] ** 2], axis=1), 1.0)
    grid = Grid.uniform([-4], [4], [101])
    value = solve_backward(both, grid, 20)
    assert value(R1_POINTS).shape == (5, 2)
    assert (value.values[:, 0] == solve_backward(R1, grid, 20).values[:, 0]).all()


def test_constant_potential_discounts_and_constant_source_accumulates(c=0.7, g=1.3, T=0.8):
    problem = KolmogorovProblem(ornstein_uhlenbeck(), lambda x: np.ones(len(x)), T, potential=c, source=lambda t, x: np.full(len(x), g))
    exact = np.exp(-c * T) + g / c * (1 - np.exp(-c * T))
    dt = T / 10
    for scheme, bound in ((Douglas(), (c * dt) ** 2 / 12 * c * T * (g / c + 1)), (SemiLagrangian(), 1e-13)):
        error = solve_backward(problem, Grid.uniform([-3], [3], [61]), 10, scheme).values - exact
        assert np.abs(error).max() < bound                     # trapezoidal rule of u' = −c u + g; half steps by exponentials


def test_source_and_potential_that_vary_are_of_order_two():
    make = lambda: KolmogorovProblem(ornstein_uhlenbeck(), lambda x: np.cos(x[:, 0]), 1.0,
                                     potential=lambda t, x: 1 + np.sin(x[:, 0] + t), source=lambda t, x: np.cos(x[:, 0] - t))
    grid = Grid.uniform([-3], [3], [81])
    values = [solve_backward(make(), grid, n).values for n in (20, 40, 80, 160)]
    changes = [np.abs(a - b).max() for a, b in zip(values, values[1:])]
    assert abs(np.log2(changes[-2] / changes[-1]) - 2) < 0.1   # next term: O(dt²) relative


def test_dirichlet_sides_hold_their_value_and_give_the_exit_probability():
    """Brownian motion between 0 and 1, value 1 on the right: u → x, up to the slowest mode e^{−π²σ²T/2}."""
    problem = KolmogorovProblem(Diffusion(lambda t, x: 0 * x, [[1.0]], 1), lambda x: np.zeros(len(x)), 4.0,
                                boundary=[(Absorbing(), Dirichlet(1.0))])
    grid = Grid.uniform([0], [1], [41])
    value = solve_backward(problem, grid, 200)
    assert value.values[0, 0, 0] == 0 and value.values[0, 0, -1] == 1
    assert np.abs(value.values[0, 0] - grid.axes[0]).max() < np.exp(-np.pi**2 * 2)   # second difference is exact on lines


def test_masses_are_conserved_to_rounding_on_reflecting_sides():
    density = solve_forward(rotation(), np.array([[0.5, 0.1], [1.0, -0.3]]), Grid.uniform([-3, -3], [3, 3], [65, 61]), 1.0, 50, keep=6)
    assert np.abs(density.masses.sum(axis=1) - 1).max() < 1e-12


@pytest.mark.parametrize("horizon, told", [(1.0, False), (1e3, True), (1e6, True), (1e9, True), (1e12, True)])
def test_densities_that_the_steps_do_not_resolve_are_told_of(horizon, told):
    """Three steps of 10³ relaxation times and more: masses of −2.6 … −2·10⁵ from a mass of 1, or none left."""
    process = Diffusion(lambda t, x: -0.5 * x, [[0.5, 0.0], [0.2, 0.3]], 2)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        density = solve_forward(process, [[0.5, -0.25], [1.0, 0.0]], Grid.uniform([-4, -4], [4, 4], [31, 31]), horizon, 3)
    assert any("take more steps" in str(warning.message) for warning in found) == told
    assert told or density.masses.min() > -0.025                       # Σ|p| ≤ 1.05: negative ones come to 0.025 at most


def test_absorbed_mass_lies_on_the_side_and_the_total_stays():
    density = solve_forward(Diffusion(lambda t, x: 0 * x, [[1.0]], 1), [[0.5]], Grid.uniform([0], [1], [41]), 4.0, 200,
                            boundary=Absorbing())
    assert abs(density.mass() - 1) < 1e-12
    assert np.abs(density.masses[-1, [0, -1]] - 0.5).max() < 1e-8


def test_forward_moments_of_ornstein_uhlenbeck(lam=1.2, sigma=0.6):
    mean, variance = np.exp(-lam), sigma**2 * (1 - np.exp(-2 * lam)) / (2 * lam)
    density = solve_forward(ornstein_uhlenbeck(), [[1.0]], Grid.uniform([-4], [4], [401]), 1.0, 200)
    moments = density.expect(lambda x: np.concatenate([x, x**2], axis=1))
    # central differences are exact on x and x² inside, so the moments have the time error only: dt² λ³/12 ≈ 4e-6
    assert abs(moments[0] - mean) < 1e-5 and abs(moments[1] - mean**2 - variance) < 2e-5
    x = np.linspace(-1, 1.5, 11)
    normal = np.exp(-((x - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    assert np.abs(density(x[:, None]) - normal).max() < 2e-3 * normal.max()          # h² p''''/12 and linear interpolation


def test_density_from_a_function_has_the_same_law_as_from_masses():
    grid = Grid.uniform([-4], [4], [401])
    p0 = lambda x: np.exp(-x[:, 0] ** 2 / 0.5) / np.sqrt(0.5 * np.pi)
    masses = initial_masses(grid, p0)
    assert abs(masses.sum() - 1) < 1e-12                       # trapezoid of a Gaussian that vanishes at the sides
    assert (masses == p0(grid.nodes.T) * grid.weights).all()


def test_implicit_euler_with_hybrid_or_upwind_drift_obeys_the_maximum_principle_and_central_overshoots():
    """Cell Péclet number 40 and a step as terminal data."""
    problem = KolmogorovProblem(Diffusion(lambda t, x: 4 + 0 * x, [[0.1]], 1), lambda x: (x[:, 0] > 0) * 1.0, 0.3)
    grid = Grid.uniform([-2], [2], [41])
    for rule, bounded in (("hybrid", True), ("upwind", True), ("central", False)):
        report = solve_backward(problem, grid, 30, CrankNicolson(theta=1.0, drift=rule)).report
        assert report.peclet == pytest.approx(40)
        assert (report.overshoot < 1e-13) == bounded           # M-matrix: rounding only
        assert bounded or report.overshoot > 0.05


def test_a_density_is_drawn_and_stored(tmp_path):
    for dim in (1, 2):
        process = Diffusion(lambda t, x: -x, np.eye(dim), dim)
        density = solve_forward(process, np.zeros((1, dim)), Grid.uniform([-5] * dim, [5] * dim, [41, 31][:dim]), 1.0, 10)
        density.plot().figure.savefig(tmp_path / "density.png")
        assert density.to_dict()["masses"].shape == (2, *density.grid.shape) and "\n" not in repr(density)
        assert (density(np.full((1, dim), 9.0)) == 0).all()
    with pytest.raises(ValueError, match="not kept"):
        density(np.zeros((1, 2)), 0.123)


def test_values_that_are_not_finite_are_refused_with_a_remedy():
    """A convergent noiseless drift of Courant number 2 in one central implicit step: the 2 × 2 block at its zero is singular."""
    grid, h, T = Grid.uniform([-1.5], [1.5], [4]), 1.0, 0.25      # exact in binary, so the pivot is exactly 0
    process = Diffusion(lambda t, x: np.where(np.abs(x) < h, -np.sign(x) * 2 * h / T, 0.0), [[0.0]], 1)
    problem = KolmogorovProblem(process, lambda x: x[:, 0] ** 3, T)
    with pytest.raises(FloatingPointError, match="hybrid"):
        solve_backward(problem, grid, 1, CrankNicolson(theta=1.0, damped=0))
    assert solve_backward(problem, grid, 1, CrankNicolson(theta=1.0, damped=0, drift="hybrid")).report.overshoot == 0


def test_upwind_is_of_order_one_and_hybrid_of_order_two_once_peclet_is_below_one():
    rates = {}
    for rule in ("upwind", "hybrid"):
        errors = [np.abs(solve_backward(R1, Grid.uniform([-4], [4], [n]), 200, CrankNicolson(drift=rule))(R1_POINTS) - R1_VALUES).max()
                  for n in (401, 801)]
        rates[rule] = np.log2(errors[0] / errors[1])
    assert 0.8 < rates["upwind"] < 1.1 and 1.9 < rates["hybrid"] < 2.1


@pytest.mark.parametrize("dim, potential", [(1, None), (2, None), (1, 0.5), (2, 0.5)])
def test_gradient_of_a_solve_is_its_derivative(dim, potential, h=1e-4):
    """A drift and a factor scaled by (1 + e₁), (1 + e₂): chained cotangents against a five-point difference."""
    grid = Grid.uniform([-2] * dim, [2] * dim, [31, 23][:dim])
    f = lambda t, x: np.sin(x + t) - 0.4 * x[:, ::-1]
    G = lambda t, x: 0.5 * np.eye(dim) + 0.2 * np.sin(x[:, :, None] - x[:, None, ::-1] + t)

    def problem(e1, e2):
        return KolmogorovProblem(Diffusion(lambda t, x: (1 + e1) * f(t, x), lambda t, x: (1 + e2) * G(t, x), dim, breaks=(0.2,)),
                                 np.cos, 0.5, potential=potential)

    c, scheme = np.random.default_rng(1).normal(size=(dim, grid.size)), HundsdorferVerwer() if dim == 2 else CrankNicolson()
    value = lambda e1, e2: (c * March(problem(e1, e2), grid, 7, scheme).states()[0]).sum()
    result = gradient(problem(0, 0), grid, c, 7, scheme)
    middles = 0.5 * (result.times[1:] + result.times[:-1])
    process, x = problem(0, 0).process, grid.nodes
    chained = np.zeros(2)
    for k, t in enumerate(middles):
        G_t = process.factor_rows(t, x)
        chained += (result.drift[k] * process.drift_rows(t, x)).sum(), 2 * (result.variance_rate[k] * np.einsum("ijn,kjn->ikn", G_t, G_t)).sum()
    for i, unit in enumerate(np.eye(2)):
        at = lambda s: value(*(s * h * unit))
        measured = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)
        assert abs(measured - chained[i]) < 1e-8 * np.abs(c).sum()    # h⁴ = 1e-16 and ulp/h = 2e-12 times |c|₁


def test_gradient_hands_the_same_cotangents_to_collect():
    grid = Grid.uniform([-4], [4], [61])
    c = np.random.default_rng(1).normal(size=grid.size)
    stacked, seen = gradient(R1, grid, c, 9), []
    result = gradient(R1, grid, c, 9, collect=lambda k, t, f, a, c, g: seen.append((k, t, f, a)))
    assert result.drift is None and [s[0] for s in seen] == list(range(9))
    assert all((f == stacked.drift[k]).all() and (a == stacked.variance_rate[k]).all() for k, _, f, a in seen)
    assert (result.terminal == stacked.terminal).all()


def test_steps_include_every_break_and_their_number_is_the_one_asked_for():
    times = step_times(1.0, (0.31, 0.5, 0.9, 2.0), 10)
    assert times.size == 11 and all(np.abs(times - b).min() < 1e-15 for b in (0, 0.31, 0.5, 0.9, 1.0))
    assert step_times(1.0, np.arange(1, 8) / 8, 3).size == 9   # more intervals than steps: one step each
    assert np.allclose(np.diff(step_times(1.0, np.arange(1, 20) / 20, 80)), 1 / 80, rtol=1e-12)


def test_piecewise_drift_is_integrated_without_error_at_its_breaks():
    """f = +1 before 0.31 and −2 after, h(x) = x: u(0, x) = x + 0.31 − 2 · 0.69 for any number of steps."""
    process = Diffusion(lambda t, x: np.where(t < 0.31, 1.0, -2.0) + 0 * x, [[0.3]], 1, breaks=(0.31,))
    value = solve_backward(KolmogorovProblem(process, lambda x: x[:, 0], 1.0), Grid.uniform([-9], [9], [361]), 8)
    assert abs(value([[0.2]])[0] - (0.2 + 0.31 - 2 * 0.69)) < 1e-9    # the sides are 7 away: e^{−7·…} is below


def test_a_process_steady_between_breaks_gives_the_same_bits_with_fewer_evaluations():
    calls = []
    def drift(t, x):
        calls.append(t)
        return np.where(t < 0.5, 1.0, -1.0) * np.tanh(x)
    process = Diffusion(drift, [[0.5]], 1, breaks=(0.5,))
    problem = KolmogorovProblem(process, lambda x: np.tanh(x[:, 0]), 1.0, boundary=Reflecting())       # chosen sides: no paths are sent to them
    grid = Grid.uniform([-3], [3], [61])
    plain = solve_backward(problem, grid, 20, CrankNicolson()).values
    assert len(calls) == 20 + len(LOOKS)                               # the steps, and what tells a stiff drift
    process.steady_between_breaks = True
    calls.clear()
    assert (solve_backward(problem, grid, 20, CrankNicolson()).values == plain).all() and len(calls) == 2 + len(LOOKS)


@pytest.mark.parametrize("arguments, words", [
    (dict(steps=0), "steps=0"), (dict(scheme="douglas"), "scheme='douglas'"), (dict(keep=0), "keep=0"), (dict(keep=[2.0]), "outside"),
    (dict(scheme=3), "scheme=3")])
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        solve_backward(R1, Grid.uniform([-4], [4], [11]), **arguments)


def test_bad_problems_are_named():
    with pytest.raises(ValueError, match="horizon=0"):
        KolmogorovProblem(R1.process, R1.terminal, 0)
    with pytest.raises(ValueError, match="boundary"):
        KolmogorovProblem(R1.process, R1.terminal, 1.0, boundary="reflecting")
    with pytest.raises(TypeError, match="value='warm' .* finite number or a callable"):
        Dirichlet("warm")
    with pytest.raises(ValueError, match="terminal returned shape"):
        solve_backward(KolmogorovProblem(R1.process, lambda x: 1.0, 1.0), Grid.uniform([-4], [4], [11]))
    with pytest.raises(ValueError, match="2 axes"):
        solve_backward(R1, Grid.uniform([-4, -4], [4, 4], [11, 11]))
    with pytest.raises(ValueError, match="up to 1 axis"):
        solve_backward(R4, Grid.uniform([-4, -4], [4, 4], [11, 11]), scheme=CrankNicolson())
    with pytest.raises(ValueError, match=r"initial\[1\]"):
        solve_forward(R1.process, [[0.0], [5.0]], Grid.uniform([-4], [4], [11]), 1.0)
    assert Reflecting() == Reflecting.example()
