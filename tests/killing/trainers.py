"""Trainings of a tiny network: every optimiser that keeps a checkpoint or a journal in its own way, on the grid in rounds, and in depth."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import ocnet
from ocnet.grid import Grid
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian
from ocnet.training import train, train_in_depth, train_on_grid
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import Logistic
from ocnet.training.objectives import GridObjective, LabelledPoints, ParticleObjective, Setting
from ocnet.training.optimisers import LBFGS, Adam, AveragedSGD, SequentialHamiltonian, TrustConstr
from ocnet.training.regularisers import Tikhonov

from . import subjects  # noqa: F401 — makes the experiments importable

__all__ = ["TRAINERS", "Training"]


def _setting():
    x = np.random.default_rng(1).normal(size=(12, 1))
    network = ResidualNetwork(Perceptron(2), Gaussian(0.3), 2, dim=1)
    return Setting(network, LabelledPoints(x, np.where(x[:, 0] > 0, 1, -1)), ExpectedLoss(Logistic()), (Tikhonov(1e-3),))


@dataclass(frozen=True)
class Training:
    """`make(setting, start, path)` trains with what it needs to go on at `path`, and returns a TrainingResult or a DepthTraining.

    path : name of the file in the folder of the run, or "" where the journal is a folder: that one
    """

    name: str
    make: Callable
    path: str = "state.npz"

    def prepare(self, folder):
        folder.mkdir(parents=True, exist_ok=True)

    def command(self, folder):
        """Train, then write all of the result but its seconds, as a program with a command line would."""
        from command_line import report_errors
        return report_errors(lambda: self._trained(Path(folder)))

    def _trained(self, folder):
        setting = _setting()
        found = self.make(setting, setting.network.initialise(3), folder / self.path)
        results = [level.result for level in found.levels] if hasattr(found, "levels") else [found]
        ocnet.save(folder / "result.npz", [{"x": r.x, "last": r.last, "fun": r.fun, "jac": r.jac, "nit": r.nit, "nfev": r.nfev, "message": r.message,
                                            "iterations": r.history["iteration"], "values": r.history["value"]} for r in results])

    def may_differ(self, name, data, wanted):
        """Whether a file may have other bytes: those that hold seconds."""
        return name != "result.npz"


def _by(optimiser, particles=True):
    def make(setting, start, path):
        objective = ParticleObjective(setting, 4, seed=5) if particles else GridObjective(setting, Grid.uniform(-5, 5, 41))
        return train(objective, start, optimiser, path)
    return make


def _in_depth(setting, start, path):
    optimiser = Adam(iterations=6, check_every=2, save_every=0)
    return train_in_depth(setting, start, lambda there, theta: ParticleObjective(there, 4, seed=5), optimiser, 2, journal=path)


def _on_grid(setting, start, path):
    return train_on_grid(setting, start, LBFGS(iterations=8), 15, journal=path)


TRAINERS = {training.name: training for training in (
    Training("train: Adam", _by(Adam(iterations=12, check_every=3, save_every=0))),
    Training("train: averaged SGD", _by(AveragedSGD(iterations=12, check_every=3, save_every=0))),
    Training("train: Hamiltonian", _by(SequentialHamiltonian(iterations=4, save_every=0))),
    Training("train: L-BFGS", _by(LBFGS(iterations=10), particles=False)),
    Training("train: trust-constr", _by(TrustConstr(iterations=6), particles=False)),
    Training("train_on_grid", _on_grid, ""), Training("train_in_depth", _in_depth, ""))}
