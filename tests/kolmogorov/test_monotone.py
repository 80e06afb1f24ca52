"""The monotone operator: non-negative entries for any covariance, moments exact where nothing is added, exact transposes."""

import numpy as np
import pytest

from ocnet.boundary import Absorbing, Dirichlet, Outflow, Reflecting
from ocnet.grid import Grid
from ocnet.kolmogorov.coefficients import Coefficients
from ocnet.kolmogorov.march import March
from ocnet.kolmogorov.monotone_operator import MonotoneOperator
from ocnet.kolmogorov.schemes import Monotone, SemiLagrangian
from ocnet.kolmogorov.solver import solve_backward
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion
from tests.kernels.test_stencil import dense
from tests.kolmogorov.manufactured import exact, manufactured

ROWS = (("mirror", "mirror"), ("mirror", "one_sided"), ("one_sided", "mirror"))
SHAPES = [(9,), (7, 6), (5, 6, 5)]


def uneven_grid(shape):
    return Grid([np.linspace(-2, 2, n) + 0.1 * np.sin(np.linspace(-2, 2, n)) for n in shape])


def random_coefficients(shape, dominated=True, seed=0, shift=(0.0, 0.0), directions=None):
    rng = np.random.default_rng(seed)
    grid, d = uneven_grid(shape), len(shape)
    f, G = 0.3 * rng.normal(size=(d, grid.size)), rng.normal(size=(d, d, grid.size)) * (0.15 if dominated else 1.0)
    a = np.einsum("ijn,kjn->ikn", G, G) + (np.eye(d)[:, :, None] if dominated else 0.0)
    if directions:
        f, a = f + shift[0] * directions[0], a + shift[1] * directions[1]
    return Coefficients(grid, ROWS[:d], f, a, np.empty(0, dtype=int))


@pytest.mark.parametrize("dominated", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_an_m_matrix_with_its_exact_transpose(shape, dominated):
    A = MonotoneOperator(random_coefficients(shape, dominated))
    matrix = dense(A.apply, A.size)
    off = matrix - np.diag(np.diag(matrix))
    assert off.min() >= 0 and np.abs(matrix.sum(axis=1)).max() < 1e-14 * np.abs(matrix).max()        # sums of a dozen entries
    assert np.abs(dense(A.apply_transposed, A.size) - matrix.T).max() < 1e-14 * np.abs(matrix).max()
    assert abs(A.largest_exit_rate + np.diag(matrix).min()) < 1e-13 * A.largest_exit_rate


@pytest.mark.parametrize("shape", SHAPES)
def test_first_and_second_moments_are_exact_where_no_variance_is_added(shape):
    coefficients = random_coefficients(shape)
    A, grid = MonotoneOperator(coefficients), coefficients.grid
    inside = np.zeros(grid.shape, bool)
    inside[(slice(1, -1),) * grid.dim] = True
    free = inside.ravel() & ~A.added
    assert free.sum() > 0.5 * inside.sum()
    x, f, a = grid.nodes, coefficients.drift, coefficients.variance_rate
    for i in range(grid.dim):
        assert np.abs(A.apply(x[i]) - f[i])[free].max() < 1e-13                                      # rates of 10 times values of 2
        for k in range(i, grid.dim):
            assert np.abs(A.apply(x[i] * x[k]) - f[i] * x[k] - f[k] * x[i] - a[i, k])[free].max() < 1e-12


@pytest.mark.parametrize("shape", SHAPES)
def test_its_gradient_is_the_derivative_in_the_coefficients(shape, h=1e-6):
    rng = np.random.default_rng(1)
    size, d = uneven_grid(shape).size, len(shape)
    p, u = rng.normal(size=(2, 2, size))
    da = rng.normal(size=(d, d, size))
    directions = rng.normal(size=(d, size)), da + np.swapaxes(da, 0, 1)
    A = MonotoneOperator(random_coefficients(shape))
    gradient = A.gradient()
    A.add_apply(gradient, p, u)
    f_bar, a_bar, _, _ = A.coefficient_gradient(gradient)
    for shift, expected in (((h, 0), (f_bar * directions[0]).sum()), ((0, h), (a_bar * directions[1]).sum())):
        values = [(p * MonotoneOperator(random_coefficients(shape, shift=s, directions=directions)).apply(u)).sum()
                  for s in (shift, tuple(-e for e in shift))]
        # linear in f and a but for the switches: rounding ulp/h of a sum of a thousand terms
        assert abs((values[0] - values[1]) / (2 * h) - expected) < 1e-7 * np.abs(p * A.apply(u)).sum()


def random_problem(rng, dim, rank, sides):
    """Rough coefficient fields of any size, of `rank` noise channels (0: none), and terminal data of 0 and 1."""
    size = 10 ** rng.uniform([-1, -2], [2, 0.5])                  # the monotone scheme takes about size²/h² substeps
    w, b = rng.normal(size=(dim, dim)) * 3, rng.normal(size=dim)
    v, c = rng.normal(size=(dim, dim, rank)) * 3, rng.normal(size=(dim, rank))
    drift = lambda t, x: size[0] * np.sin(x @ w + b + t)
    factor = lambda t, x: size[1] * np.cos(np.einsum("ni,ijk->njk", x, v) + c)
    bits = rng.integers(0, 2, 4096)
    terminal = lambda x: bits[: len(x)].astype(float)
    return KolmogorovProblem(Diffusion(drift, factor, dim), terminal, 0.05, boundary=sides)


@pytest.mark.parametrize("scheme", [Monotone(), SemiLagrangian()])
def test_values_stay_between_0_and_1_for_a_thousand_random_fields(scheme):
    rng = np.random.default_rng(7)
    worst = 0.0
    for k in range(500):
        dim = 1 + k % 3
        side = [Reflecting(), Absorbing(), Dirichlet(1.0), Outflow()][k % 4]
        problem = random_problem(rng, dim, k // 3 % (dim + 1), side)
        worst = max(worst, solve_backward(problem, Grid.uniform([-1] * dim, [1] * dim, [14, 11, 8][:dim]), 2, scheme).report.overshoot)
    assert worst < 1e-12                                          # the bound asked for; averages of values in [0, 1] err by rounding only


def test_densities_stay_non_negative_and_keep_their_mass():
    rng = np.random.default_rng(8)
    for k in range(50):
        problem = random_problem(rng, 2, k % 3, Reflecting())
        march = March(problem, Grid.uniform([-1, -1], [1, 1], [14, 11]), 2, Monotone())
        p = rng.uniform(size=(1, march.grid.size))
        after = march.transposed(p)
        assert after.min() >= 0 and abs(after.sum() - p.sum()) < 1e-12 * p.sum()


@pytest.mark.parametrize("kind", ["mirror", "held"])
@pytest.mark.parametrize("dim", [1, 2])
def test_it_is_of_order_two_where_no_variance_is_added(dim, kind):
    problem = manufactured(kind, dim)
    sizes = (21, 41, 81) if dim == 1 else (11, 21, 41)
    errors = [np.abs(solve_backward(problem, grid, n - 1, Monotone()).values[0, 0] - exact(kind, 0, grid.nodes.T)).max()
              for n, grid in ((n, Grid.uniform([0] * dim, [1] * dim, n)) for n in sizes)]
    assert np.log2(errors[-2] / errors[-1]) > 1.9, errors
