"""What `architectures.py` measures: networks of equal size, trained and tested, and paired intervals of their differences."""

from dataclasses import asdict, dataclass

import numpy as np
from scipy.special import logsumexp
from scipy.stats import t as student

from datasets import load, ten_classes
from ocnet.networks import ResidualNetwork
from ocnet.networks.architectures import FractalNet, HeunNet, KineticLM, LMResNet, PolyNet, ResNet, RevNet, WayNet
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian, StochasticDepth
from ocnet.networks.readouts import LinearClasses
from ocnet.training import train
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import CrossEntropy
from ocnet.training.objectives import LabelledPoints, ParticleObjective, Setting
from ocnet.training.optimisers import Adam

__all__ = ["ALL", "BATCH", "NOISES", "PairedInterval", "Trained", "bold_answer", "chosen", "difference", "fitted", "matched", "mean_and_error", "network_of"]

ALL = {"ResNet": ResNet(), "PolyNet": PolyNet(), "mPolyNet": PolyNet(weights="own"), "2-way": WayNet(), "FractalNet 2": FractalNet(),
       "FractalNet 3": FractalNet(3), "RevNet": RevNet(), "HeunNet": HeunNet(), "LM-ResNet": LMResNet(), "kinetic LM": KineticLM()}
NOISES = {"depth": StochasticDepth(0.8, schedule="linear"), "gaussian": Gaussian(0.1)}
BATCH, PATHS, LEVEL = 64, 2, 0.95


@dataclass(frozen=True)
class Trained:
    """One trained network: its size, the data term it reached, the share of test points it gets wrong and their mean cross-entropy; k_1, k_2, …"""

    architecture: str
    data: str
    layers: int
    width: int
    parameters: int
    seed: int
    train_loss: float
    test_error: float
    test_loss: float
    k: list


@dataclass(frozen=True)
class PairedInterval:
    """Mean difference over seeds and the ends of its 95 % interval, by Student's t."""

    mean: float
    low: float
    high: float
    seeds: int

    @classmethod
    def of(cls, differences):
        """From one difference a seed, two or more."""
        mean, count = np.mean(differences), len(differences)
        half = student.ppf(0.5 + LEVEL / 2, count - 1) * np.std(differences, ddof=1) / np.sqrt(count)
        return cls(float(mean), float(mean - half), float(mean + half), count)

    @property
    def verdict(self):
        """Which side of 0 the interval lies on."""
        return "lower" if self.high < 0 else "higher" if self.low > 0 else "undecided"

    def to_dict(self):
        """Plain numbers, and the verdict."""
        return {**asdict(self), "verdict": self.verdict}

    def __repr__(self):
        return f"PairedInterval({self.mean:+.4g} in [{self.low:+.4g}, {self.high:+.4g}], {self.seeds} seeds: {self.verdict})"


def bold_answer(what, verdicts):
    """One sentence on {data set: verdicts of its intervals of noise less none}: in how many of them noise lowers and raises `what`."""
    def counted(verdict, found):
        count = found.count(verdict)
        return f"all {len(found)}" if count == len(found) else f"{count or 'none'} of {len(found)}"

    lowers, raises = (", ".join(f"on {data} in {counted(verdict, found)}" for data, found in verdicts.items() if verdict in found or verdict == "lower")
                      for verdict in ("lower", "higher"))
    return (f"**Noise lowers {what} {lowers} paired comparisons with no noise; it raises it {raises or 'in none'}** "
            "(95 % intervals, of which 1 in 20 lies beside 0 by chance alone).")


def network_of(architecture, width, layers, dim, classes, given):
    """The network of so many hidden units a branch."""
    return ResidualNetwork(Perceptron(width), NOISES[given.noise], layers, given.horizon, dim, LinearClasses(classes), architecture)


def matched(architecture, layers, dim, classes, given):
    """The network whose number of parameters is nearest to that of a ResNet of the given width; of two as near, the smaller."""
    aim = network_of(ResNet(), given.width, layers, dim, classes, given).control.size
    one, two = (network_of(architecture, width, layers, dim, classes, given).control.size for width in (1, 2))
    width = max(1, int(np.ceil(1 + (aim - one) / (two - one) - 0.5)))         # sizes are affine in the width
    return network_of(architecture, width, layers, dim, classes, given)


def fitted(name, data_name, layers, seed, given, width=None):
    """The `Trained` network of one seed, of the given width or with as many parameters as ResNet's."""
    data = ten_classes(given.images, seed) if data_name == "ten-digits" else load(data_name, seed)
    classes = len(data.classes)
    train_labels, test_labels = (part.labels if classes > 2 else (part.labels + 1) // 2 for part in (data.train, data.test))
    make = matched if width is None else lambda architecture, *more: network_of(architecture, width, *more)
    network = make(ALL[name], layers, data.dim, classes, given)
    points = LabelledPoints(data.train.points, train_labels, data.train.weights)
    objective = ParticleObjective(Setting(network, points, ExpectedLoss(CrossEntropy(classes))), PATHS, seed, min(BATCH, len(points)))
    theta = train(objective, network.initialise(seed), Adam(iterations=given.iterations, rate=given.rate, check_every=given.iterations)).last
    scores = network.score(network.layered(theta).end_of_means(np.ascontiguousarray(data.test.points.T)), theta)
    loss = logsumexp(scores, axis=0) - scores[test_labels, np.arange(len(test_labels))]
    k = [float(network.control.layer(theta, n).k) for n in range(1, layers)] if name == "LM-ResNet" else []
    return Trained(name, data_name, layers, network.block.width, network.control.size, seed, objective.sample(theta).value,
                   float((scores.argmax(axis=0) != test_labels).mean()), float(loss.mean()), k)


def chosen(found, **wanted):
    """The trained networks with these fields, by seed."""
    return [t for t in found if all(getattr(t, name) == value for name, value in wanted.items())]


def difference(first, second, what):
    """The `PairedInterval` of first − second, seed by seed."""
    return PairedInterval.of([getattr(a, what) - getattr(b, what) for a, b in zip(first, second)])


def mean_and_error(rows, what):
    """Mean over seeds and its standard error."""
    values = [getattr(t, what) for t in rows]
    return np.mean(values), np.std(values, ddof=1) / np.sqrt(len(values))
