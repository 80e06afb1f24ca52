"""What a reader of the first page gets wrong, and the remedy that each error names."""

import re
import subprocess
import sys

import numpy as np
import pytest

import ocnet
from ocnet import Diffusion, Grid, KolmogorovProblem, LabelledPoints, ResidualNetwork, Setting, solve_backward, train, train_on_grid
from ocnet.analysis import compare, diffusion_ledger, fgsm, regularisation_ledger, variance_ledger
from ocnet.analysis.balls import L2Ball
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import Logistic
from ocnet.training.objectives import ParticleObjective
from ocnet.training.optimisers import LBFGS, Adam
from ocnet.training.regularisers import Tikhonov

NETWORK = ResidualNetwork(Perceptron(2), Gaussian(0.2), layers=2)
WIDE = ResidualNetwork(Perceptron(2), Gaussian(0.2), layers=2, dim=5)
THETA = NETWORK.initialise(0)
POINTS = np.random.default_rng(0).normal(size=(20, 2))
LABELS = np.where(POINTS[:, 0] > 0, 1, -1)
EL = ExpectedLoss(Logistic())


def setting(network=NETWORK, points=POINTS, labels=LABELS, criterion=EL, penalties=()):
    return Setting(network, LabelledPoints(points, labels), criterion, penalties)


def problem():
    return KolmogorovProblem(Diffusion(lambda t, x: -x, np.eye(2), 2), lambda x: x[:, 0], 1.0)


def told(message, call):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


@pytest.mark.parametrize("other", [0, 7])
def test_labels_that_are_none_of_the_losss_are_refused_wherever_labels_are_taken(other):
    wrong = np.where(LABELS == 1, 1, other)
    objective, message = ParticleObjective(setting(), 2), f"={other} is none of the labels (-1, 1) of loss=Logistic()"
    told(message, lambda: regularisation_ledger(NETWORK, THETA, (POINTS, wrong)))
    told(message, lambda: diffusion_ledger(NETWORK.diffusion(THETA), LabelledPoints(POINTS, wrong), lambda x: x[:, 0], Logistic()))
    told(message, lambda: compare(NETWORK, THETA, (POINTS, wrong)))
    told(message, lambda: fgsm(objective, THETA, L2Ball(0.1), POINTS, wrong))
    assert variance_ledger(NETWORK, THETA, (POINTS, wrong), 2).total == variance_ledger(NETWORK, THETA, (POINTS, LABELS), 2).total     # no part there


def test_a_pair_is_labelled_points():
    assert Setting(NETWORK, (POINTS, LABELS), EL).fingerprint() == setting().fingerprint()


@pytest.mark.parametrize("message, call", [
    ("drift=-1.2 is not callable; write lambda t, x: -1.2 * x", lambda: Diffusion(-1.2, np.eye(1), 1)),
    ("loss=Logistic is a class, not a loss; give an object of ocnet.training.losses, such as ExpectedLoss(Logistic())",
     lambda: setting(criterion=ExpectedLoss(Logistic))),
    ("criterion=ExpectedLoss is a class", lambda: setting(criterion=ExpectedLoss)),
    ("criterion=Logistic() is a loss; give ExpectedLoss(Logistic())", lambda: setting(criterion=Logistic())),
    ("give a tuple, (Tikhonov(weight=0.001),)", lambda: setting(penalties=Tikhonov(1e-3))),
    ("penalties[0]=Tikhonov is no penalty", lambda: setting(penalties=(Tikhonov,))),
    ("network=Perceptron is no network", lambda: setting(network=Perceptron)),
    ("is neither labelled points nor a pair", lambda: Setting(NETWORK, POINTS, EL)),
    ("data has 4 columns, network.dim=2; give ResidualNetwork(…, dim=4)", lambda: setting(points=np.zeros((20, 4)))),
    ("data.points has shape (20, 4); expected (n, 2)", lambda: variance_ledger(NETWORK, THETA, (np.zeros((20, 4)), LABELS), 2)),
])
def test_a_problem_that_is_put_wrongly_is_refused(message, call):
    told(message, call)


@pytest.mark.parametrize("name, kind, such", [("block", "block", "Perceptron(16)"), ("noise", "noise model", "Gaussian(0.2), or Noiseless()"),
                                              ("readout", "readout", "Linear()"), ("architecture", "architecture", "ResNet()")])
