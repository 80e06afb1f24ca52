"""Fused passes against the formulas they stand for."""

import numpy as np
import pytest

from ocnet.boundary import Absorbing, Outflow, Reflecting
from ocnet.grid import Grid
from ocnet.kernels import threads
from ocnet.kolmogorov import schemes
from ocnet.kolmogorov.fused import FusedPlane
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion

FUSED = [scheme for scheme in (getattr(schemes, name).example() for name in schemes.__all__) if hasattr(scheme, "fused")]
FACTORS = {"flat": 0.6 * np.eye(2), "flat and mixed": np.array([[0.6, 0.2], [0.3, 0.4]]),
           "varying": lambda t, x: (0.5 + 0.1 * np.cos(x))[:, :, None] * np.eye(2),
           "varying and mixed": lambda t, x: np.array([[0.6, 0.2], [0.3, 0.4]]) + 0.1 * np.sin(x)[:, :, None]}


def stepper_of(scheme, factor, sides=None, shape=(41, 150), potential=None):
    """150 columns are two blocks, 41 rows three bundles of which the last is cut short."""
    process = Diffusion(lambda t, x: np.sin(x[:, ::-1] + t) - 0.4 * x, factor, 2)
    axis = lambda n: np.linspace(-2, 2, n) + 0.2 * np.sin(np.linspace(-2, 2, n))
    problem = KolmogorovProblem(process, lambda x: x[:, 0], 1.0, potential, boundary=sides)
    return scheme.prepare(problem, Grid([axis(shape[0]), axis(shape[1])]), 0.3, 0.33, (9, 9))


@pytest.mark.parametrize("sides", [None, Absorbing(), [(Outflow(), Reflecting()), (Reflecting(), Outflow())]])
@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("scheme", FUSED)
def test_a_fused_step_is_the_program_s_step(scheme, factor, sides):
    stepper = stepper_of(scheme, FACTORS[factor], sides)
    assert stepper.fused is not None
    u = np.random.default_rng(1).normal(size=(2, 41 * 150))
    kept, program = u.copy(), stepper.program.run(stepper.operator, u)
    # the same operations in another order: a few ulp of what the largest rates make of |u| in the explicit stage
    assert np.abs(stepper.step(u) - program).max() < 1e-13 * (1 + 0.03 * stepper.operator.spectral_bound) * np.abs(u).max()
    assert (u == kept).all()


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("scheme", FUSED)
def test_a_fused_step_s_way_back_is_the_program_s_transpose(scheme, factor):
    stepper = stepper_of(scheme, FACTORS[factor])
    u, p = np.random.default_rng(1).normal(size=(2, 1, 41 * 150))
    back, transposed = stepper.step_vjp(p, u)[0], stepper.transposed(p)
    # as above, of |p|: the transpose has the same rates
    assert np.abs(back - transposed).max() < 1e-13 * (1 + 0.03 * stepper.operator.spectral_bound) * np.abs(p).max()


@pytest.mark.parametrize("scheme", FUSED)
def test_its_bits_do_not_depend_on_the_number_of_threads(scheme):
    before, seen = threads.threads(), []
    u = np.random.default_rng(1).normal(size=(1, 200 * 300))
    try:
        for count in (1, 2, 3):
            threads.set_threads(count)
            seen.append(stepper_of(scheme, FACTORS["flat"], shape=(200, 300)).step(u))
    finally:
        threads.set_threads(before)
    assert (seen[0] == seen[1]).all() and (seen[0] == seen[2]).all()


def test_other_rules_and_a_potential_take_the_program():
    assert stepper_of(schemes.Douglas(drift="hybrid"), FACTORS["flat"]).fused is None
    assert stepper_of(schemes.Douglas(), FACTORS["flat"], potential=0.3).fused is None
    assert FUSED and FusedPlane.serves(stepper_of(schemes.Douglas(), FACTORS["flat"]).operator)
