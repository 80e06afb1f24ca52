"""Observed orders on manufactured solutions: every linear scheme × dimension × kind of side × uniform and stretched grid."""

import numpy as np
import pytest

from ocnet.grid import Grid
from ocnet.kolmogorov import schemes
from ocnet.kolmogorov.solver import solve_backward
from tests.kolmogorov.manufactured import KINDS, exact, manufactured

LINEAR = [scheme for scheme in (getattr(schemes, name).example() for name in schemes.__all__) if scheme.linear]
SIZES = {1: (21, 41, 81), 2: (11, 21, 41), 3: (9, 17, 33)}


def grid_of(dim, n, stretched):
    s = np.linspace(0, 1, n)
    axis = s + 0.07 * np.sin(2 * np.pi * s) if stretched else s           # spacings vary by a factor of 2.6
    return Grid([axis] * dim)


def errors(scheme, kind, dim, stretched, mixed):
    """Largest errors over all nodes at t = 0, on grids halved in space and time."""
    problem = manufactured(kind, dim, mixed)
    explicit = isinstance(scheme, schemes.Explicit)
    for n in (11, 21, 41) if explicit else SIZES[dim]:
        grid = grid_of(dim, n, stretched)
        steps = 5 * (n - 1) ** 2 if explicit else n - 1                    # stability asks for so many
        value = solve_backward(problem, grid, steps, scheme)
        yield np.abs(value.values[0, 0] - exact(kind, 0, grid.nodes.T)).max()


def cases():
    for scheme in (s for s in LINEAR if not s.bounded):               # the monotone one has its own tests
        for dim in range(1, scheme.most_axes + 1):
            if isinstance(scheme, schemes.Explicit) and dim > 1:
                continue                                                  # the same verb `apply` in more dimensions, many more steps
            for mixed in (False, True) if dim > 1 and not hasattr(scheme, "order_with_mixed") else (False,):
                yield scheme, dim, mixed


@pytest.mark.parametrize("stretched", [False, True], ids=["uniform", "stretched"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme, dim, mixed", list(cases()))
def test_error_falls_at_order_two_in_space_and_time(scheme, dim, mixed, kind, stretched):
    found = np.array(list(errors(scheme, kind, dim, stretched, mixed)))
    rates = np.log2(found[:-1] / found[1:])
    # the next term of the expansion is O(h) on stretched 3-D grids of 33 nodes: 0.1 at most
    assert rates[-1] > 2 - 0.1, (found, rates)
