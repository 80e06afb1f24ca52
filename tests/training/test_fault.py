"""Where J stops being finite is found, by every view, and every optimiser says it."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from ocnet.grid import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Affine
from ocnet.networks.blocks.features import Features
from ocnet.networks.noise import Gaussian, OutputDropout
from ocnet.training import optimisers, train
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.fault import where_not_finite
from ocnet.training.losses import Logistic
from ocnet.training.objectives import DiffusionView, GridObjective, ParticleObjective
from ocnet.training.objectives.labelled import LabelledPoints, Setting
from ocnet.training.optimisers.descent import Descent

LAYERS, SICK = 20, 6                                         # the seventh of twenty


@dataclass(frozen=True)
class Fuse(Affine):
    """W x + b, which costs the layer its finite states once b is above 1.02: exp(700 b) is then infinite, and ∞ − ∞ is not a number."""

    def features(self, x, layer, needs=("output",)):
        large = np.exp(700 * layer.b[:, None])
        return Features(super().features(x, layer, needs).output + (large - large), state=x)


def setting(block=Fuse(), noise=Gaussian(0.1), dim=1, penalties=()):
    points = np.random.default_rng(0).normal(size=(12, dim))
    return Setting(ResidualNetwork(block, noise, layers=LAYERS, dim=dim), LabelledPoints(points, np.ones(12, dtype=int)),
                   ExpectedLoss(Logistic()), penalties)


def views(setting):
    grid = Grid.uniform([-3] * setting.network.dim, [3] * setting.network.dim, [21] * setting.network.dim)
    return {"particles": ParticleObjective(setting, 4), "particles of the equation": ParticleObjective(setting, 4, view=DiffusionView(2)),
            "grid": GridObjective(setting, grid), "grid of the equation": GridObjective(setting, grid, DiffusionView(2))}


every_view = pytest.mark.parametrize("view", list(views(setting())))
quietly = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@quietly
@every_view
@pytest.mark.parametrize("noise, dim", [(Gaussian(0.1), 1), (OutputDropout(0.5), 2)])
def test_the_layer_whose_states_overflow_is_named(view, noise, dim):
    setup = setting(noise=noise, dim=dim)
    theta = setup.network.initialise(0)
    setup.network.control.layer(theta, SICK).b[0] = 1.1
    place = where_not_finite(views(setup)[view], theta)
    assert place.startswith("layer 7 of 20 (")


@quietly
@pytest.mark.parametrize("view", ["particles", "grid"])
def test_an_overflow_of_weights_alone_is_named(view):
    setup = setting(block=Affine(), dim=2)
    theta = setup.network.initialise(0)
    setup.network.control.layer(theta, SICK).W[0] = 1.7e308, -1.7e308        # ∞ − ∞ where both coordinates are above 1.06
    assert where_not_finite(views(setup)[view], theta).startswith("layer 7 of 20 (its states")


def test_on_a_grid_nodes_that_no_path_visits_count_too():
    @dataclass(frozen=True)
    class Edge(Affine):
        """Not a number beyond 2.9, where the paths of these data never are."""

        def features(self, x, layer, needs=("output",)):
            return Features(np.where(x > 2.9, np.nan, super().features(x, layer, needs).output), state=x)

    setup = setting(block=Edge())
    setup = replace(setup, data=LabelledPoints(np.zeros((4, 1)), np.ones(4, dtype=int)))
    theta = setup.network.control.zeros()
    assert where_not_finite(views(setup)["grid"], theta) == "layer 1 of 20 (its states from the nodes of the grid are not finite)"
    assert where_not_finite(views(setup)["particles"], theta) == "an unknown place"       # 0.1 Gaussian: 29 deviations away


@dataclass(frozen=True)
class Broken:
    """A penalty, or a part of a criterion, that is not a number."""

    degree = 2

    def value(self, layers, tail, horizon):
        return np.nan

    def gradient(self, layers, tail, horizon):
        return np.zeros_like(layers), np.zeros_like(tail)


@every_view
def test_other_places_are_named_in_the_order_of_the_way_to_j(view):
    setup = setting()
    theta = setup.network.initialise(0)
    spoiled = theta.copy()
    setup.network.control.layer(spoiled, 3).W[0] = np.nan
    assert where_not_finite(views(setup)[view], spoiled) == "the parameters of layer 4 of 20"
    spoiled = theta.copy()
    setup.network.control.rest(spoiled)[0] = np.inf
    assert where_not_finite(views(setup)[view], spoiled) == "the parameters of the readout"
    assert where_not_finite(views(setting(penalties=(Broken(),)))[view], theta) == "the penalties"

    class Mute(Logistic):
        def value(self, scores, labels):
            return np.full(scores.shape, np.nan)

    silent = replace(setup, criterion=ExpectedLoss(Mute()))
    assert where_not_finite(views(silent)[view], theta) == "the loss (its values are not finite)"
    assert where_not_finite(views(setup)[view], theta) == "an unknown place"              # all is well there


def test_the_readout_is_named_when_its_scores_overflow():
    setup = setting()
    theta = setup.network.initialise(0)
    setup.network.control.rest(theta)[:] = 1.7e308
    assert where_not_finite(ParticleObjective(setup, 4), theta) == "the readout (its scores are not finite)"


@quietly
def test_a_gradient_that_overflows_alone_is_named_by_the_first_layer_of_the_reverse_sweep():
    @dataclass(frozen=True)
    class Steep(Affine):
        """W x + b with a derivative that overflows where b is above 1."""

        def vector_jacobian(self, x, layer, cotangent):
            back, own = super().vector_jacobian(x, layer, cotangent)
            return (back * np.inf, own * np.inf) if layer.b[0] > 1 else (back, own)

    setup = setting(block=Steep())
    theta = setup.network.initialise(0)
    setup.network.control.layer(theta, SICK).b[0] = 1.1
    setup.network.control.layer(theta, SICK - 3).b[0] = 1.1
    assert where_not_finite(ParticleObjective(setup, 4), theta) == "the gradient of layer 7 of 20"


def test_an_objective_without_a_setting_gives_no_phrase():
    assert where_not_finite(object(), np.zeros(3)) == ""


def shortened(optimiser):
    """With steps long enough to blow the fuse of layer 7, the only one whose shift may grow beyond its limit."""
    control = setting().network.control
    upper = np.full(control.size, 0.3)
    control.layer(upper, SICK).b[0] = 30.0
    changes = {"check_every": 1} if isinstance(optimiser, Descent) else {}
    if hasattr(optimiser, "rate"):
        changes |= {"rate": 10.0}
    if hasattr(optimiser, "rho"):
        changes |= {"rho": 1e-3}
    if hasattr(optimiser, "burn_in"):
        changes |= {"burn_in": 0, "rate": 50.0}              # of which k^(−½) leaves 8 in the end
    return replace(optimiser, iterations=40, bounds=(-0.3, upper), **changes)


EXAMPLES = [getattr(optimisers, name).example() for name in optimisers.__all__]


@quietly
@pytest.mark.parametrize("view", ["particles", "grid"])
@pytest.mark.parametrize("optimiser", EXAMPLES, ids=lambda m: type(m).__name__)
def test_every_optimiser_says_iteration_and_layer_and_returns_the_best_point_before(optimiser, view):
    setup = setting()
    objective, start = views(setup)[view], setup.network.control.zeros()
    setup.network.control.rest(start)[0] = 0.3               # scores rise with the last state: every label is +1, so shifts grow
    result = train(objective, start, shortened(optimiser), progress=lambda iteration, value: None)
    assert not result.success and not result.interrupted
    assert f"not finite in iteration {result.nit + 1}" in result.message and "first in layer 7 of 20" in result.message
    assert result.message.endswith("the best point before it is returned")
    assert np.isfinite(result.x).all() and result.fun <= result.history["value"][0]
    assert np.isfinite(result.jac).all() and np.isfinite(objective.value(result.x))


@quietly
@pytest.mark.parametrize("view", ["particles", "grid"])
@pytest.mark.parametrize("optimiser", [optimisers.Adam(), optimisers.LBFGS()], ids=["Adam", "LBFGS"])
def test_a_start_that_overflows_is_refused_with_the_layer(optimiser, view):
    setup = setting()
    theta = setup.network.initialise(0)
    setup.network.control.layer(theta, SICK).b[0] = 1.1
    with pytest.raises(ValueError, match=r"not finite at the start, first in layer 7 of 20 \(its states are not finite\); choose another"):
        train(views(setup)[view], theta, optimiser)


def test_an_error_that_has_nothing_to_do_with_numbers_stays_what_it_is():
    setup = setting()
    with pytest.raises(ValueError, match="theta has shape"):
        train(ParticleObjective(setup, 4), np.zeros(3), optimisers.Adam())
