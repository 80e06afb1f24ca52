"""The experiment on linear networks at a tiny size: the theory it shows."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import linear_deep_limit


def test_smooth_weights_converge_with_depth_and_rough_ones_stay_rough(tmp_path):
    """Orders are 1 + O(1/N): within 0.1 from N = 8 on; the exponent of rough slopes is 1 and some luck, as in the test of `growth`."""
    summary = linear_deep_limit.main(["--layers", "8", "16", "32", "--reference", "128", "--picture-layers", "20", "--out", str(tmp_path)])
    for name in ("zero", "smooth"):
        limit = summary["limits"][name]
        assert abs(limit["order"] - 1) < 0.1 and abs(limit["gap_order"] - 1) < 0.1 and abs(limit["growth"]) < 0.1
        assert all(run["loss_end"] < 1e-9 for run in limit["runs"])
    # 124 differences of deviation 0.7: that none is above 1.2 (N times it is 38, 50 times a smooth start's 0.76) has a chance of 1e-5
    rough = summary["limits"]["rough"]
    assert rough["growth"] > 0.8 and rough["runs"][-1]["slope_end"] > 50 * summary["limits"]["smooth"]["runs"][-1]["slope_end"]
    near, second = summary["near"], summary["figure_two"]
    assert near["condition"]["holds"] and near["kept"] and near["worst_decay"] <= 1 and near["largest_size"] <= near["condition"]["radius"]
    assert not summary["limits"]["zero"]["runs"][0]["condition"]["holds"]
    assert np.linalg.det(second["target"]) > 0
    # stops at a mean square of 1e-5, which is ½ |Π − B|² = 2e-5
    assert second["loss_end"] <= 2e-5 < second["loss_start"] and second["steps"] > 10 and 0 < second["slope_most"] < 2
    written = json.loads((tmp_path / "linear_deep_limit.json").read_text())
    assert written == json.loads(json.dumps({name: value for name, value in summary.items() if name not in ("lines", "paragraph")}))
    assert (tmp_path / "linear_deep_limit.png").stat().st_size > 5000 and sum("NOT" in line for line in summary["lines"]) == 0
    assert len(summary["lines"]) == 1 + 3 * (3 + 1) + 3


def test_depths_that_show_no_order_are_refused():
    with pytest.raises(ValueError, match="two or more"):
        linear_deep_limit.main(["--layers", "8", "--reference", "64"])
    with pytest.raises(ValueError, match="larger reference"):
        linear_deep_limit.main(["--layers", "8", "16", "--reference", "16"])
