"""The stencil against dense matrices built from one-dimensional differences, and its transposes."""

import numpy as np
import pytest

from ocnet.grid import Grid
from ocnet.kernels import rates, stencil
from ocnet.kolmogorov.coefficients import Coefficients
from ocnet.kolmogorov.operator import Operator

SHAPES = [(9,), (5, 7), (17, 33), (4, 5, 6)]


ROWS = [("mirror", "one_sided"), ("one_sided", "mirror"), ("mirror", "mirror")]      # of the axes in turn


def random_operator(shape, drift="central", seed=3, uneven=True, potential=False):
    """An operator with random coefficients (symmetric positive variance rate) on an uneven grid, with all kinds of rows."""
    rng = np.random.default_rng(seed)
    d = len(shape)
    axes = tuple(np.linspace(-1, 1, n) ** 3 + np.linspace(-1, 1, n) if uneven else np.linspace(-1, 2, n) for n in shape)
    grid = Grid(axes)
    factor = rng.normal(size=(d, d, grid.size))
    f, a = rng.normal(size=(d, grid.size)), np.einsum("ijn,kjn->ikn", factor, factor)
    c = rng.normal(size=grid.size) if potential else None
    return Operator(Coefficients(grid, tuple(ROWS[:d]), f, a, np.empty(0, dtype=int), c), drift)


def dense(verb, size):
    return np.stack([verb(e) for e in np.eye(size)], axis=1)


def differences(axis, pair):
    """First, second and wide (mixed) difference, dense: inside over both neighbours; at a mirror u₋₁ = u₁, one-sided u'' = 0."""
    n = axis.size
    first, second, wide = np.zeros((3, n, n))
    for j in range(1, n - 1):
        hm, hp = axis[j] - axis[j - 1], axis[j + 1] - axis[j]
        first[j, j - 1:j + 2] = -hp / (hm * (hm + hp)), (hp - hm) / (hm * hp), hm / (hp * (hm + hp))
        second[j, j - 1:j + 2] = 2 / (hm * (hm + hp)), -2 / (hm * hp), 2 / (hp * (hm + hp))
        wide[j, [j - 1, j + 1]] = -1 / (hm + hp), 1 / (hm + hp)
    for j, k, row in ((0, 1, pair[0]), (n - 1, n - 2, pair[1])):
        h = axis[k] - axis[j]
        if row == "mirror":
            second[j, [j, k]] = -2 / h**2, 2 / h**2
        else:
            first[j, [j, k]] = wide[j, [j, k]] = -1 / h, 1 / h
    return first, second, wide


def along(matrix, axis, shape):
    return np.kron(np.kron(np.eye(int(np.prod(shape[:axis]))), matrix), np.eye(int(np.prod(shape[axis + 1:]))))


def reference_matrix(A):
    """f·∇ + ½ a:∇∇ from Kronecker products of one-dimensional difference matrices."""
    grid, f, a = A.coefficients.grid, A.coefficients.drift, A.coefficients.variance_rate
    parts = [[along(m, i, grid.shape) for m in differences(axis, pair)]
             for i, (axis, pair) in enumerate(zip(grid.axes, A.coefficients.rows))]
    total = 0.0
    for i, (first, second, wide) in enumerate(parts):
        total = total + f[i][:, None] * first + 0.5 * a[i, i][:, None] * second
        for k in range(i + 1, grid.dim):
            total = total + a[i, k][:, None] * (wide @ parts[k][2])
    return total if A.coefficients.potential is None else total - np.diag(A.coefficients.potential)


