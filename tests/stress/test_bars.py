"""Bars of solve_backward(tolerance=…) hold the truth, or the call says that it may not, over cases drawn from seeds.

The full table is `python -m tests.stress`.
"""

import numpy as np
import pytest

from ocnet.kolmogorov import adaptive
from ocnet.kolmogorov.solver import solve_backward
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion

from .cases import FAMILIES
from .coverage import verdicts
from .truths import Data

COUNTS = {"small_noise": 8, "plane": 1, "bent": 4, "stiff": 2, "expanding": 1, "parting": 4, "steep": 4, "scaled": 6}


def test_every_family_is_judged():
    assert COUNTS.keys() == FAMILIES.keys()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_bar_holds_the_truth_or_the_call_says_why_not(family):
    for verdict in verdicts(family, range(COUNTS[family]), most_work=3e6):
        assert verdict.honest, verdict


@pytest.mark.parametrize("width", [3e-3, 1e-3, 3e-4])
def test_a_peak_that_no_first_grid_meets_is_found_between_the_nodes(width):
    data, x = Data("peak", 0.0513, width, 1 / width), np.array([0.2, -0.7])
    problem = KolmogorovProblem(Diffusion(lambda t, x: 0 * x, [[0.5]], 1), lambda x: data(x[:, 0]), 1.0)
    assert width < 6.4 / 100 / 5                              # five standard deviations within a cell of the first grid: its nodes hold nothing
    value = solve_backward(problem, tolerance=0.02, at=x[:, None])
    assert np.abs(value(x[:, None]) - data.mean(x, 0.25)).max() < value.error.bar


def test_a_tolerance_below_rounding_ends_at_once_and_is_not_claimed(monkeypatch):
    trials, solve = [], adaptive.replace

    def counted(thing, **changes):
        trials.append(changes)
        return solve(thing, **changes)

    monkeypatch.setattr(adaptive, "replace", counted)
    problem = KolmogorovProblem(Diffusion(lambda t, x: 0 * x, [[0.5]], 1), lambda x: 1e12 + np.tanh(x[:, 0]), 1.0)
    value = solve_backward(problem, tolerance=1e-3, at=[[0.3]])
    assert not value.error.reached and value.error.bar > 1e12 * np.finfo(float).eps
    assert value.grid.size < 1000                             # refinement cannot help, and is not tried
