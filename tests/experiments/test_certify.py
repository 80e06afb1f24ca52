"""The experiment that certifies trained networks, at a tiny size: theory must hold there too."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import certify

FLOOR = 0.153362                     # of the line toy: no function of x is below (MATH 1.7)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    path = tmp_path_factory.mktemp("certify") / "rows.json"
    result = certify.main(["--data", "interval", "--seeds", "1", "--iterations", "6", "--nodes", "41", "--layers", "4", "--paths", "100000",
                           "--json", str(path)])
    return result, json.loads(path.read_text())


def test_views_agree_and_nothing_is_below_the_floor(found):
    (row,) = found[0]["rows"]
    assert row["certified"] and row["certificate"]["within"]
    for view in ("grid", "particle"):
        assert row[f"{view}_loss"] > FLOOR - 4 * row[f"{view}_error"]        # false alarm 3e-5
        assert row[f"{view}_objective"] > row[f"{view}_loss"]
    assert abs(row["grid_loss"] - row["certificate"]["objective_network"]) <= row["certificate"]["network_error_bar"] + 4 * row["grid_error"]


def test_the_particles_get_the_grids_time(found):
    row = found[0]["rows"][0]
    assert row["particle_steps"] >= 1 and row["ratio"] == row["grid_objective"] / row["particle_objective"]


def test_rows_on_disk_are_those_returned(found):
    assert found[1] == json.loads(json.dumps(found[0]["rows"])) and "1 of 1 certified" in found[0]["lines"][-1]
