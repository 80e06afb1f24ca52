"""Placement of dropout: drifts against all masks, what stays as layers grow finer, and the experiment at a tiny size."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import dropout_placement as placement  # noqa: E402
from equal_variance import quiet_path  # noqa: E402
from ocnet.networks import ResidualNetwork  # noqa: E402
from ocnet.networks.blocks import Perceptron  # noqa: E402
from ocnet.networks.noise import Noiseless, OutputDropout  # noqa: E402
from tests.chance import random  # noqa: E402

TINY = ["--data", "moons", "--keeps", "0.5", "--layers", "4", "--horizon", "2", "--iterations", "40", "--paths", "16", "--draws", "1024", "--doublings", "4",
        "--seeds", "2", "--workers", "1"]


def _network(points=300, width=4):
    network = ResidualNetwork(Perceptron(width), Noiseless(), 3, 2.0, 2)
    return network, network.initialise(2), np.random.default_rng(5).normal(size=(points, 2))


def _enumerated(noise, network, theta, points):
    """Σ_n E|f̄_n − f_n|²/Σ_n E|f_n|², f̄ from the layer's own step at all its masks: 4, or 16 of the hidden units."""
    process, change, size = replace(network, noise=noise).layered(theta), 0.0, 0.0
    for n, at in quiet_path(network, theta, points):
        nodes, weights = process.law_at(n).quadrature(7)
        f = at.features.output
        mean = sum(w * (process.step(n, at.x, np.repeat(node[:, None], at.x.shape[1], axis=1)) - at.x) for node, w in zip(nodes, weights)) / network.dt
        change, size = change + ((mean - f) ** 2).sum(axis=0).mean(), size + (f * f).sum(axis=0).mean()
    return change / size


@pytest.mark.parametrize("place", placement.PLACES)
@pytest.mark.parametrize("q", [0.8, 0.5])
@random()
def test_measured_changes_of_the_drift_are_those_of_all_masks(place, q, chance):
    """2048 draws at 300 points: the means of two halves are off by about c |f|²/1024 each, squared.  So a change b² is known to
    2 b √(c/(1024 · 300)) |f|, and one of 0 to c/(1024 √300)."""
    network, theta, points = _network()
    noise, c = placement.PLACES[place](q), (1 - q) / q
    exact = _enumerated(noise, network, theta, points)
    found, _ = placement.drift_change(noise, network, theta, points, 2048)
    error = 2 * np.sqrt(exact * c / (1024 * 300)) + c / (1024 * np.sqrt(300))
    chance.mean(found, exact, error, detects=1e-3 + 0.1 * exact)
    if place in ("output", "hidden"):
        assert exact < 1e-30                                          # the branch is linear behind the mask
    elif place == "input":
        assert exact > 1e-3
    else:
        assert exact == pytest.approx((1 - q) ** 2, rel=1e-12)        # masks that are not rescaled: f̄ = q f


@random()
def test_squares_of_halves_have_no_bias_where_the_square_of_the_mean_has(chance):
    """Output dropout by 8 draws: no change; the plain square is c/8 of |f|², half of which is found."""
    network, theta, points = _network(points=2000)
    found, error = placement.drift_change(OutputDropout(0.5), network, theta, points, 8)
    chance.mean(found, 0.0, error, detects=0.125 / 2)


def test_the_change_by_input_masks_is_of_first_order_in_their_variance():
    """f̄ − f = ½ c Σ x_j² ∂_jj f + O(c²) (MATH 1.3): squares at c and 2c are as 1 to 4, but for O(c) here of 1/64 times some curvature below 8."""
    network, theta, points = _network(points=60)
    changes = [_enumerated(placement.PLACES["input"](1 / (1 + c)), network, theta, points) for c in (1 / 128, 1 / 64)]
    assert changes[1] / changes[0] == pytest.approx(4, rel=8 / 64)


@random(comparisons=2)
def test_finer_layers_forget_masks_behind_the_nonlinearity_and_keep_those_before_it(tmp_path, chance):
    summary = placement.main([*TINY, "--out", str(tmp_path)])
    shift = {place: np.array(rows) for place, rows in summary["drifts"]["shift"].items()}
    assert shift["input"][:, 0].tolist() == [4, 8, 16, 32, 64]
    for place in ("output", "hidden"):
        # the shift is O(1/N): its square falls by 16 from 16 layers to 64, but for O(1/16) of a coefficient of 4 in the shift at 16
        fallen = (1 + 4 / 16) ** 2 / 16
        chance.least(fallen * shift[place][-3, 1], shift[place][-1, 1], np.hypot(shift[place][-1, 2], fallen * shift[place][-3, 2]),
                     detects=0.1 * shift["input"][-1, 1] + 1e-3)
    for place in ("input", "output, raw"):
        # another ODE in the limit: the same factors around a number that stays
        assert shift[place][-1, 1] > (1 + 4 / 16) ** -2 * shift[place][-3, 1]
        assert shift[place][-1, 1] > 1e-3                              # as by all masks, above; its bar is that of the points, which are one set
    rows = {(r["place"], r["keep"], r["seed"], r["way"]): r for r in summary["trained"]}
    assert len(rows) == 2 * 3 * (1 + len(placement.PLACES))
    for seed in (0, 1):
        for place in placement.PLACES:
            means, all_on = (rows[place, 0.5, seed, way]["test_loss"] for way in ("means", "all_on"))
            # the mean network is the network without noise exactly where the drift is unchanged: one and the same sum
            assert (means == all_on) == (place in ("output", "hidden"))
        assert rows["none", 1.0, seed, "averaged"]["test_loss"] == pytest.approx(rows["none", 1.0, seed, "all_on"]["test_loss"], abs=1e-12)
    gaps = [rows["input", 0.5, s, "all_on"]["test_loss"] - rows["input", 0.5, s, "averaged"]["test_loss"] for s in (0, 1)]
    assert summary["to_averaged"]["moons"]["input"]["0.5"]["all_on"]["mean"] == pytest.approx(np.mean(gaps), abs=1e-13)
    assert json.loads((tmp_path / "dropout_placement.json").read_text())["paragraph"] == summary["paragraph"]
    assert (tmp_path / "dropout_placement.png").stat().st_size > 10_000


def test_what_makes_no_sense_is_refused():
    for wrong in (["--seeds", "1"], ["--keeps", "1.5"], ["--draws", "7"]):
        with pytest.raises(ValueError, match="give two seeds or more"):
            placement.main(wrong)
