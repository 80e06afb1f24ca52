"""Small training sets and networks trained on them: what the experiments on generalisation, placement and robustness share.

A training set is so small that a network without noise fits it; tests are on all held-out points.  Unless said otherwise a network is tested as it was
trained, noise on: its prediction is that of its expected scores, and its loss that of the expectation (LE), sampled with fresh noise.
"""

from dataclasses import dataclass, replace

import numpy as np

from datasets import load, ten_digits
from ocnet.kernels.philox import derived_seed
from ocnet.networks import ResidualNetwork
from ocnet.networks.blocks import Perceptron
from ocnet.networks.readouts import LinearClasses
from ocnet.training import train
from ocnet.training.criteria import ExpectedLoss, LossOfExpectation
from ocnet.training.losses import CrossEntropy
from ocnet.training.objectives import LabelledPoints, ParticleObjective, Setting
from ocnet.training.optimisers import Adam
from parts import over, unkept

__all__ = ["DATA", "SmallSet", "Tested", "chosen", "judged", "judged_along_means", "mean_and_error", "network_for", "over_seeds", "small_set", "trained"]

PATHS = 2                            # a point and iteration of training; fresh ones in each
_TESTING = 31                        # word that keeps the random stream of tests apart
DATA = {"moons": (40, 1000), "breast-cancer": (40, None), "digits": (100, None)}          # points to train on; points made, where they are made
WIDTHS = {"moons": 16, "breast-cancer": 16, "digits": 24}


@dataclass(frozen=True, eq=False)
class SmallSet:
    """name; train and test LabelledPoints with labels 0 … classes − 1; the split's seed."""

    name: str
    train: LabelledPoints
    test: LabelledPoints
    classes: int
    seed: int

    @property
    def dim(self):
        return self.train.points.shape[1]

    def __repr__(self):
        return f"SmallSet({self.name}: {len(self.train)} training and {len(self.test)} test points in {self.dim}-D, seed {self.seed})"


@dataclass(frozen=True)
class Tested:
    """Loss of the expectation and share of wrong decisions on both parts; se of the test loss by sampling alone."""

    train_loss: float
    test_loss: float
    test_loss_error: float
    train_error: float
    test_error: float

    @property
    def gap(self):
        """Test loss less training loss."""
        return self.test_loss - self.train_loss


def small_set(name, seed):
    """The `SmallSet` of a seed: so many points of the training part, of each class in proportion, and the whole test part.

    digits are all ten, in 16 principal components; breast-cancer has two, moons are as they are.
    """
    count, size = DATA[name]
    data = ten_digits(seed) if name == "digits" else load(name, seed, **({"size": size} if size else {}))
    classes = len(data.classes)
    labels = [part.labels if classes > 2 else (part.labels + 1) // 2 for part in (data.train, data.test)]
    rows = _stratified(labels[0], count, seed)
    return SmallSet(name, LabelledPoints(data.train.points[rows], labels[0][rows]), LabelledPoints(data.test.points, labels[1]), classes, seed)


def _stratified(labels, count, seed):
    """(count,) rows: of each class its share, rounded so that they sum up (largest remainders), drawn without repetition, in order."""
    rng, kinds = np.random.default_rng([seed, 1]), np.unique(labels)
    share = np.array([(labels == k).sum() for k in kinds]) * count / len(labels)
    take = np.floor(share).astype(int)
    take[np.argsort(take - share, kind="stable")[:count - take.sum()]] += 1
    return np.sort(np.concatenate([rng.permutation(np.flatnonzero(labels == k))[:n] for k, n in zip(kinds, take)]))


def network_for(data, noise, layers, horizon):
    """The network of a small set."""
    return ResidualNetwork(Perceptron(WIDTHS[data.name]), noise, layers, horizon, data.dim, LinearClasses(data.classes))


def trained(network, data, noise_at, iterations, rate, rounds=1, criterion=ExpectedLoss, paths=PATHS):
    """Train by Adam in `rounds` of equally many iterations on all points; return the network, with the noise of its last round, and θ.

    noise_at  : callable (network, θ) -> the noise of the round that starts at θ
    criterion : of CrossEntropy
    """
    theta, loss = network.initialise(data.seed), CrossEntropy(data.classes)
    for k in range(rounds):
        network = replace(network, noise=noise_at(network, theta))
        objective = ParticleObjective(Setting(network, data.train, criterion(loss)), paths, derived_seed(data.seed, k))
        each = max(1, iterations // rounds)
        theta = train(objective, theta, Adam(iterations=each, rate=rate, check_every=each)).last
    return network, theta


def judged(network, theta, data, paths):
    """The `Tested` network, by the expected scores of so many paths a point."""
    loss, found = CrossEntropy(data.classes), []
    for part in (data.train, data.test):
        setting = Setting(network, LabelledPoints(part.points, part.labels), LossOfExpectation(loss))
        sample = ParticleObjective(setting, paths, derived_seed(data.seed, _TESTING)).sample(theta)
        found.append((sample.value, sample.standard_error, float((setting.criterion.predict(sample.means) != part.labels).mean())))
    (train_loss, _, train_error), (test_loss, error, test_error) = found
    return Tested(train_loss, test_loss, error, train_error, test_error)


def judged_along_means(network, theta, data):
    """The `Tested` network without draws: every branch at its mean.  With `Noiseless()` in place of its noise: all units on."""
    process, loss, found = network.layered(theta), CrossEntropy(data.classes), []
    for part in (data.train, data.test):
        scores = network.score(process.end_of_means(np.ascontiguousarray(part.points.T)), theta)
        found.append((float(loss.value(scores, part.labels).mean()), float((LossOfExpectation(loss).predict(scores) != part.labels).mean())))
    (train_loss, train_error), (test_loss, test_error) = found
    return Tested(train_loss, test_loss, 0.0, train_error, test_error)


def chosen(rows, what, **wanted):
    """(seeds,) the numbers `what` of the rows with these entries, in their order."""
    return np.array([row[what] for row in rows if all(row[name] == value for name, value in wanted.items())])


def mean_and_error(values):
    """Mean over seeds, and its standard error."""
    return values.mean(), values.std(ddof=1) / np.sqrt(len(values))


def over_seeds(measure, seeds, workers, part=unkept):
    """[measure(seed), …] for seeds 0 … seeds − 1, each a part of the run, on so many processes of one thread each; the same bits whatever their number."""
    return over(part, {f"seed {seed}": seed for seed in range(seeds)}, measure, workers)
