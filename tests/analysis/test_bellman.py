"""Dynamic programming for a control that sees the state, against Riccati, closed forms and brute force."""

import numpy as np
import pytest
from scipy.optimize import brentq

from ocnet.analysis.bellman import moreau_envelope, solve_feedback
from ocnet.grid import Grid

TIMES = np.array([0.0, 0.1, 0.3, 0.4, 0.6, 0.75, 0.9, 1.0])          # uneven on purpose
LINEAR = {1: ([[0.3]], [[1.0]], [[0.7]]), 2: ([[0.3, 1.0], [-1.0, 0.2]], [[1.0, 0.3], [0.3, 0.5]], [[0.7, -0.2], [-0.2, 0.4]])}
PRICE, SIGMA = 0.5, 0.3


def quadratic(x, matrix):
    return 0.5 * np.einsum("ni,ij,nj->n", x, matrix, x)


def riccati(A, Q, P, times):
    """V_0 = ½ x·P x + p of x⁺ = (1 + dt A) x + dt v + σ√dt ξ, price PRICE: P ← dt Q + Mᵀ P (1 + dt/c P)⁻¹ M, p ← p + ½ σ² dt tr P."""
    p = 0.0
    for dt in np.diff(times)[::-1]:
        p += 0.5 * SIGMA**2 * dt * np.trace(P)
        M = np.eye(len(A)) + dt * A
        P = dt * Q + M.T @ P @ np.linalg.inv(np.eye(len(A)) + dt / PRICE * P) @ M
    return P, p


def linear_quadratic(dim, nodes, sigma=SIGMA):
    A, Q, P = map(np.array, LINEAR[dim])
    grid, deviation = Grid.uniform([-6.0] * dim, [6.0] * dim, nodes), sigma * np.sqrt(np.diff(TIMES))
    return solve_feedback(lambda x: quadratic(x, P), grid, TIMES, PRICE, deviation, drift=lambda x: x @ A.T, running=lambda x: quadratic(x, Q))


@pytest.mark.parametrize("dim, nodes", [(1, 81), (1, 241), (2, 81)])
def test_linear_quadratic_problems_are_those_of_riccati_to_rounding(dim, nodes):
    """Envelope, smoothing and spline are exact for quadratics; the sides' influence falls by 0.27 a node of the spline, 27 nodes: 1e-15.

    Tolerance: 7 layers × 4 operations × ulp of values up to 130 at the sides (3e-14), which the limited spline brings inwards by no more.
    """
    A, Q, P = map(np.array, LINEAR[dim])
    x = np.random.default_rng(0).uniform(-2, 2, (200, dim))
    matrix, constant = riccati(A, Q, P, TIMES)
    exact = quadratic(x, matrix) + constant
    assert np.abs(linear_quadratic(dim, nodes)(x) - exact).max() < 1e-12
    # what must be seen: noise of another size, and a time step that is off by one
    assert np.abs(linear_quadratic(dim, nodes, 1.01 * SIGMA)(x) - exact).max() > 1e-4
    assert np.abs(quadratic(x, riccati(A, Q, P, TIMES[::-1][0] - TIMES[::-1])[0]) + constant - exact).max() > 1e-4


def one_layer_of_cosine(x, dt, price, s, reach):
    """min over |z − x| ≤ dt reach of price/(2dt) (z − x)² − e^{−s²/2} cos z at one x, by a root of the derivative, or at the limit."""
    stiffness, amplitude = price / dt, np.exp(-0.5 * s * s)

    def slope(z):
        return stiffness * (z - x) + amplitude * np.sin(z)

    low, high = x - dt * reach, x + dt * reach                            # slope increases: stiffness > amplitude
    z = low if slope(low) >= 0 else high if slope(high) <= 0 else brentq(slope, low, high, xtol=1e-15)
    return 0.5 * stiffness * (z - x) ** 2 - amplitude * np.cos(z)


@pytest.mark.parametrize("reach", [np.inf, 0.35])
@pytest.mark.parametrize("nodes", [101, 201, 401])
def test_order_3_where_values_are_not_quadratic(reach, nodes):
    """−cos under noise 0.3, one layer.  A parabola through three nodes is off by h³ M/(9√3) at most, M = max of the third derivative, 0.956;

    the best place lies anywhere between nodes, so the largest error over a hundred places and more is near that: order 3, no more, no less.
    """
    grid, dt, price, s = Grid.uniform(-2 * np.pi, 2 * np.pi, nodes), 0.5, 0.6, 0.3
    found = solve_feedback(lambda x: -np.cos(x[:, 0]), grid, [0, dt], price, s, reach).values[0, 0]
    inner = np.abs(grid.nodes[0]) < 2.5
    exact = np.array([one_layer_of_cosine(x, dt, price, s, min(reach, 20.0)) for x in grid.nodes[0][inner]])
    error, largest = np.abs(found[inner] - exact).max(), grid.spacing[0] ** 3 * np.exp(-0.5 * s * s) / (9 * 3**0.5)
    assert 0.3 * largest < error < largest


