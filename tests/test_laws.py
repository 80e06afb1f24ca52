"""Every law of the noise: standardised, drawn by address, integrated by its own quadrature."""

import itertools

import numpy as np
import pytest

from ocnet import laws
from ocnet.kernels import philox
from ocnet.laws import Bernoulli, DirichletShares, Joint, Normal, Rademacher, Silent, Uniform
from tests.chance import random, seed

MEMBERS = [getattr(laws, name).example() for name in laws.__all__]
every_law = pytest.mark.parametrize("law", MEMBERS, ids=repr)
every_drawn_law = pytest.mark.parametrize("law", [law for law in MEMBERS if law.channels], ids=repr)
PATHS = 200_000


def moment(law, *channels):
    """E of the product of the given channels, by the law's quadrature."""
    nodes, weights = law.quadrature(6)
    return (weights * np.prod(nodes[:, channels], axis=1)).sum()


@every_law
def test_quadrature_has_mean_0_covariance_1_and_the_stated_skewness(law):
    each = range(law.channels)
    assert abs(law.quadrature(6)[1].sum() - 1) < 1e-14     # up to 6³ positive weights that sum to 1: ulps of 1
    for i, j in itertools.product(each, each):
        assert abs(moment(law, i)) < 1e-14
        assert abs(moment(law, i, j) - (i == j)) < 1e-13   # nodes up to 3.3, so squares some 11 ulps of 1
    # nodes³ up to 36: 36 ulps of 1, over up to 216 rounded terms
    third = np.array([moment(law, *triple) for triple in itertools.product(each, repeat=3)] or [0.0])
    largest = third[np.abs(third).argmax()]
    assert abs((abs(largest) if isinstance(law, DirichletShares) else largest) - law.skewness) < 1e-12
    if not isinstance(law, DirichletShares):               # the only one whose channels are uncorrelated, not independent
        assert max([abs(moment(law, i, i, j)) for i, j in itertools.product(each, each) if i != j], default=0) < 1e-12


@every_drawn_law
@random(comparisons=20)
def test_draws_have_the_moments_of_the_quadrature(law, chance):
    """Four moments a channel; finds 0.02 in a mean, and of a higher one 0.08 and 5 % of it."""
    xi = law.draw(seed(11), 0, PATHS, 4)
    assert xi.shape == (law.channels, PATHS)
    for i in range(law.channels):
        for power in (1, 2, 3, 4):
            exact = moment(law, *(i,) * power)
            chance.sample(xi[i] ** power, exact, detects=0.02 if power == 1 else 0.08 + 0.05 * abs(exact))


@every_drawn_law
@random(comparisons=60)
def test_channels_layers_and_seeds_are_uncorrelated(law, chance):
    """Pairs of rows, themselves and squared; finds a correlation of 0.05, of the squares of skewed masks too."""
    rows = np.concatenate([law.draw(seed(1), 0, PATHS, 4), law.draw(seed(1), 0, PATHS, 5)[:2], law.draw(seed(2), 0, PATHS, 4)[:1]])
    for a, b in itertools.combinations(rows, 2):
        squares = () if isinstance(law, DirichletShares) else ((a**2 - 1, b**2 - 1),)
        for first, second in ((a, b), *squares):
            chance.sample(first * second, 0.0, detects=0.05)


@every_law
def test_a_range_of_paths_may_be_cut_anywhere(law):
    whole = law.draw(3, 40, 3000, 7)
    for cut in (1, 17, 1023, 2999):
        parts = law.draw(3, 40, cut, 7), law.draw(3, 40 + cut, 3000 - cut, 7)
        assert np.concatenate(parts, axis=1).tobytes() == whole.tobytes()


def test_normals_are_drawn_as_they_come_and_mirrored_ones_are_their_negatives():
    plain, mirrored = (Normal(channels=3).draw(11, 5, 40, 4, mirrored) for mirrored in (False, True))
    assert (plain == philox.normals(11, 5, 40, 4, 3)).all() and (mirrored == -plain).all()


@every_drawn_law
@random(comparisons=15)
def test_mirrored_draws_have_the_law_and_lean_the_other_way(law, chance):
    """Finds what the test of draws finds.  A mirrored copy that is no mirror has correlation 0; here it is at most −0.2."""
    xi, mirrored = law.draw(seed(11), 0, PATHS, 4), law.draw(seed(11), 0, PATHS, 4, mirrored=True)
    for i in range(law.channels):
        for power in (1, 2, 3):
            chance.sample(mirrored[i] ** power, moment(law, *(i,) * power), detects=0.02 if power == 1 else 0.08)
        assert (xi[i] * mirrored[i]).mean() < -0.2


