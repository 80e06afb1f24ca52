"""The benchmark of the particle view: its rows, its references, and the peer that is always at hand."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
sys.path.insert(0, str(EXPERIMENTS))

from benchmarks import particles  # noqa: E402
from benchmarks.peers import numpy_particles, workers  # noqa: E402
from benchmarks.walk import ParticleSetting, Walk, distance  # noqa: E402
from benchmarks.walks import in_single, own_run  # noqa: E402
from tests.chance import random  # noqa: E402

PEERS = ("torch", "torchsde", "jax", "diffrax", "lineax")
MODULES = ("torch_particles", "torchsde_particles", "jax_particles", "diffrax_particles")
MEASURED = 40                        # rows with an error, at most


@pytest.fixture
def no_peers(monkeypatch):
    """A machine on which no peer is installed, whatever this one has."""
    for name in PEERS:
        monkeypatch.setitem(sys.modules, name, None)
    for name in MODULES:
        monkeypatch.delitem(sys.modules, f"benchmarks.peers.{name}", raising=False)


class Brownian(Walk):
    """A walk without drift: X_N = ε ξ."""

    weights = tuple(np.zeros(shape) for shape in ((20, 16, 2), (20, 16), (20, 2, 16)))


def _deviation_of_sigmoid(epsilon):
    """Standard deviation of sigmoid(3 ε ξ), whose mean is ½."""
    return np.sqrt(quad(lambda z: (1 / (1 + np.exp(-3 * epsilon * z)) - 0.5) ** 2 * norm.pdf(z), -9, 9)[0])


@random(comparisons=MEASURED)
def test_all_systems_agree_within_standard_errors_and_every_missing_peer_has_its_sentence(no_peers, tmp_path, chance):
    """Errors are distances in standard errors: of honest systems normal; one of 9 is found (of the wrong step below: hundreds)."""
    file = tmp_path / "rows.json"
    summary = particles.main(["--quick", "--repetitions", "1", "--json", str(file)])
    rows = json.loads(file.read_text())
    assert len(rows) == len(summary["rows"]) == len(summary["lines"]) - 1
    assert {row["task"] for row in rows if row["system"] == "ocnet"} >= set(particles.TASKS)
    missing = {(row["task"], row["system"]) for row in rows if "not installed: pip install 'ocnet[bench]'" in row["note"]}
    assert missing == {(task, peer) for task, peers in {
        "m1": ("PyTorch", "JAX", "diffrax", "torchsde"), "m2": ("PyTorch", "JAX", "diffrax", "torchsde"),
        "m1-single": ("PyTorch", "JAX"), "m2-single": ("PyTorch", "JAX"), "g1": ("PyTorch", "JAX"),
        "ito": ("diffrax", "torchsde")}.items() for peer in peers}
    measured = [row for row in rows if row["throughput"] is not None and row["unit"].startswith("M ")]
    assert {(row["task"], row["system"]) for row in measured} >= {("m1", "NumPy"), ("m2", "NumPy"), ("ito", "NumPy"), ("g1", "ocnet")}
    assert all(row["error"] >= 0 and row["ratio"] > 0 for row in measured)
    chance.mean([row["error"] for row in measured], 0.0, 1.0, detects=9.0)


def test_the_program_refuses_a_task_it_does_not_know_in_one_line():
    done = subprocess.run([sys.executable, particles.__file__, "--only", "m9"], capture_output=True, text=True)
    assert done.returncode == 2 and "m1-single" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("team", [1, 2])
@pytest.mark.parametrize("loop", ["layered", "stepped"])
@random(comparisons=2)
def test_without_drift_numpy_finds_the_normal_integral(loop, team, chance):
    """Mean ½ by symmetry; the sample variance of n values deviates by √(2/n) at most, for sigmoid's tails are light; fresh normals in each call."""
    walk = Brownian(2, 16, 40_000)
    run = (numpy_particles.layered_mean(walk, 2000, team) if loop == "layered"
           else numpy_particles.stepped_mean(walk, lambda t, x: 0 * x, 2000, team))
    (mean, error), (again, _) = run(), run()
    assert again != mean
    chance.mean(mean, 0.5, error, detects=0.02)
    chance.variance(error**2 * walk.paths, _deviation_of_sigmoid(walk.epsilon) ** 2, walk.paths - 1, detects=1.06)


@random()
def test_an_estimate_with_the_wrong_time_step_in_the_noise_is_far_from_the_others(chance):
    class Wrong(Walk):
        deviation = Walk.epsilon * Walk.dt                                     # dt where √dt belongs

    walks = [kind(2, 16, 40_000) for kind in (Walk, Wrong)]
    right, wrong = (numpy_particles.layered_mean(walk, 2000, 1)() for walk in walks)
    own = own_run(walks[0])()
    chance.mean(distance(right, own), 0.0, 1.0, detects=9.0)
    assert distance(wrong, own) > 3 * chance.bar()


def test_workers_share_the_chunks_and_their_sums_add_up():
    given = []

    def work(worker, chunks):
        given.append((worker, chunks))
        return np.full(2, float(chunks))

    assert workers.sums_by_workers(work, 7, 3).tolist() == [7.0, 7.0] and sorted(given) == [(0, 3), (1, 2), (2, 2)]
    assert workers.teams(1) == {"one thread": (1, 1)} and sorted(workers.teams(2).values()) == [(1, 2), (2, 1)]


def test_mean_and_error_are_those_of_the_sample():
    values = np.random.default_rng(0).uniform(size=1000)
    mean, error = workers.mean_and_error((values.sum(), (values**2).sum()), values.size)
    assert abs(mean - values.mean()) < 1e-13 and abs(error - values.std(ddof=1) / np.sqrt(1000)) < 1e-13


@random()
def test_single_precision_states_its_bias(no_peers, chance):
    """Rounding of 20 layers in float32, some 1e-7 a layer that is as often up as down: a mean below 1e-6, but not 0."""
    rows = in_single("m1-single", ParticleSetting(True, 20_000, 1), 4000, 2, 16)
    own = {row.task: row for row in rows if row.system == "ocnet"}
    assert set(own) == {"m1-single", "m1-single bias", "compile m1-single"}
    chance.mean(own["m1-single"].error, 0.0, 1.0, detects=9.0)
    assert 0 < abs(own["m1-single bias"].error) < 1e-6
