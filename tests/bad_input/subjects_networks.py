"""Networks, what they give out, and their controls."""

import numpy as np

from ocnet.networks import Control, ResidualNetwork, TrainedNetwork
from ocnet.networks.architectures import LMResNet, PolyNet, ResNet
from ocnet.networks.blocks import Perceptron
from ocnet.networks.neural_ode import FunctionAffine, NeuralODE
from ocnet.networks.noise import Gaussian, Noiseless, OutputDropout, StrongDropout
from ocnet.networks.readouts import Linear

from .verdict import Subject

NETWORK = ResidualNetwork(Perceptron(2), Gaussian(0.25), layers=2)
QUIET = ResidualNetwork(Perceptron(2), Noiseless(), layers=2)
MASKED = ResidualNetwork(Perceptron(2), OutputDropout(0.75), layers=2)
STRONG = ResidualNetwork(Perceptron(2), StrongDropout(0.5), layers=2)
POLY = ResidualNetwork(Perceptron(2), Gaussian(0.25), layers=2, architecture=PolyNet())
CONTROL = NETWORK.control
THETA = np.round(64 * NETWORK.initialise(0)) / 64                 # numbers that float32 has
POINTS = np.array([[0.5, -0.25], [1.0, 0.75], [-1.5, 0.5]])
X = np.ascontiguousarray(POINTS.T)


def described(network, x=None):
    """What a network says of itself, for comparing."""
    return {"layers": network.layers, "dim": network.dim, "horizon": network.horizon, "size": network.control.size, "times": network.times}


def ends(process, x0=POINTS):
    """The ends of a few paths."""
    return process.ends(np.ascontiguousarray(np.repeat(x0, 4, axis=0).T), 3, 0)


def _in_order(result, arguments):
    times = result["times"]
    assert (np.diff(times) > 0).all() and times[0] == 0.0


def _between(result, arguments):
    """Prolongations are convex combinations."""
    theta = np.asarray(arguments["theta"], float)
    assert result.min() >= theta.min() and result.max() <= theta.max()


_KNOWN = {"theta": ("parameters", "coefficients")}

SUBJECTS = [
    Subject("ResidualNetwork", lambda **a: described(ResidualNetwork(**a)),
            {"block": Perceptron(2), "noise": Gaussian(0.25), "layers": 2, "horizon": 1.0, "dim": 2, "readout": Linear(), "architecture": ResNet()},
            check=_in_order),
    Subject("ResidualNetwork.initialise", NETWORK.initialise, {"seed": 7}),
    Subject("ResidualNetwork.layered", lambda theta, precision: ends(NETWORK.layered(theta, precision)), {"theta": THETA, "precision": "double"},
            known_as=_KNOWN, unbounded=("",)),                # paths of huge numbers leave the floats: what looks at them says where
    Subject("ResidualNetwork.layered of PolyNet", lambda theta, precision: ends(POLY.layered(theta, precision)), {"theta": THETA, "precision": "double"},
            known_as=_KNOWN, unbounded=("",)),
    Subject("ResidualNetwork.diffusion", lambda theta, order: NETWORK.diffusion(theta, order).drift_rows(0.0, X), {"theta": THETA, "order": 1},
            known_as=_KNOWN, unbounded=("",)),
    Subject("ResidualNetwork.diffusion of PolyNet", lambda theta: POLY.diffusion(theta).drift_rows(0.0, X), {"theta": THETA}, known_as=_KNOWN,
            unbounded=("",)),
    Subject("ResidualNetwork.diffusion of LMResNet",
            lambda theta: ResidualNetwork(Perceptron(2), Gaussian(0.25), 2, architecture=LMResNet()).diffusion(theta).drift_rows(0.0, X),
            {"theta": np.concatenate([THETA[:12], [-0.25], THETA[12:24], [-0.25], THETA[24:]])}, known_as={"theta": ("k",)}, unbounded=("",)),
    Subject("ResidualNetwork.jump_process", lambda theta: ends(STRONG.jump_process(theta)), {"theta": THETA}, known_as=_KNOWN, unbounded=("",)),
    Subject("Control", lambda layout, layers, tail: Control(layout, layers, tail).zeros(),
            {"layout": (("W1", (2, 2)), ("b1", (2,))), "layers": 3, "tail": (("w", (2,)),)}),
    Subject("Control.check", CONTROL.check, {"theta": THETA}),
    Subject("Control.prolong", CONTROL.prolong, {"theta": THETA, "how": "linear"}, check=_between),
    Subject("TrainedNetwork", lambda network, theta: TrainedNetwork(network, theta).theta, {"network": NETWORK, "theta": THETA}),
    Subject("TrainedNetwork.score", TrainedNetwork(NETWORK, THETA).score, {"x": POINTS}),
    Subject("TrainedNetwork.layered", lambda precision: ends(TrainedNetwork(NETWORK, THETA).layered(precision)), {"precision": "double"}),
    Subject("TrainedNetwork.diffusion", lambda order: TrainedNetwork(NETWORK, THETA).diffusion(order).drift_rows(0.0, X), {"order": 1}),
    Subject("NeuralODE", lambda network, theta, interpolation: NeuralODE(network, theta, interpolation).velocity(0, 0.25, X),
            {"network": QUIET, "theta": THETA, "interpolation": FunctionAffine()}, unbounded=("",)),
    Subject("NeuralODE.states", lambda x, tolerance: NeuralODE(QUIET, THETA).states(x, tolerance), {"x": X, "tolerance": 1e-4}, known_as={"x": ("theta",)}),
]
