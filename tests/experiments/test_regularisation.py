"""The experiment on regularisation at a tiny size: constants, orders, identities."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import regularisation  # noqa: E402
from tests.chance import random  # noqa: E402

TINY = ["--nodes", "801", "--data", "1321", "--steps", "32", "--doublings", "2", "--points", "30", "--layers", "4", "--iterations", "30", "--paths", "128"]


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    folder = tmp_path_factory.mktemp("regularisation")
    found = regularisation.main([*TINY, "--out", str(folder)])
    return {**found, "folder": folder}


def test_r1_s_constants_and_identities_hold_within_their_bars(summary):
    """Closed forms of tests/analysis/small_noise.py: J_0 = 0.22252852, C1 = 0.19082138, PEN = 0.05216562, J_EL − J_LE = 0.09915232 (each to its last
    digit, 1e-8).  The quadrature of 1321 nodes errs by exp(−2π 0.025/0.005) = 2e-14 of the sharpest integrands."""
    r1 = summary["r1"]
    assert abs(r1["ledger"]["noise_free"] - 0.22252852) <= r1["ledger"]["noise_free_bar"] + 1e-8
    assert abs(r1["ledger"]["penalty"] - 0.19082138) <= r1["ledger"]["penalty_bar"] + 1e-8 and r1["ledger"]["penalty_bar"] < 1e-4
    assert abs(r1["pen"] - 0.05216562) <= r1["pen_bar"] + 1e-8
    variance = r1["variance"]
    assert variance["within"] and all(abs(variance[side] - 0.09915232) < variance[f"{side}_bar"] < 0.01 * 0.0992 for side in ("total", "gap"))
    J_EL, J_LE = summary["r1_losses"]["0.5"]
    for M, (value, bar) in summary["r1_ensembles"].items():
        assert abs(value - J_LE[0] - (J_EL[0] - J_LE[0]) / int(M)) < 1e-14 and abs(value - 0.17390631 - 0.09915232 / int(M)) < bar + 2e-8


def test_what_the_ledger_leaves_is_of_fourth_order_and_dropout_fades_as_one_over_n(summary):
    """R = a σ⁴(1 + b σ²), |b| < 2: the slope up to 0.2 is 4 ± 0.1 (see test_regularisation of the analysis).  Over ½ (c/N) PEN the gap is 1 + k/N + …:
    its excess at least falls, and at 32 layers it is below a third of that at 8 (a quarter, but for 1/N²)."""
    assert abs(summary["orders"]["additive"] - 4) < 0.1
    ratio = {int(N): four[1] for N, four in summary["fading"].items()}
    newton = {int(N): four[3] for N, four in summary["fading"].items()}
    assert 0 < ratio[32] - 1 < (ratio[8] - 1) / 3 and 0 < 1 - newton[32] < (1 - newton[8]) / 3


@random(comparisons=5)
def test_the_trained_network_s_split_and_ensembles_agree_with_j(summary, chance):
    """J_M by independent paths against J_LE + (J_EL − J_LE)/M, 4 member counts; and both sides of the variance's identity."""
    variance = summary["variance"]
    chance.mean(variance["total"], variance["gap"], np.hypot(variance["total_bar"], variance["gap_bar"]) / 3, detects=variance["gap"])
    (el, el_error), (le, le_error) = summary["levels"]["1"]
    for M, (value, error) in summary["ensembles"].items():
        share = 1 / int(M)
        chance.mean(value, le + (el - le) * share, np.sqrt(error**2 + (share * el_error) ** 2 + ((1 - share) * le_error) ** 2), detects=el)
    assert min(summary["ledger"]["gauss_newton"]) >= 0


def test_json_figure_and_words_are_there(summary):
    on_disk = json.loads((summary["folder"] / "regularisation.json").read_text())
    assert on_disk["orders"] == summary["orders"] and (summary["folder"] / "regularisation.png").stat().st_size > 20_000
    assert "fades as 1/N" in summary["paragraph"] and "\n".join(summary["lines"]).count("J_M, M") == 4


def test_paths_that_make_no_groups_are_refused():
    with pytest.raises(ValueError, match="--paths 24"):
        regularisation.main(["--paths", "24"])
