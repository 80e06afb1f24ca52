"""Which times of a solution are kept."""

import numpy as np

from ocnet import Diffusion, Grid, KolmogorovProblem, solve_backward


def test_a_kept_time_is_the_nearest_step_boundary():
    problem = KolmogorovProblem(Diffusion(lambda t, x: -x, [[0.5]], 1), lambda x: np.tanh(x[:, 0]), 1.0)
    value = solve_backward(problem, Grid.uniform(-2, 2, 21), steps=10, keep=[0.0, 0.14, 0.26, 0.73, 0.98])
    assert np.abs(value.times - [0.0, 0.1, 0.3, 0.7, 1.0]).max() < 1e-15
