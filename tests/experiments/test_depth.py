"""The depth experiment at a tiny size: the theory it shows."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import depth


def test_differences_halve_and_slopes_stay_with_the_penalty_and_grow_without(tmp_path):
    """Orders are 1 + c/N (c about −0.5 from N = 2 on a coarse grid: within 0.15 at N = 4); a rough start's slope is ∝ N but for luck."""
    summary = depth.main(["--layers", "2", "--levels", "4", "--nodes", "81", "--out", str(tmp_path)])
    levels, rough = summary["in_depth"]["levels"], [run["levels"][0]["slope"] for run in summary["rough"]]
    assert abs(summary["in_depth"]["orders"][-1] - 1) < 0.15
    assert rough[-1] > 2 * rough[0] and max(level["slope"] for level in levels) < 0.2 * rough[-1]
    assert all(level["success"] for level in levels)
    # one optimum, whichever way it is reached: both runs are within P gradient²/(2 w dt) = 64 (1e-8)²/(2 · 1e-2/16) of it, far below 1e-6
    assert abs(levels[-1]["after"] - summary["all_at_once"]["levels"][0]["after"]) < 1e-6
    on_disk = json.loads((tmp_path / "depth.json").read_text())
    assert np.array_equal([level["after"] for level in on_disk["in_depth"]["levels"]], [level["after"] for level in levels])
    assert (tmp_path / "depth.png").stat().st_size > 5000 and len(summary["lines"]) == 6


def test_two_levels_have_no_order():
    with pytest.raises(ValueError, match="three levels"):
        depth.main(["--levels", "2"])
