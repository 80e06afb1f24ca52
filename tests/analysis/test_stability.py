"""Stability regions against what the architectures state, and the products of companion matrices against matrices multiplied."""

import numpy as np
import pytest

import ocnet
from ocnet.networks import ResidualNetwork
from ocnet.networks import architectures as family
from ocnet.networks.architectures import FractalNet, HeunNet, LMResNet, PolyNet, ResNet, RevNet, WayNet
from ocnet.networks.blocks import LinearMap, Perceptron
from ocnet.networks.noise import Noiseless

MEMBERS = [getattr(family, name).example() for name in family.__all__ if hasattr(getattr(family, name), "example")]
MORE = [PolyNet("literal"), PolyNet(weights="own"), WayNet(3), FractalNet(1), FractalNet(3), FractalNet(5, weights="shared")]
# |R| ≤ 1 + 1e-12 moves an end by 1e-12 over d|R|/dz, which is 1/4 and more in real z; two roots that meet make it √1e-12
END, MEETING = 1e-10, 3e-6


@pytest.mark.parametrize("architecture", MEMBERS + MORE, ids=repr)
def test_measured_intervals_are_those_stated(architecture):
    found = ocnet.stability_region(architecture, nodes=21)
    for measured, stated in zip((found.real_interval, found.imaginary_interval), found.stated):
        if stated is not None:
            assert abs(measured - stated) < (MEETING if architecture.halves == 2 else END)
    assert found.stated[0] is not None and repr(found).startswith("StabilityRegion(")


def test_the_published_intervals():
    """MATH 2.1 and 2.2, by name: Euler −2, PolyNet −1 and ±i, Heun −2, RevNet ±2i."""
    for architecture, real, imaginary in ((ResNet(), 2, 0), (PolyNet(), 1, 1), (HeunNet(), 2, 0), (FractalNet(), 2, 0), (RevNet(), 0, 2)):
        found = ocnet.stability_region(architecture, nodes=3)
        assert abs(found.real_interval - real) < END and abs(found.imaginary_interval - imaginary) < MEETING


@pytest.mark.parametrize("k", [-0.9, -0.5, -0.1, 0.0, 0.3, 0.5, 0.9])
def test_lm_is_stable_to_twice_one_minus_k(k):
    """The root −1 is simple: d root/dz = 1/(1 + k) there, at least ½."""
    found = ocnet.stability_region(LMResNet(), nodes=3, k=k)
    assert abs(found.real_interval - 2 * (1 - k)) < END and found.imaginary_interval == 0 and found.own == {"k": k}


def test_leapfrog_is_stable_on_the_imaginary_axis_alone():
    found = ocnet.stability_region(LMResNet(), nodes=3, k=1.0)
    assert found.real_interval == 0 and abs(found.imaginary_interval - 2) < MEETING and found.stated == (0.0, 2.0)


@pytest.mark.parametrize("damped", [-3.0, -2.5, -2.1, -1.9, -1.0, -0.1, 0.0, 0.1])
def test_kinetic_layers_are_stable_on_the_real_axis_as_far_as_stated_and_nowhere_beyond_a_damping_of_two(damped):
    """γ dt from −3 on: the same interval as measured, 0 where what is kept exceeds 1; two roots that meet on the circle cost half the digits."""
    found = ocnet.stability_region(family.KineticLM(damped / 0.25, "fixed", dt=0.25), nodes=3)
    assert abs(found.real_interval - found.stated[0]) < MEETING and (found.stated[0] > 0) == (-2 < damped <= 0)


