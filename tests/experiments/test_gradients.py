"""The comparison of gradients of random networks: every model is in it, its verdict is that of its cases, and it fails what is wrong."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import gradients as experiment
from ocnet.networks import noise as family
from ocnet.training.objectives import GridObjective
from tests.chance import SHARE, random


def test_every_noise_model_is_judged_in_every_scaling_it_has():
    models = experiment.models()
    assert {type(model).__name__ for model in models.values()} == set(family.__all__)
    for label, model in models.items():
        assert label == f"{type(model).__name__}, {model.scaling}"
    both = {name for name in family.__all__ if f"{name}, natural" in models and f"{name}, diffusive" in models}
    assert set(family.__all__) - both == {"Noiseless", "StrongDropout"}


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    path = tmp_path_factory.mktemp("gradients") / "cases.json"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(experiment, "FAMILY", SHARE)
        return experiment.main(["--seeds", "1", "--only", "Rademacher", "--json", str(path)]), json.loads(path.read_text())


@random()
def test_gradients_agree_and_rates_hold_on_a_few_networks(summary, chance):
    """Two scalings in one and two dimensions; the program's own level of 1e-3 for a run is replaced by a share of the budget."""
    chance.spends(SHARE)
    found, stored = summary
    assert found["passed"] and len(found["cases"]) == 4 and len(found["rows"]) == 2
    assert all(row["worst_rate"] >= 1.95 and row["agreed"] == row["cases"] == 2 and row["routes"] == 4 for row in found["rows"])
    assert stored["rows"] == found["rows"] and [c["dim"] for c in stored["cases"]] == [1, 2] * 2
    # the family-wise level is shared: a case has a quarter of it
    assert {case["level"] for case in found["cases"]} == {SHARE / 4}
    assert "all agree" in found["lines"][-2]


@dataclass(frozen=True)
class Wrong(GridObjective):
    """A chain whose first component is off by 5 % of the gradient's norm."""

    def value_and_gradient(self, theta):
        value, gradient = super().value_and_gradient(theta)
        gradient[0] += 0.05 * np.linalg.norm(gradient)
        return value, gradient


def test_a_wrong_gradient_fails_the_run_in_both_ways(monkeypatch, capsys):
    """On the grids of both laws: their paths disagree, and the remainders of both fall with the power 1."""
    monkeypatch.setattr("ocnet.analysis.gradients.GridObjective", Wrong)
    monkeypatch.setattr(experiment, "GridObjective", Wrong)
    found = experiment.main(["--seeds", "1", "--only", "MultiplicativeGaussian, n", "--dim", "1"])
    assert not found["passed"] and "NOT" in found["lines"][-2]
    for case in found["cases"]:
        assert not case["within"] and case["verdicts"] == {"network": False, "sde": False}
        assert case["rates"]["chain"] < 1.5 and case["rates"]["sde grid"] < 1.5 and case["rates"]["pathwise"] > 1.95
    monkeypatch.setattr(experiment, "main", lambda: found)
    assert experiment.command() == 1 and "NOT all agree" in capsys.readouterr().out


def test_a_model_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="--only Cauchy"):
        experiment.main(["--only", "Cauchy"])
