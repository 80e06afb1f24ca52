"""The bounded semi-Lagrangian scheme: duality, mass and bounds on every kind of grid and side, and its orders."""

import numpy as np
import pytest

from ocnet.boundary import Absorbing, Dirichlet, Outflow, Reflecting
from ocnet.grid import Grid
from ocnet.kolmogorov.march import March
from ocnet.kolmogorov.schemes import SemiLagrangian
from ocnet.kolmogorov.solver import solve_backward
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion

SHAPES = {1: (41,), 2: (17, 14), 3: (9, 8, 7)}
SIDES = {"reflecting": Reflecting(), "absorbing": Absorbing(), "outflow": Outflow(), "fixed": Dirichlet(1.0)}
FACTORS = {"none": lambda dim: np.zeros((dim, 1)), "independent": lambda dim: 0.3 * np.eye(dim),
           "one channel": lambda dim: (lambda t, x: 0.3 * np.cos(x + t)[:, :, None]),
           "correlated": lambda dim: 0.3 * (np.eye(dim) + 0.4 * np.eye(dim, k=1))}


def grid_of(dim, stretched):
    axes = [np.linspace(-1, 1, n) for n in SHAPES[dim]]
    return Grid([s + 0.15 * s * np.abs(s) for s in axes] if stretched else axes)


def march_of(dim, factor, side, stretched, scheme=SemiLagrangian(), steps=3):
    process = Diffusion(lambda t, x: np.sin(2 * x[:, ::-1] + t) + 0.3, FACTORS[factor](dim), dim)
    problem = KolmogorovProblem(process, lambda x: (x[:, 0] > 0.1) * 1.0, 0.3, boundary=SIDES[side])
    return March(problem, grid_of(dim, stretched), steps, scheme)


@pytest.mark.parametrize("stretched", [False, True], ids=["uniform", "stretched"])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_bounds_duality_and_mass(dim, factor, side, stretched):
    """Values stay in [0, 1]; ⟨p, u(0)⟩ = ⟨p(T), u(T)⟩; masses keep their sum, that on held sides included."""
    march = march_of(dim, factor, side, stretched)
    states = march.states()
    assert states.min() >= -1e-12 and states.max() <= 1 + 1e-12
    p = np.random.default_rng(1).uniform(size=states[0].shape)
    later = march.transposed(p, states=states)
    # the maps are linear at the values they limit, and a constant in time at the sides adds nothing: sums in another order
    assert abs((p * states[0]).sum() - (later * states[-1]).sum()) < 1e-12 * p.sum()
    assert abs(later.sum() - p.sum()) < 1e-12 * p.sum()


def lone_ou(dim, sigma):
    """dX_i = (X_{i+1} − X_i) dt + σ dB_i and u(T) = exp(−|x|²/2): a Gaussian integral."""
    drift = np.roll(np.eye(dim), 1, axis=1) - np.eye(dim) if dim > 1 else -np.eye(1)
    return drift, KolmogorovProblem(Diffusion(lambda t, x: x @ drift.T, sigma * np.eye(dim), dim), lambda x: np.exp(-0.5 * (x**2).sum(axis=1)), 1.0)


def exact(drift, sigma, x, T=1.0):
    from scipy.integrate import quad_vec
    from scipy.linalg import expm
    flow = expm(drift * T)
    spread = sigma**2 * quad_vec(lambda s: expm(drift * s) @ expm(drift * s).T, 0, T, epsabs=1e-13)[0] + np.eye(len(drift))
    means = x @ flow.T
    return np.exp(-0.5 * np.einsum("ni,ij,nj->n", means, np.linalg.inv(spread), means)) / np.sqrt(np.linalg.det(spread))


@pytest.mark.parametrize("limited", [True, False])
@pytest.mark.parametrize("dim, nodes", [(1, 801), (2, 321)])
def test_it_is_of_order_two_in_time(dim, nodes, limited):
    drift, problem = lone_ou(dim, 0.5)
    x = np.random.default_rng(2).uniform(-1, 1, (40, dim))
    grid = Grid.uniform([-6] * dim, [6] * dim, nodes)
    errors = [np.abs(solve_backward(problem, grid, steps, SemiLagrangian(limited))(x) - exact(drift, 0.5, x)).max() for steps in (4, 8, 16)]
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert (rates > 1.9).all(), (errors, rates)


@pytest.mark.parametrize("dim, sizes", [(1, (41, 81, 161)), (2, (41, 81, 161)), (3, (41, 81))])
def test_the_plain_spline_is_of_order_four_in_space(dim, sizes):
    """Pure transport along a straight flow, whose characteristics Runge–Kutta follows exactly: all error is that of the spline.

    A step of 1/3 goes 1/3, −2/3 and 4/3 of the coarsest spacing, so on all grids feet lie a third of a cell from a node.
    """
    speed = np.array([0.2, -0.4, 0.8])[:dim]
    bump = lambda x: np.exp(-2 * (x**2).sum(axis=1))
    problem = KolmogorovProblem(Diffusion(lambda t, x: np.broadcast_to(speed, x.shape), np.zeros((dim, 1)), dim), bump, 1.0)
    x = np.random.default_rng(3).uniform(-1, 1, (400, dim))
    x = x[np.abs(x + speed).max(axis=1) > 0.3]                     # at the greatest value of all, values are read with order 2
    errors = [np.abs(solve_backward(problem, Grid.uniform([-4] * dim, [4] * dim, n), 3, SemiLagrangian(limited=False))(x)
                     - bump(x + speed)).max() for n in sizes]
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert rates[-1] > 3.9, (errors, rates)


@pytest.mark.parametrize("channels", [2, 5, 16])
def test_branches_of_state_dependent_noise_keep_mean_and_covariance(channels):
    """Of an Euler step, however many channels: rounding of sums of up to 81 feet of unit size."""
    rng = np.random.default_rng(channels)
    g = rng.normal(size=(2, channels))
    process = Diffusion(lambda t, x: np.zeros_like(x), lambda t, x: np.cos(x[:, :1, None]) * g, 2)
    x = rng.normal(size=(2, 5))
    transition, = SemiLagrangian().transitions(process, x, 0.0, 0.1, 1)
    assert len(transition.weights) == (3**channels if channels < 5 else 2 * channels) and transition.weights.min() > 0
    moved = transition.feet - x
    assert np.abs(np.einsum("k,kip->ip", transition.weights, moved)).max() < 1e-14
    covariance = np.einsum("k,kip,kjp->ijp", transition.weights, moved, moved)
    assert np.abs(covariance - 0.1 * (g @ g.T)[:, :, None] * np.cos(x[0]) ** 2).max() < 1e-14


def test_a_way_that_ends_at_a_held_side_has_what_the_side_held_when_it_was_met():
    """X' = −1 meets the side at 0 at the time t + x, so u(0, x) = g(x) there, exactly for linear g in one step; farther off it is the terminal value."""
    problem = KolmogorovProblem(Diffusion(lambda t, x: -np.ones_like(x), [[0.0]], 1), lambda x: 0 * x[:, 0], 1.0,
                                boundary=((Dirichlet(lambda t, x: 1 + 2 * t + 0 * x[:, 0]), Reflecting()),))
    value = solve_backward(problem, Grid.uniform(0, 2, 21), steps=1, scheme=SemiLagrangian())
    x = np.linspace(0.1, 0.9, 9)
    assert np.abs(value(x[:, None]) - (1 + 2 * x)).max() < 1e-12
    assert np.abs(value(np.linspace(1.3, 1.9, 4)[:, None])).max() < 1e-12
