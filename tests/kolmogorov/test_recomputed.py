"""Values at all times within a bounded memory are those of a solve that keeps them all."""

import numpy as np
import pytest

from ocnet.boundary import Dirichlet, Reflecting
from ocnet.grid import Grid
from ocnet.kolmogorov import schemes, solve_backward
from ocnet.kolmogorov.recomputed import Recomputed
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion

GRID = Grid.uniform([-2, -2], [2, 2], [31, 27])
FIELD = 8 * GRID.size


def problem(sides):
    return KolmogorovProblem(Diffusion(lambda t, x: np.sin(x[:, ::-1] + t), 0.5 * np.eye(2), 2), lambda x: np.cos(x).sum(axis=1), 1.0, boundary=sides)


@pytest.mark.parametrize("sides", [Reflecting(), Dirichlet(lambda t, x: x[:, 0] + t)])
@pytest.mark.parametrize("scheme", [schemes.HundsdorferVerwer(), schemes.SemiLagrangian()])
@pytest.mark.parametrize("fields", [3, 8, 100])
def test_the_same_bits_as_with_all_kept(fields, scheme, sides):
    whole = solve_backward(problem(sides), GRID, 40, scheme, keep=41)
    bounded = solve_backward(problem(sides), GRID, 40, scheme, max_memory=fields * FIELD)
    assert len(bounded.values) <= max(2, fields // 2) and len(bounded.between._recent) == 0
    x = np.random.default_rng(0).uniform(-2.1, 2.1, (30, 2))
    for t in (0.0, 0.31, 0.322, 0.05, 1.0, 0.99, 0.5):
        assert np.array_equal(bounded(x, t), whole(x, t)) and np.array_equal(bounded.gradient(x, t), whole.gradient(x, t))
        assert len(bounded.values) + len(bounded.between._recent) <= fields


def test_too_little_memory_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=f"max_memory=.* bytes hold 2 .*max_memory={3 * FIELD} or more, or a grid of fewer nodes"):
        solve_backward(problem(Reflecting()), GRID, 40, max_memory=2 * FIELD)


def test_it_goes_with_a_tolerance_too():
    value = solve_backward(problem(Reflecting()), tolerance=0.05, at=[[0.1, 0.2]], max_memory=2e5)
    assert value.error.reached and len(value.between.times) > len(value.times)
    assert np.isfinite(value([[0.1, 0.2]], 0.37)).all()


class Counting:
    """A march of 40 steps on which u counts the steps from the end, and which notes those it takes."""

    steps, times = 40, np.linspace(0, 1, 41)

    def __init__(self):
        self.taken = []

    def prepare(self, k, before):
        return None

    def step(self, stepper, k, u):
        self.taken.append(k)
        return u + 1


def test_a_time_costs_the_steps_from_the_next_time_at_hand_and_no_more():
    march = Counting()
    between = Recomputed(march, slots=10)
    for k in range(40, -1, -1):
        between(k, np.full((1, 3), 40.0 - k))
    kept = between.kept                                    # at 0, 10, 20, 30, 40
    for k, taken in ((27, [29, 28, 27]), (28, []), (26, [26]), (10, []), (9, [9]), (33, [39, 38, 37, 36, 35, 34, 33])):
        march.taken.clear()
        assert (between.values(k) == 40.0 - k).all() and march.taken == taken
    assert sorted(kept) == [0, 10, 20, 30, 40] and len(between._recent) <= 5
