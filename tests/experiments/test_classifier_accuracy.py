"""The comparison of classifiers at a tiny size: equal parameters, errors that know of shared rows, wrong labels that are wrong, and twins that are twins."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.plotting.legible import assert_legible

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import classifier_accuracy as accuracy  # noqa: E402

TINY = ["--only", "moons", "iris", "--repeats", "1", "--folds", "3", "--seeds", "2", "--max-iter", "30"]


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")                # MLPClassifier says that 30 epochs are few
def test_sizes_errors_and_files_are_what_they_are_said_to_be(tmp_path):
    summary = accuracy.main([*TINY, "--out", str(tmp_path)])
    assert len(summary["folds"]) == 2 * 3 and len(summary["pairs"]) == 2 * 2
    for fold in summary["folds"]:
        features, classes = (2, 2) if fold["data"] == "moons" else (4, 3)
        one_unit = features + 1 + (1 if classes == 2 else classes)
        assert abs(fold["parameters"] - fold["parameters_mlp"]) <= one_unit / 2           # no other width is nearer
        assert fold["seconds"] > 0 and fold["seconds_mlp"] > 0
        assert fold["stopped_mlp"]                                        # in 30 epochs none has a loss that changes by less than 1e-4 in ten of them
        assert fold["accuracy"] > 0.7                                     # of chance ½ and ⅓; two of three classes of irises alone are 0.67
    for name, told in summary["summary"].items():
        gaps = np.array([f["accuracy"] - f["accuracy_mlp"] for f in summary["folds"] if f["data"] == name])
        # three folds of a third: test rows are half the training rows, so the variance of the mean is s² (1/3 + 1/2)
        assert told["difference"]["mean"] == pytest.approx(gaps.mean(), abs=1e-14)
        assert told["difference"]["standard_error"] == pytest.approx(np.sqrt(((gaps - gaps.mean()) ** 2).sum() / 2 * 5 / 6), abs=1e-14)
        if name == "iris":                                                # two ways to the same classes, both trained, tell irises apart alike to 0.1
            assert abs(told["longer"]["mean"]) < 0.1
        longer = [f["accuracy"] - f["accuracy_longer"] for f in summary["folds"] if f["data"] == name]
        assert told["longer"]["mean"] == pytest.approx(np.mean(longer), abs=1e-14)
        assert told["stopped"] == sum(f["stopped_mlp"] for f in summary["folds"] if f["data"] == name)
        assert told["holds"] == (gaps.mean() >= -told["difference"]["standard_error"])
        a, b = (pair["noisy"] - pair["silent"] for pair in summary["pairs"] if pair["data"] == name)
        assert told["gain"]["mean"] == pytest.approx((a + b) / 2, abs=1e-14)
        # of two differences Student's law is Cauchy's: p = ½ − arctan(t)/π
        assert told["p"] == pytest.approx(0.5 - np.arctan((a + b) / abs(a - b)) / np.pi if a != b else float(a <= 0), abs=1e-12)
    kept = json.loads((tmp_path / "classifier_accuracy.json").read_text())
    assert kept == json.loads(json.dumps({name: value for name, value in summary.items() if name != "lines"}))
    assert (tmp_path / "classifier_accuracy.png").stat().st_size > 5000 and len(summary["lines"]) == 3 + 3 * 2
    assert "3 of 3 fits on moons and 3 of 3 fits on iris" in summary["paragraph"] and "300" in summary["lines"][3]
    assert "moons" in summary["paragraph"] and "2 seeds" in summary["paragraph"]


def test_the_figure_can_be_read():
    given = accuracy.parser().parse_args([*TINY, "--only", *accuracy.DATA])
    rng = np.random.default_rng(0)
    found = {"folds": [accuracy.Fold(name, 0, *rng.uniform(0.9, 1, 2), 1.0, 1.0, 9, 9, True, rng.uniform(0.9, 1), True)
                       for name in accuracy.DATA for _ in range(3)],
             "pairs": [accuracy.Pair(name, seed, *rng.uniform(0.8, 0.9, 2)) for name in accuracy.DATA for seed in range(10)]}
    told = accuracy.summarised(found, given)
    assert_legible(accuracy.draw(found, told, given))


@pytest.mark.parametrize("names", [[-1, 1], ["a", "b", "c"]])
def test_wrong_labels_are_wrong_and_as_many_as_asked_for(names):
    y = np.random.default_rng(0).choice(names, 1000)
    other = accuracy.spoilt(y, 0.2, np.random.default_rng(1))
    assert (other != y).sum() == 200 and set(other) == set(names)


def test_what_has_no_standard_error_is_refused():
    with pytest.raises(ValueError, match="two folds and seeds or more"):
        accuracy.main(["--seeds", "1"])


def test_a_stopped_fit_is_made_again_to_its_end_and_one_that_converged_is_not():
    short, enough = (accuracy.folds_of("wine", 0, accuracy.parser().parse_args(["--folds", "2", "--max-iter", epochs])) for epochs in ("200", "400"))
    for stopped, converged in zip(short, enough):
        assert stopped.stopped_mlp and not stopped.stopped_longer and not converged.stopped_mlp
        # both converge from one seed, by epochs that neither limit cuts: the same network
        assert stopped.accuracy_longer == converged.accuracy_mlp == converged.accuracy_longer