@pytest.mark.parametrize("potential", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_generator_equals_kronecker_products_of_difference_matrices(shape, potential):
    A = random_operator(shape, potential=potential)
    matrix, reference = dense(A.apply, A.size), reference_matrix(A)
    # a dozen products per entry, each of relative error ulp
    assert np.abs(matrix - reference).max() < 1e-13 * np.abs(reference).max()


@pytest.mark.parametrize("drift", ["central", "upwind", "hybrid"])
@pytest.mark.parametrize("shape", SHAPES)
def test_transposed_verbs_are_the_transposed_matrices(shape, drift):
    A = random_operator(shape, drift, potential=True)
    for verb, transposed in ((A.apply, A.apply_transposed), (A.mixed, A.mixed_transposed)):
        matrix = dense(verb, A.size)
        assert np.abs(matrix.T - dense(transposed, A.size)).max() <= 1e-14 * max(np.abs(matrix).max(), 1)   # same products, other order


@pytest.mark.parametrize("drift", ["central", "upwind", "hybrid"])
def test_generator_kills_constants_exactly(drift):
    A = random_operator((17, 33), drift)
    assert (A.apply(np.ones(A.size)) == 0).all()


def test_generator_is_exact_on_quadratics_inside_an_uneven_grid():
    A = random_operator((9, 11))
    x, y = A.coefficients.grid.nodes
    f, a = A.coefficients.drift, A.coefficients.variance_rate
    u = 1 + 2 * x - y + x * x + 3 * y * y                      # x y is exact on even grids only: the mixed difference is wide
    exact = f[0] * (2 + 2 * x) + f[1] * (-1 + 6 * y) + a[0, 0] + 3 * a[1, 1]
    inside = np.zeros((9, 11), bool)
    inside[1:-1, 1:-1] = True
    error = np.abs(A.apply(u) - exact)[inside.ravel()]
    assert error.max() < 1e-12 * np.abs(A.rates).max()         # rounding of u times the largest rate


def test_upwind_rates_are_never_negative_and_central_ones_are_at_high_peclet():
    grid = Grid.uniform([-1, -1], [1, 1], [9, 9])
    drift = np.random.default_rng(0).normal(size=(2, grid.size)) * 50
    a = np.tile(0.01 * np.eye(2)[:, :, None], (1, 1, grid.size))
    make = lambda rule: Operator(Coefficients(grid, tuple(ROWS[:2]), drift, a, np.empty(0, dtype=int)), rule)
    assert make("upwind").rates.min() >= 0 and make("hybrid").rates.min() >= 0
    assert make("central").rates.min() < 0


@pytest.mark.parametrize("drift", ["central", "upwind", "hybrid"])
@pytest.mark.parametrize("shape", [(9,), (5, 7), (4, 5, 6)])
def test_product_rule_of_apply_is_the_derivative_in_the_coefficients(shape, drift):
    A = random_operator(shape, drift, potential=True)
    rng = np.random.default_rng(7)
    p, u = rng.normal(size=(2, 3, A.size))
    from ocnet.kolmogorov.operator import RateGradient
    gradient = RateGradient(A)
    A.add_apply(gradient, p, u)
    f_bar, a_bar, c_bar, _ = A.coefficient_gradient(gradient)
    df = 1e-3 * rng.normal(size=f_bar.shape) * np.abs(A.coefficients.drift)      # too small to cross a switch of the rule
    da = rng.normal(size=a_bar.shape)
    da = 1e-6 * (da + np.swapaxes(da, 0, 1))
    c, dc = A.coefficients, 1e-3 * rng.normal(size=A.size)
    shifted = [Operator(Coefficients(c.grid, c.rows, c.drift + s * df, c.variance_rate + s * da, c.held, c.potential + s * dc), drift)
               for s in (1, -1)]
    change = 0.5 * ((p * shifted[0].apply(u)).sum() - (p * shifted[1].apply(u)).sum())
    # A is linear in f and a away from the switches: the central difference is exact to rounding
    assert abs(change - (f_bar * df).sum() - (a_bar * da).sum() - (c_bar * dc).sum()) < 1e-9 * np.abs(p * A.apply(u)).sum()


@pytest.mark.parametrize("shape", [(9,), (5, 7), (4, 5, 6)])
def test_each_axis_has_its_equal_share_of_the_potential_s_derivative(shape):
    """A_i holds −c/d: the cotangent of c from s ⟨w, A_i z⟩ is −s w z/d, and from ⟨w, A z⟩ it is −w z.  Five roundings of numbers up to 10."""
    from ocnet.kolmogorov.operator import RateGradient
    A = random_operator(shape, potential=True)
    w, z = np.random.default_rng(2).normal(size=(2, 3, A.size))
    for i in range(A.axes):
        gradient = RateGradient(A)
        A.add_stage(gradient, i, w, z, 0.3)
        assert np.abs(gradient.killing.ravel() + 0.3 / A.axes * (w * z).sum(axis=0)).max() < 5 * 10 * 2.0**-52
    gradient = RateGradient(A)
    A.add_apply(gradient, w, z)
    assert np.abs(gradient.killing.ravel() + (w * z).sum(axis=0)).max() < 5 * 10 * 2.0**-52


@pytest.mark.parametrize("shape", [(9,), (17, 33), (4, 5, 6)])
def test_extremes_are_those_of_all_nodes(shape):
    """Cell Péclet numbers by the wider spacing, rates by the narrower; three roundings each."""
    A = random_operator(shape)
    f, a, axes = np.abs(A.coefficients.drift), np.einsum("iin->in", A.coefficients.variance_rate), A.coefficients.grid.axes
    gaps = [np.stack([np.diff(x, prepend=2 * x[0] - x[1]), np.diff(x, append=2 * x[-1] - x[-2])]) for x in axes]
    wide, narrow = (np.stack([c.ravel() for c in np.meshgrid(*(end(gap, axis=0) for gap in gaps), indexing="ij")]) for end in (np.max, np.min))
    cells = f * wide / a
    exact = cells.max(), (f / narrow).max(), (a / narrow**2).max()
    assert np.abs(A.extremes[:3] / exact - 1).max() < 1e-14 and abs(A.extremes[4] / cells.min() - 1) < 1e-14
    assert A.extremes[3] == (1 - (cells > 1).any(axis=0).mean() if len(shape) == 1 else 0)        # mixed parts have negative entries


@pytest.mark.parametrize("row", [0, 1, 20, 44, 62])
def test_a_peak_in_any_of_63_rows_is_seen(row):
    """Fewer than twice the 32 rows that are looked at, and so each of them."""
    grid = Grid.uniform([0, 0], [62, 4], [63, 5])
    drift = np.zeros((2, grid.size))
    drift[1, 5 * row + 2] = 7.0
    a = np.tile(np.eye(2)[:, :, None], (1, 1, grid.size))
    A = Operator(Coefficients(grid, tuple(ROWS[:2]), drift, a, np.empty(0, dtype=int)), "central")
    assert A.extremes[0] == A.extremes[1] == 7.0 and A.extremes[3] == 1 - 1 / grid.size


def test_each_kernel_is_compiled_at_most_twice():
    random_operator((5, 7)).apply(np.ones(35))
    for kernel in (stencil.apply, stencil.apply_transposed, stencil.combine, stencil.pair_gradient, rates.assemble,
                   rates.assemble_transposed, rates.extremes):
        assert len(kernel.signatures) <= 2
