"""The experiment that certifies trained networks, at a tiny size: theory must hold there too."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import certify
from tests.chance import random

FLOOR = 0.153362                     # of the line toy: no function of x is below (MATH 1.7)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    path = tmp_path_factory.mktemp("certify") / "rows.json"
    result = certify.main(["--data", "interval", "--seeds", "1", "--iterations", "6", "--nodes", "41", "--layers", "4", "--paths", "100000",
                           "--json", str(path)])
    return result, json.loads(path.read_text())


@random(comparisons=4)
def test_views_agree_and_nothing_is_below_the_floor(found, chance):
    """Chain and particles by a bar that is wider than the verdict's; finds a twelfth of the loss."""
    (row,) = found[0]["rows"]
    told = row["certificate"]
    error = told["errors"]["sampling"]
    chance.mean(told["objective_particles"], told["objective_network"], error, detects=0.12 * told["objective_network"],
                slack=told["network_error_bar"] - 3 * error)
    for view in ("grid", "particle"):
        chance.least(row[f"{view}_loss"], FLOOR, row[f"{view}_error"], detects=0.02)
        assert row[f"{view}_objective"] > row[f"{view}_loss"]
    chance.mean(row["grid_loss"], told["objective_network"], row["grid_error"], detects=0.12 * told["objective_network"], slack=told["network_error_bar"])


def test_the_particles_get_the_grids_time(found):
    row = found[0]["rows"][0]
    assert row["particle_steps"] >= 1 and row["ratio"] == row["grid_objective"] / row["particle_objective"]


def test_rows_on_disk_are_those_returned(found):
    assert found[1] == json.loads(json.dumps(found[0]["rows"])) and "1 of 1 certified" in found[0]["lines"][-1]
