"""Noise at equal variance: by masks and nodes enumerated, not by the models' own covariances; small training sets; the experiment at a tiny size."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import equal_variance  # noqa: E402
import generalisation  # noqa: E402
import small_sets  # noqa: E402
from architecture_measures import bold_answer  # noqa: E402
from ocnet.networks import ResidualNetwork  # noqa: E402
from ocnet.networks.blocks import Perceptron  # noqa: E402
from ocnet.networks.noise import HiddenDropout, InputDropout, Noiseless, OutputDropout  # noqa: E402
from tests.chance import random, rng  # noqa: E402

TINY = ["--data", "moons", "--kinds", "output", "input", "--ratios", "0.2", "1", "--layers", "2", "--iterations", "40", "--rounds", "2", "--paths", "16",
        "--seeds", "3", "--workers", "1"]
STUDENT = 4.30265273                 # t at 97.5 % of two degrees of freedom


def _network(dim=2, width=4, layers=3):
    network = ResidualNetwork(Perceptron(width), Noiseless(), layers, 2.0, dim)
    theta = network.initialise(3)
    points = np.random.default_rng(1).normal(size=(20, dim))
    return network, theta, points


def _enumerated(network, theta, points):
    """tr Cov(X_{n+1} − X_n)/|dt f|² of each layer on the quiet path, from the layer's own step at all nodes of its law: exact for masks, and for
    normal channels, as seven nodes integrate squares."""
    process, quiet = network.layered(theta), replace(network, noise=Noiseless()).layered(theta)
    x, found = np.ascontiguousarray(points.T), []
    for n in range(network.layers):
        nodes, weights = process.law_at(n).quadrature(7)
        ends = np.stack([process.step(n, x, np.repeat(node[:, None], x.shape[1], axis=1)) for node in nodes])
        mean = np.einsum("k,kin->in", weights, ends)
        variance = np.einsum("k,kin->n", weights, (ends - mean) ** 2).mean()
        after = quiet.mean_step(n, x)
        found.append(variance / ((after - x) ** 2).sum(axis=0).mean())
        x = after
    return np.array(found)


@pytest.mark.parametrize("kind", equal_variance.KINDS)
@pytest.mark.parametrize("ratio", [0.05, 0.2])
def test_every_layer_has_the_variance_asked_for(kind, ratio):
    network, theta, points = _network()
    noisy = replace(network, noise=equal_variance.at_equal_variance(kind, ratio, network, theta, points))
    # rounding of sums; of input dropout a keep probability to 1e-7, on which the ratio depends with a slope below 10
    tolerance = 1e-6 if kind == "input" else 1e-12
    assert _enumerated(noisy, theta, points) == pytest.approx(np.full(3, ratio), abs=tolerance)
    assert equal_variance.layer_traces(noisy, theta, points) == pytest.approx(np.full(3, ratio), abs=tolerance)


def test_equal_keep_probabilities_are_not_equal_variances():
    """What the rule is for: hidden and input dropout that keep as much as output dropout of ratio 0.3 are far from it."""
    network, theta, points = _network()
    for model in (HiddenDropout(1 / 1.3), InputDropout(1 / 1.3)):
        found = _enumerated(replace(network, noise=model), theta, points)
        assert np.abs(found / 0.3 - 1).max() > 0.2
        assert equal_variance.layer_traces(replace(network, noise=model), theta, points) == pytest.approx(found, rel=1e-10)


@random(comparisons=2)
def test_masks_of_many_inputs_are_sampled_without_bias(chance):
    """d = 10: all 1024 masks against 16 draws a point.  Of 4000 points; a layer's standard error is about √(2/15)/√4000 of the trace, here 0.6 % times
    the spread over points, 2; finds a third of the ratio, for the points that stand for all."""
    network, theta, _ = _network(dim=10, layers=2)
    points = rng(2).normal(size=(4000, 10))
    noise = equal_variance.at_equal_variance("input", 0.2, network, theta, points)
    exact = []
    for n, at in equal_variance.quiet_path(network, theta, points[:400]):
        f, model = at.features.output, noise.at(n, 2, network.dt)
        exact.append(np.trace(model.covariance(at)).mean() / (f * f).sum(axis=0).mean())
    # 400 of the points stand for all: another 1/√400 of the spread
    chance.mean(exact, 0.2, 0.2 * np.hypot(0.012, 0.7 / np.sqrt(400)), detects=0.06)


def test_a_variance_out_of_reach_gives_the_largest_there_is():
    network, theta, points = _network()
    noise = equal_variance.at_equal_variance("input", 1e3, network, theta, points)
    reached = _enumerated(replace(network, noise=noise), theta, points)
    for keep in np.linspace(0.03, 0.97, 20):
        other = _enumerated(replace(network, noise=InputDropout(keep)), theta, points)
        # between the probabilities tried, 0.075 apart, a smooth maximum is missed by a few per cent
        assert (other <= 1.05 * reached).all()
    assert (reached < 1e3).all()


@pytest.mark.parametrize("wrong, told", [(("output", 0.0), "ratio=0"), (("nothing", 0.1), "kind='nothing'")])
def test_what_has_no_variance_is_refused(wrong, told):
    with pytest.raises(ValueError, match=told):
        equal_variance.at_equal_variance(*wrong, *_network())


@pytest.mark.parametrize("name", small_sets.DATA)
def test_small_sets_are_in_proportion_and_apart_from_their_tests(name):
    one, other = small_sets.small_set(name, 4), small_sets.small_set(name, 5)
    count = small_sets.DATA[name][0]
    assert len(one.train) == count and set(one.train.labels) <= set(range(one.classes)) and "training" in repr(one)
    shares = np.bincount(one.train.labels, minlength=one.classes) / count
    wanted = np.bincount(one.test.labels, minlength=one.classes) / len(one.test)
    assert np.abs(shares - wanted).max() <= 1 / count + 1 / len(one.test)              # rounding of both
    assert not {tuple(x) for x in one.train.points} & {tuple(x) for x in one.test.points}
    assert not np.array_equal(one.train.points, other.train.points)
    assert np.array_equal(one.train.points, small_sets.small_set(name, 4).train.points)


def test_each_round_sets_its_noise_at_the_network_as_it_stands():
    data, seen = small_sets.small_set("moons", 0), []

    def noise_at(network, theta):
        seen.append(theta.copy())
        return OutputDropout(1 / (1 + len(seen)))

    network, theta = small_sets.trained(small_sets.network_for(data, Noiseless(), 2, 1.0), data, noise_at, 6, 0.03, rounds=3)
    assert np.array_equal(seen[0], network.initialise(0)) and network.noise == OutputDropout(1 / 4)
    # Adam moves a number by about its rate, 0.03, in a step
    assert all(np.abs(a - b).max() > 0.01 for a, b in zip(seen, [*seen[1:], theta]))


def test_processes_give_what_one_gives_in_order():
    assert small_sets.over_seeds(abs, 5, 2) == small_sets.over_seeds(abs, 5, 1) == [0, 1, 2, 3, 4]


def test_differences_are_paired_and_what_is_said_is_what_was_measured(tmp_path):
    summary = generalisation.main([*TINY, "--out", str(tmp_path)])
    rows = {(r["kind"], r["ratio"], r["seed"]): r for r in summary["trained"]}
    assert len(rows) == 3 * (1 + 2 * 2)
    for kind, of_kind in summary["differences"]["moons"].items():
        for ratio, of_ratio in of_kind.items():
            for what, interval in of_ratio.items():
                d = np.array([rows[kind, float(ratio), s][what] - rows["none", 0.0, s][what] for s in range(3)])
                assert interval["mean"] == pytest.approx(d.mean(), abs=1e-13)
                assert interval["high"] - interval["mean"] == pytest.approx(STUDENT * d.std(ddof=1) / np.sqrt(3), rel=1e-6)
    for row in summary["trained"]:
        assert row["gap"] == pytest.approx(row["test_loss"] - row["train_loss"], abs=1e-15)
        if row["kind"] == "none":
            assert row["test_loss_error"] < 1e-15                       # nothing is drawn
        else:
            assert row["reached"] == pytest.approx([row["ratio"]] * 2, abs=1e-5) or row["kind"] == "input"
            assert row["test_loss_error"] > 1e-6
    # forty steps of Adam from a random start: the noise-free networks are well below chance, log 2
    assert np.mean([rows["none", 0.0, s]["train_loss"] for s in range(3)]) < 0.6 * np.log(2)
    assert json.loads((tmp_path / "generalisation.json").read_text())["paragraph"] == summary["paragraph"]
    assert (tmp_path / "generalisation.png").stat().st_size > 10_000 and "hold 0" in summary["paragraph"]


def test_without_two_seeds_there_are_no_intervals():
    with pytest.raises(ValueError, match="two seeds or more"):
        generalisation.main(["--seeds", "1"])


def test_the_first_sentence_counts_the_intervals_on_each_side():
    said = bold_answer("the loss", {"one": ["lower", "undecided"], "two": ["lower", "lower"], "three": ["undecided", "higher", "higher"]})
    assert "**Noise lowers the loss on one in 1 of 2, on two in all 2, on three in none of 3 paired" in said and said.count("**") == 2
    assert "it raises it on three in 2 of 3**" in said and "raises it in none**" in bold_answer("the loss", {"one": ["undecided"]})
