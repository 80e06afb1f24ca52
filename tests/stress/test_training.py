"""Training from weights of 1e3 and beyond, and from steep data: a finite best point no worse than the start, or an error that names the place."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from ocnet.grid import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Affine, Perceptron
from ocnet.networks.noise import Gaussian, Noiseless
from ocnet.training import Setting, optimisers, train
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.finite import BeyondNumbers
from ocnet.training.losses import Logistic, Squared
from ocnet.training.objectives import DiffusionView, GridObjective, LabelledPoints, ParticleObjective
from ocnet.training.optimisers import LBFGS, Adam, TrustConstr

POINTS = np.random.default_rng(0).normal(size=(20, 2))
LABELS = np.where(POINTS[:, 0] > 0, 1, -1)
FREE = (-np.inf, np.inf)
GRID = Grid.uniform([-4, -4], [4, 4], [13, 13])
quietly = pytest.mark.filterwarnings("ignore:about .* of the paths:RuntimeWarning")


def few(name):
    more = {"burn_in": 1} if name == "AveragedSGD" else {}
    return replace(getattr(optimisers, name).example(), iterations=4, bounds=FREE, **more)


def setting_of(block=Perceptron(3), loss=Logistic(), points=POINTS, labels=LABELS, noise=Gaussian(0.2)):
    return Setting(ResidualNetwork(block, noise, 3), LabelledPoints(points, labels), ExpectedLoss(loss))


def objectives(setting):
    return {"particles": ParticleObjective(setting, 4), "grid": GridObjective(setting, GRID), "sde": GridObjective(setting, GRID, DiffusionView(1))}


def outcome(objective, theta, optimiser):
    """The result, or the refusal in words."""
    try:
        return train(objective, theta, optimiser)
    except ValueError as told:
        return str(told)


def check(objective, theta, optimiser):
    """A result that holds, or an error that says where; `fun` is J at x, and no more than J at the start, by what the optimiser judges by."""
    judge = (lambda theta: objective.value_and_gradient(theta)[0]) if isinstance(optimiser, (LBFGS, TrustConstr)) else objective.value
    try:
        first = judge(theta)
    except (BeyondNumbers, FloatingPointError):
        with pytest.raises(ValueError, match=r"not finite at the start, first in (layer|the readout|the loss|the gradient|a step)"):
            train(objective, theta, optimiser)
        return None
    result = outcome(objective, theta, optimiser)
    if isinstance(result, str):                                 # J is a number at the start, its gradient is not
        assert "its gradient is not finite at the start, first in" in result
        return None
    assert np.isfinite(result.x).all() and np.isfinite(result.last).all() and np.isfinite(result.history["value"]).all()
    assert result.fun <= first and result.fun == judge(result.x)
    assert not (result.fault and result.success)
    assert not result.fault or ("is not finite in iteration" in result.message and ", first in" in result.message)
    return result


@quietly
@pytest.mark.parametrize("name", optimisers.__all__)
@pytest.mark.parametrize("scale", [1e3, 1e60, 1e200])
@pytest.mark.parametrize("view", ["particles", "grid"])
def test_training_from_large_weights_ends_no_worse_or_says_where(name, scale, view):
    setting = setting_of(loss=Squared() if scale == 1e200 else Logistic())
    check(objectives(setting)[view], scale * setting.network.initialise(0), few(name))


@quietly
@pytest.mark.parametrize("name", ["Adam", "LBFGS", "ProximalGradient"])
@pytest.mark.parametrize("scale", [30.0, 1e3, 1e200])
def test_an_equation_too_stiff_for_its_view_is_no_start(name, scale):
    setting = setting_of()
    check(objectives(setting)["sde"], scale * setting.network.initialise(0), few(name))


@quietly
@pytest.mark.parametrize("name", optimisers.__all__)
@pytest.mark.parametrize("view", ["particles", "grid"])
def test_training_on_steep_data_ends_no_worse(name, view):
    """Two classes 1e-9 apart, the same point in both, and a far point: no network parts them."""
    points = np.array([[0.0, 0.0], [1e-9, 0.0], [0.5, 0.5], [0.5, 0.5], [3.9, -3.9]])
    setting = setting_of(points=points, labels=[-1, 1, 1, -1, 1])
    assert check(objectives(setting)[view], 20 * setting.network.initialise(0), few(name)) is not None


@pytest.mark.parametrize("rate", [1e80, 1e160])
def test_steps_that_leave_the_numbers_are_a_fault_with_its_place_and_the_best_point(rate):
    setting = setting_of(Affine(), Squared())
    theta = setting.network.initialise(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        result = check(ParticleObjective(setting, 4), theta, Adam(iterations=20, rate=rate, bounds=FREE))
    assert result is not None and result.fault and not result.success and "first in" in result.message


def test_a_fixed_box_that_the_paths_leave_is_told_of_once_where_paths_tell_another_j():
    setting = setting_of(Affine(), noise=Noiseless())
    theta = setting.network.control.zeros()
    setting.network.control.depth(theta)[:, -2:] = 6.0, 0.0      # b: all points are moved by 6 to the right, out of a box of 4
    setting.network.control.rest(theta)[:] = 1.0, 0.0, -5.0      # a score of x − 5
    for grid, told in ((GRID, 1), (Grid.uniform([-12, -12], [12, 12], [37, 37]), 0)):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            result = train(GridObjective(setting, grid), theta, LBFGS(iterations=1, bounds=(theta - 1e-3, theta + 1e-3)))
        assert len(found) == told and all("train_on_grid" in str(w.message) and w.filename == __file__ for w in found)
        by_paths = ParticleObjective(setting, 2).value(result.x)
        assert (abs(result.fun - by_paths) > 0.05 * by_paths) == bool(told)


def test_paths_outside_a_box_that_make_no_difference_are_not_told_of():
    setting = setting_of(Affine(), noise=Noiseless())
    theta = setting.network.control.zeros()
    setting.network.control.depth(theta)[:, -2:] = 6.0, 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(GridObjective(setting, GRID), theta, LBFGS(iterations=1, bounds=(theta - 1e-6, theta + 1e-6)))     # a score of nearly 0 everywhere
