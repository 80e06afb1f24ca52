"""The line solver against dense linear algebra."""

import numpy as np
import pytest

from ocnet.kernels import line_stage
from ocnet.kolmogorov.coefficients import Coefficients
from ocnet.kolmogorov.operator import Operator
from tests.kernels.test_stencil import dense, random_operator

CASES = [((9,), 0), ((5, 7), 0), ((5, 7), 1), ((33, 18), 0), ((33, 18), 1), ((4, 5, 17), 1), ((4, 5, 17), 2), ((4, 5, 17), 0)]


def axis_matrix(A, i):
    """A_i alone, from an operator whose other coefficients are 0, with its share of the potential."""
    c = A.coefficients
    drift, a = np.zeros_like(c.drift), np.zeros_like(c.variance_rate)
    drift[i], a[i, i] = c.drift[i], c.variance_rate[i, i]
    share = None if c.potential is None else c.potential / A.axes
    return dense(Operator(Coefficients(c.grid, c.rows, drift, a, c.held, share)).apply, A.size)


@pytest.mark.parametrize("potential", [False, True])
@pytest.mark.parametrize("shape, axis", CASES)
def test_stage_solves_the_implicit_equation_of_its_axis(shape, axis, potential, s=0.05):
    A = random_operator(shape, potential=potential)
    Ai = axis_matrix(A, axis)
    y, u = np.random.default_rng(1).normal(size=(2, 2, A.size))
    implicit = np.eye(A.size) - s * Ai
    exact = np.linalg.solve(implicit, (y - s * u @ Ai.T).T).T
    assert np.abs(A.stage(axis, y, None, s) - np.linalg.solve(implicit, y.T).T).max() < 1e-13 * np.linalg.cond(implicit)
    # backward-stable elimination: residual of a few ulp, amplified by the condition number
    assert np.abs(A.stage(axis, y, u, s) - exact).max() < 1e-14 * np.linalg.cond(implicit) * max(1, np.abs(exact).max())


@pytest.mark.parametrize("shape, axis", CASES)
def test_transposed_stage_is_dual_to_the_stage(shape, axis, s=0.05):
    A = random_operator(shape)
    p, y, u = np.random.default_rng(2).normal(size=(3, 2, A.size))
    w = A.stage_transposed(axis, p, s)
    left, right = (p * A.stage(axis, y, u, s)).sum(), (w * y + (p - w) * u).sum()
    assert abs(left - right) < 1e-13 * np.abs(p * A.stage(axis, y, u, s)).sum()       # same pivots: rounding of the sums only


@pytest.mark.parametrize("shape, axis", [((9,), 0), ((5, 7), 0), ((5, 7), 1)])
def test_product_rule_of_stage_is_its_derivative(shape, axis, s=0.05, h=1e-5):
    from ocnet.kolmogorov.operator import RateGradient
    A = random_operator(shape)
    rng = np.random.default_rng(5)
    p, y, u = rng.normal(size=(3, 2, A.size))
    gradient = RateGradient(A)
    A.add_stage(gradient, axis, A.stage_transposed(axis, p, s), A.stage(axis, y, u, s) - u, s)
    f_bar, a_bar, _, _ = A.coefficient_gradient(gradient)
    c = A.coefficients
    df, da = rng.normal(size=f_bar.shape), rng.normal(size=a_bar.shape)
    da = da + np.swapaxes(da, 0, 1)
    values = [(p * Operator(Coefficients(c.grid, c.rows, c.drift + e * df, c.variance_rate + e * da, c.held)).stage(axis, y, u, s)).sum()
              for e in (h, -h)]
    expected = (f_bar * df).sum() + (a_bar * da).sum()
    # central difference: h² times the third derivative (of order (s·rate)³ ≈ 10²) plus ulp/h
    assert abs((values[0] - values[1]) / (2 * h) - expected) < 1e-6 * np.abs(f_bar * df).sum()


def test_stage_changes_neither_input_and_any_number_of_columns_share_a_pass():
    A = random_operator((33, 18))
    y, u = np.random.default_rng(4).normal(size=(2, 3, A.size))
    kept = y.copy(), u.copy()
    together = A.stage(1, y, u, 0.1)
    assert (y == kept[0]).all() and (u == kept[1]).all()
    assert all((together[k] == A.stage(1, y[k], u[k], 0.1)).all() for k in range(3))


def test_bits_do_not_depend_on_the_number_of_threads():
    from ocnet.kernels import threads
    before = threads.threads()
    A = random_operator((150, 170), uneven=False)
    y, u = np.random.default_rng(4).normal(size=(2, A.size))
    try:
        results = []
        for count in (1, 2, 3):
            threads.set_threads(count)
            results.append([A.stage(0, y, u, 0.1), A.stage(1, y, u, 0.1), A.apply(u), A.apply_transposed(u)])
    finally:
        threads.set_threads(before)
    assert all((a == b).all() for other in results[1:] for a, b in zip(results[0], other))


def test_the_kernel_is_compiled_at_most_twice():
    random_operator((5, 7)).stage(0, np.ones(35), np.ones(35), 0.1)
    assert len(line_stage.stage.signatures) <= 2
