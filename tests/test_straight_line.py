"""Recorded programs against the formula itself, on a dense splitting that knows nothing of grids."""

import numpy as np
import pytest

from ocnet.kolmogorov import schemes
from ocnet.kolmogorov.schemes import CrankNicolson, Douglas, HundsdorferVerwer
from ocnet.straight_line import Combination, record


class DenseSplitting:
    """The operator's face for dense matrices A_0, A_1, …, acting on rows (q, n)."""

    def __init__(self, parts):
        self.parts, self.axes, self.source = parts, len(parts) - 1, np.linspace(1, 2, len(parts[0]))

    def apply(self, u, out=None):
        return self._written(u @ sum(self.parts).T, out)

    def rate(self, u, out=None):
        return self._written(u @ sum(self.parts).T + self.source, out)

    @staticmethod
    def _written(value, out):
        if out is not None:
            out[:] = value
        return value

    def apply_transposed(self, p):
        return p @ sum(self.parts)

    rate_transposed = apply_transposed

    def mixed(self, u, out=None):
        return self._written(u @ self.parts[0].T, out)

    def mixed_transposed(self, p):
        return p @ self.parts[0]

    def _implicit(self, i, s):
        return np.eye(len(self.parts[0])) - s * self.parts[i + 1]

    def stage(self, i, y, u, s, out=None):
        right = y if u is None else y - s * u @ self.parts[i + 1].T
        return self._written(np.linalg.solve(self._implicit(i, s), right.T).T, out)

    def stage_transposed(self, i, p, s):
        return np.linalg.solve(self._implicit(i, s).T, p.T).T

    def add_apply(self, gradient, p, u):
        for part in gradient:
            part += p.T @ u

    add_rate = add_apply

    def add_mixed(self, gradient, p, u):
        gradient[0] += p.T @ u

    def add_stage(self, gradient, i, w, z, s):
        gradient[i + 1] += s * w.T @ z


def with_mixed_correction(A, u, dt):
    """A formula that uses all verbs, an input twice, and cancelling terms."""
    y = u + dt * A.apply(u)
    y = A.stage(0, y, y, 0.3 * dt) - 2 * u
    return A.mixed(y - u) * dt + A.stage(A.axes - 1, u, y, dt) - (-y)


FORMULAS = [CrankNicolson().start, with_mixed_correction, *(s.example().step for s in vars(schemes).values() if hasattr(s, "start"))]


def splitting(axes=2, n=6, seed=0):
    return DenseSplitting([0.5 * np.random.default_rng(seed + k).normal(size=(n, n)) for k in range(axes + 1)])


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_program_computes_its_formula(formula):
    A, u = splitting(), np.random.default_rng(9).normal(size=(2, 6))
    # the same operations up to the order of sums
    assert np.abs(record(formula, 2, 0.1).run(A, u) - formula(A, u, 0.1)).max() < 1e-13


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_transposed_program_is_dual(formula):
    A = splitting()
    p, u = np.random.default_rng(9).normal(size=(2, 2, 6))
    program = record(formula, 2, 0.1)
    assert abs((p * (program.run(A, u) - program.run(A, 0 * u))).sum() - (program.transpose(A, p) * u).sum()) < 1e-12    # rounding of 6 × 6 solves


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_gradient_is_the_derivative_in_every_part(formula, h=1e-5):
    A = splitting()
    rng = np.random.default_rng(9)
    p, u = rng.normal(size=(2, 2, 6))
    program = record(formula, 2, 0.1)
    gradient = [np.zeros((6, 6)) for _ in A.parts]
    back = program.differentiate(A, u, p, gradient)
    assert np.abs(back - program.transpose(A, p)).max() < 1e-14
    for k in range(3):
        direction = rng.normal(size=(6, 6))
        at = lambda e: (p * program.run(DenseSplitting([m + e * direction * (j == k) for j, m in enumerate(A.parts)]), u)).sum()
        measured = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
        assert abs(measured - (gradient[k] * direction).sum()) < 1e-8                          # ulp / h times ten terms


def test_douglas_records_three_verbs_in_two_dimensions_and_hundsdorfer_verwer_six():
    count = lambda scheme: sum(not isinstance(i, Combination) for i in record(scheme.step, 2, 0.1).instructions)
    assert count(Douglas()) == 3 and count(HundsdorferVerwer()) == 6