def test_the_search_along_one_axis_after_the_other_finds_the_least_of_the_plane():
    """Against all points of a mesh 8 times finer, on which the limits lie: above the least by half the curvature × (half a mesh width)² an axis.

    Curvatures ≤ 1.5 + 4 and 1.5 + 1 + 4.5; third derivatives ≤ 8 and 1 + 13.5, each times 0.125³/(9√3) by the parabolas.
    """
    grid, fine = Grid.uniform([-2, -2], [2, 2], [33, 33]), Grid.uniform([-2, -2], [2, 2], [257, 257])
    width, stiffness = fine.spacing[0], 1.5
    limits = np.array([32, 15]) * width
    tolerance = 0.5 * (5.5 + 7) * (0.5 * width) ** 2 + (8 + 14.5) * 0.125**3 / (9 * 3**0.5)

    def hills(x):
        return np.cos(2 * x[0] + x[1]) + 0.5 * np.sin(3 * x[1])

    envelope = moreau_envelope(grid, hills(grid.nodes)[None], stiffness, limits)[0]
    values, wrong = hills(fine.nodes), []
    for k in np.random.default_rng(2).choice(grid.size, 40, replace=False):
        away = fine.nodes - grid.nodes[:, k, None]
        inside = (np.abs(away) <= limits[:, None] + 1e-12).all(axis=0)
        brute = (values + 0.5 * stiffness * (away * away).sum(axis=0))[inside].min()
        assert abs(envelope[k] - brute) < tolerance
        wrong.append(abs((values + 0.5 * stiffness * (away * away).sum(axis=0)).min() - brute))
    assert max(wrong) > 10 * tolerance                                   # the limits matter


def test_without_a_price_the_least_value_within_reach_is_found():
    """−cos over a window of half-width w: −1 where it holds 0, else the nearer end; the end is met to the order of the parabola."""
    grid, w = Grid.uniform(-3, 3, 121), 0.83
    found = moreau_envelope(grid, -np.cos(grid.nodes), 0.0, w)[0]
    exact = -np.cos(np.maximum(np.abs(grid.nodes[0]) - w, 0))
    assert np.abs(found - exact).max() < 0.05**3 / 15.5                 # h³ max|f'''| / (9√3): interpolation by a parabola
    assert np.abs(moreau_envelope(grid, -np.cos(grid.nodes), 0.0) + 1).max() < 1e-15


def test_the_end_of_the_reach_is_looked_at_by_itself():
    """z² (0.905 − z): from 0 the last node within 0.95, at 0.9, is above where one stands, the end is below it by 0.0406 ± 6 h³/(9√3)."""
    grid = Grid.uniform(-2, 2, 41)
    z = grid.nodes[0]
    found = moreau_envelope(grid, (z * z * (0.905 - z))[None], 0.0, 0.95)[0]
    here = int(np.argmin(np.abs(z)))
    assert abs(found[here] - 0.95**2 * (0.905 - 0.95)) < 6 * 0.1**3 / 15.5


def test_no_reach_is_no_control_and_jumps_undershoot_by_an_eighth_at_most():
    grid = Grid.uniform(-1, 1, 41)
    step = (grid.nodes > 0).astype(float)
    assert (moreau_envelope(grid, step, 1.0, 0.0) == step).all()
    assert (moreau_envelope(grid, step, 1.0) >= -1 / 8).all()
    still = solve_feedback(np.cos, grid, [0, 1, 2], 1.0, reach=0.0)
    assert (still.values == still.values[-1]).all() and not still.single


def test_columns_do_not_know_each_other():
    grid = Grid.uniform([-2, -1], [2, 1], [25, 17])
    both = np.stack([np.cos(grid.nodes).sum(axis=0), (grid.nodes**2).sum(axis=0)])
    together = moreau_envelope(grid, both, 2.0, [0.3, np.inf])
    assert all((moreau_envelope(grid, row[None], 2.0, [0.3, np.inf])[0] == out).all() for row, out in zip(both, together))


@pytest.mark.parametrize("change, message", [
    ({"price": -1.0}, "price=-1"), ({"times": [0, 1, 1]}, "do not increase"), ({"deviation": [0.1]}, "deviation has shape"),
    ({"reach": [[1.0], [-1.0]]}, "reach has shape"), ({"terminal": lambda x: np.ones(3)}, "terminal returned shape"),
    ({"terminal": lambda x: np.full(len(x), np.nan)}, "not finite")])
def test_what_is_wrong_is_named(change, message):
    given = {"terminal": lambda x: x[:, 0], "grid": Grid.uniform(-1, 1, 11), "times": [0, 1, 2], "price": 1.0}
    with pytest.raises(ValueError, match=message):
        solve_feedback(**{**given, **change})
