"""Tensors that are not covariances, too many dimensions, the choice of a scheme, and bounded memory."""

from math import comb

import numpy as np
import pytest

from ocnet.grid import Grid
from ocnet.kolmogorov import schemes
from ocnet.kolmogorov.automatic import automatic_scheme
from ocnet.kolmogorov.march import March
from ocnet.kolmogorov.solver import gradient, solve_backward
from ocnet.kolmogorov.tape import states_upward
from ocnet.problem import KolmogorovProblem
from ocnet.process import Diffusion


def test_a_tensor_that_is_not_semidefinite_is_refused_with_its_place_and_eigenvalue():
    def rate(t, x):
        a = np.tile(np.eye(2), (len(x), 1, 1))
        a[:, 0, 1] = a[:, 1, 0] = np.where(np.abs(x - [0.5, -0.5]).max(axis=1) < 1e-9, 1.25, 0.9)
        return a
    problem = KolmogorovProblem(Diffusion.with_variance_rate(lambda t, x: 0 * x, rate, 2), lambda x: x[:, 0], 1.0)
    with pytest.raises(ValueError, match=r"x=\[0.5, -0.5\].*smallest eigenvalue is -0.25"):
        solve_backward(problem, Grid.uniform([-1, -1], [1, 1], [9, 9]), 4)
    with pytest.raises(ValueError, match="smallest eigenvalue is -1"):
        Diffusion.with_variance_rate(lambda t, x: 0 * x, [[1.0, 2.0], [2.0, 1.0]], 2)
    with pytest.raises(ValueError, match="not symmetric"):
        Diffusion.with_variance_rate(lambda t, x: 0 * x, [[1.0, 0.2], [0.0, 1.0]], 2)


def test_a_given_variance_rate_and_its_factor_make_the_same_solution():
    G = lambda t, x: np.stack([np.stack([1 + 0 * x[:, 0], 0.3 * x[:, 1]], 1), np.stack([0.2 * x[:, 0], 0.5 + 0 * x[:, 0]], 1)], 1)
    a = lambda t, x: G(t, x) @ np.swapaxes(G(t, x), 1, 2)
    f = lambda t, x: -x
    grid = Grid.uniform([-2, -2], [2, 2], [21, 21])
    both = [solve_backward(KolmogorovProblem(process, lambda x: np.cos(x[:, 0] * x[:, 1]), 0.5), grid, 10, schemes.HundsdorferVerwer()).values
            for process in (Diffusion(f, G, 2), Diffusion.with_variance_rate(f, a, 2))]
    assert np.abs(both[0] - both[1]).max() < 1e-12                       # the same tensor by another sum
    given = Diffusion.with_variance_rate(f, a, 2)
    x = np.random.default_rng(0).normal(size=(2, 7))
    root = given.factor_rows(0.0, x)
    assert np.abs(np.einsum("ijn,kjn->ikn", root, root) - given.variance_rows(0.0, x)).max() < 1e-13


def test_more_than_three_dimensions_are_sent_to_the_particles():
    process = Diffusion(lambda t, x: -x, np.eye(4), 4)
    with pytest.raises(ValueError, match="ocnet.estimate"):
        solve_backward(KolmogorovProblem(process, lambda x: x[:, 0], 1.0), Grid.uniform([-1] * 4, [1] * 4, [4] * 4), 2)


@pytest.mark.parametrize("speed, sigma, rough, chosen", [
    (1.0, 0.5, False, schemes.HundsdorferVerwer()), (1.0, 0.5, True, schemes.HundsdorferVerwer(damped=2)),
    (30.0, 0.2, False, schemes.SemiLagrangian()), (1.0, 0.0, False, schemes.SemiLagrangian())])
def test_the_automatic_scheme_is_bounded_where_drift_dominates(speed, sigma, rough, chosen):
    terminal = (lambda x: np.sign(x[:, 0])) if rough else (lambda x: np.tanh(x[:, 0]))
    problem = KolmogorovProblem(Diffusion(lambda t, x: speed * np.sin(x), sigma * np.eye(2), 2), terminal, 1.0)
    grid = Grid.uniform([-3, -3], [3, 3], [61, 61])
    assert automatic_scheme(problem, grid) == chosen
    assert automatic_scheme(problem, grid, linear=True).linear


@pytest.mark.parametrize("share, chosen", [(0.95, schemes.HundsdorferVerwer()), (1.05, schemes.SemiLagrangian()), (1.9, schemes.SemiLagrangian())])
def test_a_drift_dominates_from_a_cell_peclet_number_of_one_on(share, chosen):
    """The drift along one axis has |f| h/a = `share` at every node."""
    grid = Grid.uniform([-3, -3], [3, 3], [61, 61])
    speed = share * 0.5**2 / 0.1
    problem = KolmogorovProblem(Diffusion(lambda t, x: np.broadcast_to([speed, 0.0], x.shape), 0.5 * np.eye(2), 2), lambda x: np.tanh(x[:, 0]), 1.0)
    assert automatic_scheme(problem, grid) == chosen


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 20, 41])
@pytest.mark.parametrize("slots", [0, 1, 2, 3, 50])
def test_states_come_upward_whatever_the_memory(steps, slots):
    """Integers stand for states: u at times[k] is k; no more than slots + 2 are alive; recomputation is binomial."""
    runs = []
    def advance(k, u):
        assert u == k + 1
        runs.append(k)
        return k
    seen = [(k, u, first) for k, u, first in states_upward(advance, steps, steps, slots)]
    assert [s[:2] for s in seen] == [(k, k + 1) for k in range(steps)]
    assert seen[0][2] == 0 and all(s[2] is None for s in seen[1:])
    if slots >= steps - 1:
        assert len(runs) == steps
    sweeps = next(r for r in range(1, 99) if comb(slots + r, slots) >= steps) if slots else steps
    assert max(runs.count(k) for k in range(steps)) <= sweeps              # the optimum of Griewank & Walther
    assert slots or len(runs) == steps * (steps - 1) // 2 + 1


def test_a_gradient_within_bounded_memory_has_the_same_bits():
    process = Diffusion(lambda t, x: np.sin(x + t), 0.5 * np.eye(2), 2)
    problem = KolmogorovProblem(process, np.cos, 0.5)
    grid = Grid.uniform([-2, -2], [2, 2], [21, 23])
    c = np.random.default_rng(0).normal(size=(2, grid.size))
    full, small = (gradient(problem, grid, c, 13, max_memory=m) for m in (None, 5 * c.nbytes))
    assert (full.drift == small.drift).all() and (full.terminal == small.terminal).all()


def test_march_reports_what_it_met():
    process = Diffusion(lambda t, x: 0 * x + 2.0, [[0.5]], 1)
    grid = Grid.uniform([0], [1], [11])
    march = March(KolmogorovProblem(process, lambda x: x[:, 0], 1.0), grid, 10, schemes.CrankNicolson())
    u, _ = march.terminal()
    report = march.report(u, march.backward(u))
    assert report.peclet == pytest.approx(2 * 0.1 / 0.25) and report.courant == pytest.approx(2.0) and report.monotone == 1.0
    assert report.diffusion == pytest.approx(0.25 * 0.1 / 0.01)
