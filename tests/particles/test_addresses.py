"""Where random numbers come from: cells of Sobol' points, members of a joint law."""

import numpy as np
import pytest

from ocnet.laws import Bernoulli, Joint, Normal, Rademacher, Uniform
from ocnet.particles.partition import Batch
from ocnet.particles.sampling import Sobol
from ocnet.process import LayeredProcess


def _sum(n, x, xi):
    return x + xi.sum(axis=0)


@pytest.mark.parametrize("paths", [2, 16, 1024])
def test_sobol_points_lie_in_the_middle_of_their_cells(paths):
    """u = (k + ½) 2⁻³⁰ for whole k, so neither 0 nor 1, which normals cannot be made of.  ξ = √12 (u − ½) has errors of a few 1e-16 in u, of 2⁻³⁰ · 1e-6."""
    process = LayeredProcess(_sum, Uniform(1), 1, [0.0, 1.0])
    (noise,) = Sobol(replicates=2).noises(process, 5, [Batch(slice(0, 1), 0, paths, 2 * paths)])
    cells = (noise.ends(process, np.zeros((1, paths)))[0] / np.sqrt(12) + 0.5) * 2**30
    assert np.abs(cells - np.floor(cells) - 0.5).max() < 1e-5
    assert len(set(np.floor(cells / 2**30 * paths))) == paths                     # one in each of so many equal parts: a digital net


@pytest.mark.parametrize("member", [Normal(1), Uniform(2), Rademacher(1), Bernoulli(0.6, 1)], ids=repr)
def test_members_of_a_joint_law_draw_from_seeds_of_their_own(member, paths=256):
    """Three equal members: no two have the same draws; the chance that 256 signs agree is 2⁻²⁵⁶."""
    xi = Joint((member,) * 3).draw(3, 0, paths, 0).reshape(3, member.channels, paths)
    assert all((xi[i] != xi[j]).any() for i in range(3) for j in range(i))
    assert (xi[0] == member.draw(3, 0, paths, 0)).all()
