"""The experiment on modified equations at a tiny size: orders, and the shift that makes the second one."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import modified_equations


def test_orders_are_those_stated(tmp_path):
    """Errors C dt^p (1 + c dt), c ≤ 2, between 40 and 80 layers: an order is off by 1.5 c dt/log 2 = 0.11.

    LM's c has a factor 1/(1 + k)² ≤ 4 and, at k = −0.1, a C that nearly cancels; its orders of two are held to 0.19 here, and to 0.06 at 320
    layers by the tests of `order_of`.
    """
    summary = modified_equations.main(["--layers", "20", "--doublings", "2", "--out", str(tmp_path)])
    for family in ("limits", "modified"):
        for name, found in summary[family].items():
            assert abs(found["orders"][-1] - (0 if name == "PolyNet, literal" else found["expected"])) < 0.11, name
    for of_k in summary["lm"].values():
        assert [of_k[against]["expected"] for against in ("branch", "limit", "unshifted", "modified")] == [0, 1, 1, 2]
        assert all(abs(found["orders"][-1] - found["expected"]) < (0.19 if against == "modified" else 0.11) for against, found in of_k.items())
    assert abs(summary["gaps"]["PolyNet"][-1] - 3) < 0.11 and abs(summary["gaps"]["ResNet"][-1] - 2) < 0.11
    assert json.loads((tmp_path / "modified_equations.json").read_text())["gaps"] == summary["gaps"]
    assert (tmp_path / "modified_equations.png").stat().st_size > 5000 and "modified, shifted start" in "\n".join(summary["lines"])


def test_one_doubling_shows_too_little():
    with pytest.raises(ValueError, match="--doublings 1: give two or more"):
        modified_equations.main(["--doublings", "1"])