@pytest.mark.parametrize("value", ["gaussian", None, 0.2])
def test_a_part_of_a_network_that_is_none_is_refused(name, kind, such, value):
    parts = {"block": Perceptron(4), "noise": Gaussian(0.2), "layers": 4}
    told(f"{name}={value!r} is no {kind}; give an object of ocnet.networks.", lambda: ResidualNetwork(**{**parts, name: value}))
    told(f"such as {such}", lambda: ResidualNetwork(**{**parts, name: value}))


@pytest.mark.parametrize("message, call", [
    ("optimiser=LBFGS is a class; give an object of ocnet.training.optimisers, such as LBFGS()", lambda: train_on_grid(setting(), THETA, LBFGS, 21)),
    ("optimiser='adam' is no optimiser", lambda: train_on_grid(setting(), THETA, "adam", 21)),
    ("optimiser=Adam is a class", lambda: train(ParticleObjective(setting(), 2), THETA, Adam)),
    ("objective=Setting(…) is no objective; give ParticleObjective(setting, paths=8) or", lambda: train(setting(), THETA, Adam(1))),
    ("objective=ParticleObjective is a class", lambda: train(ParticleObjective, THETA, Adam(1))),
    ("grid=ndarray(…) is no Grid; give Grid(", lambda: solve_backward(problem(), np.linspace(0, 1, 9))),
    ("problem=ResidualNetwork(…) is no KolmogorovProblem", lambda: solve_backward(NETWORK, Grid.uniform([0, 0], [1, 1], 9))),
    ("problem=ResidualNetwork(…) is no KolmogorovProblem", lambda: solve_backward(NETWORK, tolerance=0.1, at=POINTS)),
    ("is not a process; give a Diffusion", lambda: Grid.covering(NETWORK, POINTS, 31)),
    ("is not a LayeredProcess; give one", lambda: ocnet.MovingGrid.covering(NETWORK, POINTS, 31)),
    ("network.dim=5: grids serve one to three dimensions", lambda: train_on_grid(setting(WIDE, np.zeros((20, 5))), WIDE.initialise(0), LBFGS(), 7)),
    ("network.dim=5: grids serve one to three dimensions", lambda: compare(WIDE, WIDE.initialise(0), (np.zeros((20, 5)), LABELS))),
])
def test_things_of_another_kind_than_the_argument_are_named(message, call):
    told(message, call)


@pytest.mark.parametrize("points, labels, message", [
    (POINTS.T, LABELS, "points has shape (2, 20) and there are 20 labels: points are rows, so give points.T"),
    (POINTS[:, 0], LABELS, "points has shape (20,) and there are 20 labels: points are rows, so give points[:, None]"),
    (POINTS[:2], ["benign", "malignant"], "np.where(labels == 'malignant', 1, -1)"),
    (POINTS[:3], ["a", "b", "c"], "np.unique(labels, return_inverse=True)[1]"),
    (POINTS, LABELS > 0, "np.where(labels, 1, -1)"),
])
def test_points_on_their_side_and_labels_in_words_are_told_how_to_be_turned(points, labels, message):
    told(message, lambda: LabelledPoints(points, labels))


def test_a_classifier_is_told_what_of_it_can_be_saved_and_a_missing_folder_is_named(tmp_path):
    with pytest.raises(TypeError, match=re.escape("save model.trained_ (the network and θ), or use pickle or joblib")):
        ocnet.save(tmp_path / "it.npz", ocnet.StochasticResNetClassifier())
    for act in (lambda path: ocnet.save(path, 1), ocnet.load):
        with pytest.raises(FileNotFoundError, match=f"there is no folder {re.escape(str(tmp_path / 'none'))}; make it first") as refusal:
            act(tmp_path / "none" / "it.npz")
        assert ".tmp" not in str(refusal.value)


@pytest.mark.parametrize("name, home", [("Gaussian", "networks.noise"), ("Perceptron", "networks.blocks"), ("LBFGS", "training.optimisers"),
                                        ("Logistic", "training.losses")])
def test_a_name_that_lives_in_a_family_is_found(name, home):
    with pytest.raises(AttributeError, match=rf"no attribute '{name}'; did you mean ocnet.{home}.{name}\?$"):
        getattr(ocnet, name)


def test_a_name_that_is_nowhere_and_the_probes_of_tools_import_nothing():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'$"):
        ocnet.Nothing  # noqa: B018
    code = "import sys, ocnet; hasattr(ocnet, '__wrapped__'); hasattr(ocnet, '_repr_html_'); hasattr(ocnet, 'setup'); sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_family_that_is_searched_exists():
    for family in ocnet._FAMILIES:
        assert __import__(f"ocnet.{family}", fromlist=["it"]).__all__
