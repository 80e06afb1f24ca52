"""The contract of `ocnet.kolmogorov.schemes`, over all its members; a new scheme inherits these tests."""

import numpy as np
import pytest

from ocnet.boundary import Absorbing, Dirichlet, Outflow, Reflecting
from ocnet.grid import Grid
from ocnet.kolmogorov import schemes
from ocnet.kolmogorov.march import March
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion

MEMBERS = [getattr(schemes, name).example() for name in schemes.__all__]
BOUNDED = [scheme for scheme in MEMBERS if scheme.bounded]
BOTH = [(scheme, mixed) for scheme in MEMBERS for mixed in (False, True) if not mixed or scheme.most_axes > 1]


def diffusion(dim, mixed=False, strength=1.0):
    """Smooth drift and factor that depend on t and x."""
    def drift(t, x):
        return strength * np.stack([np.sin(x.sum(axis=1) + i + t) - 0.5 * x[:, i] for i in range(dim)], axis=1)

    def factor(t, x):
        G = np.zeros((len(x), dim, dim))
        for i in range(dim):
            G[:, i, i] = 0.6 + 0.1 * np.cos(x[:, i] + t)
            if mixed:
                G[:, i, (i + 1) % dim] = 0.3 * np.sin(x[:, (i + 1) % dim] + 0.37 + 0.11 * i)
        return G
    return Diffusion(drift, factor, dim)


def axes_of(scheme):
    return min(scheme.most_axes, 2)


def small_grid(dim):
    return Grid.uniform([-2.0] * dim, [2.0] * dim, [21, 17][:dim])


def stepper_of(scheme, mixed=False, process=None, sides=None, ends=(0, 0), potential=None, source=None):
    dim = axes_of(scheme)
    problem = KolmogorovProblem(process or diffusion(dim, mixed), lambda x: 0 * x[:, 0], 1.0, potential, source, sides)
    return scheme.prepare(problem, small_grid(dim), 0.3, 0.32, ends)


@pytest.mark.parametrize("ends", [(0, 9), (9, 0)])
@pytest.mark.parametrize("scheme, mixed", BOTH)
def test_a_step_and_its_transpose_are_dual(scheme, mixed, ends):
    stepper = stepper_of(scheme, mixed, ends=ends)
    p, u = np.random.default_rng(1).normal(size=(2, 3, small_grid(axes_of(scheme)).size))
    left, right = (p * stepper.step(u)).sum(), (stepper.transposed(p, u) * u).sum()
    # sums of products in another order: 1e3 terms of a few ulp each, so 1e-13 of the absolute sum
    assert abs(left - right) < 1e-13 * np.abs(p * stepper.step(u)).sum()


@pytest.mark.parametrize("scheme, mixed", BOTH)
def test_rows_sum_to_one_so_the_transpose_keeps_mass(scheme, mixed):
    stepper = stepper_of(scheme, mixed)
    size = small_grid(axes_of(scheme)).size
    p = np.random.default_rng(2).normal(size=(1, size))
    assert np.abs(stepper.step(np.ones((1, size))) - 1).max() < 1e-13            # a few ulp per operation
    assert abs((stepper.transposed(p, np.ones((1, size))) - p).sum()) < 1e-13 * np.abs(p).sum()


@pytest.mark.parametrize("scheme, mixed", BOTH)
def test_a_step_leaves_its_input_alone_and_serves_columns_independently(scheme, mixed):
    stepper = stepper_of(scheme, mixed)
    u = np.random.default_rng(3).normal(size=(2, small_grid(axes_of(scheme)).size))
    kept = u.copy()
    both = stepper.step(u)
    assert (u == kept).all() and (both[1] == stepper.step(u[1:])[0]).all()


@pytest.mark.parametrize("sides", [Reflecting.example(), Dirichlet.example(), Absorbing.example(),
                                   Outflow.example()])