@pytest.mark.parametrize("architecture", MEMBERS + MORE, ids=repr)
def test_layers_stay_bounded_inside_and_grow_outside(architecture):
    """The network itself, not its stability function: 400 layers on x' = λx, just inside and just outside of the real interval.

    Inside by 2 % all roots are below 1 in size (powers of a pair's matrix stay below 50); outside by 2 % the root that left the circle at
    |dR/dz| ≥ 1/s exceeds 1.02, whose 400th power is 2700, of which the start holds a tenth at least.
    """
    architecture = architecture.at_step(1.0)
    s = ocnet.stability_region(architecture, nodes=3).real_interval
    if s == 0:
        return                                                      # RevNet, whose pair has no decaying mode
    ends = []
    for share in (0.98, 1.02):
        network = ResidualNetwork(LinearMap(), Noiseless(), 400, horizon=400.0, dim=1, architecture=architecture)
        theta = network.control.zeros()
        network.control.depth(theta)[:] = -s * share
        for n in range(400):
            for name, value in architecture.typical.items():
                getattr(network.control.layer(theta, n), name)[...] = value
        ends.append(abs(float(network.layered(theta).ends(np.ones((1, 1)), 0, 0)[0, 0])))
    assert ends[0] < 50 and ends[1] > 270


def test_own_numbers_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="k=0.5 is no number of ResNet"):
        ocnet.stability_region(ResNet(), k=0.5)
    with pytest.raises(ValueError, match="q=1 is no number of LMResNet.*it has k"):
        ocnet.stability_region(LMResNet(), q=1)


def test_a_region_is_drawn_and_told():
    found = ocnet.stability_region(LMResNet(), nodes=41, k=-0.5)
    ax = found.plot()
    assert ax.get_xlabel() == "Re z" and found.to_dict()["own"] == {"k": -0.5}
    i, j = (int(np.argmin(np.abs(axis - value))) for axis, value in ((found.real, -1.0), (found.imaginary, 0.0)))
    assert found.stable[i, j] and not found.stable[-1, j]            # z = −1 inside, z = 1 outside


def lm_network(k):
    network = ResidualNetwork(Perceptron(1), Noiseless(), len(k), dim=1, architecture=LMResNet())
    theta = network.control.zeros()
    for n, value in enumerate(k):
        network.control.layer(theta, n).k[...] = value
    return network, theta


@pytest.mark.parametrize("spread", [0.3, 1.0, 1.3])
def test_growth_is_that_of_the_companion_products(spread):
    """All products multiplied out, in the norm of the largest row sum: rounding of 12 products, relative 1e-14."""
    k = np.random.default_rng(0).uniform(-spread, spread, 12)
    network, theta = lm_network(k)
    found, largest = ocnet.zero_stability(network, theta), 1.0
    for m in range(1, 12):
        product = np.eye(2)
        for n in range(m, 12):
            product = np.array([[1 - k[n], k[n]], [1.0, 0.0]]) @ product
            largest = max(largest, np.abs(product[0]).sum())
    assert abs(found.growth - largest) < 1e-13 * largest
    assert found.stable == (spread <= 1) and found.outside == tuple(np.flatnonzero(np.abs(k) > 1))


def test_a_double_root_grows_linearly_and_a_worse_one_geometrically():
    """k = −1: x_n − x_0 = n d, growth 2(N − 1) + 1; k = −1.5 multiplies differences by 1.5 a layer; at the range's end k = 1 nothing grows."""
    assert ocnet.zero_stability(*lm_network([-1.0] * 30)).growth == 1 + 2 * 29
    assert ocnet.zero_stability(*lm_network([-1.5] * 30)).growth > 1.5**29
    edge = ocnet.zero_stability(*lm_network([1.0] * 30))
    assert edge.stable and edge.growth == 1 and "all k in" in edge.status
    worst = ocnet.zero_stability(*lm_network([0.5, -0.2, 1.7, -1.2]))
    assert not worst.stable and worst.outside == (2, 3) and "k_2 = 1.7" in worst.status and "UNSTABLE" in repr(worst)
    assert worst.plot().get_ylabel() == "$k_n$" and worst.to_dict()["outside"] == [2, 3]


def test_zero_stability_needs_coefficients():
    network = ResidualNetwork(Perceptron(1), Noiseless(), 2, dim=1)
    with pytest.raises(ValueError, match="no coefficients k"):
        ocnet.zero_stability(network, network.control.zeros())