@every_law
def test_inversion_of_uniforms_gives_the_same_law(law, n=1 << 16):
    """Means over the midpoints of a product of equidistributed rows (a Kronecker sequence): errors of order log² n/n ≪ 1e-2."""
    alpha = np.sqrt([2.0, 3.0, 5.0])[:law.uniforms, None]
    xi = law.from_uniforms((alpha * np.arange(1, n + 1)) % 1.0)
    assert xi.shape == (law.channels, n)
    for i, j in itertools.product(range(law.channels), repeat=2):
        assert abs(xi[i].mean()) < 1e-2 and abs((xi[i] * xi[j]).mean() - (i == j)) < 1e-2


@pytest.mark.parametrize("branches", [2, 3, 5])
@random(comparisons=25)
def test_dirichlet_shares_are_positive_sum_to_1_and_have_their_covariance(branches, chance):
    """Finds 4 % of a variance of the shares, (1 − 1/K)/(K (K + 1))."""
    law = DirichletShares(branches)
    nodes, weights = law.quadrature(4)
    exact = (np.eye(branches) - 1 / branches) / (branches * (branches + 1))
    by_nodes, drawn = law.shares(nodes.T), law.shares(law.draw(seed(3), 0, PATHS, 0))
    for sample in (by_nodes, drawn):
        assert sample.min() > 0 and np.abs(sample.sum(axis=0) - 1).max() < 1e-14
    assert np.abs(np.einsum("kn,ln,n->kl", by_nodes, by_nodes, weights) - 1 / branches**2 - exact).max() < 1e-14
    centred = drawn - 1 / branches
    chance.sample(centred[:, None] * centred[None], exact, detects=0.04 * exact[0, 0])


def test_gauss_hermite_with_k_nodes_is_exact_to_degree_2k_minus_1_and_no_further(k=4):
    law, moments = Normal(1), [1, 0, 1, 0, 3, 0, 15, 0, 105]
    nodes, weights = law.quadrature(k)
    errors = np.array([abs((weights * nodes[:, 0] ** p).sum() - exact) for p, exact in enumerate(moments)])
    assert errors[:2 * k].max() < 1e-13                    # 15 is the largest: ulps of 15
    assert errors[2 * k] > 1


def test_a_mask_is_one_of_two_values_and_rescaled_dropout_follows_from_it(q=0.7):
    xi = Bernoulli(q, 2).draw(5, 0, 1000, 0)
    gamma = q + np.sqrt(q * (1 - q)) * xi
    assert np.abs(gamma - np.round(gamma)).max() < 1e-15   # 0 or 1, one rounding of numbers ≤ 1 each way
    assert set(np.round(gamma).ravel()) == {0.0, 1.0}


def test_a_skewed_law_is_seen_as_skewed():
    """What must fail: the symmetric mask's skewness is 0, and that of q = 0.7 is not."""
    assert Bernoulli(0.5, 1).skewness == 0
    assert abs(moment(Bernoulli(0.7, 1), 0, 0, 0)) > 0.8
    assert DirichletShares(2).skewness == 0 and abs(DirichletShares(3).skewness) > 0.5


@pytest.mark.parametrize("make, words", [(lambda: Bernoulli(1.0, 2), "keep=1 .*Silent"), (lambda: Bernoulli(0.0, 2), "keep=0 "),
                                         (lambda: DirichletShares(1), "branches=1"), (lambda: Rademacher(0), "channels=0"),
                                         (lambda: Uniform(-1), "channels=-1"),
                                         (lambda: Normal(0), "channels=0"), (lambda: Bernoulli(0.5, 1.5), "channels=1.5")])
def test_what_is_no_law_is_refused_with_a_remedy(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_too_many_quadrature_branches_are_refused_and_point_to_particles():
    with pytest.raises(ValueError, match="particle"):
        Normal(8).quadrature(7)
    with pytest.raises(ValueError, match="particle"):
        DirichletShares(9).quadrature(4)
    with pytest.raises(ValueError, match="particle"):
        Joint((Normal(4), Rademacher(6))).quadrature(5)
    assert Silent().quadrature()[0].shape == (1, 0)