@pytest.mark.parametrize("scheme, mixed", [case for case in BOTH if case[0].linear])
def test_step_vjp_is_the_derivative_in_the_coefficients(scheme, mixed, sides, h=1e-5):
    """Shift drift and factor along fixed fields; compare with the cotangents, chained by a = G Gᵀ."""
    dim, grid = axes_of(scheme), small_grid(axes_of(scheme))
    base = diffusion(dim, mixed)
    rng = np.random.default_rng(4)
    df, dG = rng.normal(size=(grid.size, dim)), rng.normal(size=(grid.size, dim, dim))
    if not mixed:
        dG *= np.eye(dim)                     # a monotone stencil has a kink where a mixed rate changes its sign
    p, u = rng.normal(size=(2, 2, grid.size))
    x = grid.nodes
    G = base.factor_rows(0.31, x)

    def shifted(e):
        process = Diffusion(lambda t, x: base.drift(t, x) + e * df, lambda t, x: base.factor(t, x) + e * dG, dim)
        return (p * stepper_of(scheme, process=process, sides=sides).step(u)).sum()

    stepper = stepper_of(scheme, mixed, sides=sides)
    back, (f_bar, a_bar, _, _) = stepper.step_vjp(p, u)
    expected = (f_bar * df.T).sum() + 2 * np.einsum("ikn,kjn,nij->", a_bar, G, dG)
    measured = (8 * (shifted(h) - shifted(-h)) - (shifted(2 * h) - shifted(-2 * h))) / (12 * h)
    # five-point formula: h⁴ times a fifth derivative, plus 1.5 ulp/h of the sum of a thousand products
    assert abs(measured - expected) < 1e-8 * (np.abs(f_bar * df.T).sum() + np.abs(a_bar).sum())
    assert np.abs(back - stepper.transposed(p, u)).max() < 1e-13 * np.abs(p).max() * grid.size**0.5     # the same sums, perhaps in another order


@pytest.mark.parametrize("scheme, mixed", [case for case in BOTH if case[0].linear])
def test_observed_order_in_time_is_the_declared_order(scheme, mixed):
    """Step halving on the scheme's own sequence: differences fall by 2^order; smooth data, fixed grid."""
    dim = axes_of(scheme)
    order = getattr(scheme, "order_with_mixed", scheme.order) if mixed else scheme.order
    problem = KolmogorovProblem(diffusion(dim, mixed), lambda x: np.cos(x.sum(axis=1)), 1.0)
    values = [March(problem, small_grid(dim), steps, scheme).states()[0] for steps in (40, 80, 160, 320)]
    changes = [np.abs(a - b).max() for a, b in zip(values, values[1:])]
    rates = np.log2(np.array(changes[:-1]) / changes[1:])
    # the next term of the expansion is O(dt) relative: 0.12 at 160 steps; an order too low by one would miss by 1
    assert abs(rates[-1] - order) < 0.25, rates


@pytest.mark.parametrize("scheme", BOUNDED)
def test_bounded_schemes_reach_their_order_with_additive_noise_on_a_resolved_grid(scheme):
    """Their interpolation error grows like h⁴/dt, so time is refined where h = 1/100 makes it 1e-8/dt."""
    process = Diffusion(lambda t, x: np.sin(2 * x + t) - 0.5 * x, [[0.6]], 1)
    problem = KolmogorovProblem(process, lambda x: np.tanh(x[:, 0]), 1.0)
    grid = Grid.uniform(-6, 6, 1201)
    inner = np.abs(grid.nodes[0]) < 2
    values = [March(problem, grid, steps, scheme).states()[0][:, inner] for steps in (10, 20, 40, 80)]
    changes = [np.abs(a - b).max() for a, b in zip(values, values[1:])]
    rates = np.log2(np.array(changes[:-1]) / changes[1:])
    assert abs(rates[-1] - scheme.order) < 0.25, rates                               # as above


@pytest.mark.parametrize("scheme", BOUNDED)
def test_bounded_schemes_stay_in_the_range_of_random_data_and_central_ones_do_not(scheme):
    rng = np.random.default_rng(6)
    process = Diffusion(lambda t, x: 40 * np.sin(3 * x), 0.05 * np.eye(2), 2)        # cell Péclet numbers of 1e3
    u = rng.choice([0.0, 1.0], (2, small_grid(2).size))
    after = stepper_of(scheme, process=process).step(u)
    assert after.min() >= 0 and after.max() <= 1 + 1e-14                             # sums of 1 of positive weights
    assert stepper_of(schemes.HundsdorferVerwer(), process=process).step(u).min() < -0.05


@pytest.mark.parametrize("scheme", MEMBERS)
def test_a_whole_solve_and_its_transpose_are_dual(scheme):
    dim = axes_of(scheme)
    problem = KolmogorovProblem(diffusion(dim, dim > 1), np.cos, 0.7, potential=0.4)
    march = March(problem, small_grid(dim), 16, scheme)
    states = march.states()
    p = np.random.default_rng(5).uniform(size=states[0].shape)
    products = (march.transposed(p, states=states) * states[-1]).sum(), (p * states[0]).sum()
    assert abs(products[0] - products[1]) < 1e-12 * np.abs(p * states[0]).sum()      # sixteen steps of 1e-13 each


@pytest.mark.parametrize("scheme", MEMBERS)
def test_members_declare_their_order_and_bounds(scheme):
    assert scheme.order in (1, 2) and isinstance(scheme.bounded, bool) and isinstance(scheme.linear, bool)
    assert eval(repr(scheme), vars(schemes)) == scheme                                # a scheme is its constants
