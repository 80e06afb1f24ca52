"""The benchmark of the grid view: its rows, its protocol, its references and the peers that are always at hand."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
sys.path.insert(0, str(EXPERIMENTS))

from benchmarks import equal_error, grid  # noqa: E402
from benchmarks.peers import bicubic_loop, scipy_grid  # noqa: E402
from benchmarks.problems import EPSILON, LAYERS, Heston, box, p1  # noqa: E402
from benchmarks.protocol import Contender, compare, pinned, race  # noqa: E402
from benchmarks.setting import LAYER_TIME, drift_at, start  # noqa: E402
from benchmarks.solves import ocnet_solve  # noqa: E402
from ocnet.kernels.threads import threads  # noqa: E402
from ocnet.kolmogorov.schemes import HundsdorferVerwer  # noqa: E402

KEYS = {"task", "system", "threads", "seconds", "throughput", "unit", "error", "ratio"}
PEERS = ("QuantLib", "jax", "pde")


@pytest.fixture
def no_peers(monkeypatch):
    """A machine on which no peer is installed, whatever this one has."""
    for name in PEERS:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("quantlib_grid", "jax_grid", "py_pde_grid"):
        monkeypatch.delitem(sys.modules, f"benchmarks.peers.{name}", raising=False)


def test_every_row_has_its_keys_and_every_missing_peer_its_sentence(no_peers, tmp_path):
    file = tmp_path / "rows.json"
    tasks = ["p1-1", "p1-error", "p2-257", "heston", "gradient", "sl-step", "py-pde", "limits"]
    summary = grid.main(["--quick", "--repetitions", "1", "--json", str(file), *[w for t in tasks for w in ("--only", t)]])
    rows = json.loads(file.read_text())
    assert len(rows) == len(summary["rows"]) == len(summary["lines"]) - 1
    assert {row["task"] for row in rows if row["system"] == "ocnet"} >= set(tasks)
    missing = [row for row in rows if "not installed: pip install 'ocnet[bench]'" in row["note"]]
    assert {(row["task"], row["system"]) for row in missing} >= {
        ("p1-1", "QuantLib"), ("p1-1", "JAX"), ("heston", "QuantLib"), ("gradient", "JAX"), ("py-pde", "py-pde")}
    assert all(row[key] is None for row in missing for key in ("seconds", "throughput", "error", "ratio"))
    for row in rows:
        assert KEYS <= set(row)
        if row not in missing and row["system"] not in ("machine",) and not row["task"].startswith("compile"):
            assert math.isfinite(row["ratio"]) and row["ratio"] > 0


def test_the_program_runs_as_a_script_and_refuses_a_task_it_does_not_know_in_one_line():
    done = subprocess.run([sys.executable, grid.__file__, "--only", "p9"], capture_output=True, text=True)
    assert done.returncode == 2 and "p1-error" in done.stderr and len(done.stderr.splitlines()) == 1


def test_contenders_run_in_turn_and_the_first_turn_does_not_count():
    calls = []
    a, b = (Contender(name, lambda name=name: calls.append(name)) for name in "AB")
    timings = race([a, b], 3)
    turns = "".join(name for name, before in zip(calls, [None, *calls]) if name != before)
    assert turns == "AB" * 4 and [len(timing.seconds) for timing in timings] == [3, 3]
    assert calls[:2] == ["A", "B"] and calls.count("A") > 7                        # warmed, and repeated as they are short


def test_long_runs_are_timed_once(monkeypatch):
    monkeypatch.setattr("benchmarks.protocol._LONG", 0.01)
    calls = []
    timing, = race([Contender("slow", lambda: (calls.append(1), sum(range(2_000_000))))], 3)
    assert len(calls) == len(timing.seconds) == 1


def test_a_ratio_is_the_seconds_of_the_peer_over_those_of_ocnet():
    def burn(n):
        return lambda: sum(range(n))

    own, peer = compare("sums", [Contender("ocnet", burn(200_000)), Contender("peer", burn(2_000_000))], None)
    assert own.ratio == 1 and peer.ratio == peer.seconds / own.seconds > 1     # ten times the work


def test_threads_cores_and_flags_are_given_back(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--before")
    before = threads(), os.sched_getaffinity(0)
    with pytest.raises(ZeroDivisionError), pinned(1):
        assert threads() == 1 and len(os.sched_getaffinity(0)) == 1 and "eigen=false" in os.environ["XLA_FLAGS"]
        1 / 0
    assert (threads(), os.sched_getaffinity(0)) == before and os.environ["XLA_FLAGS"] == "--before"


def test_bisection_finds_the_smallest_size_that_reaches():
    sizes = tuple(range(10))
    assert [equal_error.smallest(sizes, lambda n, k=k: n >= k) for k in range(11)] == [*sizes, None]


def test_an_error_that_crosses_zero_on_its_way_does_not_deceive():
    errors = {1: 9.0, 2: 0.1, 3: 3.0, 4: 0.9, 5: 0.5}                          # 2 is luck
    assert equal_error.smallest_for_good(tuple(errors), lambda n: errors[n] <= 1) == 4
    assert equal_error.smallest_for_good(tuple(errors), lambda n: errors[n] <= 0.2) is None


def test_heston_with_a_still_variance_is_black_scholes():
    """η = v₀ and σ → 0 keep v at v₀; the correction is O(ρ σ): at σ = 1e-5 below 1e-4."""
    case = Heston(sigma=1e-5)
    deviation = math.sqrt(case.variance * case.maturity)
    d1 = case.rd * case.maturity / deviation + 0.5 * deviation
    price = case.spot * norm.cdf(d1) - case.strike * math.exp(-case.rd * case.maturity) * norm.cdf(d1 - deviation)
    assert abs(case.exact() - price) < 1e-4


def test_crank_nicolson_and_ocnet_meet_as_the_steps_shrink():
    """The matrices are equal, both schemes are of order 2: four times the steps leave at most 1/16 of the distance, up to
    higher orders, for which a factor 2 is granted."""
    n = 21
    x, u = box(n).nodes, start(n)

    def distance(steps):
        other = scipy_grid.crank_nicolson(box(n).axes[0], lambda layer: drift_at(layer, x), u, EPSILON**2, LAYERS, LAYER_TIME,
                                          steps)
        return np.abs(ocnet_solve(p1(), n, steps, HundsdorferVerwer())() - other).max()

    assert distance(4) < distance(1) / 8


def test_the_nine_point_loop_keeps_the_moments_of_the_noise():
    """Catmull–Rom cubics and three Gauss–Hermite nodes are exact on quadratics: E(x + s ξ)² = x² + s²."""
    n, spread = 41, 0.3
    given = box(n)
    values = bicubic_loop.step((given.nodes[0]**2).reshape(n, n), given.nodes, spread, given, np.empty(given.size))
    inside = np.abs(given.nodes).max(axis=0) < 3                               # clipped cells reach in by s √3 + 2 h < 1
    exact = given.nodes[0]**2 + spread**2
    assert np.abs(values - exact)[inside].max() < 1e-12                        # 144 terms of size ≤ 16, each rounded: 5e-13
