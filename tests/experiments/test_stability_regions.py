"""The experiment on stability regions at a tiny size: the intervals it shows are the published ones."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import stability_regions


def test_measured_intervals_are_those_published(tmp_path):
    """Bisection to an eigenvalue's rounding: 1e-10, and 3e-6 where two roots meet on the circle (RevNet, leapfrog); see `stability_region`."""
    summary = stability_regions.main(["--nodes", "31", "--coefficients", "5", "--out", str(tmp_path)])
    regions = summary["regions"]
    assert len(regions) == 12 and sum(r["stated_real"] is not None for r in regions.values()) == 12
    for region in regions.values():
        for measured, stated in ((region["real_interval"], region["stated_real"]), (region["imaginary_interval"], region["stated_imaginary"])):
            assert stated is None or abs(measured - stated) < 3e-6
    assert regions["PolyNet"]["real_interval"] == pytest.approx(1, abs=1e-10) == regions["PolyNet"]["imaginary_interval"]
    assert all(abs(measured - 2 * (1 - k)) < 1e-10 for k, measured, _ in summary["along_k"])
    assert json.loads((tmp_path / "stability_regions.json").read_text())["regions"].keys() == regions.keys()
    assert (tmp_path / "stability_regions.png").stat().st_size > 5000 and len(summary["lines"]) == 14
