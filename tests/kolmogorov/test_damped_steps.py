"""Which steps are damped."""

import numpy as np
import pytest

from ocnet import Diffusion, Grid, KolmogorovProblem
from ocnet.kolmogorov.march import March
from ocnet.kolmogorov.schemes import CrankNicolson, HundsdorferVerwer


@pytest.mark.parametrize("damped, expected", [(2, [4, 5]), ((1, 2), [0, 1, 5]), (0, [])])
@pytest.mark.parametrize("make", [CrankNicolson, HundsdorferVerwer])
def test_as_many_as_asked_for_at_each_end_of_the_interval(make, damped, expected):
    """(m, n) or m: the m nearest the terminal time, with which a solution begins, and the n nearest the initial one, with which a density does."""
    dim = 1 if make is CrankNicolson else 2
    problem = KolmogorovProblem(Diffusion(lambda t, x: -x, 0.5 * np.eye(dim), dim), lambda x: x[:, 0], 1.0)
    grid = Grid.uniform([-2.0] * dim, [2.0] * dim, [9] * dim)
    scheme, u = make(damped=damped), np.random.default_rng(0).normal(size=(1, grid.size))
    march, found = March(problem, grid, 6, scheme), []
    for k in range(6):
        stepper = march.prepare(k)
        smooth = scheme.stepper(stepper.operator, march.times[k + 1] - march.times[k], True).step(u)
        found += [k] if np.abs(stepper.step(u) - smooth).max() < 1e-12 else []
    assert found == expected
