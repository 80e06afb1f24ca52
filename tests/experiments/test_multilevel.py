"""The experiment on training in depth at a tiny size: what work is, how ratios are read off, orders of prolongations, the same bits twice."""

import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import multilevel  # noqa: E402

SMALL = ["--data", "moons", "--seeds", "2", "--layers", "2", "--levels", "3", "--width", "4", "--iterations", "96", "--doublings", "7"]


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    folders = [tmp_path_factory.mktemp("multilevel") for _ in range(2)]
    return [multilevel.main([*SMALL, "--out", str(out)]) for out in folders], folders


def test_work_counts_points_paths_and_layers(twice):
    """96 iterations of 64 points and two paths with 8 layers; in depth 32 each with 2, 4 and 8: 14/24 of it."""
    (summary, _), _ = twice
    work = {(run["way"], run["iterations"]): run["work"] for run in summary["runs"]}
    assert work["at once", 96] == 96 * 64 * 2 * 8 and work["at once", 12] == 12 * 64 * 2 * 8
    assert work["linear", 96] == work["copy", 96] == 32 * 64 * 2 * (2 + 4 + 8)


def test_the_same_numbers_and_the_same_bytes_twice(twice):
    """Nothing that a clock has measured is among the numbers that are kept, or in the picture."""
    (one, other), folders = twice
    assert one["runs"] == other["runs"] and one["paragraph"] == other["paragraph"]
    for name in ("multilevel.json", "multilevel.png"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    assert set(one["seconds"]["moons"]) == {"linear", "copy"}


def test_doubling_changes_the_output_by_a_multiple_of_1_over_layers(twice):
    """Changes c/N (1 + b/N + …) have orders 1 + b/(2N ln 2), at N = 2 · 2⁵ within 0.1 for b up to 9; the network is smooth by its H¹ penalty."""
    (summary, _), _ = twice
    for how, found in summary["prolongation"].items():
        assert len(found["changes"]) == 7 and abs(found["orders"][-1] - 1) < 0.1, how


def test_ways_begin_with_the_same_function_of_time():
    """Linear prolongation of a start that is constant in depth is that constant: all layers of the run at once are those of the shallow start.

    A learning rate of about nothing leaves them there: Adam's steps are at most its rate, 0.02, times iterations.
    """
    given = Namespace(layers=2, levels=3, width=4)
    setting, _, _ = multilevel.problem("moons", 0, 2, 4)
    start = setting.network.initialise(multilevel.derived_seed(0, multilevel.START))
    _, deep, theta = multilevel.train_one("moons", "at once", 0, 1, given)
    _, _, shallow = multilevel.train_one("moons", "at once", 0, 1, Namespace(**{**vars(given), "levels": 1}))
    assert np.abs(shallow - start).max() <= 0.02 * (1 + 1e-12) and deep.network.layers == 8
    longer = setting.network.refined().control.prolong(setting.network.control.prolong(start))
    assert np.abs(theta - longer).max() <= 0.02 * (1 + 1e-12)


def test_work_to_an_objective_is_read_off_between_runs_and_bounded_outside():
    """J = 1/work is a straight line in logarithms: exact between the runs, to rounding."""
    runs = [multilevel.Run("", "", 0, 0, work, 1 / work, 0.0, 0.0) for work in (1.0, 2.0, 4.0, 8.0)]
    assert multilevel.work_to(1 / 3, runs) == (pytest.approx(3, rel=1e-14), True)
    assert multilevel.work_to(1 / 5.5, runs) == (pytest.approx(5.5, rel=1e-14), True)
    assert multilevel.work_to(2.0, runs) == (1.0, False) and multilevel.work_to(0.1, runs) == (pytest.approx(8.0), False)
    worse = [*runs[:3], replace(runs[3], objective=0.3)]                  # a longer run that ends worse does not undo what was reached
    assert multilevel.work_to(0.26, worse)[0] == pytest.approx(1 / 0.26, rel=1e-14) and multilevel.work_to(0.2, worse) == (pytest.approx(8.0), False)


def test_a_ratio_is_below_one_where_depth_needs_less_work():
    """In depth half the work of the run at once that reaches the same objective, for each seed: a ratio of ½ and an interval without width."""
    given = Namespace(data=["moons"], seeds=2)
    runs = [multilevel.Run("moons", "at once", seed, 0, work, 1 / work, 0.1, work) for seed in range(2) for work in (1.0, 2.0, 4.0)]
    runs += [multilevel.Run("moons", way, seed, 0, 1.0, 0.5, 0.1, 1.5) for seed in range(2) for way in ("linear", "copy")]
    of = multilevel.savings(runs, given)["moons"]["linear"]
    assert of["ratio"] == [pytest.approx(0.5)] * 3 and of["bounds"] == 0 and of["seconds_ratio"] == pytest.approx(0.75)
    assert of["objective"]["mean"] == 0.25 and of["test_error"]["mean"] == 0.0


@pytest.mark.parametrize("wrong", [["--seeds", "1"], ["--levels", "1"], ["--iterations", "20"], ["--doublings", "1"]])
def test_sizes_without_meaning_are_refused(wrong):
    with pytest.raises(ValueError, match=" ".join(wrong)):
        multilevel.main(wrong)
