"""What a report says of a grid of uneven spacing."""

import numpy as np
import pytest

from ocnet import Diffusion, Grid, KolmogorovProblem, solve_backward
from ocnet.kolmogorov.coefficients import Coefficients
from ocnet.kolmogorov.operator import Operator
from ocnet.kolmogorov.schemes import CrankNicolson, SemiLagrangian


@pytest.mark.parametrize("node", [3, 6, 9])
def test_peclet_numbers_take_the_wider_of_two_spacings_and_rates_the_narrower(node):
    """A drift at one inner node alone: |f| max(h)/a and |f|/min(h) of that node; a/min(h)² is the largest of all.  Two roundings each."""
    axis = np.array([0.0, 0.1, 0.3, 0.6, 1.0, 1.1, 1.15, 1.5, 2.0, 2.05, 2.5, 3.0])
    process = Diffusion(lambda t, x: 2.0 * (x == axis[node]), [[0.5]], 1)
    found = Operator(Coefficients.at(KolmogorovProblem(process, lambda x: x[:, 0], 1.0), Grid((axis,)), 0.0, 1.0)).extremes
    beside = np.diff(axis)[[node - 1, node]]
    assert found[0] == pytest.approx(2.0 * beside.max() / 0.25, rel=1e-14) and found[1] == pytest.approx(2.0 / beside.min(), rel=1e-14)
    assert found[2] == pytest.approx(0.25 / np.diff(axis).min() ** 2, rel=1e-14)


def test_the_bounded_scheme_tells_the_same_numbers_as_a_scheme_of_differences():
    problem = KolmogorovProblem(Diffusion(lambda t, x: -0.5 * x, [[0.5]], 1), lambda x: np.tanh(x[:, 0]), 1.0)
    bounded, differences = (solve_backward(problem, Grid.uniform(-3, 3, 61), 10, scheme).report for scheme in (SemiLagrangian(), CrankNicolson(damped=0)))
    assert bounded.diffusion == pytest.approx(differences.diffusion, rel=1e-12) and bounded.courant == pytest.approx(differences.courant, rel=1e-12)
