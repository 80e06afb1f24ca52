"""The memory-free experiment at a tiny size: orders, memory, and that reconstruction trains what has steps enough."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import memory_free_adjoint
import memory_free_measures

TINY = ["--depths", "32", "64", "128", "--memory-depths", "16", "128", "--trained-depths", "2", "16", "--tuned-depth", "8", "--iterations", "20",
        "--seeds", "1"]


def test_orders_memory_and_training_are_what_theory_says(tmp_path):
    summary = memory_free_adjoint.main([*TINY, "--out", str(tmp_path)])
    slopes = {(e["scheme"], e["weights"]): -e["slope"] for e in summary["errors"]}
    # a/N + b/N², |b/a| up to 10 and half of it in a mean of networks: off by 5/√(32 · 128) = 0.08
    assert all(abs(slopes[scheme, weights] - 1) < 0.08 for scheme, weights in slopes if (scheme, weights) != ("Heun", "smooth"))
    assert abs(slopes["Heun", "smooth"] - 3) < 0.08
    held = summary["memory"]
    numbers = 8 * 8 * 3072                                              # bytes of a state of all paths
    assert held["stored"][1] - held["stored"][0] > 0.95 * (128 - 16) * numbers
    grown = held["reconstructed"][1] - held["reconstructed"][0]
    # what grows are some arrays as long as θ and the views of layers: those of two points, and one more while pieces are added (42 numbers a layer)
    assert grown < held["parameters"][1] - held["parameters"][0] + 2 * 8 * 42 * (128 - 16) + 0.05 * held["reconstructed"][0]
    trained = {(t["scheme"], t["activations"], t["steps"]): t for t in summary["trained"]}
    for scheme in ("Euler", "Heun"):
        shallow, deep = (trained[scheme, "reconstructed", steps] for steps in (2, 16))
        assert deep["gradient_error"] < 0.5 * shallow["gradient_error"]
        assert deep["value"] < 1.3 < np.log(10) < 2.31                   # chance is log 10
    assert trained["Heun", "reconstructed", 16]["gradient_error"] < 0.1
    # a gradient off by less than 10 % trains as well, to 10 %
    assert abs(trained["Heun", "reconstructed", 16]["value"] / trained["Heun", "stored", 16]["value"] - 1) < 0.1
    assert all(row["value"] < tied["value"] for tied, *untied in summary["tuned"].values() for row in untied[:1])
    on_disk = json.loads((tmp_path / "memory_free_adjoint.json").read_text())
    assert on_disk["trained"] == json.loads(json.dumps(summary["trained"])) and (tmp_path / "memory_free_adjoint.png").stat().st_size > 5000
    assert len(summary["lines"]) == 5 + 4 + 5 + 6


def test_two_depths_have_no_slope():
    with pytest.raises(ValueError, match="three depths"):
        memory_free_adjoint.main(["--depths", "8", "16"])


def test_collecting_is_the_transpose_of_expanding():
    """⟨expanded θ, g⟩ = ⟨θ, collected g⟩ through the objective of tied layers: its derivative, by the seven-point rule (1e-9)."""
    given = memory_free_adjoint.parser().parse_args(["--width", "3"])
    _, tied = memory_free_measures.problem("Heun", "stored", 3, memory_free_measures.ten_classes(None, 0), given)
    theta, h = 0.5 * memory_free_measures.tied_start(tied.objective, 1), 2e-3
    direction = np.random.default_rng(0).normal(size=theta.size)
    f = {k: tied.value_and_gradient(theta + k * h * direction)[0] for k in (-3, -2, -1, 1, 2, 3)}
    slope = (45 * (f[1] - f[-1]) - 9 * (f[2] - f[-2]) + f[3] - f[-3]) / (60 * h)
    exact = tied.value_and_gradient(theta)[1] @ direction
    assert abs(slope - exact) < 1e-8 * max(1, abs(exact))
