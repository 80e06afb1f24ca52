"""Data as densities: quadrature that hides nothing, against closed forms."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ndtr

from ocnet.grid import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian, Noiseless
from ocnet.networks.readouts import Tanh
from ocnet.training.criteria import ExpectedLoss, LossOfExpectation
from ocnet.training.losses import Squared
from ocnet.training.objectives import GridObjective, ParticleObjective
from ocnet.training.objectives.batches import Batches
from ocnet.training.objectives.condensed import condensed
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from tests.chance import random

MEAN, DEVIATION = 0.5, 0.4                                               # R2


def _bell(*centre, deviation=DEVIATION):
    centre = np.array(centre)
    return lambda x: np.exp(-0.5 * ((x - centre) ** 2).sum(axis=1) / deviation**2) / (np.sqrt(2 * np.pi) * deviation) ** len(centre)


TWO = {-1: _bell(-MEAN), 1: _bell(MEAN)}


def test_r2_floor_is_met_by_the_posterior_mean_and_by_no_network_undercut():
    exact = quad(lambda x: TWO[1](np.array([[x]]))[0] * (1 - np.tanh(MEAN * x / DEVIATION**2) ** 2) / 2, -4, 5, epsabs=1e-12)[0]
    assert exact == pytest.approx(0.153362, abs=5e-7)                    # R2, six digits
    data = LabelledPoints.from_densities(TWO, Grid.uniform(-4.5, 4.5, 181))
    still = ResidualNetwork(Perceptron(2), Noiseless(), 1, dim=1, readout=Tanh(MEAN / DEVIATION**2))
    for criterion in (ExpectedLoss(Squared()), LossOfExpectation(Squared())):
        setting, theta = Setting(still, data, criterion), still.control.zeros()
        # spacing 0.05: e^{−2π² (0.4/0.05)²} of the bells, and of the poles of tanh at ±i π/2 · 0.32 e^{−2π · 0.5/0.05} = 1e-27: only the
        # tails beyond 4.5 (10 deviations) and rounding are left; nodes are grid points, where interpolation is exact
        assert ParticleObjective(setting, 2).value_and_gradient(theta)[0] == pytest.approx(exact, abs=1e-11)
        assert GridObjective(setting, Grid.uniform(-4.5, 4.5, 181)).value(theta) == pytest.approx(exact, abs=1e-11)
        # any law of the score given x is worse than the posterior mean, in the same sums: the floor is exact, the grid's error 1e-4
        network = ResidualNetwork(Perceptron(2), Gaussian(0.3), 4, dim=1, readout=Tanh(2.0))
        for seed in range(5):
            wild = np.random.default_rng(seed).normal(size=network.control.size)
            assert GridObjective(Setting(network, data, criterion), Grid.uniform(-7, 7, 281)).value(wild) > exact - 1e-4
            # by particles LE is a product of two independent halves, whose mean alone is bounded: EL's every sample is
    noisy = Setting(network, data, ExpectedLoss(Squared()))
    assert ParticleObjective(noisy, 64).sample(wild).value > exact


@random()
def test_particles_and_grid_see_the_same_weighted_points(chance):
    data = LabelledPoints.from_densities(TWO, Grid.uniform(-4, 4, 81), shares={-1: 0.25, 1: 0.75})
    network = ResidualNetwork(Perceptron(2), Gaussian(0.5), 4, dim=1, readout=Tanh(2.0))
    setting, theta = Setting(network, data, ExpectedLoss(Squared())), network.control.zeros()
    network.control.depth(theta)[:, -1] = 1.0                              # a wind to the right: class −1 pays
    sample = ParticleObjective(setting, 2000, seed=4).sample(theta)
    exact = GridObjective(setting, Grid.uniform(-6, 6, 481)).data_term(theta)
    chance.mean(sample.value, exact, sample.standard_error, detects=0.025, slack=1e-5)                    # the grid's spacing of 0.025 leaves that
    # shares of the other classes would show: they would move J by ½ |J_+ − J_−|
    swapped = Setting(network, LabelledPoints.from_densities(TWO, Grid.uniform(-4, 4, 81), shares={-1: 0.75, 1: 0.25}), setting.criterion)
    chance.finds(sample.value, exact, GridObjective(swapped, Grid.uniform(-6, 6, 481)).data_term(theta), sample.standard_error)


def test_moments_are_those_of_the_mixture():
    shares = {0: 0.2, 1: 0.5, 2: 0.3}
    centres = np.array([[1.0, 0.0], [-0.5, 0.8], [-0.5, -0.8]])
    data = LabelledPoints.from_densities({k: _bell(*centres[k], deviation=0.5) for k in shares}, Grid.uniform([-5, -5], [5, 5], 61), shares)
    for k, share in shares.items():
        weights, points = data.weights[data.labels == k], data.points[data.labels == k]
        # spacing 1/6 is a third of the deviation: e^{−2π² · 9} of Euler–Maclaurin; tails beyond 8 deviations 1e-15
        assert weights.sum() == pytest.approx(share, abs=1e-14)
        assert weights @ points == pytest.approx(share * centres[k], abs=1e-14)
        second = np.einsum("n,ni,nj->ij", weights, points - centres[k], points - centres[k])
        assert np.abs(second - share * 0.25 * np.eye(2)).max() < 1e-13
    assert abs(data.leak) < 1e-14


def test_labels_come_in_order_and_empty_nodes_are_left_out():
    half = {3: lambda x: np.where(np.abs(x[:, 0]) < 1, 1 - np.abs(x[:, 0]), 0.0), 0: _bell(0.0)}       # a hat: exact on nodes at −1, 0, 1
    data = LabelledPoints.from_densities(half, Grid.uniform(-4, 4, 81))
    assert sorted(set(data.labels)) == [0, 3] and (np.diff(data.labels) >= 0).all()
    assert (data.labels == 3).sum() == 19 and (data.weights > 0).all()      # nodes −0.9 … 0.9
    assert data.weights[data.labels == 3].sum() == pytest.approx(0.5, abs=1e-14)


def test_quadrature_of_a_density_with_corners_is_of_order_two():
    # x² (1 − |x|)₊ has jumps of slope 1 at ±1; each in the middle of a cell costs (1/8 − 1/12) h² of the trapezoidal sum, by
    # Euler–Maclaurin on the two sides; what follows is of order h⁴ times higher derivatives (≤ 6), below h² of it
    for cells in (40, 80, 160):
        h = 4 / cells
        data = LabelledPoints.from_densities({0: lambda x, h=h: np.maximum(1 - np.abs(x[:, 0] - h / 2), 0.0)}, Grid.uniform(-2, 2, cells + 1))
        second = (data.weights * (data.points[:, 0] - h / 2) ** 2).sum()
        assert second - 1 / 6 == pytest.approx(h * h / 12, rel=h * h)


def test_mass_outside_the_box_is_the_leak_of_the_result():
    sides = np.array([-2.2, 2.2])                                          # 4.25 deviations from the right class's mean
    with pytest.warns(UserWarning, match=r"densities\[.?1\] has mass 0\.99998.* nothing is renormalised") as told:
        data = LabelledPoints.from_densities(TWO, Grid.uniform(*sides, 1761))
    assert len(told) == 2 and told[0].filename == __file__                 # both classes, at the caller's line
    outside = ndtr((-sides[1] + MEAN) / DEVIATION) + ndtr((sides[0] - MEAN) / DEVIATION)
    # trapezoid at a cut: h²/12 |ρ'| at the two sides, h = 0.0025: 5e-7 · ρ'(2.2) = 1.3e-3
    assert data.leak == pytest.approx(outside, abs=2e-9) and outside > 1e-5
    assert data.weights.sum() == pytest.approx(1 - data.leak, abs=1e-15)


@pytest.mark.parametrize("densities, grid, words", [
    (TWO, Grid.uniform(-1.5, 1.5, 401), r"densities\[-1\] has mass 0\.993.*widen the box"),
    (TWO, Grid.uniform(-4, 4, 9), r"mass .*refine"),
    ({-1: lambda x: 2 * TWO[-1](x), 1: TWO[1]}, Grid.uniform(-4, 4, 81), r"densities\[-1\] has mass 2 .*divide it by its mass")])
def test_more_than_a_thousandth_of_the_mass_missing_or_too_much_is_refused(densities, grid, words):
    with pytest.raises(ValueError, match=words):
        LabelledPoints.from_densities(densities, grid)


def test_too_little_of_one_class_is_not_balanced_by_too_much_of_another():
    off = {-1: lambda x: 0.99 * TWO[-1](x), 1: lambda x: 1.01 * TWO[1](x)}
    with pytest.raises(ValueError, match=r"densities\[-1\] has mass 0.99 "):
        LabelledPoints.from_densities(off, Grid.uniform(-4, 4, 81))


@pytest.mark.parametrize("density, words", [(lambda x: x, r"shape \(81, 1\)"), (lambda x: -TWO[1](x), "finite and ≥ 0"),
                                            (lambda x: np.full(len(x), np.nan), "finite and ≥ 0")])
def test_functions_that_are_no_densities_are_refused(density, words):
    with pytest.raises(ValueError, match=words):
        LabelledPoints.from_densities({0: density}, Grid.uniform(-4, 4, 81))


@pytest.mark.parametrize("shares", [{-1: 0.5}, {-1: 0.5, 1: 0.6}, {-1: -0.5, 1: 1.5}, {-1: 0.5, 2: 0.5}])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(ValueError, match="shares="):
        LabelledPoints.from_densities(TWO, Grid.uniform(-4, 4, 81), shares)


def test_weights_must_account_for_the_leak():
    for leak in (0.0, 0.2):
        with pytest.raises(ValueError, match=r"sum 0\.9; .*with sum"):
            LabelledPoints(np.zeros((2, 1)), [-1, 1], [0.4, 0.5], leak)
    assert LabelledPoints(np.zeros((2, 1)), [-1, 1], [0.4, 0.5], 0.1).leak == 0.1


def test_condensed_data_and_batches_keep_the_leak():
    with pytest.warns(UserWarning, match="nothing is renormalised"):
        data = LabelledPoints.from_densities(TWO, Grid.uniform(-2.2, 2.2, 8001))
    few, batch = condensed(data, Grid.uniform(-3, 3, 61)), Batches(data, 16).draw(3)
    assert len(few) < 300 and data.leak > 1e-6
    for part in (few, batch):
        assert part.leak == data.leak and part.weights.sum() == pytest.approx(1 - data.leak, abs=1e-12)
