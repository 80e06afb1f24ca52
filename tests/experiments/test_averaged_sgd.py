"""The experiment on averaging at a small size: the constants and rates that theory gives."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import f

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments"))

import averaged_sgd  # noqa: E402
from ocnet.training.objectives.elliptic import EllipticControl  # noqa: E402
from tests.chance import random  # noqa: E402


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    """With α = 0.1 the slowest mode forgets its start as exp(−0.1 · 40 √k): nothing is left of it in late points, k > 30."""
    out = tmp_path_factory.mktemp("averaged_sgd")
    small = ["--runs", "64", "--iterations", "3000", "--alpha", "0.1", "--rates", "10", "40", "--batches", "1", "8"]
    return {**averaged_sgd.main([*small, "--out", str(out)]), "out": out}


@random(comparisons=2)
def test_errors_end_where_theory_says(summary, chance):
    """The square of a normal vector over 64 runs has χ² of 64 degrees, were one mode all of it; 52 make room for 10 % of higher orders
    (step · λ ≤ 20/55 · 0.12 = 0.04 and k against k − burn-in).  Finds a factor of 15: a last point taken for the average.
    """
    for name in ("last point", "average of late points"):
        ratio = summary["curves"][name]["mean"][-1] / summary["theory"]["last point" if name == "last point" else "average"]
        chance.variance(ratio, 1.0, 52, detects=15)
    assert summary["theory"]["last point"] > 15 * summary["theory"]["average"]


@random(comparisons=2)
def test_the_slopes_are_a_half_and_one(summary, chance):
    """By their own standard errors, and 0.05 for higher orders; a half is found in the last points' slope, 1¼ in the other, which rests on few
    independent marks."""
    last, late = summary["slopes"]["last point"], summary["slopes"]["average of late points"]
    chance.mean(last["slope"], -0.5, last["standard_error"], detects=0.5, slack=0.05)
    chance.mean(late["slope"], -1.0, late["standard_error"], detects=1.25, slack=0.05)


@random(comparisons=8)
def test_the_average_does_not_see_rate_or_batch_and_the_last_point_does(summary, chance):
    """Errors of averages differ by their bars alone; four times the rate is four times the last point's error."""
    (slow, fast), (one, eight) = summary["rates"], summary["batches"]
    for first, second in ((slow, fast), (one, eight)):
        (a, a_error), (b, b_error) = first["average"], second["average"]
        chance.mean(a, b, np.hypot(a_error, b_error), detects=4 * max(a, b))
    for family, power in (("rates", 1), ("batches", -0.5)):
        for what, expected in (("last", power), ("average", 0)):
            of = summary["exponents"][family][what]
            chance.mean(of["slope"], expected, of["standard_error"], detects=2.0, slack=0.05)
    # 4, and at least 1 by Snedecor's F of 64 and 64 degrees at most
    chance.spends(chance.level)
    assert fast["last"][0] / slow["last"][0] > 4 / f.isf(chance.level, 64, 64)
    assert one["iterations"] == 8 * eight["iterations"]


def test_runs_side_by_side_follow_their_own_coefficients():
    """The gradient of run r is that of its own batch: sums of 31 · 31 products below 1, 961 ulp."""
    control, rng = EllipticControl(batch=6), np.random.default_rng(0)
    u = rng.normal(size=(3, 31))
    _, gradient = averaged_sgd.SideBySide(control, 3).draw(5).value_and_gradient(u.ravel())
    for r in range(3):
        fields = control.picks(5)[2 * r:2 * r + 2]
        alone = type(control.tracking)(control.inverses[fields], control.tracking.target, control.alpha)
        assert np.abs(gradient.reshape(3, -1)[r] - alone.value_and_gradient(u[r])[1]).max() < 1e-13


def test_the_constant_of_theory_is_that_of_a_quadratic_with_one_node():
    """One node: J = ½ E (K u − y)² + ½ α u², so that last = h S/(2H), average = h S/H² by hand; ten roundings."""
    control = EllipticControl(nodes=1)
    k, y = control.inverses[:, 0, 0], control.tracking.target[0]
    hessian = control.alpha + (k * k).mean()
    u = (k * y).mean() / hessian
    variance = ((control.alpha * u + k * (k * u - y)) ** 2).mean()
    assert averaged_sgd.theory(control) == pytest.approx((0.5 * variance / hessian / 2, 0.5 * variance / hessian**2, 0.5 * u * u), rel=1e-13)


def test_what_is_kept_and_told(summary):
    on_disk = json.loads((summary["out"] / "averaged_sgd.json").read_text())
    assert on_disk["slopes"] == summary["slopes"] and "seconds" not in on_disk
    assert (summary["out"] / "averaged_sgd.png").stat().st_size > 5000
    assert f"{summary['slopes']['last point']['slope']:.2f}" in summary["paragraph"]


@pytest.mark.parametrize("wrong, said", [(["--runs", "3"], "--runs 3"), (["--iterations", "999"], "--iterations 999"),
                                         (["--iterations", "1000", "--batches", "1", "11"], "batches up to 10"),
                                         (["--rates", "5", "5"], "two or more of each")])
def test_sizes_without_meaning_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        averaged_sgd.main(wrong)
