"""Measured orders against those stated; the reference against the closed form of MATH R7."""

import numpy as np
import pytest

import ocnet
from ocnet.networks import ResidualNetwork
from ocnet.networks import architectures as family
from ocnet.networks.architectures import FractalNet, HeunNet, KineticLM, LMResNet, PolyNet, ResNet, RevNet, WayNet
from ocnet.networks.blocks import LinearMap, Perceptron, Sine
from ocnet.networks.noise import Noiseless

MEMBERS = [getattr(family, name).example() for name in family.__all__ if hasattr(getattr(family, name), "example")]
MORE = [PolyNet(weights="own"), WayNet(3), FractalNet(1), FractalNet(3), FractalNet(2, weights="shared"), FractalNet(3, "branch")]
FIRST_ORDER = [a for a in MEMBERS + MORE if not isinstance(a, KineticLM)]        # it follows an equation of the second order: test_lm_limits
every = pytest.mark.parametrize("architecture", FIRST_ORDER, ids=repr)
LAYERS = (40, 80, 160)
# f = sin u + 0.5 cos 2u of MATH 2.2
CURVE = {"block": Sine(2), "numbers": (1, 2, 0, np.pi / 2, 1.0, 0.5, 0.0), "start": 0.3}
# errors C dt^p (1 + c dt): an order differs from p by at most 3 c dt/(2 log 2); c is below 2 for these flows on [0, 1]
NEAR = 2 * 1.5 / np.log(2) / LAYERS[-2]


@every
def test_layers_follow_their_limit_to_the_order_stated(architecture):
    found = ocnet.order_of(architecture, layers=LAYERS)
    assert found.expected == architecture.order and abs(found.order - found.expected) < NEAR
    assert found.errors[-1] > 1e4 * found.floor                     # the reference is not what is seen


@every
def test_layers_follow_their_modified_equation_to_order_two(architecture):
    found = ocnet.order_of(architecture, "modified", layers=LAYERS)
    assert found.expected == 2 and abs(found.order - 2) < 2 * NEAR


def test_orders_by_name():
    """The judged ones: Euler 1, Heun 2.00, two fractal columns 2.00, PolyNet's Picard form 1, its literal form 0 where f(0) ≠ 0."""
    for architecture, order, digits in ((ResNet(), 1, 0.02), (HeunNet(), 2, 0.005), (FractalNet(), 2, 0.01), (PolyNet(), 1, 0.02),
                                        (PolyNet("literal"), 0, 0.02)):
        assert abs(ocnet.order_of(architecture).order - order) < digits


def test_the_literal_form_is_consistent_where_f_vanishes_at_0():
    """The same branch without its offset: what makes the negative control negative."""
    found = ocnet.order_of(PolyNet("literal"), numbers=(1.2, 0.0, -0.9, 0.0))
    assert abs(found.order - 1) < 0.02 and found.expected is None
    with pytest.raises(ValueError, match="follows no equation of its branch"):
        ocnet.order_of(PolyNet("literal"), "modified")


@pytest.mark.parametrize("k", [-0.5, -0.1, 0.3])
def test_lm_follows_its_modified_equation_from_the_shifted_start(k):
    """MATH 2.2: order 0 to u' = f, 1 to u' = f/(1 + k), 1 to the modified equation from u_0, 1.93 and more, tending to 2, from the shifted start."""
    orders = {against: ocnet.order_of(LMResNet(), against, k=k, **CURVE).orders for against in ("branch", "limit", "unshifted", "modified")}
    assert (np.abs(orders["branch"]) < 0.05).all() and orders["branch"][-1] ** 2 < orders["branch"][0] ** 2
    assert abs(orders["limit"][-1] - 1) < 0.05 and abs(orders["unshifted"][-1] - 1) < 0.05
    best = np.abs(orders["modified"] - 2)
    assert orders["modified"].min() > 1.925 and (np.diff(best) < 1e-3).all() and best[-1] < 0.06


def test_lm_has_no_equation_where_its_first_step_stays():
    for k in (1.0, -1.0, 1.2):
        with pytest.raises(ValueError, match="is outside"):
            ocnet.order_of(LMResNet(), k=k)


def test_the_reference_is_the_closed_form():
    """x(t) of x' = a tanh(w x + b) (MATH R7), against the error that Euler has from it: the two errors agree to the reference's floor."""
    w, b, a, x0 = 1.2, 0.4, -0.9, 0.7
    exact = (np.arcsinh(np.sinh(w * x0 + b) * np.exp(a * w)) - b) / w
    network = ResidualNetwork(Perceptron(1), Noiseless(), 20, dim=1)
    theta = network.control.zeros()
    network.control.depth(theta)[:] = (w, b, a, 0)
    end = network.layered(theta).ends(np.array([[x0]]), 0, 0)[0, 0]
    found = ocnet.order_of(ResNet(), layers=(10, 20), numbers=(w, b, a, 0.0), start=x0)
    assert abs(found.errors[1] - abs(end - exact)) < found.floor


def test_one_step_of_polynet_is_backward_euler_but_for_dt_cubed():
    """(I − dt W)⁻¹ x with a rotation in it: gap (dt W)³ x (1 + …), order 3 + O(dt); Picard's form and the literal one are the same for linear f.

    Not of Euler, whose gap is of order 2.
    """
    W, x = np.array([[-0.8, 0.5], [-0.6, 0.3]]), np.array([[1.0], [-0.4]])

    def gaps(architecture):
        found = []
        for dt in (0.05, 0.025, 0.0125):
            network = ResidualNetwork(LinearMap(), Noiseless(), 1, horizon=dt, architecture=architecture)
            theta = network.control.zeros()
            network.control.depth(theta)[:] = W.ravel()
            found.append(np.abs(network.layered(theta).ends(x, 0, 0) - np.linalg.solve(np.eye(2) - dt * W, x)).max())
        return np.log2(np.array(found[:-1]) / found[1:])

    assert abs(gaps(PolyNet())[-1] - 3) < 0.05 and abs(gaps(PolyNet("literal"))[-1] - 3) < 0.05 and abs(gaps(ResNet())[-1] - 2) < 0.05


@every
def test_stated_equations_are_the_series_of_the_stability_function(architecture):
    """log r(z) = rate z + bend z² + O(z³) of the root near 1, by central differences of step 1e-3: error 1e-6 of a third derivative below 10."""
    if architecture.halves == 2:
        return                                                      # bends of two halves cancel in the eigenvalue: see the orders
    h = 1e-3
    roots = np.linalg.eigvals(architecture.companion(np.array([-h, h])))
    minus, plus = np.log(roots[np.arange(2), np.argmin(np.abs(roots - 1), axis=1)]).real
    found = architecture.modified()
    assert abs((plus - minus) / (2 * h) - found.rate) < 1e-5 and abs((plus + minus) / (2 * h * h) - found.bend) < 1e-4


def test_results_are_told_and_drawn():
    found = ocnet.order_of(RevNet(), layers=(10, 20))
    assert found.to_dict()["layers"] == [10, 20] and "stated 1" in repr(found)
    assert found.plot().get_xscale() == "log"


def test_what_shows_no_order_is_refused():
    with pytest.raises(ValueError, match="two or more increasing"):
        ocnet.order_of(ResNet(), layers=(20,))
    with pytest.raises(ValueError, match="against='ode' is none of"):
        ocnet.order_of(ResNet(), "ode")
    with pytest.raises(ValueError, match="has 4 numbers in dimension 1"):
        ocnet.order_of(ResNet(), numbers=(1.0, 2.0))
