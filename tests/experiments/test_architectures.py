"""The comparison of architectures at a tiny size: equal parameters, intervals that are Student's, and training that learns."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import architecture_measures as measures
import architectures
from tests.chance import random, rng

TINY = ["--data", "moons", "ten-digits", "--depth-data", "moons", "--layers", "3", "--depths", "2", "4", "--width", "8", "--iterations", "12", "--seeds", "2"]
STUDENT = 12.7062047                 # t at 97.5 % of one degree of freedom: tan(0.475 π)


def test_sizes_intervals_and_training_are_what_they_are_said_to_be(tmp_path):
    summary = architectures.main([*TINY, "--out", str(tmp_path)])
    found = {(t["data"], t["architecture"], t["seed"]): t for t in summary["trained"]}
    assert len(found) == 2 * len(measures.ALL) * 2
    for data, rows in summary["differences"].items():
        assert set(rows) == set(measures.ALL) - {"ResNet"}
        for name, row in rows.items():
            for what, interval in row.items():
                a, b = (found[data, name, seed][what] - found[data, "ResNet", seed][what] for seed in (0, 1))
                # of two differences a, b: deviation |a − b|/√2, its error |a − b|/2
                assert interval["mean"] == pytest.approx((a + b) / 2, abs=1e-14)
                assert interval["high"] - interval["mean"] == pytest.approx(STUDENT * abs(a - b) / 2, rel=1e-6, abs=1e-14)
                assert interval["verdict"] == ("lower" if interval["high"] < 0 else "higher" if interval["low"] > 0 else "undecided")
    assert all(t["train_loss"] < np.log(2) for t in summary["trained"] if t["data"] == "moons" and t["architecture"] == "ResNet")     # of chance
    assert all(len(t["k"]) == (t["layers"] - 1 if t["architecture"] == "LM-ResNet" else 0) for t in summary["trained"] + summary["deep"])
    assert any(not -0.1 <= k <= 0 for t in summary["trained"] for k in t["k"])                     # trained, from U(−0.1, 0)
    assert [(h["half"], h["layers"]) for h in summary["half_depth"]] == [("LM-ResNet", 4), ("ResNet", 4)]
    deep = {(t["architecture"], t["layers"], t["seed"]): t for t in summary["deep"]}
    gaps = [deep["LM-ResNet", 2, seed]["test_loss"] - deep["ResNet", 4, seed]["test_loss"] for seed in (0, 1)]
    assert summary["half_depth"][0]["test_loss"]["mean"] == pytest.approx(np.mean(gaps), abs=1e-14)
    on_disk = json.loads((tmp_path / "architectures.json").read_text())
    assert on_disk == json.loads(json.dumps({name: value for name, value in summary.items() if name not in ("lines", "paragraph")}))
    assert (tmp_path / "architectures.png").stat().st_size > 5000 and len(summary["lines"]) == 2 * 11 + 1 + 2 + 1


@pytest.mark.parametrize("name", measures.ALL)
@pytest.mark.parametrize("dim, classes", [(2, 2), (16, 10)])
def test_no_other_width_is_nearer_in_parameters(name, dim, classes):
    given = architectures.parser().parse_args([])
    aim = measures.network_of(measures.ResNet(), given.width, given.layers, dim, classes, given).control.size
    network = measures.matched(measures.ALL[name], given.layers, dim, classes, given)
    width, away = network.block.width, abs(network.control.size - aim)
    for other in (width - 1, width + 1):
        if other:
            made = measures.network_of(measures.ALL[name], other, given.layers, dim, classes, given)
            assert away <= abs(made.control.size - aim)
    more = measures.network_of(measures.ALL[name], width + 1, given.layers, dim, classes, given).control.size
    assert away <= (more - network.control.size) / 2                    # half a hidden unit of every branch


@random()
def test_an_interval_covers_the_truth_as_often_as_it_says(chance, seeds=5, trials=4000):
    """Normal differences of mean 0.3; finds 2.8 %.  A normal quantile for Student's covers 87.9 % instead of 95."""
    draws = 0.3 + rng(0).normal(size=(trials, seeds))
    found = [measures.PairedInterval.of(row) for row in draws]
    chance.frequency(sum(i.low <= 0.3 <= i.high for i in found), trials, 0.95, detects=0.03)


def test_what_has_no_interval_is_refused():
    with pytest.raises(ValueError, match="two or more of each"):
        architectures.main(["--seeds", "1"])
