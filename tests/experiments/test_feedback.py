"""The feedback experiment at a tiny size: the bounds it states hold, in the order that theory gives them."""

import json
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import feedback

FLOOR = 0.153362                     # of the interval toy, MATH 1.7


def test_trained_networks_are_above_their_bounds_and_bounds_above_the_floor(tmp_path):
    summary = feedback.main(["--sigma", "0.5", "--layers", "3", "--nodes", "101", "--iterations", "25", "--starts", "1", "--out", str(tmp_path)])
    expected, of_expectation, moons = summary["cases"]
    for case in (expected, of_expectation):
        bound = case["bound"]
        # 802 quadrature points carry the floor to 1e-6 of its six digits; chords and tangents are low by 2e-4 at most (tests of the bound)
        assert abs(bound["floor"] - FLOOR) < 1e-6 and bound["value"] > FLOOR - 2e-4 and bound["aware"] < 0.01
        assert case["holds"] and case["gap"] > -1e-3
    assert expected["bound"]["value"] > of_expectation["bound"]["value"]  # Jensen
    assert moons["holds"] and moons["bound"]["value"] == moons["bound"]["aware"] > moons["bound"]["tail"] > 0
    assert json.loads((tmp_path / "feedback.json").read_text()) == json.loads(json.dumps(summary["cases"]))
    assert (tmp_path / "feedback.png").stat().st_size > 5000 and all("yes" in line for line in summary["lines"][1:])


def test_a_value_below_the_bound_is_called_one(tmp_path):
    case = feedback.solved("interval", 0.5, *feedback.interval(feedback.ExpectedLoss, 0.5, given := feedback.parser().parse_args(
        ["--layers", "2", "--nodes", "61", "--iterations", "2", "--starts", "1"])), given)
    below = replace(case, objective=case.bound.value - case.bound.error_bar - case.objective_bar - 1e-6)
    assert case.holds and not below.holds and "NO" in below.row()
