"""Robustness: the scalar chain by quadrature, noise in proportion to the states, and the experiment at a tiny size."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import lyapunov_chain as chain  # noqa: E402
import robustness  # noqa: E402
from ocnet import propagate  # noqa: E402
from ocnet.networks import ResidualNetwork  # noqa: E402
from ocnet.networks.blocks import Perceptron  # noqa: E402
from ocnet.networks.noise import Noiseless  # noqa: E402
from tests.chance import random  # noqa: E402

TINY = ["--data", "moons", "breast-cancer", "--levels", "0.3", "--members", "1", "2", "--layers", "2", "--iterations", "40", "--rounds", "2", "--points", "30",
        "--steps", "5", "--paths", "8", "--judges", "64", "--chain-paths", "4000", "--time-steps", "0.1", "0.01", "--seeds", "2", "--workers", "1"]


@pytest.mark.parametrize("dt, given", [(0.1, -1.1380), (0.01, -1.1006), (0.001, -1.0086)])
def test_quadrature_gives_the_constants(dt, given):
    assert chain.by_quadrature("Euler–Maruyama", dt) == pytest.approx(given, abs=5e-5)           # four digits are given


@pytest.mark.parametrize("name, slope", [("Euler–Maruyama", -8.5), ("Milstein", 3.5)])
def test_steps_are_off_by_a_first_order_that_is_known(name, slope):
    """Moments of ξ in E log(factor) to order dt²: −½L² + L s² − ¾ s⁴ for Euler–Maruyama, −½L² + L s² for Milstein.

    What is left is O(dt) with a coefficient like 2 s⁶ = 128, and the rule's 1e-11/dt²."""
    for dt in (1e-3, 1e-4):
        measured = (chain.by_quadrature(name, dt) - chain.exponent()) / dt
        assert measured == pytest.approx(slope, abs=128 * dt + 1e-11 / dt**2)
    assert (chain.exponent(), chain.mean_square()) == (-1.0, 6.0)


def test_the_noise_of_a_layer_is_so_many_deviations_of_its_states():
    network = ResidualNetwork(Perceptron(5), Noiseless(), 3, 2.0, 2)
    theta, points = network.initialise(1), np.random.default_rng(0).normal(size=(50, 2))
    noisy = replace(network, noise=robustness.in_proportion(0.2, network, theta, points)).layered(theta)
    quiet = propagate(network.layered(theta), points, 2, keep_layers=True).layers[:, :, 0]
    for n in range(3):
        xi = np.ones((2, 50))
        added = noisy.step(n, np.ascontiguousarray(quiet[n].T), xi) - quiet[n + 1].T
        assert added == pytest.approx(np.full((2, 50), 0.2 * quiet[n + 1].std()), rel=1e-12)     # ξ = 1 is one standard deviation
    assert isinstance(robustness.in_proportion(0.0, network, theta, points), Noiseless)


@random(comparisons=56)
def test_attacks_and_exponents_obey_what_holds_for_any_network(tmp_path, chance):
    summary = robustness.main([*TINY, "--out", str(tmp_path)])
    rows = {(r["data"], r["level"], r["members"], r["seed"], r["attack"]): r for r in summary["attacks"]}
    assert len(rows) == 2 * (1 + 1 * 2) * 2 * 4
    for key, row in rows.items():
        if key[1] == 0.0:
            assert row["loss_before_error"] < 1e-13                     # nothing is drawn
            if key[-1].startswith("PGD"):
                assert row["loss_after"] >= row["loss_before"] - 1e-12   # the best point met is kept, and the judges see the same network
        if key[-1].startswith("PGD"):
            one = rows[(*key[:-1], key[-1].replace("PGD", "FGSM"))]
            # a step of half the radius and more in each of five: no worse than one, but for the attack's own noise and a curvature of some per cent;
            # the same draws judge both, so that the variance of their difference is less than the sum.  Found is an attack that goes nowhere.
            gain = one["loss_after"] - one["loss_before"]
            chance.least(row["loss_after"], one["loss_after"], np.hypot(row["loss_after_error"], one["loss_after_error"]), detects=gain, slack=0.05 * gain)
            if key[1] == 0.0:
                assert row["loss_after"] > row["loss_before"]
            else:
                chance.exceeds(row["loss_after"], row["loss_before"], np.hypot(row["loss_after_error"], row["loss_before_error"]))
    assert [(r["data"], r["paths"]) for r in summary["strengths"][:4]] == [("moons", 4), ("moons", 16), ("moons", 64), ("breast-cancer", 4)]
    for row in summary["strengths"]:
        # one judge for all: the loss before is one and the same number
        same = [r["loss_before"] for r in summary["strengths"] if (r["data"], r["seed"]) == (row["data"], row["seed"])]
        assert set(same) == {rows[row["data"], 0.3, 1, row["seed"], "PGD L∞"]["loss_before"]}
    for data, to in summary["against"].items():
        for attack, of in to.items():
            for pair, interval in of.items():
                level, members = float(pair.split(",")[0]), int(pair.split(",")[1])
                gaps = [rows[data, level, members, s, attack]["error_after"] - rows[data, 0.0, 1, s, attack]["error_after"] for s in (0, 1)]
                assert interval["mean"] == pytest.approx(np.mean(gaps), abs=1e-14)
    for scheme in summary["chain"]["schemes"].values():
        for exact, sampled, error in zip(scheme["quadrature"], scheme["paths"], scheme["errors"]):
            chance.mean(sampled, exact, error, detects=0.5)
    moment = summary["chain"]["moment"]
    chance.mean(moment["value"], moment["exact"], moment["standard_error"], detects=1.7)
    for row in summary["on_states"]:
        assert row["mean_square"] >= row["exponent"]                     # Jensen, of the very same paths
    first, last = summary["on_states"][0], summary["on_states"][-1]
    assert last["mean_square"] - last["exponent"] > first["mean_square"] - first["exponent"]      # noise drives them apart
    assert json.loads((tmp_path / "robustness.json").read_text())["paragraph"] == summary["paragraph"]
    assert (tmp_path / "robustness.png").stat().st_size > 10_000


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="even number of paths"):
        robustness.main(["--paths", "6", "--judges", "64"])
    for wrong in (["--seeds", "1"], ["--members", "4"]):
        with pytest.raises(ValueError, match="give two seeds or more"):
            robustness.main(wrong)
