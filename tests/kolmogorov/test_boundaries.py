"""Sides: what they hold, what they let through, and where they must stay stable."""

import numpy as np
import pytest

from ocnet.boundary import Absorbing, Dirichlet, HeldNodes, Outflow, Reflecting, checked_sides
from ocnet.grid import Grid
from ocnet.kolmogorov.schemes import CrankNicolson, HundsdorferVerwer
from ocnet.kolmogorov.solver import gradient, solve_backward, solve_forward
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion


def brownian(sigma=1.0, dim=1):
    return Diffusion(lambda t, x: 0 * x, sigma * np.eye(dim), dim)


def test_the_later_axis_decides_where_two_held_sides_meet():
    grid = Grid.uniform([0, 0], [1, 1], [4, 5])
    held = HeldNodes(grid, checked_sides([(Dirichlet(1.0), Reflecting()), (Dirichlet(lambda t, x: t + x[:, 0]), Absorbing())], 2))
    values = np.full(grid.size, np.nan)
    values[held.nodes] = held.values(3.0)[0]
    values = values.reshape(grid.shape)
    assert (values[:, 0] == 3 + grid.axes[0]).all() and (values[:, -1] == 0).all() and (values[0, 1:-1] == 1).all()
    assert np.isnan(values[1:, 1:-1]).all() and not held.constant


def test_a_reflecting_side_mirrors_at_its_node():
    """Brownian motion on [0, 1]: cos(πx) is an eigenfunction, of the difference matrix too."""
    grid, sigma, T = Grid.uniform([0], [1], [21]), 0.8, 0.5
    value = solve_backward(KolmogorovProblem(brownian(sigma), lambda x: np.cos(np.pi * x[:, 0]), T), grid, 400, CrankNicolson(damped=0))
    eigenvalue = 0.5 * sigma**2 * (2 - 2 * np.cos(np.pi / 20)) * 400
    assert np.abs(value.values[0, 0] - np.exp(-eigenvalue * T) * np.cos(np.pi * grid.axes[0])).max() < (eigenvalue * T / 400) ** 2


@pytest.mark.parametrize("sides", [Reflecting(), Absorbing(), Dirichlet(0.5), Outflow()])
@pytest.mark.parametrize("scheme", [CrankNicolson(theta=1.0, drift="hybrid"), CrankNicolson(theta=1.0)])
def test_sides_stay_stable_where_a_strong_drift_points_outwards(sides, scheme):
    """dX = 8X dt + 0.3 dB: a straight line beyond the side would amplify errors by exp(2 · 8² / 0.09 …)."""
    process = Diffusion(lambda t, x: 8 * x, [[0.3]], 1)
    problem = KolmogorovProblem(process, lambda x: np.tanh(4 * x[:, 0]), 1.0, boundary=sides)
    value = solve_backward(problem, Grid.uniform([-1], [1], [201]), 100, scheme)
    assert np.abs(value.values).max() <= 1 + 1e-2


def test_an_outflow_side_carries_straight_lines(r=0.05, sigma=0.2, T=1.0):
    """E X_T = x e^{rT} for geometric Brownian motion: the drift points outwards at the far side, and is not cut."""
    process = Diffusion(lambda t, x: r * x, lambda t, x: sigma * x[:, :, None], 1)
    problem = KolmogorovProblem(process, lambda x: x[:, 0], T, boundary=Outflow())
    grid = Grid.uniform([0], [4], [81])
    value = solve_backward(problem, grid, 100, CrankNicolson(damped=0))
    assert np.abs(value.values[0, 0] - np.exp(r * T) * grid.axes[0]).max() < 4 * (r * T / 100) ** 2    # time error only: (r dt)²/12


def test_outflow_with_a_drift_that_is_cut_has_the_gradient_of_its_cut_drift(h=1e-5):
    process = lambda e: Diffusion(lambda t, x: 3 * x, lambda t, x: (0.5 + e * np.cos(x))[:, :, None], 1)
    problem = lambda e: KolmogorovProblem(process(e), lambda x: np.sin(2 * x[:, 0]), 0.5, boundary=Outflow())
    grid = Grid.uniform([-1], [1.2], [31])
    c = np.random.default_rng(0).normal(size=grid.size)
    found = gradient(problem(0), grid, c, 10, CrankNicolson())
    expected = (found.variance_rate[:, 0, 0] * np.cos(grid.axes[0])).sum()          # a = (½ + e cos x)²: da/de = cos x at e = 0
    measured = (solve_backward(problem(h), grid, 10, CrankNicolson()).values - solve_backward(problem(-h), grid, 10, CrankNicolson()).values)
    assert abs((measured[0, 0] * c).sum() / (2 * h) - expected) < 1e-7 * np.abs(found.variance_rate).sum()    # h² and ulp/h


def test_potential_and_source_have_exact_gradients(h=1e-5):
    rng = np.random.default_rng(1)
    grid = Grid.uniform([-1, -1], [1, 1], [13, 11])
    dc, dg, c = rng.normal(size=(3, grid.size))

    def problem(e, s):
        return KolmogorovProblem(brownian(0.7, 2), lambda x: np.cos(x[:, 0]), 0.4, potential=lambda t, x: 0.8 + x[:, 1] + e * dc,
                                 source=lambda t, x: np.sin(x[:, 0] + t) + s * dg, boundary=[(Reflecting(), Absorbing()), Reflecting()])

    for scheme in (HundsdorferVerwer(), HundsdorferVerwer(damped=2)):
        found = gradient(problem(0, 0), grid, c, 9, scheme)
        value = lambda e, s: (solve_backward(problem(e, s), grid, 9, scheme).values[0, 0] * c).sum()
        for direction, expected in (((h, 0), (found.potential * dc).sum()), ((0, h), (found.source[:, 0] * dg).sum())):
            measured = (value(*direction) - value(*(-d for d in direction))) / (2 * h)
            assert abs(measured - expected) < 1e-8 * np.abs(found.source).sum()                      # h² = 1e-10 and ulp/h = 1e-11


def test_first_passage_density_of_brownian_motion_leaves_through_absorbing_sides():
    """Mass inside plus mass on the sides is one; inside it decays like the killed motion's series."""
    grid, T = Grid.uniform([0], [1], [201]), 0.2
    density = solve_forward(brownian(), [[0.3]], grid, T, 400, boundary=Absorbing())
    n = np.arange(1, 60, 2)
    alive = (4 / (n * np.pi) * np.sin(n * np.pi * 0.3) * np.exp(-0.5 * (n * np.pi) ** 2 * T)).sum()
    assert abs(density.mass() - 1) < 1e-12
    assert abs(density.masses[-1, 1:-1].sum() - alive) < 1e-4                                        # h² and dt² times order one
    assert density.masses.min() > -1e-12


def test_columns_of_sides_and_source_are_broadcast_over_one_terminal_column():
    side = Dirichlet(lambda t, x: np.stack([np.zeros(len(x)), np.ones(len(x))], axis=1))
    problem = KolmogorovProblem(brownian(), lambda x: 0 * x[:, 0], 30.0, boundary=side)
    value = solve_backward(problem, Grid.uniform([0], [1], [11]), 60)
    assert value([[0.4]]).shape == (1, 2) and np.abs(value([[0.4]]) - [0, 1]).max() < 1e-6           # e^{−π² · 15}
